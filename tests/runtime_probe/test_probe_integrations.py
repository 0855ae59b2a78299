"""The callbacks, with the real libraries."""

import pytest
import torch
from torch.utils.data import DataLoader

from runtime_probe import Verdict, probe_coords
from runtime_probe.policy import CoordinateWarning
from runtime_probe.torchvision_check import importing
from tests.runtime_probe.programs.small import Decoder, grid, jitter

BUGS = [(True, Verdict.FRESH), (False, Verdict.ONCE_PER_EPOCH)]
IMAGES = torch.rand(12, 3, 16, 16)


@pytest.mark.parametrize("call_self", [True, False])
@pytest.mark.parametrize(("fresh", "verdict"), BUGS)
def test_lightning(fresh, verdict, call_self, tmp_path, capsys, recwarn):
    pl = pytest.importorskip("lightning.pytorch", reason="lightning is not installed")
    from runtime_probe.integrations.lightning import CoordinateProbe

    class Module(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = Decoder()

        def forward(self, images, coord):
            return self.net(images, coord)

        def on_train_epoch_start(self):
            self.coord = jitter(grid())

        def training_step(self, images, _):
            coord = jitter(grid()) if fresh else self.coord
            call = self if call_self else self.net
            return call(images, coord.expand(len(images), 16, 16, 2)).square().mean()

        def validation_step(self, images, _):
            self(images, grid().expand(len(images), 16, 16, 2))

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.01)

    callback = CoordinateProbe()
    with pytest.raises(RuntimeError, match="nothing was trained yet"):
        callback.report()
    trainer = pl.Trainer(
        max_epochs=2,
        callbacks=[callback],
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    loader = DataLoader(IMAGES, batch_size=4)
    trainer.fit(Module(), loader, loader)
    report = callback.report()
    assert report.verdict is verdict
    assert (report.conclusion.batches, report.conclusion.epochs) == (6, 2)
    assert bool(report.violations) is not fresh
    assert f"runtime_probe: {verdict.value}" in capsys.readouterr().out
    assert any(issubclass(warning.category, CoordinateWarning) for warning in recwarn) is not fresh
    assert float(trainer.logged_metrics["runtime_probe/fresh_fraction"]) == pytest.approx(1.0 if fresh else 1 / 3)


class HuggingFaceModel(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.decoder = Decoder()

    def forward(self, images, coord, labels=None):
        output = self.decoder(images, coord)
        return {"loss": output.square().mean(), "logits": output}


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize(("fresh", "verdict"), [(True, Verdict.FRESH), (False, Verdict.FROZEN)])
def test_hugging_face_trainer(fresh, verdict, accumulate, tmp_path, capsys, recwarn):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    from runtime_probe.integrations.transformers import CoordinateProbe

    frozen = jitter(grid())

    def collate(samples):
        coord = jitter(grid()) if fresh else frozen
        return {"images": torch.stack(samples), "coord": coord.expand(len(samples), 16, 16, 2)}

    logged = []

    class Logger(transformers.TrainerCallback):
        """Stands where the callbacks of TensorBoard and its like stand."""

        def on_log(self, args, state, control, logs=None, **kwargs):
            logged.append(logs)

    callback = CoordinateProbe()
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path),
        num_train_epochs=2,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=accumulate,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
    trainer = transformers.Trainer(
        HuggingFaceModel(), arguments, train_dataset=list(IMAGES), data_collator=collate, callbacks=[Logger(), callback]
    )
    trainer.train()
    report = callback.report()
    assert report.verdict is verdict
    assert (report.conclusion.batches, report.conclusion.epochs) == (6, 2)
    for rows in (trainer.state.log_history, logged):
        assert any("runtime_probe/fresh_fraction" in row for row in rows)
    assert f"runtime_probe: {verdict.value}" in capsys.readouterr().out
    assert any(issubclass(warning.category, CoordinateWarning) for warning in recwarn) is not fresh


@pytest.mark.parametrize(("fresh", "verdict"), BUGS)
def test_accelerate(fresh, verdict, capsys):
    accelerate = pytest.importorskip("accelerate", reason="accelerate is not installed")
    from runtime_probe.integrations.accelerate import probe_accelerated

    accelerator = accelerate.Accelerator(cpu=True)
    model = Decoder()
    model, optimizer, loader = accelerator.prepare(
        model, torch.optim.SGD(model.parameters(), lr=0.01), DataLoader(IMAGES, batch_size=4)
    )
    with probe_accelerated(accelerator, model) as probe:
        for _ in range(2):
            coord = jitter(grid())
            for images in loader:
                coord = jitter(grid()) if fresh else coord
                accelerator.backward(model(images, coord.expand(len(images), 16, 16, 2)).square().mean())
                optimizer.step()
                optimizer.zero_grad()
    assert probe.verdict is verdict
    assert (probe.report().conclusion.batches, probe.report().conclusion.epochs) == (6, 2)
    assert verdict.value in capsys.readouterr().out


def trained():
    model = Decoder()
    with probe_coords(model) as probe:
        for _ in probe.batches(range(3)):
            model(torch.rand(4, 3, 16, 16), jitter(grid()).expand(4, 16, 16, 2)).mean().backward()
    return probe


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path) as writer:
        trained().log_to(writer)
    events = EventAccumulator(str(tmp_path)).Reload()
    assert events.Scalars("runtime_probe/fresh_fraction")[0].value == 1.0
    assert events.Scalars("runtime_probe/violations")[0].value == 0.0


def test_weights_and_biases(tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb", reason="wandb is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    run = wandb.init(dir=str(tmp_path))
    trained().log_to(run)
    assert run.summary["runtime_probe/headline"].startswith("FRESH")
    run.finish()


def test_mlflow(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # files are in maintenance mode from mlflow 3 on
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    with mlflow.start_run() as run:
        trained().log_to(mlflow)
    assert mlflow.get_run(run.info.run_id).data.metrics["runtime_probe/fresh_fraction"] == 1.0


def test_what_is_no_tracker_is_refused():
    with pytest.raises(TypeError, match="log_to needs a SummaryWriter, a wandb run or mlflow, not list"):
        trained().log_to([])


def test_a_probe_and_its_report_show_themselves_in_a_notebook():
    probe = trained()
    assert repr(probe).startswith("<Probe stopped: FRESH")
    assert repr(probe.report()).startswith("<Report FRESH") and "\n" not in repr(probe.report())
    assert probe._repr_html_().startswith('<iframe srcdoc="&lt;!doctype html&gt;')


def test_scalars_are_written_where_no_epoch_was_seen():
    written = {}

    class Writer:
        def add_scalar(self, tag, scalar_value, global_step):
            written[tag] = scalar_value

    model = Decoder()
    with probe_coords(model, writer=Writer()):
        for _ in range(3):
            model(torch.rand(4, 3, 16, 16), jitter(grid()).expand(4, 16, 16, 2)).mean().backward()
    assert written["runtime_probe/fresh_fraction"] == 1.0


def test_a_torchvision_of_another_build_is_named():
    def foreign():
        raise RuntimeError("operator torchvision::nms does not exist")

    message = "lightning cannot be imported: torchvision does not fit this torch"
    with pytest.raises(ImportError, match=message), importing("lightning"):
        foreign()
    with pytest.raises(RuntimeError, match="another"), importing("lightning"):
        raise RuntimeError("another error")
