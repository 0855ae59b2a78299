from __future__ import annotations

import ast
import json

import pytest

from jitlint.diagnostic import Location, Span
from jitlint.magics import blank_magics
from jitlint.source import Source, UnreadableSource, load_source


def notebook(*codes: str | list[str], **extra: object) -> Source:
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": code} for code in codes]
    return load_source("nb.ipynb", json.dumps({"cells": cells, "nbformat": 4, **extra}).encode())


def test_cells_are_joined_in_document_order_and_positions_count_from_their_top() -> None:
    cells = [
        {"cell_type": "markdown", "source": "# Title"},
        {"cell_type": "code", "source": ["import torch\n", "x = 1"]},
        {"cell_type": "raw", "source": "raw"},
        {"cell_type": "code", "source": "é = 2; y = 3"},
    ]
    source = load_source("nb.ipynb", json.dumps({"cells": cells, "nbformat": 4}).encode())
    assert source.kind == "notebook"
    assert source.text == "import torch\nx = 1\né = 2; y = 3"
    assert source.locate(Span(2, 0, 2, 5)) == Location(2, 1, 2, 6, cell=2)
    assert source.locate(Span(3, 8, 3, 13)) == Location(1, 8, 1, 13, cell=4)


def test_an_empty_cell_has_one_line() -> None:
    source = notebook("a = 1", "", [], "b = 2")
    assert source.text == "a = 1\n\n\nb = 2"
    assert source.locate(Span(4, 0, 4, 5)) == Location(1, 1, 1, 6, cell=4)


def test_nbformat_3_has_worksheets_and_inputs() -> None:
    sheet = {"cells": [{"cell_type": "code", "language": "python", "input": ["a = 1\n", "b = 2"]}]}
    source = load_source("nb.ipynb", json.dumps({"worksheets": [sheet, sheet], "nbformat": 3}).encode())
    assert source.text == "a = 1\nb = 2\na = 1\nb = 2"
    assert [cell.index for cell in source.cells] == [1, 2]


@pytest.mark.parametrize(
    "metadata", [{"kernelspec": {"language": "R"}}, {"language_info": {"name": "julia"}, "kernelspec": {}}]
)
def test_a_notebook_of_another_language_has_no_python(metadata: object) -> None:
    source = notebook("x <- 1", metadata=metadata)
    assert (source.text, source.broken) == ("", ())


def test_a_cell_that_does_not_parse_is_blank_and_the_others_are_read() -> None:
    source = notebook("a = 1", "x = 2\né = = 3\n", "b = 3")
    ((message, span),) = source.broken
    assert (message, source.locate(span)) == ("invalid syntax", Location(2, 5, 2, 6, cell=2))
    assert [statement.lineno for statement in ast.parse(source.text).body] == [1, 5]


@pytest.mark.parametrize("code", ["a\0", "x = '\ud800'", "(" * 500, "x = " + "1" * 5000])
def test_cells_that_break_the_parser_are_broken_cells(code: str) -> None:
    assert len(notebook(code, "b = 3").broken) == 1


@pytest.mark.parametrize("code", ["await f()", "async with a as b:\n    pass", "async for x in y:\n    pass", "return"])
def test_top_level_await_parses(code: str) -> None:
    assert notebook(code).broken == ()


@pytest.mark.parametrize(
    ("data", "message", "location"),
    [
        (b"", "invalid JSON", Location(1, 1, 1, 1)),
        (b'{"cells": [,]}', "invalid JSON", Location(1, 12, 1, 12)),
        (b'{\n "cells": [}', "invalid JSON", Location(2, 12, 2, 12)),
        (b"[]", "no JSON object", Location(1, 1, 1, 1)),
        (b"{}", "no list of cells", Location(1, 1, 1, 1)),
        (b'{"cells": 3}', "no list of cells", Location(1, 1, 1, 1)),
        (b'{"cells": [3]}', "a cell is no JSON object", Location(1, 1, 1, 1)),
        (b'{"cells": [{"cell_type": "code", "source": 3}]}', "source of cell 1 is no text", Location(1, 1, 1, 1)),
        (b'{"cells": [{"cell_type": "code", "source": [3]}]}', "source of cell 1 is no text", Location(1, 1, 1, 1)),
        (b'{"worksheets": [3]}', "no list of cells", Location(1, 1, 1, 1)),
        (b'\n{"cells": ["\xff"]}', "not UTF-8", Location(2, 1, 2, 1)),
        (b"[" * 100_000, "nested too deeply", Location(1, 1, 1, 1)),
    ],
)
def test_what_is_no_notebook_says_why_and_where(data: bytes, message: str, location: Location) -> None:
    with pytest.raises(UnreadableSource, match=message) as caught:
        load_source("nb.ipynb", data)
    assert caught.value.location == location


def test_windows_newlines_inside_cells_are_newlines() -> None:
    assert notebook("a = 1\r\nb = 2").text == "a = 1\nb = 2"


@pytest.mark.parametrize(
    ("cell", "blanked"),
    [
        ("%matplotlib inline\nx = 1", f"{'':18}\nx = 1"),
        ("!ls -la\nx = 1", f"{'':7}\nx = 1"),
        ("x = !ls\ny = %pwd", "x = _  \ny = _   "),
        ("a, b = !ls", "a, b = _  "),
        ("?torch\ntorch??\nx = 1", f"{'':6}\n{'':7}\nx = 1"),
        ("pip install torch\nx = 1", f"{'':17}\nx = 1"),
        ("cd ..\nls -l *.py\nx = 1", f"{'':5}\n{'':10}\nx = 1"),
        ("if x:\n    !pip install a\nelse:\n    %p", "if x:\n    pass          \nelse:\n    0 "),
        ("%time train(x)", "pass; train(x)"),
        ("%timeit -n 10 f(x)", "pass;         f(x)"),
        ("for x in y:\n    %time z = f(x)", "for x in y:\n    pass; z = f(x)"),
        ("%time for x in y: f(x)", f"{'':22}"),
        ("!pip install a \\\n    b\nx = 1", f"{'':16}\n{'':5}\nx = 1"),
        ("%%bash\nls it's\nx = 1", f"{'':6}\n{'':7}\n{'':5}"),
        ("%%writefile a.py\nx = 1", f"{'':16}\n{'':5}"),
        ("\n# why\n%%time\nx = f()", f"\n# why\n{'':6}\nx = f()"),
        ("%%capture out\n%cd x\nx = 1", f"{'':13}\n{'':5}\nx = 1"),
        ("%%something --new\nx = 1", f"{'':17}\nx = 1"),
        ("%%something --new\nno python", f"{'':17}\n{'':9}"),
    ],
)
def test_magics_are_blanked_in_place(cell: str, blanked: str) -> None:
    assert blank_magics(cell) == blanked


@pytest.mark.parametrize(
    "code",
    [
        "x = (a\n%b)",
        "x = '''\n%s\n!no\n'''",
        "x = a \\\n  % b",
        "ls = 3\nls\ncd = ls + 1",
        "x = f'{a!r}'",
        "def f():\n    '''what?\n    '''",
        "pip.main()",
    ],
)
def test_python_that_looks_like_magic_stays(code: str) -> None:
    assert blank_magics(code) == code
    assert blank_magics(f"!ls\n{code}") == f"   \n{code}"


def test_a_string_behind_a_magic_keeps_its_lines() -> None:
    cell = "!echo it's\nx = '''\n%s it's\n\"\"\"\n'''  # don't\n%cd ..\ny = [\n  '''\n?''',\n]"
    assert blank_magics(cell) == cell.replace("!echo it's", " " * 10).replace("%cd ..", " " * 6)


def test_a_name_that_is_also_a_magic_is_bound() -> None:
    source = notebook("%%time\nhistory = model.fit(\n    x,\n)", "history\nls data")
    assert source.broken == ()
    assert "history = model.fit(" in source.text and "ls data" not in source.text


def test_a_cell_that_is_indented_as_a_whole_runs_and_keeps_its_positions() -> None:
    source = notebook("  for x in y:\n    print(x)", "z = 1")
    assert source.broken == ()
    assert source.text == "for x in y:\n  print(x)\nz = 1"
    assert source.locate(Span(2, 2, 2, 10)) == Location(2, 5, 2, 13, 1)
    assert source.locate(Span(3, 0, 3, 1)) == Location(1, 1, 1, 2, 2)
