"""A Lightning callback: exact borders from the trainer, the verdict logged, the report at the end."""

from __future__ import annotations

from typing import Any

from runtime_probe.torchvision_check import importing

with importing("lightning"):
    from lightning.pytorch import Callback, LightningModule, Trainer

from runtime_probe.probe import Probe, probe_coords
from runtime_probe.report import Report
from runtime_probe.scalars import scalars


class CoordinateProbe(Callback):
    """Watches the module that is trained, or the part of it that is given coordinates.

    Takes the options of `probe_coords`, but warns at the first certain moment unless told otherwise, and prints the
    report when the training ends (`quiet=True` does neither). `probe` is None before `fit`; `report()` afterwards is
    its result. The fresh fraction and the jitter's std in pixels are logged as `runtime_probe/...` after each epoch.
    """

    def __init__(self, quiet: bool = False, **options: Any) -> None:
        super().__init__()
        self.probe: Probe | None = None
        self._quiet = quiet
        self._options = {"on_violation": "report" if quiet else "warn", **options}

    def report(self) -> Report:
        """What was seen. Raises RuntimeError before `fit`."""
        if self.probe is None:
            raise RuntimeError("nothing was trained yet: the report exists after trainer.fit")
        return self.probe.report()

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to observe."""
        self.probe = probe_coords(pl_module, **self._options)
        self.probe.search_parts()
        self.probe.start()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """An epoch begins."""
        self._probe.borders.begin_epoch()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """A batch begins."""
        self._probe.borders.begin_batch()

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """A validation batch is a batch of its own."""
        self._probe.borders.begin_batch()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The epoch is over: log, and act on violations."""
        self._probe.borders.end_epoch()
        values = {f"runtime_probe/{name}": value for name, value in scalars(self.report()).items()}
        pl_module.log_dict(values)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop observing, judge, and print."""
        self._probe.stop()
        if not self._quiet and trainer.is_global_zero:
            print(self.report())

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Take the hooks off."""
        if self.probe is not None:
            self.probe.stop(failed=True)

    @property
    def _probe(self) -> Probe:
        assert self.probe is not None
        return self.probe
