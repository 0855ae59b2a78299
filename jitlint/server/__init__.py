"""`jitlint server`: the linter in editors, by the language server protocol on standard input and output."""

from __future__ import annotations

from collections.abc import Sequence

from jitlint.errors import UsageError

__all__ = ["serve"]


def serve(arguments: Sequence[str]) -> int:
    """Run the server until the editor ends it; the exit status."""
    unknown = set(arguments) - {"--stdio", "--allow-plugins"}  # some clients always say what is the only way here
    if unknown:
        valid = "--allow-plugins only; its settings come from the configuration and the editor"
        raise UsageError(f"`jitlint server` does not know `{min(unknown)}`: it takes {valid}")
    try:
        import pygls  # noqa: F401
    except ModuleNotFoundError:
        advice = 'install it with: pip install "jitlint[lsp]" (from a clone: ".[lsp]")'
        raise UsageError(f"the language server needs pygls; {advice}") from None
    import gc

    from jitlint.server.features import build_server

    gc.enable()  # the command line has no use for it, a process of hours has
    build_server(allows_plugins="--allow-plugins" in arguments).start_io()
    return 0
