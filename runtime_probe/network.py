"""Watches whole networks: what they are given, in which mode they run, and whether they draw.

A network is what the program calls with parameters of its own and that no other network is running around.
"""

from __future__ import annotations

import itertools
import sys
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor
from torch.nn.modules.dropout import _DropoutNd

from runtime_probe.arguments import Choice, leaves, signature_of
from runtime_probe.borders import Borders
from runtime_probe.generators import Rewinds, torch_state
from runtime_probe.guard import Guard, is_captured
from runtime_probe.hooks import Hooks
from runtime_probe.kept_noise import KeptNoise
from runtime_probe.modes import ProbeMode, put_on, take_off
from runtime_probe.observer import Observer
from runtime_probe.sites import Site, user_frames
from runtime_probe.stored import StoredArrays
from runtime_probe.traces import Draw

MAX_NETWORKS = 16
MAX_INPUTS = 6
LOOKED_AT = 16  # forwards of each kind in which draws are looked for; then at powers of two
AFTER_EVALUATION = 4  # and so many after each evaluation
WATCHED_INPUTS = 1024  # forwards in which the inputs are compared
DROPOUTS = frozenset(
    "dropout dropout1d dropout2d dropout3d alpha_dropout feature_dropout feature_alpha_dropout dropout_ "
    "scaled_dot_product_attention".split()
)


@dataclass
class Draws:
    """Of how many forwards that were looked at the network drew in how many."""

    looked: int = 0
    drew: int = 0

    def add(self, drew: bool) -> None:
        """One more forward."""
        self.looked += 1
        self.drew += drew


@dataclass(eq=False)
class Network:
    """What is known of one network. `rates` are its dropout rates when it was first called, by their path."""

    module: weakref.ref[nn.Module]
    name: str
    rates: dict[str, float]
    depends_on_mode: bool
    inputs: list[Observer] = field(default_factory=list)
    rewinds: Rewinds = field(default_factory=Rewinds)
    forwards: Counter[str] = field(default_factory=Counter)
    before_evaluation: Draws = field(default_factory=Draws)
    after_evaluation: Draws = field(default_factory=Draws)
    evaluation: Draws = field(default_factory=Draws)
    evaluation_draws: Counter[tuple[str, Site]] = field(default_factory=Counter)
    steps_in_training: int = 0
    steps_in_evaluation_mode: int = 0  # of the optimizer, since the network was last trained in training mode
    stepped_in_evaluation_mode: int = 0  # the most of these
    steps_before_training: int = 0  # while it had never been in training mode at a step
    idle_dropout: dict[str, float] = field(default_factory=dict)  # rates that these steps leave unused, by their path
    evaluated: bool = False
    evaluations: int = 0
    since_evaluation: int = 0
    kept: KeptNoise = field(default_factory=KeptNoise)
    zeroed: set[str] | None = None  # rates that were zero in all training forwards after the first evaluation
    batch: int = -1
    batches: int = 0
    parts_in_training: bool = False
    call: Site | None = None

    def changed_rates(self) -> dict[str, tuple[float, float]]:
        """Dropout rates that became zero: their path, before and now."""
        module = self.module()
        now = numbers_of(module) if module is not None else {}
        return {path: (rate, 0.0) for path, rate in self.rates.items() if rate > 0 and now.get(path) == 0}

    def compare_rates(self, module: nn.Module) -> None:
        """A training forward begins: forget the numbers that change by themselves, and see which became zero.

        A schedule changes them at some time; an evaluation that forgets to put them back does so the first time.
        """
        now = numbers_of(module)
        if self.evaluations == 0:
            self.rates = {path: rate for path, rate in self.rates.items() if now.get(path) == rate}
        elif self.evaluations == 1:
            zeroed = {path for path, rate in self.rates.items() if rate > 0 and now.get(path) == 0}
            self.zeroed = zeroed if self.zeroed is None else self.zeroed & zeroed


def numbers_of(module: nn.Module) -> dict[str, float]:
    """The numbers among the attributes of a network's parts, by their path: rates of dropout, widths of noise."""
    found = {}
    for path, part in module.named_modules():
        for name, value in vars(part).items():
            if isinstance(value, float):
                found[f"{path}.{name}".lstrip(".")] = value
    return found


class _Depth(threading.local):
    running: nn.Module | None = None
    before: int | None = None
    phase: str = ""
    modes: tuple[ProbeMode, ...] = ()


class NetworkWatch:
    """Finds the networks of a program (`offer`), or is told them (`watch`), and listens to their calls."""

    def __init__(self, borders: Borders, guard: Guard, inputs: bool) -> None:
        self.networks: list[Network] = []
        self.stored = StoredArrays()
        self._borders, self._guard, self._inputs = borders, guard, inputs
        self._by_module: weakref.WeakKeyDictionary[nn.Module, Network] = weakref.WeakKeyDictionary()
        self._owners: weakref.WeakKeyDictionary[torch.optim.Optimizer, list[Network]] = weakref.WeakKeyDictionary()
        self._hooks = Hooks(self)
        self._now = _Depth()
        self._phase = ""
        self.provenance_use: Callable[..., None] = lambda *args, **kwargs: None
        self.noise_in: Callable[[torch.Tensor], Draw | None] = lambda tensor: None
        self.on_forward: Callable[[bool], None] = lambda training: None
        borders.on_step = self._stepped

    def is_running(self) -> bool:
        """Whether a network is running in this thread."""
        return self._now.running is not None

    def is_running_around(self, module: nn.Module) -> bool:
        """Whether a network is running that a module is a part of."""
        return self._now.running is not None and self._now.running is not module

    def evaluating(self) -> bool:
        """Whether the network that ran last ran in evaluation mode."""
        return self._phase == "evaluation"

    def offer(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], running: bool) -> None:
        """A module is called for the first time: it is a network unless one is running, around it."""
        if self._now.running is not None or module in self._by_module or len(self.networks) >= MAX_NETWORKS:
            return
        if next(module.parameters(), None) is None or (not any(True for _ in leaves((), args, kwargs)) and not running):
            return
        parts = set(module.modules())
        for part in parts & set(self._by_module):  # called by itself before, and now as a part of this network
            if not running or self._by_module[part].forwards.total() <= 1:
                self._forget(part)
        self.watch(module)
        if running:
            self.before(module, args, kwargs)

    def watch(self, module: nn.Module) -> None:
        """Watch a network from its next call on."""
        known = self._by_module.get(module)
        if known is None:
            known = Network(weakref.ref(module), type(module).__name__, numbers_of(module), _depends_on_mode(module))
            self.networks.append(known)
            self._by_module[module] = known
            self._owners.clear()
        self._hooks.watch(module)

    def suspend(self) -> Callable[[], None]:
        """Take the hooks off for a while; returns what puts them back."""
        return self._hooks.suspend()

    def remove(self) -> None:
        """Stop listening."""
        self._hooks.remove()
        self._hooks = Hooks(self)

    def finish(self) -> None:
        """Everything has been seen."""
        for network in self.networks:
            for observer in network.inputs:
                observer.finish()

    def end_epoch(self) -> None:
        """An epoch is over."""
        for network in self.networks:
            for observer in network.inputs:
                observer.end_epoch()

    # -- what the hooks call -----------------------------------------------------------------------

    def before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A network is about to run."""
        if is_captured():
            return
        if self._now.running is None or self._now.running is module:
            self._now.running = module
            self._guard(self._begin, module, args, kwargs)

    def record(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A network runs inside compiled code: only its inputs are seen."""

    def after(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """A network has run."""
        if self._now.running is module:
            self._now.running = None
            self._guard(self._end, module)

    def scout(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], running: bool) -> bool:
        """Nothing is scouted here."""
        return False

    # -- steps -------------------------------------------------------------------------------------

    def _begin(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        network = self._by_module.get(module)
        self._now.before, self._now.modes = None, ()
        if network is None or torch._C._current_graph_task_id() != -1 or _is_fake(args):
            return
        phase = self._phase = self._now.phase = _phase(module)
        network.forwards[phase] += 1
        self.on_forward(phase == "training")
        if phase == "training":
            self._training_forward(network, module, args, kwargs)
        else:
            network.evaluations += network.since_evaluation > 0 or not network.evaluated
            network.evaluated, network.since_evaluation = True, 0
            if network.call is None and torch.is_grad_enabled():  # of a network that is never in training mode
                network.call = next(user_frames(sys._getframe(1)), None)
        if phase == "evaluation":
            network.parts_in_training |= any(part.training for part in module.modules())
        if self._is_looked_at(network, phase):
            self._now.before = torch_state()
            self._now.modes = tuple(self._modes(network, module, phase))
            for mode in self._now.modes:
                put_on(mode, 0)

    def _modes(self, network: Network, module: nn.Module, phase: str) -> Iterator[ProbeMode]:
        """What is on while the network runs, in forwards that are looked at."""
        if phase != "training" and network.evaluation.drew and not network.parts_in_training:
            yield _DrawSites(network)
        uses = network.kept.follow(module, phase, self.noise_in)
        if uses is not None:
            yield uses

    def _training_forward(
        self, network: Network, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        network.since_evaluation += 1
        if self._is_looked_at(network, "training"):
            network.compare_rates(module)
        network.steps_in_evaluation_mode = 0
        if network.call is None:
            network.call = next(user_frames(sys._getframe(1)), None)
        batch = self._borders.all_steps
        if batch != network.batch:
            network.batch = batch
            network.rewinds.look(network.batches)
            network.batches += 1
        if self._inputs and network.forwards["training"] <= WATCHED_INPUTS:
            self._compare_inputs(network, module, args, kwargs)

    def _compare_inputs(
        self, network: Network, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        if not network.inputs:
            found = itertools.islice(leaves(signature_of(module), args, kwargs), MAX_INPUTS)
            network.inputs = [
                Observer(module, network.name, self._borders, choice=Choice(leaf.path, "a network's input"), part=True)
                for leaf in found
                if not isinstance(leaf.tensor, nn.Parameter)
            ]
        for number, observer in enumerate(network.inputs):
            tensor = observer.forward(args, kwargs)
            if tensor is not None:
                self.provenance_use(observer, tensor, first=number == 0)
                if number == 0 and network.forwards["training"] in StoredArrays.LOOKS:
                    self.stored.look(tensor, sys._getframe(1))
            if observer.pending >= 256:
                observer.drain()

    def _is_looked_at(self, network: Network, phase: str) -> bool:
        number = network.forwards[phase]
        soon = phase == "training" and network.evaluated and network.since_evaluation <= AFTER_EVALUATION
        return number <= LOOKED_AT or number & (number - 1) == 0 or soon

    def _end(self, module: nn.Module) -> None:
        network, before = self._by_module.get(module), self._now.before
        modes, self._now.modes = self._now.modes, ()
        for mode in reversed(modes):
            take_off(mode)
        if network is None or before is None:
            return
        self._now.before = None
        drew = torch_state() != before
        if self._now.phase == "training":
            (network.after_evaluation if network.evaluated else network.before_evaluation).add(drew)
        elif not module.training:
            network.evaluation.add(drew)

    def _stepped(self, optimizer: torch.optim.Optimizer) -> None:
        owners = self._owners.get(optimizer)
        if owners is None:
            held = {id(p) for group in optimizer.param_groups for p in group["params"]}
            owners = [n for n in self.networks if _trains(n, held)]
            self._owners[optimizer] = owners
        for network in owners:
            module = network.module()
            if module is None:
                continue
            if module.training:
                network.steps_in_training += 1
            elif network.steps_in_training:
                network.steps_in_evaluation_mode += 1
                most = max(network.stepped_in_evaluation_mode, network.steps_in_evaluation_mode)
                network.stepped_in_evaluation_mode = most
            else:
                network.steps_before_training += 1
                if network.steps_before_training == 2:  # the optimizers of a step are known by then
                    network.idle_dropout = self._idle_dropout(module)

    def _idle_dropout(self, module: nn.Module) -> dict[str, float]:
        """The rates of a network that is trained as a whole in evaluation mode; a frozen part says that it is meant."""
        trained = {id(p) for optimizer in self._owners for group in optimizer.param_groups for p in group["params"]}
        if not all(p.requires_grad and id(p) in trained for p in module.parameters()):
            return {}
        if any(part.training for part in module.modules()):
            return {}
        parts = module.named_modules()
        return {path: part.p for path, part in parts if isinstance(part, _DropoutNd) and part.p > 0}

    def _forget(self, part: nn.Module) -> None:
        network = self._by_module.pop(part)
        self.networks.remove(network)


class _DrawSites(ProbeMode):
    """Notes which random operations run, and where, while a network evaluates."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self._network = network

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation; note it if it draws."""
        kwargs = kwargs or {}
        name = func.__name__
        if name in DROPOUTS and not torch.compiler.is_compiling() and _is_active(name, args, kwargs):
            site = next(user_frames(sys._getframe(1)), None)
            if site is not None:
                self._network.evaluation_draws[name, site] += 1
        return func(*args, **kwargs)


def _is_active(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if name == "scaled_dot_product_attention":
        return float(kwargs.get("dropout_p", args[4] if len(args) > 4 else 0.0)) > 0
    training = kwargs.get("training", args[2] if len(args) > 2 else True)
    return bool(training) and kwargs.get("p", args[1] if len(args) > 1 else 0.5) != 0


def _trains(network: Network, parameters: set[int]) -> bool:
    module = network.module()
    return module is not None and any(id(parameter) in parameters for parameter in module.parameters())


def _phase(module: nn.Module) -> str:
    if module.training:
        return "training" if torch.is_grad_enabled() else "training mode without gradients"
    return "evaluation"


def _is_fake(args: tuple[Any, ...]) -> bool:
    return any(isinstance(value, FakeTensor) for value in args)


def _depends_on_mode(module: nn.Module) -> bool:
    """Whether a network has parts that do something else in evaluation mode."""
    names = (type(part).__name__.lower() for part in module.modules())
    return any("drop" in name or "batchnorm" in name or "instancenorm" in name for name in names)
