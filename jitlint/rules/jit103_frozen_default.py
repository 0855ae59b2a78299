"""JIT103 frozen-default."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jitlint import catalogue
from jitlint.diagnostic import Applicability, Candidate, Confidence, DefaultToNone, FixPlan, Trace
from jitlint.rules.base import Rule
from jitlint.rules.stale import batch_word, draw_span, is_evaluation_name, kept_on_purpose, loop_span
from jitlint.semantics.clocks import Role
from jitlint.semantics.flow import reached, sources
from jitlint.semantics.graph import ADDING, Kind, Scope
from jitlint.semantics.hoisted import hoisted_of
from jitlint.semantics.made_once import is_made_at_import
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.provenance import Draw, provenance_of
from jitlint.semantics.staleness import Stale

_NOISE = re.compile(
    r"(?:^|_)(?:noise|noises|jitter|eps|epsilon|z|latent|perturb\w*|offset|offsets|delta|rand|random|shift|mask)(?:_|\d|$)"
)


class FrozenDefault(Rule):
    """A draw in a default argument, class attribute or module constant: made once, used in every call.

    What it finds:
        A default argument that draws (`def add_noise(x, noise=torch.randn(3, 32, 32))`) and is combined with
        data in the function; a class attribute or an upper-case module constant that holds a draw and is
        combined with data in a training step, `forward` or `__getitem__`.

    Why it matters:
        Python evaluates a default argument once, when the function is defined. Every call then adds the very
        same noise, for the whole life of the process.

    Example:
        def add_noise(images, noise=0.1 * torch.randn(3, 32, 32)):
            return images + noise

    Use instead:
        def add_noise(images, noise=None):
            if noise is None:
                noise = 0.1 * torch.randn(3, 32, 32)
            return images + noise

    Fix:
        Makes the default None and draws in the body, once per call. Safe for default arguments; class
        attributes and constants get no fix.

    Known limits:
        Scalar defaults that only name a seed, a port or a size are no noise: the default must be added to
        another value, or meet one on the way to the result of a function that is called an augmentation. A
        default that is not called noise, jitter or the like (an example input, say) is reported with low
        confidence elsewhere.
    """

    code = "JIT103"
    name = "frozen-default"

    VALID = (
        """
import torch
def add_noise(images, noise=None):
    if noise is None:
        noise = 0.1 * torch.randn(3, 32, 32)
    return images + noise
""",
        """
import random
def serve(port=random.randint(10000, 60000), seed=random.random()):
    run(port, seed)
""",
        """
import torch
FREQUENCIES = torch.randn(256, 2)
class Net(torch.nn.Module):
    def forward(self, x):
        return self.body(torch.sin(x @ FREQUENCIES.T))
""",
    )
    INVALID = (
        """
import torch
def add_noise(images, noise=0.1 * torch.randn(3, 32, 32)):
    return images + noise
""",
        """
import torch
from torch.utils.data import Dataset
class Images(Dataset):
    noise = 0.1 * torch.randn(3, 32, 32)
    def __getitem__(self, index):
        return self.images[index] + self.noise
""",
        """
import torch
NOISE = 0.1 * torch.randn(3, 32, 32)
class Trainer:
    def training_step(self, batch):
        images, labels = batch
        return criterion(self.model(images + NOISE), labels)
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a frozen default or constant."""
        for ref, scope in project.scopes():
            for parameter in scope.parameters:
                if parameter.default >= 0 and scope.parent is not None:
                    yield from self._default(project, ref, scope, parameter.name, parameter.default)
        for stale in hoisted_of(project).in_data_path:
            if is_constant(project, stale) and stale.made.draw is not None:
                yield self._constant(project, stale, stale.made.draw)

        for stale in hoisted_of(project).in_training:
            mixed = stale.drawn.role >= Role.MIXED and not stale.per_epoch and stale.loop.trains
            if mixed and is_made_at_import(project, stale) and not is_evaluation_name(project, stale):
                yield self._at_import(project, stale)

    def _at_import(self, project: Project, stale: Stale) -> Candidate:
        """A draw of a default or of the module, which a function of the data path combines with data."""
        site, path, loop = project.node(stale.drawn.site), stale.drawn.site.scope.path, stale.loop.scope
        evidence = (
            Trace("draw", path, site.span, "drawn once, when the module is imported"),
            Trace("loop", loop.path, loop_span(project, stale), f"this runs for every {batch_word(stale)}"),
            Trace(
                "consumer",
                stale.loop.scope.path,
                project.node(stale.consumer).span,
                "and trains on data with this one draw",
            ),
        )
        message = f"every batch gets the same draw: `{site.text}` is called once, when the module is imported"
        return Candidate(self.code, path, site.span, message, Confidence.MEDIUM, evidence)

    def _default(self, project: Project, ref: Ref, scope: Scope, name: str, default: int) -> Iterator[Candidate]:
        assert scope.parent is not None
        made = provenance_of(project).made(Value(Ref(ref.path, scope.parent), default))
        augments = catalogue.names_augmentation(scope.name) or scope.name.startswith("random")
        use = combination(scope, name)
        if use is None and augments:
            use = meeting(scope, name)
        if made.draw is None or made.data or use is None or kept_on_purpose(name):
            return
        span = draw_span(project, made.draw.path, made.draw.scope, made.draw.node)
        evidence = (
            Trace("draw", made.draw.path, span, "drawn once, when the function is defined"),
            Trace("consumer", ref.path, scope.nodes[use].span, "every call combines its data with this one draw"),
        )
        message = (
            f"every call of `{scope.name}` uses the same draw: "
            f"the default of `{name}` is made once, when the function is defined"
        )
        fix = FixPlan(Applicability.SAFE, "Draw in the body, once per call", DefaultToNone(scope.span, name))
        confidence = Confidence.MEDIUM if augments else Confidence.LOW
        if _NOISE.search(name.lower()):
            confidence = Confidence.HIGH
        yield Candidate(self.code, ref.path, span, message, confidence, evidence, fix)

    def _constant(self, project: Project, stale: Stale, draw: Draw) -> Candidate:
        span = draw_span(project, draw.path, draw.scope, draw.node)
        name = project.node(stale.entry).name
        path = stale.loop.scope.path
        evidence = (
            Trace("draw", draw.path, span, "drawn once, when the module is imported"),
            Trace("loop", path, project.scope(stale.loop.scope).name_span, "this runs for every batch or sample"),
            Trace("consumer", path, project.node(stale.consumer).span, "and combines its data with this one draw"),
        )
        message = f"every batch gets the same draw: `{name}` is drawn once, when the module is imported"
        return Candidate(self.code, draw.path, span, message, Confidence.MEDIUM, evidence)


def combination(scope: Scope, name: str) -> int | None:
    """The operation in which a parameter is added to or subtracted from something else, or None."""
    carriers = {index for index, node in enumerate(scope.nodes) if node.kind is Kind.PARAM and node.name == name}
    for index, node in enumerate(scope.nodes):
        if not carriers & set(node.inputs):
            continue
        if node.kind is Kind.OP and node.name in ADDING:
            other = [scope.nodes[item] for item in node.inputs if item not in carriers]
            if other and other[0].kind is not Kind.CONST:
                return index
        if node.kind in (Kind.PHI, Kind.INDEX) or (node.kind is Kind.OP and node.name in ("*", "/")):
            carriers.add(index)
        if node.kind is Kind.CALL and node.method in (
            "to",
            "cuda",
            "expand",
            "repeat",
            "unsqueeze",
            "view",
            "expand_as",
        ):
            carriers.add(index)
    return None


def meeting(scope: Scope, name: str) -> int | None:
    """The first value on the way to the result in which a parameter meets another one: `warp(image, angle)`."""
    nodes = scope.nodes
    ours = set(reached(scope, [i for i, node in enumerate(nodes) if node.kind is Kind.PARAM and node.name == name]))
    others = [i for i, node in enumerate(nodes) if node.kind is Kind.PARAM and node.name not in (name, "self", "cls")]
    both = ours & set(reached(scope, others)) & set(sources(scope, scope.returns))
    return min((index for index in both if nodes[index].kind in (Kind.CALL, Kind.OP)), default=None)


def is_constant(project: Project, stale: Stale) -> bool:
    """Whether a stale value is a class attribute or an upper-case module constant, added to data."""
    entry, operation = project.node(stale.entry), project.node(stale.consumer)
    if stale.per_epoch or stale.made.perturbed or stale.made.data or operation.name not in ADDING:
        return False
    if stale.origin.scope.qualname or kept_on_purpose(entry.name):
        return False
    last = entry.name.rpartition(".")[2]
    return entry.kind is Kind.ATTR or (entry.kind is Kind.GLOBAL and last.isupper())


rule = FrozenDefault
