"""Carries out `SwapCalls`: exchange two adjacent links of a method chain."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from jitlint.fixes.excerpt import Excerpt
from jitlint.fixes.plans import SwapCalls
from jitlint.fixes.text import Declined
from jitlint.fixes.transformer import Transformer

__all__ = ["swap_calls"]


def swap_calls(excerpt: Excerpt, plan: SwapCalls) -> cst.Module:
    """The tree with the names and arguments of the two calls exchanged; their places keep their line breaks."""
    outer = excerpt.node(plan.call, cst.Call)
    match outer:
        case cst.Call(func=cst.Attribute(value=cst.Call(func=cst.Attribute()) as inner)):
            pass
        case _:
            raise Declined("the call is not the second of two links")
    link, before = outer.func, inner.func
    assert isinstance(link, cst.Attribute) and isinstance(before, cst.Attribute)
    if m.findall(link.dot, m.Comment()) or m.findall(before.dot, m.Comment()):
        raise Declined("a comment stands between the calls")
    if any(isinstance(node, cst.Attribute) and _is_followed(node, outer) for node in excerpt.positions):
        raise Declined("a comment stands behind the calls")
    first = _with_link(inner, before.with_changes(attr=link.attr), outer)
    second = _with_link(outer, link.with_changes(attr=before.attr, value=first), inner)
    return excerpt.tree.visit(Transformer({outer: second}))


def _is_followed(node: cst.Attribute, call: cst.Call) -> bool:
    """Whether a link follows the call with a comment in between, which belongs to the call."""
    return node.value is call and bool(m.findall(node.dot, m.Comment()))


def _with_link(place: cst.Call, function: cst.Attribute, link: cst.Call) -> cst.Call:
    """The name and the arguments of `link` where the call `place` stands."""
    return link.with_changes(func=function, lpar=place.lpar, rpar=place.rpar)
