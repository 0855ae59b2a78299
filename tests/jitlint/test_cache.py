"""The cache: a run whose files, settings and version are unchanged parses nothing."""

from __future__ import annotations

import errno
import marshal
import os
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from jitlint import lint_paths
from jitlint.cache import Cache, PartResult
from jitlint.config import Settings
from jitlint.engine import Run, lint
from jitlint.files import File
from jitlint.plain import MalformedValueError, plain, restored
from jitlint.records import RecordFile
from jitlint.workers import Workers
from tests.jitlint.command_line import CORRECT, HOISTED, Shell

IMPORTER = """\
import torch
from noise import prepare


def train(model, loader, opt, coord):
    coord = prepare(coord)
    for images, _ in loader:
        loss = model(images, coord).mean()
        loss.backward()
        opt.step()
"""
HELPER = "import torch\n\n\ndef prepare(x):\n    return x + torch.randn_like(x)\n"


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are modelled from here on."""
    from jitlint import parts

    names: list[str] = []
    build = parts.build_module

    def counted(source: parts.Source, **options: bool) -> object:
        names.append(source.path)
        return build(source, **options)

    monkeypatch.setattr(parts, "build_module", counted)
    return names


def test_a_second_run_prints_the_same_and_parses_nothing(shell: Shell, parsed: list[str]) -> None:
    shell.write("train.py", HOISTED)
    first = shell.run("--format", "json")
    assert parsed
    parsed.clear()
    assert shell.run("--format", "json") == first
    assert parsed == []


def test_a_changed_file_is_linted_again(shell: Shell) -> None:
    path = shell.write("train.py", HOISTED)
    assert shell.run().code == 1
    path.write_text(CORRECT + "\n")
    assert shell.run().code == 0
    path.write_text(HOISTED)
    assert shell.run().code == 1


def test_same_content_with_another_time_is_known(shell: Shell, parsed: list[str]) -> None:
    path = shell.write("train.py", HOISTED)
    shell.run()
    parsed.clear()
    os.utime(path, (1, 1))
    assert shell.run().code == 1
    assert parsed == []


def test_settings_are_part_of_the_key(shell: Shell) -> None:
    shell.write("train.py", HOISTED)
    assert shell.run().code == 1
    assert shell.run("--ignore", "JIT102").code == 0
    assert shell.run().code == 1


def test_a_helper_that_was_not_asked_for_has_its_say(shell: Shell) -> None:
    """Also when it appears, changes or disappears between two runs."""
    shell.write("train.py", IMPORTER)
    assert shell.run("train.py", "--select", "JIT101", "--confidence", "high").code == 0
    helper = shell.write("noise.py", HELPER)
    assert shell.run("train.py", "--select", "JIT101", "--confidence", "high").code == 1
    helper.write_text("def prepare(x):\n    return x\n")
    assert shell.run("train.py", "--select", "JIT101", "--confidence", "high").code == 0
    helper.write_text(HELPER)
    assert shell.run("train.py", "--select", "JIT101", "--confidence", "high").code == 1
    helper.unlink()
    assert shell.run("train.py", "--select", "JIT101", "--confidence", "high").code == 0


def cache_file(home: Path) -> Path:
    return next((home / "jitlint").glob("*.records"))


def listing(folder: Path) -> dict[str, bytes | str]:
    """Everything below a folder: what files hold and where links lead."""
    paths = sorted(folder.rglob("*"))
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in paths
        if path.is_symlink() or path.is_file()
    }


def test_the_tree_is_left_alone_and_the_folder_marks_itself(shell: Shell, cache_home: Path) -> None:
    shell.write("train.py", HOISTED)
    before = listing(shell.folder)
    shell.run()
    assert listing(shell.folder) == before
    folder = cache_home / "jitlint"
    assert (folder / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_links_where_a_cache_used_to_be_lead_nowhere(shell: Shell, tmp_path: Path) -> None:
    """A cloned tree once made a run overwrite files outside it, and delete old ones."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "old.pickle").write_text("mine")
    (outside / "CACHEDIR.TAG").write_text("mine")
    os.utime(outside / "old.pickle", (1, 1))
    shell.write("train.py", HOISTED)
    before = listing(outside)
    (shell.folder / ".jitlint_cache").symlink_to(outside)
    assert shell.run().code == 1
    (shell.folder / ".jitlint_cache").unlink()
    (shell.folder / ".jitlint_cache").mkdir()
    (shell.folder / ".jitlint_cache/.gitignore").symlink_to(outside / "CACHEDIR.TAG")
    assert shell.run().code == 1
    assert listing(outside) == before


@pytest.mark.parametrize("where", ["jitlint", "jitlint/CACHEDIR.TAG", "jitlint/secret", "records"])
def test_links_in_the_cache_directory_are_not_followed(
    shell: Shell, cache_home: Path, tmp_path: Path, where: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"x" * 32)
    shell.write("train.py", HOISTED)
    first = shell.run()
    before = listing(outside)
    link = cache_file(cache_home) if where == "records" else cache_home / where
    if link.is_dir():
        link.rename(tmp_path / "aside")
        link.symlink_to(outside)
    else:
        link.unlink()
        link.symlink_to(outside / "file")
    assert shell.run() == first
    assert shell.run() == first
    assert listing(outside) == before


def test_a_folder_that_is_not_ours_is_left_alone(shell: Shell, cache_home: Path) -> None:
    (cache_home / "jitlint").mkdir(parents=True)
    (cache_home / "jitlint/diary.txt").write_text("dear diary")
    shell.write("train.py", HOISTED)
    assert shell.run().code == 1
    assert [path.name for path in (cache_home / "jitlint").iterdir()] == ["diary.txt"]


def test_a_folder_that_others_may_write_to_is_not_believed(shell: Shell, cache_home: Path, parsed: list[str]) -> None:
    shell.write("train.py", HOISTED)
    shell.run()
    (cache_home / "jitlint").chmod(0o777)
    parsed.clear()
    shell.run()
    assert parsed


def test_a_cache_of_another_secret_is_not_believed(shell: Shell, cache_home: Path, parsed: list[str]) -> None:
    """One that came with the tree, or from another user."""
    shell.write("train.py", HOISTED)
    first = shell.run()
    (cache_home / "jitlint/secret").write_bytes(b"s" * 32)
    parsed.clear()
    assert shell.run() == first
    assert parsed
    parsed.clear()
    assert shell.run() == first
    assert not parsed


def test_a_cache_of_another_project_is_not_believed(shell: Shell, cache_home: Path) -> None:
    """The digest covers the name of the file, which is that of the project, the version and the settings."""
    shell.write("train.py", HOISTED)
    shell.run()
    other = cache_file(cache_home)
    data = other.read_bytes()
    other.unlink()
    shell.run("--ignore", "JIT102")
    cache_file(cache_home).write_bytes(data)
    assert shell.run("--ignore", "JIT102").code == 0


def test_no_flipped_bit_changes_what_is_printed(shell: Shell, cache_home: Path, parsed: list[str]) -> None:
    shell.write("train.py", HOISTED)
    shell.write("more.py", HOISTED.replace("noise", "jitter"))
    first = shell.run("--format", "json")
    sound = cache_file(cache_home).read_bytes()
    rng = random.Random(0)
    for at in rng.sample(range(8 * len(sound)), 150):
        data = bytearray(sound)
        data[at // 8] ^= 1 << at % 8
        cache_file(cache_home).write_bytes(data)
        assert shell.run("--format", "json") == first
    parsed.clear()
    assert shell.run("--format", "json") == first
    assert parsed == []


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_a_cache_that_was_cut_off_is_written_again(
    shell: Shell, cache_home: Path, parsed: list[str], share: float
) -> None:
    shell.write("train.py", HOISTED)
    first = shell.run()
    sound = cache_file(cache_home).read_bytes()
    cache_file(cache_home).write_bytes(sound[: int(share * len(sound))])
    assert shell.run() == first
    parsed.clear()
    assert shell.run() == first
    assert parsed == []


def test_bytes_that_ask_for_much_memory_are_never_decoded(shell: Shell, cache_home: Path) -> None:
    """`marshal` makes a list of the length that the bytes name; only checked bytes come that far."""
    shell.write("train.py", HOISTED)
    first = shell.run()
    bomb = b"[" + (0x7FFFFFFF).to_bytes(4, "little")
    header = struct.pack(">16s16sI", bytes(16), b"surveys".ljust(16), len(bomb))
    cache_file(cache_home).write_bytes(b"jitlint records 1\n" + header + bomb)
    assert shell.run() == first
    with cache_file(cache_home).open("wb") as file:
        file.truncate(1 << 40)  # a hole
    assert shell.run() == first


def test_a_record_of_another_shape_is_ignored(tmp_path: Path) -> None:
    """Signed by us, so written by a version that was not told from this one."""
    file = RecordFile(str(tmp_path / f"{'0' * 32}.records"), b"k" * 32)
    key = bytes(range(16))
    for value in (1, (), ((), (), (), (), 0, b""), (1, 2, 3, 4, 5, 6), {"a": 1}, None):
        file.write({key: marshal.dumps(value), b"surveys".ljust(16): marshal.dumps([value])})
        cache = Cache(file)
        assert cache.result(key) is None
        assert cache.plan(key) is None
        assert cache.survey("train.py", (1, 1, 1)) is None


def test_results_come_back_as_they_were(shell: Shell) -> None:
    shell.write("train.py", HOISTED)
    diagnostics = lint_paths([shell.folder]).diagnostics
    assert diagnostics[0].evidence and diagnostics[0].fix
    result = PartResult(
        diagnostics, ("w",), (), (("a.py", None), ("b.py", b"d")), (("/p", ("a", "b")),), b"i", True, b"t"
    )
    assert restored(PartResult, plain(result)) == result
    with pytest.raises(MalformedValueError):
        restored(PartResult, (*plain(result)[:-1], "t"))
    with pytest.raises(TypeError):
        plain({"a": object()})


def test_no_cache_and_no_place_for_one(shell: Shell, cache_home: Path) -> None:
    shell.write("train.py", HOISTED)
    assert shell.run("--no-cache").code == 1
    assert not cache_home.exists()
    cache_home.write_text("in the way")
    result = shell.run()
    assert (result.code, len(result.err.splitlines())) == (1, 1)


def test_a_full_disk_means_no_cache(shell: Shell, cache_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.write("train.py", HOISTED)
    first = shell.run()
    cache_file(cache_home).unlink()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", full)
        assert shell.run() == first
    assert not list((cache_home / "jitlint").glob("*.tmp"))
    assert shell.run() == first


def test_what_killed_runs_left_and_what_is_old_is_deleted(shell: Shell, cache_home: Path) -> None:
    shell.write("train.py", HOISTED)
    shell.run()
    folder = cache_home / "jitlint"
    old = [folder / f"{'a' * 32}.records", folder / f"{'b' * 32}.{'c' * 16}.tmp", folder / f"secret.{'c' * 16}.tmp"]
    for path in old:
        path.write_bytes(b"")
        os.utime(path, (1, 1))
    shell.write("more.py", HOISTED)
    shell.run()
    assert not any(path.exists() for path in old)
    assert len(list(folder.iterdir())) == 3


def test_two_runs_at_once_share_one_cache(shell: Shell, cache_home: Path) -> None:
    for number in range(30):
        shell.write(f"train_{number}.py", HOISTED)
    command = [sys.executable, "-m", "jitlint", "--jobs", "1", "--format", "json"]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=shell.folder) for _ in range(4)]
    printed = {run.communicate()[0] for run in runs}
    assert {run.returncode for run in runs} == {1}
    assert len(printed) == 1
    names = sorted(path.suffix for path in (cache_home / "jitlint").iterdir())
    assert names == ["", ".TAG", ".records"]


def test_an_internal_error_is_not_remembered(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.write("train.py", HOISTED)
    with monkeypatch.context() as patch:
        patch.setattr("jitlint.parts._Part._ask", lambda self, rule, project: 1 / 0)
        assert shell.run().code == 2
    assert shell.run().code == 1


def test_a_new_file_costs_what_depends_on_it(shell: Shell, parsed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """At the root, beside everything: what does not mean it by an import keeps its result."""
    monkeypatch.setattr("jitlint.reach.partition.__defaults__", (1,))
    for number in range(20):
        shell.write(f"pkg{number}/train.py", HOISTED)
    shell.write("pkg0/train.py", f"import late\n{HOISTED}")
    first = shell.run()
    parsed.clear()
    shell.write("late.py", "x = 1\n")
    assert shell.run().lines == first.lines
    assert set(parsed) <= {"pkg0/train.py", "late.py"}
    parsed.clear()
    shell.write("another.py", HOISTED)
    assert len(shell.run().lines) == len(first.lines) + 1
    assert set(parsed) == {"another.py"}


def test_a_module_that_a_package_passes_on_counts(shell: Shell) -> None:
    """Its directory was looked into for the package's sake only."""
    shell.write("lib/__init__.py", "from .far import prepare\n")
    shell.write("train.py", IMPORTER.replace("from noise", "from lib"))
    options = ("train.py", "--select", "JIT101", "--confidence", "high")
    assert shell.run(*options).code == 0
    helper = shell.write("lib/far.py", HELPER)
    assert shell.run(*options).code == 1
    helper.unlink()
    assert shell.run(*options).code == 0


UNREAD_SWITCH = """\
import argparse
from torch.optim import SGD

parser = argparse.ArgumentParser()
parser.add_argument("--noise-std", type=float, default=0.1)
parser.add_argument("--lr", type=float, default=0.1)
args = parser.parse_args()


def train(model, loader, optimizer):
    for images in loader:
        model(images).mean().backward()
        optimizer.step()


train(model, loader, SGD(args.lr))
"""


def test_what_was_looked_for_in_the_whole_tree_is_looked_for_again(shell: Shell) -> None:
    """A file that no import leads to makes a difference, so a run that asked for it depends on it."""
    shell.write("train.py", UNREAD_SWITCH)
    first = shell.run("train.py", "--select", "JIT206")
    assert first.code == 1
    reader = shell.write("other.py", "def strength(args):\n    return args.noise_std * 2\n")
    assert shell.run("train.py", "--select", "JIT206").code == 0
    reader.unlink()
    assert shell.run("train.py", "--select", "JIT206") == first


def test_what_is_looked_for_in_the_whole_tree_counts_as_it_stands_in_the_editor(shell: Shell) -> None:
    path = shell.write("train.py", UNREAD_SWITCH)
    reader = shell.write("other.py", "# nothing yet\n")
    settings = Settings(root=shell.folder, select=("JIT206",))

    def found(changed: dict[str, bytes]) -> int:
        run = Run(settings, Cache(), Workers(1), str(shell.folder), changed)
        return len(lint([File("train.py", str(path))], run).diagnostics)

    assert found({}) == 1
    assert found({str(reader): b"def strength(args):\n    return args.noise_std * 2\n"}) == 0


def test_what_other_projects_were_asked_is_nothing_to_this_one(shell: Shell, parsed: list[str], tmp_path: Path) -> None:
    """A run in the same process that searched its whole tree does not tie this one to the times of all files."""
    from jitlint.semantics.mentions import mentions_of
    from jitlint.semantics.project import Project

    path = shell.write("train.py", HOISTED)
    mentions_of(Project({}, tmp_path)).of("anything")
    shell.run()
    parsed.clear()
    os.utime(path, (1, 1))
    assert shell.run().code == 1
    assert parsed == []
