"""What is known of the libraries that augment pictures and sound.

Each entry has its source and the versions that it holds for; what was looked up in an installed package is named by its
file and the version that was read.
"""

from __future__ import annotations

from jitlint.libraries.facts import Fact, Library, What, names

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
