"""Carries out `SwapCalls`: move a link of a method chain in front of the links before it."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from jitlint.fixes.excerpt import Excerpt
from jitlint.fixes.plans import SwapCalls
from jitlint.fixes.text import Declined
from jitlint.fixes.transformer import Transformer

__all__ = ["swap_calls"]


def swap_calls(excerpt: Excerpt, plan: SwapCalls) -> cst.Module:
    """The tree with the names and arguments of the calls exchanged; their places keep their line breaks."""
    outer = excerpt.node(plan.call, cst.Call)
    places = _links(outer, plan.over)
    if any(m.findall(_function(place).dot, m.Comment()) for place in places):
        raise Declined("a comment stands between the calls")
    if any(isinstance(node, cst.Attribute) and _is_followed(node, outer) for node in excerpt.positions):
        raise Declined("a comment stands behind the calls")
    value = _function(places[0]).value
    for place, link in zip(places, (outer, *places[:-1]), strict=True):
        function = _function(place).with_changes(attr=_function(link).attr, value=value)
        value = link.with_changes(func=function, lpar=place.lpar, rpar=place.rpar)
    return excerpt.tree.visit(Transformer({outer: value}))


def _links(outer: cst.Call, over: int) -> list[cst.Call]:
    """The call and the links that it moves in front of, the first link first."""
    links = [outer]
    for _ in range(over):
        match links[0]:
            case cst.Call(func=cst.Attribute(value=cst.Call(func=cst.Attribute()) as before)):
                links.insert(0, before)
            case _:
                raise Declined("the call is not the second of two links")
    return links


def _function(call: cst.Call) -> cst.Attribute:
    assert isinstance(call.func, cst.Attribute)
    return call.func


def _is_followed(node: cst.Attribute, call: cst.Call) -> bool:
    """Whether a link follows the call with a comment in between, which belongs to the call."""
    return node.value is call and bool(m.findall(node.dot, m.Comment()))
