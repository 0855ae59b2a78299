"""Every plan but `MoveIntoLoop`: what it writes, and when it declines."""

from __future__ import annotations

from textwrap import dedent

import pytest

from jitlint.diagnostic import (
    ChangeComment,
    DefaultToNone,
    ExtractAboveLoop,
    Span,
    Uncomment,
)
from jitlint.fixes.text import Declined
from tests.jitlint.fixing import carry_out, move_out, rename_in, spans

# ------------------------------------------------------------------------------------------ MoveAboveLoop


def test_a_seed_moves_above_the_loop_and_its_comments() -> None:
    text = """\
        def train():
            # Train
            for epoch in range(9):

                # Reproducible
                seed(0)  # fixed

                step(epoch)
        """
    assert move_out(dedent(text), "seed", loop="for epoch") == dedent(
        """\
        def train():
            # Reproducible
            seed(0)  # fixed
            # Train
            for epoch in range(9):

                step(epoch)
        """
    )


def test_it_moves_out_of_several_loops_at_once() -> None:
    text = "for e in x:\n    for b in y:\n        seed(0)\n        step(b)\n"
    assert move_out(text, "seed", loop="for e") == "seed(0)\nfor e in x:\n    for b in y:\n        step(b)\n"


def test_a_body_that_would_be_empty_passes() -> None:
    text = "for e in x:\n    # why\n    seed(0)"
    assert move_out(text, "seed", loop="for e") == "# why\nseed(0)\nfor e in x:\n    pass"


def test_the_last_statement_of_a_file_without_a_last_newline() -> None:
    assert (
        move_out("for e in x:\n    step(e)\n    seed(0)", "seed", loop="for e") == "seed(0)\nfor e in x:\n    step(e)"
    )


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("not run in every pass", "for e in x:\n    if e:\n        seed(0)\n    step(e)\n"),
        ("another value", "for e in x:\n    seed(e)\n    step(e)\n"),
        ("another value", "for e in x:\n    n = f(n)\n    seed(n)\n"),
        ("cannot move", "def f():\n    for e in x:\n        seed((yield))\n"),
        ("more than one statement", "for e in x:\n    seed(0); step(e)\n"),
        ("more than one statement", "for e in x: seed(0)\n"),
        ("binds what the statements bind", "for e in x:\n    seed = f(0)\n    seed = 2\n"),
        ("another value", "for e in x:\n    step(a)\n    a = seed(0)\n"),
    ],
)
def test_what_a_pass_needs_stays_in_the_loop(why: str, text: str) -> None:
    with pytest.raises(Declined, match=why):
        move_out(text, "seed", loop="for e")


# --------------------------------------------------------------------------------------- ExtractAboveLoop


def expression(text: str, words: str) -> Span:
    lines = text.split("\n")
    line = next(number for number, content in enumerate(lines, start=1) if words in content)
    column = lines[line - 1].index(words)
    return Span(line, column, line, column + len(words))


def test_an_expression_gets_a_name_above_the_loop() -> None:
    text = "def f():\n    # train\n    for e in x:\n        split(e, RandomState(42))  # why\n"
    plan = ExtractAboveLoop(spans(text)("for e"), expression(text, "RandomState(42)"), "rng")
    assert carry_out(text, plan) == (
        "def f():\n    rng = RandomState(42)\n    # train\n    for e in x:\n        split(e, rng)  # why\n"
    )


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("the loop changes", "for e in x:\n    f(g(e))\n"),
        ("taken", "rng = 1\nfor e in x:\n    f(g(e))\n"),
        ("not in the body", "f(g(e))\nfor e in x:\n    pass\n"),
        ("not in the body", "for e in x:\n    f(lambda: g(e))\n"),
        ("several lines", "for d in x:\n    f(g(\n1))\n"),
    ],
)
def test_an_expression_of_the_pass_stays(why: str, text: str) -> None:
    words = "g(e)" if "g(e)" in text else "g("
    span = expression(text, words)
    if words == "g(":
        span = Span(span.line, span.column, span.line + 1, 2)
    with pytest.raises(Declined, match=why):
        carry_out(text, ExtractAboveLoop(spans(text)("for "), span, "rng"))


# ---------------------------------------------------------------------------------------------- Uncomment


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("def f():\n    a = 1\n    #a = g(a)\n    return a\n", "def f():\n    a = 1\n    a = g(a)\n    return a\n"),
        ("def f():\n    a = 1\n#    a = g(a)\n    return a\n", "def f():\n    a = 1\n    a = g(a)\n    return a\n"),
        (
            "def f():\n    a = 1\n    # a = g(a)  # noise\n\nx = 2\n",
            "def f():\n    a = 1\n    a = g(a)  # noise\n\nx = 2\n",
        ),
        ("def f():\n    a = 1\n    # a = g(a)", "def f():\n    a = 1\n    a = g(a)"),
        (
            "def f():\n    a = 1\n    # a = g(a)  ← OFF!\n\nx = 2\n",
            "def f():\n    a = 1\n    a = g(a)  # ← OFF!\n\nx = 2\n",
        ),
        ("for a in x:\n    # a = g(a)\n    h(a)\n", "for a in x:\n    a = g(a)\n    h(a)\n"),
        ("for a in x:\n    h(a)\n    # a = g(a)\nh(a)\n", "for a in x:\n    h(a)\n    a = g(a)\nh(a)\n"),
        ("for a in x:\n    h(a)\n# a = g(a)\nh(a)\n", "for a in x:\n    h(a)\na = g(a)\nh(a)\n"),
        ("if x:\n    # a = g(a)\n    pass\n", "if x:\n    a = g(a)\n    pass\n"),
        ("if x:\n\th(a)\n\t#a = g(a)\n\th(a)\n", "if x:\n\th(a)\n\ta = g(a)\n\th(a)\n"),
    ],
)
def test_a_comment_becomes_code_at_the_depth_of_its_block(text: str, after: str) -> None:
    line = next(number for number, content in enumerate(text.split("\n"), start=1) if "a = g(a)" in content)
    assert carry_out(text, Uncomment(line, line, "a = g(a)")) == after


def test_several_comment_lines_become_a_block() -> None:
    text = "for a in x:\n    # if use:\n    #     a = g(a)\n    h(a)\n"
    after = "for a in x:\n    if use:\n        a = g(a)\n    h(a)\n"
    assert carry_out(text, Uncomment(2, 3, "if use:\n    a = g(a)")) == after


def test_an_element_of_a_list_keeps_its_own_indentation() -> None:
    text = "t = Compose([\n    Crop(),\n      # Flip(),\n    ToTensor(),\n])\n"
    assert carry_out(text, Uncomment(3, 3, "Flip(),")) == text.replace("# Flip", "Flip")


@pytest.mark.parametrize(
    ("why", "text", "plan"),
    [
        ("not all lines", "a = 1  # a = g(a)\n", Uncomment(1, 1, "a = g(a)")),
        ("does not parse", "f(\n    1,\n    # a = 2;\n)\n", Uncomment(3, 3, "a = 2;")),
        ("does not parse", "x = [\n    1\n    # 2\n]\n", Uncomment(3, 3, "2")),
    ],
)
def test_what_would_not_parse_stays_a_comment(why: str, text: str, plan: Uncomment) -> None:
    with pytest.raises(Declined, match=why):
        carry_out(text, plan)


# ------------------------------------------------------------------------------------------ ChangeComment


@pytest.mark.parametrize(
    ("text", "column", "after"),
    [
        ("if a:\n    é = 1  # b\n    c\n", 12, "if a:\n    é = 1\n    c\n"),
        ("if a:\n    é = 1  # b  # c\n    c\n", 17, "if a:\n    é = 1  # b\n    c\n"),
        ("if a:\n    # b\n    c = 2\n", 4, "if a:\n    c = 2\n"),
        ("a = [\n  # b\n  c,\n]\n", 2, "a = [\n  c,\n]\n"),
        ("a = [\n  c,  # b\n]\n", 6, "a = [\n  c,\n]\n"),
        ("if a:\n    b  # c", 7, "if a:\n    b"),
        ("a = 1\n# b", 0, "a = 1"),
    ],
)
def test_a_comment_with_nothing_left_goes(text: str, column: int, after: str) -> None:
    assert carry_out(text, ChangeComment(2, column, "")) == after


def test_a_comment_says_less() -> None:
    text = "# a\nb = 1  # noqa: JIT101, E501\n"
    assert carry_out(text, ChangeComment(2, 7, "# noqa: E501")) == "# a\nb = 1  # noqa: E501\n"
    with pytest.raises(Declined, match="no comment"):
        carry_out("a = '# b'\n", ChangeComment(1, 5, ""))


# ------------------------------------------------------------------------------------------ DefaultToNone


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("def f(a, x=r(3)):\n    return x\n", "def f(a, x=None):\n    if x is None:\n        x = r(3)\n    return x\n"),
        (
            'def f(*, x: T = r(3), y=1):\n  """Doc."""\n\n  # why\n  return x\n',
            'def f(*, x: T = None, y=1):\n  """Doc."""\n\n  if x is None:\n    x = r(3)\n  # why\n  return x\n',
        ),
        (
            'class A:\n\tdef f(self, x=r(3)):\n\t\t"""Doc."""',
            'class A:\n\tdef f(self, x=None):\n\t\t"""Doc."""\n\t\tif x is None:\n\t\t\tx = r(3)',
        ),
    ],
)
def test_a_default_is_computed_in_every_call(text: str, after: str) -> None:
    assert carry_out(text, DefaultToNone(spans(text)("def f"), "x")) == after


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("has no default", "def f(x):\n    return x\n"),
        ("names no function", "f = 1\n"),
        ("means something else", "def f(n, x=r(n)):\n    return x\n"),
        ("means something else", "class A:\n    n = 1\n    def f(self, x=r(n)):\n        return x\n"),
        ("whether x is None", "def f(x=r(3)):\n    if x is not None:\n        return x\n"),
        ("line of its header", "def f(x=r(3)): return x\n"),
        ("several lines", "def f(x=r(\n    3)):\n    return x\n"),
    ],
)
def test_a_default_that_means_something_stays(why: str, text: str) -> None:
    with pytest.raises(Declined, match=why):
        carry_out(text, DefaultToNone(spans(text)("f"), "x"))


# ------------------------------------------------------------------------------------------- RenameInLoop


@pytest.mark.parametrize(
    ("statement", "written"),
    [
        ("coord = coord + noise", "jittered = coord + noise"),
        ("coord += noise", "jittered = coord + noise"),
        ("coord.add_(noise)", "jittered = coord + noise"),
        ("self.coord += noise", "jittered = self.coord + noise"),
    ],
)
def test_the_perturbed_value_gets_its_own_name(statement: str, written: str) -> None:
    old = "self.coord" if "self" in statement else "coord"
    text = (
        f"def f(self, coord):\n    for x in y:\n        {statement}  # why\n        g({old}, {old})\n    return {old}\n"
    )
    after = text.replace(statement, written).replace(f"g({old}, {old})", "g(jittered, jittered)")
    assert rename_in(text, statement, "for x", old=old) == after


def test_a_conditional_perturbation_starts_from_the_clean_value() -> None:
    text = "for x in y:\n    # why\n    if use:\n        coord += noise\n    g(coord)\n"
    after = (
        "for x in y:\n    jittered = coord\n    # why\n    if use:\n        jittered = coord + noise\n    g(jittered)\n"
    )
    assert rename_in(text, "coord += noise", "for x") == after


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("taken", "for x in y:\n    coord = coord + n\n    g(coord, jittered)\n"),
        ("before the statement", "for x in y:\n    coord = h()\n    coord = coord + n\n    g(coord)\n"),
        ("another value", "def f():\n    return coord\nfor x in y:\n    coord = coord + n\n    g(coord)\n"),
        ("in place", "for x in y:\n    if x:\n        coord = coord + n\n    coord[0] = 1\n"),
        ("inner scope", "for x in y:\n    coord = coord + n\n    [coord for coord in z]\n"),
    ],
)
def test_where_the_name_is_seen_elsewhere_it_stays(why: str, text: str) -> None:
    with pytest.raises(Declined, match=why):
        rename_in(text, "coord = coord + n", "for x")
