"""Whatever a customer's category holds, Markdown shows it as it is."""

import pytest
from markdown_it import MarkdownIt

from segmentwerk.core.escaping import escape

TEXTS = [
    "![x](http://evil.example/a.png)",
    "[x](http://evil.example)",
    "<img src=http://evil.example>",
    "<script>alert(1)</script>",
    "<http://evil.example>",
    "https://evil.example www.evil.example",
    "a|b",
    "**bold** _it_ `code` ~~gone~~",
    "&lt;b&gt; &#33;[x](y)",
    "two\n# lines\n\n- of\n",
    "\\![x](http://evil.example)",
    "me@evil.example",
]


@pytest.mark.parametrize("text", TEXTS)
def test_it_is_shown_as_it_is(text):
    parser = MarkdownIt("gfm-like", {"html": True, "linkify": False}).disable("linkify")
    page = parser.render(f"| a | b |\n|---|---|\n| {escape(text)} | - |\n\n- {escape(text)}\n")
    for tag in ("<img", "<a ", "<script", "<strong", "<em", "<code", "<s>", "<h1", "<b>"):
        assert tag not in page
    assert page.count("<td") == 2
    assert page.count("<li>") == 1
    assert "://" not in escape(text)
