"""Random generators: which library each belongs to, and what seeds it."""

from __future__ import annotations

# Classes (or makers) of generator objects that a program keeps for itself.
OWN_GENERATORS = frozenset(
    {
        "numpy.random.default_rng",
        "numpy.random.RandomState",
        "numpy.random.Generator",
        "numpy.random.mtrand.RandomState",
        "random.Random",
        "torch.Generator",
    }
)
# Those that take a seed as their first argument.
SEEDED_MAKERS = OWN_GENERATORS - {"numpy.random.Generator", "torch.Generator"}
# Methods that start a generator object again.
RESEEDS = frozenset("seed manual_seed setstate set_state set_random_state".split())

# Seeds of the global generators, by the library whose draws they decide.
GLOBAL_SEEDS = {
    "numpy": frozenset({"numpy.random.seed", "numpy.random.set_state"}),
    "python": frozenset({"random.seed", "random.setstate"}),
    "torch": frozenset({"torch.manual_seed", "torch.random.manual_seed", "torch.cuda.manual_seed_all"}),
    "imgaug": frozenset({"imgaug.seed", "imgaug.random.seed"}),
}
# Seeds of several libraries at once.
SEEDS_ALL = frozenset(
    "lightning.seed_everything lightning.pytorch.seed_everything pytorch_lightning.seed_everything "
    "lightning.fabric.utilities.seed.seed_everything transformers.set_seed accelerate.utils.set_seed "
    "monai.utils.set_determinism".split()
)
# Which library's global generator the transforms of a package draw from.
TRANSFORM_DRAWS = {
    "torchvision.transforms": "torch",  # since 0.8: torch.rand, before: random
    "kornia": "torch",
    "torchio": "torch",
    "torchaudio": "torch",
    "torch_audiomentations": "torch",
    "albumentations": "python",  # up to 1.4: random; since 2.0 a generator of its own, which torch seeds in workers
    "audiomentations": "python",  # random and numpy.random
    "imgaug": "imgaug",
    "skimage": "numpy",
    "monai.transforms": "own",  # Randomizable.R, which MONAI seeds in workers
}
# The first torch that seeds numpy in its workers: release notes of 1.9, torch/utils/data/_utils/worker.py.
NUMPY_SEEDED_SINCE = (1, 9)
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
