"""Linting one part of a project: model its files, ask the rules, drop what is suppressed, locate the rest."""

from __future__ import annotations

import functools
import gc
import hashlib
import os
import sys
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from jitlint.cache import PartResult
from jitlint.config import Settings
from jitlint.diagnostic import Candidate, Confidence, Diagnostic, Location
from jitlint.errors import internal_error
from jitlint.files import File, is_matched, key_of
from jitlint.imports import ImportGraph, ModuleFinder, answers_digest, lookups
from jitlint.plugins import plugins
from jitlint.rules import Rule, all_rules, is_own
from jitlint.screen import Level, is_idle, screen
from jitlint.selection import UNREADABLE, codes_of, enabled_codes
from jitlint.semantics.builder import build_module
from jitlint.semantics.graph import RELATIVE, Module
from jitlint.semantics.pieces import KeptPieces
from jitlint.semantics.project import Project
from jitlint.source import Source, UnreadableSource, load_source
from jitlint.suppress import UNUSED, Suppressed, suppress
from jitlint.survey import has_directives, read, syntax_trouble, trouble_of
from jitlint.tree import Texts

if TYPE_CHECKING:
    from jitlint.survey import Trouble

__all__ = ["Task", "codes_for", "lint_part", "unfinished", "unreadable"]

# Bytes of files that were not asked for and are modelled to understand those that were.
CONTEXT_SIZE = 800_000


_HOISTED = frozenset({"JIT101", "JIT102"})
_FROZEN = frozenset({"JIT103", "JIT104"})


class Task(NamedTuple):
    """One part of a project, with all that a process needs to lint it."""

    files: tuple[File, ...]
    settings: Settings
    cwd: str
    changed: Mapping[str, bytes]
    fixes: bool = True  # whether anybody will look at them


def lint_part(task: Task) -> PartResult:
    """Everything found in the files of one part."""
    if not gc.isenabled():  # the command line collects between parts, and only what a part has made
        gc.freeze()
    plugins.restore(task.settings.plugins)
    try:
        return _Part(task).result()
    finally:
        _forget_projects()
        if not gc.isenabled() and task.fixes and "libcst" in sys.modules:
            gc.collect()  # concrete trees have cycles; models and what is asked of them have none


def unfinished(task: Task) -> PartResult:
    """The result of a part whose process died."""
    names = ", ".join(file.key for file in task.files)
    return PartResult(problems=(f"not linted, because the process died that was to: {names}",))


def unreadable(key: str, trouble: Trouble) -> Diagnostic:
    """The finding for a file without a text to lint."""
    return Diagnostic(UNREADABLE, "unreadable", trouble.message, key, Location(*trouble.place), Confidence.HIGH)


def codes_for(path: str, settings: Settings) -> frozenset[str]:
    """The codes that are reported in one file."""
    codes = enabled_codes(settings)
    for pattern, selectors in settings.per_file_ignores:
        if is_matched([pattern], path, str(settings.root)):
            codes -= {code for selector in selectors for code in codes_of(selector)}
    return codes


def _failure(rule: type[Rule], where: str, error: Exception) -> str:
    """One line on a rule that failed, which names the plugin it is from."""
    if is_own(rule):
        return internal_error(f"of {rule.code} in {where}", error)
    line = internal_error(f"of {rule.code} in {where}", error).removesuffix("; please report it with the file")
    return line.replace("internal error", f"plugin {rule.__module__}: error", 1)


class _Part:
    """The state of linting one part."""

    def __init__(self, task: Task) -> None:
        self.settings = task.settings
        self.changed = task.changed
        self.cwd = task.cwd
        self.fixes = task.fixes
        self.paths = {file.key: file.path for file in task.files}
        self.context = _Context(task.cwd, task.changed)
        self.finder = ModuleFinder(str(self.settings.root), self.paths.values())
        self.texts = Texts(str(self.settings.root), task.changed)
        self.problems: list[str] = []
        self.broken: list[Diagnostic] = []
        self.modules: dict[str, Module] = {}
        self.proven: Source | None = None  # the changed source of a fix that is being proven

    def result(self) -> PartResult:
        """Model, ask, locate."""
        for key in self.paths:
            self._model(key)
        found = self._candidates(self.modules)
        diagnostics: list[Diagnostic] = list(self.broken)
        warnings: list[str] = []
        for key in self.modules:
            located, warned = self._located(key, found.get(key, []))
            diagnostics += located
            warnings += warned
        reads = tuple(sorted(self.context.reads.items()))
        imports = lookups(self.finder)
        found_there = answers_digest(self.finder, imports)
        return PartResult(
            tuple(diagnostics), tuple(warnings), tuple(self.problems), reads, imports, found_there, self.texts.are_asked
        )

    # ---------------------------------------------------------------------------------------- modelling

    def _source(self, key: str) -> Source:
        """The text of a file of the part, or its changed text while a fix is proven."""
        if self.proven is not None and self.proven.path == key:
            return self.proven
        return load_source(key, read(self.paths[key], self.changed))

    def _model(self, key: str) -> None:
        try:
            kept = _kept_pieces(self.paths[key]) if self.paths[key] in self.changed and not self.fixes else None
            self.modules[key] = build_module(self._source(key), kept=kept)
        except OSError as error:
            self.problems.append(f"cannot read {key}: {error.strerror or error}")
        except (SyntaxError, RecursionError, MemoryError, ValueError, UnreadableSource) as error:
            self._unreadable(key, error)
        except Exception as error:  # the other files are still linted
            self.problems.append(internal_error(f"in the model of {key}", error))

    def _unreadable(self, key: str, error: Exception) -> None:
        trouble = trouble_of(error)
        if trouble is None:
            trouble = syntax_trouble(self._source(key))
        if trouble is None:
            self.problems.append(internal_error(f"in the model of {key}", error))
        elif UNREADABLE in codes_for(self.paths[key], self.settings):
            self.broken.append(unreadable(key, trouble))

    # -------------------------------------------------------------------------------------------- rules

    def _candidates(self, modules: Mapping[str, Module]) -> dict[str, list[Candidate]]:
        """The candidates of the part's own files, by file."""
        project = self._project(modules)
        enabled = enabled_codes(self.settings)
        found: dict[str, list[Candidate]] = defaultdict(list)
        for rule in all_rules():
            if rule.code in enabled:
                for candidate in self._ask(rule, project):
                    found[candidate.path].append(candidate)
        return {key: _unique(items) for key, items in found.items() if key in modules}

    def _project(self, modules: Mapping[str, Module]) -> Project:
        project = Project(
            modules, self.settings.root, self.settings, self.context, self.finder, self.context.data, self.texts
        )
        project.source = self._source
        return project

    def _ask(self, rule: type[Rule], project: Project) -> list[Candidate]:
        """What a rule says of the project, or, should it fail, of each file alone that it does not fail on."""
        try:
            return list(rule().check(project))
        except Exception as error:  # the other rules and files still count
            return self._ask_each(rule, error)

    def _ask_each(self, rule: type[Rule], error: Exception) -> list[Candidate]:
        found: list[Candidate] = []
        failed: list[str] = []
        for key, module in self.modules.items():
            try:
                found += rule().check(self._project({key: module}))
            except Exception:
                failed.append(key)
        where = ", ".join(failed) or f"{next(iter(self.modules))} and the files around it"
        self.problems.append(_failure(rule, where, error))
        return found

    # ----------------------------------------------------------------------------------------- locating

    def _located(self, key: str, candidates: Sequence[Candidate]) -> tuple[Iterable[Diagnostic], Iterable[str]]:
        try:
            return self._located_in(key, candidates)
        except OSError as error:
            self.problems.append(f"cannot read {key}: {error.strerror or error}")
        except Exception as error:  # the other files still count
            self.problems.append(internal_error(f"while locating the findings of {key}", error))
        return (), ()

    def _located_in(self, key: str, candidates: Sequence[Candidate]) -> tuple[Iterable[Diagnostic], Iterable[str]]:
        if not candidates and not self._may_have_directives(key):
            return (), ()
        source = self._source(key)
        left = self._reported(source, candidates)
        if not left.kept:
            return (), left.warnings
        reasons: list[str] = []
        found = self._diagnosed(source, left.kept, reasons.append)
        return found, (*left.warnings, *reasons)

    def _diagnosed(
        self, source: Source, candidates: Sequence[Candidate], warn: Callable[[str], None]
    ) -> list[Diagnostic]:
        # the text of a marimo notebook differs from the document, so nothing may be moved in it
        if not self.fixes or source.kind == "marimo" or not any(item.fix for item in candidates):
            from jitlint.fixes.locate import located

            return located(source, candidates, self._find)
        from jitlint.fixes.diagnose import diagnose

        return diagnose(source, candidates, self._check, self._find, warn)

    def _find(self, key: str) -> Source | None:
        """Another source of the project, for the places of evidence in it."""
        path = self.paths.get(key) or os.path.join(self.cwd, key)  # noqa: PTH118 - plain strings
        try:
            return load_source(key, read(path, self.changed))
        except (OSError, UnreadableSource):
            return None

    def _may_have_directives(self, key: str) -> bool:
        return has_directives(read(self.paths[key], self.changed))

    def _reported(self, source: Source, candidates: Sequence[Candidate]) -> Suppressed:
        """What is left of a file's candidates after its comments and the configuration, in every confidence."""
        codes = codes_for(self.paths[source.path], self.settings)
        left = suppress(source, candidates, codes)
        kept = tuple(item for item in left.kept if item.code in codes)
        return Suppressed(kept, left.warnings)

    @functools.cached_property
    def _imports(self) -> ImportGraph:
        imported = {key: frozenset(module.imports.values()) for key, module in self.modules.items()}
        names = {self.paths[key]: {name.replace(RELATIVE, ".") for name in found} for key, found in imported.items()}
        return ImportGraph(names, {path: key for key, path in self.paths.items()}, str(self.settings.root))

    def _check(self, changed: Source) -> Sequence[Candidate]:
        """The candidates of a changed source in the context of the part; raises what `build_module` raises.

        The context is what a change can reach: the files that the source imports, and those that import it.
        """
        around = {key: self.modules[key] for key in self._imports.around(changed.path)}
        modules = {**around, changed.path: build_module(changed)}
        self.proven = changed
        try:
            found = self._candidates(modules).get(changed.path, [])
        finally:
            self.proven = None
        least = self.settings.least_confidence
        kept = self._reported(changed, found).kept
        return [item for item in kept if item.code != UNUSED and item.confidence >= least]


class _Context:
    """Models of the project's other files, as far as they can matter; remembers what was read."""

    def __init__(self, cwd: str, changed: Mapping[str, bytes]) -> None:
        self.cwd = cwd
        self.changed = changed
        self.reads: dict[str, bytes | None] = {}
        self.models: dict[str, Module | None] = {}
        self.room = CONTEXT_SIZE

    def __call__(self, path: str, name: str) -> Module | None:
        """The model of a file, unless it cannot matter or all that is wanted of it is an idle function."""
        if path not in self.models and not self._is_idle(path, name):
            self.models[path] = self._load(path)
        return self.models.get(path)

    def _is_idle(self, path: str, name: str) -> bool:
        data, digest = self.data(path), self.reads[path]
        return data is not None and digest is not None and _kept_looks.is_idle(data, digest, name)

    @functools.lru_cache(maxsize=16)  # noqa: B019 - lives as long as the part
    def data(self, path: str) -> bytes | None:
        """The bytes of a file, or None without it; the run depends on what it says."""
        try:
            data = read(path, self.changed)
        except OSError:
            self.reads[path] = None
            return None
        self.reads[path] = hashlib.blake2b(data, digest_size=16).digest()
        return data

    def _load(self, path: str) -> Module | None:
        data, digest = self.data(path), self.reads[path]
        if data is None or digest is None:
            return None
        if len(data) > self.room or not (path.endswith("__init__.py") or _kept_looks.may_matter(data, digest)):
            return None
        self.room -= len(data)
        if path in self.changed:
            return _context_model(key_of(path, self.cwd), data)
        return _kept_models.get(path, self.cwd, digest)


class _KeptLooks:
    """What the screen said of the texts of context files, by their digests."""

    def __init__(self, room: int = 10_000) -> None:
        self.room = room
        self._answers: dict[tuple[bytes, str], bool] = {}

    def may_matter(self, data: bytes, digest: bytes) -> bool:
        """Whether a file has anything that a model would show."""
        return self._answer(digest, "", lambda: screen(data).level > Level.NONE)

    def is_idle(self, data: bytes, digest: bytes, name: str) -> bool:
        """Whether `name` is a function of the file in which nothing draws or trains."""
        return self._answer(digest, name, lambda: is_idle(data, name))

    def _answer(self, digest: bytes, name: str, look: Callable[[], bool]) -> bool:
        if (digest, name) not in self._answers:
            if len(self._answers) >= self.room:
                self._answers.clear()
            self._answers[digest, name] = look()
        return self._answers[digest, name]


class _KeptModels:
    """The models of context files that were used last: the parts of a tree import the same few files.

    A node takes 600 bytes, so they are counted; the largest models are cheaper to make again.
    """

    def __init__(self, room: int = 5_000, largest: int = 1_000) -> None:
        self.room, self.largest = room, largest
        self._models: OrderedDict[tuple[str, str, bytes], tuple[Module | None, int]] = OrderedDict()

    def get(self, path: str, cwd: str, digest: bytes) -> Module | None:
        """The model of a file with this content."""
        key = path, cwd, digest
        if key in self._models:
            self._models.move_to_end(key)
            return self._models[key][0]
        model = _context_model(key_of(path, cwd), read(path, {}))
        size = 1 + (sum(len(scope.nodes) for scope in model.scopes.values()) if model else 0)
        if size <= self.largest:
            self._models[key] = model, size
            self.room -= size
        while self.room < 0:
            self.room += self._models.popitem(last=False)[1][1]
        return model


_kept_looks = _KeptLooks()
_kept_models = _KeptModels()


@functools.lru_cache(maxsize=8)
def _kept_pieces(path: str) -> KeptPieces:
    """What the last version of a text left that an editor changes."""
    return KeptPieces()


def _context_model(key: str, data: bytes) -> Module | None:
    try:
        return build_module(load_source(key, data), context=True)
    except (SyntaxError, RecursionError, MemoryError, ValueError, UnreadableSource):
        return None


def _unique(candidates: Iterable[Candidate]) -> list[Candidate]:
    """One finding a code and place: two ways to the same draw are one bug.

    Of the rules about draws that are not repeated, the one that says best where the draw stands has the word.
    """
    found = {(item.code, item.span): item for item in candidates}
    frozen = {item.span for item in found.values() if item.code in _FROZEN}
    return [item for item in found.values() if item.code not in _HOISTED or item.span not in frozen]


def _forget_projects() -> None:
    """Drop what the analyses remember of a project, so that a large tree needs no more memory than a part."""
    for name, module in list(sys.modules.items()):
        if name.startswith("jitlint.semantics"):
            for function in _remembering(module):
                function.cache_clear()


@functools.cache
def _remembering(module: ModuleType) -> tuple[functools._lru_cache_wrapper[object], ...]:
    """The functions and methods of a module that remember their answers."""
    values = list(vars(module).values())
    values += [item for value in values if isinstance(value, type) for item in vars(value).values()]
    return tuple(dict.fromkeys(item for item in values if isinstance(item, functools._lru_cache_wrapper)))
