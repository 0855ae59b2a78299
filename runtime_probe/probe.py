"""`probe_coords`: the context manager around a training loop."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from runtime_probe.arguments import CERTAIN, Chooser, choose, describe, leaves, signature_of
from runtime_probe.borders import Borders, LoaderWatch, StepWatch
from runtime_probe.compiled import is_compiled_elsewhere
from runtime_probe.errors import CoordinateArgumentError, ProbeError
from runtime_probe.findings import Report
from runtime_probe.hooks import Hooks
from runtime_probe.ignored import ignores_coordinates
from runtime_probe.loader_audit import LoaderAudit
from runtime_probe.observer import Observer, Series
from runtime_probe.policy import OnViolation, Policy
from runtime_probe.provenance import LOOKS_INSIDE, Provenance, Site, user_frames
from runtime_probe.ranks import RankReport, compare_ranks, is_distributed
from runtime_probe.reporting import build_report
from runtime_probe.scalars import ScalarWriter, write_scalars
from runtime_probe.timeline import Batch
from runtime_probe.verdict import Flag, Verdict

T = TypeVar("T")

MAX_MODELS = 16
PAGE = 256
IMMEDIATE_PAGE = 8  # fingerprints that travel together when findings must be told soon


class ProbeWarning(RuntimeWarning):
    """The probe itself failed and stopped observing; the program is not affected."""


def is_off() -> bool:
    """True when the environment says `RUNTIME_PROBE=off`: every probe is a no-op."""
    return os.environ.get("RUNTIME_PROBE", "").lower() in ("off", "0", "false")


def probe_coords(
    *models: nn.Module,
    argument: Chooser = None,
    on_violation: OnViolation = "report",
    after: int = 0,
    max_steps: int | None = None,
    provenance: int = 32,
    check_used: bool = False,
    writer: ScalarWriter | None = None,
) -> Probe:
    """Watch the coordinates that models are called with, for the length of a `with` block.

    Args:
        models: one or more modules; hand in what the loop calls (the DDP or compiled wrapper, if any).
        argument: the coordinate argument by name or path (`"coord"`, `"batch.xy"`), position, or a callable
            `(args, kwargs) -> tensor`; None finds it by name, shape, range and fit to a regular lattice.
        on_violation: `"report"`, `"warn"`, `"raise"`, or a callable that gets a `Finding`; acted on at the
            first certain moment, which is when the second of two equal batches of one epoch is over.
        after: number of batches (>= 0) during which violations are not acted on.
        max_steps: stop observing after this many batches (>= 1); None observes to the end.
        provenance: forwards (>= 0) during which draws are followed to their line; 0 switches it off.
        check_used: spend one extra forward to see whether a sample's output depends on its coordinates.
        writer: anything with `add_scalar`; gets the jitter's std in pixels and the fresh fraction per epoch.

    Raises ValueError for an impossible option. Inside the block a call without coordinate-like argument
    raises CoordinateArgumentError; any other fault of the probe is a ProbeWarning.
    """
    if not models:
        raise ValueError("probe_coords needs a model")
    probe = Probe(argument, on_violation, after, max_steps, provenance, check_used, writer)
    for model in models:
        if not isinstance(model, nn.Module):
            raise ValueError(f"probe_coords watches torch.nn.Module, not {type(model).__name__}")
        probe.models.append(model)
    return probe


class _Running(threading.local):
    """How many watched models are running in this thread, one inside the other, since the batch `since` began.

    A new batch finds none running: a forward that was interrupted and never came back does not count for ever.
    """

    models = 0
    since = -1

    def enter(self, batch: int) -> bool:
        """A watched model begins to run; True when it is the outermost one."""
        self.models = self.models + 1 if batch == self.since else 1
        self.since = batch
        return self.models == 1


class Probe:
    """A running or finished observation; made by `probe_coords`."""

    def __init__(
        self,
        argument: Chooser = None,
        on_violation: OnViolation = "report",
        after: int = 0,
        max_steps: int | None = None,
        provenance: int = 32,
        check_used: bool = False,
        writer: ScalarWriter | None = None,
        everything: bool = False,
        loaders: bool = False,
    ) -> None:
        if after < 0 or provenance < 0 or (max_steps is not None and max_steps < 1):
            raise ValueError("after and provenance must be >= 0, max_steps >= 1")
        self.models: list[nn.Module] = []
        self.observers: list[Observer] = []
        self.ranks: RankReport | None = None
        self.ignored: bool | None = None
        self.notes: list[str] = []
        self.call_sites: tuple[Site, ...] = ()
        self.borders = Borders(self._epoch_ended)
        self.audit = LoaderAudit(lambda: self.borders.all_steps) if loaders else None
        self.provenance = Provenance(provenance)
        self.argument = argument
        self._policy = Policy(on_violation)
        self._after, self._max_steps = after, max_steps
        self._check_used = check_used
        self._writer = writer
        self._everything = everything
        self._hooks = Hooks(self)
        self._watches: tuple[LoaderWatch | StepWatch, ...] = ()
        self._active = False
        self._fallback = False
        self._search_parts = False
        self._random_state: Tensor | None = None
        self._owners: weakref.WeakKeyDictionary[torch.optim.Optimizer, bool] = weakref.WeakKeyDictionary()
        self._suspicious = False
        self._running = _Running()
        self.unseen: dict[str, str] = {}

    # -- the block ---------------------------------------------------------------------------------

    def __enter__(self) -> Probe:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(failed=kind is not None)

    def start(self) -> Probe:
        """Begin to observe; `with` calls it. A probe that was stopped goes on; one that runs is left alone.

        A no-op with RUNTIME_PROBE=off.
        """
        if is_off():
            self.notes.append("RUNTIME_PROBE=off: nothing was observed")
            return self
        if self._active:
            return self
        self._active, self._fallback = True, False
        self._hooks = Hooks(self)
        self._watches = (LoaderWatch(self.borders, self.audit), StepWatch(self.borders))
        for watch in self._watches:
            watch.install()
        for model in self.models:
            self._watch(model)
        if self._everything:
            self._hooks.scout_everything()
        if self._search_parts:
            self._look_into_parts()
        if any(is_compiled_elsewhere(model) for model in self.models):
            self.notes.append("provenance is off: the model is compiled by a wrapper that the probe does not hook")
            self.provenance = Provenance(0)
        self.borders.count_only(lambda optimizer: self._guarded(self._owns, optimizer) is not False)
        self.provenance.start()
        return self

    def search_parts(self) -> None:
        """Look into the models' parts from the first call on, for trainers that never call the model itself."""
        self._search_parts = True

    def stop(self, failed: bool = False) -> None:
        """Stop observing, remove every hook and mode, then judge; `with` calls it."""
        if not self._active:
            return
        self._release()
        self._guarded(self._finish)
        if not failed:
            self._guarded(self._compare_ranks)
            self._consider(final=True)

    def compare_ranks_now(self) -> None:
        """Compare the ranks before the process group goes away. Every rank must get here."""
        if self._active:
            for observer in self.observers:
                self._guarded(observer.finish)
            self._guarded(self._compare_ranks)

    def batches(self, iterable: Iterable[T]) -> Iterator[T]:
        """Iterate over `iterable`, an epoch of batches, with exact borders."""
        return self.borders.batches(iterable) if self._active else iter(iterable)

    # -- results -----------------------------------------------------------------------------------

    def report(self) -> Report:
        """Everything seen so far; printable with `str()`, `rich.print`, `.to_dict()` and `.to_html()`."""
        return build_report(self)

    @property
    def verdict(self) -> Verdict:
        """The most severe conclusive verdict over all watched arguments and shapes."""
        return self.report().verdict

    @property
    def flags(self) -> frozenset[Flag]:
        """Every flag raised for any watched argument."""
        return self.report().flags

    def to_dict(self) -> dict[str, object]:
        """The report, JSON-ready."""
        return self.report().to_dict()

    # -- what the hooks call -----------------------------------------------------------------------

    def before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A watched model is about to run; inside another one it is only its part."""
        if self._running.enter(self.borders.begun) and self._active:
            self.record(module, args, kwargs)

    def record(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A watched model runs, in eager or in compiled code."""
        if self._active and torch._C._get_tracing_state() is None:
            self.provenance.pause()
            self._guarded(self._observe, module, args, kwargs)
            if self._suspicious and self._policy.immediate:
                self._suspicious = False
                self._consider()

    def after(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """A watched model has run."""
        self._running.models = max(0, self._running.models - 1)
        if self._active and self._running.models == 0:
            if self.provenance.looking:
                self._guarded(self._leave, module)
            if self._random_state is not None:
                self._guarded(self._try_moved, module, args, kwargs, output)
            self.provenance.start()

    def scout(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], running: bool) -> bool:
        """A module that is not watched is called: watch it if it is given coordinates."""
        return self._active and bool(self._guarded(self._adopt, module, args, kwargs, running))

    # -- steps -------------------------------------------------------------------------------------

    def _observer_of(self, module: nn.Module) -> Observer | None:
        return next((observer for observer in self.observers if observer.module is module), None)

    def _watch(self, module: nn.Module) -> Observer:
        observer = self._observer_of(module)
        if observer is None:
            observer = Observer(module, type(module).__name__, self.borders, self.argument)
            self.observers.append(observer)
        observer.on_batch = self._batch_closed
        self._owners.clear()
        self._hooks.watch(module)
        return observer

    def _observe(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        observer = self._observer_of(module)
        if observer is None:  # a DataParallel replica of a watched module
            return
        immediate = self._policy.immediate
        coords = observer.forward(args, kwargs, IMMEDIATE_PAGE if immediate else PAGE)
        if coords is None:
            return
        self.provenance.use(coords)
        if not self.call_sites:
            self.call_sites = _stack()
        if self._check_used and self.ignored is None:
            self._random_state = torch.get_rng_state()
        if immediate or self._max_steps is not None or observer.pending >= PAGE:
            observer.drain()
        if observer.looked_inside < LOOKS_INSIDE and module.training and not _is_compiled(module):
            observer.looked_inside += 1
            self.provenance.look_inside(coords)

    def _leave(self, module: nn.Module) -> None:
        """A watched model has run: keep what it drew and added to its coordinates by itself."""
        noise = self.provenance.look_outside()
        observer = self._observer_of(module)
        if observer is not None and noise is not None:
            observer.noise_inside = noise

    def _try_moved(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        state, self._random_state = self._random_state, None
        observer = self._observer_of(module)
        coords = observer.coordinates(args, kwargs) if observer is not None else None
        if coords is None or output is None or state is None:
            return
        self.ignored = ignores_coordinates(module, args, kwargs, coords, output, state)
        self._check_used = self.ignored is None

    def _adopt(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], running: bool) -> bool:
        watched = [o.module for o in self.observers if o.choice is not None]
        if self._running.models or len(watched) >= MAX_MODELS or any(module is model for model in watched):
            return False
        if next(module.parameters(), None) is None:  # a loss or an activation
            return False
        try:
            choose(module, args, kwargs, self.argument, least=CERTAIN)
        except CoordinateArgumentError:
            seen = [f"{leaf.path}: {describe(leaf.tensor)}" for leaf in leaves(signature_of(module), args, kwargs)]
            if len(self.unseen) < MAX_MODELS and seen:
                self.unseen.setdefault(type(module).__name__, "; ".join(seen))
            return False
        if self._fallback:
            self._hooks.stop_scouting()
            self.notes.append(f"the model itself was not called; its part {type(module).__name__} is watched")
        if not running:  # its parts were called first, and may have been taken for models
            parts = {id(part) for part in module.modules()}
            self.observers = [o for o in self.observers if id(o.module) not in parts or o.forwards > 1]
        self._watch(module)
        self._observe(module, args, kwargs)
        self._running.models += running
        return True

    def _owns(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether an optimizer trains a watched model; yes as long as no parameters are known."""
        owned = self._owners.get(optimizer)
        if owned is None:
            self._look_into_parts()
            owned = self._owners[optimizer] = self._holds_parameters(optimizer)
        return owned

    def _holds_parameters(self, optimizer: torch.optim.Optimizer) -> bool:
        own = {id(p) for o in self.observers for p in o.module.parameters()}
        held = {id(p) for group in optimizer.param_groups for p in group["params"]}
        return not own or not own.isdisjoint(held)

    def _look_into_parts(self) -> None:
        """A step was made and the watched model was never called: watch what is called instead."""
        if self._fallback or self._everything or any(o.choice or o.skipped for o in self.observers):
            return
        self._fallback = True
        for model in self.models:
            self._hooks.scout_submodules(model)

    def _batch_closed(self, series: Series, batch: Batch) -> None:
        total = batch.index + 1
        if self._max_steps is not None and total >= self._max_steps:
            self._release()
            self.notes.append(f"stopped after max_steps={self._max_steps} batches")
        self._suspicious |= batch.seen_before and total > self._after

    def _epoch_ended(self) -> None:
        if not self._active:
            return
        for observer in self.observers:
            self._guarded(observer.end_epoch)
        if self._writer is not None:
            self._guarded(self._write_scalars)
        self._consider()

    def _write_scalars(self) -> None:
        assert self._writer is not None
        report = self.report()
        write_scalars(self._writer, report, report.conclusion.batches)

    def _consider(self, final: bool = False) -> None:
        if not self._policy.immediate:
            return
        report = self._guarded(self.report)
        if report is not None and (final or report.conclusion.batches > self._after):
            self._policy.act(report.findings)

    def _finish(self) -> None:
        for observer in self.observers:
            observer.on_batch = None
            observer.finish()

    def _compare_ranks(self) -> None:
        if self.ranks is None and is_distributed():
            self.ranks = compare_ranks(self._rank_values())

    def _rank_values(self) -> list[int]:
        return [batch.value for observer in self.observers for batch in observer.whole.timeline().head]

    def _release(self) -> None:
        """Take everything off the user's program."""
        self._active = False
        self.provenance.end()
        self._hooks.remove()
        for watch in self._watches:
            watch.remove()

    def _guarded(self, function: Callable[..., T], *args: Any) -> T | None:
        """Run a step of the probe; a fault of its own ends the observation, never the program."""
        try:
            with _outside_of_transforms():
                return function(*args)
        except ProbeError:
            self._release()
            raise
        except Exception as error:
            self._release()
            self.notes.append(f"the probe failed and stopped: {type(error).__name__}: {error}")
            warnings.warn(f"runtime_probe stopped: {type(error).__name__}: {error}", ProbeWarning, stacklevel=3)
            return None


def _is_compiled(module: nn.Module) -> bool:
    return module._compiled_call_impl is not None or hasattr(module, "_orig_mod") or torch.compiler.is_compiling()


def _outside_of_transforms() -> AbstractContextManager[object]:
    """Leave `torch.func.vmap` and its like, which would batch the probe's own operations or refuse them."""
    if torch._C._functorch.peek_interpreter_stack() is None:
        return _NOWHERE
    from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack

    return temporarily_clear_interpreter_stack()


_NOWHERE = nullcontext()


def _stack() -> tuple[Site, ...]:
    """The user's places around the model's call, innermost first."""
    return tuple(itertools.islice(user_frames(sys._getframe(1)), 6))
