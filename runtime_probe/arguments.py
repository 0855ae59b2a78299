"""Which of a model's arguments are the coordinates."""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor

from runtime_probe.errors import CoordinateArgumentError
from runtime_probe.grids import fit_grid

Chooser: TypeAlias = "str | int | Callable[..., Any] | None"

_NAME = re.compile(
    r"(^|[._\[\]'])(coord\w*|grid\w*|xyz?|yx|uvw?|pos|positions?|points?|pts|quer(y|ies)|loc\w*)\b", re.I
)
_SINGLE = re.compile(r"(^|[._'])(x|y|z|t|r|theta|phi|time)(_?\w{1,3})?('\])?$", re.I)
LIKELY = 2  # score of a tensor that has the shape and range of coordinates, or their name
CERTAIN = 3  # both, or a lattice: asked for when nobody said that there are coordinates
_MAX_DEPTH = 6
_LARGE = 2**18  # elements: larger tensors are judged by a part, to keep the first call short


@dataclass(frozen=True)
class Leaf:
    """A tensor inside the arguments of a call, and its path, such as `coord`, `batch.coords` or `inputs[1]['xy']`."""

    path: str
    tensor: Tensor


@dataclass(frozen=True)
class Choice:
    """The chosen argument's path, why it was chosen, the runners-up, and further ones that are coordinates for sure."""

    path: str
    reason: str
    others: tuple[str, ...] = ()
    further: tuple[Choice, ...] = ()


def unwrapped(tensor: Tensor) -> Tensor:
    """The values under the wrappers of `torch.func` (vmap, grad) and of distributed tensors (the local part)."""
    if torch.compiler.is_compiling():
        return tensor
    if type(tensor) is Tensor or isinstance(tensor, torch.nn.Parameter):
        functorch = torch._C._functorch
        while functorch.is_functorch_wrapped_tensor(tensor):
            tensor = functorch.get_unwrapped(tensor)
    local = getattr(tensor, "_local_tensor", None)
    return local if isinstance(local, Tensor) else tensor


def has_values(tensor: Tensor) -> bool:
    """False for meta and fake tensors, which have a shape and no numbers."""
    return not tensor.is_meta and not isinstance(tensor, FakeTensor)


def signature_of(module: torch.nn.Module) -> tuple[str, ...]:
    """The names of the positional parameters of `forward`, as far as they can be known."""
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return ()
    named = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(p.name for p in parameters if p.kind in named)


def leaves(names: tuple[str, ...], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[Leaf]:
    """Every tensor in the arguments: nested tuples, lists, mappings, named tuples, dataclasses, simple objects."""
    for i, value in enumerate(args):
        yield from _walk(names[i] if i < len(names) else f"args[{i}]", value, 0)
    for name, value in kwargs.items():
        yield from _walk(name, value, 0)


def _walk(path: str, value: Any, depth: int) -> Iterator[Leaf]:
    if isinstance(value, Tensor):
        yield Leaf(path, unwrapped(value))
    elif depth < _MAX_DEPTH and not isinstance(value, (str, bytes, int, float, type(None), torch.nn.Module)):
        for step, child in _children(value):
            yield from _walk(path + step, child, depth + 1)


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((f"[{key!r}]", child) for key, child in value.items())
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from ((f".{name}", getattr(value, name)) for name in value._fields)
    elif isinstance(value, (tuple, list)):
        yield from ((f"[{i}]", child) for i, child in enumerate(value))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from ((f".{field.name}", getattr(value, field.name)) for field in dataclasses.fields(value))
    elif hasattr(value, "__dict__") and not callable(value):
        yield from ((f".{name}", child) for name, child in vars(value).items())


def choose(
    module: torch.nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], argument: Chooser, least: int = LIKELY
) -> Choice:
    """Pick the coordinate argument of a call.

    `argument` is its name or path, its position among the positional arguments, or None to find it by name,
    shape, range and, above all, by the fit to a regular lattice; `least` is the score it must reach.
    Raises CoordinateArgumentError, listing every tensor argument with shape, type and range, when there is none.
    """
    seen = list(leaves(signature_of(module), args, kwargs))
    if isinstance(argument, str):
        return _by_name(seen, argument, module)
    if isinstance(argument, int):
        return _by_position(module, args, kwargs, argument)
    separate = _separate(seen)
    points_of = {id(leaf): max(score(leaf), CERTAIN * (leaf.path in separate)) for leaf in seen}
    scored = sorted(((points_of[id(leaf)], -i, leaf) for i, leaf in enumerate(seen)), key=lambda s: s[:2], reverse=True)
    good = [(points, leaf) for points, _, leaf in scored if points >= least]
    if not good:
        raise CoordinateArgumentError(_nothing_found(module, seen, "looks like coordinates"))
    best, rest = good[0][1], tuple(leaf.path for _, leaf in good[1:])
    further = tuple(Choice(leaf.path, _reason(leaf, ())) for points, leaf in good[1:] if points >= CERTAIN)
    return Choice(best.path, _reason(best, rest), rest, further)


def _separate(seen: list[Leaf]) -> set[str]:
    """The paths of coordinates that come one by one, such as `x, y, t` of a PINN: (N,) or (N, 1) each, equally long."""
    single = [
        leaf
        for leaf in seen
        if leaf.tensor.is_floating_point() and leaf.tensor.numel() > 1 and max(leaf.tensor.shape) == leaf.tensor.numel()
    ]
    named = [leaf for leaf in single if _SINGLE.search(leaf.path)]
    lengths = {leaf.tensor.numel() for leaf in named}
    differentiated = {leaf.path for leaf in single if _is_differentiated(leaf.tensor)}
    return differentiated | ({leaf.path for leaf in named} if len(named) > 1 and len(lengths) == 1 else set())


def _by_name(seen: list[Leaf], name: str, module: torch.nn.Module) -> Choice:
    for leaf in seen:
        if leaf.path == name or leaf.path.split(".")[-1] == name:
            return Choice(leaf.path, "named by the caller")
    raise CoordinateArgumentError(_nothing_found(module, seen, f"is called {name!r}"))


def _by_position(module: torch.nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], position: int) -> Choice:
    names = signature_of(module)
    if 0 <= position < len(args) and isinstance(args[position], Tensor):
        return Choice(names[position] if position < len(names) else f"args[{position}]", "position given by the caller")
    if 0 <= position < len(names) and isinstance(kwargs.get(names[position]), Tensor):
        return Choice(names[position], "position given by the caller")
    seen = list(leaves(names, args, kwargs))
    raise CoordinateArgumentError(_nothing_found(module, seen, f"is at position {position}"))


def score(leaf: Leaf) -> int:
    """How much a tensor looks like coordinates: 0 no, 2 probably, 4 and more certainly (a lattice)."""
    tensor = leaf.tensor
    named = bool(_NAME.search(leaf.path))
    if tensor.is_complex() or tensor.dtype == torch.bool or tensor.ndim == 0:
        return 2 * named * tensor.is_complex()
    if tensor.layout != torch.strided or not has_values(tensor) or tensor.numel() == 0:
        return 2 * named
    if not tensor.dtype.is_floating_point:
        return 2 * named * (tensor.shape[-1] <= 3 and tensor.ndim > 1)
    points = 2 * named * (tensor.ndim > 1 or tensor.shape[-1] <= 3)
    if tensor.ndim >= 2 and fit_grid(_part(tensor)) is not None:
        return points + 4
    shaped = tensor.ndim >= 2 and 1 <= tensor.shape[-1] <= 3
    cloud = named and tensor.ndim == 3 and tensor.shape[1] in (2, 3) and tensor.shape[2] > 8  # (B, 3, N)
    differentiated = _is_differentiated(tensor) and shaped and tensor.ndim == 2
    if differentiated or cloud or _is_bundle(tensor):  # by a PINN, with respect to its points
        return CERTAIN + named
    return points + int(shaped) if named else 2 * (shaped and tensor.ndim <= 3 and _in_range(tensor))


def _is_bundle(tensor: Tensor) -> bool:
    """Depths along rays: (rays, samples), every row strictly increasing, as no other input is."""
    if tensor.ndim != 2 or tensor.shape[1] < 4 or len(tensor) < 4:
        return False
    return bool((tensor.detach()[:64].diff(dim=1) > 0).all())


_ARRANGING = ("Cat", "Stack", "Unsqueeze", "View", "Reshape", "Slice", "Select", "Clone", "ToCopy", "Permute", "Trans")


def _is_differentiated(tensor: Tensor) -> bool:
    """Whether derivatives are taken with respect to a tensor that no network computed, as PINNs do."""
    if not tensor.requires_grad or isinstance(tensor, torch.nn.Parameter):
        return False
    return tensor.grad_fn is None or type(tensor.grad_fn).__name__.startswith(_ARRANGING)


def _part(tensor: Tensor) -> Tensor:
    """One sample of a large tensor is enough to judge it, and the first rows of a large sample."""
    tensor = tensor.detach()
    while tensor.numel() > _LARGE and tensor.ndim > 2:
        tensor = tensor[0]
    return first_rows(tensor, _LARGE).cpu()


def first_rows(points: Tensor, elements: int) -> Tensor:
    """About `elements` elements of a large tensor (N, D): whole rows, if the N points are those of a square."""
    if points.numel() <= elements or points.ndim != 2:
        return points
    side = math.isqrt(len(points))
    count = max(1, elements // points.shape[-1])
    whole = side * side == len(points) and count > 2 * side
    return points[: count // side * side] if whole else points[:count]


def _in_range(tensor: Tensor) -> bool:
    part = _part(tensor).double()
    return bool(part.abs().max() <= 4) if bool(part.isfinite().all()) else False


def _reason(best: Leaf, rest: tuple[str, ...]) -> str:
    lattice = best.tensor.is_floating_point() and has_values(best.tensor) and score(best) >= 4
    by = (
        "it fits a regular lattice" if lattice else ("by its name" if _NAME.search(best.path) else "by shape and range")
    )
    return by + (f"; {', '.join(rest)} looked like coordinates too" if rest else "")


def _nothing_found(module: torch.nn.Module, seen: list[Leaf], wish: str) -> str:
    listing = "\n".join(f"  {leaf.path}: {describe(leaf.tensor)}" for leaf in seen) or "  (no tensors at all)"
    return (
        f"no argument of {type(module).__name__}.forward {wish}. Arguments seen:\n{listing}\n"
        'Name it: probe_coords(model, argument="name"), a position, or a callable (args, kwargs) -> tensor.'
    )


def describe(tensor: Tensor) -> str:
    """Shape, type and range in one line, such as `float32 (16, 32, 32, 2) in [0.016, 0.98]`."""
    text = f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
    if not has_values(tensor):
        return text + " without values"
    if tensor.layout != torch.strided or tensor.numel() == 0 or tensor.is_complex():
        return text
    values = _part(tensor).double()
    finite = values[values.isfinite()]
    return (
        f"{text} in [{float(finite.min()):.3g}, {float(finite.max()):.3g}]"
        if finite.numel()
        else f"{text}, no finite values"
    )


def find(names: tuple[str, ...], args: tuple[Any, ...], kwargs: Mapping[str, Any], path: str) -> Tensor | None:
    """The tensor at a path chosen earlier, or None when this call has none."""
    if path in kwargs and isinstance(kwargs[path], Tensor):
        return unwrapped(kwargs[path])
    if path in names and names.index(path) < len(args) and isinstance(args[names.index(path)], Tensor):
        return unwrapped(args[names.index(path)])
    return next((leaf.tensor for leaf in leaves(names, args, kwargs) if leaf.path == path), None)


def dense(tensor: Tensor, path: str) -> Tensor:
    """A dense real view of the tensor's values, for fingerprints and measurements.

    Nested tensors give their packed values, complex ones real and imaginary parts as the last dimension.
    Raises CoordinateArgumentError for sparse and meta tensors.
    """
    tensor = tensor.detach()
    if tensor.is_nested:
        return tensor.values() if tensor.layout == torch.jagged else torch.cat([t.reshape(-1) for t in tensor.unbind()])
    if tensor.is_meta:
        raise CoordinateArgumentError(f"argument {path} is a meta tensor: it has a shape but no values to compare")
    if tensor.layout != torch.strided:
        raise CoordinateArgumentError(f"argument {path} is {tensor.layout}: pass dense coordinates, or .to_dense()")
    if tensor.is_conj() or tensor.is_neg():
        tensor = tensor.resolve_conj().resolve_neg()
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor
