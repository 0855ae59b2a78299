"""Several seeds of one network, trained together."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state


class Ensemble(nn.Module):
    """S networks of one architecture under a leading dimension: (S, B, ...) -> (S, B, ...).

    `stacked` True keeps one tensor (S, ...) for each parameter and runs all networks as one batched call
    (`torch.func.vmap`): one kernel instead of S, which is what a GPU wants. False calls them one after the
    other, which is faster on a CPU, whose cores a single network already fills. The optimizers used here work
    on each number by itself, so every network learns as it would alone.
    """

    def __init__(self, networks: Sequence[nn.Module], *, stacked: bool) -> None:
        super().__init__()
        self.stacked = stacked
        self._count = len(networks)
        if not stacked:
            self.networks = nn.ModuleList(networks)
            return
        parameters, buffers = stack_module_state(list(networks))
        self._names = {name.replace(".", "/"): name for name in [*parameters, *buffers]}
        for name, value in parameters.items():
            self.register_parameter(name.replace(".", "/"), nn.Parameter(value.detach()))
        for name, value in buffers.items():
            self.register_buffer(name.replace(".", "/"), value, persistent=False)
        # In a list, so that the skeleton's parameters, which are never used, are not the ensemble's.
        self._skeleton = [copy.deepcopy(networks[0]).to("meta")]

    def forward(self, images: Tensor, coords: Tensor) -> Tensor:
        """images (S, B, C, n, n), coords (S, Q, 2) or (S, B, Q, 2) -> colours (S, B, Q, C)."""
        if not self.stacked:
            return torch.stack([net(images[k], coords[k]) for k, net in enumerate(self.networks)])
        return torch.func.vmap(self._one)(self._state(), images, coords)

    def _one(self, state: dict[str, Tensor], images: Tensor, coords: Tensor) -> Any:
        return functional_call(self._skeleton[0], state, (images, coords))

    def _state(self) -> dict[str, Tensor]:
        values = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        return {name: values[own] for own, name in self._names.items()}

    def unstack(self, networks: Sequence[nn.Module]) -> list[nn.Module]:
        """Copy the learned parameters into `networks` (S of them) and return them."""
        for index, network in enumerate(networks):
            source = self.networks[index].state_dict() if not self.stacked else self._state_of(index)
            network.load_state_dict(source)
        return list(networks)

    def _state_of(self, index: int) -> dict[str, Tensor]:
        own = dict(self.named_parameters())
        return {name: own[key][index] for key, name in self._names.items() if key in own}
