"""Augmentation that a program promises and does not make, beside training samples that never change.

Said only where every training loader whose samples were compared gives the same ones in every epoch.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType

from torch.utils.data import DataLoader, Dataset, Sampler

from runtime_probe.draws import DrawLine
from runtime_probe.findings import Finding, LoaderReport
from runtime_probe.sites import Site, is_library
from runtime_probe.source_hints import commented_draws
from runtime_probe.verdict import Advice, Family, Verdict
from runtime_probe.watch import Watch

AUGMENTING = re.compile(
    r"augment|jitter|perturb|corrupt|nois|mask|negativ|neg_|crop|flip|cutout|mixup|cutmix|distort", re.I
)
BY_DESIGN = re.compile(r"label|split|init|make|generate|create|load|test|val|eval", re.I)
DRAWING = frozenset(
    "rand randn randint random uniform normal choice beta randrange gauss shuffle permutation randperm rand_like "
    "randn_like bernoulli standard_normal sample choices binomial".split()
)
CALLED = ("__call__", "forward", "augment", "apply", "transform")

UNUSED_OBJECT = Advice(
    Family.ABSENT,
    "the training samples never change, and the augmentation that the program makes is never called",
    "hand it to the data set or the loader, and read the option that should switch it on",
    ("JIT206", "JIT202", "JIT203"),
)
COMMENTED = Advice(
    Family.ABSENT,
    "the training samples never change: their augmentation is commented out",
    "take the comment away",
    ("JIT201",),
)
DRAWN_ONCE = Advice(
    Family.STALE,
    "every epoch gets the same random part of the samples: drawn once, when the data were made",
    "draw it when a sample is made, or again before each epoch",
    ("JIT104", "JIT101"),
)


def broken_promises(
    watch: Watch, loaders: tuple[LoaderReport, ...], findings: tuple[Finding, ...]
) -> Iterator[Finding]:
    """At most one finding: nobody wants to read three about one loader."""
    training = [loader for loader in loaders if not loader.evaluation]
    fixed = training and all(loader.verdict is Verdict.FROZEN for loader in training)
    if not fixed or any(finding.family is not None for finding in findings):
        return
    stream = ", ".join(f"training samples of {loader.name.removeprefix('the loader of ')}" for loader in training)
    seen = f"{sum(loader.samples for loader in training)} samples compared across epochs: all the same"
    for advice, verdict, where in (
        (DRAWN_ONCE, Verdict.FROZEN, _drawn_before(watch) or _kept(watch)),
        (COMMENTED, Verdict.FROZEN, _commented(watch)),
        (UNUSED_OBJECT, Verdict.FROZEN, _unused(watch)),
    ):
        if where:
            yield Finding(verdict, stream, seen, "no draw was seen in the samples", where, advice)
            return


def _drawn_before(watch: Watch) -> tuple[str, ...]:
    """Lines that changed data by draws before the first step and never since, by their functions' names on purpose."""
    if watch.borders.all_steps == 0:
        return ()
    return tuple(str(line) for line in watch.draws.lines() if line.last_batch == 0 and _augments(line))[:4]


def _augments(line: DrawLine) -> bool:
    names = [line.site.function, *(caller.function for caller in line.callers[:1])]
    return (line.given_data or line.in_dataset) and any(map(_on_purpose, names))


def _on_purpose(function: str) -> bool:
    """Whether a function says by its name that it augments."""
    return AUGMENTING.search(function) is not None and not BY_DESIGN.search(function)


def _kept(watch: Watch) -> tuple[str, ...]:
    """What was drawn once and is read for every sample: as a default, or in a function that augments by its name."""
    reads = watch.audit.kept_reads() if watch.audit is not None else ()
    return tuple(str(read) for read in reads if read.default or _on_purpose(read.function))[:4]


def _commented(watch: Watch) -> tuple[str, ...]:
    """Commented-out draws in the methods that make the samples."""
    sites = [site for kind in watch.audit.datasets() for site in _methods(kind)] if watch.audit else []
    return tuple(f"commented out at {hint.site}: {hint.text}" for hint in commented_draws(tuple(sites)))[:4]


def _methods(kind: type) -> Iterator[Site]:
    for name in ("__getitem__", "__iter__", "__getitems__"):
        code = getattr(getattr(kind, name, None), "__code__", None)
        if isinstance(code, CodeType) and not is_library(code.co_filename):
            yield Site(code.co_filename, code.co_firstlineno + 1, name)


def _unused(watch: Watch) -> tuple[str, ...]:
    """Augmenting objects of the program's own classes that are alive, while the streams they draw from stood still."""
    rewinds = [network.rewinds for network in watch.network.networks if network.batches > 1]
    if not rewinds or not watch.draws.complete:
        return ()
    folders = {Path(network.call.file).parent for network in watch.network.networks if network.call is not None}
    found = []
    for kind in {type(value) for value in gc.get_objects()}:
        if not _is_of(kind, folders) or issubclass(kind, (Dataset, Sampler, DataLoader)):
            continue
        streams, site = _draws_of(kind)
        used = any(line.site.function in CALLED and _is_in(line, kind) for line in watch.draws.lines())
        still = streams and all(rewind.stood_still(stream) for stream in streams for rewind in rewinds)
        if still and not used:
            found.append(f"`{kind.__name__}` at {site} is made and never called")
    return tuple(sorted(found))[:4]


def _is_of(kind: type, folders: set[Path]) -> bool:
    """A class of the program, with a method that may augment when it is called."""
    methods = [vars(kind).get(name) for name in CALLED]
    files = [Path(m.__code__.co_filename) for m in methods if isinstance(m, FunctionType)]
    return any(folder in file.parents for file in files for folder in folders if not is_library(str(file)))


def _draws_of(kind: type) -> tuple[set[str], Site | None]:
    """The streams that a class draws from when it is called, by the names in its methods, and where it does."""
    for name in CALLED:
        function = vars(kind).get(name)
        if isinstance(function, FunctionType) and DRAWING & _names_in(function.__code__):
            names = _names_in(function.__code__)
            streams = {"numpy.random"} if names & {"np", "numpy"} else set()
            streams |= {"torch"} if "torch" in names else set()
            streams |= {"random"} if not streams else set()
            return streams, Site(function.__code__.co_filename, function.__code__.co_firstlineno, name)
    return set(), None


def _names_in(code: CodeType) -> set[str]:
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*map(_names_in, inner))


def _is_in(line: DrawLine, kind: type) -> bool:
    function = vars(kind).get(line.site.function)
    return isinstance(function, FunctionType) and function.__code__.co_filename == line.site.file
