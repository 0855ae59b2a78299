"""Tiny synthetic data in the formats that the public programs read. Each function gets the program's folder."""

from __future__ import annotations

import gzip
import json
import pickle
import struct
import sys
from pathlib import Path

import numpy as np


def nothing(folder: Path) -> None:
    """The program brings its own data."""


def picture(generator: np.random.Generator, side: int) -> np.ndarray:
    """Smooth stripes in a random direction, `(side, side, 3)` bytes."""
    y, x = np.mgrid[:side, :side] / side
    waves = [np.sin(2 * np.pi * (a * x + b * y) + c) for a, b, c in generator.uniform(-4, 4, (3, 3))]
    return ((np.stack(waves, -1) + 1) * 127.5).astype(np.uint8)


def pictures(folder: Path, count: int, side: int, names: str = "{:04d}.png") -> None:
    """A folder of pictures."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.fromarray(picture(np.random.default_rng(number), side)).save(folder / names.format(number))


def mnist(folder: Path) -> None:
    """The files of MNIST, in `data`."""
    raw = folder / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", 512), ("t10k", 128)):
        generator = np.random.default_rng(count)
        images = np.stack([picture(generator, 28)[..., 0] for _ in range(count)])
        labels = generator.integers(0, 10, count).astype(np.uint8)
        for name, array in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
            content = struct.pack(f">i{array.ndim}i", 0x800 + array.ndim, *array.shape) + array.tobytes()
            (raw / name).write_bytes(content)
            (raw / f"{name}.gz").write_bytes(gzip.compress(content))


def cifar10(folder: Path) -> None:
    """The files of CIFAR-10 in `datasets`."""
    target = folder / "datasets" / "cifar-10-batches-py"
    target.mkdir(parents=True, exist_ok=True)
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    for seed, name in enumerate(names):
        generator = np.random.default_rng(seed)
        data = np.stack([picture(generator, 32).transpose(2, 0, 1).reshape(-1) for _ in range(16)])
        (target / name).write_bytes(pickle.dumps({"data": data, "labels": generator.integers(0, 10, 16).tolist()}))
    (target / "batches.meta").write_bytes(pickle.dumps({"label_names": [str(label) for label in range(10)]}))


def characters(folder: Path) -> None:
    """Token files of nanoGPT's character model."""
    target = folder / "data" / "shakespeare_char"
    for seed, part in enumerate(("train", "val")):
        np.random.default_rng(seed).integers(0, 65, 5000).astype(np.uint16).tofile(target / f"{part}.bin")


def shapes(folder: Path) -> None:
    """A data set in the layout of ShapeNet parts: 40 clouds of two classes."""
    root, lists = folder / "shapes", folder / "shapes" / "train_test_split"
    lists.mkdir(parents=True, exist_ok=True)
    (root / "synsetoffset2category.txt").write_text("Airplane\t0001\nChair\t0002\n")
    for part, count in (("train", 32), ("val", 8), ("test", 8)):
        files = []
        for number in range(count):
            category, name = f"000{number % 2 + 1}", f"{part}{number}"
            generator = np.random.default_rng(number)
            for kind, suffix in (("points", "pts"), ("points_label", "seg")):
                target = root / category / kind
                target.mkdir(parents=True, exist_ok=True)
                values = generator.normal(size=(200, 3)) if kind == "points" else generator.integers(1, 4, (200, 1))
                np.savetxt(target / f"{name}.{suffix}", values, fmt="%.5f" if kind == "points" else "%d")
            files.append(f"shape_data/{category}/{name}")
        (lists / f"shuffled_{part}_file_list.json").write_text(json.dumps(files))


def liif(folder: Path) -> None:
    """Pictures in two sizes, their split, and a configuration of a tiny network."""
    load = folder / "load"
    pictures(load / "32", 24, 32)
    pictures(load / "64", 24, 64)
    names = [f"{number:04d}.png" for number in range(24)]
    (load / "split.json").write_text(json.dumps({"train": names[:16], "val": names[16:]}))

    def part(key: str, wrapper: str, **more: object) -> dict[str, object]:
        folders = {"root_path_1": "./load/32", "root_path_2": "./load/64", "split_file": "./load/split.json"}
        data = {"name": "paired-image-folders", "args": {**folders, "split_key": key, "cache": "in_memory"}}
        return {"dataset": data, "wrapper": {"name": wrapper, "args": {"sample_q": 256, **more}}, "batch_size": 4}

    configuration = {
        "train_dataset": part("train", "sr-implicit-uniform-varied", size_min=32, size_max=64, augment=True),
        "val_dataset": part("val", "sr-implicit-paired"),
        "data_norm": {key: {"sub": [0.5], "div": [0.5]} for key in ("inp", "gt")},
        "model": {
            "name": "liif",
            "args": {
                "encoder_spec": {"name": "edsr-baseline", "args": {"no_upsampling": True, "n_resblocks": 1}},
                "imnet_spec": {"name": "mlp", "args": {"out_dim": 3, "hidden_list": [32]}},
            },
        },
        "optimizer": {"name": "adam", "args": {"lr": 1e-4}},
        "epoch_max": 3,
        "epoch_val": 1,
    }
    (folder / "tiny.yaml").write_text(json.dumps(configuration))


def blender(folder: Path) -> None:
    """A scene of 12 cameras on a circle, in the layout of the NeRF paper's synthetic scenes."""
    scene(folder / "scene", "train", 12)
    scene(folder / "scene", "val", 8)
    scene(folder / "scene", "test", 2)


def scene(folder: Path, part: str, cameras: int, side: int = 16, name: str = "transforms_{}.json") -> None:
    """`transforms_PART.json` and pictures with an opaque middle."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    frames = []
    for number in range(cameras):
        angle = 2 * np.pi * number / cameras
        matrix = np.eye(4)
        matrix[:3, 0] = -np.sin(angle), np.cos(angle), 0
        matrix[:3, 1] = 0, 0, 1
        matrix[:3, 2] = np.cos(angle), np.sin(angle), 0
        matrix[:3, 3] = 4 * matrix[:3, 2]
        alpha = np.zeros((side, side, 1), np.uint8)
        alpha[side // 4 : -side // 4, side // 4 : -side // 4] = 255
        image = np.concatenate([picture(np.random.default_rng(number), side), alpha], -1)
        Image.fromarray(image).save(folder / f"{part}_{number}.png")
        frames.append({"file_path": f"./{part}_{number}", "transform_matrix": matrix.tolist()})
    (folder / name.format(part)).write_text(json.dumps({"camera_angle_x": 0.7, "frames": frames}))


def surface(folder: Path) -> None:
    """A sphere: 2000 points with their normals."""
    points = np.random.default_rng(0).normal(size=(2000, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    np.savetxt(folder / "sphere.xyz", np.concatenate([points, points], 1))


def volumes(folder: Path) -> None:
    """Patches of 40 voxels a side, as NIfTI files."""
    import SimpleITK

    z, y, x = np.mgrid[:40, :40, :40] / 40
    for part, count in (("hr_train", 6), ("hr_val", 2)):
        (folder / "data" / part).mkdir(parents=True)
        for number in range(count):
            a, b, c = np.random.default_rng(number).uniform(2, 8, 3)
            patch = (np.sin(a * x + b * y) * np.cos(c * z)).astype(np.float32)
            SimpleITK.WriteImage(SimpleITK.GetImageFromArray(patch), str(folder / "data" / part / f"{number}.nii.gz"))
    (folder / "model").mkdir()


def imagenette(folder: Path, side: int = 200) -> None:
    """A folder of pictures for each of two classes, in the two places that the programs look at."""
    for split, count in (("train", 16), ("val", 4)):
        for label in ("a", "b"):
            pictures(folder / "data" / "imagenette" / split / label, count, side)


def trans_inr_images(folder: Path) -> None:
    """Pictures, and a configuration of a tiny network."""
    imagenette(folder, 32)

    def part(split: str) -> dict[str, object]:
        imageset = {"name": "imagenette", "args": {"root_path": "data/imagenette", "split": split, "augment": "none"}}
        loader = {"batch_size": 8, "num_workers": 0}
        return {"name": "imgrec_dataset", "args": {"imageset": imageset, "resize": 32}, "loader": loader}

    configuration = {
        "trainer": "imgrec_trainer",
        "train_dataset": part("train"),
        "test_dataset": part("val"),
        "model": _trans_inr(
            {"name": "imgrec_tokenizer", "args": {"input_size": 32, "patch_size": 8}},
            {"name": "hypo_mlp", "args": {"in_dim": 2, "out_dim": 3, "depth": 3, "hidden_dim": 16, "use_pe": True,
                                          "pe_dim": 16, "out_bias": 0.5}},
        ),
        "optimizer": {"name": "adam", "args": {"lr": 1e-4}},
        "max_epoch": 3,
        "eval_epoch": 1,
    }  # fmt: skip
    (folder / "tiny.yaml").write_text(json.dumps(configuration))


def trans_inr_views(folder: Path) -> None:
    """Scenes of two cars, and a configuration of a tiny network."""
    root = folder / "data" / "learnit_shapenet"
    names = {"train": [f"train{number}" for number in range(8)], "test": [f"test{number}" for number in range(2)]}
    for name in (*names["train"], *names["test"]):
        scene(root / "cars" / name, "view", 6, name="transforms.json")
    (root / "car_splits.json").write_text(json.dumps(names))

    def part(split: str, repeat: int) -> dict[str, object]:
        shots = {"n_support": 1, "n_query": 1, "repeat": repeat}
        data = {"root_path": "data/learnit_shapenet", "category": "cars", "split": split, **shots}
        return {"name": "learnit_shapenet", "args": data, "loader": {"batch_size": 4, "num_workers": 0}}

    configuration = {
        "trainer": "nvs_trainer",
        "train_dataset": part("train", 2),
        "test_dataset": part("test", 4),
        "model": _trans_inr(
            {"name": "nvs_tokenizer", "args": {"input_size": 16, "patch_size": 8}},
            {"name": "hypo_nerf", "args": {"depth": 3, "hidden_dim": 16}},
        ),
        "train_points_per_ray": 16,
        "train_n_rays": 32,
        "render_ray_batch": 1024,
        "optimizer": {"name": "adam", "args": {"lr": 1e-4}},
        "max_epoch": 3,
        "eval_epoch": 1,
    }
    (folder / "tiny.yaml").write_text(json.dumps(configuration))


def _trans_inr(tokenizer: object, hyponet: object) -> dict[str, object]:
    encoder = {
        "name": "transformer_encoder",
        "args": {"dim": 32, "depth": 1, "n_head": 2, "head_dim": 16, "ff_dim": 32},
    }
    return {"name": "trans_inr", "args": {"tokenizer": tokenizer, "hyponet": hyponet, "n_groups": 4,
                                          "transformer_encoder": encoder}}  # fmt: skip


def diffusion(folder: Path) -> None:
    """Pictures, and the shortest use of the library that its page shows, with a tiny network."""
    pictures(folder / "pictures", 112, 16)
    (folder / "train.py").write_text("""
from denoising_diffusion_pytorch import GaussianDiffusion, Trainer, Unet

if __name__ == "__main__":
    diffusion = GaussianDiffusion(Unet(dim=8, dim_mults=(1, 2)), image_size=16, timesteps=20)
    Trainer(
        diffusion, "pictures", train_batch_size=16, train_num_steps=24, save_and_sample_every=1000, calculate_fid=False
    ).train()
""")


def vision_transformer(folder: Path) -> None:
    """Pictures of two classes, an untrained tiny network, and the metric that would be downloaded."""
    sys.path.append(str(Path(__file__).parents[1]))
    from tests.torchvision_cpu import prepare_torchvision

    prepare_torchvision()
    import torch
    import transformers

    for split, count in (("train", 16), ("validation", 8)):
        for label in ("a", "b"):
            pictures(folder / "pictures" / split / label, count, 40)
    (folder / "cache").mkdir()
    network = folder / "tiny"
    transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=32, patch_size=8
    ).save_pretrained(network)
    configuration = transformers.ViTConfig.from_pretrained(network)
    torch.manual_seed(0)
    transformers.ViTForImageClassification(configuration).save_pretrained(network)
    size = {"height": 32, "width": 32}
    mean = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (network / "preprocessor_config.json").write_text(
        json.dumps({"image_processor_type": "ViTImageProcessor", "size": size, **mean})
    )
    (folder / "accuracy").mkdir()
    (folder / "accuracy" / "accuracy.py").write_text("""
import datasets
import evaluate

class Accuracy(evaluate.Metric):
    def _info(self):
        kinds = datasets.Features({"predictions": datasets.Value("int32"), "references": datasets.Value("int32")})
        return evaluate.MetricInfo(description="", citation="", inputs_description="", features=kinds)

    def _compute(self, predictions, references):
        return {"accuracy": sum(a == b for a, b in zip(predictions, references)) / len(references)}
""")
