"""One run: look at every file, model those that matter, part by part, and put the answers together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from jitlint.cache import Cache, PartResult, Plan, digest_of
from jitlint.config import Settings
from jitlint.diagnostic import Diagnostic
from jitlint.files import File
from jitlint.screen import Level
from jitlint.selection import UNREADABLE
from jitlint.survey import Survey, read, stamp_of, survey
from jitlint.tree import text_files, tree_digest
from jitlint.workers import Workers

if TYPE_CHECKING:
    from jitlint.imports import ModuleFinder
    from jitlint.reach import Reach

__all__ = ["Outcome", "Report", "Run", "lint", "merged"]

# Starting processes costs as much as looking at some 50,000 lines, or as modelling some 10,000.
_WORTH_LOOKING = 3_000_000  # bytes
_WORTH_MODELLING = 500_000
_BATCH = 64  # files a process looks at in one go
# In a tree of more bytes, a file that no rule will see is read and screened but not parsed, so a syntax error
# in it goes unreported (unless it was named on the command line): parsing would double the time of the run.
_ALL_CHECKED = 2_000_000


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found, and what it read. `problems` are what it could not do, one line each.

    `held` counts the findings below the confidence that was asked for, and `uncertain` are these. `undecided` are the
    files that train, if no file of the run draws anything: what happens there, only a run of the program can tell.
    """

    diagnostics: tuple[Diagnostic, ...] = ()
    files: int = 0
    lines: int = 0
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    held: int = 0
    uncertain: tuple[Diagnostic, ...] = ()
    undecided: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command came to: what is left, the new texts of changed files by path, and what it did.

    `verb` says what was done to the `done` findings ("Fixed"). `known` ones are in the baseline, `dead` entries of the
    baseline match nothing any more. `note` is a sentence of its own. `left` are findings that fixes left half done, and
    the report has them too; `leaves` says what other fixes left.
    """

    report: Report
    changed: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    done: int = 0
    verb: str = ""
    known: int = 0
    dead: tuple[str, ...] = ()
    note: str = ""
    left: tuple[Diagnostic, ...] = ()
    leaves: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """What a run works with. `changed` holds texts that differ from what is on disk, by absolute path.

    `shard` is which share of the findings is looked for, and of how many; together they find what one run finds.
    Without `fixes` none is made and proven: an editor asks for them when a person does.
    """

    settings: Settings
    cache: Cache
    workers: Workers
    cwd: str
    changed: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    progress: Callable[[int, int], None] = lambda done, total: None
    shard: tuple[int, int] = (1, 1)
    fixes: bool = True  # whether anybody will look at the fixes; they take longer than all the rest


def merged(outcomes: Sequence[Outcome]) -> Outcome:
    """What commands over groups of files came to, as if they had been one."""
    if len(outcomes) == 1:
        return outcomes[0]
    reports = [item.report for item in outcomes]
    found = [diagnostic for report in reports for diagnostic in report.diagnostics]
    report = Report(
        diagnostics=tuple(sorted(found, key=lambda item: item.sort_key)),
        files=sum(item.files for item in reports),
        lines=sum(item.lines for item in reports),
        problems=tuple(line for item in reports for line in item.problems),
        warnings=tuple(line for item in reports for line in item.warnings),
        held=sum(item.held for item in reports),
        uncertain=tuple(diagnostic for report in reports for diagnostic in report.uncertain),
        undecided=tuple(key for item in reports for key in item.undecided),
    )
    return Outcome(
        report,
        {path: data for item in outcomes for path, data in item.changed.items()},
        done=sum(item.done for item in outcomes),
        verb="".join({item.verb for item in outcomes if item.done}),
        left=tuple(found for item in outcomes for found in item.left),
        leaves=tuple(dict.fromkeys(line for item in outcomes for line in item.leaves)),
    )


def lint(files: Sequence[File], run: Run) -> Report:
    """Everything found in `files`, sorted by path and position."""
    text_files.cache_clear()
    surveys = list(_surveys(files, run))
    results = list(_results(files, surveys, run))
    own = slice(run.shard[0] - 1, None, run.shard[1])  # of what is said of a file by itself
    files, surveys = files[own], surveys[own]
    found = [*_troubles(files, surveys, run.settings), *(item for result in results for item in result.diagnostics)]
    readable = [item for item in surveys if not item.problem]
    least = run.settings.least_confidence
    shown = [item for item in found if item.confidence >= least]
    return Report(
        diagnostics=tuple(_merged(sorted(shown, key=lambda item: item.sort_key))),
        files=len(readable),
        lines=sum(item.lines for item in readable),
        problems=(*(item.problem for item in surveys if item.problem), *_of(results, "problems")),
        warnings=tuple(_of(results, "warnings")),
        held=len(found) - len(shown),
        uncertain=tuple(item for item in found if item.confidence < least),
        undecided=tuple(_undecided(files, surveys)),
    )


def _undecided(files: Sequence[File], surveys: Sequence[Survey]) -> Iterator[str]:
    levels = {item.level for item in surveys}
    if not levels & {Level.HELPER, Level.DRAWS}:
        yield from (file.key for file, item in zip(files, surveys, strict=True) if item.level == Level.CONSUMER)


def _merged(found: Sequence[Diagnostic]) -> Iterable[Diagnostic]:
    """The findings, with one line for a tree of Python 2."""
    if not any(item.code == UNREADABLE for item in found):
        return found
    from jitlint.dialects import merged

    return merged(found)


def _of(results: Iterable[PartResult], name: str) -> Iterator[str]:
    return (line for result in results for line in getattr(result, name))


# ---------------------------------------------------------------------------------------------- surveys


def _surveys(files: Sequence[File], run: Run) -> Iterator[Survey]:
    """One survey a file, in order, from the cache where the file has not changed."""
    checked = _checked(files)
    known = {file.path: found for file in files if (found := _remembered(file.path, run)) is not None}
    todo = [file for file in files if file.path not in known or known[file.path].is_checked < (file.path in checked)]
    batches = [todo[start : start + _BATCH] for start in range(0, len(todo), _BATCH)]
    look = partial(_look_at, changed=run.changed, checked=checked)
    done = 0
    worth_it = len(batches) > 1 and sum(map(_size, todo)) > _WORTH_LOOKING
    surveyed = run.workers.map(look, batches, _unread, is_worth_it=worth_it)
    for batch, items in zip(batches, surveyed, strict=True):
        done += len(batch)
        run.progress(done, 2 * len(todo))
        for file, item in zip(batch, items, strict=True):
            known[file.path] = item
            _remember(file.path, item, run)
    return (known[file.path] for file in files)


def _look_at(files: Sequence[File], changed: Mapping[str, bytes], checked: frozenset[str]) -> list[Survey]:
    return [survey(file.key, file.path, changed, check=file.path in checked) for file in files]


def _unread(files: Sequence[File]) -> list[Survey]:
    return [Survey((0, 0, 0), problem=f"{file.key} is not linted: a process that read it died") for file in files]


def _checked(files: Sequence[File]) -> frozenset[str]:
    """The paths of the files whose syntax is looked at in any case."""
    is_small = sum(map(_size, files)) <= _ALL_CHECKED
    return frozenset(file.path for file in files if file.named or is_small)


def _remembered(path: str, run: Run) -> Survey | None:
    if path in run.changed:
        return None
    try:
        return run.cache.survey(path, stamp_of(path))
    except OSError:
        return None


def _remember(path: str, item: Survey, run: Run) -> None:
    if path not in run.changed and not item.problem:
        run.cache.add_survey(path, item)


def _size(file: File) -> int:
    try:
        return stamp_of(file.path)[2]
    except OSError:
        return 0


def _troubles(files: Sequence[File], surveys: Sequence[Survey], settings: Settings) -> Iterator[Diagnostic]:
    """The findings about files, and cells of notebooks, that have no text to lint."""
    if not any(item.troubles for item in surveys):
        return
    from jitlint.parts import codes_for, unreadable

    for file, item in zip(files, surveys, strict=True):
        for trouble in item.troubles:
            found = unreadable(file.key, trouble)
            if found.code in codes_for(file.path, settings):
                yield found


# -------------------------------------------------------------------------------------------- the parts


def _results(files: Sequence[File], surveys: Sequence[Survey], run: Run) -> Iterator[PartResult]:
    """The result of every part, from the cache where nothing that had a say has changed."""
    key = digest_of(
        "run",
        run.cwd,
        run.fixes,
        run.shard,
        [(file.key, item.digest) for file, item in zip(files, surveys, strict=True)],
    )
    plan = run.cache.plan(key)
    if plan is not None and _holds(plan, run):
        remembered = [_remembered_result(part, run) for part in plan.parts]
        if None not in remembered:
            return (item for item in remembered if item is not None)
    return _fresh_results(key, files, surveys, run)


def _holds(plan: Plan, run: Run) -> bool:
    """Whether the files that were not asked for, and the directories looked into, are as they were."""
    from jitlint.imports import listing_digest

    return _unchanged(plan.reads, run) and listing_digest(plan.directories) == plan.listing


def _unchanged(reads: Iterable[tuple[str, bytes | None]], run: Run) -> bool:
    return all(_digest(path, run) == digest for path, digest in reads)


def _digest(path: str, run: Run) -> bytes | None:
    found = _look(path, run)
    return found.digest if found else None


def _look(path: str, run: Run) -> Survey | None:
    """The survey of a file that may not have been asked for; None if it cannot be read."""
    found = _remembered(path, run)
    if found is None:
        found = survey(path, path, run.changed, check=False)
        _remember(path, found, run)
    return None if found.problem else found


def _remembered_result(key: bytes, run: Run, finder: ModuleFinder | None = None) -> PartResult | None:
    """What was found in a part, if nothing that had a say has changed.

    Names of modules are looked up again with a `finder`; without one, no directory that they led to has changed.
    """
    found = run.cache.result(key)
    if found is None or not _unchanged(found.reads, run):
        return None
    if finder is not None and not _same_imports(found, finder):
        return None
    return found if not found.reads_tree or found.tree == tree_digest(str(run.settings.root)) else None


def _same_imports(found: PartResult, finder: ModuleFinder) -> bool:
    from jitlint.imports import answers_digest

    return answers_digest(finder, found.imports) == found.imported


def _fresh_results(key: bytes, files: Sequence[File], surveys: Sequence[Survey], run: Run) -> Iterator[PartResult]:
    from jitlint.reach import Reach, partition, shared

    known = dict(zip(files, surveys, strict=True))
    asked = {file.path: item for file, item in known.items()}
    reach = Reach(asked, str(run.settings.root), partial(_look, run=run), partial(read, changed=run.changed))
    modelled = reach.modelled(files, has_plugins=bool(run.settings.plugins))
    parts = shared(partition(modelled, lambda file: known[file].size), lambda file: known[file].size, run.shard)
    by_key = {
        digest_of("part", run.cwd, run.fixes, [(file.key, known[file].digest) for file in part]): part for part in parts
    }
    results = dict(_part_results(by_key, reach.finder, run))
    if not any(result.problems for result in results.values()):
        run.cache.add_plan(key, _plan(results, reach))
    return iter(results.values())


def _plan(results: Mapping[bytes, PartResult], reach: Reach) -> Plan:
    """The plan of a run; its directories are those that the parts looked into as well."""
    for result in results.values():
        _same_imports(result, reach.finder)
    reads = tuple((path, item.digest if item else None) for path, item in reach.others.items())
    return Plan(tuple(results), reach.finder.directories, reach.finder.digest(), reads)


def _part_results(
    parts: Mapping[bytes, tuple[File, ...]], finder: ModuleFinder, run: Run
) -> Iterator[tuple[bytes, PartResult]]:
    found = {key: _remembered_result(key, run, finder) for key in parts}
    todo = [(key, part) for key, part in parts.items() if found[key] is None]
    if todo:
        for (key, _), result in zip(todo, _lint_parts([part for _, part in todo], run), strict=True):
            found[key] = result
            if not result.problems:
                tree = tree_digest(str(run.settings.root)) if result.reads_tree else b""
                run.cache.add_result(key, result._replace(tree=tree))
    return ((key, result) for key, result in found.items() if result is not None)


def _lint_parts(parts: Sequence[tuple[File, ...]], run: Run) -> Iterator[PartResult]:
    from jitlint.parts import Task, lint_part, unfinished

    tasks = [Task(part, run.settings, run.cwd, run.changed, run.fixes) for part in parts]
    worth_it = sum(_size(file) for part in parts for file in part) > _WORTH_MODELLING
    for done, result in enumerate(run.workers.map(lint_part, tasks, unfinished, is_worth_it=worth_it), start=1):
        run.progress(len(tasks) + done, 2 * len(tasks))
        yield result
