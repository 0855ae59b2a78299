"""Observing inside `torch.compile`: an opaque operator, so that tracing sees no Python side effect.

A hook on the module that the user compiled runs outside the graph; a hook on a module that is traced as
part of a larger graph must become one node of it. Both happen here, with 0 graph breaks.
"""

from __future__ import annotations

import contextlib
import gc
import secrets
import sys
from collections.abc import Callable
from types import FunctionType

import torch
from torch import Tensor

Record = Callable[[list[str], list[Tensor]], None]


class OpaqueRecord:
    """An operator `runtime_probe::record_<token>(sink, leaves, names, grad)` that calls `record` when it really runs.

    The written-to `sink` keeps the operator from being removed as dead code. It lives as long as the
    compiled code may call it, that is, until the process ends; `close()` makes it do nothing.
    """

    def __init__(self, record: Record) -> None:
        self._record: Record | None = record
        self.sink = torch.zeros(1, device="cpu")  # whatever the default device is
        name = f"record_{secrets.token_hex(8)}"
        self._library = torch.library.Library("runtime_probe", "FRAGMENT")
        self._library.define(f"{name}(Tensor(a!) sink, Tensor[] leaves, str names, bool grad) -> ()")
        self._library.impl(name, self._run, "CompositeExplicitAutograd")
        self._library.impl(name, lambda sink, leaves, names, grad: None, "Meta")
        self.operator = getattr(torch.ops.runtime_probe, name)

    def close(self) -> None:
        """Compiled code that still contains the operator runs on; it records nothing."""
        self._record = None

    def _run(self, sink: Tensor, leaves: list[Tensor], names: str, grad: bool) -> None:
        if self._record is not None:
            with torch.set_grad_enabled(grad):  # operators run without; it tells training from evaluation
                self._record(names.split("\n"), leaves)


def _never() -> bool:
    return False


# Absent before PyTorch 2.7, where a program exported inside the block keeps the operator.
is_exporting: Callable[[], bool] = getattr(torch.compiler, "is_exporting", _never)


def run_uncompiled(function: Callable[..., object]) -> None:
    """Ask Dynamo not to compile a hook, and what it calls, as a graph of its own when it runs by itself.

    Being traced as part of a larger graph is not affected. Where this PyTorch has no such switch the hook
    costs one small extra graph and nothing else.
    """
    with contextlib.suppress(ImportError, AttributeError):
        from torch._C._dynamo import eval_frame

        skip = eval_frame._FrameAction.SKIP
        assert isinstance(function, FunctionType)
        eval_frame.set_code_exec_strategy(function.__code__, eval_frame._FrameExecStrategy(skip, skip))


def is_compiled_elsewhere(module: torch.nn.Module) -> bool:
    """True when `module`, or a model that contains it, was compiled, and `module` is not the compiled wrapper.

    A plain function that was compiled and calls the module cannot be found.
    """
    dynamo = sys.modules.get("torch._dynamo.eval_frame")
    if module._compiled_call_impl is not None or dynamo is None:
        return module._compiled_call_impl is not None
    wrappers = [thing for thing in gc.get_objects() if type(thing) is dynamo.OptimizedModule and thing is not module]
    return any(part is module for wrapper in wrappers for part in wrapper.modules())
