"""Which names code reads, binds and changes, and what a sequence of statements needs from before it."""

from __future__ import annotations

import ast

import pytest

from jitlint.fixes.names import Touched, keys_of, touched
from jitlint.fixes.program import Program
from jitlint.fixes.reach import Followed, Reach
from jitlint.fixes.values import Values
from jitlint.source import load_source


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
    found = touched([ast.parse(code)], frozenset(["torch"]))
    assert (found.reads, found.binds, found.changes) == (reads, binds, changes)


def test_what_functions_read_later_is_kept_apart() -> None:
    assert touched([ast.parse("def f(a):\n    return a + b\ng(lambda: c)")]).deferred == {"b", "c"}


def values_of(code: str, name: str = "a", methods: Touched | None = None) -> set[tuple[str, int]]:
    """What the last statement's `name` may be: the lines that made it, and in how many loops a pass before."""
    program = Program(load_source("a.py", code.encode()))
    names = frozenset(keys_of(path for node in ast.walk(program.tree) for path in touched([node]).reads | {name}))
    followed = Followed(names, frozenset(), methods or Touched(), is_read_later=True)
    body = program.tree.body
    found = Values(program, Reach(followed, body, body, frozenset("p"), frozenset()), body)
    last = max(found.lines, key=found.lines.__getitem__)
    return {(str(found.lines.get(made, made)), len(loops)) for made, loops in found.reads[last][name]}


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("a = f(b)\nc(a)", {("1", 0)}),
        ("a = 1\na += b\nc(a)", {("2", 0)}),
        ("a = 1\na.add_(b)\nc(a)", {("2", 0)}),
        ("a = 1\nb = a\nc(b, a)", {("1", 0)}),
        ("if x:\n    a = 1\nelse:\n    a = 2\nc(a)", {("2", 0), ("4", 0)}),
        ("if x:\n    a = 1\nc(a)", {("2", 0), ("?a", 0)}),
        ("for b in x:\n    a = f(b)\nc(a)", {("2", 1), ("?a", 0)}),
        ("a = 1\nfor b in x:\n    a = f(a)\nc(a)", {("1", 0), ("3", 1)}),
        ("a = 1\nfor b in x:\n    if b:\n        break\n    a = 2\nc(a)", {("1", 0), ("5", 1)}),
        ("a = 1\nwhile x:\n    a = 2\n    continue\n    a = 3\nc(a)", {("1", 0), ("3", 1)}),
        ("for i in x:\n    for j in y:\n        a = f(j)\nc(a)", {("3", 2), ("?a", 0)}),
        ("with b as a:\n    pass\nc(a)", {("1", 0)}),
        ("a = 1\ntry:\n    a = f()\nexcept E:\n    pass\nc(a)", {("1", 0), ("3", 0)}),
        ("try:\n    a = f()\nexcept E:\n    raise\nc(a)", {("2", 0)}),
        ("a = 1\ntry:\n    a = f()\nfinally:\n    c(a)", {("1", 0), ("3", 0)}),
        ("match b:\n    case [a]:\n        c(a)", {("2", 0)}),
        ("a = 1\na.b = 2\nc(a)", {("2", 0)}),
    ],
)
def test_where_values_come_from(code: str, values: set[tuple[str, int]]) -> None:
    assert values_of(code) == values


def test_a_method_of_self_may_do_what_the_methods_of_the_class_do() -> None:
    methods = touched([ast.parse("self.b = self.a + c\nd = 1")]).of_self()
    code = "self.b = 1\nself.m()\nf(self.b)"
    assert values_of(code, "self.b", methods) == {("1", 0), ("2", 0)}
    assert values_of(code.replace("self.m", "m"), "self.b", methods) == {("1", 0)}
    assert values_of("d = 1\nself.m()\nf(d)", "d", methods) == {("1", 0)}
