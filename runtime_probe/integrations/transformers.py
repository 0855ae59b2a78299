"""A Hugging Face `TrainerCallback`: watches the model while `Trainer.train()` runs."""

from __future__ import annotations

from typing import Any

from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from runtime_probe.probe import Probe, probe_coords
from runtime_probe.report import Report
from runtime_probe.scalars import scalars


class CoordinateProbe(TrainerCallback):
    """Takes the options of `probe_coords`; `report()` is the result after training.

    Borders come from the trainer's events: while gradients accumulate, every forward is a batch.
    The scalars join the trainer's log as `runtime_probe/...` when an epoch ends.
    """

    def __init__(self, **options: Any) -> None:
        self.probe: Probe | None = None
        self._options = options

    def report(self) -> Report:
        """What was seen. Raises RuntimeError before training."""
        if self.probe is None:
            raise RuntimeError("nothing was trained yet: the report exists after trainer.train")
        return self.probe.report()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begin to observe."""
        model: nn.Module = kwargs["model"]
        self.probe = probe_coords(model, **self._options)
        self.probe.search_parts()
        self.probe.start()

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """An epoch begins."""
        self._probe.borders.begin_epoch()

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """The first batch of an optimizer step begins."""
        self._probe.borders.begin_batch()

    def on_substep_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """While gradients accumulate, the next batch begins."""
        self._probe.borders.begin_batch()

    def on_prediction_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """An evaluation batch is a batch of its own."""
        self._probe.borders.begin_batch()

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Act on violations, and add the scalars to the trainer's history."""
        self._probe.borders.end_epoch()
        values = {f"runtime_probe/{name}": value for name, value in scalars(self.report()).items()}
        state.log_history.append({**values, "step": state.global_step, "epoch": state.epoch or 0.0})

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Stop observing and judge."""
        self._probe.stop()

    @property
    def _probe(self) -> Probe:
        assert self.probe is not None
        return self.probe
