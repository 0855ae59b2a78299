"""The probe must never harm the program it watches: every entry into the probe goes through a `Guard`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, TypeVar

import torch
from torch import nn

from runtime_probe.compiled import is_exporting
from runtime_probe.errors import ProbeError

T = TypeVar("T")


class ProbeWarning(RuntimeWarning):
    """The probe itself failed and stopped observing; the program is not affected."""


class Guard:
    """Runs a step of the probe; a fault of its own ends the observation, never the program.

    What the probe says on purpose (`ProbeError`: no such argument, a violation under `"raise"`) passes, unless the
    guard is `silent`, as under `python -m runtime_probe`: there it becomes a note as well.
    """

    def __init__(self, release: Callable[[], None], notes: list[str], silent: bool = False) -> None:
        self._release = release
        self._notes = notes
        self._silent = silent

    def __call__(self, function: Callable[..., T], *args: Any) -> T | None:
        """`function(*args)`, or None after a fault."""
        try:
            with _outside_of_transforms():
                return function(*args)
        except ProbeError as error:
            if not self._silent or isinstance(error, AssertionError):
                self._release()
                raise
            self._failed(error)
        except Exception as error:
            self._failed(error)
        return None

    def _failed(self, error: Exception) -> None:
        with suppress(Exception):
            self._release()
        fault = f"{type(error).__name__}: {error}".partition("\n")[0]
        self._notes.append(f"the probe failed and stopped: {fault}")
        warnings.warn(f"runtime_probe stopped: {fault}", ProbeWarning, stacklevel=4)


def is_captured() -> bool:
    """True while a tool records the program's operations, as jit.trace does: ours must not be among them."""
    return torch._C._get_tracing_state() is not None or is_exporting() or _is_traced_by_fx()


def _is_traced_by_fx() -> bool:
    """True inside `make_fx` and what is built on it."""
    mode = torch._C._TorchDispatchModeKey.PROXY
    return torch._C._get_dispatch_mode(mode) is not None


def can_be_hooked(module: nn.Module) -> bool:
    """False for scripted modules, whose calls Python hooks cannot see or would break."""
    return not isinstance(module, torch.jit.ScriptModule)


def _outside_of_transforms() -> AbstractContextManager[object]:
    """Leave `torch.func.vmap` and its like, which would batch the probe's own operations or refuse them."""
    if torch._C._functorch.peek_interpreter_stack() is None:
        return _NOWHERE
    from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack

    return temporarily_clear_interpreter_stack()


_NOWHERE = nullcontext()


@contextmanager
def scripting_without_hooks(take_off: Callable[[], Callable[[], None]]) -> Iterator[None]:
    """For the length of the block `torch.jit.script` compiles modules as they are without the probe.

    It compiles the hooks of a module with it, and cannot compile ours. `take_off()` removes them and returns what
    puts them back.
    """
    original = torch.jit.script

    def script(*args: Any, **kwargs: Any) -> Any:
        put_back = take_off()
        try:
            return original(*args, **kwargs)
        finally:
            put_back()

    torch.jit.script = script
    try:
        yield
    finally:
        if torch.jit.script is script:
            torch.jit.script = original
