"""What a piece of code is for: training (or loading training data), evaluation, or neither that one can see."""

from __future__ import annotations

import enum
import functools
import posixpath
import re
from collections.abc import Iterable

from jitlint import catalogue
from jitlint.semantics.flow import reached, users
from jitlint.semantics.graph import Kind, Node, RegionKind, Scope
from jitlint.semantics.loops import loops_of
from jitlint.semantics.project import Project, Ref, Value

_TRAIN = re.compile(r"(?:^|_)(?:train|training|trainer|trn|trainset|trainloader|traindata)(?:_|\d|$)")
_EVALUATION = re.compile(
    r"(?:^|_)(?:val|valid|validation|validate|test|tests|testing|tester|testset|testloader|unittest|eval|evaluate|"
    r"evaluation|evaluator|infer|inference|predict|prediction|predictor|demo|visualize|visualise|visualization|plot|show|"
    r"debug|benchmark|query|gallery|export|deploy|convert|onnx|attack|attacks|"
    r"attacker|adversarial|pgd|fgsm)(?:_|\d|$)"
)
_SAMPLE_METHODS = frozenset({"__getitem__", "__iter__", "__next__", "collate_fn"})


class Purpose(enum.Enum):
    """What code is for."""

    TRAIN = "train"
    EVALUATION = "evaluation"
    UNKNOWN = "unknown"


def named(name: str) -> Purpose:
    """What a name says; `train_and_test` trains."""
    plain = catalogue.snake(name.rpartition(".")[2])
    if _TRAIN.search(plain):
        return Purpose.TRAIN
    return Purpose.EVALUATION if _EVALUATION.search(plain) else Purpose.UNKNOWN


class Purposes:
    """Answers "what is this code for?" for one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.loops = loops_of(project)

    def at(self, ref: Ref, region: int, names: Iterable[str] = ()) -> Purpose:
        """The purpose of a region of a scope; `names` are what its value is called, innermost first."""
        scope = self.project.scope(ref)
        for purpose in (*map(named, names), *self.guards(ref, scope, region)):
            if purpose is not Purpose.UNKNOWN:
                return purpose
        if self._in_loop(ref, scope, region):
            return Purpose.TRAIN
        if self._under_main(ref, scope, region) or self.loops.evaluates(ref, region):
            return Purpose.EVALUATION
        return self.function(ref)

    def is_trial(self, ref: Ref, region: int) -> bool:
        """Whether code tries out a module that does not train, under its `if __name__ == "__main__":`."""
        return self._under_main(ref, self.project.scope(ref), region) and not self.loops.trains(ref)

    @functools.cache  # noqa: B019 - lives as long as the run
    def function(self, ref: Ref, depth: int = 0) -> Purpose:
        """The purpose of a whole function: by its names, by what it does, by who calls it."""
        scope = self.project.scope(ref)
        for purpose in self._names(ref, scope):
            if purpose is not Purpose.UNKNOWN:
                return purpose
        if scope.qualname and (self._is_step(ref, scope) or self.loops.trains(ref)):
            return Purpose.TRAIN
        if not scope.qualname or depth >= 2:
            return Purpose.UNKNOWN
        return self._of_callers(ref, depth)

    def _names(self, ref: Ref, scope: Scope) -> Iterable[Purpose]:
        yield from (named(part) for part in reversed(scope.qualname.split(".")))
        place = self.project.place(ref.path)
        stem = posixpath.splitext(posixpath.basename(place))[0]
        yield named(stem) if stem != "test" or not self.loops.trains(ref) else Purpose.UNKNOWN
        folders = posixpath.dirname(place).split("/")[-2:]
        if any(named(folder) is Purpose.EVALUATION for folder in folders):
            yield Purpose.EVALUATION

    def _is_step(self, ref: Ref, scope: Scope) -> bool:
        if scope.name in catalogue.TRAINING_STEP_FUNCTIONS or scope.name in _SAMPLE_METHODS:
            return True
        if self.project.is_configured("step_functions", scope.qualname):
            return True
        if not scope.owner:
            return False
        network = scope.name in ("forward", "call") and self.project.is_network_class(ref.path, scope.owner)
        return network or self.project.is_dataset_class(ref.path, scope.owner)

    def _of_callers(self, ref: Ref, depth: int) -> Purpose:
        callers = [site.scope for site in self.project.callers(ref)[:6]]
        found = {self.function(caller, depth + 1) for caller in callers}
        if not callers:
            handed_on = self._references(ref)
            found = {self.of_use(value) for value in handed_on} - {Purpose.UNKNOWN}
            found = found or {self.function(value.scope, depth + 1) for value in handed_on}
        if Purpose.TRAIN in found:
            return Purpose.TRAIN
        return Purpose.EVALUATION if found == {Purpose.EVALUATION} else Purpose.UNKNOWN

    def _references(self, ref: Ref) -> list[Value]:
        """Where a function is handed on in its own file: `dataset.map(augment)`."""
        module = self.project.modules[ref.path]
        span = self.project.scope(ref).name_span
        return [
            Value(Ref(ref.path, qualname), index)
            for qualname, scope in module.scopes.items()
            for index, node in scope.of_kind(Kind.GLOBAL)
            if node.name == ref.qualname and (node.span != span or users(scope, index))
        ][:6]

    def of_use(self, value: Value) -> Purpose:
        """What comes of a value is for: what it is bound to says so, or whether a model is fitted to it."""
        scope = self.project.scope(value.scope)
        led_to = set(reached(scope, [value.node], lambda index: not self._fits(scope.nodes[index])))
        found = {named(store.name) for store in scope.stores if store.node in led_to}
        for _, node in scope.calls():
            if self._fits(node) and node.arguments:
                found |= {Purpose.TRAIN} if node.arguments[0] in led_to else set()
                held_out = node.keyword("validation_data")
                found |= {Purpose.EVALUATION} if held_out is not None and held_out in led_to else set()
        if Purpose.TRAIN in found:
            return Purpose.TRAIN
        return Purpose.EVALUATION if Purpose.EVALUATION in found else Purpose.UNKNOWN

    def _fits(self, node: Node) -> bool:
        return node.has_receiver and node.method in catalogue.FITTING_METHODS

    def _in_loop(self, ref: Ref, scope: Scope, region: int) -> bool:
        return any(
            scope.within(region, loop.region) and loop.trains
            for loop in self.loops.loops(ref)
            if not self.loops.evaluates(ref, region)
        )

    # ------------------------------------------------------------------------------------------- guards

    def guards(self, ref: Ref, scope: Scope, region: int) -> Iterable[Purpose]:
        """What the conditions around a region say: `if self.split == "train":`."""
        for outer in scope.region_chain(region):
            block = scope.regions[outer]
            if block.kind in (RegionKind.THEN, RegionKind.ELSE) and block.header >= 0:
                yield self.condition(ref, block.header, block.kind is RegionKind.ELSE)

    def condition(self, ref: Ref, header: int, negated: bool = False) -> Purpose:
        """What a condition says of the code that it guards."""
        node = self.project.node(Value(ref, header))
        words = [*self._words(Value(ref, header))]
        if "__name__" in words:
            return Purpose.UNKNOWN
        purposes = {named(word) for word in words} - {Purpose.UNKNOWN}
        if len(purposes) != 1:
            return Purpose.UNKNOWN
        purpose = purposes.pop()
        if negated == self._is_negation(ref, node):
            return purpose
        return Purpose.EVALUATION if purpose is Purpose.TRAIN else Purpose.TRAIN

    def _is_negation(self, ref: Ref, node: Node) -> bool:
        if node.kind is Kind.OP and node.name in ("and", "or") and node.inputs:
            return self._is_negation(ref, self.project.node(Value(ref, node.inputs[0])))
        return node.kind is Kind.OP and node.name in ("not", "!=", "not in", "is not")

    def _words(self, value: Value, depth: int = 0) -> Iterable[str]:
        node = self.project.node(value)
        if node.kind is Kind.CONST:
            if isinstance(node.value, str):
                yield node.value
            return
        if node.kind in (Kind.GLOBAL, Kind.ATTR, Kind.PARAM, Kind.CALL):
            yield (node.text if node.kind is Kind.CALL else node.name).rpartition(".")[2]
        if depth < 4 and node.kind in (Kind.OP, Kind.COLLECTION, Kind.INDEX):
            for inner in node.inputs:
                yield from self._words(Value(value.scope, inner), depth + 1)

    def _under_main(self, ref: Ref, scope: Scope, region: int) -> bool:
        return any(
            "__name__" in self._words(Value(ref, scope.regions[outer].header))
            for outer in scope.region_chain(region)
            if scope.regions[outer].kind is RegionKind.THEN and scope.regions[outer].header >= 0
        )


@functools.lru_cache(maxsize=4)
def purposes_of(project: Project) -> Purposes:
    """The one judge of purposes of a project, shared by the rules."""
    return Purposes(project)
