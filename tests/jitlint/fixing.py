"""Carrying out a plan by hand: statements are named by a piece of their first line."""

from __future__ import annotations

import ast
from collections.abc import Callable

from jitlint.diagnostic import MoveAboveLoop, MoveIntoLoop, Plan, Rename, RenameInLoop, Span
from jitlint.fixes.carry_out import edits_of
from jitlint.fixes.program import Program, span_of
from jitlint.fixes.prove import fixed_source
from jitlint.source import Source, load_source

Spans = Callable[[str], Span]


def spans(text: str) -> Spans:
    """Finds the span of the first statement whose first line contains some words."""
    lines = text.split("\n")
    statements = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt)]

    def find(words: str) -> Span:
        found = [statement for statement in statements if words in lines[statement.lineno - 1]]
        assert found, words
        first = min(statement.lineno for statement in found)
        found = [statement for statement in found if statement.lineno == first]
        exact = [statement for statement in found if lines[first - 1][statement.col_offset :].startswith(words)]
        return span_of((exact or found)[0])

    return find


def carry_out(text: str, plan: Plan) -> str:
    """The text after the plan; raises Declined."""
    return carried_out(load_source("a.py", text.encode()), plan).text


def carried_out(source: Source, plan: Plan) -> Source:
    """The source after the plan; raises Declined."""
    program = Program(source)
    return fixed_source(program, [plan], edits_of(program, plan))


def move_in(text: str, *moved: str, loop: str, before: str, rename: tuple[str, str] | None = None) -> str:
    """Move statements into a loop."""
    find = spans(text)
    renaming = Rename(*rename) if rename else None
    return carry_out(text, MoveIntoLoop(find(loop), tuple(map(find, moved)), find(before), renaming))


def move_out(text: str, *moved: str, loop: str) -> str:
    """Move statements above a loop."""
    find = spans(text)
    return carry_out(text, MoveAboveLoop(find(loop), tuple(map(find, moved))))


def rename_in(text: str, statement: str, loop: str, old: str = "coord", new: str = "jittered") -> str:
    """Use another name from a statement in a loop on."""
    find = spans(text)
    return carry_out(text, RenameInLoop(find(loop), find(statement), Rename(old, new)))
