"""The one class that owns hooks on the user's modules, and takes them all off again."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.utils.hooks import RemovableHandle

from runtime_probe.arguments import leaves, signature_of
from runtime_probe.compiled import OpaqueRecord, is_exporting, run_uncompiled
from runtime_probe.guard import can_be_hooked, is_captured

SCOUTED_CALLS = 4  # first calls of a module in which coordinates are looked for


class Listener(Protocol):
    """What the hooks report to. No method may raise for a fault of the probe's own."""

    def before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A watched module is about to run."""

    def record(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A watched module runs inside compiled code."""

    def after(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """A watched module has run, or failed (then `output` is None)."""

    def scout(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], running: bool) -> bool:
        """A module that is not watched is about to run (`running`) or has run; True if it is watched from now on."""


class Hooks:
    """Registers pre-hooks, post-hooks and the scouting hook, and removes them."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._handles: list[RemovableHandle] = []
        self._scouts: list[RemovableHandle] = []
        self._watched: list[weakref.ref[nn.Module]] = []
        self._calls: weakref.WeakKeyDictionary[nn.Module, int] = weakref.WeakKeyDictionary()
        self._opaque: list[OpaqueRecord] = []
        self._one_shot: dict[int, RemovableHandle] = {}

    def watch(self, module: nn.Module) -> None:
        """Report every call of a module, before and after."""
        self._watched.append(weakref.ref(module))
        self._put_on(module)

    def suspend(self) -> Callable[[], None]:
        """Take the hooks off the watched modules; returns what puts them back."""
        for handle in [*self._handles, *self._one_shot.values()]:
            handle.remove()
        self._handles.clear()
        self._one_shot.clear()

        def put_back() -> None:
            for reference in self._watched:
                module = reference()
                if module is not None:
                    self._put_on(module)

        return put_back

    def _put_on(self, module: nn.Module) -> None:
        before = _Before(self._listener, signature_of(module), self._opaque_for(module))
        self._handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
        after = _After(self._listener)
        self._handles.append(module.register_forward_hook(after, with_kwargs=True, always_call=True))

    def scout_submodules(self, module: nn.Module) -> None:
        """Look for coordinates in the calls of every submodule, until one is found."""
        for child in list(module.modules())[1:]:
            self._scouts.append(child.register_forward_pre_hook(_Scout(self), with_kwargs=True))

    def scout_everything(self) -> None:
        """Look for coordinates in the first calls of every module of the program."""
        self._scouts.append(register_module_forward_pre_hook(_global_hook(self)))

    def stop_scouting(self) -> None:
        """Remove the scouting hooks."""
        for handle in self._scouts:
            handle.remove()
        self._scouts.clear()

    def remove(self) -> None:
        """Remove everything."""
        self.stop_scouting()
        for handle in [*self._handles, *self._one_shot.values()]:
            handle.remove()
        self._handles.clear()
        self._watched.clear()
        self._one_shot.clear()
        for opaque in self._opaque:
            opaque.close()

    def scouted(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], running: bool = True) -> bool:
        """Offer a call to the listener, for the first few calls of each module."""
        calls = self._calls.get(module, 0)
        if calls >= SCOUTED_CALLS:
            return False
        self._calls[module] = calls + 1
        found = self._listener.scout(module, args, kwargs, running)
        if found:
            self._calls[module] = SCOUTED_CALLS
        return found

    def scout_keywords(self, module: nn.Module) -> None:
        """The global hook shows no keyword arguments: look at them after this one call, then go."""
        if id(module) in self._one_shot or self._calls.get(module, 0) >= SCOUTED_CALLS or not can_be_hooked(module):
            return

        self._one_shot[id(module)] = module.register_forward_hook(_Once(self), with_kwargs=True, always_call=True)

    def scout_once(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """The one call that `scout_keywords` waited for is over."""
        handle = self._one_shot.pop(id(module), None)
        if handle is not None:
            handle.remove()
        if kwargs:
            self.scouted(module, args, kwargs, running=False)

    def _opaque_for(self, module: nn.Module) -> OpaqueRecord:
        def record(names: list[str], tensors: list[torch.Tensor]) -> None:
            self._listener.record(module, (), dict(zip(names, tensors, strict=True)))

        opaque = OpaqueRecord(record)
        self._opaque.append(opaque)
        return opaque


class _Hook:
    """A hook that stays behind when its module is copied or pickled: the copy gets one that does nothing.

    The substitute is of the standard library, so that a saved model can be loaded where there is no probe.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (contextlib.nullcontext(), "__exit__")


class _Before(_Hook):
    def __init__(self, listener: Listener, names: tuple[str, ...], opaque: OpaqueRecord) -> None:
        super().__init__(listener)
        self._names, self._sink, self._operator = names, opaque.sink, opaque.operator
        run_uncompiled(_Before.__call__)

    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> None:
        if is_exporting() or kwargs is None:  # None: taken off during this very call, by a hook before it
            return
        if torch.compiler.is_compiling():
            found = list(leaves(self._names, args, kwargs))
            paths = "\n".join([leaf.path for leaf in found])
            self._operator(self._sink, [leaf.tensor.detach() for leaf in found], paths, torch.is_grad_enabled())
            return
        self._listener.before(module, args, kwargs)


class _After(_Hook):
    def __init__(self, listener: Listener) -> None:
        super().__init__(listener)
        run_uncompiled(_After.__call__)

    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: Any, *output: Any) -> None:
        if output and not torch.compiler.is_compiling():
            self._listener.after(module, args, kwargs, output[0])


class _Scout(_Hook):
    """Looks for coordinates in the calls of one submodule."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        run_uncompiled(_Scout.__call__)

    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not torch.compiler.is_compiling():
            self._hooks.scouted(module, args, kwargs)


class _Once(_Hook):
    """The global hook shows no keyword arguments: looks at them after one call of a module, then goes."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks

    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        self._hooks.scout_once(module, args, kwargs)


def _global_hook(hooks: Hooks) -> Callable[..., None]:
    def scout_all(module: nn.Module, args: tuple[Any, ...]) -> None:
        if torch.compiler.is_compiling() or is_captured():
            return
        if not hooks.scouted(module, args, {}):
            hooks.scout_keywords(module)

    run_uncompiled(scout_all)
    return scout_all
