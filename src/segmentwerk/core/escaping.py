"""Texts of the data inside Markdown: shown as they are, whatever signs they hold."""

from __future__ import annotations

import re

_SIGNS = re.compile(r"[\\`*_\[\]<>!|~&@]|(?<=\w)://|(?i:\bwww\.)")
_BLANKS = re.compile(r"[^\S\xa0\u202f]+")
"""Blanks and ends of lines; those that do not break stay."""


def escape(text: object) -> str:
    r"""Return a text so that Markdown makes no cell, link, picture or tag of it, and no line of its own.

    Examples
    --------
    >>> print(escape("a|b ![x](http://x.example) <b>"))
    a&#124;b &#33;&#91;x&#93;(http&#58;//x.example) &#60;b&#62;
    """
    return _SIGNS.sub(lambda match: _numbered(match[0]), _BLANKS.sub(" ", str(text)).strip())


def _numbered(signs: str) -> str:
    """Write the first sign as its number; of `www.` the point, which makes links by itself."""
    if signs.lower() == "www.":
        return f"{signs[:-1]}&#46;"
    return f"&#{ord(signs[0])};{signs[1:]}"
