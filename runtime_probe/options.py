"""What a watch is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from runtime_probe.arguments import Chooser


@dataclass(frozen=True)
class WatchOptions:
    """See `probe_coords`. `immediate`: findings are looked for while the program runs; `everything`: models and
    loaders are found without being named, and nothing the probe says stops the program.

    Raises ValueError for impossible numbers.
    """

    argument: Chooser = None
    after: int = 0
    max_steps: int | None = None
    provenance: int = 32
    check_used: bool = False
    everything: bool = False
    loaders: bool = False
    immediate: bool = False

    def __post_init__(self) -> None:
        if self.after < 0 or self.provenance < 0 or (self.max_steps is not None and self.max_steps < 1):
            raise ValueError("after and provenance must be >= 0, max_steps >= 1")
