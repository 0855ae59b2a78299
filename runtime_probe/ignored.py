"""Does each sample's output depend on its own coordinates? One extra forward answers (opt-in)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

SHIFT = 0.05  # of the coordinates' range: far beyond rounding, and inside what a model is trained on


@contextmanager
def untouched(module: nn.Module) -> Iterator[None]:
    """Let the module work on copies of its buffers, and put back the random state afterwards.

    The buffers themselves are never written to: the backward pass of the real forward may still need them.
    """
    devices = sorted({p.device.index or 0 for p in module.parameters() if p.device.type == "cuda"})
    owners = [(part._buffers, name) for part in module.modules() for name in part._buffers]
    saved = [buffers[name] for buffers, name in owners]
    with torch.random.fork_rng(devices=devices):
        try:
            for (buffers, name), buffer in zip(owners, saved, strict=True):
                buffers[name] = None if buffer is None else buffer.detach().clone()
            yield
        finally:
            for (buffers, name), buffer in zip(owners, saved, strict=True):
                buffers[name] = buffer


def ignores_coordinates(
    module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], coords: Tensor, output: Any, state: Tensor
) -> bool | None:
    """Run the model again with the last sample's coordinates moved, and the random state `state` of the real run.

    True when no output changed at all; None when it cannot be decided (a single sample, no tensor output).
    The module's buffers and the random state are restored.
    """
    if coords.ndim < 2 or len(coords) < 2 or not coords.is_floating_point():
        return None
    moved = coords.detach().clone()
    moved[-1] += SHIFT * (coords.max() - coords.min()).clamp(min=1e-3)
    with untouched(module), torch.no_grad():
        torch.set_rng_state(state)
        again = module.forward(*_replace(args, coords, moved), **_replace(dict(kwargs), coords, moved))
    before, after = list(_tensors(output)), list(_tensors(again))
    if not before or len(before) != len(after):
        return None
    return all(torch.equal(b, a) for b, a in zip(before, after, strict=True))


def _replace(value: Any, old: Tensor, new: Tensor) -> Any:
    """A copy of nested arguments with one tensor exchanged."""
    if value is old:
        return new
    if isinstance(value, dict):
        return {key: _replace(child, old, new) for key, child in value.items()}
    if type(value) in (tuple, list):
        return type(value)(_replace(child, old, new) for child in value)
    return value


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value.detach()
    elif isinstance(value, dict):
        for child in value.values():
            yield from _tensors(child)
    elif isinstance(value, (tuple, list)):
        for child in value:
            yield from _tensors(child)
