"""From candidates to bytes: proofs, what is applied together, and what stays as it was."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from jitlint.cli import main
from jitlint.diagnostic import (
    Applicability,
    Candidate,
    Confidence,
    Diagnostic,
    FixPlan,
    Location,
    MoveIntoLoop,
    Plan,
    ReplaceExpression,
    Span,
    Trace,
)
from jitlint.fixes.apply import apply_fixes
from jitlint.fixes.carry_out import edits_of
from jitlint.fixes.diagnose import diagnose
from jitlint.fixes.program import Program
from jitlint.fixes.prove import fixed_source
from jitlint.fixes.text import Declined, Text, TextEdit
from jitlint.source import Source, load_source
from tests.jitlint.fixing import spans

TEXT = "coord = jitter(grid)  # é\n\nfor x in y:\n    model(coord)\n"
FIXED = "for x in y:\n    coord = jitter(grid)  # é\n    model(coord)\n"


def candidate(span: Span, plan: Plan | None, code: str = "JIT101", **changes: object) -> Candidate:
    fix = FixPlan(Applicability.SAFE, "move it", plan) if plan else None
    return Candidate(code, "a.py", span, "stale", Confidence.HIGH, (), fix)._replace(**changes)


def nothing_left(source: Source) -> Sequence[Candidate]:
    return ()


def move(text: str = TEXT) -> MoveIntoLoop:
    find = spans(text)
    return MoveIntoLoop(find("for x"), (find("coord ="),), find("model("))


def found(data: bytes = TEXT.encode(), plan: Plan | None = None, path: str = "a.py") -> tuple[Source, list[Diagnostic]]:
    source = load_source(path, data)
    plan = plan or move(source.text)
    return source, diagnose(source, [candidate(spans(source.text)("coord ="), plan)], nothing_left)


# ----------------------------------------------------------------------------------------------- diagnose


def test_a_finding_is_located_and_its_evidence_too() -> None:
    source = load_source("a.py", "é = 1; f(é)\n".encode())
    other = load_source("b.py", "é; g()\n".encode())
    traces = (
        Trace("loop", "a.py", Span(1, 0, 1, 2), "here"),
        Trace("draw", "b.py", Span(1, 4, 1, 7), "there"),
        Trace("draw", "c.py", Span(3, 4, 3, 7), "unread"),
        Trace("draw", "a.py", Span(9, 0, 9, 1), "nowhere"),
    )
    (diagnostic,) = diagnose(
        source,
        [candidate(Span(1, 8, 1, 13), None, evidence=traces)],
        nothing_left,
        lambda path: other if path == "b.py" else None,
    )
    assert diagnostic.location == Location(1, 8, 1, 12)
    assert (diagnostic.name, diagnostic.fix) == ("hoisted-augmentation", None)
    assert [(trace.message, trace.location) for trace in diagnostic.evidence] == [
        ("here", Location(1, 1, 1, 2)),
        ("there", Location(1, 4, 1, 7)),
        ("unread", Location(3, 5, 3, 8)),
    ]


@pytest.mark.parametrize("span", [Span(0, 0, 1, 1), Span(2, 0, 3, 1), Span(1, 9, 1, 10), Span(1, 0, 1, 99)])
def test_a_finding_without_a_place_is_dropped(span: Span) -> None:
    assert diagnose(load_source("a.py", b"a = 1\n"), [candidate(span, None)], nothing_left) == []


def test_a_proven_fix_has_line_edits() -> None:
    _, (diagnostic,) = found()
    assert diagnostic.fix is not None
    assert [(edit.location, edit.content) for edit in diagnostic.fix.edits] == [
        (Location(1, 1, 3, 1), ""),
        (Location(4, 1, 4, 1), "    coord = jitter(grid)  # é\n"),
    ]


def test_no_fix_when_the_finding_stays() -> None:
    source = load_source("a.py", TEXT.encode())
    before = candidate(spans(TEXT)("coord ="), move())

    def still(changed: Source) -> Sequence[Candidate]:
        return [before._replace(span=spans(changed.text)("coord ="))]

    assert diagnose(source, [before], still)[0].fix is None


def test_no_fix_when_a_new_finding_appears() -> None:
    source = load_source("a.py", TEXT.encode())
    before = candidate(spans(TEXT)("coord ="), move())
    new = candidate(Span(1, 0, 1, 1), None, code="JIT402", message="drift")
    assert diagnose(source, [before], lambda changed: [new])[0].fix is None


def test_other_findings_may_move_and_count_other_lines() -> None:
    source = load_source("a.py", TEXT.encode())
    before = candidate(spans(TEXT)("coord ="), move())
    other = candidate(spans(TEXT)("model("), None, code="JIT301", message="as in line 4")
    moved = other._replace(message="as in line 3", span=Span(3, 0, 3, 1))
    assert diagnose(source, [before, other], lambda changed: [moved])[0].fix is not None
    assert diagnose(source, [before, other], lambda changed: [moved, moved])[0].fix is None


def test_no_fix_when_the_changed_source_cannot_be_linted() -> None:
    def broken(changed: Source) -> Sequence[Candidate]:
        raise RecursionError

    source = load_source("a.py", TEXT.encode())
    assert diagnose(source, [candidate(spans(TEXT)("coord ="), move())], broken)[0].fix is None


def several(count: int) -> tuple[Source, list[Candidate]]:
    """Functions with the same mistake, and a plan to mend each."""
    body = "".join(f"    {line}\n" for line in TEXT.splitlines())
    text = "".join(f"def train_{k}():\n{body}" for k in range(count))
    shift = len(TEXT.splitlines()) + 1
    plan = move()

    def at(span: Span, k: int) -> Span:
        down = k * shift + 1
        return Span(span.line + down, span.column + 4, span.end_line + down, span.end_column + 4)

    first = spans(TEXT)("coord =")
    plans = [
        MoveIntoLoop(at(plan.loop, k), tuple(at(span, k) for span in plan.statements), at(plan.before, k))
        for k in range(count)
    ]
    return load_source("a.py", text.encode()), [candidate(at(first, k), plans[k]) for k in range(count)]


def test_fixes_of_different_functions_are_proven_together() -> None:
    calls: list[str] = []

    def check(changed: Source) -> Sequence[Candidate]:
        calls.append(changed.text)
        return ()

    source, candidates = several(20)
    assert all(item.fix is not None for item in diagnose(source, candidates, check))
    assert len(calls) == 1
    assert apply_fixes(source, diagnose(source, candidates, check), unsafe=False).data.decode() == calls[0]


@pytest.mark.parametrize("wrong", [0, 3, 6])
def test_a_wrong_fix_takes_no_other_along(wrong: int) -> None:
    source, candidates = several(7)
    after = f"def train_{wrong}():\n" + source.text.split("def train_")[wrong + 1].split("\n", 1)[1]

    def check(changed: Source) -> Sequence[Candidate]:
        return () if after in changed.text else [candidate(Span(1, 0, 1, 1), None, code="JIT402", message="drift")]

    found = diagnose(source, candidates, check)
    assert [item.fix is None for item in found] == [k == wrong for k in range(7)]


def test_the_changed_source_is_linted_once_a_fix() -> None:
    calls: list[str] = []

    def check(changed: Source) -> Sequence[Candidate]:
        calls.append(changed.text)
        return ()

    source = load_source("a.py", TEXT.encode())
    diagnose(source, [candidate(spans(TEXT)("coord ="), move()), candidate(Span(1, 0, 1, 1), None)], check)
    assert calls == [FIXED]


def test_findings_with_the_same_plan_have_it_carried_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    carried_out: list[Plan] = []

    def counted(program: Program, plan: Plan) -> list[TextEdit]:
        carried_out.append(plan)
        return edits_of(program, plan)

    monkeypatch.setattr("jitlint.fixes.diagnose.edits_of", counted)
    source = load_source("a.py", TEXT.encode())
    both = [candidate(span, move()) for span in (Span(1, 0, 1, 5), Span(1, 8, 1, 20))]
    assert [bool(item.fix) for item in diagnose(source, both, nothing_left)] == [True, True]
    assert carried_out == [move()]


def test_a_fix_may_turn_a_comment_into_code_but_lose_none() -> None:
    program = Program(load_source("a.py", TEXT.encode()))
    with pytest.raises(Declined, match="a comment would be lost"):
        fixed_source(program, [], [TextEdit(20, TEXT.index("\n"), "")])
    with pytest.raises(Declined, match="nothing would change"):
        fixed_source(program, [], [TextEdit(20, 20, "")])


# ------------------------------------------------------------------------------------------------ applying


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.removesuffix("\n").encode(),
        ("# coding: latin-1\n" + TEXT).encode("latin-1"),
        ("# -*- coding: cp1252 -*-\n" + TEXT.replace("é", "€")).replace("\n", "\r\n").encode("cp1252"),
        TEXT.replace("    ", "\t").encode(),
        (TEXT + "\x0c\nb = '\x0b\x1c\u2028'\n").encode(),
    ],
)
def test_every_byte_outside_the_edits_stays(data: bytes) -> None:
    source, diagnostics = found(data)
    result = apply_fixes(source, diagnostics, unsafe=False)
    newline = b"\r\n" if b"\r\n" in data else b"\r" if b"\r" in data else b"\n"
    indent = b"\t" if b"\t" in data else b"    "
    start = data.index(b"coord = ")
    line, rest = data[start:].split(newline, 1)
    loop, body = rest.removeprefix(newline).split(newline, 1)
    assert result.data == data[:start] + loop + newline + indent + line + newline + body
    assert (result.fixed, result.left) == (1, ())


def test_mixed_newlines_stay_as_they_are() -> None:
    source, diagnostics = found(
        b"a = 1\r\ncoord = jitter(grid)\nb = 2\rfor x in y:\r\n    f()\n    model(coord)\r\nc = 3"
    )
    assert apply_fixes(source, diagnostics, unsafe=False).data == (
        b"a = 1\r\nb = 2\rfor x in y:\r\n    f()\n    coord = jitter(grid)\r\n    model(coord)\r\nc = 3"
    )


def test_unsafe_fixes_are_applied_only_when_asked_for() -> None:
    source, (diagnostic,) = found()
    assert diagnostic.fix is not None
    unsafe = dataclasses.replace(diagnostic.fix, applicability=Applicability.UNSAFE)
    diagnostics = [dataclasses.replace(diagnostic, fix=unsafe)]
    assert apply_fixes(source, diagnostics, unsafe=False).data == source.data
    assert apply_fixes(source, diagnostics, unsafe=False).left == tuple(diagnostics)
    assert apply_fixes(source, diagnostics, unsafe=True).data.decode() == FIXED


def test_one_fix_of_two_findings_is_applied_once() -> None:
    source, (diagnostic,) = found()
    result = apply_fixes(source, [diagnostic, diagnostic], unsafe=False)
    assert (result.data.decode(), result.fixed, result.left) == (FIXED, 2, ())


def test_a_fix_in_the_lines_of_another_is_left() -> None:
    source, (diagnostic,) = found()
    (inside,) = diagnose(source, [candidate(Span(3, 0, 3, 1), ReplaceExpression(Span(3, 9, 3, 10), "z"))], nothing_left)
    result = apply_fixes(source, [inside, diagnostic], unsafe=False)
    assert (result.data.decode(), result.fixed, result.left) == (FIXED, 1, (inside,))


def test_fixes_of_different_functions_are_applied_together() -> None:
    one = "def f(grid):\n    coord = jitter(grid)\n    for x in y:\n        model(coord)\n"
    source = load_source("a.py", (one + one).encode())
    plans = [
        MoveIntoLoop(Span(at + 2, 4, at + 3, 20), (Span(at + 1, 4, at + 1, 24),), Span(at + 3, 8, at + 3, 20))
        for at in (1, 5)
    ]
    diagnostics = diagnose(source, [candidate(plan.statements[0], plan) for plan in plans], lambda changed: [])
    result = apply_fixes(source, diagnostics, unsafe=False)
    fixed = "def f(grid):\n    for x in y:\n        coord = jitter(grid)\n        model(coord)\n"
    assert (result.data.decode(), result.fixed) == (fixed + fixed, 2)


def test_nothing_to_apply_is_the_same_bytes() -> None:
    source = load_source("a.py", b"a = 1")
    assert apply_fixes(source, [], unsafe=True).data is source.data


def test_edits_find_their_way_back() -> None:
    source, (diagnostic,) = found()
    assert diagnostic.fix is not None
    text = Text(source)
    assert [text.to_edit(text.from_edit(edit)) for edit in diagnostic.fix.edits] == list(diagnostic.fix.edits)


def test_statements_that_move_to_one_place_keep_their_order(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    seeds = ["torch.manual_seed(42)", "random.seed(42)", "np.random.seed(42)"]
    body = "".join(f"        {seed}\n" for seed in seeds)
    path.write_text(
        "import random\nimport numpy as np\nimport torch\ndef train(model, loader, opt):\n    for x, y in loader:\n"
        f"{body}        loss = model(x + torch.randn_like(x)).sum()\n        loss.backward()\n        opt.step()\n"
    )
    assert main([str(path), "--fix", "--no-cache"]) == 0
    assert [line.strip() for line in path.read_text().splitlines()[4:7]] == seeds
