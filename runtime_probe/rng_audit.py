"""The random streams of a data set: which generators it can reach, and in which state they are."""

from __future__ import annotations

import hashlib
import pickle
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import torch

from runtime_probe.generators import bytes_of
from runtime_probe.replaced import Around, Replaced
from runtime_probe.sites import caller, is_given_data, user_frames
from runtime_probe.stand_ins import NUMPY, PYTHON

MAX_OBJECTS = 2000
MAX_DEPTH = 4
DIGEST_BYTES = 8


@dataclass(frozen=True)
class Stream:
    """One generator around one `__getitem__`: its path and the digests of its state before and after."""

    path: str
    before: str
    after: str

    @property
    def used(self) -> bool:
        """Whether numbers were drawn from it."""
        return self.before != self.after


def digest(data: bytes) -> str:
    """A short blake2b digest in hexadecimal."""
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).hexdigest()


def content_digest(value: Any, elements: int | None = None) -> str:
    """A digest of a sample: tensors and arrays by their bytes, containers by their items, the rest pickled.

    Of tensors with more than `elements` elements only about as many are read, evenly picked. A sample that cannot
    be read gives "": what is wrong with it, if anything, is not the probe's to say.
    """
    hasher = hashlib.blake2b(digest_size=DIGEST_BYTES)
    try:
        _feed(hasher.update, value, elements)
    except Exception:
        return ""
    return hasher.hexdigest()


def _feed(update: Callable[[bytes], None], value: Any, elements: int | None) -> None:
    if isinstance(value, torch.Tensor):
        update(f"{value.dtype}{tuple(value.shape)}".encode())
        update(_bytes_of(value.detach().cpu(), elements) if value.numel() else b"")
    elif isinstance(value, dict):
        for key, child in value.items():
            update(repr(key).encode())
            _feed(update, child, elements)
    elif isinstance(value, (tuple, list)):
        for child in value:
            _feed(update, child, elements)
    elif hasattr(value, "tobytes"):  # NumPy arrays and PIL images
        update(value.tobytes())
    else:
        update(pickle.dumps(value))


def _bytes_of(tensor: torch.Tensor, elements: int | None) -> bytes:
    flat = tensor.contiguous().view(-1)
    if elements is not None and flat.numel() > elements:
        flat = flat[:: -(-flat.numel() // elements)].contiguous()
    return bytes_of(flat)


Generators = list[tuple[str, object]]


def states(generators: Generators) -> dict[str, str]:
    """Digests of the global generators of Python, torch and NumPy, and of those found in a data set."""
    _version, key, gauss = random.getstate()
    found = {
        "random": digest(f"{hash(key)}{gauss}".encode()),
        "torch": digest(bytes_of(torch.get_rng_state())),
    }
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        found["numpy.random"] = digest(pickle.dumps(numpy.random.get_state()))
    found.update((path, digest(_state_of(generator) or b"")) for path, generator in generators)
    return found


def generators_in(root: object) -> Generators:
    """(path, generator) of those reachable through attributes, containers and wrapped data sets."""
    return list(_walk(root))


def own_generators(root: object) -> Iterator[tuple[str, bytes]]:
    """(path, state) of the same."""
    for path, generator in _walk(root):
        yield path, _state_of(generator) or b""


def _walk(root: object) -> Iterator[tuple[str, object]]:
    queue: list[tuple[str, object, int]] = [("dataset", root, 0)]
    seen: set[int] = set()
    while queue and len(seen) < MAX_OBJECTS:
        path, value, depth = queue.pop(0)
        if id(value) in seen:
            continue
        seen.add(id(value))
        if _state_of(value) is not None:
            yield path, value
        elif depth < MAX_DEPTH:
            queue += [(path + step, child, depth + 1) for step, child in _children(value)]


def _state_of(value: object) -> bytes | None:
    if isinstance(value, torch.Generator):
        return bytes_of(value.get_state())
    if isinstance(value, random.Random):
        return repr(value.getstate()).encode()
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.random.Generator):
        return pickle.dumps(value.bit_generator.state)
    if numpy is not None and isinstance(value, numpy.random.RandomState):
        return pickle.dumps(value.get_state())
    return None


def _children(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", child) for key, child in list(value.items())[:64])
    elif isinstance(value, (tuple, list)):
        yield from ((f"[{i}]", child) for i, child in enumerate(value[:64]))
    elif not isinstance(value, (str, bytes, int, float, type, ModuleType, torch.Tensor)):
        yield from ((f".{name}", child) for name, child in getattr(value, "__dict__", {}).items())


def _states_or_none(generators: Generators) -> dict[str, str]:
    """Nothing where a generator does not let itself be looked at: an audit must not stop a training run."""
    try:
        return states(generators)
    except Exception:
        return {}


def generators_or_none(dataset: object) -> Generators:
    """Nothing where a data set does not let itself be looked at."""
    try:
        return generators_in(dataset)
    except Exception:
        return []


@dataclass
class Audit:
    """What one `__getitem__` does: the streams before and after it, the seeds it sets, at which lines, and whether
    it draws in a function that is given stored data.
    """

    streams: list[Stream] = field(default_factory=list)
    seeds: list[str] = field(default_factory=list)
    sites: list[str] = field(default_factory=list)
    augments: bool = False


@contextmanager
def audited(generators: Generators, audit: Audit) -> Iterator[None]:
    """Around one `__getitem__`: fill in its audit."""
    before = _states_or_none(generators)
    with _recorded(audit):
        yield
    after = _states_or_none(generators)
    audit.streams += [Stream(path, state, after[path]) for path, state in before.items() if path in after]


TORCH = "rand randn randint normal randperm rand_like randn_like".split()


@contextmanager
def _recorded(audit: Audit) -> Iterator[None]:
    """Record constant seeds given to `default_rng`, `seed` and `manual_seed`, and draws on data, in one sample."""
    numpy = sys.modules.get("numpy")
    owners: list[tuple[Any, list[str], list[str]]] = [(random, ["seed"], PYTHON), (torch, ["manual_seed"], TORCH)]
    if numpy is not None:
        owners.append((numpy.random, ["default_rng", "seed"], NUMPY))
    replaced = Replaced()
    for owner, seeding, drawing in owners:
        for name in seeding:
            replaced.replace(owner, name, _seeds(f"{owner.__name__}.{name}", audit))
        for name in drawing:
            replaced.replace(owner, name, _draws(audit))
    try:
        yield
    finally:
        replaced.restore()


def _seeds(name: str, audit: Audit) -> Around:
    def around(original: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(*args: Any, **kwargs: Any) -> Any:
            seed = args[0] if args else next(iter(kwargs.values()), None)
            if isinstance(seed, int) and not isinstance(seed, bool):
                audit.seeds.append(f"{name}({seed})")
                site = next(user_frames(sys._getframe(1)), None)
                audit.sites.extend([f"`{name}({seed})` at {site} in {site.function}"] if site else [])
            return original(*args, **kwargs)

        return recorded

    return around


def _draws(audit: Audit) -> Around:
    def around(original: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(*args: Any, **kwargs: Any) -> Any:
            if audit.seeds and not audit.augments:
                audit.augments = is_given_data(caller(sys._getframe(1)), whole=False)
            return original(*args, **kwargs)

        return recorded

    return around
