"""Each verdict and flag: a program that has it, and its near miss, both run for real."""

from pathlib import Path

import pytest

from runtime_probe import Flag, Verdict
from runtime_probe.verdict import is_violation

VERDICTS = [  # program, verdict of the bug, verdict of the near miss
    ("tiny", Verdict.CLEAN_GRID, Verdict.FRESH),
    ("subset", Verdict.FROZEN, Verdict.FRESH_SUBSET),
    ("frozen", Verdict.FROZEN, Verdict.FRESH),
    ("hoisted", Verdict.ONCE_PER_EPOCH, Verdict.FRESH),
    ("reseeded", Verdict.CYCLING, Verdict.FRESH),
    ("reseeded_in_step", Verdict.CYCLING, Verdict.FRESH),
    ("pool", Verdict.CYCLING, Verdict.FRESH),
    ("partial", Verdict.PARTIAL, Verdict.FRESH),
    ("one_axis", Verdict.PARTIAL, Verdict.FRESH),
    ("some_batches", Verdict.PARTIAL, Verdict.FRESH),
    ("one_batch", Verdict.INCONCLUSIVE, Verdict.FRESH),
    ("gan", Verdict.FROZEN, Verdict.FRESH),
    ("gan_without_loader", Verdict.FROZEN, Verdict.FRESH),
    ("accumulation", Verdict.PERIODIC, Verdict.FRESH),
    ("multi_scale", Verdict.CLEAN_GRID, Verdict.FRESH),
    ("whole_dataset", Verdict.ONCE_PER_EPOCH, Verdict.FRESH),
    ("no_loader", Verdict.ONCE_PER_EPOCH, Verdict.FRESH),
    ("no_optimizer", Verdict.FROZEN, Verdict.FRESH),
]
FLAGS = [
    ("shared", Flag.SHARED_IN_BATCH),
    ("units", Flag.OUT_OF_DOMAIN),
    ("clamped", Flag.CLAMPED),
    ("quantised", Flag.QUANTISED),
    ("not_finite", Flag.NON_FINITE),
    ("drift", Flag.DRIFT),
    ("evaluation", Flag.EVAL_JITTER),
    ("teacher", Flag.EVAL_JITTER),
    ("ignored", Flag.IGNORED_BY_MODEL),
    ("workers", Flag.WORKERS_DUPLICATED),
]


@pytest.mark.parametrize(("program", "bug", "fine"), VERDICTS, ids=[row[0] for row in VERDICTS])
def test_verdict_and_its_near_miss(report_of, program, bug, fine):
    assert report_of(program, "bug").verdict is bug
    report = report_of(program, "fine")
    assert report.verdict is fine
    assert not report.violations


@pytest.mark.parametrize(("program", "flag"), FLAGS, ids=[row[0] for row in FLAGS])
def test_flag_and_its_near_miss(report_of, program, flag):
    assert flag in report_of(program, "bug", check_used=True).flags
    report = report_of(program, "fine", check_used=True)
    assert flag not in report.flags
    assert not any(is_violation(word) for word in report.flags)


@pytest.mark.parametrize(
    ("program", "verdict", "line"),
    [
        ("seed_commented_out", Verdict.CLEAN_GRID, "coord = self.add_gaussian_noise_to_grid(coord)"),
        ("seed_hoisted", Verdict.ONCE_PER_EPOCH, "noise = torch.randn_like(coord) * std"),
        ("seed_fresh", Verdict.FRESH, "noise = torch.randn_like(coord) * std"),
    ],
)
def test_the_three_programs_of_the_seed(report_of, program, verdict, line):
    report = report_of(program)
    assert report.verdict is verdict
    assert line_named(report) == line


def line_named(report):
    """The source text of the line that the report names first."""
    site = report.hints[0].site if report.hints else report.provenance.sources[0].site
    return Path(site.file).read_text().splitlines()[site.line - 1].strip().removeprefix("# ")


def test_hoisted_draw_is_named_with_its_caller_and_counts(report_of):
    source = report_of("seed_hoisted").provenance.sources[0]
    assert (source.operation, source.site.function, source.caller.function) == (
        "randn_like",
        "add_gaussian_noise_to_grid",
        "train_epoch",
    )
    assert (source.draws, source.forwards) == (2, 6)


def test_fresh_draw_is_counted_once_a_forward(report_of):
    source = report_of("seed_fresh").provenance.sources[0]
    assert (source.draws, source.forwards) == (6, 6)


def test_period_is_the_number_of_batches_of_an_epoch(report_of):
    assert report_of("reseeded", "bug").conclusion.period == 3
    assert report_of("reseeded_in_step", "bug").conclusion.period == 1


@pytest.mark.parametrize("schedule", ["growing", "shrinking"])
def test_a_schedule_of_the_jitter_is_no_drift(report_of, schedule):
    report = report_of("growing", schedule)
    assert report.verdict is Verdict.FRESH
    assert not report.violations


def test_std_in_units_and_pixels_and_the_grid_convention(report_of):
    geometry = report_of("seed_fresh").main.geometry
    assert geometry.std == pytest.approx(0.02, rel=0.05)
    assert geometry.std_pixels == pytest.approx(0.32, rel=0.05)
    assert (geometry.grid.convention, geometry.grid.domain, geometry.grid.order) == ("cell", (0.0, 1.0), "yx")


def test_the_report_says_which_borders_were_used(report_of):
    assert report_of("seed_fresh").main.borders == "DataLoader iteration"
    assert report_of("no_loader", "fine").main.borders == "optimizer steps"
    assert report_of("no_optimizer", "fine").main.borders == "changes of the other inputs"


def test_one_frozen_epoch_asks_for_a_second(report_of):
    report = report_of("no_optimizer", "bug")
    assert "FROZEN or ONCE_PER_EPOCH: run a second epoch" in report.conclusion.undecided
