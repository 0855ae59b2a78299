"""`--add-ignore`: accept every finding by a comment with a reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from tokenize import TokenInfo

from jitlint.diagnostic import Applicability, Diagnostic, Edit, Fix, Location, Span
from jitlint.engine import Outcome, Report, Run, lint
from jitlint.files import File
from jitlint.fixing import by_file
from jitlint.source import Source, UnreadableSource, load_source
from jitlint.suppress import UNUSED, Statements, comments, end_of_codes
from jitlint.survey import read

__all__ = ["add_ignores", "ignore_edit"]

_WIDEST = 120  # a longer line gets its comment above


def add_ignores(files: Sequence[File], run: Run, reason: str) -> Outcome:
    """Add `# jitlint: ignore[CODE] reason` for every finding; what cannot be suppressed is left."""
    reason = reason.strip()
    before = lint(files, run)
    changed = {}
    for file, diagnostics in by_file(files, before.diagnostics).items():
        try:
            source = load_source(file.key, read(file.path, run.changed))
        except (OSError, UnreadableSource):
            continue  # a finding of its own
        data = _with_comments(source, [item for item in diagnostics if item.code not in (UNUSED, "JIT000")], reason)
        if data != source.data:
            changed[file.path] = data
    after = lint(files, replace(run, changed={**run.changed, **changed}))
    if idle := _idle(files, before, after) & changed.keys():
        changed = {path: data for path, data in changed.items() if path not in idle}
        after = lint(files, replace(run, changed={**run.changed, **changed}))
        after = replace(after, problems=(*after.problems, *(_refusal(file) for file in files if file.path in idle)))
    return Outcome(after, changed, len(before.diagnostics) - len(after.diagnostics), "Suppressed")


def _idle(files: Sequence[File], before: Report, after: Report) -> set[str]:
    """The paths of files in which a comment that was added suppresses nothing, or brought a finding about."""
    old, new = (Counter((item.path, item.code) for item in report.diagnostics) for report in (before, after))
    worse = {path for path, code in new if new[path, code] > old[path, code]}
    return {file.path for file in files if file.key in worse}


def _refusal(file: File) -> str:
    return f"{file.key} is left as it was: its findings cannot be suppressed by comments; use `per-file-ignores`"


def ignore_edit(text: str, item: Diagnostic, reason: str) -> Edit | None:
    """The insertion that suppresses one finding in a text (of a notebook: of its cell); None if it does not parse."""
    source = Source(item.path, text.replace("\r\n", "\n").replace("\r", "\n"), "python", b"")
    alone = replace(item, location=replace(item.location, cell=None))
    try:
        return next(_edits(source, [alone], reason))
    except SyntaxError:
        return None


def _with_comments(source: Source, diagnostics: Sequence[Diagnostic], reason: str) -> bytes:
    from jitlint.fixes.apply import apply_fixes

    edits = list(_edits(source, diagnostics, reason)) if diagnostics else []
    carriers = [replace(diagnostics[0], fix=Fix(Applicability.SAFE, "", (edit,))) for edit in edits]
    return apply_fixes(source, carriers, unsafe=False).data


def _edits(source: Source, diagnostics: Sequence[Diagnostic], reason: str) -> Iterator[Edit]:
    """One insertion a line."""
    codes: dict[int, set[str]] = defaultdict(set)
    for item in diagnostics:
        codes[_text_line(source, item.location)].add(item.code)
    statements = Statements(source.text)
    known = {token.start[0]: token for token in comments(source.text)}
    for line, found in sorted(codes.items()):
        yield _edit(source, statements, known, line, sorted(found), reason)


def _edit(
    source: Source,
    statements: Statements,
    known: Mapping[int, TokenInfo],
    line: int,
    codes: list[str],
    reason: str,
) -> Edit:
    first, last = statements.around(line)
    text = source.lines[last - 1]
    end = end_of_codes(known[last].string) if last in known else None
    if end is not None:
        return _insertion(source, last, known[last].start[1] + end, f", {', '.join(codes)}")
    comment = f"# jitlint: ignore[{', '.join(codes)}] {reason}"
    if statements.is_simple(line) and len(text.rstrip()) + 2 + len(comment) <= _WIDEST:
        return _insertion(source, last, len(text.rstrip()), f"  {comment}")
    indent = source.lines[first - 1][: len(source.lines[first - 1]) - len(source.lines[first - 1].lstrip())]
    return _insertion(source, first, 0, f"{indent}{comment}\n")


def _insertion(source: Source, line: int, characters: int, content: str) -> Edit:
    column = len(source.lines[line - 1][:characters].encode())
    return Edit(source.locate(Span(line, column, line, column)), content)


def _text_line(source: Source, location: Location) -> int:
    """The line in the source's text of a location, which counts from the top of its cell."""
    if location.cell is None:
        return location.line
    cell = next(cell for cell in source.cells if cell.index == location.cell)
    return cell.first_line + location.line - 1
