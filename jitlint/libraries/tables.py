"""What is known of each library: a table each, every entry with its source and the versions that it holds for.

What was looked up in an installed package is named by its file and the version that was read.
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
TORCHVISION = Library(
    "torchvision",
    r"torchvision",
    (
        Fact(
            What.DRAWS_FROM,
            names("torchvision.transforms"),
            "https://github.com/pytorch/vision/issues/2520",
            "torch",
            since=(0, 8),
        ),
        Fact(
            What.DRAWS_FROM,
            names("torchvision.transforms"),
            "https://github.com/pytorch/vision/issues/2520",
            "python",
            before=(0, 8),
        ),
        Fact(
            What.EPOCH_SAMPLER,
            names("torchvision.datasets.samplers.DistributedSampler"),
            "https://github.com/pytorch/vision, torchvision/datasets/samplers/clip_sampler.py",
        ),
        Fact(
            What.KEEPS_SIZE,
            names(
                "RandomHorizontalFlip RandomVerticalFlip ColorJitter RandomGrayscale RandomErasing RandomRotation "
                "RandomAffine RandomPerspective GaussianBlur RandomInvert RandomPosterize RandomSolarize RandomApply "
                "RandomAdjustSharpness RandomAutocontrast RandomEqualize AutoAugment RandAugment TrivialAugmentWide "
                "AugMix ElasticTransform"
            ),
            "https://pytorch.org/vision/stable/transforms.html",
        ),
        Fact(
            What.KEEPS_SIZE,
            names("RandomPhotometricDistort GaussianNoise RandomChannelPermutation"),
            "https://pytorch.org/vision/stable/transforms.html, torchvision.transforms.v2",
            since=(0, 15),
        ),
    ),
)
ALBUMENTATIONS = Library(
    "albumentations",
    r"albumentations",
    (
        Fact(
            What.DRAWS_FROM,
            names("albumentations"),
            "https://github.com/albumentations-team/albumentations/pull/58, core/transforms_interface.py of 1.4.20",
            "python",
            before=(1, 4, 21),
        ),
        Fact(
            What.DRAWS_FROM,
            names("albumentations"),
            "https://albumentations.ai/docs/4-advanced-guides/reproducibility, core/composition.py of 1.4.21",
            "own",
            since=(1, 4, 21),
        ),
        Fact(
            What.KEEPS_SIZE,
            names(
                "HorizontalFlip VerticalFlip RandomBrightnessContrast HueSaturationValue GaussNoise Rotate "
                "ShiftScaleRotate CoarseDropout Affine"
            ),
            "https://albumentations.ai/docs/reference/supported-targets-by-transform, augmentations/ of 1.3.1",
        ),
    ),
)
KORNIA = Library(
    "kornia",
    r"kornia",
    (
        Fact(
            What.DRAWS_FROM,
            names("kornia"),
            "https://kornia.readthedocs.io/en/latest/augmentation.html, augmentation/base.py of 0.7.3: torch.rand",
            "torch",
        ),
    ),
)
IMGAUG = Library(
    "imgaug",
    r"imgaug",
    (
        Fact(
            What.DRAWS_FROM,
            names("imgaug"),
            "https://github.com/aleju/imgaug/issues/659, imgaug/random.py of 0.4.0: get_global_rng",
            "imgaug",
        ),
        Fact(
            What.GLOBAL_SEED,
            names("imgaug.seed imgaug.random.seed"),
            "imgaug/imgaug.py and imgaug/random.py of 0.4.0",
            "imgaug",
        ),
    ),
)
MONAI = Library(
    "monai",
    r"monai(?:-weekly)?",
    (
        Fact(
            What.DRAWS_FROM,
            names("monai.transforms"),
            "monai/transforms/transform.py of 1.3.2: Randomizable.R, which monai.data.DataLoader seeds in workers",
            "own",
        ),
        Fact(
            What.LOADER,
            names("monai.data.DataLoader monai.data.ThreadDataLoader"),
            "https://docs.monai.io/en/stable/data.html, monai/data/dataloader.py and thread_buffer.py of 1.3.2",
        ),
        Fact(
            What.EPOCH_SAMPLER,
            names("monai.data.DistributedSampler monai.data.DistributedWeightedRandomSampler"),
            "https://docs.monai.io/en/stable/data.html, monai/data/samplers.py of 1.3.2",
        ),
        Fact(
            What.SEEDS_ALL,
            names("monai.utils.set_determinism"),
            "https://docs.monai.io/en/stable/utils.html, monai/utils/misc.py of 1.3.2",
        ),
        Fact(What.SEEDED_METHOD, names("set_random_state"), "monai/transforms/transform.py of 1.3.2: Randomizable"),
    ),
)
TORCHAUDIO = Library(
    "torchaudio",
    r"torchaudio",
    (
        Fact(
            What.DRAWS_FROM,
            names("torchaudio"),
            "https://pytorch.org/audio/stable/transforms.html, torchaudio/functional: mask_along_axis uses torch.rand",
            "torch",
        ),
    ),
)
AUDIOMENTATIONS = Library(
    "audiomentations",
    r"(?:torch-)?audiomentations",
    (
        Fact(
            What.DRAWS_FROM,
            names("audiomentations"),
            "https://iver56.github.io/audiomentations/, core/transforms_interface.py of 0.43.1: random, numpy.random",
            "python",
        ),
        Fact(
            What.DRAWS_FROM,
            names("torch_audiomentations torchio"),
            "https://github.com/asteroid-team/torch-audiomentations, https://docs.torchio.org: torch's generator",
            "torch",
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
DATASETS = Library(
    "datasets",
    r"datasets",
    (
        Fact(
            What.KEPT_DATASET,
            names(
                "load_dataset load_from_disk concatenate_datasets DatasetDict Dataset.from_dict Dataset.from_pandas "
                "Dataset.from_generator Dataset.from_list Dataset.from_csv",
                "datasets.",
            ),
            "https://huggingface.co/docs/datasets/about_cache, https://huggingface.co/docs/datasets/about_map_batch",
        ),
    ),
)
LIGHTNING = Library(
    "lightning",
    r"(?:pytorch-)?lightning",
    (
        Fact(
            What.SETS_EPOCH,
            names("lightning pytorch_lightning lightning_fabric"),
            "lightning/pytorch/loops/fit_loop.py and fabric/wrappers.py of 2.5.0: _set_sampler_epoch",
        ),
        Fact(
            What.SEEDS_ALL,
            names(
                "lightning.seed_everything lightning.pytorch.seed_everything pytorch_lightning.seed_everything "
                "lightning.fabric.utilities.seed.seed_everything"
            ),
            "https://lightning.ai/docs/pytorch/stable/common/trainer.html#reproducibility",
        ),
    ),
)
ACCELERATE = Library(
    "accelerate",
    r"accelerate",
    (
        Fact(What.SETS_EPOCH, names("accelerate"), "accelerate/data_loader.py of 1.2.1: DataLoaderShard.__iter__"),
        Fact(
            What.SEEDS_ALL,
            names("accelerate.utils.set_seed"),
            "https://huggingface.co/docs/accelerate/package_reference/utilities",
        ),
    ),
)
TRANSFORMERS = Library(
    "transformers",
    r"transformers",
    (
        Fact(
            What.SETS_EPOCH,
            names("transformers.Trainer transformers.Seq2SeqTrainer trl"),
            "https://github.com/huggingface/transformers, trainer.py: epoch_dataloader.set_epoch(epoch)",
        ),
        Fact(
            What.EPOCH_SAMPLER,
            names("DistributedSamplerWithLoop DistributedLengthGroupedSampler", "transformers.trainer_pt_utils."),
            "https://github.com/huggingface/transformers, trainer_pt_utils.py",
        ),
        Fact(
            What.SEEDS_ALL,
            names("transformers.set_seed"),
            "https://huggingface.co/docs/transformers/internal/trainer_utils",
        ),
    ),
)
TRAINERS = Library(
    "other trainers",
    r"(?:mosaicml|mmengine|mmcv|catalyst|fastai|detectron2|pytorch-ignite|torchtnt|fairseq)",
    (
        Fact(What.SETS_EPOCH, names("composer"), "https://github.com/mosaicml/composer, Trainer._train_loop"),
        Fact(What.SETS_EPOCH, names("mmengine"), "https://mmengine.readthedocs.io/en/latest/api/hooks.html"),
        Fact(
            What.SETS_EPOCH,
            names("mmcv.runner"),
            "https://mmcv.readthedocs.io/en/v1.7.0/, runner/hooks/sampler_seed.py: DistSamplerSeedHook",
            before=(2, 0),
        ),
        Fact(
            What.SETS_EPOCH,
            names("catalyst fastai"),
            "https://catalyst-team.github.io/catalyst/, https://docs.fast.ai/",
        ),
        Fact(
            What.SETS_EPOCH,
            names("detectron2"),
            "https://detectron2.readthedocs.io/en/latest/modules/data.html: its samplers are endless",
        ),
        Fact(
            What.SETS_EPOCH,
            names("ignite.contrib.engines ignite.distributed"),
            "https://pytorch.org/ignite/contrib/engines.html: setup_common_training_handlers(train_sampler=...)",
        ),
        Fact(What.SETS_EPOCH, names("torchtnt"), "https://pytorch.org/tnt/stable/framework/train.html"),
        Fact(What.SETS_EPOCH, names("fairseq"), "https://github.com/facebookresearch/fairseq, data/iterators.py"),
    ),
)
TIMM = Library(
    "timm",
    r"timm",
    (
        Fact(
            What.EPOCH_SAMPLER,
            names("timm.data.distributed_sampler.RepeatAugSampler"),
            "timm/data/distributed_sampler.py of 1.0.9",
        ),
    ),
)
GYMNASIUM = Library(
    "gymnasium",
    r"(?:gymnasium|gym)",
    (
        Fact(
            What.SEEDED_METHOD,
            names("reset"),
            "https://gymnasium.farama.org/api/env/#gymnasium.Env.reset, gymnasium/core.py of 1.0.0",
        ),
    ),
)
TORCH_GEOMETRIC = Library(
    "torch_geometric",
    r"torch[-_]geometric",
    (
        Fact(
            What.LOADER,
            names("torch_geometric.loader.DataLoader"),
            "https://pytorch-geometric.readthedocs.io/en/latest/modules/loader.html, loader/dataloader.py of 2.6.1",
            since=(2, 0),
        ),
        Fact(
            What.LOADER,
            names("torch_geometric.data.DataLoader"),
            "https://github.com/pyg-team/pytorch_geometric/releases/tag/2.0.0",
            before=(2, 0),
        ),
        Fact(
            What.DROPS,
            names("torch_geometric.utils.dropout_adj"),
            "torch_geometric/utils/dropout.py of 2.0.4 and 2.6.1",
            5,
        ),
        Fact(
            What.DROPS,
            names("dropout_edge dropout_node", "torch_geometric.utils."),
            "torch_geometric/utils/dropout.py of 2.6.1",
            3,
            since=(2, 1),
        ),
        Fact(
            What.DROPS,
            names("torch_geometric.utils.dropout_path"),
            "torch_geometric/utils/dropout.py of 2.6.1",
            6,
            since=(2, 1),
        ),
    ),
)
DGL = Library(
    "dgl",
    r"dgl",
    (
        Fact(
            What.LOADER, names("dgl.dataloading.GraphDataLoader"), "https://docs.dgl.ai/api/python/dgl.dataloading.html"
        ),
    ),
)
LIBRARIES = (
    PYTHON, NUMPY, TORCH, TORCHVISION, ALBUMENTATIONS, KORNIA, IMGAUG, MONAI, TORCHAUDIO, AUDIOMENTATIONS, KERAS, JAX,
    FLAX, EQUINOX, OPTAX, OTHER_JAX, DATASETS, LIGHTNING, ACCELERATE, TRANSFORMERS, TRAINERS, TIMM, GYMNASIUM,
    TORCH_GEOMETRIC, DGL,
)  # fmt: skip


def facts(what: What) -> tuple[tuple[Library, Fact], ...]:
    """Every fact of one kind, with its library."""
    return tuple((library, fact) for library in LIBRARIES for fact in library.facts if fact.what is what)


def all_names(what: What) -> frozenset[str]:
    """The names of every fact of one kind, whatever the version: no name means two things."""
    return frozenset(name for _, fact in facts(what) for name in fact.names)
