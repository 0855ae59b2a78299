"""The report for people: frames, widths, stories."""

from __future__ import annotations

import pytest

from jitlint.diagnostic import Applicability, Confidence, Diagnostic, Edit, Evidence, Fix, Location
from jitlint.report.edits import edited
from jitlint.report.frame import cells
from jitlint.report.full import render, stories
from jitlint.report.view import Texts, View
from tests.jitlint.command_line import HOISTED, Shell

EXPECTED = """\
The same draw is used in every batch of the epoch: `noise` is drawn outside the loop.
train.py:5:13  JIT102 hoisted-noise

  5 │     noise = torch.randn(3, 32, 32) * 0.1
    │             ━━━━━━━━━━━━━━━━━━━━━━ draw: the noise is drawn here, once
  6 │     for images, _ in loader:
    │     ─────────────────────── loop: this runs for every batch
  7 │         loss = model(images + noise).mean()
    │                ───────────────────── consumer: model gets the same draw every time

Fix draw inside the loop, anew for every batch (jitlint --fix)
  4 │   def train(model, loader, opt):
  5 │ -     noise = torch.randn(3, 32, 32) * 0.1
  5 │       for images, _ in loader:
  6 │ +         noise = torch.randn(3, 32, 32) * 0.1
  7 │           loss = model(images + noise).mean()

Found 1 finding (1 file read, 9 lines). Fixable with `--fix`.
"""


def test_message_frame_and_fix(shell: Shell) -> None:
    shell.write("train.py", HOISTED)
    assert shell.run("--format", "full").out == EXPECTED


def finding(
    code: str, location: Location, *evidence: Evidence, path: str = "a.py", fix: Fix | None = None
) -> Diagnostic:
    return Diagnostic(code, code.lower(), f"message of {code}", path, location, Confidence.MEDIUM, evidence, fix)


def page(text: str, *diagnostics: Diagnostic, width: int = 80, **others: str) -> str:
    texts = Texts("/", {"/a.py": text.encode(), **{f"/{name}.py": other.encode() for name, other in others.items()}})
    return "\n".join(render(View(diagnostics, texts, width)))


@pytest.mark.parametrize("width", [60, 72, 80, 100, 140, 200])
def test_no_line_is_wider_than_the_page(width: int) -> None:
    text = "x = 1\n" * 9 + "long = call(" + ", ".join(f"argument_{n}=変数{n}" for n in range(60)) + ")\n"
    at = text.splitlines()[9].index("argument_50") + 1
    where = Location(10, at, 10, at + 11)
    told = "a sentence with a good many words in it so that it has to be broken"
    fix = Fix(Applicability.SAFE, "mend", (Edit(where, "new"),))
    drawn = page(text, finding("JIT101", where, Evidence("draw", "a.py", where, told), fix=fix), width=width)
    assert all(cells(line) <= width for line in drawn.splitlines())
    assert "argument_50" in drawn


def test_wide_characters_and_tabs_keep_the_marks_below_the_code() -> None:
    drawn = page("\t変数 = draw()\n", finding("JIT101", Location(1, 7, 1, 13)))
    code, mark = drawn.splitlines()[3:5]
    assert cells(code.partition("draw")[0]) == cells(mark.partition("━")[0])
    assert mark.count("━") == len("draw()")


def test_code_cannot_steer_the_terminal() -> None:
    assert "\033" not in page("x = '\033[2J\x9b'\n", finding("JIT101", Location(1, 1, 1, 2)))


def test_evidence_in_another_file_has_its_own_frame() -> None:
    step = Evidence("draw", "b.py", Location(2, 5, 2, 9), "drawn here")
    drawn = page("x = 1\n", finding("JIT101", Location(1, 1, 1, 2), step), b="def f():\n    draw()\n")
    assert "\nb.py:2:5\n  2 │     draw()\n    │     ──── draw: drawn here" in drawn


def test_findings_that_point_at_each_other_are_one_story() -> None:
    comment, definition = Location(5, 5, 5, 20), Location(1, 5, 1, 9)
    first = finding("JIT201", comment, Evidence("definition", "a.py", definition, "defined, and used nowhere"))
    second = finding("JIT202", definition, Evidence("comment", "a.py", comment, "the only mention is a comment"))
    alone = finding("JIT101", Location(9, 1, 9, 2))
    assert stories([second, first, alone]) == [[second, first], [alone]]
    drawn = page("def mine():\n    pass\n\n\n    # x = mine(x)\n\n\n\ny = 1\n", second, first, alone)
    assert drawn.count("# x = mine(x)") == 1
    assert drawn.index("JIT202 jit202") < drawn.index("JIT201 jit201") < drawn.index("def mine()")


def test_findings_that_share_only_a_loop_are_two_stories() -> None:
    loop = Evidence("loop", "a.py", Location(3, 1, 3, 9), "for every batch")
    one, two = finding("JIT101", Location(1, 1, 1, 9), loop), finding("JIT102", Location(2, 1, 2, 9), loop)
    assert stories([one, two]) == [[one], [two]]


def test_a_chain_of_findings_is_one_story() -> None:
    places = [Location(line, 1, line, 5) for line in (1, 2, 3)]
    chain = [
        finding(f"JIT10{n}", place, Evidence("next", "a.py", places[(n + 1) % 3], "")) for n, place in enumerate(places)
    ]
    assert stories(chain[::2] + chain[1:2]) == [[chain[0], chain[2], chain[1]]]


def test_edited_applies_all_edits() -> None:
    lines = ["a = 1", "b = 2", "c = 3"]
    edits = [Edit(Location(1, 1, 2, 1), ""), Edit(Location(3, 1, 3, 1), "    a = 1\n")]
    assert edited(lines, edits) == ["b = 2", "    a = 1", "c = 3"]


def test_a_file_that_is_gone_is_told_without_a_frame() -> None:
    drawn = page("", finding("JIT101", Location(3, 1, 3, 2), path="gone.py"))
    assert drawn.startswith("Message of JIT101.\ngone.py:3:1  JIT101 jit101")


def test_two_findings_that_say_the_same_of_a_line_say_it_once() -> None:
    name, comment, call = Location(1, 5, 1, 9), Location(3, 1, 3, 16), Location(3, 3, 3, 16)
    defined = Evidence("definition", "a.py", name, "defined here")
    unused = finding("JIT202", name, defined, Evidence("comment", "a.py", call, "the call is commented out"))
    commented = finding("JIT201", comment, Evidence("comment", "a.py", comment, "the call is commented out"), defined)
    drawn = page("def mine(x):\n    pass\n# x = mine(x)\n", unused, commented)
    assert (drawn.count("definition: defined here"), drawn.count("comment: the call is")) == (1, 1)
