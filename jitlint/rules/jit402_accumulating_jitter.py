"""JIT402 accumulating-jitter."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Applicability, Candidate, Confidence, FixPlan, Rename, RenameInLoop, Trace
from jitlint.rules.base import Rule
from jitlint.semantics.accumulation import Walk, random_walks
from jitlint.semantics.graph import Kind, Scope
from jitlint.semantics.project import Project


class AccumulatingJitter(Rule):
    """A value is perturbed in the loop from its own last result: a random walk that looks fresh.

    What it finds:
        `coord = coord + noise`, `coord += noise`, `coord.add_(noise)` or `coord = jitter(coord)` inside the
        batch loop on a value that is defined outside it and never reset; in a training step, the same on
        `self.coord`; in a data set's `__getitem__`, noise added in place to a sample that the data set keeps.

    Why it matters:
        Every batch differs, so the jitter looks fresh, but the displacements add up: after n batches the
        coordinates are off by sqrt(n) times the intended noise and leave the grid for good.

    Example:
        coord = make_coord_grid(32, 32)
        for images, _ in loader:
            coord = coord + 0.01 * torch.randn_like(coord)
            pred = model(images, coord)

    Use instead:
        coord = make_coord_grid(32, 32)
        for images, _ in loader:
            jittered_coord = coord + 0.01 * torch.randn_like(coord)
            pred = model(images, jittered_coord)

    Fix:
        Gives the perturbed value its own name in the loop. Safe when the statement stands directly in the
        loop; none for `self.x` and for calls that change an argument in place.

    Known limits:
        Integrators (Langevin steps, diffusion, physics) walk on purpose; an update that also adds a
        gradient or a network's output is left alone.
    """

    code = "JIT402"
    name = "accumulating-jitter"

    VALID = (
        """
import torch
def train(model, loader, opt, grid):
    for images, _ in loader:
        coord = grid + 0.01 * torch.randn_like(grid)
        loss = (model(images, coord) - images).pow(2).mean()
        loss.backward()
        opt.step()
""",
        """
import torch
def train(model, loader, opt):
    for images, _ in loader:
        coord = make_grid(32, 32)
        coord += 0.01 * torch.randn_like(coord)
        loss = (model(images, coord) - images).pow(2).mean()
        loss.backward()
        opt.step()
""",
        """
import torch
def langevin(energy, x, steps, optimizer):
    for _ in range(steps):
        grad = torch.autograd.grad(energy(x).sum(), x)[0]
        x = x - 0.5 * grad + 0.01 * torch.randn_like(x)
    return x
""",
    )
    INVALID = (
        """
import torch
def train(model, loader, opt, coord):
    for images, _ in loader:
        coord = coord + 0.01 * torch.randn_like(coord)
        loss = (model(images, coord) - images).pow(2).mean()
        loss.backward()
        opt.step()
""",
        """
import torch
def train(model, loader, opt):
    coord = make_grid(32, 32)
    for images, _ in loader:
        coord.add_(0.01 * torch.randn_like(coord))
        loss = (model(images, coord) - images).pow(2).mean()
        loss.backward()
        opt.step()
""",
        """
import torch
class Trainer:
    def __init__(self, grid):
        self.coord = grid
    def training_step(self, batch):
        self.coord = self.coord + 0.01 * torch.randn_like(self.coord)
        return loss(self.model(batch, self.coord), batch)
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a random walk."""
        for walk in random_walks(project):
            yield self._candidate(project, walk)

    def _candidate(self, project: Project, walk: Walk) -> Candidate:
        scope = project.scope(walk.update.scope)
        node = scope.nodes[walk.update.node]
        path = walk.update.scope.path
        loop = scope.regions[walk.region].header_span if walk.region else scope.name_span
        evidence = [
            Trace("draw", path, node.span, f"adds a new draw to the last pass' `{walk.name}`"),
            Trace("loop", path, loop or scope.name_span, "this repeats, and nothing resets the value"),
        ]
        if walk.consumer is not None:
            consumer = project.node(walk.consumer)
            evidence.append(Trace("consumer", path, consumer.span, f"{consumer.text} gets the sum of all draws so far"))
        unit = "epoch" if scope.name == "__getitem__" else "batch"
        how = f"`{walk.name}` is perturbed from its own last value and never reset"
        message = f"the noise adds up from {unit} to {unit}: {how}"
        confidence = Confidence.HIGH if walk.consumer is not None else Confidence.MEDIUM
        return Candidate(self.code, path, node.span, message, confidence, tuple(evidence), self._fix(project, walk))

    def _fix(self, project: Project, walk: Walk) -> FixPlan | None:
        scope = project.scope(walk.update.scope)
        if not walk.region or "." in walk.name:
            return None
        loop = scope.statements[scope.regions[walk.region].statement].span
        statement = scope.statements[scope.nodes[walk.update.node].statement].span
        new = f"jittered_{walk.name}"
        while new in scope.variables:
            new += "_"
        plan = RenameInLoop(loop, statement, Rename(walk.name, new))
        safety = Applicability.UNSAFE if self._is_read_later(scope, walk) else Applicability.SAFE
        return FixPlan(safety, f"Perturb the clean `{walk.name}` under a name of its own", plan)

    def _is_read_later(self, scope: Scope, walk: Walk) -> bool:
        """Whether code after the loop gets the value, which would then be the clean one."""
        carriers = {walk.update.node}
        for index, node in enumerate(scope.nodes):
            if node.kind is Kind.PHI and carriers & set(node.inputs):
                carriers.add(index)
        later = (node for node in scope.nodes if node.kind is not Kind.PHI and carriers & set(node.inputs))
        return bool(carriers & set(scope.returns)) or any(not scope.within(n.region, walk.region) for n in later)


rule = AccumulatingJitter
