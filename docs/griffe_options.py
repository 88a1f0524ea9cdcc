"""Lets the API reference show what each option is: its help text stands in its annotation, where griffe does not look."""

from __future__ import annotations

import ast
from typing import Any

import griffe


class OptionDocs(griffe.Extension):
    """Turns `name: Annotated[type, Option("help", ...)] = default` into an attribute of that type with that docstring."""

    def on_attribute_instance(self, *, node: ast.AST | griffe.ObjectNode, attr: griffe.Attribute, **kwargs: Any) -> None:
        """See griffe."""
        annotation = getattr(node, "annotation", None)
        if not (isinstance(annotation, ast.Subscript) and isinstance(annotation.value, ast.Name) and annotation.value.id == "Annotated"):
            return
        kind, *metadata = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        for entry in metadata:
            if isinstance(entry, ast.Call) and isinstance(entry.func, ast.Name) and entry.func.id == "Option":
                attr.docstring = griffe.Docstring(str(ast.literal_eval(entry.args[0])), parent=attr)
                attr.annotation = ast.unparse(kind)
