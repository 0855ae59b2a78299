"""A Hugging Face `TrainerCallback`: watches the model while `Trainer.train()` runs."""

from __future__ import annotations

import sys
from typing import Any

from torch import nn

from runtime_probe.torchvision_check import importing

with importing("transformers"):
    from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
    from transformers.trainer_callback import CallbackHandler

from runtime_probe.probe import Probe, probe_coords
from runtime_probe.report import Report
from runtime_probe.scalars import scalars


class CoordinateProbe(TrainerCallback):
    """Takes the options of `probe_coords`; `report()` is the result after training.

    Warns at the first certain moment unless told otherwise, and prints the report when the training ends
    (`quiet=True` does neither).

    Borders come from the trainer's events: while gradients accumulate, every forward is a batch.
    The scalars join the trainer's log as `runtime_probe/...` when an epoch ends.
    """

    def __init__(self, quiet: bool = False, **options: Any) -> None:
        self.probe: Probe | None = None
        self._quiet = quiet
        self._options = {"on_violation": "report" if quiet else "warn", **options}

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
        """Act on violations, and log the scalars as the trainer logs its own: its history, then every logger."""
        self._probe.borders.end_epoch()
        values = {f"runtime_probe/{name}": value for name, value in scalars(self.report()).items()}
        if not values:
            return
        state.log_history.append({**values, "step": state.global_step, "epoch": state.epoch or 0.0})
        handler = _handler()
        if handler is not None:
            handler.on_log(args, state, control, values)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Stop observing, judge, and print."""
        self._probe.stop()
        if not self._quiet and state.is_world_process_zero:
            print(self.report())

    @property
    def _probe(self) -> Probe:
        assert self.probe is not None
        return self.probe


def _handler() -> CallbackHandler | None:
    """The trainer's callback handler, which is calling us: callbacks are not told who calls them."""
    frame = sys._getframe(1)
    while frame is not None:
        handler = frame.f_locals.get("self")
        if isinstance(handler, CallbackHandler):
            return handler
        frame = frame.f_back  # type: ignore[assignment]
    return None
