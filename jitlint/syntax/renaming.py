"""Giving a value a name of its own, from the statement that binds it on."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from keyword import iskeyword

from jitlint.diagnostic import Rename
from jitlint.syntax.effects import effects, path_of
from jitlint.syntax.flow import flow
from jitlint.syntax.module import Module, Scope
from jitlint.syntax.text import Declined, TextEdit

__all__ = [
    "is_always_bound",
    "is_in_place",
    "occurrences",
    "rename_from_first_binding",
    "renamed",
    "require_free_name",
]

_OPERATORS = {"add_": "+", "sub_": "-", "mul_": "*", "div_": "/"}
_OUT_OF_PLACE = frozenset((*_OPERATORS, "clamp_", "clip_", "remainder_", "fmod_", "lerp_", "addcmul_"))
_AUGMENTED = re.compile(r"\s*(\*\*|//|<<|>>|[-+*/%@&|^])=\s*")
_ATOMS = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant, ast.List, ast.Tuple)


def require_free_name(scope: Scope, name: str) -> None:
    """Decline when `scope` or a scope in it already uses `name`."""
    if not name.isidentifier() or iskeyword(name):
        raise Declined(f"{name!r} is not a name")
    for node in ast.walk(scope):
        taken = isinstance(node, ast.Name) and node.id == name
        taken |= isinstance(node, ast.arg) and node.arg == name
        taken |= name in (getattr(node, "name", None), getattr(node, "asname", None), getattr(node, "rest", None))
        if taken:
            raise Declined(f"the name {name} is taken")


def occurrences(nodes: Iterable[ast.AST], name: str) -> Iterator[ast.expr]:
    """Every place where `nodes` read or bind `name`; declines where an inner scope has its own."""
    for node in nodes:
        _require_one_scope(node, name)
        for part in ast.walk(node):
            if isinstance(part, ast.Name | ast.Attribute) and path_of(part) == name:
                yield part


def renamed(module: Module, nodes: Iterable[ast.expr], rename: Rename) -> list[TextEdit]:
    """Write the new name in all these places."""
    edits = {TextEdit(module.start_offset(node), module.end_offset(node), rename.new) for node in nodes}
    text = module.source.text
    if any(text[edit.start : edit.end] != rename.old for edit in edits):
        raise Declined(f"an occurrence of {rename.old} cannot be located")  # in f-strings before Python 3.12
    return sorted(edits)


def is_in_place(statement: ast.AST, name: str) -> bool:
    """Whether some part of a statement changes the value of `name` without binding it (or by `+=`)."""
    return any(
        name in effects([part]).changes or (isinstance(part, ast.AugAssign) and path_of(part.target) == name)
        for part in ast.walk(statement)
        if isinstance(part, ast.stmt)
    )


def is_always_bound(statements: Sequence[ast.stmt], name: str) -> bool:
    """Whether `name` is bound anew, or changed, on every way through the statements."""
    return name in flow(statements).bound or any(
        isinstance(statement, ast.Expr) and name in effects([statement]).changes for statement in statements
    )


def rename_from_first_binding(module: Module, statements: Sequence[ast.stmt], rename: Rename) -> list[TextEdit]:
    """Use the new name from where the statements first bind the old one; before that the old one is clean.

    Where they bind it on some ways only (`if use_jittering:`), the caller binds the new name to the clean value
    first. Then several bindings all use the new name, and none may change the clean value in place.
    """
    writers = [part for part in _writers(statements) if rename.old in effects([part]).writes]
    if not writers:
        raise Declined(f"the statements do not bind {rename.old}")
    first = writers[0]
    after = [node for node in occurrences(statements, rename.old) if _position(node) > _end(first)]
    if first in statements or len(writers) == 1:
        return _rebinding(module, first, rename) + renamed(module, after, rename)
    if any(is_in_place(writer, rename.old) for writer in writers):
        raise Declined(f"the statements change {rename.old} in place")
    since = [node for node in occurrences(statements, rename.old) if _position(node) >= _position(first)]
    return renamed(module, since, rename)


def _writers(statements: Iterable[ast.AST]) -> list[ast.stmt | ast.expr]:
    """The simple statements, and the targets that `for` and `with` bind, in the order of the text."""
    found: list[ast.stmt | ast.expr] = []
    for part in (part for statement in statements for part in ast.walk(statement)):
        if isinstance(part, ast.For | ast.AsyncFor):
            found.append(part.target)
        elif isinstance(part, ast.withitem) and part.optional_vars is not None:
            found.append(part.optional_vars)
        elif isinstance(part, ast.stmt) and not hasattr(part, "body") and not hasattr(part, "cases"):
            found.append(part)
    return sorted(found, key=_position)


def _position(node: ast.expr | ast.stmt) -> tuple[int, int]:
    return (node.lineno, node.col_offset)


def _end(node: ast.stmt | ast.expr) -> tuple[int, int]:
    return (node.end_lineno or node.lineno, (node.end_col_offset or 0) - 1)


def _rebinding(module: Module, statement: ast.stmt | ast.expr, rename: Rename) -> list[TextEdit]:
    """Let a simple statement that binds or changes `rename.old` bind `rename.new` from it; declines otherwise."""
    match statement:
        case ast.Assign(targets=targets):
            _require_no_change(statement, rename.old)
            return renamed(module, occurrences(targets, rename.old), rename)
        case ast.AnnAssign(target=target, value=ast.expr()):
            _require_no_change(statement, rename.old)
            return renamed(module, occurrences([target], rename.old), rename)
        case ast.AugAssign():
            return _from_augmented(module, statement, rename)
        case ast.Expr(value=ast.Call(func=ast.Attribute()) as call):
            return _from_method(module, call, rename)
    raise Declined(f"the statement at line {statement.lineno} does not simply bind {rename.old}")


def _require_no_change(statement: ast.stmt, name: str) -> None:
    if name in effects([statement]).changes:
        raise Declined(f"the statement at line {statement.lineno} changes {name} in place")


def _from_augmented(module: Module, statement: ast.AugAssign, rename: Rename) -> list[TextEdit]:
    """`coord += noise` becomes `jittered = coord + noise`."""
    start, end = module.start_offset(statement.target), module.end_offset(statement.target)
    operator = _AUGMENTED.match(module.source.text, end)
    if path_of(statement.target) != rename.old or operator is None:
        raise Declined(f"the statement at line {statement.lineno} does not simply bind {rename.old}")
    edit = TextEdit(start, operator.end(), f"{rename.new} = {rename.old} {operator[1]} ")
    bare = operator.end() == module.start_offset(statement.value)
    if not bare or isinstance(statement.value, _ATOMS) or _binds_tighter(statement.value, operator[1]):
        return [edit]
    close = module.end_offset(statement.value)
    return [TextEdit(edit.start, edit.end, f"{edit.content}("), TextEdit(close, close, ")")]


def _binds_tighter(value: ast.expr, operator: str) -> bool:
    tighter = (ast.Mult, ast.Div, ast.MatMult, ast.FloorDiv, ast.Mod, ast.Pow)
    return operator in "+-" and isinstance(value, ast.BinOp) and isinstance(value.op, tighter)


def _from_method(module: Module, call: ast.Call, rename: Rename) -> list[TextEdit]:
    """`coord.add_(noise)` becomes `jittered = coord + noise`, or `jittered = coord.add(noise, alpha=2)`."""
    assert isinstance(call.func, ast.Attribute)
    method = call.func.attr
    if path_of(call.func.value) != rename.old or method not in _OUT_OF_PLACE:
        raise Declined(f"the statement at line {call.lineno} does not simply change {rename.old}")
    start = TextEdit(module.start_offset(call), module.start_offset(call), f"{rename.new} = ")
    name_end = module.end_offset(call.func)
    simple = len(call.args) == 1 and not call.keywords and not isinstance(call.args[0], ast.Starred)
    if method in _OPERATORS and simple and module.source.text[name_end] == "(":
        return [start, *_as_operator(module, call, rename, _OPERATORS[method])]
    return [start, TextEdit(name_end - 1, name_end, "")]


def _as_operator(module: Module, call: ast.Call, rename: Rename, operator: str) -> list[TextEdit]:
    (value,) = call.args
    before, after = module.end_offset(call.func), module.end_offset(value)
    start = module.end_offset(call.func) - len(f".{getattr(call.func, 'attr', '')}")
    if isinstance(value, _ATOMS) or _binds_tighter(value, operator):
        inner = module.start_offset(value)
        return [TextEdit(start, inner, f" {operator} "), TextEdit(after, module.end_offset(call), "")]
    return [TextEdit(start, before, f" {operator} ")]


def _require_one_scope(node: ast.AST, name: str) -> None:
    """Decline when an inner function, class or comprehension of `node` has a `name` of its own."""
    for part in ast.walk(node):
        own = isinstance(part, ast.arg) and part.arg == name
        own |= isinstance(part, ast.comprehension) and name in effects([part.target]).binds
        own |= isinstance(part, ast.Global | ast.Nonlocal) and name in part.names
        own |= isinstance(part, ast.ExceptHandler | ast.MatchAs | ast.alias) and name in effects([part]).binds
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            own |= name in effects(part.body).binds
        if own:
            raise Declined(f"an inner scope has its own {name}")
