"""Random transforms of pictures, and what leaving one out of a pipeline does to the pictures behind it."""

from __future__ import annotations

# Random transforms that give pictures of the size that they get, so that a pipeline without them fits the same network.
# https://pytorch.org/vision/stable/transforms.html (v1 and v2, since 0.8; the newer ones of a version are simply not
# used with an older one), https://albumentations.ai/docs/reference/ (since 0.4)
KEEPS_SIZE = frozenset(
    "RandomHorizontalFlip RandomVerticalFlip ColorJitter RandomGrayscale RandomErasing RandomRotation RandomAffine "
    "RandomPerspective GaussianBlur RandomInvert RandomPosterize RandomSolarize RandomAdjustSharpness "
    "RandomAutocontrast RandomEqualize AutoAugment RandAugment TrivialAugmentWide AugMix ElasticTransform "
    "RandomPhotometricDistort GaussianNoise RandomChannelPermutation RandomApply "
    "HorizontalFlip VerticalFlip RandomBrightnessContrast HueSaturationValue GaussNoise Rotate ShiftScaleRotate "
    "CoarseDropout Affine".split()
)
# Crops that fill up to the size before they cut: `RandomCrop(32, padding=4)` of pictures of 32 by 32.
PADS = frozenset({"RandomCrop"})
