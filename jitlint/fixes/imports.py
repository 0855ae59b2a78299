"""Adds the imports that new code needs: by libcst's `AddImportsVisitor`, each in its place among those there are."""

from __future__ import annotations

import ast
import sys
from typing import Any

import libcst as cst
import libcst.matchers as m

from jitlint.fixes.excerpt import top_level_excerpt
from jitlint.fixes.leading import with_lines
from jitlint.fixes.program import Program, parse
from jitlint.fixes.text import Declined, TextEdit

__all__ = ["add_imports", "imports_end"]

_BLANK = cst.EmptyLine(indent=False)


def add_imports(program: Program, lines: tuple[str, ...]) -> list[TextEdit]:
    """The edits that add those of some import statements that the top level of the module does not have yet."""
    from libcst.codemod import CodemodContext  # as dear as all the rest of libcst
    from libcst.codemod.visitors import AddImportsVisitor, ImportItem

    present = {key for statement in program.tree.body for key in _imported(statement)}
    items = [item for line in dict.fromkeys(lines) for item in _imported(parse(line).body[0]) if item not in present]
    if not items:
        return []
    body = program.tree.body
    if not body or any(module == "__future__" for module, _, _ in items):
        raise Declined("there is no place for the imports")
    end = body[max(imports_end(program) - 1, 0)]
    excerpt = top_level_excerpt(program, body[0].lineno, end.lineno)
    frame, *inner, tail = excerpt.tree.body
    needed = [ImportItem(module or name, name if module else None, alias or None) for module, name, alias in items]
    visitor = AddImportsVisitor(CodemodContext(), needed)
    added = cst.Module(inner, default_indent=excerpt.tree.default_indent).visit(visitor).body
    at, count = _block_end(inner), len(added) - len(inner)
    new: list[Any] = list(added[at : at + count])
    if not at:
        body_lines = [*_on_top(new, inner[0]), inner[0].with_changes(leading_lines=[_BLANK]), *inner[1:]]
    else:
        block = [_sorted(line, old) for line, old in zip(added[:at], inner, strict=False)]
        body_lines = [*_in_place(block, new), *inner[at:]]
    return excerpt.changed(excerpt.tree.with_changes(body=[frame, *body_lines, tail]))[1]


def _block_end(lines: list[Any]) -> int:
    """The number of lines at the top that are a docstring or imports; behind these libcst adds others."""
    index = int(m.matches(lines[0], m.SimpleStatementLine([m.Expr(m.SimpleString() | m.ConcatenatedString())])))
    while index < len(lines) and m.matches(lines[index], m.SimpleStatementLine([m.Import() | m.ImportFrom()])):
        index += 1
    return index


def imports_end(program: Program) -> int:
    """The index of the first top-level statement below the docstring and the imports that the module begins with."""
    body = program.tree.body
    index = 0
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        index = 1
    while index < len(body) and isinstance(body[index], ast.Import | ast.ImportFrom):
        index += 1
    return index


def _on_top(new: list[Any], first: Any) -> list[Any]:
    """The imports between what stands at the top of the text and its first statement."""
    return [with_lines(new[0], first.leading_lines), *new[1:]]


def _sorted(line: Any, old: Any) -> Any:
    """A line with the names in their order, if they were in it before one was added."""
    match line, old:
        case cst.SimpleStatementLine(body=[cst.ImportFrom() as new]), cst.SimpleStatementLine(body=[before]):
            names, known = _names(new), _names(before)
            aliases: Any = new.names
            if len(names) > len(known) and known == sorted(known) and not m.findall(new, m.Comment()):
                order = sorted(range(len(names)), key=names.__getitem__)
                aliases = [aliases[number].with_changes(comma=cst.MaybeSentinel.DEFAULT) for number in order]
                return line.with_changes(body=[new.with_changes(names=aliases)])
    return line


def _names(node: Any) -> list[str]:
    return [cst.Module([]).code_for_node(alias.name).lower() for alias in node.names]


def _in_place(block: list[Any], new: list[Any]) -> list[Any]:
    """The import block with each new line behind those of its kind: standard library, others, relative ones."""
    for line in new:
        rank = _rank(line)
        same = [number for number, other in enumerate(block) if _rank(other)[:1] == rank[:1]]
        before = [number for number, other in enumerate(block) if _rank(other)[:1] < rank[:1]]
        lower = [number for number in same if _rank(block[number]) < rank]
        if lower:
            block.insert(lower[-1] + 1, line)
        elif same:
            first = block[same[0]]
            block[same[0]] = with_lines(first, ())
            block.insert(same[0], with_lines(line, first.leading_lines))
        elif before:
            block.insert(before[-1] + 1, with_lines(line, [_BLANK]))
        else:
            first = block[0]
            block[0] = with_lines(first, [_BLANK])
            block.insert(0, with_lines(line, first.leading_lines))
    return block


def _rank(line: Any) -> tuple[int, bool, str]:
    """The order of import lines that most tools keep; a docstring comes first."""
    match line:
        case cst.SimpleStatementLine(body=[cst.Import(names=names), *_]):
            name = cst.Module([]).code_for_node(names[0].name)
            return _section(name), False, name
        case cst.SimpleStatementLine(body=[cst.ImportFrom() as node, *_]):
            name = cst.Module([]).code_for_node(node.module) if node.module else ""
            return (3, True, f"{9 - len(node.relative)}{name}") if node.relative else (_section(name), True, name)
    return -1, False, ""


def _section(name: str) -> int:
    root = name.partition(".")[0]
    return 0 if root == "__future__" else 1 if root in sys.stdlib_module_names else 2


def _imported(statement: ast.stmt) -> list[tuple[str, str, str]]:
    """What an import statement binds: module, name and alias of each; the module is empty for `import name`."""
    if isinstance(statement, ast.Import):
        return [("", alias.name, alias.asname or "") for alias in statement.names]
    if isinstance(statement, ast.ImportFrom):
        place = "." * statement.level + (statement.module or "")
        return [(place, alias.name, alias.asname or "") for alias in statement.names]
    return []
