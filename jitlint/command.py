"""One run from the command line: read, lint, fix, report."""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from jitlint.cache import Cache, open_cache
from jitlint.config import Settings, cache_directory
from jitlint.engine import Outcome, Report, Run, lint, merged
from jitlint.errors import UsageError
from jitlint.files import Discovered, File, discover, key_of
from jitlint.options import exclusions_for, hierarchy_for
from jitlint.plugins import plugins
from jitlint.progress import Progress
from jitlint.terminal import is_colourful, is_terminal, say, width, write, writes_frames
from jitlint.visible import visible
from jitlint.workers import Workers, cores

if TYPE_CHECKING:
    from jitlint.diagnostic import Diagnostic
    from jitlint.evidence import Evidence
    from jitlint.evidence_join import Joined
    from jitlint.report import Texts, View

__all__ = ["Command"]

_TEXT_FORMATS = ("full", "concise")
_WITHOUT_FIXES = ("github", "gitlab", "junit")


_Group = tuple[Run, tuple[File, ...]]  # the files that one configuration holds for


class Command:
    """The options of a run, and what follows from them."""

    def __init__(self, options: Namespace) -> None:
        self.options = options
        self.cwd = _current_directory()
        self.started = time.perf_counter()
        self.is_stdin = options.paths == ["-"]
        if "-" in options.paths and not self.is_stdin:
            raise UsageError("`-` (standard input) cannot be mixed with other paths")
        if options.add_ignore is not None:
            _check_reason(options.add_ignore)
        near = [options.stdin_filename or "."] if self.is_stdin else options.paths
        self.hierarchy = hierarchy_for(options, near)
        self.evidence = self._evidence()
        self.joined: Joined | None = None
        self.format: str = options.format or ("full" if is_terminal(sys.stdout) else "concise")

    def run(self) -> int:
        """Do what the options ask for; the exit status."""
        if self.options.show_settings:
            from jitlint.explain import settings_lines

            write(map(visible, settings_lines(self.hierarchy.nearest())))
            return 0
        if self.options.show_files:
            found = self._discovered()
            write(visible(file.key) for file in found.files)
            return self._status(Report(problems=found.problems))
        if self.options.watch:
            from jitlint.watch import watch

            return watch(self._once, lambda: self._files()[0])
        return self._once()

    def _once(self) -> int:
        files, problems, changed = self._files()
        is_watched = is_terminal(sys.stderr) and not self.options.quiet
        with Workers(self.options.jobs or cores()) as workers, Progress(is_wanted=is_watched) as progress:
            groups: list[_Group] = [
                (self._run(settings, workers, changed, progress), group)
                for settings, group in self.hierarchy.groups(files)
            ]
            outcome = merged([self._outcome(group, run) for run, group in groups])
            if self._writes():
                self._remove_litter(files)
                outcome = self._written(outcome, groups) if outcome.changed else outcome
            for run, _ in groups:
                run.cache.save()
        problems = (*plugins.problems, *problems, *outcome.report.problems)
        report = replace(outcome.report, problems=problems, warnings=(*plugins.refused, *outcome.report.warnings))
        if self.options.verbose:
            self._say_how(groups)
        return self._finish(replace(outcome, report=report), files, changed)

    def _run(self, settings: Settings, workers: Workers, changed: Mapping[str, bytes], progress: Progress) -> Run:
        cache, shard = self._cache(settings), self.options.shard
        return Run(settings, cache, workers, self.cwd, changed, progress, shard, self._shows_fixes())

    def _shows_fixes(self) -> bool:
        """Whether the run makes fixes, or its report has a word on them."""
        is_shown = self.options.statistics or self.format not in _WITHOUT_FIXES
        return self.options.fix or self.options.diff or is_shown

    # -------------------------------------------------------------------------------------------- input

    def _discovered(self) -> Discovered:
        return discover(self.options.paths, self.hierarchy.at, exclusions_for(self.options))

    def _files(self) -> tuple[tuple[File, ...], tuple[str, ...], dict[str, bytes]]:
        """What to lint, what could not be looked at, and the text from standard input by its path."""
        if not self.is_stdin:
            found = self._discovered()
            return found.files, found.problems, {}
        path = os.path.abspath(self.options.stdin_filename or "<stdin>")  # noqa: PTH100 - keeps links
        return (File(key_of(path, self.cwd), path, True),), (), {path: _read_stdin()}

    def _cache(self, settings: Settings) -> Cache:
        """One cache for every confidence: what is found does not depend on what is shown."""
        if self.options.no_cache or self.is_stdin:
            return Cache()
        return open_cache(replace(settings, confidence=None), cache_directory(settings, Path(self.cwd)))

    # ------------------------------------------------------------------------------------------ linting

    def _outcome(self, files: tuple[File, ...], run: Run) -> Outcome:
        if self.options.add_ignore is not None:
            from jitlint.ignore_comments import add_ignores

            return add_ignores(files, run, self.options.add_ignore)
        if self.options.fix or self.options.diff:
            from jitlint.fixing import fix

            return fix(files, run, unsafe=self.options.unsafe_fixes, choose=self._new_ones)
        return Outcome(lint(files, run))

    def _new_ones(self, found: Sequence[Diagnostic], changed: Mapping[str, bytes]) -> Sequence[Diagnostic]:
        """What is to be fixed: not what the run refutes, nor what the baseline accepts."""
        if self.evidence is not None:
            from jitlint.evidence_join import not_refuted

            found = not_refuted(found, self.evidence, self.cwd)
        if not self.options.baseline:
            return found
        from jitlint.baseline import new_ones
        from jitlint.report import Texts

        return new_ones(Path(self.options.baseline), found, Texts(self.cwd, changed))

    def _finish(self, outcome: Outcome, files: tuple[File, ...], given: Mapping[str, bytes]) -> int:
        if self.options.diff:
            return self._show_diff(outcome, files, given)
        if self._prints_text():
            _write_stdout(next(iter({**given, **outcome.changed}.values())))
        texts = self._texts({**given, **outcome.changed})
        if self.evidence is not None:
            outcome = self._joined(outcome, self.evidence, files, texts)
        if self.options.baseline:
            from jitlint.baseline import apply_baseline

            whole = [file.path for file in files] if self._looks_for_everything() else []
            outcome = apply_baseline(Path(self.options.baseline), outcome, texts, whole)
        self._tell(outcome, texts)
        return self._status(outcome.report)

    def _looks_for_everything(self) -> bool:
        """Whether what is not found is not there: no rule, share or plugin was left out."""
        options = self.options
        is_narrowed = options.select or options.ignore or options.confidence or options.evidence
        is_narrowed = is_narrowed or options.shard != (1, 1)
        return not is_narrowed and not plugins.refused

    def _evidence(self) -> Evidence | None:
        if not self.options.evidence:
            return None
        from jitlint.evidence_join import load

        return load(self.options.evidence, self.cwd)

    def _joined(self, outcome: Outcome, evidence: Evidence, files: Sequence[File], texts: Texts) -> Outcome:
        """Without what the run refuted, and with what only the run saw."""
        from jitlint.evidence_join import join

        self.joined = join(outcome, evidence, files, texts)
        return self.joined.outcome

    def _show_diff(self, outcome: Outcome, files: tuple[File, ...], given: Mapping[str, bytes]) -> int:
        from jitlint.report.diff import file_diffs

        write(self._paint(file_diffs(files, given, outcome.changed)))
        self._complain(outcome.report)
        if not self.options.quiet:
            from jitlint.report.summary import diff_summary

            say(diff_summary(outcome))
        if outcome.report.problems:
            return 2
        return int(bool(outcome.changed) and not self.options.exit_zero)

    def _writes(self) -> bool:
        """Whether the run may change files."""
        changes = self.options.fix or self.options.add_ignore is not None
        return bool(changes) and not self.options.diff and not self.is_stdin

    def _remove_litter(self, files: tuple[File, ...]) -> None:
        """Delete what killed runs left beside the files."""
        from jitlint.fixes.write import remove_litter

        remove_litter({os.path.dirname(file.path) for file in files})  # noqa: PTH120 - plain strings

    def _written(self, outcome: Outcome, groups: Sequence[_Group]) -> Outcome:
        """Replace the changed files, each as a whole, and lint what is on disk then."""
        from jitlint.fixes.write import write_atomically

        problems = []
        for path, data in outcome.changed.items():
            try:
                write_atomically(Path(path), data, tree=self.hierarchy.of(path).root)
            except OSError as error:
                problems.append(f"cannot write {key_of(path, self.cwd)}: {error.strerror or error}")
        report = merged([Outcome(lint(group, run)) for run, group in groups]).report
        found = sorted((*report.diagnostics, *outcome.left), key=lambda item: item.sort_key)
        known = dict.fromkeys((*outcome.report.problems, *report.problems, *problems))
        report = replace(report, diagnostics=tuple(found), problems=tuple(known))
        return replace(outcome, report=report, changed={}, done=0 if problems else outcome.done)

    # ------------------------------------------------------------------------------------------ telling

    def _tell(self, outcome: Outcome, texts: Texts) -> None:
        pieces = self._report(outcome, texts)
        if self.options.output_file:
            self._write_report("".join(f"{piece}\n" for piece in pieces))
            if self.format not in _TEXT_FORMATS and not self.options.quiet:
                from jitlint.report.summary import count

                say(f"Wrote {count(len(outcome.report.diagnostics), 'finding')} to {self.options.output_file}.")
        else:
            write(pieces, sys.stderr if self._prints_text() else None)
        self._complain(outcome.report)
        if self.format in _TEXT_FORMATS and not self.options.quiet:
            self._summarise(outcome)

    def _write_report(self, text: str) -> None:
        from jitlint.fixes.write import leads_out

        path = Path(self.options.output_file)
        if leads_out(path, Path(self.cwd)):
            raise UsageError(f"--output-file: {path} is a link that leads out of the current directory")
        path.write_text(text, "utf-8", "backslashreplace")

    def _report(self, outcome: Outcome, texts: Texts) -> Iterable[str]:
        if not outcome.report.diagnostics and self.format in _TEXT_FORMATS and not self._refuted():
            return ()  # most runs: spare them the reporters
        from jitlint.report import render

        return render("statistics" if self.options.statistics else self.format, self._view(outcome, texts))

    def _view(self, outcome: Outcome, texts: Texts) -> View:
        from jitlint.report import View

        color = is_colourful(self.options.color) and not self.options.output_file
        ascii = not self.options.output_file and not writes_frames(sys.stdout)
        observed = self.joined.observed if self.joined is not None else {}
        return View(outcome.report.diagnostics, texts, width(), color, ascii, observed, self._refuted())

    def _refuted(self) -> tuple[Diagnostic, ...]:
        return self.joined.refuted if self.joined is not None else ()

    def _texts(self, changed: Mapping[str, bytes]) -> Texts:
        from jitlint.report import Texts

        return Texts(self.cwd, changed)

    def _say_how(self, groups: Sequence[_Group]) -> None:
        for run, files in groups:  # the cache is not named: where it lies is its own matter
            origin = run.settings.origin or "no configuration, the defaults"
            cache = "without the cache" if self.options.no_cache or self.is_stdin else "with the cache"
            say(f"jitlint: {len(files):,} files {cache}; settings from {origin}")
        say(f"jitlint: {time.perf_counter() - self.started:.2f} s")

    def _summarise(self, outcome: Outcome) -> None:
        from jitlint.report.summary import summary

        lines = summary(outcome)
        if self.joined is not None and self.joined.sentence:
            lines.insert(1, self.joined.sentence)
        if self.format == "full" and not self.options.output_file and not self._prints_text():
            write(map(visible, lines))
        else:
            for line in lines:
                say(line)

    def _complain(self, report: Report) -> None:
        if not self.options.quiet:
            for line in report.warnings:
                say(f"jitlint: warning: {line}")
        for line in report.problems:
            say(f"jitlint: {line}")

    def _prints_text(self) -> bool:
        """Whether standard output is for the fixed text of standard input, changed or not."""
        return self.is_stdin and (self.options.fix or self.options.add_ignore is not None) and not self.options.diff

    def _status(self, report: Report) -> int:
        if report.problems:
            return 2
        return int(bool(report.diagnostics) and not self.options.exit_zero)

    def _paint(self, lines: Iterable[str]) -> Iterable[str]:
        from jitlint.report.diff import painted

        return painted(lines) if is_colourful(self.options.color) else lines


def _check_reason(reason: str) -> None:
    """`--add-ignore .` and `--add-ignore src/` forgot the reason, and would rewrite the tree."""
    if os.path.lexists(reason):
        raise UsageError(
            f'--add-ignore: `{reason}` is a path, not a reason; write: jitlint --add-ignore "why it is meant" {reason}'
        )
    if sum(map(str.isalpha, reason)) < 3 or "\n" in reason:
        raise UsageError(f"--add-ignore: give a reason in words, on one line, instead of {reason!r}")


def _current_directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - keys are plain strings
    except FileNotFoundError:
        raise UsageError("the current directory no longer exists") from None


def _read_stdin() -> bytes:
    if sys.stdin is None:
        raise UsageError("standard input is closed")
    return sys.stdin.buffer.read()


def _write_stdout(data: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
