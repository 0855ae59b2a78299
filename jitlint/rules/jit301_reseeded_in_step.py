"""JIT301 reseeded-in-step."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jitlint import catalogue
from jitlint.diagnostic import Applicability, Candidate, Confidence, FixPlan, MoveAboveLoop, Trace
from jitlint.rules.base import Rule
from jitlint.rules.reseed import is_per_epoch, outermost_loop, repeats_on_purpose, restart_traces, seeded_again
from jitlint.semantics.graph import Scope
from jitlint.semantics.loops import loops_of
from jitlint.semantics.project import Project, Value
from jitlint.semantics.purpose import Purpose, purposes_of
from jitlint.semantics.rewinds import Rewind, rewinds_of
from jitlint.semantics.seeding import Restart, seeding_of

_STEP = re.compile(r"^(?:it|iter|iters|iteration|step|global_step|i_iter|train_step|i_step|batch|batch_idx|n_iter)$")


class ReseededInStep(Rule):
    """The random generator is seeded with the same number in every step, so every step draws the same.

    What it finds:
        A seed call with a constant (or with the sample's own index) in the body of the batch loop, in
        `forward`, a training step, `__getitem__` of a training set, or an augmentation helper.

    Why it matters:
        Every batch draws the same noise, the same crop, the same dropout mask: the randomness is repeated,
        not random. A seed for reproducibility belongs above the loop, once.

    Example:
        for images, labels in loader:
            torch.manual_seed(0)
            loss = criterion(model(images + torch.randn_like(images)), labels)

    Use instead:
        torch.manual_seed(0)
        for images, labels in loader:
            loss = criterion(model(images + torch.randn_like(images)), labels)

    Fix:
        Moves the seed call above the loop (of several nested ones: above the outermost). Safe, unless the
        function itself is called for every epoch: then each epoch would still repeat the last one, and the
        seed belongs further up. In a step function or `__getitem__` there is no loop, and no fix is offered.

    Known limits:
        Seeds that depend on the epoch, the step, the time or a draw are taken as varying. Test sets and
        evaluation functions may repeat themselves. A seed under an `if`, and a data set that makes up its
        samples from their index, are reported with low confidence.
    """

    code = "JIT301"
    name = "reseeded-in-step"

    VALID = (
        """
import torch
def train(model, loader, opt):
    torch.manual_seed(0)
    for images, labels in loader:
        loss = criterion(model(images + torch.randn_like(images)), labels)
        loss.backward()
        opt.step()
""",
        """
import torch
def train(model, loader, opt, epochs):
    for epoch in range(epochs):
        torch.manual_seed(epoch)
        for images, labels in loader:
            loss = criterion(model(images + torch.randn_like(images)), labels)
            loss.backward()
            opt.step()
""",
        """
import random
from torch.utils.data import Dataset
import numpy as np
class Pairs(Dataset):
    def __getitem__(self, index):
        seed = np.random.randint(2147483647)
        random.seed(seed)
        image = self.transform(self.images[index])
        random.seed(seed)
        return image, self.transform(self.masks[index])
""",
        """
import random
from torch.utils.data import Dataset
class TestSet(Dataset):
    def __getitem__(self, index):
        random.seed(index)
        return self.transform(self.images[index])
""",
    )
    INVALID = (
        """
import torch
def train(model, loader, opt):
    for images, labels in loader:
        torch.manual_seed(0)
        loss = criterion(model(images + torch.randn_like(images)), labels)
        loss.backward()
        opt.step()
""",
        """
import torch
from torch import nn
class Net(nn.Module):
    def forward(self, x):
        torch.manual_seed(42)
        return self.body(x + torch.randn_like(x))
""",
        """
import random
from torch.utils.data import Dataset
class Images(Dataset):
    def __getitem__(self, index):
        random.seed(index)
        return self.transform(self.images[index])
""",
        """
import numpy as np
def add_noise(x):
    np.random.seed(0)
    return x + np.random.normal(size=x.shape)
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a seed call."""
        seeding = seeding_of(project)
        told: set[Value] = set()
        for restart in seeding.seeds:
            drawn = seeding.draws_after(restart)
            confidence = self._confidence(project, restart, drawn is not None)
            if confidence is None or seeding.only_shuffles(restart):
                continue
            node = project.node(restart.call)
            if confidence is not Confidence.LOW:
                told.add(restart.call)
            fix = self._fix(project, restart)
            evidence: tuple[Trace, ...] = restart_traces(project, restart, drawn)
            yield Candidate(
                self.code, restart.call.scope.path, node.span, seeded_again(project, restart), confidence, evidence, fix
            )

        for rewind in rewinds_of(project).found():
            if rewind.call not in told:
                yield self._rewind(project, rewind)

    def _rewind(self, project: Project, rewind: Rewind) -> Candidate:
        """A seed that starts every pass of one training with the same numbers."""
        call, site = project.node(rewind.call), project.node(rewind.site)
        scope = project.scope(rewind.clock.scope)
        header = scope.regions[rewind.clock.region].header_span if rewind.clock.region else None
        what = "epoch" if not rewind.pairs else "sample"
        traces = [
            Trace("seed", rewind.call.scope.path, call.span, "the generator starts over here"),
            Trace("loop", rewind.clock.scope.path, header or scope.name_span, f"this repeats for every {what}"),
        ]
        if rewind.site != rewind.call:
            traces.insert(1, Trace("call", rewind.site.scope.path, site.span, f"`{site.text}` leads to the seed"))
        if rewind.preview:
            message = f"training draws the same numbers after every preview: `{call.text}` rewinds its stream"
        else:
            message = (
                f"the same random numbers are drawn in every {what}: "
                f"`{call.text}` starts over from the same seed each time"
            )
        fix = None
        if rewind.site == rewind.call and header and not rewind.preview:
            statement = scope.statements[site.statement].span
            loop = scope.statements[scope.regions[rewind.clock.region].statement].span
            fix = FixPlan(Applicability.UNSAFE, "Seed once, above the loop", MoveAboveLoop(loop, (statement,)))
        return Candidate(self.code, rewind.call.scope.path, call.span, message, Confidence.MEDIUM, tuple(traces), fix)

    def _fix(self, project: Project, restart: Restart) -> FixPlan | None:
        if not restart.region or restart.guarded or restart.seed != "constant":
            return None
        scope = project.scope(restart.call.scope)
        if self._is_repeated(scope, restart):
            return None  # two draws that are meant to be equal
        statement = scope.statements[scope.nodes[restart.call.node].statement].span
        plan = MoveAboveLoop(outermost_loop(project, restart), (statement,))
        if is_per_epoch(project, restart):
            message = f"Seed above the loop, once for every call of {scope.name}"
            leaves = f"every call of `{scope.name}` still starts over from the same seed"
            return FixPlan(Applicability.UNSAFE, message, plan, leaves)
        return FixPlan(Applicability.SAFE, "Seed once, above the loop", plan)

    def _is_repeated(self, scope: Scope, restart: Restart) -> bool:
        """Whether the loop seeds the same generator more than once."""
        name = scope.nodes[restart.call.node].name
        alike = (node for _, node in scope.calls() if node.name == name and scope.within(node.region, restart.region))
        return sum(1 for _ in alike) > 1

    def _confidence(self, project: Project, restart: Restart, drawn: bool) -> Confidence | None:
        if repeats_on_purpose(project, restart):
            return None
        if restart.role == "loop":
            return self._in_loop(project, restart, drawn)
        seeding = seeding_of(project)
        if not drawn:
            return Confidence.LOW if seeding.is_before_layers(restart) else None
        unseen = restart.role == "augmentation" and not seeding.is_in_data_path(restart.call.scope)
        if restart.guarded or unseen:
            return Confidence.LOW
        if restart.role == "step" and loops_of(project).trains(restart.call.scope):
            owner = catalogue.snake(project.scope(restart.call.scope).name)
            return Confidence.MEDIUM if owner in catalogue.TRAINING_STEP_FUNCTIONS else None
        if restart.seed == "index" and not seeding.augments_after(restart):
            return Confidence.LOW  # a synthetic sample, made from its number
        return Confidence.HIGH if restart.seed == "constant" else Confidence.MEDIUM

    def _in_loop(self, project: Project, restart: Restart, drawn: bool) -> Confidence | None:
        batch = {loop.region: loop for loop in loops_of(project).batch_loops(restart.call.scope)}
        scope = project.scope(restart.call.scope)
        around = [batch[region] for region in scope.region_chain(restart.region) if region in batch]
        if not around or not (drawn or around[0].trains):
            return None
        if restart.guarded or not (around[0].loader or self._counts_steps(project, restart)):
            return Confidence.LOW
        if not around[0].trains and purposes_of(project).at(restart.call.scope, restart.region) is not Purpose.TRAIN:
            return Confidence.LOW  # an evaluation repeats its noise to be comparable
        return Confidence.HIGH if restart.seed == "constant" else Confidence.MEDIUM

    def _counts_steps(self, project: Project, restart: Restart) -> bool:
        """Whether a loop's variable says that it counts training steps and not epochs."""
        scope = project.scope(restart.call.scope)
        return any(store.region == restart.region and _STEP.match(store.name) for store in scope.stores)


rule = ReseededInStep
