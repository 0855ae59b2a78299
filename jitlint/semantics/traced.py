"""Functions that are traced once and then run as compiled graphs, and the draws of Python and NumPy in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from jitlint.semantics.calls import is_draw
from jitlint.semantics.graph import Kind, Node, RegionKind, Scope
from jitlint.semantics.project import Project, Ref, Value

# What compiles the function it decorates or is given: JAX, Equinox, Flax, TensorFlow.
COMPILERS = frozenset(
    "jax.jit jax.pmap jax.lax.scan jax.lax.fori_loop jax.lax.while_loop equinox.filter_jit flax.nnx.jit nnx.jit "
    "haiku.jit chex.variants tensorflow.function tf.function".split()
)
# It records one run of a module: what Python and NumPy drew in it becomes a constant.
RECORDERS = frozenset(
    "torch.jit.trace torch.jit.trace_module torch.onnx.export torch.cuda.make_graphed_callables".split()
)
# They run the function they are given outside the graph.
OUTSIDE = frozenset(
    "tensorflow.py_function tensorflow.numpy_function tensorflow.compat.v1.py_func tensorflow.py_func "
    "jax.pure_callback jax.experimental.io_callback jax.debug.callback".split()
)
MAX_DEPTH = 4


class Traced(NamedTuple):
    """A draw of Python or NumPy in code that is traced once: the draw, and where the tracing is asked for."""

    draw: Value
    compiled: Ref | None  # the function that is traced; None for code under `with torch.cuda.graph(…)`
    how: str  # what traces it
    place: Value | None  # the call that asks for it; None for a decorator


def traced_draws(project: Project) -> Iterator[Traced]:
    """Every such draw, once."""
    seen: set[Value] = set()
    for ref, how, place in _compiled(project):
        for draw in _draws(project, ref, 0, set()):
            if draw not in seen:
                seen.add(draw)
                yield Traced(draw, ref, how, place)
    for call, node in project.calls():
        if _is_recorded(project.scope(call.scope), node) and _is_untraceable(project, call, node):
            yield Traced(call, None, "torch.cuda.graph", None)


def _compiled(project: Project) -> Iterator[tuple[Ref, str, Value | None]]:
    for ref, scope in project.scopes():
        how = next((name for name in scope.decorators if name in COMPILERS), None)
        if how is not None:
            yield ref, how, None
        for index, node in scope.calls():
            yield from _handed_over(project, Value(ref, index), node)


def _handed_over(project: Project, call: Value, node: Node) -> Iterator[tuple[Ref, str, Value | None]]:
    """The functions that a call has compiled."""
    if node.name in COMPILERS or _maps_dataset(project, call, node):
        for item in node.arguments[:1]:
            ref = _function(project, Value(call.scope, item))
            if ref is not None:
                yield ref, node.name if node.name in COMPILERS else "Dataset.map", call
    elif node.name in RECORDERS and node.arguments:
        made = project.constructor(Value(call.scope, node.arguments[0]))
        ref = project.method(made[0], made[1], "forward") if made is not None and made[0] is not None else None
        ref = ref or _function(project, Value(call.scope, node.arguments[0]))
        if ref is not None:
            yield ref, node.name, call


def _maps_dataset(project: Project, call: Value, node: Node) -> bool:
    """`dataset.map(f)` of `tf.data`: told by its options, or by a chain that begins with one of its sources."""
    if node.name != ".map" or not node.arguments:
        return False
    if any(key in ("num_parallel_calls", "deterministic") for key in node.keywords):
        return True
    scope, index = project.scope(call.scope), node.inputs[0]
    for _ in range(12):
        link = scope.nodes[index]
        if link.kind is Kind.CALL and link.name.startswith(("tensorflow.data.", "tensorflow_datasets.")):
            return True
        if link.kind not in (Kind.CALL, Kind.PHI) or not link.inputs:
            return False
        index = link.inputs[0]
    return False


def _function(project: Project, value: Value) -> Ref | None:
    node = project.node(value)
    if node.kind is Kind.GLOBAL:
        nested = Ref(value.scope.path, node.name)
        return (
            nested
            if node.name in project.modules[value.scope.path].scopes
            else project.function(value.scope.path, node.name)
        )
    if node.kind is Kind.ATTR:
        owner = project.self_class(Value(value.scope, node.inputs[0]))
        return project.method(owner[0], owner[1], node.name) if owner else None
    return None


def _draws(project: Project, ref: Ref, depth: int, seen: set[Ref]) -> Iterator[Value]:
    """The draws of Python and NumPy in a function, in what it calls, and in the functions nested in it."""
    if ref in seen or depth > MAX_DEPTH:
        return
    seen.add(ref)
    scope = project.scope(ref)
    if any(name in OUTSIDE for name in scope.decorators):
        return
    for index, node in scope.calls():
        call = Value(ref, index)
        if _is_untraceable(project, call, node):
            yield call
        elif node.name not in OUTSIDE:
            callee = project.callee(call)
            if callee is not None and project.scope(callee).name != "__init__":
                yield from _draws(project, callee, depth + 1, seen)
    prefix = ref.qualname + "."
    outside = {scope.nodes[item].name for _, node in scope.calls() if node.name in OUTSIDE for item in node.arguments}
    for qualname, inner in project.modules[ref.path].scopes.items():
        if qualname.startswith(prefix) and inner.parent == ref.qualname and qualname not in outside:
            yield from _draws(project, Ref(ref.path, qualname), depth + 1, seen)


def _is_untraceable(project: Project, call: Value, node: Node) -> bool:
    """Whether a call draws by Python's or NumPy's generators, which a tracer runs once."""
    if not is_draw(project, call):
        return False
    if node.name.startswith(("random.", "numpy.random.")):
        return True
    made = project.constructor(Value(call.scope, node.inputs[0])) if node.has_receiver else None
    return made is not None and made[0] is None and made[1].startswith(("numpy.random.", "random."))


def _is_recorded(scope: Scope, node: Node) -> bool:
    return any(
        scope.regions[region].kind is RegionKind.WITH
        and scope.nodes[scope.regions[region].header].name == "torch.cuda.graph"
        for region in scope.region_chain(node.region)
        if scope.regions[region].header >= 0
    )
