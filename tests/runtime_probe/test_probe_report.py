"""The printed report against golden files (`pytest --overwrite` writes them), and the HTML page."""

import re
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from runtime_probe.progress import Progress
from runtime_probe.report.text import to_rich

GOLDEN = Path(__file__).parent / "golden"
REPORTS = [
    ("seed_commented_out",),
    ("seed_hoisted",),
    ("seed_fresh",),
    ("reseeded", "bug"),
    ("drift", "bug"),
    ("evaluation", "bug"),
    ("one_batch", "bug"),
]


@pytest.mark.parametrize("program", REPORTS, ids="-".join)
def test_the_text_is_the_golden_file(report_of, program, request):
    text = str(report_of(*program)) + "\n"
    golden = GOLDEN / f"{'-'.join(program)}.txt"
    if request.config.getoption("--overwrite"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_the_terminal_form_says_the_same_in_colour(report_of):
    report = report_of("seed_hoisted")
    console = Console(file=StringIO(), force_terminal=True, width=120)
    console.print(to_rich(report))
    output = console.file.getvalue()
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    assert "runtime_probe: ONCE_PER_EPOCH" in plain
    assert "randn_like` at seed_hoisted.py:9" in plain
    assert "\x1b[42m" in output and "\x1b[41m" in output  # green new, red seen before


class Collector(HTMLParser):
    """Open and close tags must match; what would load something is collected."""

    VOID = ("meta", "rect", "circle")

    def __init__(self):
        super().__init__()
        self.open, self.loads, self.tags = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.loads += [value for name, value in attributes if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


@pytest.mark.parametrize("program", REPORTS, ids="-".join)
def test_the_page_is_well_formed_and_self_contained(report_of, program):
    report = report_of(*program)
    page = report.to_html()
    parser = Collector()
    parser.feed(page.removeprefix("<!doctype html>"))
    assert parser.open == []
    assert parser.loads == [] and "script" not in parser.tags and "@import" not in page
    assert page.count('<rect x="') >= report.main.timeline.counters.batches
    assert report.verdict.value in page


def test_the_page_shows_the_source_around_the_draw(report_of):
    page = report_of("seed_hoisted").to_html()
    assert '<span class="hit">   9      noise = torch.randn_like(coord) * std</span>' in page
    assert "Jitter in pixel units" in page


# --------------------------------------------------------------------------------------------- while it trains


def test_what_is_known_so_far_is_written_at_doubling_intervals():
    now, stream, judged = [0.0], StringIO(), []
    progress = Progress(lambda: judged.append(now[0]), lambda _: f"line {len(judged)}", stream, lambda: now[0])
    for second in range(64):
        now[0] = float(second)
        progress.tick()
    assert judged == [4, 12, 28, 60]
    assert stream.getvalue().splitlines() == [f"runtime_probe: line {number}" for number in (1, 2, 3, 4)]


def test_a_line_that_says_nothing_new_is_not_repeated_and_judging_takes_a_small_share():
    now, stream, judged = [0.0], StringIO(), []

    def judge():
        judged.append(now[0])
        now[0] += 1  # a second of 500

    progress = Progress(judge, lambda _: "FRESH", stream, lambda: now[0])
    for second in range(600):
        now[0] = max(now[0], float(second))
        progress.tick()
    assert judged == [4, 504]
    assert stream.getvalue() == "runtime_probe: FRESH\n"


def test_a_fault_ends_the_progress_and_not_the_program():
    now, stream = [9.0], StringIO()
    progress = Progress(lambda: 1 // 0, str, stream, lambda: now[0])
    now[0] = 20.0
    progress.tick()
    now[0] = 9e9
    progress.tick()
    assert stream.getvalue() == ""
