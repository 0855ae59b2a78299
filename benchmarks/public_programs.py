"""The public training programs of docs/probe-field.md: how to run each, what is true of it, and bugs to plant.

A planted bug is a statement of ours that is put at the head of a function or at the end of a file, named by its place;
no line of the programs is repeated here.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import public_data


@dataclass(frozen=True)
class Bug:
    """`statement` goes to the head of the function `place` (`f`, `Class.f`), or below all else if it is empty."""

    what: str
    file: str
    place: str
    statement: str
    verdicts: tuple[str, ...]

    def plant(self, folder: Path) -> None:
        file = folder / self.file
        lines = file.read_text().splitlines()
        if not self.place:
            file.write_text("\n".join([*lines, self.statement, ""]))
            return
        first = _function(ast.parse("\n".join(lines)), self.place).body[0]
        if not isinstance(first, ast.stmt):
            raise TypeError(self.place)
        indent = " " * first.col_offset
        new = [f"{indent}{line}" for line in self.statement.splitlines()]
        file.write_text("\n".join([*lines[: first.lineno - 1], *new, *lines[first.lineno - 1 :], ""]))


def _function(tree: ast.Module, place: str) -> ast.FunctionDef:
    body: list[ast.stmt] = tree.body
    *classes, name = place.split(".")
    for owner in classes:
        body = next(node.body for node in body if isinstance(node, ast.ClassDef) and node.name == owner)
    return next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == name)


@dataclass(frozen=True)
class Program:
    """`verdicts` are the right answers; `violation` says whether one of them is a bug of the program itself."""

    name: str
    folder: str
    script: str
    arguments: str
    truth: str
    verdicts: tuple[str, ...]
    data: Callable[[Path], None] = public_data.nothing
    violation: bool = False
    shims: tuple[str, ...] = ()
    steps: int | None = None
    where: str = "."  # the folder that it is started in
    beside: str = ""  # a folder of packages beside the programs, for those that need old ones
    bugs: tuple[Bug, ...] = ()


PROGRAMS = (
    Program(
        "pytorch/examples vae", "examples", "main.py", "--epochs 2",
        "no augmentation; the network samples", ("NOTHING_DRAWN",), public_data.mnist, where="vae",
        bugs=(Bug("seed before the latent is drawn", "vae/main.py", "VAE.reparameterize", "torch.manual_seed(0)",
                  ("CYCLING",)),),
    ),
    Program(
        "pytorch/examples mnist", "examples", "main.py", "--epochs 2",
        "no augmentation; dropout", ("NOTHING_DRAWN",), public_data.mnist, where="mnist",
        bugs=(Bug("seed in every forward: the same dropout", "mnist/main.py", "Net.forward", "torch.manual_seed(0)",
                  ("CYCLING",)),
              Bug("the training function evaluates", "mnist/main.py", "Net.forward", "self.eval()",
                  ("LOST_TRAINING_MODE",)),),
    ),
    Program(
        "pytorch/examples dcgan", "examples", "main.py",
        "--dataset fake --niter 2 --imageSize 64 --batchSize 64 --ngf 8 --ndf 8 --manualSeed 0 --workers 0",
        "a new latent for every batch", ("FRESH",), where="dcgan", steps=24,
        bugs=(Bug("seed at each pass of the discriminator", "dcgan/main.py", "Discriminator.forward",
                  "torch.manual_seed(0)", ("CYCLING",)),),
    ),
    Program(
        "nanoGPT", "nanoGPT", "train.py",
        "config/train_shakespeare_char.py --device=cpu --compile=False --eval_iters=2 --log_interval=1 --block_size=32"
        " --batch_size=4 --n_layer=2 --n_head=2 --n_embd=32 --max_iters=60 --eval_interval=30 --dropout=0.0",
        "random crops of the text, no augmentation", ("NOTHING_DRAWN",), public_data.characters,
        bugs=(Bug("seed in `get_batch`", "train.py", "get_batch", "torch.manual_seed(0)", ("CYCLING",)),),
    ),
    Program(
        "pointnet.pytorch", "pointnet.pytorch", "utils/train_classification.py",
        "--dataset shapes --nepoch 3 --batchSize 8 --num_points 64 --workers 2",
        "rotation and jitter in training; the test set resamples its points", ("EVAL_JITTER",), public_data.shapes,
        violation=True, shims=("cuda",),
        bugs=(Bug("a constant seed for every sample", "pointnet/dataset.py", "ShapeNetDataset.__getitem__",
                  "np.random.seed(0)", ("CYCLING",)),),
    ),
    Program(
        "SimCLR", "SimCLR", "run.py",
        "-dataset-name cifar10 --epochs 3 -b 16 -j 2 --disable-cuda --log-every-n-steps 1 --out_dim 16",
        "two augmented views", ("FRESH",), public_data.cifar10, shims=("unchecked_downloads",), steps=12,
        bugs=(Bug("a seed for every view", "data_aug/view_generator.py", "ContrastiveLearningViewGenerator.__call__",
                  "import torch, random\ntorch.manual_seed(0)\nrandom.seed(0)\nnp.random.seed(0)", ("CYCLING",)),),
    ),
    Program(
        "CleanRL ppo.py", "cleanrl", "cleanrl/ppo.py", "--total-timesteps 2048 --no-cuda --seed 1",
        "order drawn in every update epoch", ("NOTHING_DRAWN",),
        bugs=(Bug("seed at every evaluation of actions", "cleanrl/ppo.py", "Agent.get_action_and_value",
                  "torch.manual_seed(0)\nnp.random.seed(0)", ("CYCLING",)),),
    ),
    Program(
        "SIREN train_sdf.py", "siren", "experiment_scripts/train_sdf.py",
        "--experiment_name tiny --batch_size 200 --num_epochs 4 --steps_til_summary 1000 --point_cloud_path sphere.xyz",
        "points on the surface and beside it drawn anew in every step", ("FRESH",), public_data.surface,
        shims=("cuda", "old_numpy"), steps=24,
        bugs=(Bug("a constant seed for every sample", "dataio.py", "PointCloud.__getitem__", "np.random.seed(0)",
                  ("CYCLING", "FROZEN")),
              Bug("samples are kept", "dataio.py", "",
                  "import functools\nPointCloud.__getitem__ = functools.cache(PointCloud.__getitem__)", ("CYCLING",)),),
    ),
    Program(
        "ArSSR (MRI)", "ArSSR", "train.py",
        "-encoder_name SRResnet -decoder_depth 4 -decoder_width 8 -feature_dim 4 -epoch 3 -bs 1 -ss 500",
        "a random scale and a new selection of voxels; its validation draws a scale too", ("EVAL_JITTER",),
        public_data.volumes, violation=True, shims=("cuda",),
        bugs=(Bug("a constant seed for every sample", "data.py", "ImgTrain.__getitem__",
                  "np.random.seed(0)\nrandom.seed(0)", ("CYCLING", "FROZEN")),),
    ),
    Program(
        "trans-inr, pictures", "trans-inr", "run_trainer.py", "--cfg tiny.yaml",
        "the full clean grid in every step, no jitter", ("CLEAN_GRID",), public_data.trans_inr_images, violation=True,
        shims=("cuda",),
    ),
    Program(
        "trans-inr, views", "trans-inr", "run_trainer.py", "--cfg tiny.yaml",
        "views, rays and depths drawn anew; its validation draws views and rays", ("EVAL_JITTER",),
        public_data.trans_inr_views, violation=True, shims=("cuda",),
        bugs=(Bug("a seed before the depths are drawn", "utils/geometry.py", "volume_rendering", "torch.manual_seed(0)",
                  ("CYCLING",)),),
    ),
    Program(
        "ginr-ipc", "ginr-ipc", "src/main_stage_inr.py",
        "-m configs/image/transinr/imagenette178_transinr.yaml arch.latent_mapping.latent_dim=32"
        " arch.transformer.n_layer=1 arch.transformer.embed_dim=32 arch.transformer.block.n_head=2"
        " arch.n_weight_groups=[4] arch.hyponet.hidden_dim=[16] arch.hyponet.n_layer=3"
        " arch.hyponet.fourier_mapping.ff_dim=16 loss.subsample.type=random experiment.epochs=3"
        " experiment.test_imlog_freq=1000 experiment.amp=False",
        "noise on the coordinates and a new selection of them in every step", ("FRESH",), public_data.imagenette,
        shims=("cuda", "one_rank", "old_numpy", "old_dataclasses", "no_audio"), steps=24,
        bugs=(Bug("a seed before the coordinates are made", "src/models/generalizable_INR/modules/coord_sampler.py",
                  "CoordSampler.base_sampler", "torch.manual_seed(0)", ("CYCLING",)),),
    ),
    Program(
        "nerf-pytorch", "nerf-pytorch", "run_nerf.py",
        "--expname tiny --datadir scene --dataset_type blender --no_batching --N_rand 64 --N_samples 8 --netdepth 2"
        " --netwidth 16 --use_viewdirs --white_bkgd --i_weights 10000",
        "new rays and stratified depths in every step", ("FRESH",), public_data.blender, shims=("cuda",), steps=40,
        bugs=(Bug("a seed before the rays are rendered", "run_nerf.py", "render", "torch.manual_seed(0)",
                  ("CYCLING",)),),
    ),
    Program(
        "nerf-pytorch --perturb 0", "nerf-pytorch", "run_nerf.py",
        "--expname tiny --datadir scene --dataset_type blender --no_batching --N_rand 64 --N_samples 8 --netdepth 2"
        " --netwidth 16 --use_viewdirs --white_bkgd --i_weights 10000 --perturb 0",
        "new rays, depths not jittered", ("NOTHING_DRAWN",), public_data.blender, shims=("cuda",), steps=40,
    ),
    Program(
        "nerf_pl (Lightning)", "nerf_pl", "train.py",
        "--root_dir scene --dataset_name blender --img_wh 16 16 --N_samples 8 --N_importance 0 --batch_size 256"
        " --num_epochs 3 --num_gpus 0 --exp_name tiny",
        "shuffled rays and stratified depths in every step; its validation jitters its depths too", ("EVAL_JITTER",),
        public_data.blender, violation=True,
        shims=("cuda", "old_numpy", "no_searchsorted", "old_lightning"), beside="pytorch-lightning-0.7.5",
        bugs=(Bug("a seed before the rays are rendered", "models/rendering.py", "render_rays",
                  "torch.manual_seed(0)", ("CYCLING",)),),
    ),
    Program(
        "deepxde Burgers.py", "deepxde", "Burgers.py", "",
        "points drawn once, the same in every step, by default", ("FROZEN",), violation=True, steps=40,
        where="examples/pinn_forward",
    ),
    Program(
        "deepxde diffusion_1d_resample.py", "deepxde", "examples/pinn_forward/diffusion_1d_resample.py", "",
        "points drawn every 100 steps", ("PERIODIC",), steps=450, shims=("tensorflow_is_torch",),
        bugs=(Bug("a seed before the points are drawn", "deepxde/data/pde.py", "PDE.resample_train_points",
                  "np.random.seed(0)", ("FROZEN", "CYCLING")),),
    ),
    Program(
        "deepxde wave_1d.py", "deepxde", "examples/pinn_forward/wave_1d.py", "",
        "points inside drawn in every step, those on the boundary fixed", ("FRESH", "PARTIAL"), steps=30,
    ),
    Program(
        "denoising-diffusion-pytorch", "denoising-diffusion-pytorch", "train.py", "",
        "random flips; noise and time steps new in every step", ("FRESH",), public_data.diffusion,
        bugs=(Bug("a seed in `p_losses`", "denoising_diffusion_pytorch/denoising_diffusion_pytorch.py",
                  "GaussianDiffusion.p_losses", "torch.manual_seed(0)", ("CYCLING",)),),
    ),
    Program(
        "Hugging Face Trainer, `set_transform`", "amortized-attribution", "train_classifier.py",
        "--train_dir pictures/train --validation_dir pictures/validation --dataset_cache_dir ./cache"
        " --classifier_model_name_or_path ./tiny --output_dir out --do_train --remove_unused_columns False"
        " --per_device_train_batch_size 8 --num_train_epochs 3 --eval_strategy epoch --report_to none --use_cpu True",
        "random crops and flips of the training pictures", ("FRESH",), public_data.vision_transformer,
        shims=("old_transformers",),
        bugs=(Bug("a seed in every transform", "utils.py", "get_image_transform", "torch.manual_seed(0)",
                  ("CYCLING",)),),
    ),
    Program(
        "LIIF", "liif", "train_liif.py", "--config tiny.yaml",
        "flips and a new selection of pixels; its validation draws pixels anew", ("EVAL_JITTER",), public_data.liif,
        violation=True, shims=("cuda",),
        bugs=(Bug("a seed at the head of every epoch", "train_liif.py", "train",
                  "import random, numpy\ntorch.manual_seed(0)\nnumpy.random.seed(0)\nrandom.seed(0)", ("CYCLING",)),
              Bug("the one sample that is looked at before training is kept", "datasets/wrappers.py", "",
                  "SRImplicitUniformVaried.__getitem__ = functools.cache(SRImplicitUniformVaried.__getitem__)",
                  ("CYCLING",)),),
    ),
)  # fmt: skip
