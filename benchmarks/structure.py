"""How easily things are found: folder sizes, how often one option is written, what the commands and functions list.

    python -m benchmarks.structure

Reads the source alone, so that the figures of two versions can be compared.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "p3mvideo"
OPTIONS = ("lookahead", "keep_subject", "codec")
NOT_SHOWN = {"__pycache__", "__init__.py"}


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def widest_folders(count: int = 6) -> list[tuple[int, str]]:
    """Return (entries, folder) of those that show most."""
    folders = [PACKAGE, *(path for path in PACKAGE.rglob("*") if path.is_dir() and path.name not in NOT_SHOWN)]
    entries = [(sum(entry.name not in NOT_SHOWN for entry in folder.iterdir()), str(folder.relative_to(PACKAGE.parent))) for folder in folders]
    return sorted(entries, reverse=True)[:count]


def places(option: str) -> tuple[int, int]:
    """Return in how many places and files an option's value is declared or used: fields, parameters, arguments and attributes of its name."""
    found = []
    for path, tree in _trees():
        for node in ast.walk(tree):
            declared = isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == option
            passed = isinstance(node, ast.arg | ast.keyword) and node.arg == option
            read = isinstance(node, ast.Attribute) and node.attr == option
            if declared or passed or read:
                found.append(path)
    return len(found), len(set(found))


def listing_lines() -> int:
    """Return how many lines of the commands are their parameters."""
    lines = 0
    for path, tree in _trees():
        if path.parent.name != "cli":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name.endswith("_command") and node.args.args:
                lines += node.body[0].lineno - node.args.args[0].lineno - 1
    return lines


def parameters(function: str) -> int:
    """Return how many parameters the function of a command has."""
    module, room = PACKAGE / "app" / f"{function}.py", PACKAGE / "app" / function / "run.py"
    tree = ast.parse((module if module.exists() else room).read_text(encoding="utf-8"))
    (found,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function)
    return len(found.args.args) + len(found.args.kwonlyargs)


def main() -> None:
    """Print the figures."""
    print("entries of the widest folders: " + ", ".join(f"{folder} {count}" for count, folder in widest_folders()))
    for option in OPTIONS:
        print("{}: written in {} places of {} files".format(option, *places(option)))
    print(f"lines of the commands' parameters: {listing_lines()}")
    for name in ("process", "anonymize", "webcam"):
        print(f"parameters of {name}(): {parameters(name)}")
    import p3mvideo

    print(f"public names: {len(p3mvideo.__all__)}; py.typed: {(PACKAGE / 'py.typed').exists()}")


if __name__ == "__main__":
    main()
