"""JIT104 frozen-at-init."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jitlint import catalogue
from jitlint.diagnostic import Candidate, Confidence, Trace
from jitlint.rules.base import Rule
from jitlint.rules.stale import draw_span, is_evaluation_name, kept_on_purpose, loop_span
from jitlint.semantics.clocks import CALL, Clock, Role
from jitlint.semantics.graph import ADDING, Kind, Scope
from jitlint.semantics.hoisted import hoisted_of
from jitlint.semantics.kept_noise import KeptNoise, kept_noise
from jitlint.semantics.made_once import is_made_at_setup, is_per_item, is_pinned
from jitlint.semantics.project import Project, Value
from jitlint.semantics.purpose import Purpose, purposes_of
from jitlint.semantics.staleness import Stale
from jitlint.semantics.when import variance_of

_NOISE = re.compile(r"(?:^|_)(?:noise|noises|jitter|perturb\w*|disturb\w*|augment\w*|corrupt\w*|eps|epsilon)(?:_|\d|$)")
_MEASURED = re.compile(r"fft|kspace|k_space|measure|sensing|sinogram")
_MASK = re.compile(r"(?:^|_)(?:mask|masks|drop|dropout|keep)(?:_|\d|$)")


class FrozenAtInit(Rule):
    """Noise or a mask is drawn when the object is made and used for its whole life.

    What it finds:
        A draw stored in `__init__` (or registered as a buffer) and combined with data as noise or mask in
        `forward`, `__getitem__`, `__call__` or a training step, never rewritten; a data set whose
        `__init__` stores samples that were augmented once; and, with low confidence, noise that is drawn at
        the first call and kept, or once for each sample.

    Why it matters:
        The object is made once per training, so every batch gets the same noise; a data set that augments in
        `__init__` shows the same variant of each sample in every epoch.

    Example:
        class NoisyImages(Dataset):
            def __init__(self, images):
                self.images = images
                self.noise = 0.1 * torch.randn(3, 32, 32)
            def __getitem__(self, index):
                return self.images[index] + self.noise

    Use instead:
        class NoisyImages(Dataset):
            def __init__(self, images):
                self.images = images
            def __getitem__(self, index):
                image = self.images[index]
                return image + 0.1 * torch.randn_like(image)

    Fix:
        None is offered: where the draw belongs depends on the class.

    Known limits:
        Most attributes that hold draws are weights, projections, queues or memory banks. The attribute must
        be added to data and be called noise, jitter or the like (a mask: be multiplied in a data set);
        anything else is reported with low confidence or not at all.
    """

    code = "JIT104"
    name = "frozen-at-init"

    VALID = (
        """
import torch
from torch import nn
class Fourier(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("B", torch.randn(256, 2))
    def forward(self, x):
        return torch.sin(x @ self.B.T)
""",
        """
import torch
from torch import nn
class Noise(nn.Module):
    def __init__(self):
        super().__init__()
        self.noise = torch.zeros(1)
    def forward(self, x):
        return x + self.noise.repeat(*x.size()).normal_()
""",
        """
import torch
from torch import nn
class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(10))
        self.bias = nn.Parameter(torch.randn(10))
    def forward(self, x):
        return x * self.weight + self.bias
""",
        """
import numpy as np
from torch.utils.data import Dataset
class Toy(Dataset):
    def __init__(self, n):
        self.x = np.linspace(-1, 1, n)
        self.y = self.x ** 2 + 0.1 * np.random.randn(n)
    def __getitem__(self, index):
        return self.x[index], self.y[index]
""",
    )
    INVALID = (
        """
import torch
from torch.utils.data import Dataset
class NoisyImages(Dataset):
    def __init__(self, images):
        self.images = images
        self.noise = 0.1 * torch.randn(3, 32, 32)
    def __getitem__(self, index):
        return self.images[index] + self.noise
""",
        """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("noise", 0.1 * torch.randn(3, 32, 32))
    def forward(self, x):
        return self.body(x + self.noise)
""",
        """
import torch
from torch.utils.data import Dataset
def add_noise(x):
    return x + 0.1 * torch.randn_like(x)
class Images(Dataset):
    def __init__(self, images):
        self.images = [add_noise(image) for image in images]
    def __getitem__(self, index):
        return self.images[index]
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a frozen attribute."""
        for stale in hoisted_of(project).in_data_path:
            confidence = self._confidence(project, stale)
            if confidence is not None:
                yield self._noise(project, stale, confidence)
        for kept in kept_noise(project):
            if _NOISE.search(catalogue.snake(kept.name)) and not kept_on_purpose(kept.name):
                yield self._kept(project, kept)
        told: set[Value] = set()
        for stale in (*hoisted_of(project).in_training, *hoisted_of(project).in_samples):
            if is_made_at_setup(project, stale) and stale.loop.trains and stale.drawn.site not in told:
                confidence = self._chosen(project, stale)
                if confidence is not None:
                    told.add(stale.drawn.site)
                    confidence = Confidence.LOW if is_pinned(project, stale) else confidence
                    yield self._frozen(project, stale, confidence)

    def _chosen(self, project: Project, stale: Stale) -> Confidence | None:
        """How sure it is that what training gets should have been drawn again.

        A choice of points that serves every step, and what was drawn or augmented for each sample and then serves
        every epoch.
        """
        role, aim = stale.drawn.role, purposes_of(project)
        if aim.function(stale.drawn.site.scope) is Purpose.EVALUATION or is_evaluation_name(project, stale):
            return None
        if not stale.per_epoch:
            used = variance_of(project).seen(stale.entry)
            varies = stale.loop.region > CALL and Clock(stale.loop.scope, stale.loop.region) in used.varies
            return Confidence.MEDIUM if role is Role.PICKED and used.data and not varies else None
        if role >= Role.MIXED:
            return Confidence.MEDIUM if self._augmented(project, stale) else None
        return Confidence.MEDIUM if is_per_item(project, stale) else None

    def _augmented(self, project: Project, stale: Stale) -> bool:
        """Whether samples went through a function that is meant to augment them, or to corrupt each."""
        site, draw = project.node(stale.drawn.site), project.node(stale.drawn.draw)
        if stale.drawn.site == stale.drawn.draw:
            return draw.name not in catalogue.DRAWS and stale.made.augmentation
        return is_per_item(project, stale) or catalogue.names_augmentation(site.method)

    def _frozen(self, project: Project, stale: Stale, confidence: Confidence) -> Candidate:
        site, path = project.node(stale.drawn.site), stale.drawn.site.scope.path
        loop = stale.loop.scope
        made = "augmented" if stale.drawn.role >= Role.MIXED else "drawn"
        unit = "epoch" if stale.per_epoch else "step"
        evidence = (
            Trace("draw", path, site.span, f"{made} once, when the object is made"),
            Trace("loop", loop.path, loop_span(project, stale), f"this runs again in every {unit}"),
            Trace("consumer", loop.path, project.node(stale.consumer).span, "and trains on what was drawn then"),
        )
        message = f"every {unit} gets the same draw: `{site.text}` is called once, when the object is made"
        if stale.drawn.role >= Role.MIXED:
            message = (
                f"every {unit} sees the same augmented samples: `{site.text}` is called once, when the data set is made"
            )
        return Candidate(self.code, path, site.span, message, confidence, evidence)

    def _confidence(self, project: Project, stale: Stale) -> Confidence | None:
        entry, operation = project.node(stale.entry), project.node(stale.consumer)
        scope = project.scope(stale.origin.scope)
        if entry.kind is not Kind.ATTR or not scope.owner or stale.made.data or stale.per_epoch:
            return None
        name = catalogue.snake(entry.name)
        if kept_on_purpose(name):
            return None
        if operation.name in ADDING:
            return Confidence.MEDIUM if _NOISE.search(name) else Confidence.LOW
        dataset = project.is_dataset_class(stale.loop.scope.path, project.scope(stale.loop.scope).owner)
        if operation.name in ("*", "*=") and _NOISE.search(name):
            return Confidence.MEDIUM
        if operation.name in ("*", "*=") and _MASK.search(name):
            return Confidence.MEDIUM if dataset and not self._is_measurement(project, stale) else Confidence.LOW
        return None

    def _is_measurement(self, project: Project, stale: Stale) -> bool:
        """Whether a mask is applied in the frequency domain: a fixed sampling pattern, not an augmentation."""
        scope, operation = project.scope(stale.consumer.scope), project.node(stale.consumer)
        return any(_MEASURED.search(scope.nodes[item].text.lower()) for item in operation.inputs)

    def _noise(self, project: Project, stale: Stale, confidence: Confidence) -> Candidate:
        assert stale.made.draw is not None
        draw = stale.made.draw
        span = draw_span(project, draw.path, draw.scope, draw.node)
        step, path = project.scope(stale.loop.scope), stale.loop.scope.path
        name = project.node(stale.entry).name
        evidence = (
            Trace("draw", draw.path, span, "drawn once, when the object is made"),
            Trace("loop", path, step.name_span, f"`{step.name}` runs for every {_unit(step)}"),
            Trace("consumer", path, project.node(stale.consumer).span, "and combines its data with this one draw"),
        )
        message = f"every {_unit(step)} gets the same draw: `self.{name}` is drawn once, when the object is made"
        return Candidate(self.code, draw.path, span, message, confidence, evidence)

    def _kept(self, project: Project, kept: KeptNoise) -> Candidate:
        """Low: it may be meant, as a data set that stays noisy or a noise that a picture keeps."""
        step, path = project.scope(kept.step), kept.step.path
        when = "at the first call" if kept.at_first_call else "for every sample, when the object is made"
        unit = _unit(step) if kept.at_first_call else "epoch"
        span = project.node(kept.drawn).span
        evidence = (
            Trace("draw", kept.drawn.scope.path, span, f"drawn once, {when}"),
            Trace("loop", path, step.name_span, f"`{step.name}` runs for every {_unit(step)}"),
            Trace("consumer", path, step.nodes[kept.use].span, "and adds what was drawn then"),
        )
        message = f"every {unit} gets the same draw: `self.{kept.name}` is drawn once, {when}"
        return Candidate(self.code, kept.drawn.scope.path, span, message, Confidence.LOW, evidence)


def _unit(scope: Scope) -> str:
    return "sample" if scope.name == "__getitem__" else "batch"


rule = FrozenAtInit
