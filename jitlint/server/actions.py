"""What an editor can do about a finding: apply its fix, fix all, or ignore it with a reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lsprotocol import types
from pygls.workspace import TextDocument

from jitlint.diagnostic import Applicability, Diagnostic
from jitlint.fixing import fix
from jitlint.ignore_comments import ignore_edit
from jitlint.server.convert import edit_of, range_of
from jitlint.server.documents import Document, Session

__all__ = ["REASON", "actions_for", "fix_all"]

REASON = "TODO: say why this is meant"


def actions_for(
    document: TextDocument, found: Sequence[Diagnostic], params: types.CodeActionParams
) -> list[types.CodeAction]:
    """The quick fixes for the findings that the range touches, the safe ones first."""
    touched = [
        item for item in found if _meets(range_of(item.location, document.lines, document.position_codec), params.range)
    ]
    actions = [action for item in touched for action in _fixes(document, item, params)]
    actions.sort(key=lambda action: not action.is_preferred)
    return [*actions, *(action for item in touched for action in _ignore(document, item, params))]


def fix_all(session: Session, document: Document, others: Mapping[str, bytes], uri: str) -> Iterator[types.CodeAction]:
    """All safe fixes at once, if there are some."""
    outcome = fix([session.file(document)], session.run(document, others, fixes=True), unsafe=False)
    if document.path not in outcome.changed:
        return
    lines = document.data.decode().count("\n") + 1
    whole = types.Range(types.Position(0, 0), types.Position(lines, 0))
    edit = types.TextEdit(whole, outcome.changed[document.path].decode())
    yield types.CodeAction(
        title=f"jitlint: apply all safe fixes ({outcome.done})",
        kind=types.CodeActionKind.SourceFixAll,
        edit=types.WorkspaceEdit(changes={uri: [edit]}),
    )


def _fixes(document: TextDocument, item: Diagnostic, params: types.CodeActionParams) -> Iterator[types.CodeAction]:
    if item.fix is None or len({edit.location.cell for edit in item.fix.edits} | {item.location.cell}) > 1:
        return  # none, or one that touches another cell
    is_safe = item.fix.applicability is Applicability.SAFE
    edits = [edit_of(edit, document.lines, document.position_codec) for edit in item.fix.edits]
    yield types.CodeAction(
        title=f"{item.fix.message} ({item.code}{'' if is_safe else ', review this'})",
        kind=types.CodeActionKind.QuickFix,
        diagnostics=_own(item, params),
        is_preferred=is_safe,
        edit=types.WorkspaceEdit(changes={document.uri: edits}),
    )


def _ignore(document: TextDocument, item: Diagnostic, params: types.CodeActionParams) -> Iterator[types.CodeAction]:
    if item.code in ("JIT000", "JIT001"):
        return
    edit = ignore_edit(document.source, item, REASON)
    if edit is None:
        return
    yield types.CodeAction(
        title=f"Ignore {item.code} here, with a reason",
        kind=types.CodeActionKind.QuickFix,
        diagnostics=_own(item, params),
        edit=types.WorkspaceEdit(changes={document.uri: [edit_of(edit, document.lines, document.position_codec)]}),
    )


def _own(item: Diagnostic, params: types.CodeActionParams) -> list[types.Diagnostic]:
    """The editor's own diagnostics of this finding."""
    return [given for given in params.context.diagnostics if given.code == item.code and given.source == "jitlint"]


def _meets(one: types.Range, other: types.Range) -> bool:
    return one.start <= other.end and other.start <= one.end
