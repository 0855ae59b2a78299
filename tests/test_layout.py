"""How the three packages are laid out: which module may import which, no circles, no long file.

Every import counts: those at the top of a module, those in functions, and those for annotations only. An import in a
function may save time; it must not hide that two modules need each other, unless a list here says why.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("jitlint", "runtime_probe", "reference_model")

# What each package may import of the others: they share words, not code, but the experiments are watched by the probe.
ACROSS = {"jitlint": set(), "runtime_probe": set(), "reference_model": {"runtime_probe"}}

# From the lowest layer to the highest: a module imports only from its own layer and from those below. `*` is the rest.
LAYERS = {
    "jitlint": (
        "jitlint candidate catalogue diagnostic errors evidence fixes.plans ignore_patterns libraries magics marimo "
        "plain progress project_root records terminal versions visible workers",
        "imports notebook screen source survey tree",  # read
        "semantics",  # model
        "plugins rules",
        "cache config dialects files hierarchy reach selection suppress",  # what a run is about
        "fixes",
        "engine parts",
        "baseline evidence_claims evidence_join explain fixing ignore_comments report rule_cases watch",
        "__main__ api cli command doctor flake8 ipython options server shell",
    ),
    "runtime_probe": (
        "classify errors fingerprint geometry grids timeline verdict",  # pure
        "*",  # observe, judge and report
        "probe",
        "loaders integrations run",
        "runtime_probe __main__ command_line pytest_plugin",
    ),
    "reference_model": (
        "reference_model grids images jitter metrics oracle scenes spectrum",
        "experiments model recipe targets",  # what is trained
        "*",  # train, evaluate, store and judge
        "report",
        "__main__ command_line",
    ),
}

# Imports that close a circle or go up a layer, each with its reason. May only become fewer.
EXCEPTIONS = {
    ("jitlint", "jitlint.api"): "annotations: `jitlint.lint` is loaded when it is first used",
    ("jitlint", "jitlint.config"): "annotations, as above",
    ("jitlint", "jitlint.engine"): "annotations, as above",
    ("jitlint.diagnostic", "jitlint.candidate"): "what rules import from here is made only if there is a candidate",
    ("jitlint.source", "jitlint.notebook"): "a notebook is read into a Source; most runs read none",
    ("jitlint.fixes.program", "jitlint.fixes.excerpt"): "annotations: a program keeps the excerpt that was read last",
    ("jitlint.fixes.program", "jitlint.fixes.reach"): "annotations, as above: the scopes that were looked at",
    ("jitlint.selection", "jitlint.config"): "annotations; the configuration asks whether a selector means any rule",
    ("jitlint.survey", "jitlint.dialects"): "only a file that does not parse needs a hint, with the code of a rule",
    ("jitlint.semantics.project", "jitlint.config"): "annotations: what users say of their own functions",
}

LONGEST = 450  # lines

# Word lists that say the same twice. May only become fewer.
SAME_WORDS = {
    frozenset({"__call__", "__init__", "forward"}): "JIT201 and JIT202 name a helper by its class",
}


@functools.cache
def modules(package: str) -> dict[str, Path]:
    """The modules of a package by their dotted names."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@functools.cache
def imports(package: str) -> dict[str, frozenset[str]]:
    """What each module of a package imports of the project, at any place."""
    return {name: frozenset(_imported(package, path)) - {name} for name, path in modules(package).items()}


def _imported(package: str, path: Path) -> Iterator[str]:
    known = {name for each in PACKAGES for name in modules(each)}
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} is a relative import"
            inner = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from {name if name in known else str(node.module) for name in inner} & known


def layer(module: str) -> int:
    """The layer that a module belongs to."""
    package, _, name = module.partition(".")
    layers = [level.split() for level in LAYERS[package]]
    name = name or package
    while True:
        found = [number for number, names in enumerate(layers) if name in names]
        if found:
            return found[0]
        if "." not in name:
            break
        name = name.rpartition(".")[0]
    rest = [number for number, names in enumerate(layers) if names == ["*"]]
    assert rest, f"say in LAYERS where {module} belongs"
    return rest[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_what_they_may(package: str) -> None:
    others = {name.partition(".")[0] for targets in imports(package).values() for name in targets} - {package}
    assert others <= ACROSS[package]


@pytest.mark.parametrize("package", PACKAGES)
def test_layers_import_only_downward(package: str) -> None:
    upward = {
        (module, target)
        for module, targets in imports(package).items()
        for target in targets
        if target.partition(".")[0] == package and layer(target) > layer(module)
    }
    assert upward - EXCEPTIONS.keys() == set()


def without_exceptions(package: str) -> dict[str, set[str]]:
    known = modules(package).keys()
    return {
        module: {target for target in targets & known if (module, target) not in EXCEPTIONS}
        for module, targets in imports(package).items()
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_no_circle_of_imports(package: str) -> None:
    try:
        TopologicalSorter(without_exceptions(package)).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


@pytest.mark.parametrize(("module", "target"), EXCEPTIONS)
def test_an_exception_is_needed(module: str, target: str) -> None:
    package = module.partition(".")[0]
    assert target in imports(package)[module], "it is gone: take it off the list"
    graph = without_exceptions(package)
    reached, todo = {target}, [target]
    while todo:
        new = graph[todo.pop()] - reached
        reached |= new
        todo += new
    assert module in reached or layer(target) > layer(module), "it closes no circle: take it off the list"


def test_files_are_short() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for package in PACKAGES
        for path in modules(package).values()
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}, "split it by what it answers"


def word_lists(package: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Where a module compares with, or names, a list of three or more words."""
    for path in modules(package).values():
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
                words = _words(node.comparators[0])
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) != "__all__":
                words = _words(node.value)
            else:
                continue
            if len(words) > 2:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", words


def _words(node: ast.expr) -> frozenset[str]:
    """The words of a display, of `frozenset("a b".split())` or of a set of them."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("frozenset", "set", "tuple") and node.args:
        return _words(node.args[0])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "split":
        text = node.func.value
        whole = isinstance(text, ast.Constant) and isinstance(text.value, str) and not node.args
        return frozenset(ast.literal_eval(text).split()) if whole else frozenset()
    if isinstance(node, (ast.Set, ast.Tuple, ast.List)):
        values = [item.value for item in node.elts if isinstance(item, ast.Constant)]
        words = frozenset(value for value in values if isinstance(value, str))
        return words if len(words) == len(node.elts) else frozenset()
    return frozenset()


def test_one_word_list_a_concept() -> None:
    found: dict[frozenset[str], list[str]] = {}
    for place, words in word_lists("jitlint"):
        found.setdefault(words, []).append(place)
    twice = {words: places for words, places in found.items() if len(places) > 1}
    assert {words: places for words, places in twice.items() if words not in SAME_WORDS} == {}
    assert SAME_WORDS.keys() <= twice.keys(), "they are said once now: take them off the list"
