"""Statements, functions and imports that a fix adds, and statements that it takes away."""

from __future__ import annotations

import pytest

from jitlint.diagnostic import (
    CopyStatement,
    InsertFunction,
    InsertStatement,
    InsertStatements,
    RemoveStatement,
    Several,
    Span,
)
from jitlint.fixes.text import Declined
from tests.jitlint.fixing import carry_out, spans

# --------------------------------------------------------------------------------------- InsertStatements


def test_statements_and_missing_imports_are_inserted() -> None:
    text = '"""Doc."""\n\nimport os\ntry:\n    import x\nexcept ImportError:\n    x = None\n\n# why\nsplit(a)\n'
    plan = InsertStatements(spans(text)("split"), ("b = copy(a)", "c = b"), ("from copy import copy", "import os"))
    assert carry_out(text, plan) == (
        '"""Doc."""\n\nimport os\nfrom copy import copy\ntry:\n    import x\nexcept ImportError:\n    x = None\n'
        "\nb = copy(a)\nc = b\n# why\nsplit(a)\n"
    )


def test_an_import_goes_to_the_top_where_there_is_none() -> None:
    text = "# licence\n\nx = 1\nif x:\n    split(a)\n"
    plan = InsertStatements(spans(text)("split"), ("a = copy(a)",), ("import copy", "import copy"))
    assert carry_out(text, plan) == "# licence\n\nimport copy\n\nx = 1\nif x:\n    a = copy(a)\n    split(a)\n"


def test_insertion_above_the_first_statement() -> None:
    plan = InsertStatements(Span(1, 0, 1, 5), ("a = copy(a)",), ("import copy",))
    assert carry_out("b = a", plan) == "import copy\n\na = copy(a)\nb = a"


def test_nothing_is_inserted_into_a_line() -> None:
    with pytest.raises(Declined, match="more than one statement"):
        carry_out("a = 1; b = a\n", InsertStatements(Span(1, 7, 1, 12), ("c = 1",)))


# ---------------------------------------------------------------------------------------- InsertStatement

LOOP = "def main():\n    for epoch in range(9):\n        # why\n        train()\n\n        test()  # end\n    done()\n"


@pytest.mark.parametrize(
    ("where", "of", "after"),
    [
        ("first", "for epoch", LOOP.replace("        # why", "        s.set_epoch(epoch)\n        # why")),
        ("before", "train()", LOOP.replace("        # why", "        s.set_epoch(epoch)\n        # why")),
        ("after", "test()", LOOP.replace("# end\n", "# end\n        s.set_epoch(epoch)\n")),
        ("before", "test()", LOOP.replace("        test", "        s.set_epoch(epoch)\n        test")),
        ("first", "def main", LOOP.replace("():\n    for", "():\n    s.set_epoch(epoch)\n    for")),
        ("after", "for epoch", LOOP.replace("    done", "    s.set_epoch(epoch)\n    done")),
    ],
)
def test_a_statement_goes_where_the_plan_says(where: str, of: str, after: str) -> None:
    plan = InsertStatement(where, spans(LOOP)(of), "s.set_epoch(epoch)")  # type: ignore[arg-type]
    assert carry_out(LOOP, plan) == after


def test_a_statement_of_several_lines_gets_the_indentation_of_its_place() -> None:
    text = "def f():\n\tfor e in x:\n\t\tg(e)\n"
    plan = InsertStatement("first", spans(text)("for e"), "if e:\n    h(e)")
    assert carry_out(text, plan) == "def f():\n\tfor e in x:\n\t\tif e:\n\t\t\th(e)\n\t\tg(e)\n"


def test_first_in_a_function_is_below_its_docstring() -> None:
    text = 'def f():\n    """Doc."""\n    g()\n'
    assert carry_out(text, InsertStatement("first", spans(text)("def f"), "h()")) == text.replace(
        "    g", "    h()\n    g"
    )


@pytest.mark.parametrize(
    ("why", "text", "plan"),
    [
        ("line of its header", "for e in x: g(e)\n", InsertStatement("first", Span(1, 0, 1, 16), "h()")),
        ("no body", "g(e)\n", InsertStatement("first", Span(1, 0, 1, 4), "h()")),
        ("not one statement", "g(e)\n", InsertStatement("after", Span(1, 0, 1, 4), "h()\nh()")),
        ("no statement", "g(e)\n", InsertStatement("after", Span(1, 0, 1, 4), "h(")),
    ],
)
def test_no_statement_goes_where_none_can_stand(why: str, text: str, plan: InsertStatement) -> None:
    with pytest.raises(Declined, match=why):
        carry_out(text, plan)


# ------------------------------------------------------------------------------------------------ imports

HEAD = """\
'''Doc.'''

import os
import sys
from typing import Any

import torch
from torch import nn

from . import x
"""


@pytest.mark.parametrize(
    ("line", "before", "after"),
    [
        ("import copy", "import os\n", "import copy\nimport os\n"),
        ("import random", "import sys\n", "import random\nimport sys\n"),
        ("from zlib import crc32", "import Any\n", "import Any\nfrom zlib import crc32\n"),
        ("from typing import List", "import Any\n", "import Any, List\n"),
        ("import numpy as np", "import torch\n", "import numpy as np\nimport torch\n"),
        ("from torch.utils import data", "import nn\n", "import nn\nfrom torch.utils import data\n"),
        ("from torch import optim", "import nn\n", "import nn, optim\n"),
        ("from .z import w", "import x\n", "import x\nfrom .z import w\n"),
        ("from ..y import z", "from . import x\n", "from ..y import z\nfrom . import x\n"),
        ("import os", "", ""),
    ],
)
def test_an_import_goes_to_its_place_among_those_there_are(line: str, before: str, after: str) -> None:
    text = HEAD + "\na = 1\n"
    result = carry_out(text, InsertStatement("after", spans(text)("a = 1"), "b = 2", (line,)))
    assert result == HEAD.replace(before, after, 1) + "\na = 1\nb = 2\n"


def test_a_group_of_its_own_is_parted_by_a_blank_line() -> None:
    text = "import torch\nx = 1\n"
    plan = InsertStatement("after", spans(text)("x = 1"), "y = 2", ("import copy", "import random"))
    assert carry_out(text, plan) == "import copy\nimport random\n\nimport torch\nx = 1\ny = 2\n"
    text = "import os\nx = 1\n"
    plan = InsertStatement("after", spans(text)("x = 1"), "y = 2", ("import torch",))
    assert carry_out(text, plan) == "import os\n\nimport torch\nx = 1\ny = 2\n"


def test_a_comment_above_the_first_import_stays_on_top() -> None:
    text = "#!/usr/bin/env python\n# licence\nimport os\nx = 1\n"
    plan = InsertStatement("after", spans(text)("x = 1"), "y = 2", ("import copy",))
    assert carry_out(text, plan) == "#!/usr/bin/env python\n# licence\nimport copy\nimport os\nx = 1\ny = 2\n"


# ----------------------------------------------------------------------------------------- InsertFunction

CYCLE = "def cycle(loader):\n    while True:\n        yield from loader\n"


def test_a_function_goes_below_the_imports() -> None:
    text = "import torch\n\n# main\ndef main():\n    train()\n"
    assert carry_out(text, InsertFunction(CYCLE)) == f"import torch\n\n\n{CYCLE}\n\n# main\ndef main():\n    train()\n"


def test_a_function_goes_above_its_first_use() -> None:
    text = "import torch\n\n\nx = 1\n\n\ndef main():\n    train()\n"
    plan = InsertFunction(CYCLE, before=spans(text)("train()"))
    assert carry_out(text, plan) == f"import torch\n\n\nx = 1\n\n\n{CYCLE}\n\ndef main():\n    train()\n"


@pytest.mark.parametrize(
    ("why", "text", "new"),
    [
        ("taken", "def cycle(x):\n    return x\n", CYCLE),
        ("not one function", "a = 1\n", "a = 1\n"),
        ("below the imports", "import os\n", CYCLE),
    ],
)
def test_no_function_where_there_is_no_place(why: str, text: str, new: str) -> None:
    with pytest.raises(Declined, match=why):
        carry_out(text, InsertFunction(new))


def test_one_fix_may_be_several_plans() -> None:
    text = "import torch\n\n\ndef main():\n    for e in x:\n        train(e)\n    done()\n"
    function = InsertFunction("def seed(worker):\n    random.seed(worker)\n", ("import random",))
    both = Several(
        (function, InsertStatement("first", spans(text)("for e"), "go(e)"), RemoveStatement(spans(text)("done")))
    )
    assert carry_out(text, both) == (
        "import random\n\nimport torch\n\n\ndef seed(worker):\n    random.seed(worker)\n\n\n"
        "def main():\n    for e in x:\n        go(e)\n        train(e)\n"
    )
    with pytest.raises(Declined, match="taken"):
        carry_out(text, Several((*both.plans, InsertFunction("def main(): pass"))))


# ---------------------------------------------------------------------------------------- RemoveStatement


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("a = 1\n\n# why\nb = 2\n\nc = 3\n", "a = 1\n\n# why\n\nc = 3\n"),
        ("a = 1\n\nb = 2\n\nc = 3\n", "a = 1\n\nc = 3\n"),
        ("a = 1\n\nb = 2", "a = 1"),
        ("b = 2\n\nc = 3\n", "c = 3\n"),
        ("if a:\n    b = 2\nelse:\n    c = 3\n", "if a:\n    pass\nelse:\n    c = 3\n"),
        ("def f():\n\n    b = 2\n\n    return 1\n", "def f():\n\n    return 1\n"),
    ],
)
def test_a_statement_goes_with_its_line(text: str, after: str) -> None:
    assert carry_out(text, RemoveStatement(spans(text)("b = 2"))) == after


# ------------------------------------------------------------------------------------------ CopyStatement


def test_an_assignment_is_copied_without_some_elements() -> None:
    text = (
        "# all\ntrain = Compose([  # in order\n    Flip(),\n    # -\n    Tensor(), Crop(8)\n], 1)  # end\nuse(train)\n"
    )
    find = spans(text)
    crop, flip = Span(5, 14, 5, 21), Span(3, 4, 3, 10)
    fixed = carry_out(text, CopyStatement(find("train = "), "val", (flip, crop)))
    copy = "val = Compose([\n    Tensor()\n], 1)\n"
    assert fixed == text.replace("use(", f"{copy}use(")


@pytest.mark.parametrize(
    ("why", "text", "name"),
    [
        ("taken", "train = Compose([Flip(), Tensor()])\nval = 1\n", "val"),
        ("one name", "train = other = Compose([Flip(), Tensor()])\n", "val"),
        ("one name", "self.train = Compose([Flip(), Tensor()])\n", "val"),
        ("part of a list", "train = Compose([Flip()])\n", "val"),
        ("part of a list", "train = Compose((Flip(), Tensor()))\n", "val"),
    ],
)
def test_an_assignment_that_is_not_copied(why: str, text: str, name: str) -> None:
    column = text.index("Flip()")
    with pytest.raises(Declined, match=why):
        carry_out(text, CopyStatement(spans(text)(text[:5]), name, (Span(1, column, 1, column + 6),)))
