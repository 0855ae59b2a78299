"""What is known of trainers, and of libraries of data, models and environments.

Each entry has its source and the versions that it holds for; what was looked up in an installed package is named by its
file and the version that was read.
"""

from __future__ import annotations

from jitlint.libraries.facts import Fact, Library, What, names

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
