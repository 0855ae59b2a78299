"""Loaders, samplers and the trainers that look after them."""

from __future__ import annotations

from jitlint.libraries.facts import What
from jitlint.libraries.tables import all_names

# Classes that iterate a data set in batches; `num_workers=0` is the default of all of them.
LOADERS = all_names(What.LOADER)
# DataLoader(dataset, batch_size, shuffle, sampler, batch_sampler, num_workers, ...)
WORKERS_POSITION = 5
# What a worker asks of a data set, and of what makes batches of its samples.
SAMPLE_METHODS = ("__getitem__", "__getitems__", "__iter__", "__next__")

# Samplers whose order depends on `seed + epoch`, so that someone has to tell them the epoch.
EPOCH_SAMPLERS = all_names(What.EPOCH_SAMPLER)
SHUFFLE_POSITION = 3  # of DistributedSampler(dataset, num_replicas, rank, shuffle, seed, drop_last)

# Libraries that call `set_epoch` themselves, or wrap the loader in one that does.
SETS_EPOCH = all_names(What.SETS_EPOCH)

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
