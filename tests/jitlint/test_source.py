from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from jitlint.diagnostic import Location, Span
from jitlint.source import UnreadableSource, load_source

MODULE = "a = 1\nb = 2\n"


def test_a_module_is_its_own_text() -> None:
    source = load_source("a.py", MODULE.encode())
    assert (source.text, source.kind, source.broken, source.cells) == (MODULE, "python", (), ())
    assert source.data == MODULE.encode()


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_every_newline_style_has_the_same_lines(newline: str) -> None:
    data = MODULE.replace("\n", newline).encode()
    source = load_source("a.py", data)
    assert source.text == MODULE
    assert source.data == data


def test_mixed_newlines_and_a_form_feed_count_as_python_counts_them() -> None:
    source = load_source("a.py", b"a = 1\r\n\x0cb = 2\rc = '\x0b'\nd = 4")
    assert source.lines == ["a = 1", "\x0cb = 2", "c = '\x0b'", "d = 4"]
    assert [statement.lineno for statement in ast.parse(source.text).body] == [1, 2, 3, 4]


def test_the_byte_order_mark_is_no_part_of_the_text() -> None:
    assert load_source("a.py", b"\xef\xbb\xbfa = 1").text == "a = 1"


def test_the_declared_encoding_is_used() -> None:
    source = load_source("a.py", "# -*- coding: latin-1 -*-\nname = 'é'; x = 1\n".encode("latin-1"))
    assert "é" in source.text
    statement = ast.parse(source.text).body[1]
    span = Span(statement.lineno, statement.col_offset, statement.lineno, statement.end_col_offset or 0)
    assert source.locate(span) == Location(2, 13, 2, 18)


def test_columns_count_characters_not_bytes() -> None:
    source = load_source("a.py", "é = '√'; x = 1\n".encode())
    statement = ast.parse(source.text).body[1]
    assert source.locate(Span(1, statement.col_offset, 1, statement.end_col_offset or 0)) == Location(1, 10, 1, 15)


@pytest.mark.parametrize("text", ["# %%\na = 1\n", "a = 1\n\n# %% second\nb = 2\n"])
def test_a_percent_script_is_one_module(text: str) -> None:
    source = load_source("a.py", text.encode())
    assert (source.kind, source.text) == ("jupytext", text)
    assert source.locate(Span(2, 0, 2, 1)).cell is None


def test_a_percent_sign_in_the_middle_of_a_line_makes_no_cells() -> None:
    assert load_source("a.py", b"a = 1  # %% of all\n").kind == "python"


@pytest.mark.parametrize(
    ("data", "message", "location"),
    [
        (b"a = 1\nb = '\xff'\n", "cannot decode byte 0xff as utf-8", Location(2, 6, 2, 7)),
        (b"\xef\xbb\xbfb = '\xff'\n", "cannot decode byte 0xff as utf-8", Location(1, 6, 1, 7)),
        (b"a = 1\n\x00", "source contains null bytes", Location(2, 1, 2, 2)),
        (b"# coding: klingon\n", "unknown encoding: klingon", Location(1, 1, 1, 1)),
        (b"# coding: rot13\n", "'rot13' is not a text encoding", Location(1, 1, 1, 1)),
        (b"\xef\xbb\xbf# coding: latin-1\n", "encoding problem: utf-8", Location(1, 1, 1, 1)),
    ],
)
def test_what_cannot_be_decoded_says_where(data: bytes, message: str, location: Location) -> None:
    with pytest.raises(UnreadableSource, match=message) as caught:
        load_source("a.py", data)
    assert caught.value.location == location


def test_a_cookie_counts_in_the_first_two_lines_only() -> None:
    with pytest.raises(UnreadableSource):
        load_source("a.py", "\n\n# coding: latin-1\nx = 'é'".encode("latin-1"))
    assert load_source("a.py", b"\n# coding: latin-1\nx = '\xe9'").text.endswith("'é'")


def test_the_empty_module_is_a_module() -> None:
    assert load_source("a.py", b"").lines == [""]


def test_loading_a_module_imports_neither_libcst_nor_json() -> None:
    code = (
        "import sys; from jitlint.source import load_source; load_source('a.py', b'a = 1'); "
        "print([name for name in ('libcst', 'json', 'jitlint.notebook') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
