"""Random layers of Keras that a data pipeline calls without saying that it trains.

In `Dataset.map` nothing tells a `Sequential` of random layers that it is called for training, so it passes every image
through. TensorFlow's own guide therefore writes `augment(x, training=True)`
(https://www.tensorflow.org/tutorials/images/data_augmentation).
"""

from __future__ import annotations

from collections.abc import Iterator

from jitlint import catalogue
from jitlint.semantics.calls import outer_values
from jitlint.semantics.graph import Kind, Node, RegionKind
from jitlint.semantics.project import Project, Ref, Value


def inactive_layers(project: Project, ref: Ref) -> Iterator[tuple[Value, Value]]:
    """The calls of a chain of random layers in what a scope maps over a data set, each with the call of `map`."""
    for index, node in project.scope(ref).calls():
        if node.name == ".map" and node.arguments:
            mapped = Value(ref, index)
            for value in _calls(project, mapped, project.node(Value(ref, node.arguments[0]))):
                call = project.node(value)
                says = {"training", "**"} & set(call.keywords) or len(call.arguments) != 1
                if not says and _is_chain(project, value, call):
                    yield value, mapped


def _calls(project: Project, mapped: Value, given: Node) -> Iterator[Value]:
    """The calls in the function, or the lambda, that `map` is given."""
    ref, body = mapped.scope, 0
    if given.kind is Kind.LAMBDA and given.inputs:
        body = project.node(Value(ref, given.inputs[0])).region
        if project.scope(ref).regions[body].kind is not RegionKind.LAMBDA:
            return
    else:
        function = project.function(ref.path, given.name) if given.kind is Kind.GLOBAL else None
        if function is None:
            return
        ref = function
    scope = project.scope(ref)
    yield from (Value(ref, index) for index, node in scope.calls() if scope.within(node.region, body))


def _is_chain(project: Project, value: Value, node: Node) -> bool:
    """Whether what is called is a `Sequential` of Keras with a random layer in it."""
    called = outer_values(project, value.scope, node.name)
    if node.name == "()":
        called = (Value(value.scope, node.inputs[0]),)
    return any(_holds_random_layer(project, item) for item in called)


def _holds_random_layer(project: Project, value: Value) -> bool:
    node = project.node(value)
    if node.kind is not Kind.CALL or node.name not in catalogue.CHAINS_OF_LAYERS or "keras" not in node.name:
        return False
    given = [project.node(Value(value.scope, item)) for item in node.arguments[:1]]
    layers = [Value(value.scope, item) for display in given for item in display.inputs]
    return any(catalogue.is_transform_class(project.node(layer).name) for layer in layers)
