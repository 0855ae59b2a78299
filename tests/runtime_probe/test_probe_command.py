"""`python -m runtime_probe` as a real process: exit codes, modules, Ctrl-C, formats, ranks."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def probe(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "runtime_probe", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        cwd=PROGRAMS,
        timeout=120,
        **options,
    )


@pytest.mark.parametrize(
    ("program", "verdict", "code", "line"),
    [
        ("seed_commented_out", "CLEAN_GRID", 3, "commented out at seed_commented_out.py:16: coord = self.add_gaussian"),
        ("seed_hoisted", "ONCE_PER_EPOCH", 3, "`randn_like` at seed_hoisted.py:9 in add_gaussian_noise_to_grid"),
        ("seed_fresh", "FRESH", 0, "`randn_like` at seed_fresh.py:9 in add_gaussian_noise_to_grid"),
    ],
)
def test_the_three_programs_of_the_seed(program, verdict, code, line):
    result = probe("--strict", f"{program}.py")
    assert result.stdout.startswith(f"runtime_probe: {verdict}")
    assert line in result.stdout
    assert result.returncode == code


def test_a_module_with_arguments_and_json_output(tmp_path):
    result = probe("--output", tmp_path / "report.json", "-m", "hoisted", "bug")
    assert (result.returncode, result.stdout) == (0, "")
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["schema"], report["verdict"]) == ("runtime_probe/report/1", "ONCE_PER_EPOCH")


@pytest.mark.parametrize(
    ("body", "code", "error"),
    [
        ("raise SystemExit(5)", 5, ""),
        ("raise SystemExit('no data')", 1, "no data"),
        ("def f():\n    raise ValueError('broken')\nf()", 1, "ValueError: broken"),
    ],
)
def test_the_exit_code_is_the_scripts(tmp_path, body, code, error):
    script = tmp_path / "script.py"
    script.write_text(body)
    result = probe("--strict", script)
    assert result.returncode == code
    assert error in result.stderr
    assert "INCONCLUSIVE" in result.stdout
    assert "runtime_probe/run.py" not in result.stderr


def test_the_script_sees_its_own_arguments_and_directory(tmp_path):
    (tmp_path / "neighbour.py").write_text("WORD = 'here'")
    script = tmp_path / "script.py"
    script.write_text("import sys, neighbour\nprint(__name__, sys.argv[1:], neighbour.WORD)")
    assert probe(script, "--strict", "x").stdout.startswith("__main__ ['--strict', 'x'] here")


def interruptible():
    """A suite that runs in the background ignores Ctrl-C, and so would the processes it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_interrupted_runs_are_reported(tmp_path):
    script = tmp_path / "endless.py"
    script.write_text(
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from small import *\n"
        "model, optimizer, loader = make()\n"
        "coord = jitter(grid())\n"
        "while True:\n"
        "    for (images,) in loader:\n"
        "        step(model, optimizer, images, batch_of(coord, images))\n"
        "    print('epoch', flush=True)\n"
    )
    command = [sys.executable, "-m", "runtime_probe", script, PROGRAMS]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT, preexec_fn=interruptible)
    for _ in range(3):
        assert process.stdout.readline() == "epoch\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "runtime_probe: FROZEN" in output


def test_raise_stops_the_script():
    result = probe("--on-violation", "raise", "frozen.py", "bug")
    assert result.returncode == 1
    assert "StaleCoordinatesError: FROZEN" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["missing.py"], ["--after", "-1", "frozen.py"]], ids=str)
def test_impossible_command_lines(arguments):
    result = probe(*arguments)
    assert result.returncode == 2
    assert "error:" in result.stderr


def test_a_script_without_coordinates_lists_what_was_seen(tmp_path):
    script = tmp_path / "plain.py"
    script.write_text(
        "import torch\nmodel = torch.nn.Linear(5, 1)\nfor _ in range(3): model(torch.rand(4, 5)).sum().backward()"
    )
    result = probe("--strict", script)
    assert result.returncode == 0
    assert "Linear(input: float32 (4, 5) in [" in result.stdout


def torchrun(kind, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--master-port=0", "--standalone"]
    command += ["-m", "runtime_probe", "--output", tmp_path / "report.json", "ranks.py", kind]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, cwd=PROGRAMS, timeout=120)


@pytest.mark.parametrize(("kind", "duplicated"), [("bug", True), ("fine", False)])
def test_two_ranks_under_torchrun(kind, duplicated, tmp_path):
    result = torchrun(kind, tmp_path)
    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert ("RANKS_DUPLICATED" in report["flags"]) is duplicated
    assert report["verdict"] == "FRESH"
    equal = 6 if duplicated else 0
    assert report["ranks"] == f"{equal} of 6 batches had equal coordinates on two of 2 ranks or more"


def test_an_output_that_cannot_be_written_is_refused_before_the_training(tmp_path):
    result = probe("--output", tmp_path / "absent" / "report.html", "hoisted.py", "bug")
    assert result.returncode == 2
    assert "its folder has to be there" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_a_report_that_cannot_be_written_at_the_end_is_printed(tmp_path):
    output = tmp_path / "folder" / "report.txt"
    output.parent.mkdir()
    script = tmp_path / "train.py"
    script.write_text(
        f"import shutil, torch\ntorch.nn.Linear(2, 2)(torch.rand(4, 2))\nshutil.rmtree({str(output.parent)!r})\n"
    )
    result = probe("--output", output, script)
    assert result.returncode == 2
    assert "runtime_probe: INCONCLUSIVE" in result.stdout
    assert result.stderr.splitlines()[-1].startswith(f"runtime_probe: cannot write {output}")
    assert "Traceback" not in result.stderr


def test_an_argument_that_no_model_has_is_named_in_the_report():
    result = probe("--argument", "nope", "hoisted.py", "bug")
    assert "with an argument `nope` was seen" in result.stdout


def test_an_argument_by_its_position():
    assert "argument: Decoder(coord)" in probe("--argument", "1", "hoisted.py", "bug").stdout


def test_a_torchvision_of_another_build_is_named_below_the_traceback(tmp_path):
    script = tmp_path / "train.py"
    script.write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    result = probe(script)
    assert result.returncode == 1
    assert "RuntimeError: operator torchvision::nms does not exist" in result.stderr
    assert "runtime_probe: torchvision does not fit this torch" in result.stderr


SLOW = """
import time, torch
model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
points = torch.rand(64, 2)
for _ in range(12):
    time.sleep(0.5)
    model(points.clone().requires_grad_()).mean().backward()
    optimizer.step()
"""


def test_a_long_run_says_what_is_known_so_far_if_asked(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    command = [sys.executable, "-m", "runtime_probe", "--output", str(tmp_path / "report.txt")]
    runs = [
        subprocess.Popen(
            [*command, *option, "slow.py"], cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
        )
        for option in ([], ["--progress", "on"])
    ]
    silent, told = (run.communicate(timeout=120)[1] for run in runs)
    assert silent == ""
    assert re.fullmatch(r"runtime_probe: \d batches; borders from optimizer steps so far: FROZEN: Linear\(.*\n", told)
