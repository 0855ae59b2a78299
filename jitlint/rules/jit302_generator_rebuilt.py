"""JIT302 generator-rebuilt."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jitlint import catalogue
from jitlint.diagnostic import Applicability, Candidate, Confidence, ExtractAboveLoop, FixPlan, MoveAboveLoop
from jitlint.rules.base import Rule
from jitlint.rules.reseed import is_per_epoch, outermost_loop, repeats_on_purpose, restart_traces, seeded_again
from jitlint.semantics.graph import LOOPS, Kind, RegionKind, Scope
from jitlint.semantics.loading import loading_of
from jitlint.semantics.loops import loops_of
from jitlint.semantics.moves import value_name
from jitlint.semantics.project import Project, Value
from jitlint.semantics.seeding import Restart, seeding_of

_SAMPLES = re.compile(r"(?:datalist|dataset|samples|images|files|training|train_data|records|cases|subjects|volumes)\b")
_INITIAL = re.compile(r"(?:^|[._])(?:dummy|init|initialize\w*|example|fake|placeholder)(?:_|$)")
# What chooses samples rather than changing them.
_CHOICES = frozenset("permutation permuted shuffle choice integers randint randperm sample".split())
# What splits data: each model of a comparison needs the same parts.
_SPLITS = frozenset("random_split train_test_split KFold StratifiedKFold ShuffleSplit GroupKFold".split())


class GeneratorRebuilt(Rule):
    """A random generator is built anew from a constant in every pass, so every pass draws the same.

    What it finds:
        `Generator().manual_seed(c)`, `default_rng(c)`, `RandomState(c)`, `random.Random(c)` or `PRNGKey(c)`
        constructed from a constant inside a loop that makes samples or batches, in a step function, in
        `__getitem__` or in an augmentation helper; also as an argument (`random_state=RandomState(42)`).

    Why it matters:
        A new generator starts at the beginning of its stream: all passes see the first numbers only, and
        what should be forty different samples is one sample forty times.

    Example:
        for i in range(40):
            image, mask = create_test_image_3d(128, 128, 128, random_state=np.random.RandomState(42))

    Use instead:
        random_state = np.random.RandomState(42)
        for i in range(40):
            image, mask = create_test_image_3d(128, 128, 128, random_state=random_state)

    Fix:
        Builds the generator once, above the outermost loop. Safe, unless the function itself is called for
        every epoch. In a step function there is no loop to move it above, and no fix is offered.

    Known limits:
        A loop over settings, models or trials may want the same numbers for each and is reported with low
        confidence. A seed that varies is fine. Whether a JAX key is used twice is another rule's question.
    """

    code = "JIT302"
    name = "generator-rebuilt"

    VALID = (
        """
import numpy as np
rng = np.random.RandomState(42)
for i in range(40):
    image, mask = create_test_image_3d(128, 128, 128, random_state=rng)
    save(image, mask, i)
""",
        """
import numpy as np
for i in range(40):
    image = create_test_image_2d(128, 128, random_state=np.random.RandomState(i))
    save(image, i)
""",
        """
import torch
def train(model, loader, opt, epochs):
    for epoch in range(epochs):
        generator = torch.Generator().manual_seed(epoch)
        for images in loader:
            loss = model(images + torch.randn(images.shape, generator=generator)).mean()
            loss.backward()
            opt.step()
""",
    )
    INVALID = (
        """
import numpy as np
for i in range(40):
    image, mask = create_test_image_3d(128, 128, 128, random_state=np.random.RandomState(42))
    save(image, mask, i)
""",
        """
import torch
def train(model, loader, opt):
    for images in loader:
        generator = torch.Generator().manual_seed(0)
        loss = model(images + torch.randn(images.shape, generator=generator)).mean()
        loss.backward()
        opt.step()
""",
        """
import numpy as np
def jitter(coords):
    rng = np.random.default_rng(0)
    return coords + rng.normal(size=coords.shape)
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a construction."""
        for restart in seeding_of(project).generators:
            confidence = self._confidence(project, restart)
            if confidence is None or restart.seed == "index":
                continue
            node = project.node(restart.call)
            evidence = restart_traces(project, restart, self._use(project, restart))
            fix = self._fix(project, restart)
            message = seeded_again(project, restart)
            yield Candidate(self.code, restart.call.scope.path, node.span, message, confidence, evidence, fix)

    def _confidence(self, project: Project, restart: Restart) -> Confidence | None:
        use = self._use(project, restart)
        if repeats_on_purpose(project, restart) or use is None:
            return None
        if self._starts_a_state(project, restart, use):
            return None
        if restart.role != "loop":
            return Confidence.LOW if restart.guarded else self._repeats(project, restart)
        scope = project.scope(restart.call.scope)
        if self._contains_training(project, restart) or self._splits(project, restart, use):
            return None
        if restart.guarded or not self._counts(project, scope, restart):
            return Confidence.LOW
        return Confidence.MEDIUM

    def _repeats(self, project: Project, restart: Restart) -> Confidence:
        """How sure it is that a function runs once a batch or sample, again and again."""
        ref = restart.call.scope
        if restart.role != "augmentation" or seeding_of(project).is_in_data_path(ref):
            return Confidence.HIGH
        return Confidence.MEDIUM if ref in loading_of(project).training_code else Confidence.LOW

    def _starts_a_state(self, project: Project, restart: Restart, use: Value) -> bool:
        """A key or generator that initialises something has to be the same each time."""
        names = [value_name(project, restart.call), project.node(use).text]
        return any(_INITIAL.search(catalogue.snake(name)) for name in names)

    def _contains_training(self, project: Project, restart: Restart) -> bool:
        """A loop around whole trainings compares them; each may start from the same numbers."""
        scope = project.scope(restart.call.scope)
        loops = loops_of(project)
        if scope.regions[restart.region].kind is RegionKind.COMPREHENSION:
            return False
        around = loops.loop(restart.call.scope, restart.region)
        inner = [loop for loop in loops.loops(restart.call.scope) if loop.region != restart.region]
        return not around.loader and any(loop.trains and scope.within(loop.region, restart.region) for loop in inner)

    def _splits(self, project: Project, restart: Restart, use: Value) -> bool:
        """Whether each pass needs the same choice: the parts of the data, or folds of one permutation."""
        if project.node(use).method in _SPLITS:
            return True
        scope = project.scope(restart.call.scope)
        trains = (
            scope.regions[restart.region].kind in LOOPS
            and loops_of(project).loop(restart.call.scope, restart.region).trains
        )
        return not trains and project.node(use).method in _CHOICES

    def _counts(self, project: Project, scope: Scope, restart: Restart) -> bool:
        """Whether the loop makes many of the same thing: it counts, or it runs over batches or samples."""
        header = scope.regions[restart.region].header
        if header < 0:
            return False
        node = scope.nodes[header]
        if node.kind is Kind.CALL and node.method in ("range", "trange", "arange", "enumerate", "tqdm", "count"):
            return True
        if loops_of(project).iterates_batches(Value(restart.call.scope, header)):
            return True
        return any(_SAMPLES.search(name) for name in self._words(scope, header))

    def _words(self, scope: Scope, header: int, depth: int = 0) -> list[str]:
        """The names and keys that an iterable is made of."""
        node = scope.nodes[header]
        own = [node.name.lower(), node.value.lower() if isinstance(node.value, str) else ""]
        inner = [word for item in node.inputs if depth < 4 for word in self._words(scope, item, depth + 1)]
        return own + inner

    def _use(self, project: Project, restart: Restart) -> Value | None:
        """The call that draws from the generator: it gets it as an argument, or is a method of it."""
        scope = project.scope(restart.call.scope)
        carriers = {restart.call.node}
        for index in range(restart.call.node + 1, len(scope.nodes)):
            node = scope.nodes[index]
            if not carriers & set(node.inputs):
                continue
            if node.kind in (Kind.PHI, Kind.INDEX, Kind.COLLECTION):
                carriers.add(index)
            elif node.kind is Kind.CALL and node.name != ".manual_seed" and scope.within(node.region, restart.region):
                return Value(restart.call.scope, index)
        return None

    def _fix(self, project: Project, restart: Restart) -> FixPlan | None:
        scope = project.scope(restart.call.scope)
        region = scope.regions[restart.region]
        if not restart.region or restart.guarded or region.kind is RegionKind.COMPREHENSION:
            return None
        loop = outermost_loop(project, restart)
        node = scope.nodes[restart.call.node]
        safety = Applicability.UNSAFE if is_per_epoch(project, restart) else Applicability.SAFE
        whole = [store for store in scope.stores if store.node == restart.call.node]
        message = "Build the generator once, above the loop"
        if whole:
            return FixPlan(safety, message, MoveAboveLoop(loop, (scope.statements[node.statement].span,)))
        name = self._free_name(scope, restart)
        return FixPlan(safety, message, ExtractAboveLoop(loop, node.span, name))

    def _free_name(self, scope: Scope, restart: Restart) -> str:
        keyword = next(
            (
                key
                for node in scope.nodes
                for item, key in zip(node.arguments if node.kind is Kind.CALL else (), node.keywords, strict=False)
                if item == restart.call.node and key not in (None, "*", "**")
            ),
            "generator",
        )
        return f"{keyword}_" if keyword in scope.variables else str(keyword)


rule = GeneratorRebuilt
