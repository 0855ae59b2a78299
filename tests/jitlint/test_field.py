"""Programs with the bugs of public reports (`tests/field`), each beside its mended twin, linted as users do it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jitlint.api import lint_paths
from jitlint.config import Settings
from jitlint.diagnostic import Confidence

FIELD = Path(__file__).resolve().parents[1] / "field"
# Bugs that are not found at the default confidence. Whoever makes one of them found takes it off this list.
KNOWN_MISSES = frozenset(
    {
        "batch_shared_crop.py",
        "batch_shared_torchvision.py",
        "disabled_by_constant_flag.py",
        "equal_range_color_jitter.py",
        "fit_noise_once_torch.ipynb",
        "fixed_subset_ray_batch.py",
        "hoisted_in_other_file/",
        "inplace_batch_point_jitter.py",
        "key_attribute_trainer.py",
        "key_reuse_two_draws.py",
        "masks_frozen_hf_trainer.py",
        "negatives_once_bpr.py",
        "pair_seed_keras_random_transform.py",
        "preview_reseeds_gan_grid.py",
        "rebuilt_prng_key_in_step.py",
        "reseeded_by_worker_info_id.py",
        "stale_shuffle_permuted_rows.py",
    }
)
# A mended program that a rule which is off by default takes for the bug: it draws in a comprehension, once a sample.
KNOWN_ALARMS = frozenset({"batch_shared_crop_ok.py"})


def rows(*names: str) -> Iterator[dict[str, Any]]:
    """The entries of some tables of cases."""
    for name in names:
        yield from map(json.loads, (FIELD / f"{name}.jsonl").read_text().splitlines())


ROWS = list(rows("cases", "projects", "optional"))
OPTIONAL = frozenset(code for row in rows("optional") for code in row["codes"])  # rules that are off by default
BUGS = [pytest.param(row["file"], frozenset(row["codes"]), id=row["file"]) for row in ROWS if row["codes"]]
TWINS = [row["file"] for row in rows("cases", "projects") if not row["codes"]]


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty current directory, since the folders that pytest makes are called after tests."""
    monkeypatch.chdir(tmp_path)


def found(file: str, confidence: Confidence, select: frozenset[str] = frozenset()) -> set[str]:
    """The codes that are reported for a program alone in a folder."""
    place = Path("program")
    if (FIELD / file).is_dir():
        shutil.copytree(FIELD / file, place)
    else:
        place.mkdir()
        shutil.copy(FIELD / file, place)
    settings = Settings(confidence=confidence, extend_select=tuple(sorted(select)))
    return {item.code for item in lint_paths([place], settings).diagnostics}


@pytest.mark.parametrize(("file", "codes"), BUGS)
def test_a_bug_is_found_at_the_default_confidence(file: str, codes: frozenset[str]) -> None:
    is_found = bool(found(file, Settings().least_confidence, codes & OPTIONAL) & codes)
    assert is_found is (file not in KNOWN_MISSES)


@pytest.mark.parametrize("file", TWINS)
def test_a_mended_program_is_silent_at_every_confidence(file: str) -> None:
    assert found(file, Confidence.LOW) == set()


@pytest.mark.parametrize("file", [row["file"] for row in rows("optional") if not row["codes"]])
def test_a_rule_that_is_off_by_default_is_silent_on_a_mended_program(file: str) -> None:
    assert bool(found(file, Confidence.LOW, OPTIONAL) & OPTIONAL) is (file in KNOWN_ALARMS)


def test_the_known_misses_and_alarms_are_cases() -> None:
    assert {row["file"] for row in ROWS if row["codes"]} >= KNOWN_MISSES
    assert {row["file"] for row in ROWS if not row["codes"]} >= KNOWN_ALARMS
