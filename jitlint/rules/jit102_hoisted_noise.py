"""JIT102 hoisted-noise."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jitlint import catalogue
from jitlint.diagnostic import Applicability, Candidate, Confidence, FixPlan
from jitlint.rules.base import Rule
from jitlint.rules.stale import describe_loop, draw_trace, is_evaluation_name, stale_names, stale_traces, subject
from jitlint.semantics.flow import sources
from jitlint.semantics.graph import ADDING, Kind
from jitlint.semantics.hoisted import hoisted_of
from jitlint.semantics.moves import plan_move
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.staleness import Stale, staleness_of
from jitlint.semantics.when import variance_of

_NOISE_NAME = re.compile(
    r"(?:^|_)(?:noise|noises|noisy|speckle|jitter|perturb\w*|eps|epsilon|lam|lamb|lambda|lmbda|mix\w*|offset|shift)(?:_|\d|$)"
)
_COMPARING = frozenset({"<", "<=", ">", ">="})
_HIDING = frozenset({"where", "masked_fill", "masked_fill_"})
_JOINING = frozenset({"cat", "concat", "concatenate", "hstack"})
_MIX_NAME = re.compile(r"^(?:lam|lamb|lambda_?|lmbda|mix\w*|mixing|mixup_\w+|cutmix_\w+)$")
_LATENT_NAME = re.compile(
    r"^(?:z|noise|latent|latents|z_noise|noise_z|batch_z|z_batch|z\d|latent_noise|random_latent_vectors)$"
)


class HoistedNoise(Rule):
    """Noise is drawn outside the batch loop and combined with every batch inside it.

    What it finds:
        A draw made outside the batch loop and combined with the batch inside it (`images + noise`), one
        mixup or cutmix coefficient, mask, crop position or angle for the whole loop, a generator that draws
        above its `for ...: yield`, and a latent that is drawn once and fed to the network which the loop
        trains. The loop may run over a loader, or count steps and take a batch in each.

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
        alone, and so is everything an optimizer owns. Products are only reported for mixing coefficients
        and for masks made by a comparison; a random matrix that multiplies the data may be a projection, and
        a mask in k-space the pattern of a measurement. A latent beside one picture that all steps share may
        be meant to stay, as in a deep image prior.
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
        sure = stale.loop.trains and self._over_batches(project, stale)
        if operation.kind is Kind.INDEX:
            return Confidence.MEDIUM if sure else Confidence.LOW
        if operation.kind is not Kind.OP:
            hides = operation.method in _HIDING and self._is_mask(project, stale)
            if sure and (hides or self._mixes(project, stale) or catalogue.is_image_operation(operation.name)):
                return Confidence.MEDIUM
            joins = operation.method in _JOINING and (named or self._is_latent(project, stale)) and sure
            return Confidence.MEDIUM if joins and staleness_of(project).trains_on(stale) else Confidence.LOW
        if operation.name in ADDING:
            near = stale.loop.loader and stale.origin.scope == stale.loop.scope
            certain = Confidence.HIGH if near else Confidence.MEDIUM
            return certain if named or stale.loop.loader else Confidence.LOW
        speckles = named and (sure or project.node(stale.consumer).kind is Kind.YIELD)
        scales = operation.name in ("*", "*=") and (speckles or self._mixes(project, stale))
        masks = operation.name in ("*", "*=", "&") and sure and self._is_mask(project, stale)
        return Confidence.MEDIUM if scales or masks else Confidence.LOW

    def _over_batches(self, project: Project, stale: Stale) -> bool:
        """Whether each pass of the loop has other data: it runs over a loader, or draws its batch itself."""
        return stale.loop.loader or hoisted_of(project).sees_batches(stale.loop)

    def _mixes(self, project: Project, stale: Stale) -> bool:
        """Whether a factor is a mixing coefficient: by its distribution or by its name."""
        draw = stale.made.draw
        assert draw is not None
        node = project.node(Value(Ref(draw.path, draw.scope), draw.node))
        made = project.constructor(Value(Ref(draw.path, draw.scope), node.inputs[0])) if node.has_receiver else None
        distribution = f"{draw.name} {made[1] if made else ''}".lower()
        named = any(_MIX_NAME.match(name.lower()) for name in stale_names(project, stale))
        return named or "beta" in distribution or "bernoulli" in distribution

    def _is_mask(self, project: Project, stale: Stale) -> bool:
        """Whether a factor is a comparison of a draw, and no pattern in which something is measured."""
        scope = project.scope(stale.origin.scope)
        compared = any(scope.nodes[item].name in _COMPARING for item in staleness_of(project).chain(stale.origin))
        assert stale.combined is not None
        where = project.scope(stale.combined.scope)
        measures = any("fft" in where.nodes[item].text for item in sources(where, [stale.combined.node]))
        return compared and not measures

    def _latent_confidence(self, project: Project, stale: Stale) -> Confidence | None:
        """A draw that a network gets as it is: a latent, if a name says so or the network gets nothing else."""
        if not stale.loop.trains or not self._over_batches(project, stale):
            return None
        if not staleness_of(project).trains_on(stale):
            return None
        sure = self._is_latent(project, stale) or self._is_all(project, stale)
        return Confidence.MEDIUM if sure else Confidence.LOW

    def _is_latent(self, project: Project, stale: Stale) -> bool:
        return any(_LATENT_NAME.match(name.rpartition(".")[2]) for name in stale_names(project, stale))

    def _is_all(self, project: Project, stale: Stale) -> bool:
        """Whether a network gets a draw and nothing else."""
        given = project.node(stale.consumer).arguments
        made = [variance_of(project).seen(Value(stale.consumer.scope, item)) for item in given]
        return len(made) == 1 and not made[0].data and not made[0].holes

    def _candidate(self, project: Project, stale: Stale, confidence: Confidence) -> Candidate:
        draw = draw_trace(project, stale, "the noise is drawn here, once")
        move = plan_move(project, staleness_of(project), stale)
        fix = FixPlan(Applicability.SAFE, "Draw inside the loop, anew for every batch", move) if move else None
        where, what = describe_loop(project, stale), subject(project, stale)
        message = f"the same draw is used in every {where}: {what} is drawn outside the loop"
        return Candidate(self.code, draw.path, draw.span, message, confidence, stale_traces(project, stale, draw), fix)


rule = HoistedNoise
