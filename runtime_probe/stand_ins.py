"""Classes that stand for NumPy's generators, so that what a program draws from generators of its own is seen too."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

from runtime_probe.replaced import Around, Replaced

NUMPY = (
    "rand randn randint random random_sample integers choice normal uniform standard_normal permutation permuted "
    "shuffle binomial beta poisson exponential laplace gamma standard_gamma dirichlet multivariate_normal lognormal "
    "rayleigh"
).split()
PYTHON = "random randint randrange uniform choice choices sample shuffle gauss normalvariate betavariate".split()
SECRETS = "randbelow choice randbits".split()


def watch_generators(replaced: Replaced, around: Callable[[str], Around]) -> None:
    """Let `around(title)` stand around what is drawn from generators that are made from now on."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        for base in (numpy.random.Generator, numpy.random.RandomState):
            replaced.replace(numpy.random, base.__name__, lambda kind: _stand_in(kind, around))
        replaced.replace(numpy.random, "default_rng", _around_default_rng)
    for name in PYTHON:
        replaced.replace(random.Random, name, around(f"random.Random.{name}"))
    secrets = sys.modules.get("secrets")
    for name in SECRETS if secrets is not None else ():
        replaced.replace(secrets, name, around(f"secrets.{name}"))


def _stand_in(base: Any, around: Callable[[str], Around]) -> Any:
    """A class under the name of `base`: every instance of `base` is one of it. Copies are of `base` itself."""

    class Kind(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, base) if cls is stand_in else type.__instancecheck__(cls, instance)

        def __subclasscheck__(cls, kind: type) -> bool:
            return issubclass(kind, base) if cls is stand_in else type.__subclasscheck__(cls, kind)

    stand_in = Kind(base.__name__, (base,), {"__slots__": (), **dict(_methods(base, around))})
    return stand_in


def _methods(base: Any, around: Callable[[str], Around]) -> Iterator[tuple[str, Any]]:
    for name in NUMPY:
        original = getattr(base, name, None)
        if original is not None:
            method = around(f"{base.__name__}.{name}")(original)
            method.__name__, method.__doc__ = name, original.__doc__
            yield name, method


def _around_default_rng(original: Callable[..., Any]) -> Callable[..., Any]:
    def default_rng(*args: Any, **kwargs: Any) -> Any:
        made = original(*args, **kwargs)
        if any(made is given for given in (*args, *kwargs.values())):
            return made
        return sys.modules["numpy"].random.Generator(made.bit_generator)

    return default_rng
