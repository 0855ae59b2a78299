"""The language server, driven by a real client over standard input and output."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls")
pytest_lsp = pytest.importorskip("pytest_lsp")

from lsprotocol import types  # noqa: E402
from pygls.exceptions import JsonRpcException  # noqa: E402

from tests.jitlint.command_line import CORRECT, HOISTED  # noqa: E402

SERVER = [sys.executable, "-m", "jitlint", "server"]
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def client_of(name: str, root: Path, **options: object) -> types.InitializeParams:
    return types.InitializeParams(
        capabilities=pytest_lsp.client_capabilities(name), root_uri=root.as_uri(), initialization_options=options
    )


@pytest_lsp.fixture(config=pytest_lsp.ClientServerConfig(server_command=SERVER))
async def client(lsp_client: pytest_lsp.LanguageClient, tmp_path: Path) -> Any:
    """Emacs, which is sent diagnostics."""
    params = client_of("emacs", tmp_path)
    params.capabilities.text_document.diagnostic = None
    params.capabilities.general.position_encodings = None  # the default: UTF-16
    lsp_client.feature(types.CLIENT_REGISTER_CAPABILITY)(lambda params: None)
    await lsp_client.initialize_session(params)
    yield
    await lsp_client.shutdown_session()


@pytest_lsp.fixture(config=pytest_lsp.ClientServerConfig(server_command=SERVER))
async def puller(lsp_client: pytest_lsp.LanguageClient, tmp_path: Path) -> Any:
    """A client that asks for diagnostics."""
    params = client_of("neovim", tmp_path, confidence="low")
    params.capabilities.text_document.diagnostic = types.DiagnosticClientCapabilities()
    params.capabilities.workspace.diagnostics = types.DiagnosticWorkspaceClientCapabilities(refresh_support=True)
    lsp_client.feature(types.CLIENT_REGISTER_CAPABILITY)(lambda params: None)
    await lsp_client.initialize_session(params)
    yield
    await lsp_client.shutdown_session()


def opened(client: Any, path: Path, text: str) -> str:
    uri = path.as_uri()
    item = types.TextDocumentItem(uri=uri, language_id="python", version=1, text=text)
    client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    return uri


def change(client: Any, uri: str, version: int, text: str) -> None:
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(
            types.VersionedTextDocumentIdentifier(version, uri), [types.TextDocumentContentChangeWholeDocument(text)]
        )
    )


async def told(client: Any, uri: str) -> list[types.Diagnostic]:
    """The next diagnostics that are sent for a document."""
    while True:
        await asyncio.wait_for(client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS), 30)
        if uri in client.diagnostics:
            return list(client.diagnostics[uri])


def actions_at(client: Any, uri: str, diagnostic: types.Diagnostic, only: list[str] | None = None) -> Any:
    context = types.CodeActionContext(diagnostics=[diagnostic], only=only)  # type: ignore[arg-type]
    params = types.CodeActionParams(types.TextDocumentIdentifier(uri), diagnostic.range, context)
    return client.text_document_code_action_async(params)


def applied(text: str, edits: list[types.TextEdit]) -> str:
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    for edit in sorted(edits, key=lambda edit: (edit.range.start.line, edit.range.start.character), reverse=True):
        start, end = (
            min(starts[min(at.line, len(lines))] + at.character, len(text)) for at in (edit.range.start, edit.range.end)
        )
        text = text[:start] + edit.new_text + text[end:]
    return text


@pytest.mark.asyncio
async def test_findings_are_sent_with_their_evidence(client: Any, tmp_path: Path) -> None:
    uri = opened(client, tmp_path / "train.py", HOISTED.replace("0.1", "0.1  # 𝒙é"))
    (found,) = await told(client, uri)
    assert (found.code, found.source, found.severity) == ("JIT102", "jitlint", types.DiagnosticSeverity.Error)
    assert found.message.startswith("The same draw is used in every batch")
    assert found.code_description.href.endswith("/rules/JIT102.md")
    assert (found.range.start.line, found.range.start.character) == (4, 12)
    assert [item.message.partition(":")[0] for item in found.related_information] == ["draw", "loop", "consumer"]
    assert {item.location.uri for item in found.related_information} == {uri}
    change(client, uri, 2, CORRECT)
    assert await told(client, uri) == []


@pytest.mark.asyncio
async def test_positions_count_as_the_client_does(client: Any, tmp_path: Path) -> None:
    """`𝒙` is one character and two units of UTF-16."""
    text = HOISTED.replace("    noise = torch", '    _ = "𝒙𝒙"; noise = torch')
    (found,) = await told(client, opened(client, tmp_path / "train.py", text))
    line = text.split("\n")[4]
    units = len(line[: line.index("torch")].encode("utf-16-le")) // 2
    assert found.range.start.character == units


@pytest.mark.asyncio
async def test_quick_fixes_fix_all_and_ignore(client: Any, tmp_path: Path) -> None:
    uri = opened(client, tmp_path / "train.py", HOISTED)
    (found,) = await told(client, uri)
    fix, ignore, everything = await actions_at(client, uri, found)
    assert (fix.kind, fix.is_preferred, everything.kind) == ("quickfix", True, "source.fixAll")
    assert [item.code for item in fix.diagnostics] == ["JIT102"]
    for action in (fix, everything):
        assert applied(HOISTED, action.edit.changes[uri]) == CORRECT
    assert ignore.title == "Ignore JIT102 here, with a reason"
    ignored = applied(HOISTED, ignore.edit.changes[uri])
    assert "* 0.1  # jitlint: ignore[JIT102] TODO: say why this is meant\n" in ignored
    change(client, uri, 2, ignored)
    assert await told(client, uri) == []
    only = await actions_at(client, uri, found, only=["source.fixAll"])
    assert not only, "nothing is left to fix"


@pytest.mark.asyncio
async def test_an_unsafe_fix_says_that_it_needs_a_reader(client: Any, tmp_path: Path) -> None:
    text = (EXAMPLES / "trainer" / "buggy.py").read_text(encoding="utf-8")
    uri = opened(client, tmp_path / "train.py", text)
    (found,) = [item for item in await told(client, uri) if item.code == "JIT201"]
    actions = await actions_at(client, uri, found)
    assert [(action.title, action.is_preferred) for action in actions] == [
        ("Uncomment it (JIT201, review this)", False),
        ("Ignore JIT201 here, with a reason", None),
    ], "and it is not among all safe fixes"
    fixed = applied(text, actions[0].edit.changes[uri])
    assert (
        fixed == (EXAMPLES / "trainer" / "correct.py").read_text(encoding="utf-8")
        or "# " not in (fixed.split("\n")[found.range.start.line])
    )


@pytest.mark.asyncio
async def test_what_cannot_be_ignored_has_no_action(client: Any, tmp_path: Path) -> None:
    uri = opened(client, tmp_path / "train.py", "def train(:\n")
    (found,) = await told(client, uri)
    assert (found.code, list(await actions_at(client, uri, found))) == ("JIT000", [])


@pytest.mark.asyncio
async def test_a_closed_document_has_no_findings(client: Any, tmp_path: Path) -> None:
    uri = opened(client, tmp_path / "train.py", HOISTED)
    assert len(await told(client, uri)) == 1
    client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))
    assert await told(client, uri) == []


@pytest.mark.asyncio
async def test_while_typing_only_the_last_text_is_told(client: Any, tmp_path: Path) -> None:
    uri = opened(client, tmp_path / "train.py", CORRECT)
    assert await told(client, uri) == []
    for version in range(2, 9):
        change(client, uri, version, HOISTED if version % 2 else CORRECT)
    change(client, uri, 9, HOISTED)
    sent = await asyncio.wait_for(client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS), 30)
    assert (sent.version, len(sent.diagnostics)) == (9, 1)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS), 0.5)


@pytest.mark.asyncio
async def test_a_cancelled_question_is_not_answered(puller: Any, tmp_path: Path) -> None:
    uri = opened(puller, tmp_path / "train.py", HOISTED)
    params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri))
    answer = puller.protocol.send_request(types.TEXT_DOCUMENT_DIAGNOSTIC, params, msg_id="first")
    puller.cancel_request(types.CancelParams("first"))
    with pytest.raises(JsonRpcException, match=r"(?i)cancel"):
        await asyncio.wait_for(asyncio.wrap_future(answer), 30)
    assert len((await puller.text_document_diagnostic_async(params)).items) == 1, "the server goes on"


@pytest.mark.asyncio
async def test_hovering_a_code_explains_the_rule(client: Any, tmp_path: Path) -> None:
    uri = opened(client, tmp_path / "train.py", "x = 1  # jitlint: ignore[JIT102, stale-shuffle] why\n")
    for character, title in ((28, "# JIT102 hoisted-noise"), (36, "# JIT107 stale-shuffle"), (2, "")):
        params = types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(0, character))
        hover = await client.text_document_hover_async(params)
        assert (hover.contents.value if hover else "").startswith(title) and bool(hover) == bool(title)


@pytest.mark.asyncio
async def test_settings_are_read_again_when_they_are_saved(client: Any, tmp_path: Path) -> None:
    uri = opened(client, tmp_path / "train.py", HOISTED)
    assert len(await told(client, uri)) == 1
    (tmp_path / "jitlint.toml").write_text('ignore = ["JIT102"]\n')
    event = types.FileEvent((tmp_path / "jitlint.toml").as_uri(), types.FileChangeType.Created)
    client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
    assert await told(client, uri) == []
    (tmp_path / "jitlint.toml").write_text("ignore = [\n")
    client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
    await asyncio.wait_for(client.wait_for_notification(types.WINDOW_SHOW_MESSAGE), 30)
    assert "invalid TOML" in client.messages[-1].message
    (tmp_path / "jitlint.toml").unlink()
    client.workspace_did_change_configuration(types.DidChangeConfigurationParams({"jitlint": {"select": ["JIT1"]}}))
    while len(await told(client, uri)) != 1:
        pass


@pytest.mark.asyncio
async def test_a_client_that_asks_gets_the_answer_and_nothing_is_sent(puller: Any, tmp_path: Path) -> None:
    uri = opened(puller, tmp_path / "train.py", HOISTED)
    params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri))
    report = await puller.text_document_diagnostic_async(params)
    assert [item.code for item in report.items] == ["JIT102"]
    change(puller, uri, 2, CORRECT)
    assert not (await puller.text_document_diagnostic_async(params)).items
    assert puller.diagnostics == {}


@pytest.mark.asyncio
async def test_an_import_reads_what_is_on_the_screen(puller: Any, tmp_path: Path) -> None:
    """The helper is on disk without noise; its unsaved text draws."""
    (tmp_path / "helper.py").write_text("def prepare(x):\n    return x\n")
    text = (
        "from helper import prepare\n\n\ndef train(model, loader, opt, x):\n    x = prepare(x)\n"
        "    for images, _ in loader:\n        loss = model(x).mean()\n        loss.backward()\n        opt.step()\n"
    )
    uri = opened(puller, tmp_path / "train.py", text)
    params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri))
    assert not (await puller.text_document_diagnostic_async(params)).items
    opened(puller, tmp_path / "helper.py", "import torch\n\n\ndef prepare(x):\n    return x + torch.randn_like(x)\n")
    (found,) = (await puller.text_document_diagnostic_async(params)).items
    assert found.code == "JIT101"


@pytest.mark.asyncio
async def test_cells_of_a_notebook_have_their_own_findings(client: Any, tmp_path: Path) -> None:
    path = tmp_path / "nb.ipynb"
    cells = [
        "# Title",
        "import torch\n\nnoise = torch.randn(3, 32, 32) * 0.1\n",
        HOISTED.partition("0.1\n")[2].replace("\n    ", "\n")[4:],
    ]
    uris = [f"vscode-notebook-cell:{path}#{number}" for number in range(3)]
    kinds = [types.NotebookCellKind.Markup, types.NotebookCellKind.Code, types.NotebookCellKind.Code]
    notebook = types.NotebookDocument(
        uri=path.as_uri(), notebook_type="jupyter-notebook", version=1,
        cells=[types.NotebookCell(kind, uri) for kind, uri in zip(kinds, uris, strict=True)],
    )  # fmt: skip
    texts = [
        types.TextDocumentItem(uri=uri, language_id="python", version=1, text=text)
        for uri, text in zip(uris, cells, strict=True)
    ]
    client.notebook_document_did_open(types.DidOpenNotebookDocumentParams(notebook, texts))
    (found,) = await told(client, uris[1])
    assert (found.code, found.range.start.line) == ("JIT102", 2)
    assert [item.location.uri for item in found.related_information] == [uris[1], uris[2], uris[2]]
    assert not client.diagnostics[uris[2]]

    # its fix moves code from cell to cell, which one document's edit cannot say; it can be ignored
    (ignore,) = await actions_at(client, uris[1], found)
    assert ignore.title == "Ignore JIT102 here, with a reason"
    ignored = applied(cells[1], ignore.edit.changes[uris[1]])
    assert ignored.endswith("# jitlint: ignore[JIT102] TODO: say why this is meant\n")

    version = types.VersionedNotebookDocumentIdentifier(2, path.as_uri())
    text = types.TextDocumentContentChangeWholeDocument(ignored)
    edit = types.NotebookDocumentCellContentChanges(types.VersionedTextDocumentIdentifier(2, uris[1]), [text])
    changes = types.NotebookDocumentChangeEvent(cells=types.NotebookDocumentCellChanges(text_content=[edit]))
    client.notebook_document_did_change(types.DidChangeNotebookDocumentParams(version, changes))
    while await told(client, uris[1]):  # the cells are told one by one
        pass

    closed = [types.TextDocumentIdentifier(uri) for uri in uris]
    identifier = types.NotebookDocumentIdentifier(path.as_uri())
    client.notebook_document_did_save(types.DidSaveNotebookDocumentParams(identifier))
    assert await told(client, uris[0]) == []
    client.notebook_document_did_close(types.DidCloseNotebookDocumentParams(identifier, closed))
    assert await told(client, uris[0]) == []


@pytest.mark.asyncio
async def test_a_client_that_asks_is_told_to_ask_again(
    puller: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = opened(puller, tmp_path / "train.py", HOISTED)
    params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri))
    assert len((await puller.text_document_diagnostic_async(params)).items) == 1
    asked = asyncio.Event()
    handlers = puller.protocol.fm._features  # the client's own answer says nothing
    monkeypatch.setitem(handlers, types.WORKSPACE_DIAGNOSTIC_REFRESH, lambda params: asked.set())
    settings = tmp_path / "jitlint.toml"
    settings.write_text('ignore = ["JIT102"]\n')
    puller.text_document_did_save(types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(settings.as_uri())))
    await asyncio.wait_for(asked.wait(), 30)
    assert not (await puller.text_document_diagnostic_async(params)).items


def test_what_is_wrong_with_the_call_is_one_line() -> None:
    run = subprocess.run([*SERVER, "--port", "1"], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr.count("\n")) == (2, 1)
