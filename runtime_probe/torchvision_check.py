"""A torchvision that was built for another torch cannot be imported: say so, and what to install."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

ADVICE = (
    "torchvision does not fit this torch: it was built for another one (a CUDA build beside a CPU build, usually). "
    "Install both from one index, such as `pip install --force-reinstall torch torchvision "
    "--index-url https://download.pytorch.org/whl/cpu`, or uninstall torchvision."
)


def explanation(error: BaseException) -> str | None:
    """What to do about an error that a torchvision of another build raises; None for other errors."""
    text = str(error)
    foreign = "operator torchvision::" in text and "does not exist" in text
    return ADVICE if foreign or "Couldn't load custom C++ ops" in text else None


@contextmanager
def importing(library: str) -> Iterator[None]:
    """Around the import of a library that may import torchvision. Raises ImportError with what to install."""
    try:
        yield
    except RuntimeError as error:
        advice = explanation(error)
        if advice is None:
            raise
        raise ImportError(f"{library} cannot be imported: {advice}") from error
