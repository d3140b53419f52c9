"""README and docs point at what is there, and no picture lies around that nobody shows."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def links(page):
    found = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    return [page.parent / link for link in found if "://" not in link]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    assert [str(link) for link in links(page) if not link.exists()] == []


def test_every_picture_is_shown():
    shown = {link.resolve() for page in PAGES for link in links(page)}
    assert {path for path in (ROOT / "docs" / "images").iterdir() if path not in shown} == set()
