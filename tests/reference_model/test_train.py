"""The trainer: same start and order in every arm, watched, resumable, distributed, compiled."""

import dataclasses
import hashlib
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.utils import counters
from torch.nn.modules.module import register_module_forward_pre_hook

from reference_model import checkpoint
from reference_model.checkpoint import CheckpointError
from reference_model.ensemble import Ensemble
from reference_model.images import Dataset, load
from reference_model.jitter import SCHEDULES
from reference_model.model import build
from reference_model.optimizers import OPTIMIZERS
from reference_model.recipe import Recipe, preset
from reference_model.train import batch_order, learning_rate, train

SMOKE = preset("smoke")
SHORT = dataclasses.replace(SMOKE, images=16, epochs=2)  # 4 steps

pytestmark = pytest.mark.filterwarnings("ignore:There is a performance drop")  # vmap over attention on a CPU


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load("analytic", SMOKE.images, test_images=2)


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def same(a: nn.Module, b: nn.Module) -> bool:
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(x, y) for x, y in pairs)


# -- equal start and order --------------------------------------------------------------------------


def fingerprints(recipe: Recipe, dataset: Dataset) -> tuple[str, str]:
    """Hashes of the parameters before the first step, and of all images that reach the networks, in their order."""
    start, order = hashlib.sha256(), hashlib.sha256()
    calls: list[int] = []

    def look(module: nn.Module, args: tuple[Any, ...]) -> None:
        if not isinstance(module, Ensemble):
            return
        if not calls:
            for parameter in module.parameters():
                start.update(parameter.detach().numpy().tobytes())
        calls.append(1)
        order.update(args[0].numpy().tobytes())

    handle = register_module_forward_pre_hook(look)
    try:
        train(recipe, [0, 1], dataset)
    finally:
        handle.remove()
    assert len(calls) == recipe.epochs * recipe.batches
    return start.hexdigest(), order.hexdigest()


def test_initialisation_and_batch_order_are_the_same_in_every_arm(dataset: Dataset) -> None:
    arms = [dataclasses.replace(SHORT, schedule=name) for name in SCHEDULES]
    arms += [
        dataclasses.replace(SHORT, schedule="inside", **change)
        for change in (
            {"sigma": 0.75}, {"scope": "per_sample"}, {"distribution": "uniform"}, {"targets": "multiscale"},
            {"targets": "patches"},
        )
    ]  # fmt: skip
    assert len({fingerprints(arm, dataset) for arm in arms}) == 1


def test_seeds_differ_in_start_and_order() -> None:
    orders = batch_order(SMOKE, [0, 1, 0], 0)
    assert torch.equal(orders[0], orders[2]) and not torch.equal(orders[0], orders[1])
    assert not torch.equal(orders, batch_order(SMOKE, [0, 1, 0], 1))
    assert sorted(orders[0].flatten().tolist()) == list(range(SMOKE.images))


def test_few_images_repeat_to_fill_an_epoch(dataset: Dataset) -> None:
    few = dataclasses.replace(dataset, train=dataset.train[:3])
    trained = train(dataclasses.replace(SHORT, schedule="inside"), [0], few)
    assert trained.losses.shape == (1, 2 * SHORT.batches) and bool(trained.losses.isfinite().all())


# -- learning ---------------------------------------------------------------------------------------


def test_it_learns(dataset: Dataset) -> None:
    losses = train(SMOKE, [0, 1], dataset).losses
    assert bool((losses[:, -6:].mean(1) < 0.5 * losses[:, :6].mean(1)).all())


def test_learning_rate_warms_up_and_ends_at_almost_nothing() -> None:
    recipe = Recipe(images=160, batch=16, epochs=10, warmup=2, learning_rate=1e-3)
    rates = [learning_rate(recipe, step) for step in range(100)]
    assert rates[0] == pytest.approx(1e-3 / 20) and rates[19] == pytest.approx(1e-3)
    assert max(rates) == pytest.approx(1e-3) and rates[20:] == sorted(rates[20:], reverse=True)
    assert rates[60] == pytest.approx(5e-4, rel=1e-3) and learning_rate(recipe, 100) == pytest.approx(1e-8)


# -- the probe --------------------------------------------------------------------------------------

EXPECTED = {
    "none": ("CLEAN_GRID", set()),
    "commented_out": ("CLEAN_GRID", set()),
    "inside": ("FRESH", set()),
    "outside": ("ONCE_PER_EPOCH", set()),
    "before_epochs": ("FROZEN", set()),
    "reseeded": ("CYCLING", set()),
    "accumulating": ("FRESH", {"DRIFT"}),
    "clamped": ("FRESH", {"CLAMPED"}),
}


def test_every_schedule_has_an_expected_verdict() -> None:
    assert set(EXPECTED) == set(SCHEDULES)


@pytest.mark.parametrize(
    ("schedule", "seeds"), [*((name, [0]) for name in EXPECTED), ("inside", [0, 1]), ("outside", [0, 1])]
)
def test_the_probe_names_every_schedule(schedule: str, seeds: list[int], dataset: Dataset) -> None:
    probe = train(dataclasses.replace(SMOKE, schedule=schedule), seeds, dataset).probe
    verdict, flags = EXPECTED[schedule]
    assert probe["verdict"] == verdict
    assert set(probe["flags"]) - {"SHARED_IN_BATCH"} == flags
    assert probe["batches"] == SMOKE.epochs * SMOKE.batches and probe["epochs"] == SMOKE.epochs


def test_the_probe_measures_the_jitter_in_pixels(dataset: Dataset) -> None:
    for scope in ("shared", "per_sample"):
        recipe = dataclasses.replace(SHORT, schedule="inside", sigma=0.5, scope=scope)
        series = train(recipe, [0, 1], dataset).probe["series"][0]
        assert series["geometry"]["std_pixels"] == pytest.approx(0.5, rel=0.03)


# -- seeds side by side -----------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_seed_does_not_depend_on_its_neighbours(optimizer: str, dataset: Dataset) -> None:
    recipe = dataclasses.replace(SHORT, schedule="inside", optimizer=optimizer)
    together, alone = train(recipe, [3, 5], dataset), train(recipe, [5], dataset)
    assert torch.equal(together.losses[1], alone.losses[0])
    assert same(together.models[1], alone.models[0])


@pytest.mark.filterwarnings("error:There is a performance drop")  # vmap, of what it computes row by row
def test_stacked_seeds_learn_what_a_loop_over_seeds_learns(dataset: Dataset) -> None:
    recipe = dataclasses.replace(SHORT, schedule="inside", scope="per_sample")
    loop = train(recipe, [0, 1], dataset, stacked=False)
    stacked = train(recipe, [0, 1], dataset, stacked=True)
    assert torch.allclose(stacked.losses, loop.losses, rtol=1e-4)
    images, coords = dataset.test, torch.rand(9, 2)
    for one, other in zip(loop.models, stacked.models, strict=True):
        assert torch.allclose(one(images, coords), other(images, coords), atol=1e-3)


def test_nan_stops_one_seed_and_leaves_the_others(dataset: Dataset) -> None:
    """One image is broken; a seed whose batches leave it out goes on as if nothing had happened."""
    recipe = dataclasses.replace(SMOKE, images=9, epochs=3)  # of nine images each epoch leaves one out
    orders = {seed: torch.cat([batch_order(recipe, [seed], epoch) for epoch in range(3)], 1)[0] for seed in range(2)}
    left_out = set(range(9)) - set(orders[0][0].tolist())
    broken = left_out.pop()
    train_images = dataset.train[:9].clone()
    train_images[broken] = math.nan
    trained = train(recipe, [0, 1], dataclasses.replace(dataset, train=train_images))
    met = {seed: [step for step in range(3) if broken in orders[seed][step].tolist()] for seed in range(2)}
    assert met[0][0] > 0 == met[1][0], "the seeds no longer show both cases"
    assert trained.failed == {seed: f"loss became NaN or infinite at step {met[seed][0] + 1}" for seed in range(2)}
    assert trained.losses[0, : met[0][0]].isfinite().all() and trained.losses[1].isnan().all()

    only = train(dataclasses.replace(recipe, epochs=1), [0, 1], dataclasses.replace(dataset, train=train_images))
    alone = train(dataclasses.replace(recipe, epochs=1), [0], dataclasses.replace(dataset, train=dataset.train[:9]))
    assert list(only.failed) == [1]
    assert torch.equal(only.losses[0], alone.losses[0]) and same(only.models[0], alone.models[0])


# -- interruption -----------------------------------------------------------------------------------

KILLED = """
import json, os, signal, sys
from pathlib import Path
import torch
from reference_model.images import load
from reference_model.recipe import recipe_from
from reference_model.train import train
torch.set_num_threads(1)
recipe, step = recipe_from(json.loads(sys.argv[1])), int(sys.argv[3])
def progress(done, steps):
    if done == step:
        os.kill(os.getpid(), signal.SIGKILL)
train(recipe, [0, 1], load("analytic", 48, test_images=2), checkpoint=Path(sys.argv[2]), progress=progress)
"""


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_killed_run_continues_bit_for_bit(optimizer: str, tmp_path: Path, dataset: Dataset) -> None:
    recipe = dataclasses.replace(SMOKE, schedule="outside", optimizer=optimizer)
    file = tmp_path / "deep" / "run.pt"
    inside_fourth_epoch = 3 * recipe.batches + 2
    command = [sys.executable, "-c", KILLED, json.dumps(recipe.to_dict()), str(file), str(inside_fourth_epoch)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert file.is_file()

    resumed = train(recipe, [0, 1], dataset, checkpoint=file)
    whole = train(recipe, [0, 1], dataset)
    assert resumed.resumed == 3 and whole.resumed == 0
    assert torch.equal(resumed.losses, whole.losses)
    assert all(same(a, b) for a, b in zip(resumed.models, whole.models, strict=True))
    assert resumed.probe["verdict"] == whole.probe["verdict"] == "ONCE_PER_EPOCH"
    assert resumed.probe["batches"] == whole.probe["batches"]

    again = train(recipe, [0, 1], dataset, checkpoint=file)  # everything is made: only the probe looks again
    assert torch.equal(again.losses, whole.losses) and again.probe["verdict"] == "ONCE_PER_EPOCH"


def test_a_failed_seed_stays_failed_when_resumed(tmp_path: Path, dataset: Dataset) -> None:
    recipe = dataclasses.replace(SHORT, learning_rate=1e30)
    first = train(recipe, [0], dataset, checkpoint=tmp_path / "run.pt")
    assert list(first.failed) == [0]
    assert train(recipe, [0], dataset, checkpoint=tmp_path / "run.pt").failed == first.failed


def test_checkpoints_of_another_run_and_broken_ones_are_refused(tmp_path: Path, dataset: Dataset) -> None:
    file = tmp_path / "run.pt"
    train(SHORT, [0], dataset, checkpoint=file)
    with pytest.raises(CheckpointError, match="is of another run: seeds"):
        train(SHORT, [1], dataset, checkpoint=file)
    with pytest.raises(CheckpointError, match="is of another run: recipe"):
        train(dataclasses.replace(SHORT, sigma=0.5), [0], dataset, checkpoint=file)
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"run\.pt is not a checkpoint"):
        train(SHORT, [0], dataset, checkpoint=file)


FULL = """
import resource, signal, sys
from pathlib import Path
import torch
from reference_model import checkpoint
file = Path(sys.argv[1])
checkpoint.save({"value": torch.ones(10)}, file)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    checkpoint.save({"value": torch.zeros(100_000)}, file)
except OSError as error:
    print("refused", error.errno)
"""


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    file = tmp_path / "run.pt"
    done = subprocess.run([sys.executable, "-c", FULL, str(file)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("refused")
    state = checkpoint.load(file, {}, torch.device("cpu"))
    assert state is not None and torch.equal(state["value"], torch.ones(10))
    assert list(tmp_path.iterdir()) == [file]


# -- processes, compilation, precision --------------------------------------------------------------

SHARED = """
import json, os, sys
from pathlib import Path
import torch
from torch import distributed
from reference_model.images import load
from reference_model.recipe import recipe_from
from reference_model.train import train
torch.set_num_threads(1)
trained = train(recipe_from(json.loads(sys.argv[1])), [0, 1], load("analytic", 48, test_images=2))
assert not distributed.is_initialized()
if os.environ["RANK"] == "0":
    torch.save({"losses": trained.losses, "verdict": trained.probe["verdict"]}, sys.argv[2])
"""


def test_two_processes_have_the_loss_curve_of_one(tmp_path: Path, dataset: Dataset) -> None:
    recipe = dataclasses.replace(SMOKE, schedule="inside", scope="per_sample")
    script, out = tmp_path / "shared.py", tmp_path / "out.pt"
    script.write_text(SHARED)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0"]
    command += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0", str(script)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([*command, json.dumps(recipe.to_dict()), str(out)], env=environment, check=True, timeout=120)
    two = torch.load(out)
    one = train(recipe, [0, 1], dataset)
    assert torch.allclose(two["losses"], one.losses, rtol=1e-4)
    assert two["verdict"] == one.probe["verdict"] == "FRESH"


@pytest.mark.parametrize("stacked", [False, True])
def test_compiled_it_is_one_graph_and_learns_the_same(stacked: bool, dataset: Dataset) -> None:
    torch._dynamo.reset()
    counters.clear()
    recipe = dataclasses.replace(SHORT, schedule="inside")
    compiled = train(recipe, [0, 1], dataset, compile="aot_eager", stacked=stacked)
    assert counters["stats"]["unique_graphs"] == 1 and not counters["graph_break"]
    eager = train(recipe, [0, 1], dataset, stacked=stacked)
    assert torch.allclose(compiled.losses, eager.losses, rtol=1e-4)
    assert compiled.probe["verdict"] == "FRESH" and compiled.probe["batches"] == 4


def test_bfloat16_stays_near_float32(dataset: Dataset) -> None:
    short, exact = train(SHORT, [0], dataset, bf16=True), train(SHORT, [0], dataset)
    assert not torch.equal(short.losses, exact.losses)
    assert torch.allclose(short.losses, exact.losses, rtol=0.05)
    assert all(parameter.dtype == torch.float32 for parameter in short.models[0].parameters())


def test_deterministic_mode_is_taken_back(dataset: Dataset) -> None:
    first = train(SHORT, [0], dataset, deterministic=True)
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(first.losses, train(SHORT, [0], dataset, deterministic=True).losses)


# -- bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schedule": "sometimes"}, "unknown schedule 'sometimes'"),
        ({"targets": "holes"}, "unknown targets 'holes'"),
        ({"targets": "multiscale", "schedule": "outside"}, "holds coordinates while the points"),
        ({"images": 4}, "do not fill a batch"),
        ({"optimizer": "adams"}, "unknown optimizer 'adams': there is adam, muon"),
    ],
)
def test_recipes_that_cannot_be_trained(change: dict[str, Any], message: str, dataset: Dataset) -> None:
    with pytest.raises(ValueError, match=message):
        train(dataclasses.replace(SMOKE, **change), [0], dataset)


def test_muon_refuses_stacked_networks(dataset: Dataset) -> None:
    with pytest.raises(ValueError, match="stacked networks train with Adam"):
        train(dataclasses.replace(SMOKE, optimizer="muon"), [0, 1], dataset, stacked=True)


def test_unstacking_gives_back_what_was_stacked() -> None:
    networks = [build(SMOKE.model, seed) for seed in (0, 1)]
    ensemble = Ensemble(networks, stacked=True)
    images, coords = torch.rand(2, 3, 3, 32, 32), torch.rand(2, 7, 2)
    outputs: Tensor = ensemble(images, coords)
    for row, network in enumerate(ensemble.unstack([build(SMOKE.model, 9) for _ in range(2)])):
        assert same(network, networks[row])
        assert torch.allclose(network(images[row], coords[row]), outputs[row], atol=1e-5)
