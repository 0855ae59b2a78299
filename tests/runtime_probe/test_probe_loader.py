"""probe_loader against the truth table of PyTorch's worker seeding, with real worker processes."""

import pytest
import torch
from torch.utils.data import DataLoader

from runtime_probe import Flag, StaleCoordinatesError, Verdict, probe_loader
from tests.runtime_probe import loader_datasets as sets

GLOBAL = [sets.GlobalNumpy, sets.GlobalPython, sets.GlobalTorch]
OWN = [sets.OwnTorch, sets.OwnNumpy, sets.OwnRandomState, sets.OwnPython]


def watch(dataset, workers=2, persistent=False, start="fork", epochs=2, reseed=False, **options):
    torch.manual_seed(0)
    context = start if workers else None
    loader = probe_loader(
        DataLoader(
            dataset,
            batch_size=2,
            num_workers=workers,
            persistent_workers=persistent,
            multiprocessing_context=context,
            **options,
        )
    )
    for _ in range(epochs):
        if reseed:
            torch.manual_seed(5)
        for batch in loader:
            assert isinstance(batch, torch.Tensor)
    return loader.report()


def columns(report):
    return report.same_across_workers, report.same_every_epoch


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("make", GLOBAL)
def test_global_generators_are_seeded_per_worker_and_epoch(make, persistent):
    report = watch(make(), persistent=persistent)
    assert columns(report) == (False, False)
    assert report.verdict is Verdict.FRESH
    assert not report.violations


@pytest.mark.parametrize("make", OWN)
def test_own_generators_are_copied_to_every_worker_and_replayed_every_epoch(make):
    report = watch(make())
    assert columns(report) == (True, True)
    assert report.verdict is Verdict.CYCLING
    assert Flag.WORKERS_DUPLICATED in report.flags


@pytest.mark.parametrize("make", OWN)
def test_persistent_workers_continue_their_copies(make):
    report = watch(make(), persistent=True)
    assert columns(report) == (True, False)
    assert report.flags == {Flag.WORKERS_DUPLICATED}


@pytest.mark.parametrize("persistent", [False, True])
def test_a_constant_seed_in_getitem_repeats_everywhere(persistent):
    assert columns(watch(sets.ConstantSeed(), persistent=persistent)) == (True, True)


@pytest.mark.parametrize("persistent", [False, True])
def test_a_seed_by_index_repeats_every_epoch(persistent):
    report = watch(sets.IndexSeed(), persistent=persistent)
    assert columns(report) == (False, True)
    assert report.verdict is Verdict.CYCLING


@pytest.mark.parametrize("persistent", [False, True])
def test_entropy_never_repeats(persistent):
    assert columns(watch(sets.FromEntropy(), persistent=persistent)) == (False, False)


@pytest.mark.parametrize("make", [sets.GlobalNumpy, sets.GlobalTorch, sets.OwnPython, sets.IndexSeed])
def test_manual_seed_in_every_epoch_repeats_the_epochs(make):
    assert watch(make(), reseed=True).same_every_epoch


@pytest.mark.parametrize(
    ("make", "persistent", "expected"),
    [
        (sets.GlobalTorch, False, (False, False)),
        (sets.OwnNumpy, False, (True, True)),
        (sets.OwnNumpy, True, (True, False)),
        (sets.ConstantSeed, True, (True, True)),
    ],
)
def test_spawned_workers_follow_the_same_table(make, persistent, expected):
    assert columns(watch(make(), start="spawn", persistent=persistent)) == expected


def test_own_generator_reseeded_by_worker_init_is_fresh():
    report = watch(sets.OwnTorch(), worker_init_fn=sets.reseed_own)
    assert columns(report) == (False, False)
    assert not report.violations


def test_shuffling_does_not_hide_a_replayed_stream():
    assert watch(sets.OwnTorch(), shuffle=True).verdict is Verdict.CYCLING


@pytest.mark.parametrize("workers", [0, 2])
def test_caching_the_deterministic_part_is_silent(workers):
    report = watch(sets.CachedBase(), workers=workers)
    assert report.verdict is Verdict.FRESH
    assert not report.violations


def test_caching_the_augmented_sample_repeats_it():
    assert watch(sets.CachedAll(), workers=0).verdict is Verdict.CYCLING


def test_no_randomness_at_all_is_frozen():
    assert watch(sets.Plain(), workers=0).verdict is Verdict.FROZEN


def test_one_epoch_is_inconclusive():
    assert watch(sets.GlobalTorch(), workers=0, epochs=1).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("make", [sets.Batched, sets.Streamed])
def test_batched_and_iterable_data_sets(make):
    assert watch(make(), workers=2).verdict is Verdict.FRESH


def test_batch_size_none_and_pinned_attributes_pass_through():
    loader = probe_loader(DataLoader(sets.GlobalTorch(), batch_size=None))
    assert len(list(loader)) == len(loader) == 8
    assert loader.batch_size is None


@pytest.mark.parametrize(("make", "jittered"), [(sets.GlobalTorch, True), (sets.Plain, False)])
def test_evaluation_loaders_should_repeat(make, jittered):
    loader = probe_loader(DataLoader(make(), batch_size=2), evaluation=True)
    for _ in range(2):
        list(loader)
    assert (Flag.EVAL_JITTER in loader.flags) is jittered
    assert bool(loader.report().violations) is jittered


def test_the_policy_acts_at_the_end_of_an_epoch():
    loader = probe_loader(DataLoader(sets.CachedAll(), batch_size=2), on_violation="raise")
    list(loader)
    with pytest.raises(StaleCoordinatesError, match="CYCLING"):
        list(loader)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_samples_are_the_same_with_and_without_the_probe(workers):
    def epochs(wrap):
        torch.manual_seed(0)
        loader = wrap(DataLoader(sets.GlobalTorch(), batch_size=2, num_workers=workers, shuffle=True))
        return torch.cat([batch for _ in range(2) for batch in loader]), torch.get_rng_state()

    plain, state = epochs(lambda loader: loader)
    probed, state_probed = epochs(probe_loader)
    assert torch.equal(plain, probed)
    assert torch.equal(state, state_probed)


def test_off_by_environment(monkeypatch):
    monkeypatch.setenv("RUNTIME_PROBE", "off")
    loader = probe_loader(DataLoader(sets.OwnTorch(), batch_size=2))
    assert len(list(loader)) == 4
    assert loader.verdict is Verdict.INCONCLUSIVE


def test_only_loaders_are_accepted():
    with pytest.raises(ValueError, match="not list"):
        probe_loader([1, 2])
