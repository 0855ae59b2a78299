"""The server: which request of an editor is answered by what."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path
from pygls.workspace import TextDocument

from jitlint import __version__
from jitlint.diagnostic import Diagnostic, Evidence
from jitlint.errors import UsageError
from jitlint.plugins import plugins
from jitlint.server.actions import actions_for, fix_all
from jitlint.server.convert import diagnostic_of, hover_at
from jitlint.server.documents import Document, Session, notebook_bytes

__all__ = ["Server", "build_server"]

PAUSE = 0.15  # seconds after the last key before the findings are shown
SETTLE = 0.005  # seconds in which a question can be taken back: what stands behind it in the pipe is read meanwhile
_PYTHON = types.NotebookDocumentFilterWithCells(
    notebook="jupyter-notebook", cells=[types.NotebookCellLanguage(language="python")]
)
_CONFIGURATIONS = ("pyproject.toml", "jitlint.toml")
_KINDS = [types.CodeActionKind.QuickFix, types.CodeActionKind.SourceFixAll]


class Server(LanguageServer):
    """The open documents and what was found in them."""

    def __init__(self, allows_plugins: bool = False) -> None:
        super().__init__(
            "jitlint",
            __version__,
            notebook_document_sync=types.NotebookDocumentSyncOptions(notebook_selector=[_PYTHON], save=True),
        )
        self.session = Session(os.getcwd(), allows_plugins)  # noqa: PTH109 - keys are plain strings
        self.options: Mapping[str, Any] = {}  # of the editor
        self.found: dict[str, Sequence[Diagnostic]] = {}
        self.waiting: dict[str, asyncio.Task[None]] = {}
        self.complained = ""
        self.told: set[str] = set()  # of plugins that are not loaded

    @property
    def pulls(self) -> bool:
        """Whether the editor asks for diagnostics itself, and must not be sent them as well."""
        capabilities = self.client_capabilities.text_document
        return capabilities is not None and capabilities.diagnostic is not None

    # ------------------------------------------------------------------------------------------ documents

    def notebook_of(self, uri: str) -> types.NotebookDocument | None:
        """The notebook that a cell, or the notebook itself, has as its address."""
        return self.workspace.get_notebook_document(notebook_uri=uri) or self.workspace.get_notebook_document(
            cell_uri=uri
        )

    def document(self, uri: str) -> Document:
        """A text, or the notebook of a cell, as it is on the screen."""
        notebook = self.notebook_of(uri)
        if notebook is None:
            return Document(_path(uri), self.workspace.get_text_document(uri).source.encode("utf-8", "surrogatepass"))
        cells = [
            (cell.kind == types.NotebookCellKind.Code, self.workspace.get_text_document(cell.document).source)
            for cell in notebook.cells
        ]
        return Document(_path(notebook.uri), notebook_bytes(cells))

    def others(self) -> Mapping[str, bytes]:
        """The texts of all open Python files: an import reads what is on the screen."""
        cells = {cell.document for notebook in self.workspace.notebook_documents.values() for cell in notebook.cells}
        return {
            _path(uri): document.source.encode("utf-8", "surrogatepass")
            for uri, document in self.workspace.text_documents.items()
            if uri.endswith((".py", ".pyw")) and uri not in cells
        }

    # ------------------------------------------------------------------------------------------ findings

    def lint(self, uri: str) -> dict[str, list[types.Diagnostic]]:
        """The diagnostics of a text, or of each cell of a notebook, by address."""
        notebook = self.notebook_of(uri)
        addresses = [cell.document for cell in notebook.cells] if notebook else [uri]
        found = {address: [] for address in addresses}  # type: dict[str, list[Diagnostic]]
        for item in self.findings(uri):
            cell = item.location.cell
            found[addresses[cell - 1] if cell and notebook else addresses[0]].append(item)
        self.found.update(found)
        return {address: [self._diagnostic(item, address) for item in items] for address, items in found.items()}

    def with_fixes(self, uri: str) -> Sequence[Diagnostic]:
        """The findings in a text or a cell, with their fixes."""
        if not self.found.get(uri):
            return ()
        notebook = self.notebook_of(uri)
        cell = 1 + [item.document for item in notebook.cells].index(uri) if notebook else None
        return [item for item in self.findings(uri, fixes=True) if item.location.cell == cell]

    def findings(self, uri: str, *, fixes: bool = False) -> Sequence[Diagnostic]:
        """What the linter says; a configuration that is broken is told once."""
        try:
            found = self.session.lint(self.document(uri), self.others(), fixes=fixes)
        except UsageError as error:
            if str(error) != self.complained:
                self.complained = str(error)
                self.window_show_message(types.ShowMessageParams(types.MessageType.Error, f"jitlint: {error}"))
            return ()
        self.complained = ""
        for line in (*plugins.refused, *plugins.problems):
            if line not in self.told:
                self.told.add(line)
                self.window_show_message(types.ShowMessageParams(types.MessageType.Warning, f"jitlint: {line}"))
        return found

    def _diagnostic(self, item: Diagnostic, address: str) -> types.Diagnostic:
        document = self.workspace.get_text_document(address)
        return diagnostic_of(item, document.lines, document.position_codec, lambda step: self._place(step, address))

    def _place(self, step: Evidence, address: str) -> tuple[str, Sequence[str]]:
        """Where evidence lies: in another cell, in this document or in another file."""
        notebook = self.notebook_of(address)
        path = str(self.session.path_of(step.path))
        if notebook is not None and step.location.cell:
            uri = notebook.cells[step.location.cell - 1].document
        elif path == _path(address):
            uri = address
        else:
            uri = from_fs_path(path) or address
        document: TextDocument = self.workspace.get_text_document(uri)
        try:
            return uri, document.lines
        except OSError:
            return uri, []

    # ---------------------------------------------------------------------------------------------- push

    def publish(self, uri: str) -> None:
        """Send the findings now."""
        for address, items in self.lint(uri).items():
            version = self.workspace.get_text_document(address).version
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(address, items, version))

    def changed(self, uri: str, pause: float = PAUSE) -> None:
        """Send the findings once nothing has changed for a moment; a later change takes this one's place."""
        if self.pulls and self.notebook_of(uri) is None:
            return
        if uri in self.waiting:
            self.waiting.pop(uri).cancel()
        self.waiting[uri] = asyncio.ensure_future(self._later(uri, pause))

    async def _later(self, uri: str, pause: float) -> None:
        await asyncio.sleep(pause)
        self.waiting.pop(uri, None)
        self.publish(uri)

    def refresh(self) -> None:
        """Everything again, after the settings or another file have changed."""
        for uri in list(self.workspace.text_documents):
            if self.notebook_of(uri) is None and uri.endswith((".py", ".pyw")):
                self.changed(uri, 0)
        for uri in list(self.workspace.notebook_documents):
            self.changed(uri, 0)
        capabilities = self.client_capabilities.workspace
        if self.pulls and capabilities and capabilities.diagnostics and capabilities.diagnostics.refresh_support:
            self.workspace_diagnostic_refresh(None)


def build_server(allows_plugins: bool = False) -> Server:
    """A server with all its features."""
    server = Server(allows_plugins)
    _add_life(server)
    _add_documents(server)
    _add_answers(server)
    return server


def _add_life(server: Server) -> None:
    @server.feature(types.INITIALIZED)
    async def initialized(params: types.InitializedParams) -> None:
        root = server.workspace.root_path
        if root and os.path.isdir(root):  # noqa: PTH112 - plain strings
            os.chdir(root)  # files are named from here, as on the command line
        server.session = Session(os.getcwd(), server.session.allows_plugins)  # noqa: PTH109
        server.session.reload(server.options)
        workspace = server.client_capabilities.workspace
        watched = workspace.did_change_watched_files if workspace else None
        if watched and watched.dynamic_registration:
            watchers = [types.FileSystemWatcher(f"**/{name}") for name in _CONFIGURATIONS]
            options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
            registration = types.Registration("settings", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            with suppress(JsonRpcException):  # a client that cannot do what it said it can
                await server.client_register_capability_async(types.RegistrationParams([registration]))

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        server.options = _options(params.initialization_options)

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def configured(params: types.DidChangeConfigurationParams) -> None:
        server.session.reload(_options(params.settings))
        server.refresh()

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def watched(params: types.DidChangeWatchedFilesParams) -> None:
        server.session.reload()
        server.refresh()


def _add_documents(server: Server) -> None:
    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        server.changed(params.text_document.uri, 0)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        server.changed(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: types.DidSaveTextDocumentParams) -> None:
        if params.text_document.uri.endswith(_CONFIGURATIONS):
            server.session.reload()
        server.refresh()

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        server.found.pop(uri, None)
        if uri in server.waiting:
            server.waiting.pop(uri).cancel()
        if not server.pulls:
            server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    def notebook_opened(params: types.DidOpenNotebookDocumentParams) -> None:
        server.changed(params.notebook_document.uri, 0)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def notebook_changed(params: types.DidChangeNotebookDocumentParams) -> None:
        server.changed(params.notebook_document.uri)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_SAVE)
    def notebook_saved(params: types.DidSaveNotebookDocumentParams) -> None:
        server.changed(params.notebook_document.uri, 0)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def notebook_closed(params: types.DidCloseNotebookDocumentParams) -> None:
        for cell in params.cell_text_documents:
            server.found.pop(cell.uri, None)
            server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(cell.uri, []))


def _add_answers(server: Server) -> None:
    options = types.DiagnosticOptions(inter_file_dependencies=True, workspace_diagnostics=False, identifier="jitlint")

    @server.feature(types.TEXT_DOCUMENT_DIAGNOSTIC, options)
    async def diagnostics(params: types.DocumentDiagnosticParams) -> types.RelatedFullDocumentDiagnosticReport:
        await asyncio.sleep(SETTLE)  # what is cancelled by now is not linted
        uri = params.text_document.uri
        return types.RelatedFullDocumentDiagnosticReport(items=server.lint(uri).get(uri, []))

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=_KINDS))
    async def actions(params: types.CodeActionParams) -> list[types.CodeAction]:
        await asyncio.sleep(SETTLE)
        uri = params.text_document.uri
        wanted = params.context.only
        found: list[types.CodeAction] = []
        if not wanted or any(types.CodeActionKind.QuickFix.value.startswith(kind) for kind in wanted):
            found += actions_for(server.workspace.get_text_document(uri), server.with_fixes(uri), params)
        if server.notebook_of(uri) is None and (not wanted or any(kind.startswith("source") for kind in wanted)):
            found += fix_all(server.session, server.document(uri), server.others(), uri)
        return found

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hover(params: types.HoverParams) -> types.Hover | None:
        document = server.workspace.get_text_document(params.text_document.uri)
        at = document.position_codec.position_from_client_units(document.lines, params.position)
        return hover_at(document.lines[at.line], at.character) if at.line < len(document.lines) else None


def _options(given: Any) -> Mapping[str, Any]:
    """The editor's settings, with or without the name of this server around them."""
    if isinstance(given, Mapping):
        inner = given.get("jitlint", given.get("settings", given))
        return inner if isinstance(inner, Mapping) else {}
    return vars(given) if hasattr(given, "__dict__") else getattr(given, "_asdict", dict)()


def _path(uri: str) -> str:
    return to_fs_path(uri) or uri
