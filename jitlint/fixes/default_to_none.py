"""Carries out `DefaultToNone`: a default that was drawn once, at the definition, is drawn in every call."""

from __future__ import annotations

import ast

import libcst as cst
import libcst.matchers as m

from jitlint.fixes.excerpt import Excerpt
from jitlint.fixes.leading import Statement, split, with_lines
from jitlint.fixes.names import touched
from jitlint.fixes.plans import DefaultToNone
from jitlint.fixes.program import Function, Program
from jitlint.fixes.text import Declined
from jitlint.fixes.transformer import BlockTransformer, body_of

__all__ = ["default_to_none"]

_DOCSTRING = m.SimpleStatementLine([m.Expr(m.SimpleString() | m.ConcatenatedString())])


def default_to_none(excerpt: Excerpt, plan: DefaultToNone) -> cst.Module:
    """The default becomes None, and the body begins with `if parameter is None: parameter = default`."""
    function = excerpt.placed(plan.function).node
    if not isinstance(function, cst.FunctionDef):
        raise Declined("the plan names no function")
    parameters = function.params
    every = (*parameters.posonly_params, *parameters.params, *parameters.kwonly_params)
    parameter = next((item for item in every if item.name.value == plan.parameter), None)
    if parameter is None or parameter.default is None:
        raise Declined(f"{plan.parameter} has no default")
    node = excerpt.program.statement_around(plan.function)
    assert isinstance(node, Function)
    _require_same_meaning(excerpt.program, node, plan.parameter)
    place = excerpt.positions[parameter.default]
    if place.start.line != place.end.line:
        raise Declined("the default spans several lines")
    body = body_of(function)
    head, *rest = body.body
    assert isinstance(head, cst.SimpleStatementLine | cst.BaseCompoundStatement)
    test = _test(plan.parameter, parameter.default, body)
    changed: dict[cst.CSTNode, cst.CSTNode] = {parameter: parameter.with_changes(default=cst.Name("None"))}
    if not m.matches(head, _DOCSTRING):
        return excerpt.tree.visit(_above(changed, head, test))
    if not rest:
        return excerpt.tree.visit(BlockTransformer(changed, below={head: [test]}))
    assert isinstance(rest[0], cst.SimpleStatementLine | cst.BaseCompoundStatement)
    return excerpt.tree.visit(_above(changed, rest[0], test))


def _above(changed: dict[cst.CSTNode, cst.CSTNode], statement: Statement, test: Statement) -> BlockTransformer:
    stays, own = split(statement)
    if isinstance(statement, cst.SimpleStatementLine) and len(statement.body) > 1:
        raise Declined("a line has more than one statement")
    return BlockTransformer(changed, above={statement: [with_lines(test, stays)]}, leading={statement: own})


def _test(name: str, default: cst.BaseExpression, body: cst.IndentedBlock) -> Statement:
    target = cst.AssignTarget(cst.Name(name))
    assignment = cst.SimpleStatementLine([cst.Assign([target], default)])
    is_none = cst.Comparison(cst.Name(name), [cst.ComparisonTarget(cst.Is(), cst.Name("None"))])
    return cst.If(is_none, cst.IndentedBlock([assignment], indent=body.indent))


def _require_same_meaning(program: Program, function: Function, parameter: str) -> None:
    """Decline when the default would read other names in the body, or None already means something there."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = dict(zip(reversed([arg.arg for arg in positional]), reversed(arguments.defaults), strict=False))
    keywords = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    default = (defaults | {arg.arg: value for arg, value in keywords if value})[parameter]
    local = touched(function.body).binds | {node.arg for node in ast.walk(arguments) if isinstance(node, ast.arg)}
    around = program.class_of(function)
    if around is not None:
        local |= touched(around.body).binds
    if touched([default]).reads & local or any(isinstance(node, ast.NamedExpr) for node in ast.walk(default)):
        raise Declined("the default reads a name that means something else in the body")
    tests = (node for statement in function.body for node in ast.walk(statement) if isinstance(node, ast.Compare))
    nones = (test for test in tests if any(isinstance(c, ast.Constant) and c.value is None for c in test.comparators))
    if any(parameter in touched([test.left]).reads for test in nones):
        raise Declined(f"the body already tells whether {parameter} is None")
