"""JIT308 key-reuse."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Candidate, Confidence, Trace
from jitlint.rules.base import Rule
from jitlint.rules.split_key import split_key
from jitlint.semantics.clocks import CALL
from jitlint.semantics.graph import Kind
from jitlint.semantics.keys import Keys, Reuse
from jitlint.semantics.loops import loops_of
from jitlint.semantics.project import Project, Ref, Value


class KeyReuse(Rule):
    """A JAX key is used up twice, or again in every pass of a loop.

    What it finds:
        Two draws from one key; a draw from a key that was already split; a key from above the loop that every pass
        draws from; the same key handed to a step function in every pass; a key kept in a module's attribute, from
        which every call draws; a key from outside in the body of `lax.scan` or `lax.fori_loop`.

    Why it matters:
        A JAX key is a number, not a stream: the same key gives the same numbers. Two draws from one key are equal or
        correlated, and a loop that does not split its key gives every batch one noise, one mask, one dropout.

    Example:
        key = jax.random.PRNGKey(0)
        for batch in loader:
            noise = jax.random.normal(key, batch.shape)
            params = update(params, batch + noise)

    Use instead:
        key = jax.random.PRNGKey(0)
        for batch in loader:
            key, subkey = jax.random.split(key)
            noise = jax.random.normal(subkey, batch.shape)
            params = update(params, batch + noise)

    Fix:
        Splits the key right above the use, or above the first of two: `key, subkey = jax.random.split(key)`. Unsafe,
        since two draws from one key may be meant to agree; offered where the key is a variable of the function itself.

    Known limits:
        Keys in containers, and keys that reach a function through `functools.partial` or `vmap`, are not followed.
        Outside training, a key that is used twice is reported with low confidence: initial weights are often drawn so.
    """

    code = "JIT308"
    name = "key-reuse"

    VALID = (
        """
import jax
def train(params, loader, key):
    for batch in loader:
        key, subkey = jax.random.split(key)
        noise = jax.random.normal(subkey, batch.shape)
        params = update(params, jax.grad(loss)(params, batch + noise))
""",
        """
import jax
def train(params, loader, key):
    for step, batch in enumerate(loader):
        noise = jax.random.normal(jax.random.fold_in(key, step), batch.shape)
        params = update(params, jax.grad(loss)(params, batch + noise))
""",
        """
import jax
def draw(key, uniform):
    if uniform:
        return jax.random.uniform(key, (3,))
    return jax.random.normal(key, (3,))
""",
        """
import equinox as eqx
import jax
class Block(eqx.Module):
    dropout: eqx.nn.Dropout
    def __call__(self, x, key):
        k1, k2 = jax.random.split(key)
        return self.dropout(self.dropout(x, key=k1), key=k2)
""",
    )
    INVALID = (
        """
import jax
def train(params, loader, key):
    for batch in loader:
        noise = jax.random.normal(key, batch.shape)
        params = update(params, jax.grad(loss)(params, batch + noise))
""",
        """
import jax
def train_step(params, batch, key):
    noise = jax.random.normal(key, batch.shape)
    mask = jax.random.bernoulli(key, 0.5, batch.shape)
    return jax.grad(loss)(params, batch * mask + noise)
""",
        """
import jax
def train_step(params, batch, key):
    noise = jax.random.normal(key, batch.shape)
    return update(params, jax.grad(loss)(params, batch + noise))
def train(params, loader):
    key = jax.random.PRNGKey(0)
    for batch in loader:
        params = train_step(params, batch, key)
""",
        """
import equinox as eqx
import jax
class Block(eqx.Module):
    dropout: eqx.nn.Dropout
    key: jax.Array
    def __init__(self, key):
        self.key = key
        self.dropout = eqx.nn.Dropout(0.2)
    def __call__(self, x):
        return self.dropout(x, key=self.key)
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a key that is used again."""
        for reuse in Keys(project).reuses():
            yield self._candidate(project, reuse)

    def _candidate(self, project: Project, reuse: Reuse) -> Candidate:
        node = project.node(reuse.again)
        path = reuse.again.scope.path
        key = _name(project, reuse.key)
        if reuse.first is not None:
            first = project.node(reuse.first)
            message = (
                f"`{node.method}` draws from a key that is already used up: {key} went into `{first.method}` before"
            )
            evidence = (
                Trace("draw", path, first.span, f"{key} is used up here"),
                Trace("consumer", path, node.span, "and used again here: the numbers are not independent"),
            )
        else:
            assert reuse.clock is not None
            scope = project.scope(reuse.clock.scope)
            header = scope.regions[reuse.clock.region].header_span if reuse.clock.region != CALL else None
            what = "pass of the loop" if header else "call"
            message = f"every {what} draws the same numbers: {key} is not split for it"
            evidence = (
                Trace("loop", path, header or scope.name_span, f"each {what} uses the key as it is"),
                Trace("draw", path, node.span, "so the same numbers are drawn here every time"),
            )
        confidence = self._confidence(project, reuse)
        return Candidate(self.code, path, node.span, message, confidence, evidence, split_key(project, reuse))

    def _confidence(self, project: Project, reuse: Reuse) -> Confidence:
        ref = reuse.again.scope
        scope, loops = project.scope(ref), loops_of(project)
        region = project.node(reuse.again).region
        if loops.evaluates(ref, region):
            return Confidence.LOW
        if reuse.clock is None:
            return Confidence.MEDIUM if self._in_training(project, ref, region) else Confidence.LOW
        if reuse.clock.region == CALL:
            return Confidence.MEDIUM
        known = {loop.region: loop for loop in loops.loops(reuse.clock.scope)}
        inside = [known[outer] for outer in scope.region_chain(region) if outer in known]
        return Confidence.HIGH if any(loop.trains for loop in inside) else Confidence.LOW

    def _in_training(self, project: Project, ref: Ref, region: int) -> bool:
        """Whether code runs in the passes of a training, and not once before them."""
        loops, scope = loops_of(project), project.scope(ref)
        if any(loop.trains and scope.within(region, loop.region) for loop in loops.loops(ref)):
            return True
        if not scope.qualname:
            return False
        outer = [Ref(ref.path, scope.parent)] if scope.parent else []
        return any(map(loops.trains, (ref, *outer, *(site.scope for site in project.callers(ref)))))


def _name(project: Project, key: Value) -> str:
    node = project.node(key)
    if node.name and node.kind in (Kind.PARAM, Kind.PHI, Kind.ATTR, Kind.GLOBAL):
        return f"`{node.name}`"
    names = project.bound_names(key)
    return f"`{names[-1]}`" if names else "the key"


rule = KeyReuse
