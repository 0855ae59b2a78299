"""Giving a value a name of its own, from the statement that binds it on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from keyword import iskeyword

import libcst as cst
import libcst.matchers as m
from libcst.metadata import Scope, ScopeProvider

from jitlint.fixes.excerpt import Excerpt, Placed
from jitlint.fixes.leading import Statement
from jitlint.fixes.names import HARMLESS
from jitlint.fixes.plans import Rename
from jitlint.fixes.text import Declined

__all__ = ["Renaming"]

_OPERATORS = {"add_": "Add", "sub_": "Subtract", "mul_": "Multiply", "div_": "Divide"}
_OUT_OF_PLACE = frozenset((*_OPERATORS, "clamp_", "clip_", "remainder_", "fmod_", "lerp_", "addcmul_"))
_ATOMS = (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.BaseNumber, cst.BaseString, cst.List, cst.Tuple)
_TIGHTER = (cst.Multiply, cst.Divide, cst.MatrixMultiply, cst.FloorDivide, cst.Modulo, cst.Power)


class Renaming:
    """The nodes that have to be written anew, and the statement that gives the clean value the new name first."""

    def __init__(self, excerpt: Excerpt, loop: Placed, rename: Rename) -> None:
        self.excerpt = excerpt
        self.rename = rename
        self.nodes: dict[cst.CSTNode, cst.CSTNode] = {}
        self.prelude: list[Statement] = []
        self.old = cst.parse_expression(rename.old)
        self.new = cst.Name(rename.new)
        self._scopes = excerpt.metadata(ScopeProvider)
        self._scope = self._scopes[loop.node]
        if not rename.new.isidentifier() or iskeyword(rename.new):
            raise Declined(f"{rename.new!r} is not a name")
        if excerpt.program.uses(rename.new):
            raise Declined(f"the name {rename.new} is taken")

    def rebind(self, statements: Sequence[Statement], users: Sequence[Statement]) -> None:
        """Use the new name from where the statements first bind the old one, and in all of `users`.

        Where they bind it on some ways only (`if use_jittering:`), the new name is bound to the clean value first;
        then several bindings all use the new name, and none may change the clean value in place.
        """
        writers = [line for line in self._simple(statements) if self._writes(line)]
        if not writers:
            raise Declined(f"the statements do not bind {self.rename.old}")
        first = writers[0]
        if first in statements or len(writers) == 1:
            self._rebind(first)
            self._rename(self._occurrences(statements), since=self.excerpt.end(first))
        elif any(self._is_in_place(writer) for writer in writers):
            raise Declined(f"the statements change {self.rename.old} in place")
        else:
            self._rename(self._occurrences(statements), since=self.excerpt.start(first))
        self._rename(self._occurrences(users))
        if first not in statements:
            if any(self._is_in_place(line) for line in self._simple(users)):
                raise Declined(f"the loop changes {self.rename.old} in place")
            copy = cst.Assign([cst.AssignTarget(self.new)], self.old)
            self.prelude = [cst.SimpleStatementLine([copy])]

    def binds(self, statement: Statement) -> bool:
        """Whether some part of a statement binds or changes the old name."""
        return any(self._writes(line) for line in self._simple([statement]))

    # --------------------------------------------------------------------------------------- occurrences

    def _rename(self, found: Iterable[cst.CSTNode], since: tuple[int, int] = (0, 0)) -> None:
        for node in found:
            if self.excerpt.start(node) >= since:
                self.nodes.setdefault(node, self._renamed(node))

    def _renamed(self, node: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(node, cst.Name | cst.Attribute)
        return self.new.with_changes(lpar=node.lpar, rpar=node.rpar)

    def _occurrences(self, nodes: Iterable[cst.CSTNode]) -> Iterator[cst.CSTNode]:
        """Every place where the nodes read or bind the old name; declines where an inner scope has its own."""
        root = self.rename.old.partition(".")[0]
        for node in nodes:
            finder = _Finder(self.old)
            node.visit(finder)
            for place in finder.found:
                name = place
                while isinstance(name, cst.Attribute):
                    name = name.value
                scope = self._scopes.get(name)
                while isinstance(scope, Scope) and scope is not self._scope and not scope.assignments[root]:
                    scope = scope.parent if scope is not scope.parent else None
                if scope is not self._scope:
                    raise Declined(f"an inner scope has its own {self.rename.old}")
                yield place
            if m.findall(node, m.Param(m.Name(root)) | m.NameItem(m.Name(root)) | m.AsName(m.Name(root))):
                raise Declined(f"an inner scope has its own {self.rename.old}")

    def _simple(self, statements: Iterable[Statement]) -> list[cst.CSTNode]:
        """The simple statements, and the targets that `for` and `with` bind, in the order of the text."""
        wanted = m.SimpleStatementLine() | m.For() | m.WithItem()
        found: list[cst.CSTNode] = []
        for node in (node for statement in statements for node in m.findall(statement, wanted)):
            if isinstance(node, cst.For):
                found.append(node.target)
            elif isinstance(node, cst.WithItem):
                found += [node.asname] if node.asname else []
            else:
                found.append(node)
        return sorted(found, key=self.excerpt.start)

    # ------------------------------------------------------------------------------------------- writers

    def _writes(self, node: cst.CSTNode) -> bool:
        return self._is_in_place(node) or any(self._is_old(target) for target in _targets(node))

    def _is_in_place(self, node: cst.CSTNode) -> bool:
        """Whether a statement changes the value of the old name without binding it (or by `+=`)."""
        if any(self._is_old(item.target) for item in m.findall(node, m.AugAssign()) if isinstance(item, cst.AugAssign)):
            return True
        stores = (target for target in _targets(node) if isinstance(target, cst.Subscript | cst.Attribute))
        if any(self._is_old(part) for target in stores for part in _values(target)):
            return True
        calls = [call for call in m.findall(node, m.Call(m.Attribute())) if isinstance(call, cst.Call)]
        return any(self._changes(call, node) for call in calls)

    def _changes(self, call: cst.Call, node: cst.CSTNode) -> bool:
        assert isinstance(call.func, cst.Attribute)
        method = call.func.attr.value
        is_effect = method.endswith("_") or (_expression_of(node) is call and method not in HARMLESS)
        return is_effect and any(self._is_old(part) for part in (call.func.value, *_values(call.func.value)))

    def _is_old(self, node: cst.CSTNode) -> bool:
        return node.deep_equals(self.old)

    def _rebind(self, node: cst.CSTNode) -> None:
        """Let a simple statement that binds or changes the old name bind the new one from it; declines otherwise."""
        small = node.body[0] if isinstance(node, cst.SimpleStatementLine) else node
        match small:
            case cst.Assign() | cst.AnnAssign(value=cst.BaseExpression()):
                if self._is_in_place(node):
                    raise Declined(f"the statement changes {self.rename.old} in place")
                self._rename(place for target in _targets(node) for place in self._occurrences([target]))
            case cst.AugAssign() if self._is_old(small.target):
                operator = _operator(small.operator)
                self.nodes[small] = self._assignment(small, self._operation(operator, small.value))
            case cst.Expr(value=cst.Call(func=cst.Attribute() as method) as call) if self._is_old(method.value):
                self.nodes[small] = self._assignment(small, self._out_of_place(call, method))
            case _:
                raise Declined(f"the statement does not simply bind {self.rename.old}")

    def _assignment(self, old: cst.Expr | cst.AugAssign, value: cst.BaseExpression) -> cst.Assign:
        return cst.Assign([cst.AssignTarget(self.new)], value, semicolon=old.semicolon)

    def _out_of_place(self, call: cst.Call, method: cst.Attribute) -> cst.BaseExpression:
        """`coord + noise` of `coord.add_(noise)`, or `coord.add(noise, alpha=2)` of `coord.add_(noise, alpha=2)`."""
        name = method.attr.value
        if name not in _OUT_OF_PLACE:
            raise Declined(f"the statement does not simply change {self.rename.old}")
        if name in _OPERATORS and len(call.args) == 1 and not (call.args[0].keyword or call.args[0].star):
            return self._operation(getattr(cst, _OPERATORS[name])(), call.args[0].value)
        return call.with_changes(func=method.with_changes(attr=cst.Name(name.removesuffix("_"))))

    def _operation(self, operator: cst.BaseBinaryOp, value: cst.BaseExpression) -> cst.BinaryOperation:
        is_sum = isinstance(operator, cst.Add | cst.Subtract)
        tighter = is_sum and isinstance(value, cst.BinaryOperation) and isinstance(value.operator, _TIGHTER)
        if not (value.lpar or isinstance(value, _ATOMS) or tighter):
            value = value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        return cst.BinaryOperation(self.old, operator, value)


class _Finder(cst.CSTVisitor):
    """The places where a dotted name stands."""

    def __init__(self, wanted: cst.BaseExpression) -> None:
        super().__init__()
        self.wanted = wanted
        self.found: list[cst.CSTNode] = []

    def visit_Name(self, node: cst.Name) -> None:
        if node.with_changes(lpar=(), rpar=()).deep_equals(self.wanted):
            self.found.append(node)

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        if node.with_changes(lpar=(), rpar=()).deep_equals(self.wanted):
            self.found.append(node)
        else:
            node.value.visit(self)
        return False

    def visit_Arg(self, node: cst.Arg) -> bool:
        node.value.visit(self)
        return False


def _targets(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """What a statement, or a target, binds: names, attributes and subscripts."""
    match node:
        case cst.SimpleStatementLine():
            for small in node.body:
                yield from _targets(small)
        case cst.Assign():
            for target in node.targets:
                yield from _targets(target.target)
        case cst.AnnAssign() | cst.AugAssign():
            yield from _targets(node.target)
        case cst.AsName():
            yield from _targets(node.name)
        case cst.Tuple() | cst.List():
            for element in node.elements:
                yield from _targets(element.value)
        case cst.Name() | cst.Attribute() | cst.Subscript():
            yield node


def _operator(node: cst.BaseAugOp) -> cst.BaseBinaryOp:
    """`+` of `+=`."""
    operator = getattr(cst, type(node).__name__.removesuffix("Assign"))()
    assert isinstance(operator, cst.BaseBinaryOp)
    return operator


def _expression_of(node: cst.CSTNode) -> cst.CSTNode | None:
    """The expression that is all of a statement."""
    match node:
        case cst.SimpleStatementLine(body=[cst.Expr(value=value)]):
            return value
    return None


def _values(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """What an attribute or a subscript is of: `a.b` and `a` for `a.b[0]`."""
    while isinstance(node, cst.Attribute | cst.Subscript):
        node = node.value
        yield node
