"""The proof of a move looks only at what the move can reach: looking at the whole scope gives the same answer."""

from __future__ import annotations

import ast
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from jitlint.diagnostic import MoveAboveLoop, MoveIntoLoop, Plan, Rename, RenameInLoop
from jitlint.fixes import reach
from jitlint.fixes.carry_out import edits_of
from jitlint.fixes.excerpt import Part
from jitlint.fixes.names import keys_of
from jitlint.fixes.program import Program, parameters, span_of
from jitlint.fixes.reach import Followed, Reach, Scopes
from jitlint.fixes.text import Declined
from jitlint.source import load_source

NAMES = ("a", "b", "c", "self.a", "self.b")
SIMPLE = (
    "{x} = f({y})",
    "{x} = {y}",
    "{x} = {y} + {z}",
    "{x} += {y}",
    "{x}.add_({y})",
    "{x}[0] = {y}",
    "use({x}, {y})",
    "self.m({x})",
    "g = lambda: {x}",
    "{x} = [{y} for i in {z}]",
    "with {x} as d: {y} = d",
)
HEADS = ("if {x}:", "for d in {x}:", "while {x}:", "with {x} as d:", "try:")
JUMPS = ("break", "continue", "return", "raise")


class Everything(Scopes):
    """Looks at the whole scope, from its first statement on, and follows every name."""

    def reach(self, part: Part, new: list[ast.stmt], moved: Sequence[ast.stmt], rename: Rename | None) -> Reach:
        found = super().reach(part, new, moved, rename)
        scope: Any = self.program.scope_of(part.block[0])
        above = scope.body[: self._parts_around(part)[0].low]
        return replace(
            found,
            before=[*above, *found.before],
            after=[*above, *found.after],
            bound=frozenset(parameters(scope)),
            shared=frozenset(self.program.declared),
        )

    def _followed(self, scope: Any, moved: Sequence[ast.stmt], rename: Rename | None, region: Part) -> Followed:
        found = super()._followed(scope, moved, rename, region)
        names = keys_of(name for node in ast.walk(self.program.tree) for name in self.program.keys(node))
        methods = self._methods(scope)
        names |= keys_of(methods.reads | methods.writes) | keys_of([rename.new] if rename else [])
        return Followed(frozenset(names), found.changed, methods, is_read_later=True)

    def _below(self, parts: Sequence[Part], followed: Followed, new: set[str]) -> list[ast.stmt]:
        return super()._below(parts, replace(followed, changed=followed.names | {"never bound"}), new)


class Writer:
    """Random methods."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def program(self) -> str:
        other = f"    def m(self, b):\n        {self.simple()}\n"
        return f"class A:\n    def train(self, a, loader):\n{self.block(2, 3)}\n{other}"

    def block(self, depth: int, room: int, in_loop: bool = False) -> str:
        return "\n".join(self.statement(depth, room, in_loop) for _ in range(self.rng.randint(1, 3)))

    def statement(self, depth: int, room: int, in_loop: bool) -> str:
        indent = "    " * depth
        if room and self.rng.random() < 0.4:
            head = self.rng.choice(HEADS).format(x=self.rng.choice(NAMES))
            body = self.block(depth + 1, room - 1, in_loop or head.startswith(("for", "while")))
            tail = f"\n{indent}except E:\n{self.block(depth + 1, 0)}" if head == "try:" else ""
            return f"{indent}{head}\n{body}{tail}"
        if self.rng.random() < 0.08:
            jump = self.rng.choice(JUMPS if in_loop else JUMPS[2:])
            return f"{indent}if {self.rng.choice(NAMES)}:\n{indent}    {jump}"
        return indent + self.simple()

    def simple(self) -> str:
        x, y, z = (self.rng.choice(NAMES) for _ in range(3))
        return self.rng.choice(SIMPLE).format(x=x, y=y, z=z)


def plans_of(text: str, rng: random.Random) -> list[Plan]:
    """Moves into and out of the loops of a program, sensible or not."""
    tree = ast.parse(text)
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.While)]
    every = [node for node in ast.walk(tree) if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr)]
    simple = [node for node in every if not any(isinstance(part, ast.Lambda) for part in ast.walk(node))]
    found: list[Plan] = []
    for loop in loops:
        above = [node for node in simple if node.lineno < loop.lineno]
        inside = [node for node in ast.walk(loop) if node in simple]
        if above:
            moved = span_of(rng.choice(above))
            rename = Rename(rng.choice(NAMES[:3]), "new") if rng.random() < 0.3 else None
            found.append(MoveIntoLoop(span_of(loop), (moved,), span_of(loop.body[0]), rename))
        if inside:
            statement = span_of(rng.choice(inside))
            found.append(MoveAboveLoop(span_of(loop), (statement,)))
            found.append(RenameInLoop(span_of(loop), statement, Rename(rng.choice(NAMES[:3]), "new")))
    return found


def outcome(text: str, plan: Plan, everything: bool) -> str:
    """Whether the plan is carried out; where not, why."""
    program = Program(load_source("a.py", text.encode()))
    if everything:
        program.scopes = Everything(program)
    try:
        edits_of(program, plan)
    except Declined as error:
        return str(error)
    return "done"


def test_what_is_left_out_never_lets_a_move_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a branch is taken for sure (the move is in it), the answer may be stricter, in a few programs."""
    rng = random.Random(1)
    counts: Counter[tuple[bool, bool]] = Counter()
    for _ in range(250):
        text = Writer(rng).program()
        for plan in plans_of(text, rng):
            part = outcome(text, plan, everything=False)
            with monkeypatch.context() as patch:
                patch.setattr(reach, "_is_way", lambda part: False)
                whole = outcome(text, plan, everything=True)
            counts[part == "done", whole == "done"] += 1
            assert part != "done" or whole == "done", f"{whole}\n{plan}\n{text}"
    assert counts[True, True] > 50 and counts[False, False] > 200
    assert counts[False, True] <= 5
