"""Which names a statement binds or changes in place."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from jitlint.semantics.builder.syntax import DEFINITIONS, dotted

# Methods that change their receiver; the receiver's name is bound anew to the call.
MUTATORS = frozenset({"append", "extend", "insert", "add", "update", "setdefault", "copy_", "shuffle"})
# Functions that change their first argument in place.
ARGUMENT_MUTATORS = frozenset(
    {
        "random.shuffle",
        "numpy.random.shuffle",
        "torch.nn.init.normal_",
        "torch.nn.init.uniform_",
        "torch.nn.init.trunc_normal_",
    }
)

_WITH_TARGET = (ast.AugAssign, ast.AnnAssign, ast.For, ast.AsyncFor)
_HAS_STATEMENTS = (ast.withitem, ast.NamedExpr, getattr(ast, "match_case", ast.withitem))


def assigned(body: Sequence[ast.stmt]) -> set[str]:
    """The dotted names that a block may bind or change in place, not those of nested definitions."""
    found: set[str] = set()
    todo: list[ast.AST] = list(body)
    while todo:
        tree = todo.pop()
        kind = type(tree)
        if kind in DEFINITIONS:
            continue
        if kind is ast.Expr:
            _changed_in_place(tree.value, found)  # type: ignore[attr-defined]
        elif kind is ast.Assign:
            for target in tree.targets:  # type: ignore[attr-defined]
                _targets(target, found)
        elif kind is ast.NamedExpr or kind in _WITH_TARGET:
            _targets(tree.target, found)  # type: ignore[attr-defined]
        elif kind is ast.withitem and tree.optional_vars is not None:  # type: ignore[attr-defined]
            _targets(tree.optional_vars, found)  # type: ignore[attr-defined]
        if isinstance(tree, (ast.stmt, ast.excepthandler)) or kind in _HAS_STATEMENTS:
            todo += ast.iter_child_nodes(tree)
    return found


def _targets(tree: ast.expr, found: set[str]) -> None:
    if isinstance(tree, (ast.Tuple, ast.List)):
        for element in tree.elts:
            _targets(element, found)
    elif isinstance(tree, (ast.Subscript, ast.Starred)):
        _targets(tree.value, found)
    else:
        name = dotted(tree)
        if name:
            found.add(name)


def _changed_in_place(tree: ast.expr, found: set[str]) -> None:
    if not isinstance(tree, ast.Call):
        return
    method = tree.func.attr if isinstance(tree.func, ast.Attribute) else getattr(tree.func, "id", "")
    if isinstance(tree.func, ast.Attribute) and (method in MUTATORS or method.endswith("_")):
        _targets(storage(tree.func.value), found)
    out = out_argument(tree)
    if out is not None:
        _targets(out, found)
    if tree.args and (method == "shuffle" or method.endswith("_")):
        name = dotted(tree.args[0])
        if name:
            found.add(name)


def storage(tree: ast.expr) -> ast.expr:
    """What an in-place method really changes: `x` of `x.data` and of `x.copy_(y)`."""
    while True:
        if isinstance(tree, ast.Attribute) and tree.attr == "data":
            tree = tree.value
        elif (
            isinstance(tree, ast.Call)
            and isinstance(tree.func, ast.Attribute)
            and (tree.func.attr.endswith("_") or tree.func.attr == "detach")
        ):
            tree = tree.func.value
        else:
            return tree


def out_argument(tree: ast.Call) -> ast.expr | None:
    """The `out=` of a call, which gets its result."""
    return next((keyword.value for keyword in tree.keywords if keyword.arg == "out"), None)
