"""Shuffles and steps of data pipelines that give back a new thing and leave what they are given as it was."""

from __future__ import annotations

import enum
import re

from jitlint.semantics.augmenters import How, augmenters_of
from jitlint.semantics.calls import is_draw
from jitlint.semantics.graph import Kind, Node
from jitlint.semantics.project import Project, Value
from jitlint.semantics.provenance import provenance_of
from jitlint.semantics.purity import purity_of

# They give back a shuffled copy; what they are given stays in order.
COPYING_SHUFFLES = frozenset(
    "sklearn.utils.shuffle tensorflow.random.shuffle tensorflow.random_shuffle jax.random.permutation "
    "numpy.random.permutation keras.random.shuffle random.sample".split()
)
# Their receiver is a pipeline of a library: each method gives back a new one.
_PIPELINES = re.compile(r"^(?:tensorflow\.data\.|tensorflow_datasets\.|datasets\.|webdataset\.)")
# Calls that make something new and leave nothing behind when it is shuffled.
_TEMPORARY = frozenset({"list", "sorted", "tuple", "range", "numpy.arange", "numpy.copy", "copy.copy", "copy.deepcopy"})
_TEMPORARY_METHODS = frozenset({"copy", "tolist"})


class What(enum.Enum):
    """What is lost."""

    AUGMENTATION = "augmentation"
    SHUFFLE = "shuffle"
    TEMPORARY = "temporary"  # a temporary copy is shuffled
    UNREAD = "unread"  # bound to a name that nothing reads
    UNAPPLIED = "unapplied"  # drawn in an augmentation, which gives back its argument without it
    ORDER = "order"  # the order of an epoch, bound to a name that nothing reads


class PipelineSteps:
    """Tells what of a project's data pipelines and shuffles is lost when a statement ignores the result."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.augmenters = augmenters_of(project)
        self.provenance = provenance_of(project)
        self.purity = purity_of(project)

    def lost(self, value: Value, node: Node) -> tuple[What, How, int] | None:
        """What a call gives back and does not do to its argument: how sure that is, and the argument."""
        chained = self._head_of_chain(value, node)
        head = self.project.node(chained)
        if head.name in COPYING_SHUFFLES and self.project.callee(chained) is None and head.arguments:
            source = head.arguments[1 if head.name.startswith("jax.") and len(head.arguments) > 1 else 0]
            return (What.SHUFFLE, How.SURE, source) if self._holds_data(chained, source) else None
        if head.name in (".permutation", ".permuted") and is_draw(self.project, chained) and head.arguments:
            source = head.arguments[0]
            return (What.SHUFFLE, How.SURE, source) if self._holds_data(chained, source) else None
        if head.name == ".sample" and self._is_whole(chained, head):
            return What.SHUFFLE, How.SURE, head.inputs[0]
        if head.name == ".shuffle" and (how := self._pipeline(Value(value.scope, head.inputs[0]), head)):
            return What.SHUFFLE, how, head.inputs[0]
        if head.name == ".with_transform" and self._gives_to_augmentation(chained, head):
            return What.AUGMENTATION, How.SURE, head.inputs[0]
        if head.name == ".map" and self._maps_augmentation(chained, head):
            return What.AUGMENTATION, How.SURE, head.inputs[0]
        if node.method == "shuffle" and node.arguments and self._is_temporary(value, node):
            return What.TEMPORARY, How.SURE, node.arguments[0]
        return None

    def _head_of_chain(self, value: Value, node: Node) -> Value:
        """The shuffle that a chain of methods begins with: of `df.sample(frac=1).reset_index(drop=True)`."""
        while node.name.startswith(".") and node.method in ("reset_index", "batch", "prefetch", "repeat", "cache"):
            value = Value(value.scope, node.inputs[0])
            node = self.project.node(value)
            if node.kind is not Kind.CALL:
                break
        return value

    def _maps_augmentation(self, value: Value, node: Node) -> bool:
        """Whether a library's data pipeline is told to augment every element."""
        if not node.arguments or self._pipeline(Value(value.scope, node.inputs[0]), node) is not How.SURE:
            return False
        function = self.project.node(Value(value.scope, node.arguments[0]))
        if function.kind is Kind.LAMBDA:
            return self.provenance.made(Value(value.scope, function.inputs[0])).perturbed
        ref = self.project.function(value.scope.path, function.name) if function.kind is Kind.GLOBAL else None
        return ref is not None and self.augmenters.function(ref) is not None and self.purity.is_pure(ref)

    def _gives_to_augmentation(self, value: Value, node: Node) -> bool:
        """Whether a data set of Hugging Face is told to hand its samples to a function that augments them."""
        if not node.arguments or self._pipeline(Value(value.scope, node.inputs[0]), node) is None:
            return False
        given = self.project.node(Value(value.scope, node.arguments[0]))
        ref = self.project.function(value.scope.path, given.name) if given.kind is Kind.GLOBAL else None
        return ref is not None and self.augmenters.has_live(ref, self.project.scope(ref))

    def _holds_data(self, value: Value, source: int) -> bool:
        """Whether a shuffled value is more than a number, or made up on the spot."""
        node = self.project.node(Value(value.scope, source))
        if node.kind is Kind.CONST or self.provenance.made(Value(value.scope, source)).draw is not None:
            return False
        is_count = node.kind is Kind.CALL and node.name in ("len", "int", "range")
        return not is_count and not re.search(r"(?:^|_)(?:n|num|size|len|length|count|seed)(?:_|\d|$)", node.name)

    def _is_whole(self, value: Value, node: Node) -> bool:
        """Whether all rows of a table are sampled, which shuffles it."""
        fraction = node.keyword("frac")
        return fraction is not None and self.project.node(Value(value.scope, fraction)).value == 1

    def _pipeline(self, value: Value, shuffle: Node) -> How | None:
        """Whether a value is a library's data pipeline, or has its name and is shuffled like one."""
        node = self.project.node(value)
        while node.kind is Kind.CALL and node.name.startswith("."):
            value = Value(value.scope, node.inputs[0])
            node = self.project.node(value)
        if node.kind is Kind.INDEX:
            return self._pipeline(Value(value.scope, node.inputs[0]), shuffle)
        made = self.project.constructor(value)
        if made is not None:
            return How.SURE if made[0] is None and _PIPELINES.match(made[1]) else None
        imports = self.project.modules[value.scope.path].imports.values()
        library = any(name.partition(".")[0] in ("tensorflow", "datasets", "webdataset") for name in imports)
        sized = len(shuffle.arguments) == 1 and shuffle.keywords[0] in (None, "buffer_size", "seed")
        named = re.search(r"(?:^|_)(?:data|dataset|ds)(?:_|\d|$)", node.name)
        return How.NAME if library and sized and named else None

    def _is_temporary(self, value: Value, node: Node) -> bool:
        """Whether a shuffle in place changes a copy that nothing keeps: `random.shuffle(list(names))`."""
        if node.has_receiver and not is_draw(self.project, value):
            return False
        if not node.has_receiver and node.name not in ("random.shuffle", "numpy.random.shuffle"):
            return False
        made = self.project.node(Value(value.scope, node.arguments[0]))
        if made.kind is not Kind.CALL or made.span < node.span or made.statement != node.statement:
            return False
        inside = (made.span.line, made.span.column) > (node.span.line, node.span.column)
        fresh = made.name in _TEMPORARY or (made.name.startswith(".") and made.method in _TEMPORARY_METHODS)
        return inside and fresh and bool(made.inputs)
