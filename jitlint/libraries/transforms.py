"""Random transforms of pictures, and what leaving one out of a pipeline does to the pictures behind it."""

from __future__ import annotations

from jitlint.libraries.facts import What
from jitlint.libraries.tables import all_names

# Random transforms that give pictures of the size that they get, so that a pipeline without them fits the same network.
KEEPS_SIZE = all_names(What.KEEPS_SIZE)
# Crops that fill up to the size before they cut: `RandomCrop(32, padding=4)` of pictures of 32 by 32.
PADS = frozenset({"RandomCrop"})
