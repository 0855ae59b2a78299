"""What is read off a node of the syntax tree itself: its span, its dotted name."""

from __future__ import annotations

import ast
import sys
from typing import Any

from jitlint.diagnostic import Span

# What has a scope of its own, evaluated after the one that defines it.
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

# Makes a named tuple without the call of its own `__new__`: hundreds of thousands are made for a large tree.
make_tuple = tuple.__new__


def span_of(tree: Any) -> Span:
    """The span of a syntax-tree node; of a decorated definition, from the `def`."""
    first, last = tree.lineno, tree.end_lineno  # most are on one line, and then share the number's object
    return make_tuple(Span, (first, tree.col_offset, first if first == last else last, tree.end_col_offset))


def name_span(tree: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Span:
    """The span of the name that a definition gives."""
    keyword = {ast.FunctionDef: "def ", ast.AsyncFunctionDef: "async def ", ast.ClassDef: "class "}[type(tree)]
    column = tree.col_offset + len(keyword)
    return Span(tree.lineno, column, tree.lineno, column + len(tree.name.encode()))


def span_of_text(text: str) -> Span:
    """The span of a whole text."""
    return Span(1, 0, text.count("\n") + 1, 0)


def dotted(tree: ast.expr | None) -> str | None:
    """`a.b.c` for a chain of plain attributes on a name, else None."""
    if type(tree) is ast.Name:
        return tree.id
    parts: list[str] = []
    while type(tree) is ast.Attribute:
        parts.append(tree.attr)
        tree = tree.value
    if type(tree) is not ast.Name:
        return None
    parts.append(tree.id)
    return sys.intern(".".join(reversed(parts)))  # the same few names again and again


def base_name(tree: ast.expr) -> str | None:
    """The dotted name of a class' base: `Dataset` of `Dataset[int]`."""
    return dotted(tree.value if isinstance(tree, ast.Subscript) else tree)
