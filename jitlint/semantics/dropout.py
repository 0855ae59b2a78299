"""Dropout and the like that a network does not switch off when it is evaluated."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from jitlint import catalogue
from jitlint.libraries.dropout import (
    ALWAYS_ON,
    DEFAULT_IS_TRAINING,
    FLAX_LAYERS,
    FUNCTIONAL,
    MODE_ARGUMENTS,
    TORCH_LAYERS,
)
from jitlint.semantics.calls import names_network
from jitlint.semantics.flow import sources
from jitlint.semantics.graph import Kind, Node, Scope
from jitlint.semantics.held_out import RANDOM_ON_PURPOSE, evaluates_by_name, held_outs_of
from jitlint.semantics.loops import loops_of
from jitlint.semantics.mentions import is_elsewhere
from jitlint.semantics.objects import argument_of
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.provenance import provenance_of
from jitlint.semantics.purpose import Purpose, named

# Dropout at evaluation on purpose.
_ON_PURPOSE = re.compile(
    r"(?:^|_)(?:mc|mc_?dropout|monte|carlo|bayes|bayesian|uncertainty|ensemble|stochastic|always|concrete|variational)(?:_|\d|$)"
)
_MODE = re.compile(r"(?:^|_)(?:training|train|is_train|is_training|deterministic|inference|eval|mode|phase)(?:_|$)")
_NOISES = frozenset("torch.randn torch.randn_like torch.rand_like torch.rand torch.normal".split())


class AlwaysOn(NamedTuple):
    """A call that drops in evaluation too. `switch` is what would tell it the mode: an argument to be added, or None.

    `is_constant`: it is told that it trains, by a constant; `may_be_wanted`: and by hand, against the default.
    """

    call: Value
    switch: str | None
    is_constant: bool = False
    may_be_wanted: bool = False


class Dropouts:
    """Finds the dropout of one project that nothing switches off."""

    def __init__(self, project: Project) -> None:
        self.project = project

    @functools.cached_property
    def found(self) -> tuple[AlwaysOn, ...]:
        """Every such call."""
        found = (self._of_call(call, node) for call, node in self.project.calls())
        return tuple(item for item in found if item is not None)

    @functools.cached_property
    def evaluates(self) -> bool:
        """Whether the project is seen to evaluate networks."""
        if any(node.method == "eval" and node.has_receiver for _, node in self.project.calls()):
            return True
        return any(name in self.project.call_sites for name in ("no_grad", "inference_mode", "evaluate"))

    def _of_call(self, value: Value, node: Node) -> AlwaysOn | None:
        scope = self.project.scope(value.scope)
        found = self._in_network(value, scope, node) or self._in_evaluation(value, scope, node)
        if found is None or self._on_purpose(value.scope, scope) or self._asks_mode(scope, node):
            return None
        return found

    # -------------------------------------------------------------------------------------- in networks

    def _in_network(self, value: Value, scope: Scope, node: Node) -> AlwaysOn | None:
        ref = value.scope
        if node.name in FUNCTIONAL and self._is_network(ref, scope):
            return self._functional(value, node)
        if node.name in ALWAYS_ON and scope.name in catalogue.FORWARD_METHODS and self._is_network(ref, scope):
            return AlwaysOn(value, None) if self._rate(value, node, "rate") else None
        if node.name in FLAX_LAYERS and self._is_network(ref, scope) and scope.name != "__init__":
            told = self._says(value, node, "deterministic", False)  # in a constructor it is what `eval()` changes
            return AlwaysOn(value, None, is_constant=True) if told else None
        if node.name == "()":
            return self._called_layer(value, node, scope)
        return None

    # ----------------------------------------------------------------------------------- noise in forward

    @functools.cached_property
    def noise(self) -> tuple[Value, ...]:
        """Noise of a constant strength that a network adds to what it is given, whatever its mode."""
        return tuple(
            Value(ref, index)
            for ref, scope in self.project.scopes()
            if self._is_network(ref, scope) and not self._on_purpose(ref, scope) and not self._generates(ref)
            for index, node in scope.of_kind(Kind.OP)
            if node.name in ("+", "+=") and len(node.inputs) == 2 and not self._asks_mode(scope, node)
            if self._adds_noise(ref, scope, node) and self._flows_through(ref, scope)
        )

    def _generates(self, ref: Ref) -> bool:
        """Whether a network is one whose outputs are random by design, by the names around it."""
        return any(
            RANDOM_ON_PURPOSE.search(name) or "inject" in name
            for name in held_outs_of(self.project).around(Value(ref, 0))
        )

    def _adds_noise(self, ref: Ref, scope: Scope, node: Node) -> bool:
        """`x + 0.1 * randn_like(x)`: data as it is, and a draw whose scale no data decides."""
        for noise, data in (node.inputs, node.inputs[::-1]):
            if scope.nodes[data].kind is Kind.OP or not self._is_noise(ref, scope, noise):
                continue
            made = provenance_of(self.project).made(Value(ref, data))
            if made.data and made.draw is None:
                return True
        return False

    def _is_noise(self, ref: Ref, scope: Scope, index: int) -> bool:
        found = False
        for item in sources(scope, [index], lambda i: scope.nodes[i].kind is Kind.OP):
            node = scope.nodes[item]
            if node.kind is Kind.CALL and node.name in _NOISES:
                found = True
            elif node.kind is Kind.ATTR:
                if self.project.self_class(Value(ref, node.inputs[0])) is None or self._is_learned(Value(ref, item)):
                    return False
            elif not (node.kind is Kind.CONST or (node.kind is Kind.OP and node.name in ("*", "/"))):
                return False
        return found

    def _is_learned(self, value: Value) -> bool:
        """Whether an attribute is a parameter of the network, or its mode."""
        made = (self.project.node(item) for item in self.project.aliases(value))
        return _is_mode(self.project.node(value).name) or any(item.method == "Parameter" for item in made)

    def _flows_through(self, ref: Ref, scope: Scope) -> bool:
        """Whether a method is the network's forward, or is called by it and nothing else."""
        if scope.name in catalogue.FORWARD_METHODS:
            return not any(
                self._asks_mode(self.project.scope(site.scope), self.project.node(site))
                for site in self.project.callers(ref)
            )
        callers = self.project.callers(ref)
        return bool(callers) and all(
            self.project.scope(site.scope).name in catalogue.FORWARD_METHODS
            and not self._asks_mode(self.project.scope(site.scope), self.project.node(site))
            for site in callers
        )

    def _is_network(self, ref: Ref, scope: Scope) -> bool:
        return bool(scope.owner) and self.project.is_network_class(ref.path, scope.owner)

    def _functional(self, value: Value, node: Node) -> AlwaysOn | None:
        switch = argument_of(node, FUNCTIONAL[node.name], "training" if node.name != "torch.dropout" else "train")
        if "**" in node.keywords or "*" in node.keywords or not self._rate(value, node, "p"):
            return None
        if switch is None:
            return AlwaysOn(value, "training") if node.name in DEFAULT_IS_TRAINING else None
        constant = self.project.node(Value(value.scope, switch))
        is_true = constant.kind is Kind.CONST and constant.value is True
        return AlwaysOn(value, None, is_constant=True, may_be_wanted=True) if is_true else None

    def _rate(self, value: Value, node: Node, keyword: str, position: int = 1) -> bool:
        """Whether the rate is not the constant 0, nor one that depends on the mode."""
        rate = argument_of(node, position, keyword)
        if rate is None:
            return True
        scope = self.project.scope(value.scope)
        constant = scope.nodes[rate]
        if constant.kind is Kind.CONST:
            return bool(constant.value)
        made_of = [scope.nodes[index] for index in sources(scope, [rate])]
        return not any(_is_mode(item.name) or self._asks_mode(scope, item) for item in made_of)

    def _called_layer(self, value: Value, node: Node, scope: Scope) -> AlwaysOn | None:
        """`nn.Dropout(0.5)(x)`: made in training mode at each call; `nn.Dropout(0.5)(x, deterministic=False)`."""
        made = self.project.node(Value(value.scope, node.inputs[0]))
        if made.kind is not Kind.CALL:
            return None
        if (
            made.name in TORCH_LAYERS
            and scope.name in catalogue.FORWARD_METHODS
            and self._is_network(value.scope, scope)
        ):
            return AlwaysOn(value, None) if self._rate(value, made, "p", 0) else None
        if made.name in FLAX_LAYERS and self._says(value, node, "deterministic", False):
            return AlwaysOn(value, None, is_constant=True)
        return None

    def _says(self, value: Value, node: Node, keyword: str, constant: bool) -> bool:
        given = node.keyword(keyword)
        return given is not None and self.project.node(Value(value.scope, given)).value is constant

    # ------------------------------------------------------------------------------------ in evaluation

    def _in_evaluation(self, value: Value, scope: Scope, node: Node) -> AlwaysOn | None:
        """`model(x, training=True)` in a function that evaluates, and does not train as well."""
        if not evaluates_by_name(scope.name) or not (names_network(node) or node.method == "apply"):
            return None
        trains = named(scope.name) is Purpose.TRAIN or loops_of(self.project).trains(value.scope)
        if trains or self._generates(value.scope):
            return None
        told = any(self._says(value, node, name, constant) for name, constant in MODE_ARGUMENTS.items())
        return AlwaysOn(value, None, is_constant=True) if told else None

    def _on_purpose(self, ref: Ref, scope: Scope) -> bool:
        if is_elsewhere(self.project, ref.path):
            return True  # a test may well look at dropout itself
        names = (*scope.qualname.split("."), *self.project.place(ref.path).removesuffix(".py").split("/"))
        return any(_ON_PURPOSE.search(catalogue.snake(name)) for name in names)

    def _asks_mode(self, scope: Scope, node: Node) -> bool:
        """Whether a condition of a node's place asks for the mode, or whether this is wanted."""
        return any(_names_mode(scope.nodes[index].name) for index in sources(scope, scope.conditions(node)))


def _is_mode(name: str) -> bool:
    return bool(_MODE.search(catalogue.snake(name.rpartition(".")[2])))


def _names_mode(name: str) -> bool:
    plain = catalogue.snake(name.rpartition(".")[2])
    return _is_mode(name) or bool(_ON_PURPOSE.search(plain)) or "dropout" in plain


@functools.lru_cache(maxsize=4)
def dropouts_of(project: Project) -> Dropouts:
    """The one finder of a project, shared by the rules."""
    return Dropouts(project)
