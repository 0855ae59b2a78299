"""When statements can move between a loop and the blocks around it without changing what they compute.

Everything here declines rather than guesses: what stands in between, in the loop's header, in its body and
after it must neither need the moved names earlier nor give the moved statements other values to read.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from jitlint.syntax.effects import Effects, effects, path_of
from jitlint.syntax.flow import flow
from jitlint.syntax.module import Block, Loop, Module, Scope
from jitlint.syntax.text import Declined

__all__ = ["Motion", "header", "needs", "require_local", "require_plain"]

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_FIXED_IN_PLACE = (
    ast.Return, ast.Raise, ast.Yield, ast.YieldFrom, ast.Global, ast.Nonlocal, ast.Import, ast.ImportFrom,
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Delete, ast.Break, ast.Continue, ast.NamedExpr,
)  # fmt: skip


def require_plain(statements: Sequence[ast.stmt]) -> None:
    """Decline when a statement does more than compute and bind values."""
    for statement in statements:
        if any(isinstance(node, _FIXED_IN_PLACE) for node in ast.walk(statement)):
            raise Declined(f"the statement at line {statement.lineno} cannot move")


def header(statement: ast.AST) -> list[ast.AST]:
    """What a compound statement evaluates or binds before its body."""
    match statement:
        case ast.For() | ast.AsyncFor():
            return [statement.iter, statement.target]
        case ast.While() | ast.If():
            return [statement.test]
        case ast.With() | ast.AsyncWith():
            return list(statement.items)
        case ast.Match():
            return [statement.subject, *(case.pattern for case in statement.cases)]
    return []


def needs(statements: Sequence[ast.stmt]) -> tuple[frozenset[str], frozenset[str]]:
    """The names that statements read from before them, and those they bind on some ways only."""
    found = flow(statements)
    return frozenset(found.needed), effects(statements).binds - found.bound


class Motion:
    """Statements that stand in blocks around a loop, and everything that runs between them and its body."""

    def __init__(self, module: Module, loop: Loop, statements: Sequence[ast.stmt]) -> None:
        self.module = module
        self.loop = loop
        self.statements = statements
        self.scope: Scope = module.scope(loop)
        self.block: Block = module.block(statements[0])
        require_plain(statements)
        self._require_above()

    @property
    def levels(self) -> Iterator[tuple[Block, ast.stmt]]:
        """Each block from the loop's outwards to the scope's, with the statement in it that is or holds the loop."""
        statement: ast.stmt = self.loop
        for block in self.module.block(self.loop).ancestry:
            yield block, statement
            if block.owner is self.scope or block.statement is None:
                return
            statement = block.statement

    def effects(self, nodes: Sequence[ast.AST]) -> Effects:
        """What nodes of the same scope do to names."""
        return self.module.effects(nodes, self.scope)

    def _require_above(self) -> None:
        around = list(self.levels)
        for statement in self.statements:
            inside = [holder for block, holder in around if block is self.module.block(statement)]
            if not inside:
                raise Declined(f"the statement at line {statement.lineno} is not in a block around the loop")
            if (statement.end_lineno or 0) >= inside[0].lineno:
                raise Declined(f"the statement at line {statement.lineno} is not above the loop")

    def between(self) -> list[ast.AST]:
        """What runs after the first of the statements, other than them, up to the loop's first pass.

        When a loop around the loop is entered on the way, all of its body counts.
        """
        first = min(self.statements, key=lambda statement: statement.lineno)
        found: list[ast.AST] = []
        levels = list(self.levels)
        outermost = next(n for n, (block, _) in enumerate(levels) if block is self.module.block(first))
        repeated = False
        for block, holder in reversed(levels[: outermost + 1]):
            siblings = [s for s in block.statements if s is not holder and s not in self.statements]
            found += [s for s in siblings if (repeated or s.lineno < holder.lineno) and s.lineno > first.lineno]
            if holder is not self.loop:
                repeated |= isinstance(holder, Loop)
                found += header(holder)
        return found

    def afterwards(self) -> list[ast.stmt]:
        """What runs after the loop in the same scope, in order; then the start of a loop around the statements."""
        found: list[ast.stmt] = list(self.loop.orelse)
        for block, holder in self.levels:
            found += block.statements[block.statements.index(holder) + 1 :]
            if isinstance(block.owner, ast.Try):
                found += _around_try(block.owner, block)
            if isinstance(block.owner, Loop) and block in list(self.block.ancestry):
                found += [s for s in block.statements if s.lineno < self.loop.lineno and s not in self.statements]
        return found

    def is_needed_after(self, names: frozenset[str]) -> bool:
        """Whether one of `names` may be read after the loop before it is bound anew."""
        following = self.afterwards()
        shared = self.effects(following).reads - effects(following).reads
        return not (frozenset(flow(following).needed) | shared).isdisjoint(names) or self._is_tested(names)

    def _is_tested(self, names: frozenset[str]) -> bool:
        tests = [block.owner.test for block, _ in self.levels if isinstance(block.owner, ast.While)]
        return effects(tests).reads_any(names)

    def is_bound_elsewhere(self, name: str) -> bool:
        """Whether the scope binds `name` outside the statements."""
        arguments = getattr(self.scope, "args", None)
        if any(isinstance(node, ast.arg) and node.arg == name for node in ast.walk(arguments or ast.Pass())):
            return True
        return any(_binds(node, name) for node in _walk_scope(self.scope.body, self.statements))


def require_local(module: Module, scope: Scope, names: Iterable[str], allowed: Sequence[ast.stmt]) -> None:
    """Decline when other scopes see `names` change: `global`, or a function outside `allowed` that reads one."""
    names = frozenset(names)
    if not names.isdisjoint(module.declared):
        raise Declined("a moved name is global")
    inside = {node for statement in allowed for node in ast.walk(statement)}
    functions = (node for node in ast.walk(scope) if isinstance(node, _FUNCTIONS) and node is not scope)
    if any(effects([function]).reads_any(names) for function in functions if function not in inside):
        raise Declined("a function reads a moved name when it is called")


def _walk_scope(body: Sequence[ast.AST], skipped: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """The nodes of one scope, without `skipped` and without inner functions and classes."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        if node not in skipped:
            yield node
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
                waiting += ast.iter_child_nodes(node)


def _binds(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Name | ast.Attribute):
        return path_of(node) == name and not isinstance(node.ctx, ast.Load)
    return isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.alias) and name in effects([node]).binds


def _around_try(owner: ast.Try, block: Block) -> list[ast.stmt]:
    """The other blocks of a `try`, which may run after any of its statements."""
    blocks = [*(handler.body for handler in owner.handlers), owner.orelse, owner.finalbody]
    return [statement for other in blocks if other is not block.statements for statement in other]
