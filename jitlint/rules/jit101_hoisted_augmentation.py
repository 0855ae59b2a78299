"""JIT101 hoisted-augmentation."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jitlint import catalogue
from jitlint.diagnostic import Applicability, Candidate, Confidence, FixPlan
from jitlint.rules.base import Rule
from jitlint.rules.stale import (
    describe_loop,
    draw_trace,
    is_evaluation_name,
    stale_names,
    stale_traces,
    subject,
)
from jitlint.semantics.calls import is_draw
from jitlint.semantics.clocks import Role
from jitlint.semantics.flow import reached, sources
from jitlint.semantics.graph import Kind
from jitlint.semantics.hoisted import hoisted_of
from jitlint.semantics.moves import plan_move
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.provenance import provenance_of
from jitlint.semantics.staleness import HIDDEN, Stale, staleness_of
from jitlint.semantics.when import variance_of

_MEANT = re.compile(r"jitter|nois|augment|(?:^|_)aug(?:_|$)|perturb|mixup|cutmix|corrupt|warp|distort|random_")


class HoistedAugmentation(Rule):
    """A value is perturbed outside the batch loop and consumed by the network inside it.

    What it finds:
        A perturbed value (data combined with a random draw, or the result of an augmentation) that is made
        outside the batch loop, or in `__init__`, and reaches the network in every batch: directly, through
        helpers and methods, under `if use_jittering:`, through `self.x`, another cell or another file, and
        also when the loop binds the name again from itself (`coord = repeat(coord, ...)`).

    Why it matters:
        The network sees one and the same noise in every batch of the epoch (or of the whole training). It
        can learn that one displacement by heart, and the regularisation that the jitter was added for does
        not take place. Nothing crashes.

    Example:
        coord = make_coord_grid(32, 32)
        coord = add_gaussian_noise_to_grid(coord, std=0.01)
        for images, _ in loader:
            pred = model(images, coord)

    Use instead:
        for images, _ in loader:
            coord = make_coord_grid(32, 32)
            coord = add_gaussian_noise_to_grid(coord, std=0.01)
            pred = model(images, coord)

    Fix:
        Moves the statements that perturb into the loop, right above their first use, together with the
        creation of the clean value; when the clean value is needed outside, the perturbed one gets a name of
        its own. Safe when draw and loop stand in one function.

    Known limits:
        A loop is a batch loop when it iterates something loader-like or its body trains. In loops that train
        on one fixed batch, noise that is no helper's call is reported with low confidence, since it may be a
        synthetic data set; so is data that is perturbed before `model.fit(data, epochs=n)`. Values that are
        indexed by something that varies are taken as fresh.
    """

    code = "JIT101"
    name = "hoisted-augmentation"

    VALID = (
        """
import torch
def train(model, loader, opt):
    for images, _ in loader:
        coord = make_grid(32, 32)
        coord = coord + 0.01 * torch.randn_like(coord)
        loss = (model(images, coord) - images).pow(2).mean()
        loss.backward()
        opt.step()
""",
        """
import torch
def train(model, loader, opt, grid):
    noise = torch.randn(len(loader), 2)
    noisy = grid + noise
    for i, (images, _) in enumerate(loader):
        loss = (model(images, noisy[i]) - images).pow(2).mean()
        loss.backward()
        opt.step()
""",
        """
import torch
def attack(model, x, y, steps):
    x_adv = x + 0.001 * torch.randn_like(x)
    for _ in range(steps):
        x_adv.requires_grad_()
        loss = criterion(model(x_adv), y)
        grad = torch.autograd.grad(loss, [x_adv])[0]
        x_adv = x_adv.detach() + 0.01 * grad.sign()
    return x_adv
""",
        """
import torch
x = torch.unsqueeze(torch.linspace(-1, 1, 100), dim=1)
y = x.pow(2) + 0.2 * torch.rand(x.size())
for t in range(200):
    prediction = net(x)
    loss = loss_func(prediction, y)
    loss.backward()
    optimizer.step()
""",
        """
import torch
def evaluate(model, loader):
    coord = make_grid(32, 32)
    coord = add_noise(coord)
    with torch.no_grad():
        for images, _ in loader:
            pred = model(images, coord)
""",
    )
    INVALID = (
        """
import torch
def train(model, loader, opt):
    coord = make_grid(32, 32)
    coord = coord + 0.01 * torch.randn_like(coord)
    for images, _ in loader:
        loss = (model(images, coord) - images).pow(2).mean()
        loss.backward()
        opt.step()
""",
        """
import einops
from tqdm import tqdm
def train_epoch(model, loader, use_jittering=True):
    coord = create_coordinate_grid(32, 32)
    if use_jittering:
        coord = add_gaussian_noise_to_grid(coord, std=0.01)
    pbar = tqdm(loader, desc="Epoch")
    for images, _ in pbar:
        coord = einops.repeat(coord, "h w d -> b h w d", b=images.shape[0])
        pred = model(images, coord)
""",
        """
import torch
def blur_a_bit(x):
    return x + torch.randn_like(x)
def run(model, train_loader, opt, grid):
    grid = blur_a_bit(grid)
    fit(model, train_loader, opt, grid)
def fit(model, train_loader, opt, coord):
    for images in train_loader:
        loss = model(images, coord).mean()
        loss.backward()
        opt.step()
""",
        """
import torch
class Trainer:
    def __init__(self, model, grid):
        self.model = model
        self.coord = grid + 0.01 * torch.randn_like(grid)
    def training_step(self, batch):
        return loss(self.model(batch, self.coord), batch)
""",
        """
# file: helpers.py
import torch
def perturb(x):
    return x + torch.randn_like(x)
# file: train.py
from helpers import perturb
def train(model, loader, opt, grid):
    coord = perturb(grid)
    for images in loader:
        loss = model(images, coord).mean()
        loss.backward()
        opt.step()
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a perturbed value and loop."""
        for stale in hoisted_of(project).in_training:
            confidence = self._confidence(project, stale)
            if confidence is not None and stale.made.draw is not None:
                yield self._candidate(project, stale, confidence)

    def _confidence(self, project: Project, stale: Stale) -> Confidence | None:
        made = stale.made
        if not made.perturbed or is_evaluation_name(project, stale):
            return None
        if stale.drawn.role is Role.MASKED and stale.loop.trains:
            return Confidence.MEDIUM
        if not made.data:
            return None
        grid = self._is_grid(project, stale) and stale.loop.trains
        if stale.per_epoch or stale.loop.region == HIDDEN:
            return Confidence.MEDIUM if grid else self._over_epochs(project, stale)
        same_scope = stale.origin.scope == stale.loop.scope
        if not stale.loop.loader:
            meant = grid or self._is_helper_call(project, stale)
            return Confidence.MEDIUM if meant and same_scope else Confidence.LOW
        if not stale.certain:
            return Confidence.LOW
        return Confidence.HIGH if same_scope else Confidence.MEDIUM

    def _is_grid(self, project: Project, stale: Stale) -> bool:
        """Whether coordinates are perturbed: of a grid made here, or given under a name that says so."""
        held = variance_of(project).seen(stale.origin)
        named = any(catalogue.names_coordinates(hole.name) for hole in held.holes)
        return ("grid" in held.data or named) and not self._is_measured_there(project, stale)

    def _is_measured_there(self, project: Project, stale: Stale) -> bool:
        """Whether something else is computed from the perturbed value outside the loop: `y = sin(x)` is its target."""
        if stale.origin.scope != stale.loop.scope or stale.loop.region < 1:
            return False
        scope = project.scope(stale.origin.scope)
        way = set(sources(scope, [stale.entry.node]))
        beside = [index for index in reached(scope, [stale.origin.node], way.__contains__) if index not in way]
        made = (scope.nodes[index] for index in beside)
        computed = (node for node in made if node.kind in (Kind.OP, Kind.CALL))
        return any(not scope.within(node.region, stale.loop.region) for node in computed)

    def _over_epochs(self, project: Project, stale: Stale) -> Confidence | None:
        """Data that is perturbed once, for all epochs: medium where it is loaded or a helper perturbs it.

        What a program makes up, from a formula and noise, is a synthetic data set.
        """
        if not stale.loop.trains:
            return None
        draw = stale.made.draw
        assert draw is not None
        if not self._is_given_data(project, Value(Ref(draw.path, draw.scope), draw.node)):
            held = variance_of(project).seen(stale.origin)
            if "data" not in held.data and not held.holes:
                return None
            given = "loaded" in held.data or held.holes or stale.loop.region == HIDDEN
            return Confidence.MEDIUM if given else Confidence.LOW
        return Confidence.MEDIUM

    def _is_given_data(self, project: Project, site: Value) -> bool:
        """Whether a call perturbs what it is given, and makes nothing up: a helper, or an augmentation of a library."""
        provenance, ref = provenance_of(project), project.callee(site)
        if ref is None:
            return provenance.made(site).augmentation
        given = (project.argument(site, ref, name) for name in provenance.returns(ref).over)
        made = [provenance.made(Value(site.scope, item)) for item in given if item is not None]
        return any(part.data or part.draw for part in made)

    def _is_helper_call(self, project: Project, stale: Stale) -> bool:
        """Whether a function perturbs, and a name says that it is meant to (it might split the data)."""
        draw = stale.made.draw
        assert draw is not None
        site = Value(Ref(draw.path, draw.scope), draw.node)
        if is_draw(project, site) or draw.scope != stale.origin.scope.qualname:
            return False
        names = (draw.name.rpartition(".")[2], *stale_names(project, stale))
        return stale.made.augmentation or any(_MEANT.search(catalogue.snake(name)) for name in names)

    def _candidate(self, project: Project, stale: Stale, confidence: Confidence) -> Candidate:
        draw = draw_trace(project, stale, "the value is perturbed here, once")
        move = plan_move(project, staleness_of(project), stale)
        fix = None
        if move is not None:
            fix = FixPlan(Applicability.SAFE, "Perturb inside the loop, anew for every batch", move)
        where, what = describe_loop(project, stale), subject(project, stale)
        message = f"the same noise reaches the model in every {where}: {what} is perturbed outside the loop"
        return Candidate(self.code, draw.path, draw.span, message, confidence, stale_traces(project, stale, draw), fix)


rule = HoistedAugmentation
