"""How large the code is, and how tangled: one row a measure, one column a revision.

    python experiments/benchmarks/code_size.py [REVISION ...]

Each revision (default: the commit checked out) is taken from git; `src` and `experiments` are counted.

public       functions, methods and classes without a leading underscore in any part of their name
parameters   of a function or method, `self` and `cls` left out
twice        names that two modules, or two public classes, of `src` share (`__init__` and `base` left out)
up           imports from a layer below into one above it, by the layers that `pyproject.toml` declares
circles      sets of modules of `src` of which each reaches each by imports
"""

from __future__ import annotations

import argparse
import ast
import io
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median

import grimp
import networkx as nx
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
COUNTED = ("src", "experiments")
FREELY_SHARED = {"__init__", "base"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def checked_out(revision: str, folder: Path) -> Path:
    """Write the files of a revision into a folder."""
    command = ["git", "-C", str(ROOT), "archive", revision, *COUNTED, "pyproject.toml"]
    with tarfile.open(
        fileobj=io.BytesIO(subprocess.run(command, check=True, capture_output=True).stdout)
    ) as tar:
        tar.extractall(folder, filter="data")
    return folder


def public(body: Iterable[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    """Yield the public definitions below a module or class."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


def n_lines_of_code(function: Function) -> int:
    """Return how many lines a function has without its docstring."""
    lines, first = (function.end_lineno or 0) - function.lineno + 1, function.body[0]
    if ast.get_docstring(function) is None:
        return lines
    return lines - ((first.end_lineno or 0) - first.lineno + 1)


def n_parameters(function: Function) -> int:
    """Return how many arguments a call may give."""
    arguments = function.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def is_dataclass(node: ast.AST) -> bool:
    """Return whether a class is decorated as dataclass."""
    decorators = node.decorator_list if isinstance(node, ast.ClassDef) else []
    return any("dataclass" in ast.unparse(decorator) for decorator in decorators)


def twice(names: Iterable[str]) -> list[str]:
    """Return the names that stand twice."""
    return sorted(name for name, times in Counter(names).items() if times > 1 and name not in FREELY_SHARED)


def imports(folder: Path) -> dict[str, object]:
    """Count the imports that go up, and the circles."""
    declared = tomllib.loads((folder / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in declared if contract["type"] == "layers")
    sys.path.insert(0, str(folder / "src"))
    graph = grimp.build_graph("segmentwerk", cache_dir=None)
    sys.path.pop(0)
    arrows = nx.DiGraph(
        (importer, imported)
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
    )
    height = {part.strip(): -row for row, layer in enumerate(layers) for part in layer.split("|")}

    def level(module: str) -> int | None:
        return next((h for part, h in height.items() if f"{module}.".startswith(f"{part}.")), None)

    heights = [(level(a), level(b)) for a, b in arrows.edges]
    circles = [part for part in nx.strongly_connected_components(arrows) if len(part) > 1]
    return {
        "imports up": sum(low < high for low, high in heights if low is not None and high is not None),
        "circles": "; ".join(" ".join(sorted(part)) for part in circles) or 0,
    }


def measures(folder: Path) -> dict[str, object]:
    """Return every measure of the code below a folder."""
    files = [file for part in COUNTED for file in sorted((folder / part).rglob("*.py"))]
    lines = {file: len(file.read_text().splitlines()) for file in files}
    trees = {file: ast.parse(file.read_text()) for file in files}
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    functions = [node for node in nodes if isinstance(node, Function)]
    ours = [file for file in files if (folder / "src") in file.parents]
    classes = [
        node.name for file in ours for node in public(trees[file].body) if isinstance(node, ast.ClassDef)
    ]
    modules, shared = twice(file.stem for file in ours), twice(classes)
    longest = max(lines, key=lambda file: lines[file])
    return {
        "files": len(files),
        "lines": sum(lines.values()),
        "public definitions": sum(len(list(public(tree.body))) for tree in trees.values()),
        "dataclasses": sum(map(is_dataclass, nodes)),
        "longest module": f"{lines[longest]} ({longest.name})",
        "median module": median(lines.values()),
        "functions over 50 lines": sum((f.end_lineno or 0) - f.lineno + 1 > 50 for f in functions),
        "their docstring left out": sum(n_lines_of_code(f) > 50 for f in functions),
        "functions over 7 parameters": sum(n_parameters(f) > 7 for f in functions),
        "module names twice": f"{len(modules)} {' '.join(modules)}",
        "class names twice": f"{len(shared)} {' '.join(shared)}",
        **imports(folder),
    }


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("revisions", nargs="*", default=["HEAD"])
    columns = {}
    for revision in parser.parse_args().revisions:
        with tempfile.TemporaryDirectory() as folder:
            columns[revision] = measures(checked_out(revision, Path(folder)))
    with pd.option_context("display.max_colwidth", None, "display.width", None):
        print(pd.DataFrame(columns).to_string())


if __name__ == "__main__":
    main()
