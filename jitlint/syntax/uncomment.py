"""Carries out `Uncomment`: comment lines become code again, where and as deep as the code around them."""

from __future__ import annotations

import ast

from jitlint.diagnostic import Uncomment
from jitlint.syntax.module import Module, first_line, last_line
from jitlint.syntax.text import Declined, TextEdit

__all__ = ["uncomment"]


def uncomment(module: Module, plan: Uncomment) -> list[TextEdit]:
    """One edit that replaces the comment lines by the code; a second comment behind the code stays."""
    lines = range(plan.first_line, plan.last_line + 1)
    if any(not _is_comment_line(module, line) for line in lines):
        raise Declined("not all lines are comments")
    inside = _statement_around(module, plan)
    indent = _own_indent(module, plan.first_line) if inside else _indent(module, plan)
    code = [f"{indent}{line}" if line.strip() else "" for line in plan.code.strip("\n").split("\n")]
    code[-1] += _second_comment(module, plan)
    start, end = module.text.start_of(plan.first_line), module.text.end_of(plan.last_line)
    return [TextEdit(start, end, "\n".join(code))]


def _is_comment_line(module: Module, line: int) -> bool:
    comment = module.comments.get(line)
    return comment is not None and not module.text.line(line)[: comment.column].strip(" \t")


def _own_indent(module: Module, line: int) -> str:
    return module.text.line(line)[: module.comments[line].column]


def _second_comment(module: Module, plan: Uncomment) -> str:
    """`  # why` of `# x = jitter(x)  # why`; prose that is no comment of its own is cut off, as the plan says."""
    comment = module.comments[plan.last_line].text
    _, _, rest = comment.partition(plan.code.rstrip().rsplit("\n", 1)[-1].strip())
    return f"  {rest.strip()}" if rest.lstrip().startswith("#") else ""


def _statement_around(module: Module, plan: Uncomment) -> bool:
    """Whether the lines are within brackets, in a simple statement or in the header of a compound one."""
    for statement in module.statements():
        body: list[ast.stmt] = getattr(statement, "body", None) or []
        last = first_line(body[0]) - 1 if body else last_line(statement)
        is_header = not body or plan.last_line < _end_of_header(statement)
        if statement.lineno < plan.first_line and plan.last_line <= last and is_header:
            return True
    return False


def _end_of_header(statement: ast.stmt) -> int:
    """The last line that an expression of the header reaches."""
    inner = {node for part in getattr(statement, "body", []) for node in ast.walk(part) if isinstance(node, ast.expr)}
    parts = [node for node in ast.walk(statement) if isinstance(node, ast.expr | ast.arg) and node not in inner]
    blocks = [first_line(stmt) for stmt in getattr(statement, "body", [])][:1]
    ends = [node.end_lineno or 0 for node in parts if not blocks or (node.end_lineno or 0) < blocks[0]]
    return max(ends, default=statement.lineno)


def _indent(module: Module, plan: Uncomment) -> str:
    """The indentation of the block that the lines stand in: their own if a block has it, else what follows."""
    top, bottom = module.text.region(plan.first_line)
    around = [s for s in module.statements() if top <= first_line(s) <= bottom]
    following = min((s for s in around if first_line(s) > plan.last_line), key=first_line, default=None)
    before = max((s for s in around if first_line(s) < plan.first_line), key=first_line, default=None)
    if before is None:
        return module.indent(following) if following else ""
    if following is not None and module.block(following).statement is before:
        return module.indent(following)
    possible = [module.indent(before), *_outer_indents(module, before, following)]
    own = _own_indent(module, plan.first_line)
    if own in possible:
        return own
    same_function = following is not None and module.scope(following) is module.scope(before)
    return module.indent(following) if following is not None and same_function else possible[0]


def _outer_indents(module: Module, before: ast.stmt, following: ast.stmt | None) -> list[str]:
    """The indentations of the blocks that may go on after `before`, outwards to that of `following`."""
    found: list[str] = []
    end = module.block(following) if following is not None else None
    for block in module.block(before).ancestry:
        if block is end or block.statement is None:
            break
        found.append(module.indent(block.statement))
    return found
