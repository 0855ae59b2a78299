"""JIT102 hoisted-noise."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jitlint.diagnostic import Applicability, Candidate, Confidence, FixPlan
from jitlint.rules.base import Rule
from jitlint.rules.stale import describe_loop, draw_trace, is_evaluation_name, stale_names, stale_traces, subject
from jitlint.semantics.graph import ADDING, Kind
from jitlint.semantics.hoisted import hoisted_of
from jitlint.semantics.moves import plan_move
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.staleness import Stale, staleness_of

_NOISE_NAME = re.compile(
    r"(?:^|_)(?:noise|noises|noisy|jitter|perturb\w*|eps|epsilon|lam|lamb|lambda|lmbda|mix\w*|offset|shift)(?:_|\d|$)"
)
_JOINING = frozenset({"cat", "concat", "concatenate", "hstack"})
_MIX_NAME = re.compile(r"^(?:lam|lamb|lambda_?|lmbda|mix\w*|mixing|mixup_\w+|cutmix_\w+)$")
_LATENT_NAME = re.compile(
    r"^(?:z|noise|latent|latents|z_noise|noise_z|batch_z|z_batch|z\d|latent_noise|random_latent_vectors)$"
)


class HoistedNoise(Rule):
    """Noise is drawn outside the batch loop and combined with every batch inside it.

    What it finds:
        A draw made outside the batch loop and combined with the batch inside it (`images + noise`), one
        mixup or cutmix coefficient for the whole loop, a generator that draws above its `for ...: yield`,
        and a latent that is drawn once and fed to the network which the loop trains.

    Why it matters:
        Every batch gets the same noise, so the network can learn to subtract it. A mixup coefficient drawn
        once is a constant. A generator network that only ever sees one latent learns one output.

    Example:
        noise = 0.1 * torch.randn(3, 32, 32)
        for images, labels in loader:
            loss = criterion(model(images + noise), labels)

    Use instead:
        for images, labels in loader:
            noise = 0.1 * torch.randn_like(images)
            loss = criterion(model(images + noise), labels)

    Fix:
        Moves the draw into the loop, right above its first use. Safe when both stand in one function.

    Known limits:
        Latents and noise whose name says that they are kept on purpose (`fixed_noise`, `sample_z`) are left
        alone, and so is everything an optimizer owns. Products are only reported for mixing coefficients;
        a random matrix that multiplies the data may be a projection.
    """

    code = "JIT102"
    name = "hoisted-noise"

    VALID = (
        """
import torch
def train(model, loader, opt):
    for images, labels in loader:
        noise = 0.1 * torch.randn_like(images)
        loss = criterion(model(images + noise), labels)
        loss.backward()
        opt.step()
""",
        """
import torch
fixed_noise = torch.randn(64, 100)
for images, _ in dataloader:
    z = torch.randn(64, 100)
    loss = criterion(netD(netG(z)), images)
    loss.backward()
    optimizer.step()
    fake = netG(fixed_noise)
    save_image(fake, "preview.png")
""",
        """
import torch
noise = torch.empty(64, 100)
for images, _ in dataloader:
    noise.normal_()
    loss = criterion(netD(netG(noise)), images)
    loss.backward()
    optimizer.step()
""",
        """
import torch
W = torch.randn(784, 10, requires_grad=True)
b = torch.randn(10, requires_grad=True)
for xb, yb in train_loader:
    loss = criterion(model(xb @ W + b), yb)
    loss.backward()
""",
        """
import torch
B = torch.randn(256, 2) * 10
for coords, values in loader:
    loss = criterion(model(torch.sin(coords @ B.T)), values)
    loss.backward()
    optimizer.step()
""",
    )
    INVALID = (
        """
import torch
def train(model, loader, opt):
    noise = 0.1 * torch.randn(3, 32, 32)
    for images, labels in loader:
        loss = criterion(model(images + noise), labels)
        loss.backward()
        opt.step()
""",
        """
import numpy as np, torch
def train(model, loader, opt, epochs):
    lam = np.random.beta(1.0, 1.0)
    for epoch in range(epochs):
        for x, y in loader:
            index = torch.randperm(x.size(0))
            mixed = lam * x + (1 - lam) * x[index]
            loss = criterion(model(mixed), y)
            loss.backward()
            opt.step()
""",
        """
import torch
def train(netG, netD, dataloader, optimizer):
    z = torch.randn(64, 100, 1, 1)
    for images, _ in dataloader:
        fake = netG(z)
        loss = netD(fake).mean() - netD(images).mean()
        loss.backward()
        optimizer.step()
""",
        """
import numpy as np
def noisy_batches(data, batch_size):
    noise = np.random.normal(0, 0.1, data.shape[1:])
    for start in range(0, len(data), batch_size):
        yield data[start:start + batch_size] + noise
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a draw and loop."""
        for stale in (*hoisted_of(project).in_training, *hoisted_of(project).in_generators):
            confidence = self._confidence(project, stale)
            if confidence is not None and stale.made.draw is not None:
                yield self._candidate(project, stale, confidence)

    def _confidence(self, project: Project, stale: Stale) -> Confidence | None:
        made = stale.made
        if stale.per_epoch:
            return None
        if made.perturbed or made.data or is_evaluation_name(project, stale):
            return None
        if stale.combined is None:
            return self._latent_confidence(project, stale)
        operation = project.node(stale.combined)
        named = any(_NOISE_NAME.search(name.lower()) for name in stale_names(project, stale))
        if operation.kind is not Kind.OP:
            if self._mixes(project, stale) and stale.loop.loader and stale.loop.trains:
                return Confidence.MEDIUM
            joins = operation.method in _JOINING and named and stale.loop.loader
            return Confidence.MEDIUM if joins and staleness_of(project).trains_on(stale) else Confidence.LOW
        if operation.name in ADDING:
            sure = Confidence.HIGH if stale.loop.loader else Confidence.MEDIUM
            return sure if named or stale.loop.loader else Confidence.LOW
        return Confidence.MEDIUM if operation.name in ("*", "*=") and self._mixes(project, stale) else Confidence.LOW

    def _mixes(self, project: Project, stale: Stale) -> bool:
        """Whether a factor is a mixing coefficient or a mask: by its distribution or by its name."""
        draw = stale.made.draw
        assert draw is not None
        node = project.node(Value(Ref(draw.path, draw.scope), draw.node))
        made = project.constructor(Value(Ref(draw.path, draw.scope), node.inputs[0])) if node.has_receiver else None
        distribution = f"{draw.name} {made[1] if made else ''}".lower()
        named = any(_MIX_NAME.match(name.lower()) for name in stale_names(project, stale))
        return named or "beta" in distribution or "bernoulli" in distribution

    def _latent_confidence(self, project: Project, stale: Stale) -> Confidence | None:
        if not stale.loop.loader or not stale.loop.trains or not staleness_of(project).trains_on(stale):
            return None
        named = any(_LATENT_NAME.match(name.rpartition(".")[2]) for name in stale_names(project, stale))
        return Confidence.MEDIUM if named else Confidence.LOW

    def _candidate(self, project: Project, stale: Stale, confidence: Confidence) -> Candidate:
        draw = draw_trace(project, stale, "the noise is drawn here, once")
        move = plan_move(project, staleness_of(project), stale)
        fix = FixPlan(Applicability.SAFE, "Draw inside the loop, anew for every batch", move) if move else None
        where, what = describe_loop(project, stale), subject(project, stale)
        message = f"the same draw is used in every {where}: {what} is drawn outside the loop"
        return Candidate(self.code, draw.path, draw.span, message, confidence, stale_traces(project, stale, draw), fix)


rule = HoistedNoise
