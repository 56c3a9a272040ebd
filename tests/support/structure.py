"""Measures the structure of the code: `make structure` prints it, tests/unit/test_structure.py checks it.

A *part* is a direct child of the package: a subpackage or a module. A *level* is a step on the longest chain of
imports from part to part. Imports for type checking count like all others.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "src" / "paperround"
PREFERENCES = ("cadence", "timezone", "max_papers", "theme", "language", "weekday", "monthday")
Graph = Mapping[str, set[str]]


@cache
def modules() -> dict[str, ast.Module]:
    """Return every module of the package as a syntax tree, by its dotted name without `paperround.`."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        if "versions" in parts:
            continue  # migrations are history
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = ast.parse(file.read_text(encoding="utf-8"))
    return found


def imports(trees: Mapping[str, ast.Module]) -> dict[str, set[str]]:
    """Return the modules of the package that each module imports, anywhere in it."""
    return {name: set(_imported(tree, trees)) - {name} for name, tree in trees.items()}


def _imported(tree: ast.Module, known: Iterable[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "paperround":
            base = node.module.removeprefix("paperround").removeprefix(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}".removeprefix(".")
                yield from (name for name in (inner if inner in known else base,) if name)


def parts(graph: Graph) -> dict[str, set[str]]:
    """Return the parts that each part imports."""
    found: dict[str, set[str]] = {name.split(".")[0]: set() for name in graph}
    for name, targets in graph.items():
        part = name.split(".")[0]
        found[part] |= {target.split(".")[0] for target in targets} - {part}
    return found


def cycles(graph: Graph) -> list[list[str]]:
    """Return the groups of modules that import one another in a circle: Tarjan's strongly connected components."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(graph.get(node, ())):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def levels(graph: Graph) -> int:
    """Return the number of parts on the longest chain of imports; the graph must have no cycles."""

    @cache
    def depth(node: str) -> int:
        return 1 + max((depth(target) for target in graph[node]), default=0)

    return max(map(depth, graph))


def meanings(trees: Mapping[str, ast.Module]) -> dict[str, list[str]]:
    """Return the public class names that more than one module defines, each with its modules."""
    where: dict[str, list[str]] = defaultdict(list)
    for name, tree in trees.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where[node.name].append(name)
    return {name: places for name, places in sorted(where.items()) if len(places) > 1}


def preference_files(trees: Mapping[str, ast.Module]) -> list[str]:
    """Return the modules that name four or more of the preferences: each is a place to edit when one is added."""
    return [name for name, tree in trees.items() if len(set(PREFERENCES) & _words(tree)) >= len(PREFERENCES) - 3]


def _words(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.arg(arg=word):
                found.add(word)
            case ast.keyword(arg=str(word)) | ast.Constant(value=str(word)):
                found.add(word)
    return found


def measures() -> dict[str, object]:
    """Return all figures, as `make structure` prints them."""
    trees = modules()
    graph = imports(trees)
    between = parts(graph)
    return {
        "parts": len(between),
        "levels": "none: there are cycles between parts" if cycles(between) else levels(between),
        "imports between parts": sum(map(len, between.values())),
        "cycles between modules": cycles(graph),
        "class names with several meanings": meanings(trees),
        "modules that name most preferences": preference_files(trees),
        "modules": len(trees),
        "imports that point up": _pointing_up(),
    }


def _pointing_up() -> str:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=PACKAGE.parents[1], capture_output=True, text=True, check=False)
    return "none" if done.returncode == 0 else "see: lint-imports"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measures(), indent=2) + "\n")
