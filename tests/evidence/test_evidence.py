"""`jitlint --evidence`: what a run confirms, refutes, did not reach, or saw alone; each bug beside its near miss."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from jitlint.evidence_claims import CLAIMS
from jitlint.rules import all_rules
from tests.evidence.conftest import EXAMPLES, Watched
from tests.jitlint.command_line import Shell

ROOT = Path(__file__).resolve().parent.parent.parent
SARIF = ROOT / "tests" / "data" / "sarif-schema-2.1.0.json"

HEAD = """\
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset


def make_coord_grid(size):
    axis = (torch.arange(size) + 0.5) / size
    return torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1)


def add_gaussian_noise_to_grid(coord):
    return coord + 0.02 * torch.randn_like(coord)


"""
TRAIN = """\
model = torch.nn.Linear(2, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loader = DataLoader(TensorDataset(torch.arange(32.0)), batch_size=8, shuffle=True)
for _ in range(4):
    train_epoch(model, loader, optimizer)
"""
STEP = """\
        loss = (model(coord.reshape(-1, 2)).mean() - images.mean()) ** 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""
HOISTED = f"""{HEAD}
def train_epoch(model, loader, optimizer):
    coord = add_gaussian_noise_to_grid(make_coord_grid(8))
    for (images,) in loader:
{STEP}

{TRAIN}"""
MAKE_LOADER = """\
def make_loader():
    centre = torch.rand(32, 1, 2)
    distance = (make_coord_grid(8).reshape(-1, 2) - centre).square().sum(-1)
    return DataLoader(TensorDataset(torch.exp(-20 * distance)), batch_size=8, shuffle=True)


model ="""
HOISTED_DATA = HOISTED.replace("model =", MAKE_LOADER, 1).replace(
    "DataLoader(TensorDataset(torch.arange(32.0)), batch_size=8, shuffle=True)\nfor", "make_loader()\nfor"
)
ONE_PASS = HOISTED.replace("        optimizer.step()\n", "        optimizer.step()\n        break\n").replace(
    "4)", "8)"
)
NUMPY = HOISTED.replace(
    "0.02 * torch.randn_like(coord)", "torch.as_tensor(np.random.normal(0, 0.02, coord.shape)).float()"
)
SECOND = """\


def train_twice(model, loader, optimizer):
    coord = add_gaussian_noise_to_grid(make_coord_grid(8))
    for _ in range(2):
        for (images,) in loader:
            loss = (model(coord.reshape(-1, 2)).mean() - images.mean()) ** 2
            loss.backward()
            optimizer.step()


"""
DRAWN_ABOVE = """\
    coord = add_gaussian_noise_to_grid(make_coord_grid(8))
    for (images,) in loader:
"""
DRAWN_INSIDE = """\
    for (images,) in loader:
        coord = add_gaussian_noise_to_grid(make_coord_grid(8))
"""
UNREACHED = HOISTED.replace(DRAWN_ABOVE, DRAWN_INSIDE).replace(f"\n{TRAIN}", f"{SECOND}{TRAIN}")
CHOICES = """\
CHOICES = {name.split("_")[2]: value for name, value in list(globals().items()) if "_noise_" in name}


def train_epoch"""
HIDDEN = HOISTED.replace("add_gaussian_noise_to_grid(make", 'CHOICES["noise"](make').replace("def train_epoch", CHOICES)
SEEDED = f"""{HEAD}
def train_epoch(model, loader, optimizer):
    for (images,) in loader:
        torch.manual_seed(0)
        coord = add_gaussian_noise_to_grid(make_coord_grid(8))
{STEP}

{TRAIN}"""
CACHED = """\
import torch
from torch.utils.data import DataLoader, Dataset


class Noisy(Dataset):
    def __init__(self, images):
        self.images = images
        self.cache = {}

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        if index not in self.cache:
            self.cache[index] = self.images[index] + 0.1 * torch.randn(4)
        return self.cache[index]


model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loader = DataLoader(Noisy(torch.arange(64.0).reshape(16, 4)), batch_size=4, shuffle=True)
for _ in range(3):
    for images in loader:
        loss = model(images).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""


def joined(shell: Shell, *arguments: str) -> list[dict[str, object]]:
    result = shell.run("--no-cache", "--evidence", "evidence.json", "--format", "json", *arguments, "train.py")
    found = json.loads(result.out)
    assert isinstance(found, list)
    return found


def statuses(shell: Shell, *arguments: str) -> dict[str, str]:
    return {str(item["code"]): item["run"]["status"] for item in joined(shell, *arguments)}  # type: ignore[index]


# ------------------------------------------------------------------------------------------ bug and near miss


@pytest.mark.parametrize(("folder", "code"), [("coordinates", "JIT101"), ("diffusion", "JIT102"), ("pinn", "JIT101")])
def test_a_hoisted_draw_is_confirmed_and_its_right_twin_has_no_finding(
    watched: Watched, shell: Shell, folder: str, code: str
) -> None:
    watched(EXAMPLES / folder / "buggy.py")
    assert statuses(shell) == {code: "confirmed"}
    watched(EXAMPLES / folder / "correct.py")
    assert joined(shell, "--confidence", "low") == []


def test_a_comment_and_the_function_that_nothing_calls_are_confirmed(watched: Watched, shell: Shell) -> None:
    watched(EXAMPLES / "trainer" / "buggy.py")
    assert statuses(shell) == {"JIT201": "confirmed", "JIT202": "confirmed"}
    watched(EXAMPLES / "trainer" / "correct.py")
    assert joined(shell) == []


def test_a_draw_of_numpy_is_confirmed_by_its_counts(watched: Watched, shell: Shell) -> None:
    watched(NUMPY)
    (found,) = joined(shell)
    assert found["run"]["status"] == "confirmed"  # type: ignore[index]


def test_a_loop_that_leaves_after_one_batch_refutes(watched: Watched, shell: Shell) -> None:
    watched(ONE_PASS)
    result = shell.run("--no-cache", "--evidence", "evidence.json", "train.py")
    assert result.code == 0
    assert "JIT101" in result.out
    assert "[refuted by the run: each of 8 batches of Linear(input) had a draw of its own]" in result.out
    assert "1 refuted by the run and not counted." in result.err


def test_the_same_loop_to_its_end_confirms(watched: Watched, shell: Shell) -> None:
    watched(HOISTED)
    assert statuses(shell) == {"JIT101": "confirmed"}


def test_what_merely_ends_at_the_same_call_is_not_confirmed(watched: Watched, shell: Shell) -> None:
    """The linter's low-confidence finding on the data: they were drawn once, as data are."""
    watched(EXAMPLES / "trainer" / "buggy.py")
    found = {(item["code"], item["line"]): item["run"]["status"] for item in joined(shell, "--confidence", "low")}  # type: ignore[index]
    assert "confirmed" not in {status for (code, _), status in found.items() if code == "JIT101"}
    watched(HOISTED_DATA)
    statuses_by_line = {item["line"]: item["run"]["status"] for item in joined(shell, "--confidence", "low")}  # type: ignore[index]
    line = HOISTED_DATA.splitlines().index("    coord = add_gaussian_noise_to_grid(make_coord_grid(8))") + 1
    assert [at for at, status in statuses_by_line.items() if status == "confirmed"] == [line]


def test_a_refuted_finding_is_not_fixed(watched: Watched, shell: Shell) -> None:
    watched(ONE_PASS)
    assert shell.run("--no-cache", "--evidence", "evidence.json", "--fix", "train.py").code == 0
    assert (shell.folder / "train.py").read_text() == ONE_PASS


def test_a_function_that_the_run_did_not_call_is_not_reached(watched: Watched, shell: Shell) -> None:
    watched(UNREACHED)
    (found,) = joined(shell)
    assert found["run"] == {"status": "not reached", "because": "this line did not run"}


def test_a_seed_in_the_step_is_confirmed(watched: Watched, shell: Shell) -> None:
    watched(SEEDED)
    found = statuses(shell)
    assert found.pop("RUN3") == "confirmed"  # the seed rewinds the loader's shuffle too, which the source does not show
    assert found == {"JIT301": "confirmed"}
    watched(SEEDED.replace("        torch.manual_seed(0)\n", ""))
    assert joined(shell) == []


def test_kept_samples_are_confirmed_by_the_audit_of_the_loader(watched: Watched, shell: Shell) -> None:
    watched(CACHED)
    assert statuses(shell) == {"JIT105": "confirmed"}


def test_with_workers_an_unseen_line_is_left_open(watched: Watched, shell: Shell) -> None:
    watched(UNREACHED.replace("batch_size=8,", "batch_size=8, num_workers=1,"))
    (found,) = joined(shell)
    assert found["run"]["status"] == "undecided"  # type: ignore[index]
    assert "loader workers" in found["run"]["because"]  # type: ignore[index]


# --------------------------------------------------------------------------------------- only the run saw it


def test_what_only_the_run_saw_is_added(watched: Watched, shell: Shell) -> None:
    watched(HIDDEN)
    assert shell.run("--no-cache", "train.py").code == 0
    result = shell.run("--no-cache", "--evidence", "evidence.json", "train.py")
    assert result.code == 1
    assert "RUN1" in result.out
    assert "1 seen by the run alone." in result.err


def test_a_function_that_is_called_by_a_computed_name_refutes_that_nothing_calls_it(
    watched: Watched, shell: Shell
) -> None:
    watched(HIDDEN)
    found = {str(item["code"]): item["run"] for item in joined(shell, "--confidence", "low")}
    assert found["JIT202"] == {"status": "refuted", "because": "called 4 times"}


def test_a_comment_accepts_it(watched: Watched, shell: Shell) -> None:
    line = '    coord = CHOICES["noise"](make_coord_grid(8))'
    watched(HIDDEN.replace(line, f"{line}  # jitlint: ignore[JIT101] as in the paper"))
    assert "RUN1" not in shell.run("--no-cache", "--evidence", "evidence.json", "train.py").out


# ------------------------------------------------------------------------------------- trees that changed


def test_a_file_that_changed_is_said_and_decides_nothing(watched: Watched, shell: Shell) -> None:
    watched(HOISTED)
    shell.write("train.py", f"# moved\n{HOISTED}")
    result = shell.run("--no-cache", "--evidence", "evidence.json", "train.py")
    assert "train.py has changed since the run; run the program again" in result.err
    assert "[undecided by the run: the file has changed since the run]" in result.out


def test_a_tree_that_moved_keeps_its_evidence(
    watched: Watched, shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    watched(HOISTED)
    moved = shutil.move(shell.folder, tmp_path / "elsewhere" / "deep")
    monkeypatch.chdir(tmp_path)
    result = shell.run("--no-cache", "--evidence", f"{moved}/evidence.json", str(moved))
    assert "[confirmed by the run" in result.out


def test_evidence_of_other_files_is_said(watched: Watched, shell: Shell) -> None:
    watched(HOISTED)
    shell.write("other.py", ONE_PASS)
    result = shell.run("--no-cache", "--evidence", "evidence.json", "other.py")
    assert "evidence.json is of other files: the run used none of the 1 file linted here" in result.err
    assert "[not reached by the run: the run did not use this file]" in result.out


def test_the_file_names_no_folder_of_this_machine(watched: Watched, shell: Shell) -> None:
    assert str(shell.folder) not in watched(HOISTED).read_text()


# ------------------------------------------------------------------------------------------ bad evidence


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read evidence.json: No such file or directory"),
        ("{", "evidence.json is not JSON"),
        ("[]", "evidence.json is not evidence of a run"),
        ('{"schema": "runtime_probe/report/1"}', "evidence.json is not evidence of a run"),
        ('{"schema": "runtime_probe/evidence/9"}', "has the format runtime_probe/evidence/9, and this jitlint reads"),
        ('{"schema": "runtime_probe/evidence/1", "files": 3}', "evidence.json is damaged"),
    ],
)
def test_bad_evidence_is_one_line_and_exit_status_2(shell: Shell, content: str | None, message: str) -> None:
    shell.write("train.py", HOISTED)
    if content is not None:
        shell.write("evidence.json", content)
    result = shell.run("--evidence", "evidence.json", "train.py")
    assert (result.code, result.out, len(result.err.splitlines())) == (2, "", 1)
    assert message in result.err


def test_every_part_that_is_missing_is_damage(watched: Watched, shell: Shell) -> None:
    file = watched(HOISTED)
    whole = json.loads(file.read_text())
    for name in ("files", "draws", "streams", "seeds", "loaders", "findings", "loops", "workers", "lines_complete"):
        file.write_text(json.dumps({key: value for key, value in whole.items() if key != name}))
        result = shell.run("--evidence", "evidence.json", "train.py")
        assert (result.code, result.out) == (2, ""), name
        assert "is damaged" in result.err, name


# --------------------------------------------------------------------------------------------- the formats


def test_sarif_is_valid_and_suppresses_what_is_refuted(watched: Watched, shell: Shell) -> None:
    watched(ONE_PASS)
    log = json.loads(shell.run("--no-cache", "--evidence", "evidence.json", "--format", "sarif", "train.py").out)
    jsonschema.Draft4Validator(json.loads(SARIF.read_text())).validate(log)
    (found,) = log["runs"][0]["results"]
    assert found["properties"]["run"]["status"] == "refuted"
    assert found["suppressions"][0]["justification"].startswith("refuted by the run: each of 8 batches")


def test_formats_that_only_list_findings_leave_out_what_is_refuted(watched: Watched, shell: Shell) -> None:
    watched(ONE_PASS)
    for name in ("github", "gitlab", "junit"):
        result = shell.run("--no-cache", "--evidence", "evidence.json", "--format", name, "train.py")
        assert result.code == 0
        assert "JIT101" not in result.out, name
    watched(HOISTED)
    for name in ("github", "gitlab", "junit", "full", "html"):
        result = shell.run("--no-cache", "--evidence", "evidence.json", "--format", name, "train.py")
        assert "confirmed" in result.out, name


def test_html_dims_what_is_refuted(watched: Watched, shell: Shell) -> None:
    watched(ONE_PASS)
    page = shell.run("--no-cache", "--evidence", "evidence.json", "--format", "html", "train.py").out
    assert '<article class="refuted">' in page
    assert "no findings, 1 refuted by the run" in page


def test_a_baseline_is_not_pruned_by_evidence(watched: Watched, shell: Shell) -> None:
    watched(ONE_PASS)
    shell.run("--no-cache", "--baseline", "known.json", "train.py")
    before = (shell.folder / "known.json").read_text()
    shell.run("--no-cache", "--baseline", "known.json", "--evidence", "evidence.json", "train.py")
    assert (shell.folder / "known.json").read_text() == before


# ---------------------------------------------------------------------------------------------- contracts


def test_the_file_follows_its_schema(watched: Watched) -> None:
    schema = json.loads((ROOT / "docs" / "evidence.schema.json").read_text())
    for text in (HOISTED, CACHED, SEEDED, NUMPY):
        jsonschema.Draft202012Validator(schema).validate(json.loads(watched(text).read_text()))


def test_reading_evidence_imports_neither_torch_nor_the_probe(watched: Watched, shell: Shell) -> None:
    watched(HOISTED)
    code = (
        "import sys; from jitlint.cli import main; main(['--evidence', 'evidence.json', 'train.py']); "
        "print({'torch', 'runtime_probe', 'numpy'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=shell.folder, capture_output=True, text=True, timeout=120)
    assert run.stdout.splitlines()[-1] == "set()", run.stderr


def test_the_program_runs_as_without_evidence(watched: Watched, shell: Shell) -> None:
    """Its output, its failure and its exit status are its own."""
    file = watched(f"{HOISTED}\nraise SystemExit(4)\n", status=4)
    assert json.loads(file.read_text())["exit_code"] == 4
    assert statuses(shell) == {"JIT101": "confirmed"}


def test_a_program_that_changes_the_directory_is_found_again(watched: Watched, shell: Shell) -> None:
    (shell.folder / "runs").mkdir()
    watched(HOISTED.replace("model =", 'import os\n\nos.chdir("runs")\nmodel =', 1))
    assert statuses(shell) == {"JIT101": "confirmed"}


def test_a_run_needs_no_numpy(watched: Watched, shell: Shell) -> None:
    """The extra `probe` installs PyTorch, which comes without it."""
    shell.write("train.py", HOISTED.replace("import numpy as np\n", ""))
    code = "import sys; sys.modules['numpy'] = None; from runtime_probe import command_line; "
    code += "sys.exit(command_line.main(sys.argv[1:]))"
    command = [sys.executable, "-W", "ignore", "-c", code, "--evidence", "evidence.json", "train.py"]
    run = subprocess.run(command, cwd=shell.folder, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert "ONCE_PER_EPOCH" in run.stdout
    assert statuses(shell) == {"JIT101": "confirmed"}


def test_a_refuted_finding_offers_no_fix(watched: Watched, shell: Shell) -> None:
    watched(ONE_PASS)
    assert "<details>" not in shell.run("--no-cache", "--evidence", "evidence.json", "--format", "html", "train.py").out
    watched(HOISTED)
    assert "<details>" in shell.run("--no-cache", "--evidence", "evidence.json", "--format", "html", "train.py").out


def test_the_page_has_every_rule_that_a_run_can_decide_and_no_other() -> None:
    page = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| JIT")]
    assert sorted(code for row in rows for code in re.findall(r"JIT\d+", row.split("|")[1])) == sorted(CLAIMS)
    undecided = {rule.code for rule in all_rules()} - set(CLAIMS) - {"JIT000", "JIT001"}
    assert f"No run decides {', '.join(sorted(undecided)[:-1])} and {sorted(undecided)[-1]}:" in page
