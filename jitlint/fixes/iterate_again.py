"""Carries out `IterateAgain`: `itertools.cycle` keeps what it is given, a generator asks for it again."""

from __future__ import annotations

import ast

import libcst as cst
import libcst.matchers as m

from jitlint.fixes.excerpt import Excerpt
from jitlint.fixes.plans import IterateAgain
from jitlint.fixes.text import Declined
from jitlint.fixes.transformer import Transformer

__all__ = ["iterate_again"]

_ELEMENT = cst.Name("batch")
_ROUND = cst.Name("_")
_ELSEWHERE = m.Name("batch") | m.Name("_") | m.NamedExpr() | m.Await() | m.Yield()


def iterate_again(excerpt: Excerpt, plan: IterateAgain) -> cst.Module:
    """The tree with a generator in place of the call; line breaks within its brackets stay."""
    call = excerpt.node(plan.call, cst.Call)
    if len(call.args) != 1 or not m.matches(call.args[0], m.Arg(keyword=None, star="")):
        raise Declined("the call does not have one argument")
    argument = call.args[0]
    scope = excerpt.program.scope_of(excerpt.program.statement_around(plan.call))
    if isinstance(scope, ast.ClassDef) or m.findall(argument.value, _ELSEWHERE):
        raise Declined("the argument would mean something else within a generator")
    if isinstance(argument.comma, cst.Comma):
        raise Declined("a comma stands behind the argument")
    rounds = call.with_changes(
        args=[cst.Arg(cst.List([cst.Element(cst.Name("None"))]))],
        whitespace_before_args=cst.SimpleWhitespace(""),
        lpar=(),
        rpar=(),
    )
    batches = cst.CompFor(_ELEMENT, argument.value)
    generator = cst.GeneratorExp(
        _ELEMENT,
        cst.CompFor(_ROUND, rounds, inner_for_in=batches),
        lpar=[*call.lpar, cst.LeftParen(call.whitespace_before_args)],
        rpar=[cst.RightParen(argument.whitespace_after_arg), *call.rpar],
    )
    return excerpt.tree.visit(Transformer({call: generator}))
