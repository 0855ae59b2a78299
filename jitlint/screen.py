"""Tells from the bytes of a file, at a fraction of the cost of parsing it, whether it can matter.

A file without a call-shaped draw, seed or augmentation word is read and known clean. One that draws but
neither trains, loads data nor defines a step can only matter to a file that imports it. Plain substring
searches come first: they run at memory speed, and most files end there.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass


class Level(enum.IntEnum):
    """How far a file has to be looked at."""

    NONE = 0  # clean
    CONSUMER = 1  # trains or loads data, draws nothing itself: matters if it imports a file that draws
    HELPER = 2  # draws, but neither trains nor loads data: matters if a file that does imports it
    DRAWS = 3  # both


@dataclass(frozen=True, slots=True)
class Screen:
    """What the screen saw: the level, and the dotted names of the modules that the file imports."""

    level: Level
    imports: frozenset[str] = frozenset()


# Each word is looked for as it stands, then confirmed to be part of a called (or defined) name. All patterns here are
# linear in any text: one that is searched for never fails behind its first word (it takes what follows, and a group
# or the caller says whether that was it), so no text is read twice, be it a megabyte of `randrandrand`.
_DRAW_WORDS = (
    b"rand", b"Rand", b"nois", b"Nois", b"jitter", b"Jitter", b"perturb", b"ugment", b"shuffle", b"seed",
    b"ixup", b"ixUp", b"utmix", b"utMix", b"utout", b"normal_(", b"uniform_(", b"bernoulli", b"permutation",
    b"PRNGKey", b"Flip(", b"Compose(", b"_aug(", b"gauss(", b"rng.",
    b"key=self.", b"rngs=", b".distributions", b".sample()", b".rsample()",
    b"Subset(", b".sample(frac", b"dataset.transform", b"ImageDataGenerator(", b"FLIP_",
    b".DistributedS", b" DistributedS", b"=DistributedS", b"cycle(", b"list(", b"dropout", b"deterministic=False",
    b"not self.training",
)  # fmt: skip
_CALLED = {word: re.compile(re.escape(word) + rb"\w*\s*(\()?") for word in _DRAW_WORDS if word.isalpha()}
_CALLED[b"rand"] = re.compile(rb"rand(?<!operand)(?<!\btrand)\w*(?:\.\w+)*\s*(\()?")  # begins with letters: fast
_CALLED[b"cycle("] = re.compile(rb"\bcycle(\()")
_CALLED[b"list("] = re.compile(rb"\blist\(\w*(?:loader|_dl)(\))")
# Functional dropout that is not told the mode of the network; `nn.Dropout` is.
_CALLED[b"dropout"] = re.compile(
    rb"\b(?:F|functional|nn)\.(?:\w{0,40}_)?dropout\w{0,20}(\()(?![^\n]{0,300}training=(?!True))"
)
# An evaluation that overwrites a rate: `if not self.training: self.dropout = 0`.
_SWITCHED_OFF = re.compile(rb"not self\.training\b[^\n:]{0,80}:\s{0,200}self\.\w+ = (0|False)")
_CALLED[b"not self.training"] = _SWITCHED_OFF
_CALLED[b"rng."] = re.compile(rb"rng\.\w+(\()?")
# A parameter or option that promises an augmentation, in a file that calls none.
_SWITCHES = (
    b"ugment=", b"ugmentation=", b"ugmentations=", b"ransform=None", b"ransforms=None", b"noise_std", b"jitter=",
    b"--noise", b"--aug", b"--jitter", b"--mixup", b"--data-aug", b"--use-aug", b"--use_aug",
)  # fmt: skip
_USE_WORDS = (
    b".backward(", b".step(", b"training_step", b"train_step", b"iter_step", b"def __getitem__", b".fit(",
    b"train_on_batch", b"sess.run(", b"apply_gradients", b"value_and_grad", b"apply_updates", b"compute_loss",
    b"collate_fn", b".transform =", b"Compose(", b"from_tensor_slices(", b"AUTOTUNE", b"Trainer(", b"tf.data.",
)  # fmt: skip
_LOADER = re.compile(rb"oader\b")
_EPOCH = re.compile(rb"for\s+\w*epoch")
_FUNCTION = re.compile(rb"def (\w+)([^\n]*)")
_DATA_WORD = re.compile(rb"preprocess|transform|augment|input")
# A file that does not train matters by itself if it seeds, draws in a default, or while a network is set up.
_SEEDS = re.compile(rb"(?:manual_seed|random\.seed|default_rng|RandomState|PRNGKey|\.Random\b)(\()?")
_RANDN = re.compile(rb"\brandn?(?:_like)?\(")
_SETUP = re.compile(rb"def __init__\(.*?(?=\n    def |\nclass |\ndef |\Z)", re.DOTALL)
_NOISE = re.compile(rb"\brandn?(?:_like)?\(|np\.random\.|\brandom\.\w+\(|=\s*torch\.randn?\(")
_CACHED = re.compile(rb"if (?:self\.\w+ is None|not hasattr\(self)[^\n]*(?:\n([^\n]*))?")
_RAND = re.compile(rb"\brand\w*(\()?")
_PARAMETER = re.compile(rb"Parameter\([^()]*\Z")
_TOP_LEVEL = re.compile(rb"^(?:async def|def|class|@|if|for|with)\b", re.MULTILINE)
# Every string and comment, so that a quote inside one opens nothing.
_QUOTED = re.compile(
    rb'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*(?:""")?'
    rb"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*(?:''')?"
    rb'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"?'
    rb"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'?"
    rb"|#[^\n]*",
    re.DOTALL,
)
_TABLE = 1_000_000  # bytes
_TRIPLE = (b'"""', b"'''")
_IMPORT = re.compile(  # matched at the beginning of a line
    rb"[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)?|[^\n#;]+)|import[ \t]+([\w., \t]+))"
)


def without_docstrings(data: bytes) -> bytes:
    """The text without what stands between triple quotes: prose, examples, generated code.

    A table of text is left as it is: it would take more memory than it is worth.
    """
    if (b'"""' not in data and b"'''" not in data) or len(data) > _TABLE:
        return data
    kept: list[bytes] = []
    end = 0
    for match in _QUOTED.finditer(data):
        start = match.start()
        if data[start : start + 3] in _TRIPLE:
            kept.append(data[end:start])
            end = match.end()
    return b'""'.join((*kept, data[end:]))


def draws(data: bytes) -> bool:
    """Whether a draw, seed or augmentation is called or defined in this text."""
    for word in _DRAW_WORDS:  # no generator expression: this runs for every function of a large tree
        if word in data:
            called = _CALLED.get(word)
            if called is None or _is_in_code(called, data):
                return True
    return False


def _is_in_code(pattern: re.Pattern[bytes], data: bytes) -> bool:
    """Whether a pattern finds a call outside the examples of docstrings."""
    return any(match[1] and not _is_example(data, match.start()) for match in pattern.finditer(data))


def _is_example(data: bytes, at: int) -> bool:
    """Whether the line of an offset is one of a docstring's example; what is far from its start is none."""
    start = data.rfind(b"\n", max(0, at - 1000), at) + 1
    return data[start or max(0, at - 1000) : at].lstrip().startswith((b">>>", b"..."))


def draws_under(data: bytes, name: str) -> bool:
    """Whether the top-level function or class `name` of a file draws; also if it is neither, but a value."""
    for keyword in (b"def ", b"class ", b"async def ", b""):
        start = data.find(b"\n" + keyword + name.encode())
        after = start + 1 + len(keyword) + len(name)
        if start < 0 or data[after : after + 1].isalnum() or data[after : after + 1] == b"_":
            continue
        end = _TOP_LEVEL.search(data, after)
        return draws(data[start : end.start() if end else len(data)])
    return False


def is_idle(data: bytes, name: str) -> bool:
    """Whether `name` is a top-level function of a file in which nothing draws or trains."""
    start = data.find(b"\ndef " + name.encode() + b"(")
    if start < 0 or b"\n" + name.encode() + b" =" in data:
        return False
    end = _TOP_LEVEL.search(data, start + 1 + len(b"def "))
    body = data[start : end.start() if end else len(data)]
    return not draws(body) and not uses(body)


def uses(data: bytes) -> bool:
    """Whether this text trains, loads data or defines a step."""
    for word in _USE_WORDS:
        if word in data:
            return True
    if b"yield " in data and _yields_batches(data):
        return True
    return (b"oader" in data and _LOADER.search(data) is not None) or (
        b"epoch" in data and _EPOCH.search(data) is not None
    )


def _yields_batches(data: bytes) -> bool:
    """Whether something about batches stands around a `yield`."""
    at = data.find(b"yield ")
    while at >= 0:
        if b"batch" in data[max(0, at - 1500) : at + 200]:
            return True
        at = data.find(b"yield ", at + 6)
    return False


def screen(data: bytes) -> Screen:
    """The level of a file and what it imports (only asked of files that may matter)."""
    if not draws(data):
        return _without_draws(data)
    data = without_docstrings(data)
    if not draws(data):
        return _without_draws(data)
    if (
        uses(data)
        or _is_in_code(_SEEDS, data)
        or any(_makes_train_data(match[1]) or _is_frozen(match[2]) for match in _FUNCTION.finditer(data))
        or _draws_in_setup(data)
        or _SWITCHED_OFF.search(data) is not None
        or b"key=self." in data
    ):
        return Screen(Level.DRAWS, imports_of(data))
    return Screen(Level.HELPER, imports_of(data))


def _makes_train_data(name: bytes) -> bool:
    """Whether a function says that it makes the training data: `preprocess_for_train`, `train_input_fn`."""
    word, train = _DATA_WORD.search(name), name.find(b"train_")
    return (word is not None and name.find(b"_train", word.end()) >= 0) or (
        train >= 0 and _DATA_WORD.search(name, train + len(b"train_")) is not None
    )


def _is_frozen(signature: bytes) -> bool:
    """Whether a default draws: made once, at the definition."""
    default = signature.find(b"=")
    return default >= 0 and _RANDN.search(signature, default) is not None


def _without_draws(data: bytes) -> Screen:
    """The level of a file that draws nothing: a training may lose its dropout or leave a switch unread."""
    if not uses(data):
        return Screen(Level.NONE)
    loses_mode = b".eval()" in data and b".backward(" in data
    promises = any(word in data for word in _SWITCHES)
    return Screen(Level.DRAWS if loses_mode or promises else Level.CONSUMER, imports_of(data))


def _draws_in_setup(data: bytes) -> bool:
    """Whether a file that defines networks draws in an `__init__`, or once at the first call."""
    if b"def forward(" not in data and b"def __call__(" not in data and b"def call(" not in data:
        return False
    return any(_keeps_draw(match[1] or b"") for match in _CACHED.finditer(data)) or any(
        _draws_noise(part) for part in _SETUP.findall(data)
    )


def _keeps_draw(line: bytes) -> bool:
    """Whether a line, below a question whether something is there yet, keeps a draw."""
    target = line.find(b"=")
    return target >= 0 and any(match[1] for match in _RAND.finditer(line, target))


def _draws_noise(setup: bytes) -> bool:
    """Whether an `__init__` draws anything but the first values of parameters."""
    found = _NOISE.finditer(setup)
    return any(not _PARAMETER.search(setup[max(0, match.start() - 80) : match.start()]) for match in found)


def imports_of(data: bytes) -> frozenset[str]:
    """Dotted names that import statements mention: `a.b` of `from a import b`, `a.*` of a star import."""
    found: set[str] = set()
    for match in _import_statements(data):
        origin, names, plain = match.groups()
        if plain is not None:
            found.update(part.split()[0].decode() for part in plain.split(b",") if part.split())
            continue
        base = origin.decode()
        if names.strip() == b"*":
            found.add(f"{base}.*")
        separator = "" if base.endswith(".") else "."
        for name in re.findall(rb"\w+", re.sub(rb"\bas\s+\w+|#[^\n]*", b"", names)):
            found.add(f"{base}{separator}{name.decode()}")
    return frozenset(found)


def _import_statements(data: bytes) -> Iterator[re.Match[bytes]]:
    """Matches of `_IMPORT`: the word is looked for first, as `^` would be tried at every byte."""
    at = data.find(b"import")
    while at >= 0:
        match = _IMPORT.match(data, data.rfind(b"\n", 0, at) + 1)
        if match is not None:
            yield match
        end = data.find(b"\n", at)
        behind = max(match.end() if match else 0, end if end >= 0 else len(data))
        at = data.find(b"import", behind)
