"""Where a comment stands: in which function, branch or list of transforms, and what those are called."""

from __future__ import annotations

import functools
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from jitlint import catalogue
from jitlint.semantics.comments import Piece
from jitlint.semantics.graph import Comment, Kind, Module, Node, RegionKind, Scope

_DISPLAY_NAME = re.compile(r"transform|aug|tfm|pipeline|preproc|compose", re.IGNORECASE)
_HEADERS = (RegionKind.THEN, RegionKind.ELSE)


def scope_at(module: Module, comment: Comment) -> Scope:
    """The innermost function that a comment stands in, also after its last statement; or the top level."""
    text = comment.lines[0]
    column = comment.column + (len(text) - len(text.lstrip()) if comment.column == 0 else 0)
    best = module.scopes[""]
    for scope in module.scopes.values():
        if not scope.qualname or scope.span.line >= comment.first_line or scope.span.line < best.span.line:
            continue
        if comment.first_line <= scope.span.end_line or (
            column > scope.span.column and not _begins_between(module, scope, comment.first_line)
        ):
            best = scope
    return best


def _begins_between(module: Module, scope: Scope, line: int) -> bool:
    """Whether other code begins between a function's end and a line."""
    begins = _first_lines(module)
    return bisect_right(begins, scope.span.end_line) < bisect_left(begins, line)


@functools.lru_cache(maxsize=8)
def _first_lines(module: Module) -> list[int]:
    """The lines on which statements begin, in order."""
    return sorted(statement.span.line for scope in module.scopes.values() for statement in scope.statements)


def region_at(scope: Scope, piece: Piece) -> int:
    """The region that a comment would belong to: of the next statement at its column, else of the last one."""
    following = [item for item in scope.statements if item.span.line > piece.last_line]
    before = [item for item in scope.statements[1:] if item.span.line < piece.place]
    for item in (*following[:1], *reversed(before)):
        if item.span.column == piece.column:
            return item.region
    around = [item for item in before if item.span.end_line >= piece.place]
    return around[-1].region if around else 0


def is_emptied(scope: Scope, region: int) -> bool:
    """Whether a branch has nothing but `pass`."""
    if scope.regions[region].kind not in _HEADERS:
        return False
    inside = [index for index, item in enumerate(scope.statements) if item.region == region]
    busy = {node.statement for node in scope.nodes}
    return bool(inside) and not any(index in busy for index in inside)


def transform_display(scope: Scope, line: int) -> int | None:
    """The list of transforms that a line lies in: its node, -1 outside of any brackets, None in other brackets."""
    inner = sorted(
        (node.span, index)
        for index, node in enumerate(scope.nodes)
        if node.span.line < line <= node.span.end_line and node.kind in (Kind.CALL, Kind.COLLECTION)
    )
    if not inner:
        return -1
    for _, index in reversed(inner[-2:]):
        node = scope.nodes[index]
        if node.kind is Kind.CALL and node.method in catalogue.COMPOSERS:
            return inner[-1][1]
    last = scope.nodes[inner[-1][1]]
    if last.kind is Kind.COLLECTION and any(_DISPLAY_NAME.search(name) for name in (*_binds(scope, last), scope.name)):
        return inner[-1][1]
    return None


def display_names(scope: Scope, display: int, line: int) -> tuple[str, ...]:
    """What a list of transforms is called, innermost first: dict keys, `train=True`, the names it is bound to."""
    around = [(node.span, node) for node in scope.nodes if node.span.line < line <= node.span.end_line]
    names: list[str] = []
    for _, node in sorted(around, key=lambda pair: pair[0], reverse=True):
        if node.kind is Kind.COLLECTION and node.name == "dict":
            names += _keys_at(scope, node, line)
        elif node.kind is Kind.CALL:
            names += _arguments_saying(scope, node)
    return (*names, *_binds(scope, scope.nodes[display]))


def display_users(scope: Scope, display: int) -> tuple[str, ...]:
    """What the data sets are called that get the variable which a list of transforms is bound to."""
    binds = _binds(scope, scope.nodes[display])
    values = {node for name in binds for node in scope.variables.get(name, ())}
    names: list[str] = []
    for _, node in scope.calls():
        if values & set(node.arguments):
            names += [*_arguments_saying(scope, node), *_binds(scope, node)]
    return tuple(names)


def _binds(scope: Scope, node: Node) -> tuple[str, ...]:
    return scope.statements[node.statement].binds if node.statement >= 0 else ()


def _keys_at(scope: Scope, node: Node, line: int) -> Iterator[str]:
    """The key of the dict's value that a line lies in."""
    half = len(node.inputs) // 2
    for key, value in zip(node.inputs[:half], node.inputs[half:], strict=False):
        text, span = scope.nodes[key].value, scope.nodes[value].span
        if isinstance(text, str) and span.line <= line <= span.end_line:
            yield text


def _arguments_saying(scope: Scope, node: Node) -> Iterator[str]:
    """`train=True` says train, `train=False` says test, `split="val"` says val."""
    for argument, key in zip(node.arguments, node.keywords, strict=False):
        value = scope.nodes[argument].value
        if key and value is True:
            yield key
        elif key == "train" and value is False:
            yield "test"
        elif key in ("split", "mode", "phase", "subset") and isinstance(value, str):
            yield value
