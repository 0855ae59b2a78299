"""A fix in a notebook changes the JSON text of the code it changes, and nothing else."""

from __future__ import annotations

import json

import pytest

from jitlint.diagnostic import MoveIntoLoop, ReplaceExpression, Span
from jitlint.fixes.carry_out import edits_of
from jitlint.fixes.notebook_json import with_sources
from jitlint.fixes.program import Program
from jitlint.fixes.render import render
from jitlint.fixes.text import Declined, TextEdit
from jitlint.source import Source, load_source
from tests.jitlint.fixing import spans

OUTPUT = {"output_type": "stream", "text": ["ü\n", "for x in y:\n"], "png": "a/b=="}
CODE = ["# The grid: é 😀\n", "coord = jitter(grid)\n", "\n", "print(1)"]
LOOP = ["for x in y:\n", "    model(coord)"]
CELLS = [
    {"cell_type": "markdown", "id": "a", "metadata": {}, "source": CODE},
    {"cell_type": "code", "execution_count": 3, "id": "b", "metadata": {}, "outputs": [OUTPUT], "source": CODE},
    {"source": LOOP, "outputs": [], "metadata": {"z": 1.50, "a": 1e3}, "cell_type": "code", "id": "c"},
]
FIXED_CODE = ["print(1)"]
FIXED_LOOP = ["for x in y:\n", "    # The grid: é 😀\n", "    coord = jitter(grid)\n", "    model(coord)"]


def document(code: object, loop: object) -> dict[str, object]:
    cells = [CELLS[0], {**CELLS[1], "source": code}, {**CELLS[2], "source": loop}]
    return {"nbformat": 4, "cells": cells, "metadata": {"b": 1, "a": 2}, "nbformat_minor": 5}


def move(source: Source) -> bytes:
    find = spans(source.text)
    plan = MoveIntoLoop(find("for x"), (find("coord ="),), find("model("))
    return render(source, edits_of(Program(source), plan))


@pytest.mark.parametrize(
    "style",
    [
        {"indent": 1, "ensure_ascii": False},
        {"indent": 1, "ensure_ascii": True},
        {"indent": 4},
        {"indent": "\t", "separators": (" ,", " : ")},
        {"separators": (",", ":")},
        {},
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\r\n \n"])
def test_the_document_is_as_its_writer_would_have_written_it(style: dict[str, object], end: str) -> None:
    def written(code: object, loop: object) -> bytes:
        return (json.dumps(document(code, loop), **style) + end).encode()  # type: ignore[arg-type]

    assert move(load_source("nb.ipynb", written(CODE, LOOP))) == written(FIXED_CODE, FIXED_LOOP)
    strings = written("".join(CODE), "".join(LOOP))
    assert move(load_source("nb.ipynb", strings)) == written("".join(FIXED_CODE), "".join(FIXED_LOOP))


def test_windows_newlines_between_and_in_the_strings_stay() -> None:
    data = json.dumps(document(CODE, LOOP), indent=1).replace("\\n", "\\r\\n").replace("\n", "\r\n").encode()
    fixed = json.dumps(document(FIXED_CODE, FIXED_LOOP), indent=1).replace("\\n", "\\r\\n").replace("\n", "\r\n")
    assert move(load_source("nb.ipynb", data)) == fixed.encode()


def test_a_byte_order_mark_stays() -> None:
    data = json.dumps(document(CODE, LOOP)).encode("utf-8-sig")
    assert move(load_source("nb.ipynb", data)).startswith(b"\xef\xbb\xbf{")


def test_nbformat_3_cells_are_changed_in_their_worksheets() -> None:
    cells = [{"cell_type": "code", "language": "python", "input": text} for text in (CODE, LOOP)]
    old = json.dumps({"worksheets": [{"cells": cells[:1]}, {"cells": cells[1:]}], "nbformat": 3}, indent=1)
    new = move(load_source("nb.ipynb", old.encode()))
    sheets = json.loads(new)["worksheets"]
    assert [sheet["cells"][0]["input"] for sheet in sheets] == [FIXED_CODE, FIXED_LOOP]
    assert len(new.split(b"\n")) == old.count("\n") + 1 + 1 - 2  # one comment less and one more, two blanks gone


def test_unusual_escapes_of_lines_that_stay_are_kept() -> None:
    raw = r'{"cells": [{"cell_type": "code", "source": ["a \u003d 1\n", "b = \"\/\"\u000a", "c\t= \ud83d\ude00"]}]}'
    changed = with_sources(raw, {1: 'x\nb = "/"\nc\t= 😀'})
    assert changed == raw.replace(r"a \u003d 1\n", r"x\n")


def test_a_string_of_several_lines_is_split_as_others_are() -> None:
    raw = '{"cells": [{"source": ["a\\nb"]}, {"source": ["a\\n", "b"]}]}'
    assert with_sources(raw, {1: "a\nc"}) == raw.replace('["a\\nb"]', '["a\\n", "c"]')


def test_an_emptied_cell_has_no_lines() -> None:
    assert with_sources('{"cells": [{"source": [\n "a"\n]}]}', {1: ""}) == '{"cells": [{"source": []}]}'
    assert with_sources('{"cells": [{"source": []}]}', {1: "a\nb"}) == '{"cells": [{"source": ["a\\n", "b"]}]}'


def test_magics_around_a_change_stay_and_those_in_it_decline() -> None:
    cells = [{"cell_type": "code", "source": "%matplotlib inline\na = 1\n!ls\nb = 2"}]
    source = load_source("nb.ipynb", json.dumps({"cells": cells}).encode())
    changed = render(source, edits_of(Program(source), ReplaceExpression(Span(2, 4, 2, 5), "é")))
    assert json.loads(changed)["cells"][0]["source"] == "%matplotlib inline\na = é\n!ls\nb = 2"
    start = source.text.index("a = 1")
    with pytest.raises(Declined, match="IPython"):
        render(source, [TextEdit(start, len(source.text), "")])


def test_a_change_across_cells_declines() -> None:
    source = load_source("nb.ipynb", json.dumps(document(CODE, LOOP)).encode())
    with pytest.raises(Declined, match="within one cell"):
        render(source, [TextEdit(0, len(source.text), "")])
