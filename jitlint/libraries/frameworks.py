"""What is known of the languages' and frameworks' own libraries: draws, data, layers.

Each entry has its source and the versions that it holds for; what was looked up in an installed package is named by its
file and the version that was read.
"""

from __future__ import annotations

from jitlint.libraries.facts import Fact, Library, What, names

PYTHON = Library(
    "python",
    r"python",
    (
        Fact(
            What.GLOBAL_SEED,
            names("random.seed random.setstate"),
            "https://docs.python.org/3/library/random.html",
            "python",
        ),
        Fact(What.GENERATOR, names("random.Random"), "https://docs.python.org/3/library/random.html#random.Random"),
    ),
)
NUMPY = Library(
    "numpy",
    r"numpy",
    (
        Fact(
            What.GLOBAL_SEED,
            names("numpy.random.seed numpy.random.set_state"),
            "https://numpy.org/doc/stable/reference/random/legacy.html",
            "numpy",
        ),
        Fact(
            What.GENERATOR,
            names("default_rng RandomState Generator mtrand.RandomState", "numpy.random."),
            "https://numpy.org/doc/stable/reference/random/generator.html",
        ),
    ),
)
TORCH = Library(
    "torch",
    r"(?:torch|pytorch)",
    (
        Fact(
            What.LOADER,
            names("torch.utils.data.DataLoader torch.utils.data.dataloader.DataLoader"),
            "https://pytorch.org/docs/stable/data.html",
        ),
        Fact(
            What.LOADER,
            names("torchdata.stateful_dataloader.StatefulDataLoader"),
            "https://github.com/pytorch/data, torchdata/stateful_dataloader, since torchdata 0.8",
        ),
        Fact(
            What.EPOCH_SAMPLER,
            names("torch.utils.data.DistributedSampler torch.utils.data.distributed.DistributedSampler"),
            # "calling the set_epoch() method at the beginning of each epoch [...] is necessary to make shuffling work"
            "https://pytorch.org/docs/stable/data.html#torch.utils.data.distributed.DistributedSampler",
        ),
        Fact(
            What.GLOBAL_SEED,
            names("torch.manual_seed torch.random.manual_seed torch.cuda.manual_seed_all"),
            "https://pytorch.org/docs/stable/notes/randomness.html",
            "torch",
        ),
        Fact(
            What.GENERATOR, names("torch.Generator"), "https://pytorch.org/docs/stable/generated/torch.Generator.html"
        ),
        Fact(
            What.SEEDS_WORKERS,
            names("torch.utils.data.DataLoader"),
            "https://github.com/pytorch/pytorch/releases/tag/v1.9.0, torch/utils/data/_utils/worker.py",
            "numpy",
            since=(1, 9),
        ),
        Fact(
            What.DROPS,
            names("dropout dropout1d dropout2d dropout3d", "torch.nn.functional."),
            "https://pytorch.org/docs/stable/nn.functional.html, torch/nn/functional.py",
            2,
        ),
        Fact(What.DROPS, names("torch.dropout"), "https://pytorch.org/docs/stable/torch.html, _VF.dropout", 2),
        Fact(
            What.DROPS,
            names("alpha_dropout feature_alpha_dropout", "torch.nn.functional."),
            "torch/nn/functional.py: their `training` is False by default, so only a constant True counts",
            -1,
        ),
        Fact(
            What.DROPPING_LAYER,
            names("Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout", "torch.nn."),
            "https://pytorch.org/docs/stable/nn.html#dropout-layers",
        ),
    ),
)
KERAS = Library(
    "keras",
    r"(?:keras|tensorflow(?:-cpu|-gpu)?|tf-nightly)",
    (
        Fact(
            What.DROPS_ALWAYS,
            names("tensorflow.nn.dropout tensorflow.nn.experimental.stateless_dropout"),
            "https://www.tensorflow.org/api_docs/python/tf/nn/dropout: has no `training`",
            since=(2, 0),
        ),
        Fact(
            What.KEEPS_ELEMENTS,
            names("cache snapshot"),
            "https://www.tensorflow.org/api_docs/python/tf/data/Dataset#cache",
        ),
        Fact(
            What.SEEDED_METHOD,
            names("random_transform get_random_transform"),
            "https://www.tensorflow.org/api_docs/python/tf/keras/preprocessing/image/ImageDataGenerator",
        ),
    ),
)
JAX = Library("jax", r"jax", (Fact(What.TAKES_KEYS, names("jax"), "https://docs.jax.dev/en/latest/jax.random.html"),))
FLAX = Library(
    "flax",
    r"flax",
    (
        Fact(What.TAKES_KEYS, names("flax"), "https://flax-linen.readthedocs.io/en/latest/guides/flax_fundamentals/"),
        Fact(
            What.DROPPING_LAYER,
            names("flax.linen.Dropout flax.nnx.Dropout"),
            "https://flax-linen.readthedocs.io/en/latest/, flax/linen/stochastic.py of 0.10.2: `deterministic`",
        ),
    ),
)
EQUINOX = Library(
    "equinox",
    r"equinox",
    (
        Fact(
            What.TAKES_KEYS,
            names("equinox"),
            "https://docs.kidger.site/equinox/api/nn/dropout/, equinox/nn/_dropout.py of 0.11.11: `key=`",
        ),
    ),
)
OPTAX = Library(
    "optax",
    r"optax",
    (
        Fact(
            What.TAKES_KEYS,
            names("optax"),
            "https://optax.readthedocs.io/en/latest/api/transformations.html, transforms/_adding.py of 0.2.4",
        ),
    ),
)
OTHER_JAX = Library(
    "haiku, distrax, numpyro",
    r"(?:dm-haiku|distrax|numpyro)",
    (
        Fact(
            What.TAKES_KEYS,
            names("haiku distrax numpyro"),
            "https://dm-haiku.readthedocs.io/, https://github.com/google-deepmind/distrax, https://num.pyro.ai/",
        ),
    ),
)
