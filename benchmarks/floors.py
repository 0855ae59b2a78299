"""The least work a linter can do on a folder: `python floors.py read|ast|libcst FOLDER`."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Callable
from pathlib import Path


def parse_with_ast(content: bytes) -> object:
    return ast.parse(content)


def main(floor: str, folder: str) -> None:
    work: Callable[[bytes], object] = len
    refused: tuple[type[Exception], ...] = (SyntaxError, ValueError)
    if floor == "ast":
        work = parse_with_ast
    elif floor == "libcst":
        import libcst

        work, refused = libcst.parse_module, (libcst.ParserSyntaxError, UnicodeDecodeError)
    elif floor != "read":
        sys.exit(f"no floor {floor!r}: read, ast or libcst")
    warnings.simplefilter("ignore")
    for path in Path(folder).rglob("*.py"):
        try:
            work(path.read_bytes())
        except refused:
            continue


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
