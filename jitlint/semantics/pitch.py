"""How far apart the points of a coordinate grid are, and how wide the noise on it: where constants tell both."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from jitlint.semantics.calls import CONVERSIONS, GATHERING
from jitlint.semantics.clocks import Role
from jitlint.semantics.graph import ADDING, Kind, Node
from jitlint.semantics.memo import remembered
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.when import variance_of

MAX_CALLERS = 4
NO_SPREAD: float | None = None
NO_NUMBERS: tuple[float, ...] = ()


class Jitter(NamedTuple):
    """Noise of a known width on a grid: `std` and `pitch` in the units of the coordinates."""

    sum: Value  # the operation that adds the noise
    noise: Value
    std: float
    pitches: tuple[float, ...]  # of every grid that it is added to


class Pitch:
    """Answers what constants say of grids and noise in one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.variance = variance_of(project)

    def jitters(self) -> Iterator[Jitter]:
        """Every sum of a grid and noise whose widths are known."""
        for ref, scope in self.project.scopes():
            for index, node in scope.of_kind(Kind.OP):
                if node.name in ADDING and len(node.inputs) == 2:
                    jitter = self._jitter(Value(ref, index), node)
                    if jitter is not None:
                        yield jitter

    def _jitter(self, value: Value, node: Node) -> Jitter | None:
        for grid, noise in (node.inputs, node.inputs[::-1]):
            around, drawn = Value(value.scope, grid), Value(value.scope, noise)
            std = self.spread(drawn)  # the cheap question first: most sums add no noise
            if std and self._is_noise(drawn) and (pitches := self.pitches(around)):
                return Jitter(value, drawn, std, pitches)
        return None

    def _is_noise(self, value: Value) -> bool:
        made = self.variance.when(value)
        return bool(made.draws) and not made.data and all(item.role is Role.NOISE for item in made.draws)

    # ------------------------------------------------------------------------------------------ numbers

    def number(self, value: Value) -> float | None:
        """The number that a value always is, or None."""
        found = self.numbers(value)
        return found[0] if len(found) == 1 else None

    @remembered(NO_NUMBERS)
    def numbers(self, value: Value) -> tuple[float, ...]:
        """The numbers that a value may be, one after the other; none if that is not known."""
        node = self.project.node(value)
        if node.kind is Kind.CONST:
            known = isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
            return (float(node.value),) if known else ()  # type: ignore[arg-type]
        if node.kind is Kind.OP and len(node.inputs) == 2:
            left, right = (self.numbers(Value(value.scope, item)) for item in node.inputs)
            return tuple(dict.fromkeys(n for a in left for b in right if (n := _computed(node.name, a, b)) is not None))
        if node.kind is Kind.LOOPVAR:
            return self._elements(Value(value.scope, node.inputs[0]))
        values = self.project.aliases(value) if node.kind is not Kind.PARAM else self._given(value, node.name)
        return tuple(dict.fromkeys(number for item in values for number in self.numbers(item)))

    def _elements(self, value: Value) -> tuple[float, ...]:
        """The numbers of a tuple or list that a loop runs over."""
        displays = [item for item in (value, *self.project.aliases(value)) if self._is_display(item)]
        items = [Value(shown.scope, item) for shown in displays[:1] for item in self.project.node(shown).inputs]
        return tuple(dict.fromkeys(number for item in items for number in self.numbers(item)))

    def _is_display(self, value: Value) -> bool:
        node = self.project.node(value)
        return node.kind is Kind.COLLECTION and node.name in ("tuple", "list")

    def _given(self, value: Value, name: str) -> tuple[Value, ...]:
        """What callers pass for a parameter, or its default where they pass nothing."""
        scope = self.project.scope(value.scope)
        default = next((item.default for item in scope.parameters if item.name == name), -1)
        kept = (
            Value(Ref(value.scope.path, scope.parent), default) if default >= 0 and scope.parent is not None else None
        )
        found = []
        for site in self.project.callers(value.scope)[:MAX_CALLERS]:
            argument = self.project.argument(site, value.scope, name)
            given = Value(site.scope, argument) if argument is not None else kept
            if given is not None:
                found.append(given)
        return tuple(found) or ((kept,) if kept else ())

    # -------------------------------------------------------------------------------------------- noise

    @remembered(NO_SPREAD)
    def spread(self, value: Value) -> float | None:
        """The standard deviation of noise, or None."""
        node = self.project.node(value)
        if node.kind is Kind.CALL:
            if node.method in ("randn", "randn_like", "standard_normal"):
                return 1.0
            if node.method in ("normal", "gauss", "normal_") and len(node.arguments) >= 2:
                return self.number(Value(value.scope, node.arguments[1]))
            return None
        if node.kind is Kind.OP and node.name in ("*", "/") and len(node.inputs) == 2:
            for item, other in (node.inputs, node.inputs[::-1]):
                base, factor = self.spread(Value(value.scope, item)), self.number(Value(value.scope, other))
                if base and factor:
                    return base * factor if node.name == "*" else base / factor
        return None

    # -------------------------------------------------------------------------------------------- grids

    @remembered(NO_NUMBERS)
    def pitches(self, value: Value) -> tuple[float, ...]:
        """The distances between neighbours in every grid that a value may be."""
        node = self.project.node(value)
        if node.kind is Kind.CALL:
            return self._pitches_of_call(value, node)
        if node.kind is Kind.OP and len(node.inputs) == 2:
            return self._scaled(value, node)
        if node.kind in (Kind.PHI, Kind.COLLECTION):
            return self._any(value, node.inputs)
        if node.kind is Kind.INDEX:
            return self.pitches(Value(value.scope, node.inputs[0]))
        return self._of_all(self.project.aliases(value))

    def _any(self, value: Value, items: tuple[int, ...]) -> tuple[float, ...]:
        return self._of_all(Value(value.scope, item) for item in items)

    def _of_all(self, values: Iterable[Value]) -> tuple[float, ...]:
        found: dict[float, None] = {}
        for item in values:
            found.update(dict.fromkeys(self.pitches(item)))
        return tuple(found)

    def _pitches_of_call(self, value: Value, node: Node) -> tuple[float, ...]:
        numbers = [self.numbers(Value(value.scope, item)) for item in node.arguments[:3]]
        if node.method == "linspace":
            ends = len(numbers) == 3 and len(numbers[0]) == len(numbers[1]) == 1
            return tuple(abs(numbers[1][0] - numbers[0][0]) / (n - 1) for n in numbers[2] if n > 1) if ends else ()
        if node.method == "arange":
            return (1.0,) if len(node.arguments) == 1 or node.keywords[1] is not None else ()
        ref = self.project.callee(value)
        if ref is None:
            shapes = node.method in CONVERSIONS | GATHERING or node.method in ("meshgrid", "stack", "cartesian_prod")
            return self._any(value, node.inputs) if shapes else ()
        found: dict[float, None] = {}
        for result in self.project.scope(ref).returns:
            found.update(dict.fromkeys(self.pitches(Value(ref, result))))
        return tuple(found)

    def _scaled(self, value: Value, node: Node) -> tuple[float, ...]:
        left, right = (Value(value.scope, item) for item in node.inputs)
        pitches, factors = self.pitches(left), self.numbers(right)
        if not pitches and node.name in ("+", "*"):
            pitches, factors = self.pitches(right), self.numbers(left)
        if node.name in ("+", "-"):
            return pitches
        if node.name not in ("*", "/") or not all(factors):
            return ()
        return tuple(pitch * by if node.name == "*" else pitch / by for pitch in pitches for by in factors)


def _computed(symbol: str, left: float, right: float) -> float | None:
    if symbol == "/":
        return left / right if right else None
    return {"+": left + right, "-": left - right, "*": left * right}.get(symbol)


@functools.lru_cache(maxsize=4)
def pitch_of(project: Project) -> Pitch:
    """The one answer of a project to "how far apart are its grid points?"."""
    return Pitch(project)
