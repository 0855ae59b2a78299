"""The pure functions: fingerprint, fit_grid, Timeline, classify."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime_probe import Timeline, Verdict, classify, fingerprint, fit_grid
from runtime_probe.classify import smallest_period
from runtime_probe.fingerprint import weights_for
from runtime_probe.ring import Ring
from runtime_probe.timeline import HEAD, REMEMBERED, TAIL, History
from runtime_probe.verdict import ADVICE, Flag, is_violation

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.uint8]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(1,), (3,), (5, 7), (2, 3, 4, 2), (16, 32, 32, 2)], ids=str)
def test_any_single_bit_changes_the_fingerprint(dtype, shape):
    values = (torch.rand(shape) * 100).to(dtype)
    base = int(fingerprint(values))
    assert int(fingerprint(values.clone())) == base
    raw = values.clone().view(-1).view(torch.uint8)
    for position in {0, raw.numel() // 2, raw.numel() - 1}:
        flipped = raw.clone()
        flipped[position] ^= 1
        assert int(fingerprint(flipped.view(dtype).view(shape))) != base


@given(st.permutations(range(6)))
def test_the_order_matters(order):
    values = torch.arange(6.0)
    same = list(order) == list(range(6))
    assert (int(fingerprint(values[list(order)])) == int(fingerprint(values))) is same


def test_expanded_dimensions_are_hashed_once_and_an_even_batch_does_not_cancel():
    coord = torch.rand(4, 4, 2)
    expected = int(fingerprint(coord))
    assert expected != 0
    assert int(fingerprint(coord.expand(16, 4, 4, 2))) == expected
    assert int(fingerprint(coord.repeat(16, 1, 1, 1))) != 0


def test_the_fingerprint_is_the_same_in_every_process_and_draws_nothing():
    state = torch.get_rng_state()
    assert int(fingerprint(torch.arange(8.0))) == FINGERPRINT_OF_ARANGE_8
    assert torch.equal(torch.get_rng_state(), state)
    assert bool((weights_for(100) % 2 != 0).all())


FINGERPRINT_OF_ARANGE_8 = -181432809313796096


@pytest.mark.parametrize("values", [torch.rand(3, device="meta"), torch.eye(3).to_sparse()], ids=["meta", "sparse"])
def test_no_fingerprint_without_dense_values(values):
    with pytest.raises(TypeError, match="only dense tensors"):
        fingerprint(values)


def lattice(n, m, convention, low, order):
    def axis(size):
        index = torch.arange(size, dtype=torch.float32)
        return {"cell": (index + 0.5) / size, "corner": index / (size - 1), "left": index / size}[convention]

    y, x = torch.meshgrid(axis(n), axis(m), indexing="ij")
    return low + torch.stack((y, x) if order == "yx" else (x, y), -1) * (1 - low)


@settings(max_examples=60)
@given(
    st.sampled_from([(16, 16), (32, 24), (12, 40)]),
    st.sampled_from(["cell", "corner", "left"]),
    st.sampled_from([0.0, -1.0]),
    st.sampled_from(["yx", "xy"]),
    st.sampled_from([0.0, 0.16, 0.32, 0.75]),
    st.sampled_from(["grid", "flat", "channels first"]),
)
def test_every_convention_is_recognised_under_jitter(sizes, convention, low, order, pixels, layout):
    clean = lattice(*sizes, convention, low, order)
    pitch = clean.reshape(-1, 2).unique(dim=0)[0].new_tensor((1 - low) / max(sizes))
    draws = torch.randn(8, *clean.shape, generator=torch.Generator().manual_seed(0))
    coords = clean + draws * pitch * pixels
    coords = {"grid": coords, "flat": coords.flatten(1, 2), "channels first": coords.movedim(-1, 1)}[layout]
    fit = fit_grid(coords)
    assert (fit.convention, fit.domain, fit.order, fit.sizes) == (convention, (low, 1.0), order, sizes)
    assert fit.exact is (pixels == 0)
    assert fit.std == pytest.approx(float(pitch) * pixels, rel=0.1, abs=1e-6)


@pytest.mark.parametrize(
    "coords",
    [torch.rand(16, 1024, 2), torch.rand(4, 32, 32, 3), torch.zeros(4, 8, 8, 2), torch.zeros(0, 2), torch.rand(1, 2)],
    ids=["random points", "image", "constant", "empty", "one point"],
)
def test_what_is_no_lattice(coords):
    assert fit_grid(coords) is None


@pytest.mark.parametrize("size", [8, 16, 32])
def test_one_draw_of_a_small_lattice_is_recognised_whatever_its_numbers(size):
    """One draw averages little: at 16 px the mean of a row is off by a quarter pitch once in fifteen draws."""
    for seed in range(200):
        noise = torch.randn(size, size, 2, generator=torch.Generator().manual_seed(seed)) * 0.32 / size
        fit = fit_grid((lattice(size, size, "cell", 0.0, "yx") + noise)[None])
        assert fit is not None and (fit.sizes, fit.order, fit.convention) == ((size, size), "yx", "cell")


def test_unordered_points_are_no_jittered_lattice():
    for seed in range(200):
        points = torch.rand(16, 16, 2, generator=torch.Generator().manual_seed(seed))
        assert fit_grid(points[None]) is None and fit_grid(points.reshape(1, 256, 2)) is None


def test_a_shifted_or_merged_lattice_is_still_one():
    shifted = fit_grid(lattice(32, 32, "cell", 0.0, "yx") + 0.25 / 32)
    assert (shifted.convention, shifted.exact) == ("regular", True)
    merged = fit_grid(lattice(256, 256, "cell", 0.0, "yx").bfloat16())
    assert (merged.convention, merged.sizes) == ("cell", (256, 256))


@pytest.mark.parametrize(
    ("values", "verdict", "period"),
    [
        ("", Verdict.INCONCLUSIVE, None),
        ("a", Verdict.INCONCLUSIVE, None),
        ("aa", Verdict.FROZEN, None),
        ("ab", Verdict.FRESH, None),
        ("aaa|aaa", Verdict.FROZEN, None),
        ("aaa|bbb", Verdict.ONCE_PER_EPOCH, None),
        ("aaa|b", Verdict.ONCE_PER_EPOCH, None),
        ("a|b|c", Verdict.FRESH, None),
        ("abc|abc", Verdict.CYCLING, 3),
        ("abc|ab", Verdict.CYCLING, 3),
        ("abab|abab", Verdict.CYCLING, 2),
        ("aabb|ccdd", Verdict.PERIODIC, 2),
        ("abca|cbac", Verdict.CYCLING, None),
        ("abac|adae", Verdict.PARTIAL, None),
        ("abc|def", Verdict.FRESH, None),
    ],
)
def test_verdicts_of_sequences(values, verdict, period):
    pairs = [(epoch, ord(value)) for epoch, part in enumerate(values.split("|")) for value in part]
    conclusion = classify(Timeline.of(pairs))
    assert (conclusion.verdict, conclusion.period) == (verdict, period)


@given(st.lists(st.integers(0, 3), min_size=2, max_size=40))
def test_the_smallest_period_holds_and_is_smallest(values):
    period = smallest_period(values)
    holds = [p for p in range(1, len(values) - 1) if all(values[i] == values[i - p] for i in range(p, len(values)))]
    assert period == (holds[0] if holds else None)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=60))
def test_a_fresh_verdict_never_hides_a_repetition(pairs):
    pairs.sort(key=lambda pair: pair[0])
    conclusion = classify(Timeline.of(pairs))
    values = [value for _, value in pairs]
    if conclusion.verdict is Verdict.FRESH:
        constant = all(
            len({v for e, v in pairs if e == epoch}) == sum(e == epoch for e, _ in pairs) for epoch in range(4)
        )
        assert constant and len(set(values)) >= 2


def test_a_long_history_keeps_bounded_memory_and_exact_totals():
    history = History()
    for number in range(60_000):
        history.add(number // 20_000, number % 20_000)
    timeline = history.timeline()
    assert (len(timeline.head), len(timeline.tail)) == (HEAD, TAIL)
    assert timeline.counters.batches == 60_000
    assert len(history._remembered) <= REMEMBERED
    assert timeline.counters.repeated_batches == 40_000
    conclusion = classify(timeline)
    assert (conclusion.verdict, conclusion.period) == (Verdict.CYCLING, 20_000)


def test_the_ring_gives_back_what_was_put_in_across_pages():
    ring = Ring(torch.device("cpu"), page_size=4)
    values = list(range(11))
    for value in values[:6]:
        ring.append(torch.tensor(value))
    first = ring.read()
    for value in values[6:]:
        ring.append(torch.tensor(value))
    assert first + ring.read(wait=True) == values


def test_every_word_has_advice_and_codes_are_linter_codes():
    for word in [*Verdict, *Flag]:
        advice = ADVICE[word]
        assert advice.meaning
        assert all(code.startswith("JIT") and len(code) == 6 for code in advice.codes)
        assert not is_violation(word) or advice.remedy


def test_the_dict_is_json(report_of):
    report = report_of("drift", "bug").to_dict()
    assert json.loads(json.dumps(report, allow_nan=False)) == report
