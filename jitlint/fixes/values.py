"""Which statements each statement of a scope gets its values from, and whether a fix has kept that.

A move is right when every statement still reads what it read: for each name, values that the same statements made
as before, in the same pass of each loop. So the question is not when a move may go wrong, but whether it did: the
values are followed through the scope as it was and as it is now, and compared. What only `self`'s methods or inner
functions do counts where they may be called.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from jitlint.fixes.names import SELF, Touched, path_of, prefixes
from jitlint.fixes.plans import Rename
from jitlint.fixes.program import Program
from jitlint.fixes.reach import Reach
from jitlint.fixes.text import Declined

__all__ = ["Values", "require_same_values"]

Made = tuple[str, frozenset[str]]  # by which statement, and in an earlier pass of which loops around it
State = dict[str, frozenset[Made]]  # by path; under `_LATER`, the paths that inner functions read

_NOW: frozenset[str] = frozenset()
_LATER = ""
_OPERATORS: dict[str, type[ast.operator]] = {"add_": ast.Add, "sub_": ast.Sub, "mul_": ast.Mult, "div_": ast.Div}


class Values:
    """The values that the statements of one scope read: `reads[statement][path]`, statements by their code.

    `body` are those that a move can reach, before or after it.
    """

    def __init__(self, program: Program, reach: Reach, body: Sequence[ast.stmt], rename: Rename | None = None) -> None:
        self.reads: dict[str, dict[str, set[Made]]] = {}
        self.lines: dict[str, int] = {}
        self._program = program
        self._followed = reach.followed
        self._methods = reach.followed.methods
        self._rename = rename
        self._keys: dict[ast.AST, str] = {}
        self._seen: Counter[str] = Counter()
        self._touched: dict[ast.AST, Touched | None] = {}
        self._breaks: list[list[State | None]] = []
        self._continues: list[list[State | None]] = []
        self._raises: list[list[State | None]] = []
        start: State = {name: frozenset([(f"{name} from above", _NOW)]) for name in reach.bound}
        self._block(body, {**start, _LATER: frozenset((name, _NOW) for name in reach.shared)})

    # -------------------------------------------------------------------------------------- statements

    def _block(self, body: Sequence[ast.stmt], state: State | None) -> State | None:
        for statement in body:
            if state is None:
                break  # never reached
            state = self._statement(statement, state)
        return state

    def _statement(self, node: ast.stmt, state: State) -> State | None:
        match node:
            case ast.If():
                state = self._run(node.test, state)
                return _join([self._block(node.body, state), self._block(node.orelse, state)])
            case ast.For() | ast.AsyncFor() | ast.While():
                return self._loop(node, state)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    state = self._run(item, state)
                return self._block(node.body, state)
            case ast.Match():
                return self._match(node, state)
            case ast.Break():
                self._breaks[-1].append(state)
                return None
            case ast.Continue():
                self._continues[-1].append(state)
                return None
            case ast.Return() | ast.Raise():
                self._run(node, state)
                return None
            case _ if hasattr(node, "handlers"):  # also `except*`, from Python 3.11
                return self._try(node, state)
        return self._run(node, state)

    def _loop(self, loop: ast.For | ast.AsyncFor | ast.While, entry: State) -> State | None:
        if not isinstance(loop, ast.While):
            entry = self._run(loop.iter, entry)
        self._breaks.append([])
        head, key = entry, self._key(loop.test if isinstance(loop, ast.While) else loop.iter)
        while True:
            self._continues.append([])
            start = self._run(loop.test if isinstance(loop, ast.While) else loop.target, head)
            end = _join([self._block(loop.body, start), *self._continues.pop()])
            again = _join([entry, end and _carried(end, entry, key)]) or entry
            if again == head:
                break
            head = again
        after = self._run(loop.test, head) if isinstance(loop, ast.While) else head
        left = _join([self._block(loop.orelse, after), *self._breaks.pop()])
        return left and {**left, _LATER: entry[_LATER]}  # a function made in a body is taken to be called in it

    def _try(self, node: Any, state: State) -> State | None:
        self._raises.append([state])
        end = self._block(node.body, state)
        raised = self._raises.pop()
        for around in self._raises[-1:]:
            around += raised
        anywhere = _join(raised)
        ends = [self._block(node.orelse, end) if end is not None else None]
        assert anywhere is not None
        for handler in node.handlers:
            caught = self._run(handler.type, anywhere) if handler.type else anywhere
            ends.append(self._block(handler.body, caught and _bound(caught, handler.name, handler, self._key(handler))))
        self._block(node.finalbody, _join([anywhere, *ends]))
        return self._block(node.finalbody, _join(ends))

    def _match(self, node: ast.Match, state: State) -> State | None:
        state = self._run(node.subject, state)
        ends: list[State | None] = [state]
        for case in node.cases:
            start = self._run(case.pattern, state)
            ends.append(self._block(case.body, self._run(case.guard, start) if case.guard else start))
        return _join(ends)

    # ------------------------------------------------------------------------------------- one at a time

    def _run(self, node: ast.AST, state: State) -> State:
        """Read and write what a simple statement, or a part of a compound one, reads and writes."""
        found = self._names(node)
        if found is None:
            return state
        key = self._key(node)
        seen = self.reads.setdefault(key, {})
        reads = found.reads | {name for name, _ in state[_LATER]}
        for path in reads | (self._methods.reads if found.calls_self else set()):
            seen.setdefault(self._clean(path), set()).update(_read(state, path))
        state = self._written(node, found, key, dict(state))
        for raised in self._raises[-1:]:
            raised.append(state)
        return state

    def _written(self, node: ast.AST, found: Touched, key: str, state: State) -> State:
        made = frozenset([(key, _NOW)])
        if found.calls_self:
            state.update({path: _read(state, path) | made for path in self._methods.writes})
        copied = _copied(node)
        values = _read(state, copied) if copied else made
        for path in found.changes:
            _bind(state, path, made)
        for path in found.binds:
            _bind(state, path, values)
        state[_LATER] |= {(name, _NOW) for name in found.deferred}
        return state

    def _names(self, node: ast.AST) -> Touched | None:
        """What a node does to the names that are followed; None when that is nothing."""
        if node not in self._touched:
            found, names = self._program.touched(node), self._followed.names
            is_part = found.calls_self and bool(self._methods.reads or self._methods.writes)
            is_part = is_part or self._followed.is_read_later or not names.isdisjoint(self._program.keys(node))
            self._touched[node] = found.only(names) if is_part else None
        return self._touched[node]

    def _key(self, node: ast.AST) -> str:
        """A name for a statement that it keeps when it is moved: its code, numbered among equals."""
        if node not in self._keys:
            head = node.type or ast.Pass() if isinstance(node, ast.ExceptHandler) else node
            code = ast.dump(_canonical(head))
            if self._rename is not None:
                code = code.replace(_dumped(self._rename.new), _dumped(self._rename.old))
            self._seen[code] += 1
            self._keys[node] = f"{code}#{self._seen[code]}"
            self.lines[self._keys[node]] = getattr(getattr(node, "context_expr", node), "lineno", 0)
        return self._keys[node]

    def _clean(self, path: str) -> str:
        if self._rename is None:
            return path
        new, old = self._rename.new, self._rename.old
        return old + path[len(new) :] if path == new or path.startswith(f"{new}.") else path


def require_same_values(
    before: Values, after: Values, rename: Rename | None = None, end: int = 0, same_pass: bool = False
) -> None:
    """Decline when a statement that both have would read another value after the fix.

    It may read fewer: what a loop's last pass left, when the loop makes it new. With `same_pass` it must read the
    same ones, in whatever pass they were made. A renamed value keeps its clean value below line `end`.
    """
    for key, reads in after.reads.items():
        for path, values in reads.items() if key in before.reads else ():
            known = next((before.reads[key][part] for part in _longest(path) if part in before.reads[key]), set())
            if same_pass:
                known, values = {(made, _NOW) for made, _ in known}, {(made, _NOW) for made, _ in values}
            if _unbound(path) in known and "." not in path:  # what may be unbound is always bound, in every pass
                values = {(made, _NOW) if (made, _NOW) in known else (made, loops) for made, loops in values}
            is_clean = rename is not None and path == rename.old and before.lines[key] > end
            if not (values == known if same_pass else values <= known) and not is_clean:
                raise Declined(f"the statement at line {before.lines[key]} would get another value of {path}")


# ------------------------------------------------------------------------------------------------- states


def _read(state: State, path: str) -> frozenset[Made]:
    if path in state and path not in SELF:  # most often, and then nothing is cut up
        return state[path]
    for known in _longest(path):
        if known in state and known not in SELF:
            return state[known]
    return state.get(path, frozenset([_unbound(path)]))


def _unbound(path: str) -> Made:
    """What a name has that nothing in the scope has bound."""
    return f"?{path}", _NOW


def _longest(path: str) -> list[str]:
    return list(prefixes(path))[::-1]


def _bind(state: State, path: str, made: frozenset[Made]) -> None:
    for inner in [known for known in state if known.startswith(f"{path}.")]:
        del state[inner]
    state[path] = made


def _bound(state: State, path: str | None, node: ast.AST, key: str) -> State:
    state = dict(state)
    if path:
        _bind(state, path, frozenset([(key, _NOW)]))
    return state


def _join(states: Iterable[State | None]) -> State | None:
    """What may hold where ways meet; None where no way leads."""
    reached = [state for state in states if state is not None]
    if len(reached) < 2:
        return reached[0] if reached else None
    first = reached[0]
    same = {path for path, values in first.items() if all(state.get(path) is values for state in reached[1:])}
    paths = {path for state in reached for path in state} - same - {_LATER}
    joined = {path: frozenset[Made]().union(*(_read(state, path) for state in reached)) for path in paths}
    return {**first, **joined, _LATER: frozenset[Made]().union(*(state[_LATER] for state in reached))}


def _carried(end: State, entry: State, loop: str) -> State:
    """The end of a loop's body at the start of its next pass: what the body made comes from an earlier pass."""
    found = dict(end)
    for path, values in end.items():
        before = _read(entry, path)
        if values is before:
            continue
        found[path] = frozenset(made if made in before else (made[0], made[1] | {loop}) for made in values)
    return {**found, _LATER: entry[_LATER]}


# -------------------------------------------------------------------------------------------------- codes


def _copied(node: ast.AST) -> str | None:
    """`b` of the statement `a = b`: the name of the value that it only gives another name."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and len(node.targets) == 1:
        return path_of(node.value)
    return None


def _canonical(node: ast.AST) -> ast.AST:
    """`x += y`, `x.add_(y)` and `x = x + y` are one statement, and so are `x.m_(y)` and `x = x.m(y)`."""
    if isinstance(node, ast.AugAssign):
        return _assignment(node.target, ast.BinOp(_with(node.target, ast.Load()), node.op, node.value))
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        return node
    call, method = node.value, node.value.func
    if not (isinstance(method, ast.Attribute) and method.attr.endswith("_") and path_of(method.value)):
        return node
    if method.attr in _OPERATORS and len(call.args) == 1 and not call.keywords:
        return _assignment(method.value, ast.BinOp(method.value, _OPERATORS[method.attr](), call.args[0]))
    changed = ast.Attribute(method.value, method.attr.removesuffix("_"), ast.Load())
    return _assignment(method.value, ast.Call(changed, call.args, call.keywords))


def _assignment(target: ast.expr, value: ast.expr) -> ast.Assign:
    return ast.Assign([_with(target, ast.Store())], value)


def _with(target: ast.expr, context: ast.expr_context) -> ast.expr:
    match target:
        case ast.Name(id=name):
            return ast.Name(name, context)
        case ast.Attribute(value=value, attr=name):
            return ast.Attribute(value, name, context)
    return target


def _dumped(path: str) -> str:
    """How a dump begins that shows a path, whether it is read or bound."""
    return ast.dump(ast.parse(path, mode="eval").body).removesuffix("ctx=Load())")
