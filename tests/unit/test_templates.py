"""A block tag at the end of a line eats the line's end, so words on both sides of it would run together."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

import segmentwerk

TEMPLATES = sorted(Path(segmentwerk.__file__).parent.rglob("*.j2"))
TAG = re.compile(r"(\{%[^%]*%\})+$")


def glued(text):
    """Return the lines whose words end with a tag and run into words on the next line."""
    lines = text.splitlines()
    return [
        line
        for line, after in pairwise(lines)
        if TAG.search(line)
        and not TAG.sub("", line).rstrip().endswith((">", "|"))
        and TAG.sub("", line).strip()
        and re.match(r"\s*(\{\{|[^\s<{|#*-])", after)
    ]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_words_run_together(path):
    assert glued(path.read_text(encoding="utf-8")) == []


def test_such_words_are_found():
    assert glued("<p>{% if day %}As of {{ day }}.{% endif %}\n{{ n }} findings</p>")
    assert glued("<p>{% if day %}As of then.{% endif %}\nnine findings</p>")
    assert glued("{% if day %}<p>As of then.</p>{% endif %}\n<p>nine findings</p>") == []
