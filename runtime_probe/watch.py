"""Watches the coordinates that models are called with: hooks, observers, borders and traces. Judges nothing."""

from __future__ import annotations

import itertools
import sys
import threading
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from runtime_probe.arguments import CERTAIN, choose, describe, leaves, signature_of
from runtime_probe.borders import Borders
from runtime_probe.compiled import is_compiled_elsewhere
from runtime_probe.draws import DrawLine, DrawLog
from runtime_probe.environments import Environments
from runtime_probe.errors import CoordinateArgumentError
from runtime_probe.guard import Guard, can_be_hooked, is_captured, scripting_without_hooks
from runtime_probe.hooks import Hooks
from runtime_probe.ignored import ignores_coordinates
from runtime_probe.loader_audit import LoaderAudit
from runtime_probe.loader_watch import LoaderWatch, StepWatch
from runtime_probe.network import NetworkWatch
from runtime_probe.observer import Observer, Series
from runtime_probe.options import WatchOptions
from runtime_probe.provenance import LOOKS_INSIDE, Provenance
from runtime_probe.ranks import RankReport, compare_ranks, is_distributed
from runtime_probe.seeds import SeedLog
from runtime_probe.shared_noise import SharedNoise
from runtime_probe.sites import Site, user_frames
from runtime_probe.timeline import Batch
from runtime_probe.traced_draws import TracedDraws

MAX_MODELS = 16
PAGE = 256
IMMEDIATE_PAGE = 8  # fingerprints that travel together when findings must be told soon


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


class Watch:
    """Everything that is collected while a program runs; `judge.py` makes a report of it.

    `on_change()` is called when something came to light that may have to be told at once, `on_epoch_end()` when an
    epoch is over.
    """

    def __init__(self, options: WatchOptions, on_change: Callable[[], None], on_epoch_end: Callable[[], None]) -> None:
        self.options = options
        self.models: list[nn.Module] = []
        self.observers: list[Observer] = []
        self.ranks: RankReport | None = None
        self.ignored: bool | None = None
        self.notes: list[str] = []
        self.call_sites: tuple[Site, ...] = ()
        self.unseen: dict[str, str] = {}
        self.guard = Guard(self.release, self.notes, options.everything)
        self.borders = Borders(self._epoch_ended)
        self.network = NetworkWatch(self.borders, self.guard, options.everything)
        self.audit = LoaderAudit(lambda: self.borders.all_steps, self.network.evaluating) if options.loaders else None
        self.provenance = Provenance(options.provenance)
        self.provenance.is_inside = self.network.is_running
        self.network.provenance_use = self._used
        self.network.noise_in = lambda tensor: self.provenance.noise_in(tensor)
        self.seeds = SeedLog(lambda: self.borders.all_steps)
        self.draws = DrawLog(lambda: self.borders.all_steps)
        self.on_tick: Callable[[], None] = lambda: None  # a forward begins
        self.environments = Environments(lambda: self.borders.all_steps)
        self.network.on_forward = self._forward
        self.draws.on_float = lambda *drawn: self.provenance.drawn_number(*drawn)
        self.provenance.on_torch_draw = self._torch_drew
        self.traced = TracedDraws(
            self.draws,
            lambda: self.borders.all_steps,
            lambda: self.provenance.pause(),
            lambda: self.provenance.start(),
        )
        self.shared_noise = SharedNoise(lambda: self.borders.all_steps)
        self.draws.on_values = self._drawn
        self._on_change, self._on_epoch_end = on_change, on_epoch_end
        self._hooks = Hooks(self)
        self._undo: list[Callable[[], object]] = []
        self.active = False
        self._fallback = False
        self._search_parts = False
        self._random_state: Tensor | None = None
        self._owners: weakref.WeakKeyDictionary[torch.optim.Optimizer, bool] = weakref.WeakKeyDictionary()
        self._suspicious = False
        self._check_used = options.check_used
        self._running = _Running()

    def _forward(self, training: bool) -> None:
        """A network is about to run."""
        self.on_tick()
        self.draws.forward(training)
        if self.options.everything:
            self.environments.install_when_imported()

    def _drawn(self, values: object, line: DrawLine) -> None:
        """NumPy or Python drew a number or an array."""
        self.shared_noise.drawn(values, line)
        if self.audit is not None:
            self.audit.kept.drawn(values, line)

    def _torch_drew(self, function: str, frame: FrameType, values: Tensor | None) -> None:
        """Torch drew in a frame of the program, outside of the networks."""
        line = self.draws.record(function, frame)
        if line is not None and self.audit is not None:
            self.audit.kept.drawn(values, line)

    def _used(self, stream: object, tensor: Tensor, first: bool = False) -> None:
        """A network that trains is given a tensor of one of its inputs."""
        self.provenance.use(stream, tensor, first)
        self.environments.given(tensor)
        if self.options.everything and self.provenance.in_window:
            self.shared_noise.given(stream, tensor, self.provenance.drawn_since(tensor))

    # -- begin and end -----------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to observe, or go on."""
        self.active, self._fallback = True, False
        self._hooks = Hooks(self)
        for watch in (LoaderWatch(self.borders, self.guard, self.audit), StepWatch(self.borders)):
            watch.install()
            self._undo.append(watch.remove)
        self.seeds.install()
        self._undo.append(self.seeds.remove)
        if self.options.everything:
            self.draws.install()
            self._undo.append(self.draws.remove)
        self._undo.append(self.environments.remove)
        self.traced.install()
        self._undo.append(self.traced.remove)
        scripting = scripting_without_hooks(self._take_off_hooks)
        scripting.__enter__()
        self._undo.append(lambda: scripting.__exit__(None, None, None))
        for model in self.models:
            self._watch(model)
        if self.options.everything:
            self._hooks.scout_everything()
        if self._search_parts:
            self._look_into_parts()
        if any(is_compiled_elsewhere(model) for model in self.models):
            self.notes.append("provenance is off: the model is compiled by a wrapper that the probe does not hook")
            self.provenance = Provenance(0)
        self.borders.count_only(lambda optimizer: self.guard(self._owns, optimizer) is not False)
        self.provenance.start()

    def search_parts(self) -> None:
        """Look into the models' parts from the first call on, for trainers that never call the model itself."""
        self._search_parts = True

    def release(self) -> None:
        """Take everything off the user's program."""
        self.active = False
        self.provenance.end()
        self._hooks.remove()
        self.network.remove()
        while self._undo:
            self._undo.pop()()

    def drain(self) -> None:
        """Take in what has reached the host so far."""
        for observer in [*self.observers, *(o for network in self.network.networks for o in network.inputs)]:
            observer.drain()

    def finish(self) -> None:
        """Everything has been seen."""
        for observer in self.observers:
            observer.on_batch = None
            observer.finish()
        self.network.finish()

    def compare_ranks(self) -> None:
        """Compare what the ranks drew. Every rank must get here."""
        if self.ranks is None and is_distributed():
            values = [batch.value for observer in self.observers for batch in observer.whole.timeline().head]
            if values:
                self.ranks = compare_ranks(values)
            else:
                self.ranks = compare_ranks(self.provenance.drawn_values(), what="noise in their inputs")

    def _take_off_hooks(self) -> Callable[[], None]:
        """Without hooks on any module for as long as one of them is scripted."""
        taken = [self._hooks.suspend(), self.network.suspend()]

        def put_back() -> None:
            for again in taken:
                again()

        return put_back

    # -- what the hooks call -----------------------------------------------------------------------

    def before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A watched model is about to run; inside another one it is only its part."""
        if self._running.enter(self.borders.begun) and self.active:
            self.record(module, args, kwargs)

    def record(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A watched model runs, in eager or in compiled code."""
        if not self.active or is_captured():
            return
        self.provenance.pause()
        self.guard(self._observe, module, args, kwargs)
        if self._suspicious and self.options.immediate:
            self._suspicious = False
            self._on_change()

    def after(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """A watched model has run."""
        self._running.models = max(0, self._running.models - 1)
        if self.active and self._running.models == 0:
            if self.provenance.looking:
                self.guard(self._leave, module)
            if self._random_state is not None:
                self.guard(self._try_moved, module, args, kwargs, output)
            self.provenance.start()

    def scout(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], running: bool) -> bool:
        """A module that is not watched is called: watch it if it is given coordinates."""
        if not can_be_hooked(module):
            self.traced.called(module)
            return False
        if not self.active or is_captured():
            return False
        if self.options.everything:
            self.guard(self.network.offer, module, args, kwargs, running)
        return bool(self.guard(self._adopt, module, args, kwargs, running))

    # -- steps -------------------------------------------------------------------------------------

    def of(self, module: nn.Module) -> list[Observer]:
        """The streams of a watched model, one for each coordinate argument; the first is the most certain one."""
        return [observer for observer in self.observers if observer.module is module]

    def _watch(self, module: nn.Module) -> None:
        if not can_be_hooked(module):
            self.notes.append(
                f"{type(module).__name__} is scripted: its calls cannot be watched; watch the module before"
            )
            return
        if not self.of(module):
            self.observers.append(Observer(module, type(module).__name__, self.borders, self.options.argument))
        for observer in self.of(module):
            observer.on_batch = self._batch_closed
        self._owners.clear()
        self._hooks.watch(module)
        if not self.options.everything:
            self.network.watch(module)

    def _observe(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        observers = self.of(module)
        if not observers:  # a DataParallel replica of a watched module
            return
        immediate = self.options.immediate
        first = observers[0]
        was_chosen = first.choice is not None
        coords = first.forward(args, kwargs, IMMEDIATE_PAGE if immediate else PAGE)
        if not was_chosen and first.choice is not None:
            observers += self._add_streams(first)
        if coords is None:
            return
        self.provenance.use(first, coords, first=True, training=module.training)
        for observer in observers[1:]:
            other = observer.forward(args, kwargs, IMMEDIATE_PAGE if immediate else PAGE)
            if other is not None:
                self.provenance.use(observer, other)
        if not self.call_sites:
            self.call_sites = _stack()
        if self._check_used and self.ignored is None:
            self._random_state = torch.get_rng_state()
        for observer in observers:
            if immediate or self.options.max_steps is not None or observer.pending >= PAGE:
                observer.drain()
        if first.looked_inside < LOOKS_INSIDE and module.training:
            first.looked_inside += 1
            self.provenance.look_inside(module, coords, compiled=_is_compiled(module))

    def _add_streams(self, first: Observer) -> list[Observer]:
        """The other coordinate arguments of a call, each a stream of its own."""
        assert first.choice is not None
        added = [Observer(first.module, first.name, self.borders, choice=choice) for choice in first.choice.further]
        for observer in added:
            observer.on_batch = first.on_batch
        place = self.observers.index(first) + 1
        self.observers[place:place] = added
        return added

    def _leave(self, module: nn.Module) -> None:
        """A watched model has run: keep what it drew and added to its coordinates by itself."""
        noise = self.provenance.look_outside(module)
        for observer in self.of(module):
            observer.noise_inside = noise or observer.noise_inside

    def _try_moved(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        state, self._random_state = self._random_state, None
        observers = self.of(module)
        coords = observers[0].coordinates(args, kwargs) if observers else None
        if coords is None or output is None or state is None:
            return
        self.ignored = ignores_coordinates(module, args, kwargs, coords, output, state)
        self._check_used = self.ignored is None

    def _adopt(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], running: bool) -> bool:
        watched = [o.module for o in self.observers if o.choice is not None]
        if self._running.models or len(watched) >= MAX_MODELS or any(module is model for model in watched):
            return False
        if not _may_be_a_model(module):
            return False
        try:
            choose(module, args, kwargs, self.options.argument, least=CERTAIN)
        except CoordinateArgumentError:
            seen = [f"{leaf.path}: {describe(leaf.tensor)}" for leaf in leaves(signature_of(module), args, kwargs)]
            if len(self.unseen) < MAX_MODELS and seen and not self.network.is_running_around(module):
                self.unseen.setdefault(type(module).__name__, "; ".join(seen))
            return False
        if self._fallback:
            self._hooks.stop_scouting()
            self.notes.append(f"the model itself was not called; its part {type(module).__name__} is watched")
        if not running:  # its parts were called first, and may have been taken for models
            parts = {id(part) for part in module.modules()}
            self.observers[:] = [o for o in self.observers if id(o.module) not in parts or o.forwards > 1]
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
        if self._fallback or self.options.everything or any(o.choice or o.skipped for o in self.observers):
            return
        self._fallback = True
        for model in self.models:
            self._hooks.scout_submodules(model)

    def _batch_closed(self, series: Series, batch: Batch) -> None:
        total = batch.index + 1
        if self.options.max_steps is not None and total >= self.options.max_steps and self.active:
            self.release()
            self.notes.append(f"stopped after max_steps={self.options.max_steps} batches")
        self._suspicious |= batch.seen_before and total > self.options.after

    def _epoch_ended(self) -> None:
        if not self.active:
            return
        for observer in self.observers:
            self.guard(observer.end_epoch)
        self.guard(self.network.end_epoch)
        self._on_epoch_end()


def _may_be_a_model(module: nn.Module) -> bool:
    """Not a loss or an activation; networks whose weights come from elsewhere have no parameters of their own."""
    return next(module.parameters(), None) is not None or not type(module).__module__.startswith("torch.")


def _is_compiled(module: nn.Module) -> bool:
    return module._compiled_call_impl is not None or hasattr(module, "_orig_mod") or torch.compiler.is_compiling()


def _stack() -> tuple[Site, ...]:
    """The user's places around the model's call, innermost first."""
    return tuple(itertools.islice(user_frames(sys._getframe(1)), 6))
