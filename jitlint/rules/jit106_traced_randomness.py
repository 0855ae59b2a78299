"""JIT106 traced-randomness."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Candidate, Confidence, Trace
from jitlint.rules.base import Rule
from jitlint.semantics.project import Project
from jitlint.semantics.traced import Traced, traced_draws


class TracedRandomness(Rule):
    """Python or NumPy draws in code that is traced: drawn once, then a constant of the compiled graph.

    What it finds:
        A draw of `random` or `numpy.random` in a function under `jax.jit`, `tf.function` or `lax.scan`, in a function
        that `Dataset.map` turns into a graph, in a module given to `torch.jit.trace`, or under `torch.cuda.graph`; also
        in the helpers that such a function calls.

    Why it matters:
        The tracer runs the Python code once. What was drawn then is baked into the graph, so every batch gets the same
        noise, the same flip, the same crop, for as long as the shapes stay the same.

    Example:
        @tf.function
        def train_step(images):
            if random.random() < 0.5:
                images = tf.reverse(images, [2])
            return update(images)

    Use instead:
        @tf.function
        def train_step(images):
            if tf.random.uniform([]) < 0.5:
                images = tf.reverse(images, [2])
            return update(images)

    Fix:
        None is offered: the draw has to be one of the framework (`tf.random`, `jax.random` with a key, `torch`), or be
        handed in as an argument.

    Known limits:
        `torch.compile` is left out: it falls back to Python for these draws. Functions that reach a tracer through a
        registry or a configuration are not seen.
    """

    code = "JIT106"
    name = "traced-randomness"

    VALID = (
        """
import tensorflow as tf
@tf.function
def train_step(images):
    noise = tf.random.normal(tf.shape(images))
    return update(images + noise)
""",
        """
import random
import tensorflow as tf
def flip(image):
    return image[:, ::-1] if random.random() < 0.5 else image
data = tf.data.Dataset.list_files("*.png").map(load).map(lambda x: tf.numpy_function(flip, [x], tf.float32))
""",
        """
import jax
import numpy as np
@jax.jit
def train_step(params, batch, noise):
    return update(params, batch + noise)
def train(params, batches):
    for batch in batches:
        params = train_step(params, batch, np.random.normal(size=batch.shape))
""",
    )
    INVALID = (
        """
import random
import tensorflow as tf
@tf.function
def train_step(images):
    if random.random() < 0.5:
        images = tf.reverse(images, [2])
    return update(images)
""",
        """
from functools import partial
import jax
import numpy as np
@partial(jax.jit, static_argnames="sigma")
def train_step(params, batch, sigma):
    return update(params, batch + np.random.normal(0, sigma, batch.shape))
""",
        """
import numpy as np
import tensorflow as tf
def augment(image):
    return image + np.random.uniform(-0.1, 0.1)
data = tf.data.Dataset.list_files("*.png").map(load).map(augment).batch(8)
""",
        """
import random
import torch
class Shift(torch.nn.Module):
    def forward(self, x):
        return torch.roll(x, random.randint(-4, 4), -1)
shift = torch.jit.trace(Shift(), torch.zeros(1, 8))
def train(model, loader):
    for x in loader:
        model(shift(x)).mean().backward()
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a draw."""
        for traced in traced_draws(project):
            yield self._candidate(project, traced)

    def _candidate(self, project: Project, traced: Traced) -> Candidate:
        node, path = project.node(traced.draw), traced.draw.scope.path
        traces = [Trace("draw", path, node.span, "Python draws here once, while the graph is traced")]
        if traced.compiled is not None:
            scope = project.scope(traced.compiled)
            traces.append(
                Trace("loop", traced.compiled.path, scope.name_span, f"`{traced.how}` runs the graph, not this code")
            )
        if traced.place is not None:
            traces.append(
                Trace("consumer", traced.place.scope.path, project.node(traced.place).span, "traced from here")
            )
        message = f"every call gets the same draw: `{node.text}` runs once, while `{traced.how}` traces the code"
        return Candidate(self.code, path, node.span, message, Confidence.HIGH, tuple(traces))


rule = TracedRandomness
