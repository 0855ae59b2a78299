"""What a value is made of: draws, parameters, data; and whether a draw perturbs the data.

A value is *drawn* when it depends on a draw, *perturbed* when a draw was combined with data to make it
(`x + noise`, a random crop, one branch taken at random). This is how an augmentation is recognised by what
it does. Shapes, devices and dtypes carry no data; a scale (`std * noise`) is not perturbed by its noise.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, NamedTuple

from jitlint import catalogue
from jitlint.semantics.calls import (
    CONVERSIONS,
    GATHERING,
    SHAPE_ATTRIBUTES,
    is_draw,
    is_network_call,
    is_opaque,
    tells_rows,
    tells_shape,
)
from jitlint.semantics.graph import Kind, Node, RegionKind, Scope
from jitlint.semantics.memo import remembered
from jitlint.semantics.project import Project, Ref, Value

if TYPE_CHECKING:
    from collections.abc import Iterable

MATH_CONSTANTS = frozenset(f"{module}.{name}" for module in ("math", "numpy", "torch") for name in ("pi", "e", "inf"))
COMBINING = frozenset("+ - += -= * *= / /= % ** @ | & ^ |= &= ^=".split())
SCALING = frozenset("* / *= /=".split())
SCALE_WORD = re.compile(
    r"(?:^|_)(?:std|stdev|stddev|sigma|sigmas|scale|factor|eps|epsilon|amplitude|strength|level|magnitude|alpha|beta|gamma|"
    r"range|radius|var|variance|temperature|weight|coef|coefficient|intensity|amount|rate|ratio|step|size|width|pitch|"
    r"limit|max|min|n|k|h|w|height|bound|delta|lam|lambda|noise|jitter|perturb|perturbation)(?:_|\d|$)"
)


class Draw(NamedTuple):
    """A draw site: where it stands and what is called there."""

    path: str
    scope: str
    node: int
    name: str


class Made(NamedTuple):
    """What a value is made of.

    `draw` is one draw that it depends on; `parameters` are the parameters of its function whose data it
    carries; `data` says that it carries data that is no draw; `perturbed` that a draw was combined with
    data, `over` which parameters that data came from.
    """

    draw: Draw | None = None
    parameters: frozenset[str] = frozenset()
    data: bool = False
    perturbed: bool = False
    over: frozenset[str] = frozenset()
    augmentation: bool = False  # recognised from outside (catalogue or name), not by what it does


NOTHING = Made()
DATA = Made(data=True)


def union(parts: Iterable[Made]) -> Made:
    """What is made of all parts, without combining them."""
    draw: Draw | None = None
    parameters: frozenset[str] = frozenset()
    over: frozenset[str] = frozenset()
    data = perturbed = augmentation = False
    for part in parts:
        draw = draw or part.draw
        if part.perturbed and part.draw:
            draw = part.draw
        parameters |= part.parameters
        over |= part.over
        data = data or part.data
        perturbed = perturbed or part.perturbed
        augmentation = augmentation or part.augmentation
    return Made(draw, parameters, data, perturbed, over, augmentation)


def combine(parts: list[Made]) -> Made:
    """What an operator makes of its operands: data that meets a draw is perturbed."""
    result = union(parts)
    if result.draw is None or result.perturbed:
        return result
    carriers = [part for part in parts if part.data and part.draw is None]
    if not carriers or not any(part.draw and not part.data for part in parts):
        return result  # what a draw has picked is a selection, whatever it meets
    return result._replace(perturbed=True, over=result.over | union(carriers).parameters)


class Provenance:
    """Answers "what is this value made of?" for the values of one project, remembering the answers."""

    def __init__(self, project: Project) -> None:
        self.project = project

    # ---------------------------------------------------------------------------------------- functions

    @remembered(NOTHING)
    def returns(self, ref: Ref) -> Made:
        """What a function returns, in terms of its parameters."""
        scope = self.project.scope(ref)
        parts = [self._guarded(Value(ref, node), 0) for node in self._results(scope)]
        result = union(parts)
        data = [part for part in parts if part.data and not part.perturbed]
        if result.draw and not result.perturbed and data and self._taken_at_random(ref, scope):
            result = result._replace(perturbed=True, over=union(data).parameters)
        return result

    def _results(self, scope: Scope) -> tuple[int, ...]:
        yields = tuple(node.inputs[0] for node in scope.nodes if node.kind is Kind.YIELD and node.inputs)
        return scope.returns + yields

    def _taken_at_random(self, ref: Ref, scope: Scope) -> bool:
        return any(
            region.kind is RegionKind.THEN and self.made(Value(ref, region.header)).draw is not None
            for region in scope.regions
            if region.header >= 0
        )

    def perturbs(self, ref: Ref) -> bool:
        """Whether a function is an augmentation by what it does: a parameter comes back perturbed."""
        return bool(self.returns(ref).over - {"self", "cls"})

    # ------------------------------------------------------------------------------------------- values

    @remembered(NOTHING)
    def made(self, value: Value) -> Made:
        """What a value is made of."""
        return self._compute(value)

    def _guarded(self, value: Value, region: int) -> Made:
        """A value, perturbed if it is only reached when a draw says so."""
        result = self.made(value)
        if result.perturbed or not (result.data or result.draw is None):
            return result
        guard = self._random_guard(value, region)
        if guard is None:
            return result
        return result._replace(draw=guard, perturbed=result.data, over=result.parameters)

    def _random_guard(self, value: Value, outer: int) -> Draw | None:
        """The draw that decides whether the code around a value runs, inside `outer`."""
        scope = self.project.scope(value.scope)
        for region in scope.region_chain(scope.nodes[value.node].region):
            if region == outer:
                return None
            block = scope.regions[region]
            if block.kind in (RegionKind.THEN, RegionKind.ELSE) and block.header >= 0:
                draw = self.made(Value(value.scope, block.header)).draw
                if draw is not None:
                    return draw
        return None

    def _compute(self, value: Value) -> Made:
        node = self.project.node(value)
        kind = node.kind
        if kind is Kind.PARAM:
            return Made(parameters=frozenset({node.name}), data=True)
        if kind is Kind.CONST or kind is Kind.LAMBDA:
            return NOTHING
        if kind in (Kind.GLOBAL, Kind.ATTR):
            return self._named(value, node)
        if kind is Kind.CALL:
            return self._call(value, node)
        if kind is Kind.OP:
            return self._operator(value, node)
        if kind is Kind.INDEX:
            return self._index(value, node)
        if kind is Kind.PHI:
            return union(self._guarded(Value(value.scope, item), node.region) for item in node.inputs)
        return union(self.made(Value(value.scope, item)) for item in node.inputs)

    def _inputs(self, value: Value, nodes: Iterable[int]) -> list[Made]:
        return [self.made(Value(value.scope, node)) for node in nodes]

    def _named(self, value: Value, node: Node) -> Made:
        if node.name in MATH_CONSTANTS or (node.kind is Kind.ATTR and node.name in SHAPE_ATTRIBUTES):
            return NOTHING
        aliases = self.project.aliases(value)
        if aliases:
            found = union(self.made(alias) for alias in aliases)
            return found._replace(parameters=frozenset(), over=frozenset(), data=found.data or found.draw is None)
        if node.kind is Kind.ATTR:
            return self.made(Value(value.scope, node.inputs[0]))._replace(augmentation=False)
        return DATA

    def _operator(self, value: Value, node: Node) -> Made:
        parts = self._inputs(value, node.inputs)
        if node.name in SCALING and len(parts) == 2:
            for position, part in enumerate(parts):
                other = 1 - position
                if part.draw and not part.data and self._is_scale(Value(value.scope, node.inputs[other]), parts[other]):
                    return part
        if node.name in ("<", "<=", ">", ">=", "==", "!=", "not", "is", "is not", "in", "not in"):
            return Made(draw=union(parts).draw)
        return combine(parts) if node.name in COMBINING else union(parts)

    def _is_scale(self, value: Value, made: Made) -> bool:
        """Whether an operand only scales a draw: a constant, or a value called std, sigma, factor, …."""
        node = self.project.node(value)
        if not made.data or made.draw is not None:
            return made.draw is None
        if node.kind is Kind.OP and node.name in ("*", "/", "+", "-", "**", "unary"):
            return all(
                self._is_scale(Value(value.scope, item), self.made(Value(value.scope, item))) for item in node.inputs
            )
        if node.kind is Kind.INDEX or node.method == "get":  # of a list of strengths, or one setting of many
            key = self.project.node(Value(value.scope, node.inputs[1])).value if len(node.inputs) > 1 else None
            named = isinstance(key, str) and bool(SCALE_WORD.search(key.lower()))
            return named or self._is_scale(Value(value.scope, node.inputs[0]), made)
        if node.kind is Kind.CALL:
            return node.name in ("float", "int", "max", "min") or node.method in ("sqrt", "max", "min", "std", "item")
        return bool(SCALE_WORD.search(node.name.lower())) or (node.kind is Kind.PARAM and self._is_number(value, node))

    def _is_number(self, value: Value, node: Node) -> bool:
        """Whether a parameter is given a number, by its default or by a caller."""
        scope = self.project.scope(value.scope)
        default = next((item.default for item in scope.parameters if item.name == node.name), -1)
        if default >= 0 and scope.parent is not None:
            return _is_float(self.project.node(Value(Ref(value.scope.path, scope.parent), default)))
        given = [
            (site, argument)
            for site in self.project.callers(value.scope)[:4]
            if (argument := self.project.argument(site, value.scope, node.name)) is not None
        ]
        return any(_is_float(self.project.node(Value(site.scope, argument))) for site, argument in given)

    def _index(self, value: Value, node: Node) -> Made:
        base, *indices = self._inputs(value, node.inputs)
        index = union(indices)
        if index.draw is None:
            return base
        crop = any(self._is_slice(Value(value.scope, item)) for item in node.inputs[1:])
        if crop and base.data and base.draw is None:
            return base._replace(draw=index.draw, perturbed=True, over=base.parameters)
        return base._replace(draw=base.draw or index.draw)

    def _is_slice(self, value: Value) -> bool:
        node = self.project.node(value)
        if node.kind is not Kind.COLLECTION:
            return False
        return node.name == "slice" or any(self._is_slice(Value(value.scope, item)) for item in node.inputs)

    # -------------------------------------------------------------------------------------------- calls

    def augments_outside(self, value: Value, node: Node) -> bool:
        """Whether a call that leads out of the project augments what it is given: `made` without its inputs."""
        if is_draw(self.project, value) or tells_shape(node):
            return False
        said = self.said_by_settings(value, node)
        if said is not None:
            return said.augmentation
        return self.project.callee(value) is None and self._perturbs_from_outside(value, node)

    def _call(self, value: Value, node: Node) -> Made:
        if is_draw(self.project, value):
            return Made(draw=Draw(value.scope.path, value.scope.qualname, value.node, node.text))
        if tells_shape(node) or tells_rows(self.project, value):
            return NOTHING
        said = self.said_by_settings(value, node)
        if said is not None:
            return said
        ref = self.project.callee(value)
        if ref is not None:
            return self._called(value, node, ref)
        if node.name in catalogue.CONDITIONALS and len(node.arguments) > 2:
            return self._chosen(value, node)
        if self._perturbs_from_outside(value, node):
            return self._augmented(value, node)
        if is_opaque(self.project, value):
            return DATA
        if node.name.startswith(".") and node.method in CONVERSIONS:
            return self.made(Value(value.scope, node.inputs[0]))
        networks = {item for item in node.arguments if self._is_network(Value(value.scope, item))}
        parts = self._inputs(value, (item for item in node.inputs if item not in networks))
        result = union(parts) if node.method in GATHERING else combine(parts)
        if result.draw is None and not result.data and not node.name.startswith("."):
            return DATA  # something made by a library call
        return result

    def _chosen(self, value: Value, node: Node) -> Made:
        """What a branch of a graph gives: `tf.cond(coin < 0.5, lambda: flip(x), lambda: x)` perturbs `x`."""
        condition, *rest = node.arguments
        branches = [self.project.node(Value(value.scope, item)) for item in rest]
        bodies = [b.inputs[0] if b.kind is Kind.LAMBDA and b.inputs else i for i, b in zip(rest, branches, strict=True)]
        result = union(self._inputs(value, bodies))
        drawn = self.made(Value(value.scope, condition)).draw
        if drawn is None or result.perturbed:
            return result
        return result._replace(draw=drawn, perturbed=result.data, over=result.parameters)

    def _is_network(self, value: Value) -> bool:
        """Whether a value is a network: what meets a draw in it (`profile(model, dummy)`) is no data."""
        node = self.project.node(value)
        if node.kind in (Kind.PARAM, Kind.GLOBAL, Kind.ATTR) and catalogue.names_model(node.name.rpartition(".")[2]):
            return True
        made = self.project.constructor(value)
        return made is not None and made[0] is not None and self.project.is_network_class(made[0], made[1])

    def said_by_settings(self, value: Value, node: Node) -> Made | None:
        """What the project's configuration says of a called function or object: its word counts more than looks."""
        settings = self.project.settings
        if settings is None or not (settings.augmentations or settings.not_augmentations):
            return None
        name = node.name.lstrip(".")
        if node.name == "()":
            made = self.project.constructor(Value(value.scope, node.inputs[0]))
            name = made[1] if made else ""
        if name and self.project.is_configured("not_augmentations", name):
            parts = union(self._inputs(value, node.arguments))
            return Made(parameters=parts.parameters, data=True)
        if name and self.project.is_configured("augmentations", name):
            return self._augmented(value, node)
        return None

    def _called(self, value: Value, node: Node, ref: Ref) -> Made:
        """What a call of a project's function gives: its summary with the arguments put in."""
        summary = self.returns(ref)
        if is_network_call(self.project, value, ref):
            return DATA
        site = Draw(value.scope.path, value.scope.qualname, value.node, node.text)
        carried = self._arguments(value, ref, summary.parameters)
        over = self._arguments(value, ref, summary.over)
        result = union(carried)
        if summary.draw is None:
            return result._replace(data=result.data or summary.data)
        perturbed = summary.perturbed and (not summary.over or any(part.data or part.draw for part in over) or not over)
        return Made(
            summary.draw if result.draw is None else result.draw,
            result.parameters,
            result.data or (summary.data and not summary.parameters),
            perturbed or result.perturbed,
            union(over).parameters | result.over,
            False,
        )._replace(draw=site if perturbed or result.draw is None else result.draw)

    def _arguments(self, value: Value, ref: Ref, names: frozenset[str]) -> list[Made]:
        found = [self.project.argument(value, ref, name) for name in names]
        return [self.made(Value(value.scope, node)) for node in found if node is not None]

    def _perturbs_from_outside(self, value: Value, node: Node) -> bool:
        """Whether a call that leads out of the project is a known or a so named augmentation."""
        if catalogue.is_functional_augmentation(node.name):
            return True
        if node.name == "()" or (
            node.kind is Kind.CALL and node.has_receiver and node.method in ("__call__", "augment")
        ):
            made = self.project.constructor(Value(value.scope, node.inputs[0]))
            if made is not None and made[0] is None:
                return self.is_random_transform(Value(value.scope, node.inputs[0]))
        if node.name.startswith(".") and self._is_kept_transform(value, node):
            return True
        if not node.arguments or not catalogue.names_augmentation(node.text.rpartition(".")[2]):
            return False
        last = node.text.rpartition(".")[2]
        return not last[:1].isupper() and self._leads_nowhere(value, node)

    def _is_kept_transform(self, value: Value, node: Node) -> bool:
        """Whether `self.geometry(image)` calls a random transform that the object keeps."""
        owner = self.project.self_class(Value(value.scope, node.inputs[0]))
        if owner is None or not node.arguments or self.project.method(owner[0], owner[1], node.method):
            return False
        return any(self.is_random_transform(store) for store in self.project.attribute_stores(owner, node.method))

    def _leads_nowhere(self, value: Value, node: Node) -> bool:
        """Whether nothing but its name tells what a called function does."""
        if node.has_receiver:
            return "scheduler" not in node.text.lower()
        return not catalogue.is_transform_class(node.name)

    def _augmented(self, value: Value, node: Node) -> Made:
        result = union(self._inputs(value, node.arguments))
        site = Draw(value.scope.path, value.scope.qualname, value.node, node.text)
        return Made(site, result.parameters, True, True, result.parameters, True)

    def is_random_transform(self, value: Value, depth: int = 0) -> bool:
        """Whether a value is a library's transform object that draws on every call, alone or composed."""
        node = self.project.node(value)
        if depth > 8:
            return False
        if node.kind is Kind.CALL:
            name = self._library_name(value, node)
            if catalogue.is_transform_class(name):
                return True
            if name.rpartition(".")[2] in catalogue.COMPOSERS:
                return any(self.is_random_transform(Value(value.scope, item), depth + 1) for item in node.arguments)
            return False
        if node.kind in (Kind.COLLECTION, Kind.PHI, Kind.COMPREHENSION):
            return any(self.is_random_transform(Value(value.scope, item), depth + 1) for item in node.inputs)
        return any(self.is_random_transform(alias, depth + 1) for alias in self.project.aliases(value))

    def _library_name(self, value: Value, node: Node) -> str:
        return "" if node.has_receiver else node.name


def _is_float(node: Node) -> bool:
    return node.kind is Kind.CONST and isinstance(node.value, int | float) and not isinstance(node.value, bool)


@functools.lru_cache(maxsize=4)
def provenance_of(project: Project) -> Provenance:
    """The one provenance of a project, shared by the rules."""
    return Provenance(project)
