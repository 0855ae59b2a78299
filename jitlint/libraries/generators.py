"""Random generators: which library each belongs to, and what seeds it."""

from __future__ import annotations

from jitlint.libraries.facts import What
from jitlint.libraries.tables import all_names, facts

# Classes (or makers) of generator objects that a program keeps for itself.
OWN_GENERATORS = all_names(What.GENERATOR)
# Those that take a seed as their first argument.
SEEDED_MAKERS = OWN_GENERATORS - {"numpy.random.Generator", "torch.Generator"}
# Methods that start a generator object again.
RESEEDS = frozenset("seed manual_seed setstate set_state set_random_state".split())

# Seeds of the global generators, by the library whose draws they decide.
GLOBAL_SEEDS = {str(fact.detail): frozenset(fact.names) for _, fact in facts(What.GLOBAL_SEED)}
# Seeds of several libraries at once.
SEEDS_ALL = all_names(What.SEEDS_ALL)
# The first torch that seeds numpy in its workers.
NUMPY_SEEDED_SINCE = next(fact.since for _, fact in facts(What.SEEDS_WORKERS) if fact.since is not None)
# Libraries with a global generator of their own that torch does not seed in its workers.
# imgaug: every augmenter draws from its module's generator (issue 659: all workers sample the same)
UNSEEDED = frozenset({"imgaug"})
RESEEDING_METHODS = frozenset("reseed seed_ localize_random_state to_deterministic".split())
# What differs in every epoch: torch makes a new base seed for the workers of each pass.
# torch/utils/data/dataloader.py, _BaseDataLoaderIter: self._base_seed = loader._get_shared_seed() or random_
FRESH_SEEDS = frozenset(
    "torch.initial_seed torch.random.initial_seed torch.seed torch.utils.data.get_worker_info os.urandom time.time "
    "time.time_ns time.perf_counter time.perf_counter_ns datetime.datetime.now numpy.random.get_state "
    "random.getstate torch.get_rng_state secrets.randbits uuid.uuid4".split()
)
