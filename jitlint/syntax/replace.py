"""Carries out `Replace`, `ReplaceMany` and `InsertStatements`."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from jitlint.diagnostic import InsertStatements, Replace
from jitlint.syntax.layout import Chunk, above, chunk, removal
from jitlint.syntax.module import Module, first_line, last_line, parse, span_of
from jitlint.syntax.text import Declined, TextEdit

__all__ = ["insert_statements", "replace"]


def replace(module: Module, plans: Iterable[Replace]) -> list[TextEdit]:
    """One edit a replacement. A statement that is replaced by nothing goes with its lines, not its comments."""
    return [_replaced(module, plan) for plan in plans]


def insert_statements(module: Module, plan: InsertStatements) -> list[TextEdit]:
    """The statements above another one and its comments, and the imports that are missing."""
    before = module.statement_around(plan.before)
    module.require_own_lines(before)
    indent = module.indent(before)
    content = "".join(f"{indent}{statement}\n" for statement in plan.statements)
    missing = [line for line in dict.fromkeys(plan.imports) if not _has_import(module, line)]
    inserted = module.text.insertion(above(module, before), content)
    if not missing:
        return [inserted]
    line = _line_for_imports(module)
    imports = "".join(f"{text}\n" for text in missing)
    if module.text.start_of(line) == inserted.start:
        return [TextEdit(inserted.start, inserted.start, imports + content)]
    return [module.text.insertion(line, imports), inserted]


def _replaced(module: Module, plan: Replace) -> TextEdit:
    start, end = module.text.range(plan.span)
    statement = next((stmt for stmt in module.statements() if span_of(stmt) == plan.span), None)
    if plan.text.strip() or statement is None:
        return TextEdit(start, end, plan.text)
    lines = chunk(module, statement)
    comments = [line for line in range(first_line(statement), last_line(statement) + 1) if line in module.comments]
    if comments:
        raise Declined("the statement has comments that would be lost")
    return removal(module, Chunk(first_line(statement), last_line(statement), lines.indent, lines.statements))


def _has_import(module: Module, line: str) -> bool:
    """Whether the top level of the module already binds the names of an import statement from the same place."""
    present = {key for statement in module.tree.body for key in _imported(statement)}
    return all(key in present for key in _imported(parse(line).body[0]))


def _imported(statement: ast.stmt) -> list[tuple[str, str, str]]:
    if isinstance(statement, ast.Import):
        return [("", alias.name, alias.asname or "") for alias in statement.names]
    if isinstance(statement, ast.ImportFrom):
        place = "." * statement.level + (statement.module or "")
        return [(place, alias.name, alias.asname or "") for alias in statement.names]
    return []


def _line_for_imports(module: Module) -> int:
    """The line below the imports at the top of the module, below its docstring, or of its first statement."""
    line = 0
    for position, statement in enumerate(module.tree.body):
        docstring = position == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        imports = any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(statement))
        guarded = isinstance(statement, ast.If | ast.Try) and imports
        if not (docstring or guarded or isinstance(statement, ast.Import | ast.ImportFrom)):
            return line + 1 if line else above(module, statement)
        line = last_line(statement)
        if line == module.text.region(line)[1]:
            raise Declined("there is no line below the imports")
    raise Declined("there is no statement below the imports")
