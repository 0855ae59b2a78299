"""Calls and expressions that a fix writes anew."""

from __future__ import annotations

import ast

import pytest

from jitlint.diagnostic import (
    AddArgument,
    BindResult,
    IterateAgain,
    Plan,
    ReplaceArgument,
    ReplaceExpression,
    Several,
    Span,
    SwapCalls,
)
from jitlint.fixes.text import Declined
from tests.jitlint.fixing import carry_out


def whole(text: str, part: str) -> Span:
    """The span of a part of a text."""
    start = text.index(part)
    before, inside = text[:start], part
    line, column = before.count("\n") + 1, len(before.rpartition("\n")[2].encode())
    last = inside.rpartition("\n")[2]
    end = len(last.encode()) if "\n" in inside else column + len(last.encode())
    return Span(line, column, line + inside.count("\n"), end)


def _call(text: str, name: str) -> str:
    """The text of the first call of a function."""
    calls = (
        node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call) and ast.unparse(node.func) == name
    )
    return ast.get_source_segment(text, next(calls)) or ""


# ---------------------------------------------------------------------------------------------- SwapCalls


@pytest.mark.parametrize(
    ("chain", "after"),
    [
        ("ds.map(f).cache()", "ds.cache().map(f)"),
        ("é.x(1, *a).map(f, n=2).cache('y')", "é.x(1, *a).cache('y').map(f, n=2)"),
        ("(ds\n    .map(f)\n    .cache())", "(ds\n    .cache()\n    .map(f))"),
        ("ds.map(\n    f,  # why\n    2,\n).cache()", "ds.cache().map(\n    f,  # why\n    2,\n)"),
    ],
)
def test_two_links_of_a_chain_change_places(chain: str, after: str) -> None:
    text = f"if 1:\n  a = {chain}.batch(2)  # end\n"
    bare = chain[1:-1] if chain.startswith("(") else chain
    assert carry_out(text, SwapCalls(whole(text, bare))) == text.replace(chain, after)


def test_a_link_moves_over_several_others() -> None:
    text = "a = (\n    ds.x()\n    .map(f, 2)\n    .shuffle(\n        9,  # all\n)\n    .cache('y')\n    .batch(2)\n)\n"
    call = whole(text, text[len("a = (\n    ") : text.index("\n    .batch")])
    after = text.replace("\n    .cache('y')", "").replace(".map(f, 2)", ".cache('y')\n    .map(f, 2)")
    assert carry_out(text, SwapCalls(call, over=2)) == after
    with pytest.raises(Declined, match="not the second"):
        carry_out(text, SwapCalls(call, over=4))


@pytest.mark.parametrize(
    ("why", "chain"),
    [
        ("not the second", "cache(map(f))"),
        ("not the second", "ds.cache()"),
        ("not the second", "map(f).cache()"),
        ("between the calls", "(ds\n.map(f)  # why\n.cache())"),
    ],
)
def test_other_calls_stay(why: str, chain: str) -> None:
    bare = chain[1:-1] if chain.startswith("(") else chain
    with pytest.raises(Declined, match=why):
        carry_out(f"{chain}\n", SwapCalls(whole(f"{chain}\n", bare)))


# ---------------------------------------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("call", "after"),
    [
        ("f()", "f(k=v)"),
        ("f(a)", "f(a, k=v)"),
        ("f(a,)", "f(a, k=v,)"),
        ("f(a, b=1)", "f(a, b=1, k=v)"),
        ("f(a, **b)", "f(a, k=v, **b)"),
        ("f(**b)", "f(k=v, **b)"),
        ("f(*a)", "f(*a, k=v)"),
        ("f(\n    a,\n    b,\n)", "f(\n    a,\n    b,\n    k=v,\n)"),
        ("f(\n    a,\n    b\n)", "f(\n    a,\n    b,\n    k=v\n)"),
        ("f(\n    a,  # why\n)", "f(\n    a,  # why\n    k=v,\n)"),
        ("f(a,\n  b)", "f(a,\n  b, k=v)"),
    ],
)
def test_a_keyword_is_added_behind_the_other_arguments(call: str, after: str) -> None:
    text = f"x = {call}  # end\n"
    assert carry_out(text, AddArgument(whole(text, call), "k", "v")) == f"x = {after}  # end\n"


@pytest.mark.parametrize(
    ("argument", "after"), [("p", "f(a, 2, p=0.5)  # é"), (1, "f(a, 0.5, p=0)  # é"), (0, "f(0.5, 2, p=0)  # é")]
)
def test_an_argument_gets_another_value(argument: str | int, after: str) -> None:
    text = "f(a, 2, p=0)  # é\n"
    assert carry_out(text, ReplaceArgument(whole(text, "f(a, 2, p=0)"), argument, "0.5")) == f"{after}\n"


@pytest.mark.parametrize(
    ("why", "call", "plan"),
    [
        ("already has", "f(k=1)", AddArgument(Span(1, 0, 1, 6), "k", "v")),
        ("a generator", "f(x for x in y)", AddArgument(Span(1, 0, 1, 15), "k", "v")),
        ("comment stands", "f(a  # why\n)", AddArgument(Span(1, 0, 2, 1), "k", "v")),
        ("has no argument", "f(1)", ReplaceArgument(Span(1, 0, 1, 4), "k", "v")),
        ("has no argument", "f(*a, 1)", ReplaceArgument(Span(1, 0, 1, 8), 1, "v")),
        ("comments", "f([  # why\n])", ReplaceArgument(Span(1, 0, 2, 2), 0, "v")),
        ("no expression", "f(1)", ReplaceArgument(Span(1, 0, 1, 4), 0, "v v")),
    ],
)
def test_a_call_that_cannot_have_it_stays(why: str, call: str, plan: Plan) -> None:
    with pytest.raises(Declined, match=why):
        carry_out(f"{call}\n", plan)


# ---------------------------------------------------------------------------------------------- expressions


@pytest.mark.parametrize(
    ("text", "old", "new", "after"),
    [
        ("a = b(c)\n", "b(c)", "d", "a = d\n"),
        ("a = 2 * b(c)\n", "b(c)", "d + e", "a = 2 * (d + e)\n"),
        ("a = f(b(c))\n", "b(c)", "d + e", "a = f(d + e)\n"),
        ("a = b(c).d\n", "b(c)", "-e", "a = (-e).d\n"),
        ("a = (b(c))\n", "b(c)", "d", "a = (d)\n"),
        ("for a in b(c):\n    d\n", "b(c)", "e(f)", "for a in e(f):\n    d\n"),
        (
            "class A:\n    def f(self):\n        return self.é.g(1)\n",
            "self.é.g(1)",
            "2",
            "class A:\n    def f(self):\n        return 2\n",
        ),
    ],
)
def test_an_expression_is_replaced_and_keeps_its_place(text: str, old: str, new: str, after: str) -> None:
    assert carry_out(text, ReplaceExpression(whole(text, old), new)) == after


@pytest.mark.parametrize(
    ("why", "text", "plan"),
    [
        ("no such expression", "a = b + c\n", ReplaceExpression(Span(1, 0, 1, 5), "d")),
        ("comments", "a = [  # why\n]\n", ReplaceExpression(Span(1, 4, 2, 1), "d")),
    ],
)
def test_what_is_no_expression_of_its_own_stays(why: str, text: str, plan: Plan) -> None:
    with pytest.raises(Declined, match=why):
        carry_out(text, plan)


def test_several_expressions_are_replaced_together_and_their_import_comes_once() -> None:
    text = "import random\n\n\ndef seed(i):\n    random.seed(i); np.random.seed(i)\n"
    imports = ("import torch",)
    seeds = ("random.seed(i)", "np.random.seed(i)")
    calls = (ReplaceExpression(whole(text, call), f"{call[:-2]}torch.f())", imports) for call in seeds)
    head = "import random\n\nimport torch\n\n\ndef seed(i):\n"
    assert carry_out(text, Several(tuple(calls))) == f"{head}    random.seed(torch.f()); np.random.seed(torch.f())\n"


# --------------------------------------------------------------------------------------------- BindResult


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("if a:\n    é(x); mix(x)  # why\n", "if a:\n    é(x); x = mix(x)  # why\n"),
        ("mix(x); b = 2\n", "x = mix(x); b = 2\n"),
        ("(mix(x))\n", "x = (mix(x))\n"),
        ("mix(\n    x,  # all\n)\n", "x = mix(\n    x,  # all\n)\n"),
    ],
)
def test_a_result_gets_a_name(text: str, after: str) -> None:
    assert carry_out(text, BindResult(whole(text, _call(text, "mix")), "x")) == after


@pytest.mark.parametrize("text", ["await mix(x)\n", "a = mix(x)\n", "f(mix(x))\n", "mix(x).show()\n", "mix(x), 1\n"])
def test_a_call_in_another_expression_gets_no_name(text: str) -> None:
    with pytest.raises(Declined, match="not a statement of its own"):
        carry_out(text, BindResult(whole(text, _call(text, "mix")), "x"))


# ------------------------------------------------------------------------------------------- IterateAgain


@pytest.mark.parametrize(
    ("call", "after"),
    [
        ("cycle(loader)", "(batch for _ in cycle([None]) for batch in loader)"),
        ("cycle(\n    make(x),\n    y)", None),
        ("it.cycle(  # again\n    loader\n)", "(  # again\n    batch for _ in it.cycle([None]) for batch in loader\n)"),
    ],
)
def test_a_generator_iterates_again(call: str, after: str | None) -> None:
    text = f"for é, x in zip(a, {call}):\n    pass\n"
    plan = IterateAgain(whole(text, call))
    if after is not None:
        assert carry_out(text, plan) == text.replace(call, after)
        return
    with pytest.raises(Declined, match="one argument"):
        carry_out(text, plan)


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("something else", "b = cycle(batch)\n"),
        ("something else", "b = cycle(x := loader)\n"),
        ("something else", "class A:\n    b = cycle(loader)\n"),
        ("one argument", "b = cycle(*loaders)\n"),
        ("comma", "b = cycle(loader,)\n"),
    ],
)
def test_other_cycles_stay(why: str, text: str) -> None:
    with pytest.raises(Declined, match=why):
        carry_out(text, IterateAgain(whole(text, _call(text, "cycle"))))
