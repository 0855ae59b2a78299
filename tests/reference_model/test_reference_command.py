"""`python -m reference_model`: everything at the size smoke, interrupted runs, bad input, the report."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from reference_model import images, runner
from reference_model.command_line import main
from reference_model.experiments import experiments
from reference_model.recipe import PRESETS, preset
from reference_model.store import Row, Store

TINY = replace(preset("smoke"), images=16, epochs=4, warmup=1)


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """All arms at the size smoke, one seed."""
    runs = tmp_path_factory.mktemp("everything")
    started = time.monotonic()
    assert main(["run", "all", "--preset", "smoke", "--seeds", "1", "--workers", "1", "--out", str(runs)]) == 0
    print(f"{time.monotonic() - started:.0f} s")
    return runs


@pytest.fixture(scope="module")
def position(tmp_path_factory):
    """The first experiment with two seeds, by two processes."""
    runs = tmp_path_factory.mktemp("position")
    assert main(["run", "position", "--seeds", "2", "--workers", "2", "--device", "cpu", "--out", str(runs)]) == 0
    return runs


def rows(runs):
    return list(Store(runs).rows().values())


EXPECTED = {
    "none": ("CLEAN_GRID", ()),
    "inside": ("FRESH", ()),
    "outside": ("ONCE_PER_EPOCH", ()),
    "before_epochs": ("FROZEN", ()),
    "reseeded": ("CYCLING", ()),
    "accumulating": ("FRESH", ("DRIFT",)),
    "clamped": ("FRESH", ("CLAMPED",)),
}


def test_everything_runs_and_the_probe_proves_each_schedule(everything):
    trained = [row for row in rows(everything) if row.kind == "model"]
    assert {row.arm for row in trained} == set(runner.wanted(experiments(), preset("smoke"), "smoke"))
    for row in trained:
        assert row.status == "finished" and row.metrics["psnr_clean"] > 5
        if row.recipe["targets"] != "pixels":
            continue  # other points in every batch: without jitter they are a subset of the lattice
        verdict, flags = EXPECTED[row.recipe["schedule"]]
        assert row.probe["verdict"] == verdict, row.label
        assert set(flags) <= set(row.probe["flags"]), row.label


def count(size="smoke"):
    return len(runner.wanted(experiments(), preset(size), size))


def test_a_row_says_where_it_comes_from(everything):
    row = next(row for row in rows(everything) if row.kind == "model")
    assert row.versions["torch"] and row.hardware["cores"] and row.time.endswith("+00:00")
    assert row.seconds > 0 and row.parameters > 1000 and row.recipe["sigma"] == 0.32
    assert re.fullmatch(r"[0-9a-f]{12}\+?|", row.commit)


def test_a_second_run_does_nothing(everything, capsys):
    before = (everything / "results.jsonl").read_bytes()
    assert main(["run", "all", "--seeds", "1", "--workers", "1", "--out", str(everything)]) == 0
    assert (everything / "results.jsonl").read_bytes() == before
    assert f"{count()} arms × 1 seeds" in capsys.readouterr().out


def test_list_names_every_experiment(capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert (
        all(experiment.name in out for experiment in experiments(optional=True))
        and f"{count('cpu')} different arms" in out
    )
    assert "not in `all`, as they need files: cifar10" in out


def test_cifar10_runs_where_its_files_are(cifar10_files, tmp_path, capsys):
    runs = tmp_path / "runs"
    asked = ["run", "cifar10", "--seeds", "1", "--workers", "1", "--out", str(runs)]
    assert main([*asked, "--data-root", str(cifar10_files)]) == 0
    found = {row.label: row.metrics for row in rows(runs)}
    assert {"cifar10: none", "cifar10: outside", "cifar10: inside", "bicubic"} <= set(found)
    assert all(set(metrics) >= {"psnr_clean", "oracle_distance"} for metrics in found.values())
    assert main(["report", str(runs)]) == 0
    assert "cifar10: Do the answers hold on CIFAR-10" in (runs / "report.md").read_text()
    capsys.readouterr()
    assert main(["run", "cifar10", "--out", str(tmp_path / "new"), "--data-root", str(tmp_path / "nowhere")]) == 2
    assert "--download gets it" in said_last(capsys)


def test_an_arm_alone_is_trained_alone(tmp_path):
    assert main(["run", "position", "--arm", "inside", "--seeds", "1", "--out", str(tmp_path)]) == 0
    trained = [(row.label, row.seed) for row in rows(tmp_path) if row.kind == "model"]
    assert trained == [("position: inside", 0)]


def test_one_seed_more_trains_that_seed_only(position, tmp_path, capsys):
    runs = tmp_path / "runs"
    shutil.copytree(position, runs)
    before = rows(runs)
    assert main(["run", "position", "--seeds", "3", "--workers", "1", "--device", "cpu", "--out", str(runs)]) == 0
    added = [row for row in rows(runs) if row not in before]
    assert {row.seed for row in added} == {2} and len(added) == 3


def numbers(runs):
    """What was measured, without times."""
    return {row.key: (row.metrics, row.curves) for row in rows(runs)}


def test_killed_anywhere_and_run_again_is_an_uninterrupted_run(position, tmp_path):
    """With one worker and with two by turns, as nobody remembers how the run before was started."""
    runs, kills = tmp_path / "runs", 0
    command = [sys.executable, "-m", "reference_model", "run", "position", "--seeds", "2", "--device", "cpu"]
    command += ["--out", str(runs), "--workers"]
    for attempt in range(12):
        process = subprocess.Popen(
            [*command, str(2 - attempt % 2)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        deadline = time.monotonic() + 300
        seen = progress_of(runs)
        while process.poll() is None and progress_of(runs) == seen and time.monotonic() < deadline:
            time.sleep(0.02)
        if process.poll() is None and kills < 3:
            os.killpg(process.pid, signal.SIGKILL)
            kills += 1
            process.communicate()
            continue
        process.communicate(timeout=300)
        break
    assert process.returncode == 0 and kills == 3
    assert numbers(runs) == numbers(position)


def progress_of(runs):
    """Changes when a row or a checkpoint was written."""
    found = sorted((path.name, path.stat().st_mtime_ns) for path in runs.glob("checkpoints/*.pt"))
    results = runs / "results.jsonl"
    lines = results.read_text().count('"model"') if results.exists() else 0
    return lines, found


def test_a_torn_last_line_is_repaired(position, tmp_path):
    runs = tmp_path / "runs"
    shutil.copytree(position, runs)
    whole = rows(runs)
    contents = (runs / "results.jsonl").read_bytes()
    (runs / "results.jsonl").write_bytes(contents[:-40])
    assert len(rows(runs)) == len(whole) - 1
    assert main(["run", "position", "--seeds", "2", "--workers", "1", "--device", "cpu", "--out", str(runs)]) == 0
    assert numbers(runs) == numbers(position)


def said(capsys):
    err = capsys.readouterr().err.strip()
    assert len(err.splitlines()) == 1, err
    return err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "positions"], "unknown experiment 'positions' (did you mean position?)"),
        (["run", "position", "--arm", "insid"], "unknown arm 'insid' (did you mean inside?)"),
        (["run", "position", "--preset", "gpus"], "unknown preset 'gpus' (did you mean gpu?)"),
        (["run", "position", "--seeds", "0"], "--seeds must be at least 1, not 0"),
        (["run", "position", "--seeds", "many"], "invalid int value: 'many'"),
        (["run", "position", "--workers", "0"], "--workers must be at least 1, not 0"),
        (["run", "position", "--device", "cuda:99"], "no device 'cuda:99' here"),
        (["run", "position", "--device", "tpu"], "no device 'tpu' here"),
        (["run", "position", "--device", "meta"], "no device 'meta' here"),
        (["run", "position", "--size", "3"], "unrecognized arguments: --size 3"),
        (["report", "nowhere"], "no results in nowhere"),
        (["repot"], "invalid choice: 'repot'"),
        ([], "required: COMMAND"),
    ],
)
def test_bad_requests_are_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert message in said(capsys)
    assert not list(tmp_path.iterdir())


def test_out_is_a_file(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["run", "position", "--device", "cpu", "--out", str(tmp_path / "file")]) == 2
    assert "is a file" in said(capsys)


def test_results_of_another_version(tmp_path, capsys):
    (tmp_path / "results.jsonl").write_text('{"schema": 99}\n')
    for arguments in (["run", "position", "--device", "cpu", "--out", str(tmp_path)], ["report", str(tmp_path)]):
        assert main(arguments) == 2
        assert "version 99" in said(capsys)
    assert (tmp_path / "results.jsonl").read_text() == '{"schema": 99}\n'


def test_results_that_are_not_json(tmp_path, capsys):
    (tmp_path / "results.jsonl").write_text("hello\nworld\n")
    assert main(["run", "position", "--device", "cpu", "--out", str(tmp_path)]) == 2
    assert "results.jsonl:1 is not JSON" in said(capsys)


@pytest.mark.parametrize("command", [["run", "position", "--device", "cpu", "--out"], ["report"]])
def test_results_that_are_no_text(command, tmp_path, capsys):
    (tmp_path / "results.jsonl").write_bytes(b"\xff\xfe\n")
    assert main([*command, str(tmp_path)]) == 2
    assert "results.jsonl is no text" in said(capsys)
    assert (tmp_path / "results.jsonl").read_bytes() == b"\xff\xfe\n"


def test_two_runs_do_not_write_to_one_folder(tmp_path, capsys):
    with Store(tmp_path).locked():
        assert main(["run", "position", "--device", "cpu", "--out", str(tmp_path)]) == 2
    assert "another run is writing to" in said(capsys)


def test_broken_rows(position, tmp_path, capsys):
    row = json.loads((position / "results.jsonl").read_text().splitlines()[0])
    (tmp_path / "results.jsonl").write_text(json.dumps({**row, "metrics": None}) + "\n")
    assert main(["report", str(tmp_path)]) == 2
    assert "results.jsonl:1 is not a row of results" in said(capsys)


def test_results_that_are_a_folder(tmp_path, capsys):
    (tmp_path / "results.jsonl").mkdir()
    assert main(["run", "position", "--device", "cpu", "--out", str(tmp_path)]) == 2
    assert "results.jsonl: Is a directory" in said(capsys)


def test_a_report_that_cannot_be_written(position, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["report", str(position), "--out", str(tmp_path / "file")]) == 2
    assert "file: File exists" in said(capsys)


def test_results_of_another_precision(position, tmp_path, capsys):
    shutil.copy(position / "results.jsonl", tmp_path)
    assert main(["run", "position", "--seeds", "4", "--bf16", "--device", "cpu", "--out", str(tmp_path)]) == 2
    assert "were made without --bf16: use another folder" in said(capsys)
    assert (tmp_path / "results.jsonl").read_bytes() == (position / "results.jsonl").read_bytes()


def test_rows_say_how_they_were_computed(position):
    expected = {"device": "cpu", "bf16": False, "compile": False, "deterministic": False, "threads": 1}
    assert all(row.computed == expected for row in rows(position) if row.kind == "model")


def tiny(monkeypatch, **changes):
    monkeypatch.setitem(PRESETS, "smoke", replace(TINY, **changes))


def run_here(runs, *more):
    return main(["run", "position", "--seeds", "2", "--workers", "1", "--device", "cpu", "--out", str(runs), *more])


def test_a_nan_loss_stops_that_arm_and_keeps_the_others(tmp_path, monkeypatch, capsys):
    tiny(monkeypatch)
    poisoned = images.load

    def load(name, count, **options):
        data = poisoned(name, count, **options)
        return replace(data, train=data.train * float("nan")) if count > 1 else data

    monkeypatch.setattr(runner, "load", load)
    runner._dataset.cache_clear()
    try:
        assert run_here(tmp_path) == 1
    finally:
        runner._dataset.cache_clear()
    out = capsys.readouterr().out
    assert "failed: position: none, seed 0: loss became NaN or infinite at step 1" in out
    assert run_here(tmp_path) == 1  # a second run does not call them done
    assert "failed: position: none, seed 0: loss became NaN or infinite at step 1" in capsys.readouterr().out
    assert {row.status for row in rows(tmp_path) if row.kind == "model"} == {"nan"}
    assert main(["report", str(tmp_path)]) == 0  # and the report says so
    assert "2 failed: loss became NaN or infinite at step 1" in (tmp_path / "report.md").read_text()


def test_a_broken_checkpoint_is_one_line_and_loses_nothing(tmp_path, monkeypatch, capsys):
    tiny(monkeypatch)
    path = Store(tmp_path).checkpoint("smoke", PRESETS["smoke"].digest(), (0, 1))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a checkpoint")
    assert run_here(tmp_path) == 2
    assert "is not a checkpoint" in said_last(capsys)
    assert path.read_bytes() == b"not a checkpoint"


def said_last(capsys):
    return capsys.readouterr().err.strip().splitlines()[-1]


FULL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
from reference_model.command_line import main
sys.exit(main(sys.argv[2:]))
"""


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path, position):
    """A limit on the size of files stands for the disk: writing beyond it fails with an OSError in the same way."""
    assert resource.RLIMIT_FSIZE
    size = (position / "results.jsonl").stat().st_size
    arguments = ["run", "position", "--seeds", "2", "--workers", "1", "--device", "cpu", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(size // 2), *arguments], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 2, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("reference_model: ") and "too large" in last and "Traceback" not in done.stderr
    kept = len(rows(tmp_path))
    assert main(arguments) == 0
    assert kept < len(rows(tmp_path)) and numbers(tmp_path) == numbers(position)


# The report.


def test_the_report_of_everything_is_a_table_with_the_probes_verdicts_and_no_claims(everything, tmp_path):
    assert main(["report", str(everything), "--out", str(tmp_path)]) == 0
    html, text = (tmp_path / "report.html").read_text(), (tmp_path / "report.md").read_text()
    assert "http" not in html and "<script" not in html
    assert all(experiment.question in text for experiment in experiments())
    assert "these numbers mean nothing" in text and "supported" not in text and "refuted" not in text
    line = next(line for line in text.splitlines() if line.startswith("| outside (smoke) | 1 | ONCE_PER_EPOCH"))
    assert re.search(r"\| no \(ring correlation -?0\.\d\d\) \|$", line)  # an arm that does not see decides nothing
    assert any(line.startswith("| bicubic (analytic) |") for line in text.splitlines())


def test_what_rows_say_is_escaped(position, tmp_path):
    for row in {row.arm: row for row in rows(position) if row.kind == "model"}.values():
        Store(tmp_path).append(Row(**{**vars(row), "status": "nan", "message": "<b>|bold|</b>", "metrics": {}}))
    assert main(["report", str(tmp_path)]) == 0
    assert "&lt;b&gt;|bold|&lt;/b&gt;" in (tmp_path / "report.html").read_text()
    assert "<b>\\|bold\\|</b>" in (tmp_path / "report.md").read_text()


def test_results_are_one_json_object_a_line(position):
    for line in (position / "results.jsonl").read_text().splitlines():
        assert json.loads(line)["schema"] == 1


def test_torchrun_writes_each_row_once(position, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--rdzv-backend", "c10d"]
    command += ["--rdzv-endpoint", "localhost:0", "-m", "reference_model", "run", "position", "--seeds", "1"]
    command += ["--device", "cpu", "--out", str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("next: python -m") == 1
    lines = (tmp_path / "results.jsonl").read_text().splitlines()
    assert len(lines) == len(Store(tmp_path).rows())
    losses = {(row.label, row.seed): row.metrics["psnr_clean"] for row in rows(tmp_path) if row.kind == "model"}
    alone = {(row.label, row.seed): row.metrics["psnr_clean"] for row in rows(position) if row.kind == "model"}
    assert set(losses) <= set(alone)
    assert all(value == pytest.approx(alone[key], abs=0.05) for key, value in losses.items())
