"""`python -m runtime_probe` audits the samples of training loaders, and changes neither them nor the random numbers."""

import json
import linecache
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from runtime_probe import Flag, Verdict
from runtime_probe.loader_audit import EPOCHS, SAMPLES
from runtime_probe.run import Options, Program, run
from runtime_probe.traced_dataset import TracedBatch
from tests.runtime_probe.kinds import PRELUDE

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info
sys.path.insert(0, {root!r})
from tests.runtime_probe import loader_datasets as sets


{definitions}


if __name__ == "__main__":
    torch.manual_seed(0)
    model = torch.nn.Linear(8, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    loader = DataLoader({loader})
    seen = []
    for epoch in range({epochs}):
        for batch in loader:
            seen.append(batch)
            loss = model(batch).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    weight, state = model.weight.detach(), torch.get_rng_state()
    torch.save([seen, weight, state], sys.argv[1])
"""


def written(tmp_path, loader, definitions="", epochs=2):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.format(root=str(ROOT), loader=loader, definitions=definitions, epochs=epochs))
    linecache.clearcache()
    return script


def probed(script, tmp_path, **options):
    """The report of the program in this process, and what it computed."""
    outcome = run(Program(str(script), (str(tmp_path / "probed.pt"),)), Options(**options))
    assert outcome.exit_code == 0
    return outcome.report


def same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    return len(one) == len(other) and all(map(same, one, other))


def assert_nothing_changed(script, tmp_path, monkeypatch):
    """The program alone gives bit for bit the same batches, weights and random state."""
    monkeypatch.setattr(sys, "argv", [str(script), str(tmp_path / "plain.pt")])
    runpy.run_path(str(script), run_name="__main__")
    assert same(torch.load(tmp_path / "plain.pt"), torch.load(tmp_path / "probed.pt"))


DUPLICATED = {Verdict.CYCLING, Flag.WORKERS_DUPLICATED}
WORKERS = "batch_size=2, num_workers=2, multiprocessing_context='fork'"
CASES = [  # data set and options, violations, what the note says
    (f"sets.GlobalTorch(), shuffle=True, {WORKERS}", set(), "they differ from epoch to epoch"),
    (f"sets.GlobalNumpy(), persistent_workers=True, {WORKERS}", set(), "they differ"),
    (f"sets.OwnTorch(), shuffle=True, {WORKERS}", DUPLICATED, "epochs repeat them, or their random numbers"),
    (f"sets.OwnTorch(), persistent_workers=True, {WORKERS}", {Flag.WORKERS_DUPLICATED}, "they differ"),
    (f"sets.OwnTorch(), worker_init_fn=sets.reseed_own, {WORKERS}", set(), "they differ"),
    (f"sets.ConstantSeed(), {WORKERS}".replace("sets.ConstantSeed()", "Floats(sets.ConstantSeed())"), DUPLICATED, ""),
    ("Floats(sets.IndexSeed()), batch_size=2", set(), "epochs repeat them"),  # a synthetic data set
    ("sets.CachedAll(), batch_size=2", {Verdict.CYCLING}, "epochs repeat them"),
    ("sets.CachedBase(), batch_size=2, shuffle=True", set(), "they differ"),
    ("sets.Plain(), batch_size=2, shuffle=True", set(), "the same in every epoch, and no draw was seen"),
    (f"sets.Streamed(), {WORKERS}", set(), "they differ"),
    (f"sets.Batched(), {WORKERS}", set(), "they differ"),
    ("sets.GlobalTorch(), batch_size=8, shuffle=True", set(), "they differ"),  # one batch an epoch
]
FLOATS = """
class Floats(Dataset):
    def __init__(self, dataset):
        self.dataset = dataset

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        return self.dataset[index].float()
"""


@pytest.mark.parametrize(("loader", "violations", "said"), CASES, ids=[row[0].split(",")[0] for row in CASES])
def test_the_command_audits_training_loaders_and_changes_nothing(tmp_path, monkeypatch, loader, violations, said):
    script = written(tmp_path, loader, FLOATS)
    report = probed(script, tmp_path)
    assert {finding.word for finding in report.violations} == violations
    assert len(report.loaders) == 1
    assert said in next(note for note in report.notes if note.startswith("the loader of "))
    assert_nothing_changed(script, tmp_path, monkeypatch)


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize(("make", "violation"), [("sets.GlobalTorch()", False), ("sets.OwnNumpy()", True)])
def test_spawned_workers_of_a_script_run_by_the_command(tmp_path, make, violation, persistent):
    options = f"batch_size=2, num_workers=2, persistent_workers={persistent}, multiprocessing_context='spawn'"
    script = written(tmp_path, f"Wrapped({make}), {options}", FLOATS.replace("Floats", "Wrapped"))  # of `__main__`
    command = [sys.executable, "-m", "runtime_probe", "--strict", "--output", tmp_path / "report.json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    finished = subprocess.run([*command, script, tmp_path / "probed.pt"], env=environment, timeout=300)
    assert finished.returncode == (3 if violation else 0)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["loaders"][0]["same_across_workers"] is violation
    assert report["loaders"][0]["same_every_epoch"] is (violation and not persistent)
    assert report["flags"] == (["WORKERS_DUPLICATED"] if violation else [])


def test_the_option_turns_it_off(tmp_path):
    script = written(tmp_path, "sets.CachedAll(), batch_size=2")
    report = probed(script, tmp_path, loaders=False)
    assert report.loaders == () and not report.violations
    assert probed(script, tmp_path).violations


def test_only_loaders_that_are_trained_on_are_reported(tmp_path, monkeypatch):
    """A loader iterated with gradients between the epochs, but without a step, is an evaluation."""
    definitions = "held_out = DataLoader(sets.CachedAll())"
    script = written(tmp_path, "sets.GlobalTorch(), batch_size=2", definitions)
    text = script.read_text().replace(
        "        for batch in loader:", "        len(list(held_out))\n        for batch in loader:"
    )
    script.write_text(text)
    assert [loader.name for loader in probed(script, tmp_path).loaders] == ["the loader of GlobalTorch"]
    assert_nothing_changed(script, tmp_path, monkeypatch)


SHARDED = """
class Range(IterableDataset):
    start, end = 0, 8

    def __iter__(self):
        return iter(torch.eye(8)[self.start : self.end])


def share(worker):
    dataset = get_worker_info().dataset
    assert isinstance(dataset, Range)
    dataset.start, dataset.end = 4 * worker, 4 * worker + 4
"""
OWN_FORM = """
class Columns(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        raise AssertionError("batches are made at once")

    def __getitems__(self, indices):
        return {"rows": torch.rand(len(indices), 8)}


def rows(batch):
    return batch["rows"]
"""
AWKWARD = """
class Awkward(Dataset):
    def __len__(self):
        raise RuntimeError("there is a sampler")

    def __getitem__(self, index):
        return lambda: torch.rand(8)  # cannot be pickled, and so not read

    @property
    def dataset(self):
        return self


def called(samples):
    return torch.stack([sample() for sample in samples])
"""


@pytest.mark.parametrize(
    ("definitions", "loader"),
    [
        (SHARDED, f"Range(), worker_init_fn=share, {WORKERS}"),
        (OWN_FORM, "Columns(), batch_size=2, collate_fn=rows"),
        (AWKWARD, "Awkward(), sampler=[1, 2, 3, 4], batch_size=2, collate_fn=called"),
        ("", "sets.GlobalTorch(), batch_size=None"),
        ("", f"sets.GlobalTorch(), sampler=torch.utils.data.RandomSampler(range(8)), {WORKERS}"),
    ],
    ids=["sharded by attributes", "batches of its own form", "unreadable samples", "no batches", "sampler"],
)
def test_unusual_loaders_hand_out_what_they_would(tmp_path, monkeypatch, definitions, loader):
    script = written(tmp_path, loader, definitions)
    assert not probed(script, tmp_path).violations
    assert_nothing_changed(script, tmp_path, monkeypatch)


def test_a_probe_that_stops_in_the_middle_of_an_epoch_leaves_plain_batches(tmp_path, monkeypatch):
    definitions = "from tests.runtime_probe.programs.small import Decoder, grid"
    script = written(tmp_path, f"sets.GlobalTorch(), {WORKERS}", definitions, epochs=3)
    script.write_text(
        script.read_text()
        .replace("torch.nn.Linear(8, 1)", "Decoder()")
        .replace("model(batch)", "model(torch.rand(2, 3, 16, 16), grid().expand(2, 16, 16, 2))")
        .replace("model.weight", "model.last.weight")
    )
    report = probed(script, tmp_path, max_steps=2)
    assert report.conclusion.batches == 2
    assert not any(isinstance(batch, TracedBatch) for batch in torch.load(tmp_path / "probed.pt")[0])
    assert_nothing_changed(script, tmp_path, monkeypatch)


def test_the_audit_is_bounded(tmp_path):
    """So many samples of so many epochs, however many there are; then the loader is left alone."""
    definitions = (
        "data = TensorDataset(torch.rand(3000, 8))\ndef first(rows):\n    return torch.stack([r for r, in rows])"
    )
    script = written(tmp_path, "data, batch_size=500, collate_fn=first", definitions, epochs=EPOCHS + 3)
    report = probed(script, tmp_path).loaders[0]
    assert (report.samples, report.epochs) == (250, EPOCHS)
    assert report.samples <= SAMPLES


FREED = """
    gc.disable()
    iterator = iter(loader)
    next(iterator)
    gone = weakref.ref(iterator)
    del iterator
    assert gone() is None
    gc.enable()
"""


def test_iterators_are_freed_at_once(tmp_path):
    """A cycle through the iterator would keep worker processes until garbage is collected."""
    script = written(tmp_path, f"sets.GlobalTorch(), {WORKERS}", "import gc, weakref")
    script.write_text(script.read_text().replace("    weight, state", f"{FREED}    weight, state"))
    probed(script, tmp_path)


FRAMES = """
class Clips(Images):
    def __init__(self):
        self.images = torch.rand(24, 4, 8)
    def __getitem__(self, index):
        seed = random.randrange(2**31)
        return torch.cat([self.part(frame, seed) for frame in self.images[index][:PARTS]])
    def part(self, frame, seed):
        if BUG:
            SEED
        return frame + DRAW
train(Clips(), model=Net(8 * PARTS))
"""
DRAWS = {
    "torch": ("torch.manual_seed(seed)", "0.1 * torch.randn(8)"),
    "NumPy": ("np.random.seed(seed)", "float(np.random.normal())"),
    "Python": ("random.seed(seed)", "random.gauss(0, 0.1)"),
}


@pytest.mark.parametrize("draws", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize(("parts", "bug", "told"), [(4, True, True), (4, False, False), (2, True, False)])
def test_frames_of_one_sample_that_share_a_seed_are_told(tmp_path, draws, parts, bug, told):
    """A picture and its mask are two parts, and meant to agree. With Python's seed the next sample has the same one."""
    program = FRAMES.replace("SEED", draws[0]).replace("DRAW", draws[1]).replace("PARTS", str(parts))
    script = tmp_path / "train.py"
    script.write_text(f"{PRELUDE}\nBUG = {bug}\n{program}")
    linecache.clearcache()
    report = run(Program(str(script)), Options()).report
    assert (Flag.SHARED_IN_SAMPLE in report.flags) == told, str(report)
    assert ("drawn after the same seed" in str(report)) == told
