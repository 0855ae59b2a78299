"""Loaders, samplers and the trainers that look after them."""

from __future__ import annotations

# Classes that iterate a data set in batches; `num_workers=0` is the default of all of them.
LOADERS = frozenset(
    {
        "torch.utils.data.DataLoader",
        "torch.utils.data.dataloader.DataLoader",
        "torch_geometric.loader.DataLoader",  # a subclass of torch's
        "torch_geometric.data.DataLoader",  # its name before torch_geometric 2.0
        "torchdata.stateful_dataloader.StatefulDataLoader",
        "monai.data.DataLoader",
        "monai.data.ThreadDataLoader",
        "dgl.dataloading.GraphDataLoader",
    }
)

# DataLoader(dataset, batch_size, shuffle, sampler, batch_sampler, num_workers, ...)
WORKERS_POSITION = 5
# What a worker asks of a data set, and of what makes batches of its samples.
SAMPLE_METHODS = ("__getitem__", "__getitems__", "__iter__", "__next__")

# Samplers whose order depends on `seed + epoch`, so that someone has to tell them the epoch.
# torch/utils/data/distributed.py: "In distributed mode, calling the set_epoch() method at the beginning of each epoch
# [...] is necessary to make shuffling work properly across multiple epochs."
EPOCH_SAMPLERS = frozenset(
    {
        "torch.utils.data.DistributedSampler",
        "torch.utils.data.distributed.DistributedSampler",
        "monai.data.DistributedSampler",
        "monai.data.DistributedWeightedRandomSampler",
        "torchvision.datasets.samplers.DistributedSampler",
        "transformers.trainer_pt_utils.DistributedSamplerWithLoop",
        "transformers.trainer_pt_utils.DistributedLengthGroupedSampler",
        "timm.data.distributed_sampler.RepeatAugSampler",
    }
)
SHUFFLE_POSITION = 3  # of DistributedSampler(dataset, num_replicas, rank, shuffle, seed, drop_last)

# Libraries that call `set_epoch` themselves, or wrap the loader in one that does.
SETS_EPOCH = frozenset(
    {
        "lightning",  # FitLoop.advance: _set_sampler_epoch(loader, epoch)
        "pytorch_lightning",
        "lightning_fabric",  # _FabricDataLoader.__iter__
        "accelerate",  # DataLoaderShard.__iter__: self.set_epoch(self.iteration)
        "transformers.Trainer",  # Trainer._inner_training_loop: epoch_dataloader.set_epoch(epoch)
        "transformers.Seq2SeqTrainer",
        "trl",
        "composer",  # Trainer._train_loop: dataloader.sampler.set_epoch(...)
        "mmengine",  # DistSamplerSeedHook
        "mmcv.runner",  # DistSamplerSeedHook, before mmcv 2.0
        "catalyst",
        "fastai",
        "detectron2",  # its samplers are endless
        "ignite.contrib.engines",  # common.setup_common_training_handlers(train_sampler=...)
        "ignite.distributed",  # auto_dataloader
        "torchtnt",
        "fairseq",
    }
)

# Calls that count.
COUNTS = frozenset("range trange count arange xrange master_bar".split())
# Calls that hand on what they iterate.
ITERATES = frozenset(
    "enumerate tqdm trange zip islice cycle iter next list tuple reversed track prefetch progress_bar chain "
    "ParallelLoader MpDeviceLoader per_device_loader log_every prepare setup setup_dataloaders".split()
)

# Calls that train on batches which the function given as `data_collator` puts together:
# https://huggingface.co/docs/transformers/main_classes/trainer
COLLATING_TRAINERS = frozenset({"transformers.Trainer", "transformers.Seq2SeqTrainer"})
