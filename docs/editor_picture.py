"""The picture of `docs/editors.md`: a real Neovim with `jitlint server`, its screen as it is.

    python docs/editor_picture.py

Needs `nvim` (0.7 or newer), Chromium and the packages `jitlint[lsp]` and `pyte`, which stands in for the terminal.
"""

from __future__ import annotations

import argparse
import fcntl
import html
import itertools
import os
import pty
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

import pyte

ROOT = Path(__file__).resolve().parent.parent
COLUMNS, ROWS = 138, 24
INIT = """
set number termguicolors nomodeline noswapfile signcolumn=yes shortmess+=I background=dark
colorscheme slate
highlight Normal guibg=#1c1c1c
highlight SignColumn guibg=#1c1c1c
highlight DiagnosticError guifg=#ff6b6b
lua << LUA
vim.diagnostic.config({ virtual_text = { prefix = "■" } })
local client = vim.lsp.start_client({ name = "jitlint", cmd = { COMMAND }, root_dir = vim.fn.getcwd() })
vim.api.nvim_create_autocmd("FileType", {
  pattern = "python", callback = function() vim.lsp.buf_attach_client(0, client) end,
})
LUA
"""


class Terminal:
    """A program in a terminal of a fixed size."""

    def __init__(self, command: list[str], cwd: Path) -> None:
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.screen)
        pid, self.file = pty.fork()
        if pid == 0:
            os.chdir(cwd)
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", HOME=str(cwd))
            os.execvp(command[0], command)
        self.pid = pid
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))

    def wait_for(self, text: str, seconds: float = 60) -> None:
        """Read until the screen shows a text, and until nothing more comes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            quiet = not self._read(0.5)
            if quiet and text in "\n".join(self.screen.display):
                return
        raise SystemExit(f"{text!r} never came:\n" + "\n".join(self.screen.display))

    def type(self, keys: str) -> None:
        os.write(self.file, keys.encode())

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self.file], [], [], seconds)
        if ready:
            self.stream.feed(os.read(self.file, 65536))
        return bool(ready)

    def close(self) -> None:
        self.type("\x1b\x1b:qa!\r")
        os.waitpid(self.pid, 0)


def page(screen: pyte.Screen) -> str:
    """The screen as HTML, each run of cells with its colours."""
    rows = []
    for row in range(ROWS):
        cells = [screen.buffer[row][column] for column in range(COLUMNS)]
        runs = [(style, "".join(cell.data for cell in run)) for style, run in itertools.groupby(cells, _style)]
        rows.append("".join(f'<span style="{style}">{html.escape(text)}</span>' for style, text in runs))
    style = (
        "body{margin:0;background:#1c1c1c}pre{margin:0;padding:12px 14px;background:#1c1c1c;color:#d0d0d0;"
        "font:14px/19px 'DejaVu Sans Mono',monospace}span{display:inline-block;height:19px}"
    )
    return f'<!doctype html><meta charset="utf-8"><style>{style}</style><pre>' + "\n".join(rows) + "</pre>"


def _style(cell: pyte.screens.Char) -> str:
    front, back = _colour(cell.fg, "#d0d0d0"), _colour(cell.bg, "#1c1c1c")
    if cell.reverse:
        front, back = back, front
    bold, line = ";font-weight:bold" if cell.bold else "", ";text-decoration:underline" if cell.underscore else ""
    return f"color:{front};background:{back}{bold}{line}"


def _colour(name: str, default: str) -> str:
    if name == "default":
        return default
    return f"#{name}" if len(name) == 6 and all(letter in "0123456789abcdef" for letter in name) else name


def picture(html_file: Path, target: Path) -> None:
    """Let Chromium draw the page."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    shape = ("--force-device-scale-factor=1.5", f"--window-size={int(COLUMNS * 8.43) + 30},{ROWS * 19 + 24}")
    subprocess.run([*command, *shape, f"--screenshot={target}", html_file.as_uri()], check=True, capture_output=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images" / "neovim.png")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(ROOT / "examples" / "coordinates" / "buggy.py", folder / "train.py")
        server = ", ".join(f'"{word}"' for word in (sys.executable, "-m", "jitlint", "server"))
        (folder / "init.vim").write_text(INIT.replace("COMMAND", server))
        terminal = Terminal(["nvim", "--clean", "-u", "init.vim", "-n", "train.py"], folder)
        terminal.wait_for("import")
        terminal.type(":58\rzt:64\r12l")
        terminal.wait_for("■")
        terminal.type(":lua vim.lsp.buf.code_action()\r")
        terminal.wait_for("(JIT101)")
        (folder / "screen.html").write_text(page(terminal.screen), encoding="utf-8")
        terminal.close()
        picture(folder / "screen.html", options.output)


if __name__ == "__main__":
    main()
