"""What a call is by what it calls: a draw, a network, a question of shape, another form of the same data."""

from __future__ import annotations

import re

from jitlint import catalogue
from jitlint.semantics.graph import Kind, Node
from jitlint.semantics.project import Project, Ref, Value

# Attributes and methods whose result says nothing of the values in a tensor.
SHAPE_ATTRIBUTES = frozenset(
    "shape device dtype ndim size is_cuda requires_grad itemsize nbytes names data_format".split()
)
SHAPE_METHODS = frozenset(
    "size dim numel element_size get_device is_floating_point __len__ keys nelement ndimension".split()
)
SHAPE_FUNCTIONS = frozenset(
    "len isinstance type hasattr callable id print torch.zeros torch.ones torch.empty torch.full torch.zeros_like "
    "torch.ones_like torch.empty_like torch.full_like numpy.zeros numpy.ones numpy.empty numpy.zeros_like "
    "numpy.ones_like numpy.empty_like numpy.full torch.Tensor torch.FloatTensor torch.cuda.FloatTensor torch.device "
    "torch.numel numpy.shape jax.numpy.zeros jax.numpy.ones tensorflow.shape tensorflow.zeros tensorflow.ones "
    "tensorflow.zeros_like range torch.Size bool str repr format os.path.join".split()
)
# Methods that give their receiver back in another form, whatever their arguments.
CONVERSIONS = frozenset(
    "to type astype type_as cuda cpu numpy float long int double half bool view view_as reshape expand expand_as "
    "repeat tile permute transpose unsqueeze squeeze flatten contiguous clone detach item tolist requires_grad_ "
    "pin_memory swapaxes t copy".split()
)
# Functions that lay values side by side without combining them.
GATHERING = frozenset(
    "cat concat concatenate stack hstack vstack dstack column_stack row_stack append extend insert zip dict list tuple "
    "set update setdefault enumerate tqdm iter next DataLoader TensorDataset from_numpy from_tensor_slices tensor "
    "array asarray as_tensor meshgrid map filter sorted print copy deepcopy broadcast_tensors to get".split()
)


def tells_shape(node: Node) -> bool:
    """Whether a call tells only the shape of what it is given."""
    return node.name in SHAPE_FUNCTIONS or (node.name.startswith(".") and node.method in SHAPE_METHODS)


def tells_rows(project: Project, value: Value) -> bool:
    """Whether a call splits a table: it gives the numbers of rows, and nothing of what stands in them."""
    node = project.node(value)
    if node.method not in ("split", "get_n_splits") or not node.has_receiver:
        return False
    made = project.constructor(Value(value.scope, node.inputs[0]))
    return made is not None and made[0] is None and made[1].startswith("sklearn.model_selection.")


def is_draw(project: Project, value: Value) -> bool:
    """Whether a call is itself a draw: of a library, of a generator, of a distribution, or a refill."""
    node = project.node(value)
    if node.name in catalogue.DRAWS:
        return True
    if not node.name.startswith("."):
        return False
    method = node.method
    if method in catalogue.REFILLS:
        return True
    if method in catalogue.GENERATOR_DRAWS or method in catalogue.DISTRIBUTION_DRAWS:
        made = project.constructor(Value(value.scope, node.inputs[0]))
        if made is not None and made[0] is None:
            if made[1] in catalogue.GENERATORS:
                return method in catalogue.GENERATOR_DRAWS
            return made[1].startswith("torch.distributions") and method in catalogue.DISTRIBUTION_DRAWS
        return method in catalogue.GENERATOR_DRAWS and _named_generator(node)
    return False


_GENERATOR_TEXT = re.compile(
    r"(?:^|[._])(?:rng|rnd|prng|rs|random_state|randomstate|np_random|numpy_rng|generator_rng)\.\w+$"
)


def _named_generator(node: Node) -> bool:
    return bool(_GENERATOR_TEXT.search(node.text))


def outer_values(project: Project, ref: Ref, name: str) -> tuple[Value, ...]:
    """The values of a variable that a scope or one around it binds."""
    module = project.modules[ref.path]
    inner: str | None = ref.qualname
    while inner is not None and inner in module.scopes:
        scope = module.scopes[inner]
        if name in scope.variables:
            return tuple(Value(Ref(ref.path, inner), node) for node in scope.variables[name])
        inner = scope.parent
    return ()


def is_network_call(project: Project, value: Value, ref: Ref | None = None) -> bool:
    """Whether a call runs a neural network, so that what comes out is no longer its input."""
    node = project.node(value)
    if node.name == "()":
        made = project.constructor(Value(value.scope, node.inputs[0]))
        if made is not None and made[0] is not None:
            return project.is_network_class(made[0], made[1])
        if made is not None and made[1] in catalogue.CHAINS_OF_LAYERS:
            return True
    if ref is None and not node.has_receiver:
        called = (project.node(item) for item in outer_values(project, value.scope, node.name))
        if any(item.kind is Kind.CALL and item.name in catalogue.CHAINS_OF_LAYERS for item in called):
            return True
    if ref is not None:
        owner = project.scope(ref).owner
        return (
            bool(owner)
            and project.scope(ref).name in ("forward", "__call__")
            and project.is_network_class(ref.path, owner)
        )
    return names_network(node)


def names_network(node: Node) -> bool:
    """Whether what is called has the name of a network (`model`, `self.decoder`, `net.encode`)."""
    parts = node.text.split(".")
    if node.name == "()" or not node.has_receiver:
        return catalogue.names_model(parts[-1]) and (len(parts) == 1 or parts[0] in ("self", "model", "net"))
    if node.method in ("forward", "encode", "decode", "render", "query", "query_rgb", "reconstruct", "sdf"):
        return any(catalogue.names_model(part) for part in parts[:-1]) or parts[:-1] == ["self"]
    return catalogue.names_model(parts[-1]) and parts[0] == "self"


def is_opaque(project: Project, value: Value) -> bool:
    """Whether nothing of a call's arguments comes through as data: a network, a loader, an object."""
    node = project.node(value)
    last = node.text.rpartition(".")[2]
    if is_network_call(project, value):
        return True
    return last[:1].isupper() and last not in ("Variable", "Tensor", "FloatTensor", "LongTensor", "Sequential")
