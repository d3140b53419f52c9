"""What mkdocs asks while it builds the site: pages made from README, notebook and code, and the navigation.

A new page below docs/ and a new module below src/ find their place by themselves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "segmentwerk"
FIRST = (
    "index.md",
    "notebook.md",
    "how-to",
    "concepts",
    "reference",
    "results.md",
    "architecture.md",
    "decisions",
)
"""The order of what stands at the top; whatever else there is follows."""
TITLES = {"how-to": "How to"}
_FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_PRIVATE = re.compile(r"/_(?!_init__)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made, and put all pages into the navigation."""
    pages = [file.src_uri for file in files.documentation_pages()]
    made = {"index.md": _readme(), "notebook.md": _notebook(), **dict(_code())}
    decisions = sorted(page for page in pages if page.startswith("decisions/"))
    made["decisions/index.md"] = _index("Decisions", decisions)
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    config.nav = _navigation([*pages, *made])
    return files


def on_page_markdown(markdown: str, **_about: object) -> str:
    """Let links to the notebook lead to its page, and write lists as Python-Markdown reads them.

    A code host takes a list right below a paragraph, and two blanks for one within another.
    """
    parts = _FENCED.split(markdown.replace("notebook.ipynb)", "notebook.md)"))
    return "".join(part if place % 2 else _lists(part) for place, part in enumerate(parts))


def _lists(text: str) -> str:
    apart = re.sub(r"^((?![-*|] |\d+\. |\s|#).+)\n(?=[-*] )", r"\1\n\n", text, flags=re.MULTILINE)
    return re.sub(r"^ {2,3}(?=[-*] )", "    ", apart, flags=re.MULTILINE)


def _navigation(pages: list[str]) -> list[object]:
    """Return the pages by folder, an index first."""
    entries: dict[str, list[str]] = {}
    for page in sorted(pages, key=lambda page: (not page.endswith("index.md"), page)):
        entries.setdefault(page.partition("/")[0], []).append(page)
    order = sorted(entries, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    return [
        entries[name][0] if name.endswith(".md") else {TITLES.get(name, name.capitalize()): entries[name]}
        for name in order
    ]


def _readme() -> str:
    """Return README with its links as the site's folder sees them."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.sub(r"\]\(docs/", "](", text).replace("](decisions/)", "](decisions/index.md)")


def _notebook() -> str:
    """Return the notebook's cells, which hold no outputs, as a page."""
    cells = json.loads((ROOT / "docs" / "notebook.ipynb").read_text(encoding="utf-8"))["cells"]
    texts = ((cell["cell_type"], "".join(cell["source"])) for cell in cells)
    return "\n\n".join(f"```python\n{text}\n```" if kind == "code" else text for kind, text in texts)


def _index(title: str, pages: list[str]) -> str:
    lines = [f"- [{_title(page)}]({page.rpartition('/')[2]})" for page in pages]
    return "\n".join([f"# {title}", "", *lines, ""])


def _title(page: str) -> str:
    first = (ROOT / "docs" / page).read_text(encoding="utf-8").lstrip().partition("\n")[0]
    return first.removeprefix("# ")


def _code() -> Iterator[tuple[str, str]]:
    """Yield a page for each package and one for the modules beside them, from their docstrings."""
    packages = sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))
    for folder in packages:
        yield f"code/{folder.name}.md", _page(folder, sorted(folder.rglob("*.py")))
    yield "code/index.md", _page(PACKAGE, sorted(PACKAGE.glob("*.py")))


def _page(folder: Path, files: list[Path]) -> str:
    """Return a page of all public modules; mkdocstrings fills it."""
    public = (file for file in files if not _PRIVATE.search(f"/{file.relative_to(PACKAGE)}"))
    names = sorted(_module(file) for file in public)
    return "\n\n".join([f"# {_module(folder / '__init__.py')}", *(f"::: {name}" for name in names)])


def _module(file: Path) -> str:
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
