"""Several seeds of one network, trained together."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state


def prefers_stack(device: torch.device, count: int) -> bool:
    """The rule for `Ensemble(stacked=...)`: one batched call for several networks on an accelerator.

    On a CPU a single network already fills the cores, and `vmap` has no batching rule there for fused attention:
    the loop is as fast or faster (`benchmarks/train_speed.py` prints the ratio).
    """
    return count > 1 and device.type != "cpu"


class SideBySide(nn.Module):
    """S networks of one architecture; `run` gives each of them its row of every input, (S, ...) -> (S, ...).

    `stacked` True keeps one tensor (S, ...) for each parameter and runs all networks as one batched call
    (`torch.func.vmap`): one kernel instead of S. False calls them one after the other. No number of one network
    enters another, and Adam works on each number by itself, so that every network learns as it would alone: bit
    for bit in the loop, up to the rounding of other kernels when stacked.
    """

    def __init__(self, networks: Sequence[nn.Module], *, stacked: bool) -> None:
        super().__init__()
        self.stacked = stacked
        self.stopped: set[int] = set()  # rows that are not computed any more, in the loop; their output is NaN
        self._networks = nn.ModuleList(() if stacked else networks)
        if stacked:
            self._stack(networks)

    def _stack(self, networks: Sequence[nn.Module]) -> None:
        parameters, buffers = stack_module_state(list(networks))
        self._names = {name.replace(".", "/"): name for name in [*parameters, *buffers]}
        for name, value in parameters.items():
            self.register_parameter(name.replace(".", "/"), nn.Parameter(value.detach()))
        for name, value in buffers.items():
            self.register_buffer(name.replace(".", "/"), value, persistent=False)
        # In a list, so that the skeleton's parameters, which are never used, are not the ensemble's.
        self._skeleton = [copy.deepcopy(networks[0]).to("meta")]
        for module in self._skeleton[0].modules():
            module.fused = False  # type: ignore[assignment]

    def run(self, *inputs: Tensor) -> Tensor:
        """Every network on its row of each input."""
        if self.stacked:
            stacked: Tensor = torch.func.vmap(self._one)(self._state(), *inputs)
            return stacked
        rows = [None if row in self.stopped else net(*[x[row] for x in inputs]) for row, net in self._rows()]
        some = next(row for row in rows if row is not None)
        return torch.stack([torch.full_like(some, torch.nan) if row is None else row for row in rows])

    def _rows(self) -> list[tuple[int, nn.Module]]:
        return list(enumerate(self._networks))

    def _one(self, state: dict[str, Tensor], *inputs: Tensor) -> Any:
        return functional_call(self._skeleton[0], state, inputs)

    def _state(self) -> dict[str, Tensor]:
        values = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        return {name: values[own] for own, name in self._names.items()}

    def unstack(self, networks: Sequence[nn.Module]) -> list[nn.Module]:
        """Copy the learned parameters into `networks` (S of them) and return them."""
        for row, network in enumerate(networks):
            network.load_state_dict(self._state_of(row) if self.stacked else self._networks[row].state_dict())
        return list(networks)

    def _state_of(self, row: int) -> dict[str, Tensor]:
        own = dict(self.named_parameters())
        return {name: own[key][row] for key, name in self._names.items() if key in own}


class Ensemble(SideBySide):
    """Coordinate networks side by side: the module that the trainer calls and `runtime_probe` watches."""

    def __init__(self, networks: Sequence[nn.Module], *, stacked: bool = False, bf16: bool = False) -> None:
        super().__init__(networks, stacked=stacked)
        self.bf16 = bf16
        self._replaying = False
        self._compute = self._in_precision

    def forward(self, images: Tensor, coords: Tensor) -> Tensor:
        """images (S, B, C, n, n), coords (S, Q, 2) or (S, B, Q, 2) -> float32 colours (S, B, Q, C)."""
        return coords if self._replaying else self._compute(images, coords)

    def replay(self, images: Tensor, coords: Tensor) -> None:
        """Be called with the inputs of a batch that was trained before an interruption, and compute nothing.

        What watches this module thereby sees the whole run also when it was resumed.
        """
        self._replaying = True
        self(images, coords)
        self._replaying = False

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile the computation, as `torch.compile` would, and leave this module and its hooks as they are."""
        self._compute = torch.compile(self._in_precision, *args, **kwargs)

    def _in_precision(self, images: Tensor, coords: Tensor) -> Tensor:
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.bf16):
            return self.run(images, coords).float()
