"""Which loops train, which run over batches, which over epochs; and what only looks at a model."""

from __future__ import annotations

import functools
from collections import defaultdict
from typing import NamedTuple

from jitlint import catalogue
from jitlint.libraries.loading import COUNTS
from jitlint.semantics.calls import names_network
from jitlint.semantics.contents import contents_of
from jitlint.semantics.graph import LOOPS, Kind, Node, RegionKind, Scope
from jitlint.semantics.memo import remembered
from jitlint.semantics.project import Project, Ref, Value

_REPEATED = LOOPS | {RegionKind.LAMBDA}


class Loop(NamedTuple):
    """A loop of a scope. `loader` tells that it iterates batches, `trains` that its body trains, `named` that
    what it iterates over says that it holds batches."""

    scope: Ref
    region: int
    loader: bool
    trains: bool
    named: bool = False


class Loops:
    """Classifies the loops of one project, remembering the answers."""

    def __init__(self, project: Project) -> None:
        self.project = project

    # ---------------------------------------------------------------------------------------- functions

    @remembered(False)
    def trains(self, ref: Ref) -> bool:
        """Whether a function updates a network: it calls backward, an optimizer's step, …."""
        return any(self.is_training_call(Value(ref, index)) for index, _ in self.project.scope(ref).calls())

    @remembered(False)
    def steps(self, ref: Ref) -> bool:
        """Whether a function makes one training step: it updates a network outside any loop of its own."""
        scope = self.project.scope(ref)
        return any(
            not any(scope.regions[region].kind in _REPEATED for region in scope.region_chain(node.region))
            and self.is_training_call(Value(ref, index), whole=False)
            for index, node in scope.calls()
        )

    def is_training_call(self, value: Value, whole: bool = True) -> bool:
        """Whether a call updates a network, by itself or somewhere in the called function.

        With `whole` False, a call of a function that trains in a loop of its own does not count: such a
        call is a training, not a step of one.
        """
        node = self.project.node(value)
        if node.name in catalogue.TRAINING_CALLS or self._applies_gradient(value, node):
            return True
        if node.has_receiver and node.method in catalogue.TRAINING_METHODS:
            return True
        if node.has_receiver and node.method == "step":
            return self._steps_optimizer(value, node)
        if self._runs_training(value, node):
            return True
        ref = self.project.callee(value)
        if ref is not None:
            return self.trains(ref) if whole else self.steps(ref)
        last = node.text.rpartition(".")[2]
        named = catalogue.names_training(last) and not ends_training(self.project, value, node)
        return last in catalogue.TRAINING_STEP_FUNCTIONS or (whole and named)

    def fed_values(self, value: Value, node: Node) -> tuple[int, ...]:
        """What `session.run([train_op, loss], feed_dict={x: images})` of TensorFlow 1 trains on: `images`."""
        if not self._runs_training(value, node):
            return ()
        fed = node.keyword("feed_dict")
        if fed is None and len(node.arguments) > 1 and node.keywords[1] is None:
            fed = node.arguments[1]
        display = self.project.node(Value(value.scope, fed)) if fed is not None else None
        if display is None or display.kind is not Kind.COLLECTION or display.name != "dict":
            return ()
        return display.inputs[len(display.inputs) // 2 :]

    def _runs_training(self, value: Value, node: Node) -> bool:
        """`session.run(train_op)` of TensorFlow 1."""
        return node.name == ".run" and bool(node.arguments) and self._fetches_training(value, node.arguments[0])

    def _fetches_training(self, value: Value, fetched: int, depth: int = 0) -> bool:
        node = self.project.node(Value(value.scope, fetched))
        if node.kind in (Kind.COLLECTION, Kind.PHI) and depth < 3:
            return any(self._fetches_training(value, item, depth + 1) for item in node.inputs)
        names = (node.name, *self.project.bound_names(Value(value.scope, fetched)))
        return any(catalogue.TRAINING_OPERATION.search(catalogue.snake(name.rpartition(".")[2])) for name in names)

    def _applies_gradient(self, value: Value, node: Node) -> bool:
        """`jax.grad(loss)(params)`: the gradient function is made and called."""
        if node.name != "()":
            return False
        made = self.project.node(Value(value.scope, node.inputs[0]))
        return made.kind is Kind.CALL and made.name in catalogue.GRADIENT_FUNCTIONS

    def _steps_optimizer(self, value: Value, node: Node) -> bool:
        owner = node.text.split(".")[-2:-1]
        if owner and catalogue.OPTIMIZER_WORD.search(catalogue.snake(owner[0])):
            return True
        made = self.project.constructor(Value(value.scope, node.inputs[0]))
        return made is not None and ".optim" in made[1] and "lr_scheduler" not in made[1]

    # -------------------------------------------------------------------------------------------- loops

    @functools.cache  # noqa: B019 - lives as long as the run
    def loop(self, ref: Ref, region: int) -> Loop:
        """What kind of loop a region is."""
        scope = self.project.scope(ref)
        block = scope.regions[region]
        trains = self._body_trains(ref, region)
        loader = named = block.kind is RegionKind.FOR and self.iterates_batches(Value(ref, block.header))
        if trains and not loader:
            loader = self._handles_a_batch(ref, scope, region) or self._feeds_elements(ref, scope, region)
        return Loop(ref, region, loader, trains, named)

    def _feeds_elements(self, ref: Ref, scope: Scope, region: int) -> bool:
        """Whether a loop that counts nothing feeds its elements to a network: `for sample in train_data`."""
        header = scope.regions[region].header
        if scope.regions[region].kind is not RegionKind.FOR or self._counts(scope, header):
            return False
        fed = [
            item
            for _, node in scope.calls()
            if scope.within(node.region, region) and names_network(node)
            for item in node.arguments
        ]
        return any(self._is_element(scope, item, region) for item in fed)

    def _counts(self, scope: Scope, index: int, depth: int = 0) -> bool:
        node = scope.nodes[index]
        if node.kind is not Kind.CALL or depth > 3:
            return False
        if node.method in COUNTS:
            return True
        return any(self._counts(scope, item, depth + 1) for item in node.arguments)

    def _is_element(self, scope: Scope, index: int, region: int, depth: int = 0) -> bool:
        node = scope.nodes[index]
        if node.kind is Kind.LOOPVAR:
            return node.region == region
        if depth > 5 or not scope.within(node.region, region):
            return False
        return any(self._is_element(scope, item, region, depth + 1) for item in node.inputs)

    def _handles_a_batch(self, ref: Ref, scope: Scope, region: int) -> bool:
        """`images = next(batches)`, `model.train_on_batch(images)` or `session.run(train_op)` directly in the body."""
        return any(
            node.name == "next"
            or (node.has_receiver and node.method == "train_on_batch")
            or self._runs_training(Value(ref, index), node)
            for index, node in contents_of(self.project, ref).calls(region)
            if node.region == region
        )

    def _body_trains(self, ref: Ref, region: int) -> bool:
        calls = contents_of(self.project, ref).calls(region)
        return any(self.is_training_call(Value(ref, index), whole=False) for index, _ in calls)

    def loops(self, ref: Ref) -> list[Loop]:
        """The loops of a scope, outermost first."""
        scope = self.project.scope(ref)
        return [self.loop(ref, index) for index, region in enumerate(scope.regions) if region.kind in LOOPS]

    def batch_loops(self, ref: Ref) -> list[Loop]:
        """The loops that run once per batch: over a loader, or training without such a loop inside.

        A loop inside a loop over a loader, over parts or repetitions of its batch, runs more than once a batch.
        """
        scope = self.project.scope(ref)
        every = self.loops(ref)
        outer = {loop.region for loop in every if loop.named}
        loops = [loop for loop in every if loop.named or outer.isdisjoint(list(scope.region_chain(loop.region))[1:])]
        within = defaultdict[int, list[Loop]](list)
        for loop in loops:
            for around in list(scope.region_chain(loop.region))[1:]:
                within[around].append(loop)
        found = []
        for loop in loops:
            inner = within[loop.region]
            if (loop.loader and not self._around_loader(loop, inner)) or (
                loop.trains and not any(other.loader or other.trains for other in inner)
            ):
                found.append(loop)
        return [loop for loop in found if not self.evaluates(ref, loop.region)]

    def _around_loader(self, loop: Loop, inner: list[Loop]) -> bool:
        return any(other.loader and other.trains for other in inner)

    @remembered(False)
    def iterates_batches(self, value: Value, depth: int = 0) -> bool:
        """Whether a loop over this value runs over batches."""
        node = self.project.node(value)
        if depth > 6:
            return False
        if node.kind is Kind.CALL:
            return self._call_iterates_batches(value, node, depth)
        if node.kind in (Kind.PARAM, Kind.GLOBAL, Kind.ATTR, Kind.PHI) and self._named_loader(node.name):
            return True
        if any(map(self._named_loader, self.project.bound_names(value))):
            return True
        if node.kind in (Kind.PHI, Kind.ENTER):
            return any(self.iterates_batches(Value(value.scope, item), depth + 1) for item in node.inputs)
        if node.kind is Kind.INDEX:
            base = self.project.node(Value(value.scope, node.inputs[0]))
            key = self.project.node(Value(value.scope, node.inputs[1])).value
            return self._named_loader(base.name) or (isinstance(key, str) and self._named_loader(key))
        return any(self.iterates_batches(alias, depth + 1) for alias in self.project.aliases(value))

    def _named_loader(self, name: str) -> bool:
        last = name.rpartition(".")[2]
        if self.project.is_configured("batch_loops", name):
            return True
        return catalogue.names_loader(last) and not catalogue.names_evaluation(last)

    def _call_iterates_batches(self, value: Value, node: Node, depth: int) -> bool:
        last = node.text.rpartition(".")[2]
        if last == "range":
            return self._range_over_batches(value, node)
        if last not in ("len", "next") and any(
            self.iterates_batches(Value(value.scope, item), depth + 1) for item in node.arguments[:4]
        ):
            return True
        if last.endswith(("DataLoader", "Dataloader")):
            return True
        if node.name.startswith(".") and last in (
            "as_numpy_iterator",
            "iter_batches",
            "take",
            "skip",
            "batch",
            "items",
        ):
            return self.iterates_batches(Value(value.scope, node.inputs[0]), depth + 1)
        if catalogue.names_batch_function(last) and not catalogue.names_evaluation(last):
            return True
        return self._named_loader(node.name.lstrip(".("))

    def _range_over_batches(self, value: Value, node: Node) -> bool:
        arguments = [self.project.node(Value(value.scope, item)) for item in node.arguments]
        if len(arguments) == 3:
            return any(word in arguments[2].name.lower() for word in ("batch", "bs", "bptt", "chunk"))
        last = arguments[-1] if arguments else None
        if last is None:
            return False
        if last.kind is Kind.CALL and last.name == "len":
            return self.iterates_batches(Value(value.scope, last.inputs[0]), 1)
        name = last.name.lower()
        return any(
            word in name for word in ("num_batch", "n_batch", "nbatch", "total_batch", "steps_per_epoch", "iters_per")
        )

    def epoch_loop(self, ref: Ref, region: int) -> int | None:
        """The innermost loop around a batch loop of the same scope, or None."""
        scope = self.project.scope(ref)
        for outer in list(scope.region_chain(region))[1:]:
            if scope.regions[outer].kind in LOOPS:
                return outer
        return None

    # --------------------------------------------------------------------------------------- evaluation

    def evaluates(self, ref: Ref, region: int) -> bool:
        """Whether code only looks at a network: under no_grad, in a function called test, …."""
        scope = self.project.scope(ref)
        if catalogue.names_evaluation(scope.name) and not self.trains(ref):
            return True
        if any("no_grad" in name or "inference_mode" in name for name in scope.decorators):
            return True
        return any(self._looks_only(ref, scope, outer) for outer in scope.region_chain(region))

    def _looks_only(self, ref: Ref, scope: Scope, region: int) -> bool:
        block = scope.regions[region]
        if block.header < 0:
            return False
        header = scope.nodes[block.header]
        if block.kind is RegionKind.WITH:
            return header.text.rpartition(".")[2] in ("no_grad", "inference_mode", "stop_gradient")
        if block.kind is RegionKind.FOR:
            return self._iterates_held_out(Value(ref, block.header))
        return block.kind is RegionKind.THEN and self._is_logging_test(Value(ref, block.header))

    def _iterates_held_out(self, value: Value, depth: int = 0) -> bool:
        node = self.project.node(value)
        if node.kind is Kind.CALL and node.text.rpartition(".")[2] in catalogue.WRAPPERS and depth < 4:
            return any(self._iterates_held_out(Value(value.scope, item), depth + 1) for item in node.arguments)
        name = node.text if node.kind is Kind.CALL else node.name
        last = name.rpartition(".")[2]
        return catalogue.names_loader(last) and catalogue.names_evaluation(last)

    def _is_logging_test(self, value: Value) -> bool:
        """`i % 100 == 0`, `step % log_every == 0`, `epoch == last`."""
        nodes = [self.project.node(value)]
        for _ in range(3):
            nodes += [self.project.node(Value(value.scope, item)) for node in nodes for item in node.inputs[:2]][:12]
        return any(node.kind is Kind.OP and node.name == "%" for node in nodes)


def ends_training(project: Project, value: Value, node: Node) -> bool:
    """Whether a call is `model.train(False)`, or `model.train(mode=False)`: another word for `model.eval()`."""
    alone = node.name == ".train" and node.keywords in ((None,), ("mode",))
    return alone and project.node(Value(value.scope, node.arguments[0])).value is False


@functools.lru_cache(maxsize=4)
def loops_of(project: Project) -> Loops:
    """The one classification of a project's loops, shared by the rules."""
    return Loops(project)
