"""What a move can reach: the statements of a scope whose values it may change, before and after it.

A move changes where some names are bound. All else in the scope stays as it was, so only statements are looked at
that touch those names, or names whose values are copied from or to them; below the place where all of them are bound
anew, none is. What is left out is left out before and after alike. So the proof of a move costs what the move can
reach, and not the size of its function.
"""

from __future__ import annotations

import ast
import copy
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jitlint.fixes.excerpt import Part
from jitlint.fixes.names import Touched, key_of, keys_of, path_of, touched
from jitlint.fixes.plans import Rename
from jitlint.fixes.program import Function, Program, parameters

__all__ = ["Reach", "Scopes", "reach_of"]

_JUMPS = (ast.Break, ast.Continue, ast.Return, ast.Raise)


@dataclass(frozen=True)
class Followed:
    """The names whose values a move may change, or that it gets values from; all others stay as they are.

    `names` are keys (:func:`key_of`); `changed` are those of them that the move binds or changes. `methods` is what
    calling a method of `self` may do to them.
    """

    names: frozenset[str]
    changed: frozenset[str]
    methods: Touched
    is_read_later: bool  # whether inner functions read one of the names


@dataclass(frozen=True)
class Reach:
    """The statements before and after a move, and what is known where they begin.

    `bound` have a value there, `shared` may be read at any time by functions made above.
    """

    followed: Followed
    before: list[ast.stmt]
    after: list[ast.stmt]
    bound: frozenset[str]
    shared: frozenset[str]


def reach_of(
    program: Program, part: Part, new: list[ast.stmt], moved: Sequence[ast.stmt], rename: Rename | None
) -> Reach:
    """What is reached by a move of some statements that makes `new` of a part."""
    if program.scopes is None:
        program.scopes = Scopes(program)
    return program.scopes.reach(part, new, moved, rename)


class Scopes:
    """The blocks of one program by the names that their statements touch; each is looked at once."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._blocks: dict[int, _Names] = {}
        self._of_methods: dict[ast.AST, Touched] = {}
        self._around: dict[ast.AST, Touched] = {}

    def reach(self, part: Part, new: list[ast.stmt], moved: Sequence[ast.stmt], rename: Rename | None) -> Reach:
        """What is reached by a move of `moved` that makes `new` of the statements of a part."""
        scope = self.program.scope_of(part.block[0])
        parts = self._parts_around(part)
        region = next(number for number, item in enumerate(parts) if number + 1 == len(parts) or not _is_way(item))
        followed = self._followed(scope, moved, rename, parts[region])
        before, after = part.statements, new
        for outer, inner in zip(parts[region:-1][::-1], parts[region + 1 :][::-1], strict=True):
            above, below = (self._beside(inner, followed, below, jumps=True) for below in (False, True))
            before, after = (
                [_with_block(outer.statements[0], inner.block, [*above, *body, *below])] for body in (before, after)
            )
        rest = self._below(parts[: region + 1], followed, {rename.new} if rename else set())
        bound, shared = self._above(parts[: region + 1], followed)
        bound |= followed.names & parameters(scope)
        shared |= {name for name in self.program.declared if key_of(name) in followed.names}
        return Reach(followed, [*before, *rest], [*after, *rest], bound, shared)

    # ------------------------------------------------------------------------------------------- names

    def _followed(self, scope: Any, moved: Sequence[ast.stmt], rename: Rename | None, region: Part) -> Followed:
        """The names of a move; what it calls may call inner functions, which read what the region writes."""
        methods = self._methods(scope)
        found = touched(moved, self.program.imported)
        writes, reads = keys_of(found.writes), keys_of(found.reads)
        if rename is not None:
            writes |= keys_of((rename.old, rename.new))
        if found.calls_self:
            writes |= keys_of(methods.writes)
            reads |= keys_of(methods.reads)
        body = self._names(scope.body)
        changed = _closed(writes, self._copies[0])
        written = body.written | keys_of(methods.writes) | changed
        read_later = body.read_later | keys_of(self.program.declared)
        inside = keys_of(name for statement in region.statements for name in self.program.touched(statement).writes)
        read = (reads & written) | keys_of(found.deferred) | (read_later & inside)
        names = frozenset(_closed(changed | read, self._copies[1], written))
        is_read_later = bool(names & read_later)
        return Followed(names, frozenset(changed), methods.only(names), is_read_later)

    @cached_property
    def _copies(self) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
        """The names that get another's value as it is (`b = a`): all of each name, and of which each is."""
        copies: dict[str, set[str]] = defaultdict(set)
        sources: dict[str, set[str]] = defaultdict(set)
        for statement in self.program.statements:
            if isinstance(statement, ast.Assign) and (path := path_of(statement.value)):
                for target in keys_of(self.program.touched(statement).binds):
                    copies[key_of(path)].add(target)
                    sources[target].add(key_of(path))
        return copies, sources

    def _methods(self, scope: ast.AST) -> Touched:
        """What the other methods of the scope's class do to `self`, which calls of them do as well."""
        if scope not in self._around:
            around = self.program.class_of(scope) if isinstance(scope, Function) else None
            siblings = around.body if around is not None else []
            others = [item for item in siblings if item is not scope and getattr(item, "name", "") != "__init__"]
            self._around[scope] = Touched.union(self._of_method(method) for method in others)
        return self._around[scope]

    def _of_method(self, method: ast.stmt) -> Touched:
        if method not in self._of_methods:
            self._of_methods[method] = touched(getattr(method, "body", []), self.program.imported).of_self()
        return self._of_methods[method]

    # ------------------------------------------------------------------------------------------ blocks

    def _parts_around(self, part: Part) -> list[Part]:
        """The statement of each block that holds a part, up to the scope's own block, outside in."""
        parts, scope = [part], self.program.scope_of(part.block[0])
        around = self.program.place(part.block[0]).around
        while around is not None and around is not scope:
            place = self.program.place(around)
            parts.append(Part(place.block, place.number, place.number))
            around = place.around
        return parts[::-1]

    def _names(self, block: list[ast.stmt]) -> _Names:
        if id(block) not in self._blocks:
            self._blocks[id(block)] = _Names(self.program, block)
        return self._blocks[id(block)]

    def _beside(self, part: Part, followed: Followed, below: bool, jumps: bool = False) -> list[ast.stmt]:
        """The statements above or below a part that touch the names; with `jumps`, also those that end a pass."""
        found: Sequence[int] = range(len(part.block))
        if not followed.is_read_later:
            methods = bool(followed.methods.reads or followed.methods.writes)
            found = self._names(part.block).about(followed.names, jumps, methods)
        return [part.block[number] for number in found if (number > part.high if below else number < part.low)]

    def _below(self, parts: Sequence[Part], followed: Followed, new: set[str]) -> list[ast.stmt]:
        """The statements that run after the last part, up to where all that the move changes is bound anew."""
        found: list[ast.stmt] = []
        left = followed.changed - new
        for part in reversed(parts):
            for statement in self._beside(part, followed, below=True):
                if not left:
                    return found
                found.append(statement)
                if isinstance(statement, ast.Assign):
                    left = left - self.program.touched(statement).binds
        return found

    def _above(self, parts: Sequence[Part], followed: Followed) -> tuple[frozenset[str], frozenset[str]]:
        """What the statements above the parts bind, and what functions made there read when they are called."""
        nodes: list[ast.AST] = []
        for part in parts:
            nodes += self._beside(part, followed, below=False)
            nodes += getattr(part.statements[0], "items", ()) if part is not parts[-1] else ()
        found = Touched.union(self.program.touched(node) for node in nodes).only(followed.names)
        return frozenset(found.binds), frozenset(found.deferred)


class _Names:
    """The statements of one block by the keys of the names that they touch."""

    def __init__(self, program: Program, block: Sequence[ast.stmt]) -> None:
        self.written: set[str] = set()
        self.read_later: set[str] = set()
        self._about: dict[str, list[int]] = defaultdict(list)
        self._jumps: list[int] = []
        self._calls: list[int] = []
        for number, statement in enumerate(block):
            found = program.touched(statement)
            if not isinstance(statement, ast.Import | ast.ImportFrom):
                self.written |= keys_of(found.writes)
            self.read_later |= keys_of(found.deferred)
            for key in program.keys(statement):
                self._about[key].append(number)
            if found.calls_self:
                self._calls.append(number)
            if any(isinstance(node, _JUMPS) for node in ast.walk(statement)):
                self._jumps.append(number)

    def about(self, names: Iterable[str], jumps: bool, methods: bool) -> list[int]:
        """The statements that touch one of the names, in order; also those that jump, or call methods of `self`."""
        found = {number for name in names for number in self._about.get(name, ())}
        return sorted(found.union(self._jumps if jumps else (), self._calls if methods else ()))


def _is_way(part: Part) -> bool:
    """Whether what follows the end of the statement's blocks is what follows the statement."""
    return isinstance(part.block[part.low], ast.If | ast.With | ast.AsyncWith)


def _closed(names: set[str], links: dict[str, set[str]], among: set[str] | None = None) -> set[str]:
    """The names, and all that are linked to them."""
    found, waiting = set(names), list(names)
    while waiting:
        new = links.get(waiting.pop(), set()) - found
        new = new if among is None else new & among
        found |= new
        waiting += new
    return found


def _with_block(node: Any, old: list[ast.stmt], new: list[ast.stmt]) -> Any:
    """The statement (or handler, or case) with one of its blocks replaced by another."""
    changed = copy.copy(node)
    for name in ("body", "orelse", "finalbody"):
        if getattr(node, name, None) is old:
            setattr(changed, name, new)
            return changed
    for name in ("handlers", "cases"):
        parts = [_with_block(part, old, new) for part in getattr(node, name, ())]
        if parts:
            setattr(changed, name, parts)
    return changed
