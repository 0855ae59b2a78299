"""The images of the experiments, with the truth at any coordinates where there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from reference_model.grids import pixel_grid
from reference_model.scenes import Scenes, gratings, natural

SIZE, FINE = 32, 128  # pixels a side of what the network sees, and of the finest truth of photographs
TRAIN_SEED, TEST_SEED = 1, 2  # of the analytic images
FRESH_SEEDS = (2611, 2612)  # of the same, for training and test, of the first networks with fine tokens
UNSEEN_SEEDS = (2613, 2614)  # of the same, kept for the run that claims_networks.toml is about
Truth = Callable[[Tensor, float], Tensor]


class DataError(Exception):
    """Images that are missing, unreadable or do not have what is asked; the message is one line."""


@dataclass(frozen=True)
class Dataset:
    """Training and test images, the same for every seed.

    `train` (N, 3, 32, 32) and `test` (M, 3, 32, 32), float32 in [0, 1]: what the network sees and, without other
    targets, learns. `truth(coords, aperture)` gives the test images' averages (M, Q, 3) over boxes of side
    `aperture` (in [0, 1]) around coords (Q, 2); None when nothing but the pixels is known. `fast` (M, 2) is the
    frequency in cycles/image of the grating of each test image, None without gratings.
    """

    name: str
    train: Tensor
    test: Tensor
    truth: Truth | None
    targets: Callable[[int], Tensor]
    fast: Tensor | None = None

    def target(self, size: int) -> Tensor:
        """True pixels (N, 3, size, size) of the training images; DataError when there is no finer truth."""
        return self.train if size == SIZE else self.targets(size)


@dataclass(frozen=True)
class Request:
    """What `load` is asked for."""

    images: int
    test_images: int
    root: Path | None
    download: bool
    device: torch.device | str


def load(
    name: str,
    images: int,
    *,
    test_images: int = 64,
    root: Path | None = None,
    download: bool = False,
    device: torch.device | str = "cpu",
) -> Dataset:
    """The data set `name` of DATASETS with `images` training images; DataError when it cannot be had.

    `root` is where files are, `device` where training scenes are rendered and stay; test images are on the CPU.
    """
    if name not in DATASETS:
        raise DataError(f"unknown data {name!r}: there is {', '.join(DATASETS)}")
    return DATASETS[name](Request(images, test_images, root, download, device))


def _images(colours: Tensor, size: int) -> Tensor:
    """(M, size², 3) -> (M, 3, size, size)."""
    images: Tensor = colours.transpose(1, 2).unflatten(-1, (size, size))
    return images.contiguous()


def _rendered(scenes: Scenes, size: int, aperture: float | None = None) -> Tensor:
    return _images(scenes.values(pixel_grid(size), 1 / size if aperture is None else aperture), size)


def _analytic(asked: Request) -> Dataset:
    return _scenes("analytic", asked, (TRAIN_SEED, TEST_SEED))


def _fresh(asked: Request) -> Dataset:
    return _scenes("fresh", asked, FRESH_SEEDS)


def _unseen(asked: Request) -> Dataset:
    return _scenes("unseen", asked, UNSEEN_SEEDS)


def _scenes(name: str, asked: Request, seeds: tuple[int, int]) -> Dataset:
    train, test = natural(asked.images, seeds[0], asked.device), natural(asked.test_images, seeds[1])
    return Dataset(
        name, _rendered(train, SIZE), _rendered(test, SIZE), test.values, lambda size: _rendered(train, size)
    )


def _gratings(asked: Request) -> Dataset:
    """Point samples, so that the gratings alias into moiré; the truth is exact."""
    train, test = gratings(asked.images, TRAIN_SEED), gratings(asked.test_images, TEST_SEED)
    return Dataset(
        "gratings", _rendered(train, SIZE, 0.0), _rendered(test, SIZE, 0.0), test.values,
        lambda size: _rendered(train, size), test.frequency[:, -1].float(),
    )  # fmt: skip


PHOTOGRAPHS = {  # of scikit-image's wheel (public domain or CC0) and scikit-learn's (CC BY 2.0, named in the report)
    "train": ("chelsea", "rocket", "hubble_deep_field", "retina", "immunohistochemistry", "flower"),
    "test": ("astronaut", "coffee", "china"),
}


def photograph(name: str) -> Tensor:
    """A photograph (3, height, width), float32 in [0, 1]; DataError when its package is not installed.

    Names of scikit-image's `data` functions; `china` and `flower` of scikit-learn; `grace_hopper` of matplotlib.
    """
    try:
        pixels = _pixels(name)
    except ImportError as error:
        raise DataError(f"the photographs need {error.name}: pip install 'jitlint[reference]'") from None
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1).float() / 255


def _pixels(name: str) -> np.ndarray:
    if name in ("china", "flower"):
        from sklearn.datasets import load_sample_image

        return np.asarray(load_sample_image(f"{name}.jpg"))
    if name == "grace_hopper":
        from matplotlib import cbook, image

        return np.asarray(image.imread(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    import skimage.data

    pixels = getattr(skimage.data, {"motorcycle": "stereo_motorcycle"}.get(name, name))()
    return np.asarray(pixels[0] if isinstance(pixels, tuple) else pixels)  # the left of the stereo pair


def _crops(names: tuple[str, ...], count: int, seed: int) -> Tensor:
    """Random FINE × FINE crops (count, 3, 128, 128) of the photographs in turn."""
    generator = torch.Generator().manual_seed(seed)
    photographs = [photograph(name) for name in names]
    crops = []
    for index in range(count):
        photo = photographs[index % len(photographs)]
        top, left = (int(torch.randint(side - FINE + 1, (), generator=generator)) for side in photo.shape[1:])
        crops.append(photo[:, top : top + FINE, left : left + FINE])
    return torch.stack(crops)


def box_average(fine: Tensor, coords: Tensor, aperture: float) -> Tensor:
    """Averages (M, Q, 3) of images (M, 3, n, n), taken as constant within each pixel, over boxes around coords (Q, 2).

    Exact: the double integral of such an image is bilinear within each pixel, so it is read from the summed-area
    table by interpolation. Beyond the border the outermost pixels go on. An `aperture` of 0 is one fine pixel.
    """
    size = fine.shape[-1]
    margin = size // 4
    padded = functional.pad(fine.double(), [margin] * 4, mode="replicate")
    table = functional.pad(padded.cumsum(-1).cumsum(-2), [1, 0, 1, 0]).flatten(2)  # (M, 3, (n + 2 margin + 1)²)
    half = (aperture or 1 / size) * size / 2
    centre = coords.double() * size + margin
    limit = size + 2 * margin

    def at(corner: Tensor) -> Tensor:
        corner = corner.clamp(0, limit)
        low = corner.floor().long().clamp_max(limit - 1)
        y, x = (corner - low).unbind(-1)
        first = low[:, 0] * (limit + 1) + low[:, 1]
        top = table[..., first] * (1 - x) + table[..., first + 1] * x
        bottom = table[..., first + limit + 1] * (1 - x) + table[..., first + limit + 2] * x
        return top * (1 - y) + bottom * y

    sign = torch.tensor([1.0, -1.0], dtype=torch.float64)
    total = at(centre + half) + at(centre - half) - at(centre + half * sign) - at(centre - half * sign)
    return (total / (2 * half) ** 2).transpose(1, 2).float()


def _photographs(asked: Request) -> Dataset:
    train = _crops(PHOTOGRAPHS["train"], asked.images, TRAIN_SEED)
    test = _crops(PHOTOGRAPHS["test"], asked.test_images, TEST_SEED)
    factor = FINE // SIZE
    return Dataset(
        "photographs", functional.avg_pool2d(train, factor), functional.avg_pool2d(test, factor),
        lambda coords, aperture: box_average(test, coords, aperture),
        lambda size: _images(box_average(train, pixel_grid(size), 1 / size), size),
    )  # fmt: skip


def _cifar10(asked: Request) -> Dataset:
    try:
        from torchvision.datasets import CIFAR10
    except (ImportError, RuntimeError) as error:
        raise DataError(f"cifar10 needs a torchvision that matches torch ({error})".splitlines()[0]) from None
    folder = asked.root or Path("data")

    def pixels(train: bool, count: int) -> Tensor:
        try:
            data = CIFAR10(str(folder), train=train, download=asked.download).data[:count]
        except (RuntimeError, OSError, EOFError) as error:
            reason = str(error).splitlines()[0]
            raise DataError(f"no CIFAR-10 in {folder}: {reason} (--download gets it, --data-root says where)") from None
        return torch.from_numpy(data).permute(0, 3, 1, 2).float() / 255

    def no_targets(size: int) -> Tensor:
        raise DataError(f"cifar10 has no true images of {size} px: its photographs exist at 32 px only")

    return Dataset("cifar10", pixels(True, asked.images), pixels(False, asked.test_images), None, no_targets)


DATASETS: dict[str, Callable[[Request], Dataset]] = {
    "analytic": _analytic,
    "fresh": _fresh,
    "unseen": _unseen,
    "gratings": _gratings,
    "photographs": _photographs,
    "cifar10": _cifar10,
}
