"""Device-side memory for fingerprints that the host reads later, without waiting for the device."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class Page:
    """A block of fingerprints on the device and, once sealed, its copy on the way to the host."""

    values: Tensor
    used: int = 0
    host: Tensor | None = None
    arrived: torch.cuda.Event | None = None

    def seal(self) -> None:
        """Start the copy to pinned host memory; the device goes on, nothing waits."""
        self.host = torch.empty(self.values.shape, dtype=torch.int64, device="cpu", pin_memory=True)
        self.host.copy_(self.values, non_blocking=True)
        self.arrived = torch.cuda.Event()
        self.arrived.record()

    def ready(self) -> bool:
        """True when the copy has arrived (a query, not a wait)."""
        return self.arrived is not None and self.arrived.query()

    def numbers(self) -> list[int]:
        """The values as Python numbers; waits for the device unless the copy has arrived."""
        source = self.host if self.host is not None and self.ready() else self.values
        return source[: self.used].tolist()


@dataclass
class Ring:
    """Fingerprints in the order they were recorded.

    On the CPU a value is a number at once. On an accelerator values gather in a page on the device; a full
    page travels to the host with a non-blocking copy into pinned memory, and `read()` returns the pages that
    have arrived. `read(wait=True)`, used at the end of an epoch, also waits for the rest.
    """

    device: torch.device
    page_size: int = 256
    _numbers: list[int] = field(default_factory=list)
    _sealed: deque[Page] = field(default_factory=deque)
    _page: Page | None = None

    def append(self, value: Tensor) -> None:
        """Store a 0-dimensional int64 tensor of this device."""
        if self.device.type == "cpu":
            self._numbers.append(int(value.item()))
            return
        if self._page is None:
            self._page = self._new_page()
        self._page.values[self._page.used].copy_(value)
        self._page.used += 1
        if self._page.used == self.page_size:
            self._turn_page()

    def read(self, wait: bool = False) -> list[int]:
        """Take out the values that are on the host, oldest first."""
        values, self._numbers = self._numbers, []
        if wait and self._page is not None:
            self._turn_page()
        while self._sealed and (wait or self._sealed[0].ready()):
            values += self._sealed.popleft().numbers()
        return values

    def _new_page(self) -> Page:
        with torch.inference_mode(False):  # an inference tensor could not be written to outside that mode
            return Page(torch.zeros(self.page_size, dtype=torch.int64, device=self.device))

    def _turn_page(self) -> None:
        assert self._page is not None
        if self.device.type == "cuda":
            self._page.seal()
        self._sealed.append(self._page)
        self._page = None
