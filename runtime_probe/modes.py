"""Function modes of the probe on the stack of PyTorch, under those of the user."""

from __future__ import annotations

from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack, _pop_mode, _push_mode


class ProbeMode(TorchFunctionMode):
    """A mode of the probe's own."""


def take_off(mode: TorchFunctionMode) -> int | None:
    """Remove a mode from the stack; returns how many modes of the user were above it, or None when it is not there."""
    stack = _get_current_function_mode_stack()
    if not any(other is mode for other in stack):
        return None
    above = []
    while (top := _pop_mode()) is not mode:
        above.append(top)
    for other in reversed(above):
        _push_mode(other)
    return sum(not isinstance(other, ProbeMode) for other in above)


def put_on(mode: TorchFunctionMode, above: int) -> None:
    """Push a mode under the last `above` others, so that a user who leaves one of them leaves the right one."""
    others = [_pop_mode() for _ in _get_current_function_mode_stack()[-above:]] if above else []
    for other in (mode, *reversed(others)):
        _push_mode(other)
