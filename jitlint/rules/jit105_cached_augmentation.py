"""JIT105 cached-augmentation."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Applicability, Candidate, Confidence, FixPlan, IterateAgain, SwapCalls, Trace
from jitlint.rules.base import Rule
from jitlint.semantics.caches import Cached, caches_of
from jitlint.semantics.graph import Node
from jitlint.semantics.kept_samples import KeptSample, kept_samples_of
from jitlint.semantics.project import Project, Value
from jitlint.semantics.provenance import provenance_of


class CachedAugmentation(Rule):
    """Something random is kept after its first use: every later use has the same numbers.

    What it finds:
        `ds.map(random).cache()` of tf.data, also over several statements, functions and files; `map(random)` of a
        Hugging Face data set, which runs once and is kept on disk; `lru_cache` (also `functools.cache`, joblib)
        on a function that returns something random; `itertools.cycle(loader)`, which replays the batches of its
        first round; `list(loader)` that every epoch iterates; a data set that keeps its augmented samples
        (`if i not in self.cache: self.cache[i] = augment(x)`).

    Why it matters:
        The first epoch is augmented, and all others see the very same pictures: the data set has grown by
        nothing. It looks right in every preview, and training is fast.

    Example:
        train = files.map(load).map(augment).cache().shuffle(1000).batch(32)

    Use instead:
        train = files.map(load).cache().map(augment).shuffle(1000).batch(32)

    Fix:
        Moves `cache()` in front of the first random `map` where both stand in one expression; safe, but for a cache
        in a file, which has to be removed as well. For `cycle(loader)`, a generator that iterates the loader again in
        every round. Safe.

    Known limits:
        A loader that cannot be followed is judged by its name, with medium confidence. What a data set keeps in a
        worker process is lost after an epoch unless workers persist, so nothing is said then. A cache of what is
        the same every time is right.
    """

    code = "JIT105"
    name = "cached-augmentation"

    VALID = (
        """
import tensorflow as tf
def augment(image):
    return tf.image.random_flip_left_right(image)
train = tf.data.Dataset.from_tensor_slices(images).map(load).cache().map(augment).batch(32)
""",
        """
from torch.utils.data import DataLoader
def cycle(loader):
    while True:
        for batch in loader:
            yield batch
train_loader = DataLoader(images, shuffle=True)
batches = cycle(train_loader)
""",
        """
import random
from torch.utils.data import Dataset
class Pictures(Dataset):
    def __getitem__(self, i):
        if i not in self.cache:
            self.cache[i] = read(self.paths[i])
        return self.cache[i] * random.uniform(0.8, 1.2)
""",
        """
from functools import lru_cache
import numpy as np
@lru_cache
def window(size):
    return np.hanning(size)
def noisy(signal):
    return signal * window(len(signal)) + np.random.normal(size=len(signal))
""",
    )
    INVALID = (
        """
import tensorflow as tf
def augment(image):
    return tf.image.random_flip_left_right(image)
train = tf.data.Dataset.from_tensor_slices(images).map(load).map(augment).cache().batch(32)
""",
        """
from datasets import load_dataset
from transformers import Trainer
from torchvision.transforms import ColorJitter, Compose, RandomHorizontalFlip
augment = Compose([RandomHorizontalFlip(), ColorJitter(0.2)])
def prepare(batch):
    batch["pixels"] = [augment(image) for image in batch["image"]]
    return batch
train = load_dataset("beans", split="train").map(prepare, batched=True)
trainer = Trainer(model, train_dataset=train)
""",
        """
from itertools import cycle
from torch.utils.data import DataLoader
unlabeled_loader = DataLoader(unlabeled, batch_size=32, shuffle=True)
def train(model, labeled_loader, optimizer):
    for epoch in range(10):
        for labeled, plain in zip(labeled_loader, cycle(unlabeled_loader)):
            model(labeled, plain).backward()
            optimizer.step()
""",
        """
import random
from torch.utils.data import Dataset
class Pictures(Dataset):
    def __getitem__(self, i):
        if i not in self.cache:
            self.cache[i] = read(self.paths[i]) * random.uniform(0.8, 1.2)
        return self.cache[i]
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a cache."""
        caches = caches_of(project)
        once = "the augmentation is drawn once and kept"
        for item in caches.chains:
            kept = project.node(item.keeps).method
            message = f"{once}: `{kept}()` comes after the random `map`"
            yield self._candidate(project, item, message, Confidence.HIGH, _swap(project, item))
        for item in caches.tables:
            message = f"{once}: this `map` runs a single time; `with_transform` runs for every sample"
            yield self._candidate(project, item, message, Confidence.HIGH)
        for item in caches.functions:
            yield self._function(project, item)
        for item in caches.replays:
            yield self._replay(project, item)
        for sample in kept_samples_of(project).found:
            yield self._sample(project, sample)

    def _candidate(
        self, project: Project, item: Cached, message: str, confidence: Confidence, fix: FixPlan | None = None
    ) -> Candidate:
        draw = Trace("draw", item.draw.scope.path, project.node(item.draw).span, "drawn here")
        return Candidate(
            self.code, item.keeps.scope.path, project.node(item.keeps).span, message, confidence, (draw,), fix
        )

    def _function(self, project: Project, item: Cached) -> Candidate:
        ref = item.keeps.scope
        scope = project.scope(ref)
        confidence = Confidence.HIGH if provenance_of(project).perturbs(ref) else Confidence.MEDIUM
        message = f"the augmentation is drawn once and kept: `{scope.name}` has a cache"
        draw = Trace("draw", item.draw.scope.path, project.node(item.draw).span, "drawn here")
        return Candidate(self.code, ref.path, scope.name_span, message, confidence, (draw,))

    def _replay(self, project: Project, item: Cached) -> Candidate:
        node = project.node(item.keeps)
        span = project.node(item.draw).span
        loader = Trace("loader", item.draw.scope.path, span, "a pass over this loader would be another one")
        name = "itertools.cycle" if node.method == "cycle" else "list"
        rounds = "round" if node.method == "cycle" else "epoch"
        message = f"every {rounds} has the batches of the first one: `{name}` keeps them"
        confidence = Confidence.HIGH if item.is_certain else Confidence.MEDIUM
        fix = _iterate_again(node) if node.method == "cycle" else None
        return Candidate(self.code, item.keeps.scope.path, node.span, message, confidence, (loader,), fix)

    def _sample(self, project: Project, item: KeptSample) -> Candidate:
        message = f"every epoch has the augmentation of the first one: the augmented sample stays in `{item.name}`"
        confidence = Confidence.HIGH if item.is_certain else Confidence.MEDIUM
        draw = Trace("draw", item.draw.scope.path, project.node(item.draw).span, "drawn here")
        span = project.node(item.write).span
        return Candidate(self.code, item.write.scope.path, span, message, confidence, (draw,))


def _swap(project: Project, item: Cached) -> FixPlan | None:
    """`cache()` in front of the first random `map`, if both are links of one expression."""
    cache, over = project.node(item.keeps), _links_over(project, item)
    if not over:
        return None
    plan = SwapCalls(cache.span, over)
    if not cache.arguments:
        return FixPlan(Applicability.SAFE, "Cache before the random map", plan)
    leaves = "what the old cache file holds is augmented: remove it"
    return FixPlan(Applicability.UNSAFE, "Cache before the random map", plan, leaves)


def _links_over(project: Project, item: Cached) -> int:
    """How many links of the cache's own expression stand between its first random `map` and the cache; 0 if none."""
    statement = project.node(item.keeps).statement
    chain: list[Value] = []
    value = item.keeps
    while project.node(value).name.startswith(".") and project.node(value).statement == statement:
        chain.append(value)
        value = Value(value.scope, project.node(value).inputs[0])
    links = chain[1:]
    random = [number for number, link in enumerate(links, 1) if link == item.step or caches_of(project).draws(link)]
    return random[-1] if random and item.step in links else 0


def _iterate_again(node: Node) -> FixPlan:
    return FixPlan(Applicability.SAFE, "Iterate the loader again in every round", IterateAgain(node.span))


rule = CachedAugmentation
