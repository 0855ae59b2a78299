"""Carries out `InsertFunction`: a function of the module, below its imports or above its first use."""

from __future__ import annotations

import libcst as cst

from jitlint.fixes.excerpt import top_level_excerpt
from jitlint.fixes.imports import imports_end
from jitlint.fixes.leading import Statement, blank_above, split, with_lines
from jitlint.fixes.plans import InsertFunction
from jitlint.fixes.program import Program
from jitlint.fixes.text import Declined, TextEdit
from jitlint.fixes.transformer import BlockTransformer, parsed_statements

__all__ = ["insert_function"]

_BLANK = cst.EmptyLine(indent=False)


def insert_function(program: Program, plan: InsertFunction) -> list[TextEdit]:
    """The edits that put the function in, two blank lines above and below it."""
    body = program.tree.body
    at = program.top_level(plan.before.line) if plan.before is not None else imports_end(program)
    if not 0 <= at < len(body):
        raise Declined("there is no statement below the imports")
    excerpt = top_level_excerpt(program, body[at].lineno, body[at].lineno)
    placed = excerpt.placed_of(body[at])
    new = parsed_statements(plan.text.strip("\n") + "\n", excerpt.tree)
    if len(new) != 1 or not isinstance(new[0], cst.FunctionDef):
        raise Declined("the new text is not one function")
    if program.uses(new[0].name.value):
        raise Declined(f"the name {new[0].name.value} is taken")
    stays, own = split(placed.node)
    is_first = excerpt.is_top and not stays
    lines: list[Statement] = [with_lines(new[0], stays if is_first else _spaced(stays))]
    leading = {placed.node: (_BLANK, _BLANK, *own)}
    return excerpt.changed(excerpt.tree.visit(BlockTransformer(above={placed.node: lines}, leading=leading)))[1]


def _spaced(lines: tuple[cst.EmptyLine, ...]) -> tuple[cst.EmptyLine, ...]:
    """The lines with two blank ones at their end."""
    return (*lines, *[_BLANK] * (2 - blank_above(lines)))
