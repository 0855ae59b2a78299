"""JIT306 sampler-epoch-not-set."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Applicability, Candidate, Confidence, FixPlan, InsertStatements, Trace
from jitlint.rules.base import Rule
from jitlint.semantics.epochs import Unset, epochs_of
from jitlint.semantics.graph import Kind, RegionKind, Scope
from jitlint.semantics.objects import objects_of
from jitlint.semantics.project import Project, Value


class SamplerEpochNotSet(Rule):
    """A distributed sampler is never told the epoch, so every epoch has the samples in the same order.

    What it finds:
        A `DistributedSampler` that shuffles training data, used by a loader that is iterated in several epochs,
        where nothing in the project calls `set_epoch` on it: not on a variable, not on `loader.sampler`, not in
        another file. Also subclasses, and a class that is chosen before it is called.

    Why it matters:
        The sampler seeds its shuffle with `seed + epoch`, and the epoch stays 0. Every process sees the same
        samples in the same order and the same batches again and again, with the same neighbours; what depends
        on the order (mixup partners, contrastive negatives, batch statistics) is the same in every epoch.

    Example:
        sampler = DistributedSampler(dataset)
        loader = DataLoader(dataset, batch_size=32, sampler=sampler)
        for epoch in range(epochs):
            for images, labels in loader:
                train_step(images, labels)

    Use instead:
        for epoch in range(epochs):
            sampler.set_epoch(epoch)
            for images, labels in loader:
                train_step(images, labels)

    Fix:
        Calls `set_epoch` at the head of the epoch loop, if sampler or loader have a name there and the loop
        counts epochs. Safe; where the sampler may be another one, it is asked for `set_epoch` first.

    Known limits:
        The loop over the epochs and the loader must be found; a single pass over the data is fine. Nothing is
        said if a trainer that sets the epoch (Lightning, Accelerate, the Trainer of transformers, …) is
        imported, or if a call of `set_epoch` in the same program (a script and what it imports) may concern this
        sampler.
    """

    code = "JIT306"
    name = "sampler-epoch-not-set"

    VALID = (
        """
from torch.utils.data import DataLoader, DistributedSampler
def train(model, dataset, optimizer, epochs):
    sampler = DistributedSampler(dataset)
    loader = DataLoader(dataset, batch_size=32, sampler=sampler)
    for epoch in range(epochs):
        loader.sampler.set_epoch(epoch)
        for images, labels in loader:
            model(images, labels).backward()
            optimizer.step()
""",
        """
from torch.utils.data import DataLoader, DistributedSampler
def train(model, dataset, optimizer, epochs):
    sampler = DistributedSampler(dataset, shuffle=False)
    loader = DataLoader(dataset, batch_size=32, sampler=sampler)
    for epoch in range(epochs):
        for images, labels in loader:
            model(images, labels).backward()
            optimizer.step()
""",
        """
from torch.utils.data import DataLoader, DistributedSampler
def train(model, dataset, optimizer):
    loader = DataLoader(dataset, batch_size=32, sampler=DistributedSampler(dataset))
    for images, labels in loader:
        model(images, labels).backward()
        optimizer.step()
""",
        """
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler
from engine import fit
def main(model, dataset, optimizer):
    sampler = DistributedSampler(dataset)
    fit(model, DataLoader(dataset, batch_size=32, sampler=sampler), sampler, optimizer)
# file: engine.py
def fit(model, loader, order, optimizer):
    for epoch in range(90):
        if hasattr(order, "set_epoch"):
            order.set_epoch(epoch)
        for images in loader:
            model(images).backward()
            optimizer.step()
""",
    )
    INVALID = (
        """
from torch.utils.data import DataLoader, DistributedSampler
def train(model, dataset, optimizer, epochs):
    sampler = DistributedSampler(dataset)
    loader = DataLoader(dataset, batch_size=32, sampler=sampler)
    for epoch in range(epochs):
        for images, labels in loader:
            model(images, labels).backward()
            optimizer.step()
""",
        """
# file: data.py
from torch.utils.data import DataLoader, RandomSampler
from torch.utils.data.distributed import DistributedSampler
def loaders(args, train_set, val_set):
    sampler = DistributedSampler(train_set) if args.distributed else RandomSampler(train_set)
    return DataLoader(train_set, sampler=sampler), DataLoader(val_set)
# file: main.py
from data import loaders
def run(model, loader, optimizer):
    for images in loader:
        model(images).backward()
        optimizer.step()
def main(args, model, optimizer, train_set, val_set):
    train_loader, val_loader = loaders(args, train_set, val_set)
    for epoch in range(args.epochs):
        run(model, train_loader, optimizer)
""",
        """
from torch.utils.data import DataLoader, DistributedSampler
class Trainer:
    def __init__(self, dataset, world):
        self.sampler = DistributedSampler(dataset) if world > 1 else None
        self.loader = DataLoader(dataset, sampler=self.sampler, shuffle=self.sampler is None)
    def train(self):
        for epoch in range(self.epochs):
            for images in self.loader:
                self.model(images).backward()
                self.optimizer.step()
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a sampler."""
        for item in epochs_of(project).unset:
            is_here = item.sampler.scope.path in project.asked
            place = item.sampler if is_here else item.repeated.where
            which = "this sampler" if is_here else "the sampler of this loader"
            message = f"every epoch has the samples in the same order: nothing calls `set_epoch` on {which}"
            confidence = Confidence.MEDIUM if item.elsewhere else Confidence.HIGH
            traces, fix = tuple(_traces(project, item)), _fix(project, item, place.scope.path)
            yield Candidate(self.code, place.scope.path, project.node(place).span, message, confidence, traces, fix)


def _traces(project: Project, item: Unset) -> Iterator[Trace]:
    loop = item.repeated.loop
    assert loop is not None
    yield Trace("definition", item.loader.scope.path, project.node(item.loader).span, "the loader that uses it")
    header = project.scope(loop.scope).regions[loop.node].header_span
    if header is not None:
        yield Trace("loop", loop.scope.path, header, "every pass of this loop iterates that loader again")


def _fix(project: Project, item: Unset, path: str) -> FixPlan | None:
    """`sampler.set_epoch(epoch)` at the head of the loop over the epochs, in the file of the finding."""
    loop = item.repeated.loop
    if loop is None or loop.scope.path != path or project.node(item.repeated.where).name == "iter":
        return None
    scope = project.scope(loop.scope)
    epoch = _counter(scope, loop.node)
    first = next((statement for statement in scope.statements if statement.region == loop.node), None)
    named = _name(project, scope, loop, item)
    if epoch is None or first is None or named is None:
        return None
    name, certain = named
    call = f"{name}.set_epoch({epoch})"
    text = call if certain else f'if hasattr({name}, "set_epoch"): {call}'
    return FixPlan(Applicability.SAFE, "Tell the sampler the epoch", InsertStatements(first.span, (text,)))


def _counter(scope: Scope, region: int) -> str | None:
    """`epoch` of `for epoch in range(epochs)`, `for epoch in trange(…)`."""
    block = scope.regions[region]
    if block.kind is not RegionKind.FOR or block.header < 0:
        return None
    header = scope.nodes[block.header]
    if header.kind is not Kind.CALL or header.method not in ("range", "trange"):
        return None
    element = next(
        (i for i, node in scope.of_kind(Kind.LOOPVAR) if node.region == region and node.inputs == (block.header,)), -1
    )
    return next((store.name for store in scope.stores if store.node == element and "." not in store.name), None)


def _name(project: Project, scope: Scope, loop: Value, item: Unset) -> tuple[str, bool] | None:
    """What the sampler is called at a loop, and whether it surely is the sampler then."""
    objects = objects_of(project)
    samplers = objects.origins(item.loader, ("sampler",))
    is_sure = not project.node(item.sampler).has_receiver  # of its class, which may have been chosen before
    found: list[tuple[int, str, bool]] = []
    for name, values in _variables(project, scope, loop):
        origins = frozenset(origin for value in values for origin in objects.origins(value))
        if item.sampler in origins:
            found.append((0, name, is_sure and origins == {item.sampler}))
        elif origins == {item.loader}:
            found.append((1, f"{name}.sampler", is_sure and samplers == {item.sampler}))
    return min(found)[1:] if found else None


def _variables(project: Project, scope: Scope, loop: Value) -> Iterator[tuple[str, list[Value]]]:
    """The names that are bound before a loop, with what they are bound to: variables, and attributes of `self`."""
    for name, nodes in scope.variables.items():
        if not any(scope.within(scope.nodes[node].region, loop.node) for node in nodes):
            yield name, [Value(loop.scope, node) for node in nodes]
    if not scope.is_method or not scope.parameters:
        return
    setup = project.method(loop.scope.path, scope.owner, "__init__")
    outer = project.scope(setup) if setup is not None else None
    if setup is None or outer is None or not outer.parameters:
        return
    for store in outer.stores:
        head, _, name = store.name.partition(".")
        if head == outer.parameters[0].name and name and "." not in name:
            stores = project.attribute_stores((loop.scope.path, scope.owner), name)
            yield f"{scope.parameters[0].name}.{name}", list(stores)


rule = SamplerEpochNotSet
