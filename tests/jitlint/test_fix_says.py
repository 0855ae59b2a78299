"""What a run says of fixes: why there is none, what one leaves, and how far a proof looks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from jitlint import parts
from jitlint.diagnostic import Candidate
from jitlint.imports import ImportGraph
from jitlint.source import Source
from tests.jitlint.command_line import CORRECT, HOISTED, Shell

SEEDED = """\
import torch


def train(model, loader, opt):
    for x, y in loader:
        torch.manual_seed(0)
        loss = model(x + torch.randn_like(x)).sum()
        loss.backward()
        opt.step()


def main(model, loader, opt):
    for epoch in range(10):
        train(model, loader, opt)
"""


def test_a_text_that_libcst_cannot_read_keeps_its_finding_and_says_why_it_has_no_fix(shell: Shell) -> None:
    text = HOISTED.replace("    for images", "    (unused): int = 1\n    for images")
    shell.write("train.py", text)
    result = shell.run("--format", "concise", "--no-cache", "--fix", ".")
    assert (result.code, result.out.count("JIT102"), "[*]" in result.out) == (1, 1, False)
    assert "train.py: no fix for some findings: libcst cannot read the text:" in result.err
    assert (shell.folder / "train.py").read_text() == text
    shell.write("train.py", text.replace("(unused)", "unused"))
    result = shell.run("--format", "concise", "--no-cache", "--fix", ".")
    assert (result.code, "no fix" in result.err) == (0, False)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (KeyError("é"), "internal error: KeyError: 'é'; please report it with the file"),
        (RecursionError(), "it is nested too deeply for libcst"),
    ],
)
def test_a_fix_that_fails_leaves_the_finding(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, error: Exception, why: str
) -> None:
    def failing(*arguments: object) -> object:
        raise error

    monkeypatch.setattr("jitlint.fixes.diagnose.edits_of", failing)
    shell.write("train.py", HOISTED)
    result = shell.run("--format", "concise", "--no-cache", ".")
    assert (result.code, result.out.count("JIT102")) == (1, 1)
    assert f"train.py: no fix for some findings: {why}\n" in result.err


def test_a_fix_that_mends_a_part_says_what_it_leaves(shell: Shell) -> None:
    shell.write("train.py", SEEDED)
    result = shell.run("--format", "concise", "--no-cache", "--fix", "--unsafe-fixes", ".")
    assert "Fixed 1 finding." in result.err
    assert "All clear" not in result.err
    assert "every call of `train` still starts over from the same seed" in result.err
    assert result.out.startswith("train.py:5:5: JIT301 ")


def test_a_fix_that_mends_all_says_so(shell: Shell) -> None:
    shell.write("train.py", HOISTED)
    result = shell.run("--format", "concise", "--no-cache", "--fix", ".")
    assert (result.code, result.out) == (0, "")
    assert "Fixed 1 finding. All clear" in result.err


def test_doubts_that_a_fix_brings_are_shown_whatever_the_confidence(shell: Shell) -> None:
    shell.write("train.py", HOISTED)
    changed = parts._Part._candidates

    def doubtful(part: parts._Part, modules: dict[str, object]) -> dict[str, list[Candidate]]:
        found = changed(part, modules)  # type: ignore[arg-type]
        for key, module in modules.items():
            if not found.get(key):
                scope = module.scopes["train"]  # type: ignore[attr-defined]
                text = "the noise is drawn once a call"
                found[key] = [Candidate("JIT102", key, scope.name_span, text, parts.Confidence.LOW)]
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts._Part, "_candidates", doubtful)
        result = shell.run("--format", "concise", "--no-cache", "--fix", ".")
    assert "Fixed 1 finding. 1 finding left" in result.err
    assert (result.code, "train.py:4:5: JIT102" in result.out) == (1, True)


# ---------------------------------------------------------------------------------------- how far it looks


def test_a_proof_looks_at_the_file_and_what_it_is_linked_with(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two", "three"):
        shell.write(f"{name}.py", HOISTED)
    shell.write("main.py", f"from one import train\n\n\ndef main(loader):\n    train(None, loader, None)\n{CORRECT}")
    looked: list[set[str]] = []
    candidates = parts._Part._candidates

    def watched(part: parts._Part, modules: dict[str, object]) -> dict[str, list[Candidate]]:
        looked.append({Path(key).name for key in modules})
        return candidates(part, modules)  # type: ignore[arg-type]

    monkeypatch.setattr(parts._Part, "_candidates", watched)
    shell.run("--format", "concise", "--no-cache", "--jobs", "1", ".")
    every, *proofs = looked
    assert every == {"one.py", "two.py", "three.py", "main.py"}
    assert sorted(map(sorted, proofs)) == [["main.py", "one.py"], ["three.py"], ["two.py"]]


def test_imports_are_followed_both_ways_but_not_to_siblings(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "shared"):
        (tmp_path / f"{name}.py").touch()
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").touch()
    names = {
        "a.py": ["b.run"],
        "b.py": ["shared.draw"],
        "c.py": ["shared.draw", "torch.nn"],
        "shared.py": ["pkg.inner"],
    }
    every = [*names, "pkg/__init__.py"]
    imports = {f"{tmp_path}/{name}": names.get(name, []) for name in every}
    graph = ImportGraph(imports, {f"{tmp_path}/{name}": name for name in every}, str(tmp_path))
    assert graph.around("b.py") == {"a.py", "b.py", "shared.py", "pkg/__init__.py"}
    assert graph.around("shared.py") == {"a.py", "b.py", "c.py", "shared.py", "pkg/__init__.py"}
    assert graph.around("a.py") == {"a.py", "b.py", "shared.py", "pkg/__init__.py"}


def test_a_check_never_sees_more_than_once_what_a_batch_changed(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.write("train.py", HOISTED + "".join(HOISTED.replace("def train", f"\n\ndef train_{n}") for n in range(8)))
    checks: list[str] = []
    check = parts._Part._check

    def counted(part: parts._Part, changed: Source) -> Sequence[Candidate]:
        checks.append(changed.path)
        return check(part, changed)

    monkeypatch.setattr(parts._Part, "_check", counted)
    result = shell.run("--format", "concise", "--no-cache", ".")
    assert result.out.count("JIT102 [*]") == 9
    assert len(checks) == 1
