"""Which names code reads, binds and changes, and what a sequence of statements needs from before it."""

from __future__ import annotations

import ast

import pytest

from jitlint.syntax.effects import effects
from jitlint.syntax.flow import flow


@pytest.mark.parametrize(
    ("code", "reads", "binds", "changes"),
    [
        ("a = b.c.d", {"b", "b.c", "b.c.d"}, {"a"}, set()),
        ("a, *b = c", {"c"}, {"a", "b"}, set()),
        ("a += b", {"a", "b"}, {"a"}, set()),
        ("self.a = b", {"self", "b"}, {"self.a"}, set()),
        ("self.a.b = c", {"self", "self.a", "c"}, {"self.a.b"}, {"self.a"}),
        ("a[b] = c", {"a", "b", "c"}, set(), {"a"}),
        ("a.append(b)", {"a", "a.append", "b"}, set(), {"a"}),
        ("a = b.add_(c)", {"b", "b.add_", "c"}, {"a"}, {"b"}),
        ("opt.step()", {"opt", "opt.step"}, set(), set()),
        ("torch.seed(1)", {"torch", "torch.seed"}, set(), set()),
        ("[a for a in b if c]", {"b", "c"}, set(), set()),
        ("[x := a for a in b]", {"b"}, {"x"}, set()),
        ("lambda a, b=c: a + d", {"c", "d"}, set(), set()),
        ("def f(a: x = b):\n    c = a + d\n    return c", {"b", "d"}, {"f"}, set()),
        ("def f():\n    global c\n    c = 1", set(), {"f", "c"}, set()),
        ("class A(B):\n    c = d\n    def m(self):\n        return e", {"B", "d", "e"}, {"A"}, set()),
        ("import a.b, c as d", set(), {"a", "d"}, set()),
        ("try:\n    pass\nexcept E as e:\n    pass", {"E"}, {"e"}, set()),
        (
            "match a:\n    case {'k': b, **c}:\n        pass\n    case [*d]:\n        pass",
            {"a"},
            {"b", "c", "d"},
            set(),
        ),
        ("with a as b:\n    del c", {"a"}, {"b", "c"}, set()),
    ],
)
def test_what_code_does_to_names(code: str, reads: set[str], binds: set[str], changes: set[str]) -> None:
    found = effects([ast.parse(code)], frozenset(["torch"]))
    assert (found.reads, found.binds, found.changes) == (reads, binds, changes)


@pytest.mark.parametrize(
    ("code", "needed", "bound"),
    [
        ("a = b\nc = a", {"b"}, {"a", "c"}),
        ("if x:\n    a = 1\nelse:\n    a = 2\nb = a", {"x"}, {"a", "b"}),
        ("if x:\n    a = 1\nb = a", {"x", "a"}, {"b"}),
        ("for a in b:\n    c = a\nd = c", {"b", "c"}, {"d"}),
        ("while a:\n    a = b", {"a", "b"}, set()),
        ("with a as b:\n    c = b\nd = c", {"a"}, {"b", "c", "d"}),
        ("try:\n    a = 1\nexcept E:\n    pass\nfinally:\n    b = 1\nc = a", {"a"}, {"b", "c"}),
        ("match a:\n    case [b]:\n        c = b", {"a"}, set()),
        ("a += 1", {"a"}, {"a"}),
        ("a = 1\na.b.c", set(), {"a"}),
    ],
)
def test_what_statements_need_and_surely_bind(code: str, needed: set[str], bound: set[str]) -> None:
    found = flow(ast.parse(code).body)
    assert (found.needed, found.bound) == (needed, bound)


def test_a_method_of_self_may_do_what_the_methods_of_the_class_do() -> None:
    others = effects([ast.parse("self.b = self.a + c\nd = 1")])
    found = effects([ast.parse("self.m()")]).with_methods(others)
    assert found.reads_any(["self.a"])
    assert found.writes_any(["self.b.c"])
    assert not found.writes_any(["d", "self.a"])
    assert not effects([ast.parse("m()")]).with_methods(others).reads_any(["self.a"])
