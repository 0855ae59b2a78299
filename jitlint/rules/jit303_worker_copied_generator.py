"""JIT303 worker-copied-generator."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Applicability, Candidate, Confidence, FixPlan, Trace
from jitlint.libraries.generators import SEEDED_MAKERS
from jitlint.rules.base import Rule
from jitlint.rules.seed_workers import FRESH_SEED, seed_workers
from jitlint.semantics.flow import reached
from jitlint.semantics.graph import Kind
from jitlint.semantics.kept_generators import Kept, kept_generators_of
from jitlint.semantics.objects import objects_of
from jitlint.semantics.project import Project, Value


class WorkerCopiedGenerator(Rule):
    """A random generator is kept by a data set or transform and copied into every worker of the loader.

    What it finds:
        A generator of its own (`np.random.default_rng()`, `RandomState`, `random.Random`, `torch.Generator`) that
        a data set, a transform or an augmentor stores when it is made, and that `__getitem__` or what it calls
        draws from, while a `DataLoader` with worker processes uses the data set. Also a generator that a module
        keeps, and one that a base class or a `reset_state` of it makes.

    Why it matters:
        Every worker gets a copy of the object and with it the same state of the generator: all workers draw the
        same numbers. The copies are made again in every epoch, so every epoch draws them once more. `torch` seeds
        only the global generators of its workers.

    Example:
        class Noisy(Dataset):
            def __init__(self, images):
                self.images, self.rng = images, np.random.default_rng(0)
            def __getitem__(self, i):
                return self.images[i] + self.rng.normal(size=self.images[i].shape)
        loader = DataLoader(Noisy(images), num_workers=4)

    Use instead:
        def reseed(worker):
            info = torch.utils.data.get_worker_info()
            info.dataset.rng = np.random.default_rng(info.seed)
        loader = DataLoader(Noisy(images), num_workers=4, worker_init_fn=reseed)

    Fix:
        A `worker_init_fn` that makes the generator anew from `torch.initial_seed()`, where the data set itself keeps
        it and its loader stands in the same file. Unsafe if the generator had a seed, since then torch's decides. For
        the generator of a transform there is no fix: making it when it is first needed is the shortest way.

    Known limits:
        The loader must be found, and what it loads must lead to the object; where a loader's data set is unknown,
        the project's data sets are taken for it, with medium confidence. Nothing is said without worker processes,
        for evaluation, if `worker_init_fn` touches the data set, or if the generator is bound or seeded anywhere but
        in `__init__`.
    """

    code = "JIT303"
    name = "worker-copied-generator"

    VALID = (
        """
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
class Noisy(Dataset):
    def __init__(self, images):
        self.images, self.rng = images, np.random.default_rng(0)
    def __getitem__(self, i):
        return self.images[i] + self.rng.normal(size=self.images[i].shape)
def reseed(worker):
    info = torch.utils.data.get_worker_info()
    info.dataset.rng = np.random.default_rng(info.seed)
loader = DataLoader(Noisy(images), num_workers=4, worker_init_fn=reseed)
""",
        """
import numpy as np
from torch.utils.data import DataLoader, Dataset
class Noisy(Dataset):
    def __init__(self, images):
        self.images, self.rng = images, np.random.default_rng(0)
    def __getitem__(self, i):
        return self.images[i] + self.rng.normal(size=self.images[i].shape)
loader = DataLoader(Noisy(images), batch_size=4)
""",
        """
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
class Noisy(Dataset):
    def __init__(self, images):
        self.images, self.rng = images, None
    def __getitem__(self, i):
        if self.rng is None:
            self.rng = np.random.default_rng(torch.initial_seed())
        return self.images[i] + self.rng.normal(size=self.images[i].shape)
loader = DataLoader(Noisy(images), num_workers=4)
""",
        """
import numpy as np
from torch.utils.data import DataLoader, Dataset
class Part(Dataset):
    def __init__(self, images):
        self.rng = np.random.default_rng(0)
        self.images = images[self.rng.permutation(len(images))]
    def __getitem__(self, i):
        return self.images[i]
loader = DataLoader(Part(images), num_workers=4)
""",
    )
    INVALID = (
        """
import numpy as np
from torch.utils.data import DataLoader, Dataset
class Noisy(Dataset):
    def __init__(self, images):
        self.images, self.rng = images, np.random.default_rng(0)
    def __getitem__(self, i):
        return self.images[i] + self.rng.normal(size=self.images[i].shape)
loader = DataLoader(Noisy(images), num_workers=4)
""",
        """
import random
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import Compose
class Gain:
    def __init__(self, low, high, seed=0):
        self.low, self.high, self.random = low, high, random.Random(seed)
    def __call__(self, wave):
        return wave * self.random.uniform(self.low, self.high)
class Waves(Dataset):
    def __init__(self, waves, transform=None):
        self.waves, self.transform = waves, transform
    def __getitem__(self, i):
        return self.transform(self.waves[i])
def make_loader(waves, workers):
    return DataLoader(Waves(waves, Compose([Gain(0.5, 2)])), num_workers=workers)
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a generator."""
        for kept in kept_generators_of(project).copied:
            message = (
                f"every worker and every epoch draws the same numbers: `{kept.name.rpartition('.')[2]}` is copied "
                "into each worker process"
            )
            confidence = Confidence.HIGH if kept.loader.workers and kept.is_linked else Confidence.MEDIUM
            span = project.node(kept.made).span
            path, traces = kept.made.scope.path, tuple(_traces(project, kept))
            yield Candidate(self.code, path, span, message, confidence, traces, _fix(project, kept))


def _traces(project: Project, kept: Kept) -> Iterator[Trace]:
    loader, draw = kept.loader.made, kept.draw
    yield Trace("draw", draw.scope.path, project.node(draw).span, "drawn here for every sample")
    yield Trace("loader", loader.scope.path, project.node(loader).span, "whose workers each get a copy")


def _fix(project: Project, kept: Kept) -> FixPlan | None:
    """A `worker_init_fn` that makes the data set's generator anew, if nothing but its attribute holds that."""
    made, maker = project.node(kept.made), _maker(project, kept)
    if maker is None or not _is_of_data_set(project, kept) or _is_handed_on(project, kept.made):
        return None
    lines = (
        "dataset = torch.utils.data.get_worker_info().dataset",
        f"dataset.{kept.name} = {maker}({FRESH_SEED})",
    )
    plan = seed_workers(project, kept.made.scope.path, kept.loader, lines)
    safe = Applicability.UNSAFE if made.arguments else Applicability.SAFE
    return FixPlan(safe, "Make the generator anew in every worker", plan) if plan is not None else None


def _maker(project: Project, kept: Kept) -> str | None:
    """What is called with a seed to make such a generator, as it is written at the top of the file."""
    made = project.node(kept.made)
    if made.name == ".manual_seed":
        generator = project.node(Value(kept.made.scope, made.inputs[0]))
        text = f"{generator.text}().manual_seed" if generator.kind is Kind.CALL else ""
    else:
        text = made.text if made.name in SEEDED_MAKERS else ""
    head = text.partition(".")[0]
    return text if head in project.modules[kept.made.scope.path].imports else None


def _is_handed_on(project: Project, made: Value) -> bool:
    """Whether anything but an assignment, of a tuple perhaps, uses a generator where it is made."""
    nodes = project.scope(made.scope).nodes
    uses = (nodes[index] for index in reached(project.scope(made.scope), [made.node]) if index != made.node)
    return any(node.kind is not Kind.COLLECTION for node in uses)


def _is_of_data_set(project: Project, kept: Kept) -> bool:
    """Whether what the loader is given is the object that has the generator as an attribute."""
    objects = objects_of(project)
    given = objects.given(kept.loader.made, 0, "dataset")
    owners = [owner for thing in given if (owner := objects.class_of(thing)) is not None]
    stores = [set(project.attribute_stores(owner, kept.name)) for owner in owners]
    return bool(stores) and len(stores) == len(given) and all(kept.made in kept_there for kept_there in stores)


rule = WorkerCopiedGenerator
