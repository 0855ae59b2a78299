"""What old programs for a GPU need of their environment to run here: each function is one shim, by its name."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any


def cuda() -> None:
    """One device, which is the CPU, for programs that ask no questions."""
    import torch

    namespace: Any = torch
    real = torch.device

    class Kind(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, real)

        def __call__(cls, *args: Any, **options: Any) -> torch.device:
            asked = str(args[0] if args else options.get("type", ""))
            return real("cpu") if asked.startswith("cuda") else real(*args, **options)

    namespace.device = Kind("device", (), {})
    kinds: tuple[Any, ...] = (torch.Tensor, torch.nn.Module)
    for kind in kinds:
        kind.cuda = lambda self, *args, **options: self
    devices: Any = torch.cuda
    devices.set_device = lambda device: None
    devices.synchronize = lambda device=None: None
    devices.current_device = lambda: 0
    devices.device_count = lambda: 1
    devices.get_device_name = lambda device=None: "CPU"
    set_type = torch.set_default_tensor_type
    namespace.set_default_tensor_type = lambda kind: None if "cuda" in str(kind) else set_type(kind)


def one_rank() -> None:
    """A process group of one over gloo, where a launcher would have made one over NCCL."""
    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    make: Any = torch.nn.parallel.DistributedDataParallel.__init__

    def without_devices(self: Any, module: Any, device_ids: Any = None, output_device: Any = None, **more: Any) -> None:
        make(self, module, **more)

    wrapper: Any = torch.nn.parallel.DistributedDataParallel
    wrapper.__init__ = without_devices


def old_numpy() -> None:
    """Names that NumPy and Pillow had when the programs were written."""
    import numpy as np
    from PIL import Image

    names = {"float": float, "int": int, "product": np.prod, "Inf": np.inf}
    for module, values in ((np, names), (Image, {"ANTIALIAS": Image.Resampling.LANCZOS})):
        for name, value in values.items():
            setattr(module, name, value)


def old_dataclasses() -> None:
    """Instances of data classes as defaults of others, as before Python 3.11."""
    import dataclasses

    make: Any = dataclasses.dataclass

    def hashable(kind: Any) -> Any:
        kind.__hash__ = kind.__hash__ or object.__hash__
        return kind

    def dataclass(kind: Any = None, **options: Any) -> Any:
        return hashable(make(kind, **options)) if kind else lambda kind: hashable(make(kind, **options))

    replaced: Any = dataclasses
    replaced.dataclass = dataclass


def old_transformers() -> None:
    """Arguments that the Trainer and `load_dataset` had."""
    import datasets
    import transformers

    trainer: Any = transformers.Trainer
    make, load = trainer.__init__, datasets.load_dataset

    def renamed(self: Any, *args: Any, tokenizer: Any = None, **options: Any) -> None:
        make(self, *args, processing_class=tokenizer, **options)

    def cast(*args: Any, task: Any = None, **options: Any) -> Any:
        return load(*args, **options).rename_column("label", "labels")

    trainer.__init__, datasets.load_dataset = renamed, cast
    arguments: Any = transformers.TrainingArguments
    arguments.overwrite_output_dir = True


def unchecked_downloads() -> None:
    """Take synthetic files of torchvision's data sets as the real ones."""
    import torchvision.datasets.utils as utils
    from torchvision.datasets import cifar

    checks: tuple[Any, ...] = (utils, cifar)
    for module in checks:
        module.check_integrity = lambda file, md5=None: Path(file).is_file()


def no_searchsorted() -> None:
    """torch's own function in place of the CUDA extension of nerf_pl's submodule."""
    import torch

    module: Any = types.ModuleType("torchsearchsorted")
    module.searchsorted = torch.searchsorted
    sys.modules["torchsearchsorted"] = module


def old_lightning() -> None:
    """What PyTorch Lightning 0.7 uses of setuptools and of torch's schedulers."""
    import torch
    from packaging.version import parse

    schedulers: Any = torch.optim.lr_scheduler
    schedulers._LRScheduler = schedulers.LRScheduler

    module: Any = types.ModuleType("pkg_resources")
    module.declare_namespace = lambda name: None
    module.parse_version = parse
    sys.modules["pkg_resources"] = module


def tensorflow_is_torch() -> None:
    """`sin` and the like for deepxde's examples, which name TensorFlow and say in a comment to edit that."""
    import deepxde.backend
    import torch

    deepxde.backend.tf = torch


def no_audio() -> None:
    """An empty torchaudio, where its build for CPUs cannot be had: its data sets are named and not used."""
    audio: Any = types.ModuleType("torchaudio")
    audio.datasets = types.SimpleNamespace(LIBRISPEECH=object)
    sys.modules["torchaudio"] = audio


SHIMS: dict[str, Callable[[], None]] = {
    shim.__name__: shim
    for shim in (
        cuda, one_rank, old_numpy, old_dataclasses, old_transformers, unchecked_downloads, no_searchsorted,
        old_lightning, tensorflow_is_torch, no_audio,
    )
}  # fmt: skip
