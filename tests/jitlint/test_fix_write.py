from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

import pytest

from jitlint.fixes.write import remove_litter, write_atomically


def test_the_file_is_replaced_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    path.chmod(0o750)
    before = path.stat()
    write_atomically(path, b"new")
    after = path.stat()
    assert path.read_bytes() == b"new"
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_the_file_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    os.chown(path, 12345, 54321)
    path.chmod(0o4755)
    write_atomically(path, b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)
    assert stat.S_IMODE(path.stat().st_mode) == 0o4755


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target = tmp_path / "real" / "a.py"
    target.write_bytes(b"old")
    link = tmp_path / "link.py"
    link.symlink_to(target)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert list((tmp_path / "real").iterdir()) == [target]


def test_a_new_file_gets_the_usual_mode(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"new")
    (tmp_path / "b").write_bytes(b"new")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


@pytest.mark.parametrize("moment", ["fsync", "replace", "fchmod"])
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_whatever_happens_the_file_is_old_or_new_and_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, error: type[BaseException]
) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")

    def fail(*args: object) -> None:
        raise error

    monkeypatch.setattr(Path if moment == "replace" else os, moment, fail)
    with pytest.raises(error):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_read_only_file_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda *args: False)  # root may write everything
    with pytest.raises(PermissionError, match="read-only"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_link_out_of_the_tree_is_not_followed(tmp_path: Path) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside.py"
    tree.mkdir()
    outside.write_bytes(b"old")
    (tree / "out.py").symlink_to(outside)
    (tree / "folder").symlink_to(tmp_path)
    (tree / "loop.py").symlink_to("loop.py")
    for name in ("out.py", "folder/outside.py", "loop.py"):
        with pytest.raises(OSError, match="a link leads out"):
            write_atomically(tree / name, b"new", tree=tree)
    assert outside.read_bytes() == b"old"
    (tree / "real.py").write_bytes(b"old")
    (tree / "in.py").symlink_to("real.py")
    write_atomically(tree / "in.py", b"new", tree=tree)
    assert (tree / "real.py").read_bytes() == b"new"
    write_atomically(outside, b"new", tree=tree)
    assert outside.read_bytes() == b"new"


def test_litter_of_a_killed_run_goes_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    abandoned = tmp_path / ".a.py.0123abcd.jitlint-tmp"
    held = tmp_path / ".b.py.0123abcd.jitlint-tmp"
    others = [tmp_path / name for name in (".a.py.tmp", "a.py", ".c.py.0123abcd.jitlint-tmp.py")]
    for path in (abandoned, held, *others):
        path.write_bytes(b"x")
    (tmp_path / ".d.py.0123abcd.jitlint-tmp").mkdir()
    (tmp_path / ".e.py.0123abcd.jitlint-tmp").symlink_to(tmp_path / "a.py")
    with held.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        remove_litter([str(tmp_path), str(tmp_path / "none")])
        assert held.exists()
        assert not abandoned.exists()
    assert all(path.exists() for path in others)
    remove_litter([str(tmp_path)])
    assert not held.exists()
