"""Inputs for `fuzz.py`: what real files, the rules' cases and a generator can be broken into."""

from __future__ import annotations

import ast
import io
import json
import random
import tokenize
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jitlint.rules import all_rules
from jitlint.screen import Level, screen

LARGEST = 12_000  # bytes of a file that is broken: larger ones take longer and tell no more
MOST_FILES = 2_000


@dataclass(frozen=True)
class Input:
    """One input: how it was made, and a file."""

    kind: str
    name: str
    data: bytes


@dataclass(frozen=True)
class Material:
    """Texts of training files, and the cases of the rules."""

    files: tuple[str, ...]
    cases: tuple[str, ...]


def material_of(folders: Sequence[Path], rng: random.Random) -> Material:
    """The files in some folders that draw and train, up to a size and a number, and every case of every rule."""
    files = []
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        data = path.read_bytes() if path.is_file() and path.stat().st_size <= LARGEST else b""
        if data and screen(data).level >= Level.DRAWS and is_python(text := data.decode("utf-8", "replace")):
            files.append(text)
    rng.shuffle(files)
    cases = [case for rule in all_rules() for case in (*rule.VALID, *rule.INVALID) if is_python(case)]
    return Material(tuple(files[:MOST_FILES]), tuple(cases))


def inputs(material: Material, rng: random.Random, number: int, but: Sequence[str] = ()) -> Iterator[Input]:
    """So many inputs, the kinds in turn; all `but` some."""
    kinds = [(kind, make) for kind, make in KINDS.items() if kind not in but]
    for index in range(number):
        kind, make = kinds[index % len(kinds)]
        made = make(material, rng)
        yield made if isinstance(made, Input) else Input(kind, "train.py", made.encode("utf-8", "surrogatepass"))


def is_python(text: str) -> bool:
    return parsed(text) is not None


def parsed(text: str) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def a_text(material: Material, rng: random.Random) -> str:
    """A file or, as often, a case of a rule."""
    return rng.choice(material.files if material.files and rng.random() < 0.5 else material.cases)


# ------------------------------------------------------------------------------------------ real texts, broken


def mutated_lines(material: Material, rng: random.Random) -> str:
    lines = a_text(material, rng).split("\n")
    for _ in range(rng.randint(1, 6)):
        at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        change = rng.randrange(7)
        if change == 0 and len(lines) > 1:
            del lines[at]
        elif change == 1:
            lines.insert(at, lines[other])
        elif change == 2:
            lines[at], lines[other] = lines[other], lines[at]
        elif change == 3:
            lines[at] = rng.choice(("    ", "\t", "# ")) + lines[at]
        elif change == 4:
            lines[at] = lines[at].removeprefix("    ")
        elif change == 5:
            lines[at] = lines[at].replace(
                *rng.choice(((".train()", ".eval()"), ("range(", "iter("), ("loader", "epochs")))
            )
        else:
            lines[at : at + 1] = lines[at : at + 1] * rng.randint(2, 40)
    return "\n".join(lines)


def mutated_tokens(material: Material, rng: random.Random) -> str:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(a_text(material, rng)).readline))
    except (tokenize.TokenError, SyntaxError):
        return ""
    words = [(token.type, token.string) for token in tokens]
    plain = [n for n, (kind, _) in enumerate(words) if kind in (tokenize.NAME, tokenize.OP, tokenize.NUMBER)]
    for _ in range(rng.randint(1, 8)):
        if plain:
            at, other = rng.choice(plain), rng.choice(plain)
            words[at] = rng.choice((words[other], (tokenize.NAME, "x"), (tokenize.OP, "("), (tokenize.NUMBER, "0")))
    try:
        return str(tokenize.untokenize(words))
    except (ValueError, IndexError):
        return ""


class _TreeMutator(ast.NodeTransformer):
    """Replaces expressions and statements by others of the same tree, or wraps them."""

    def __init__(self, rng: random.Random, tree: ast.Module) -> None:
        self.rng = rng
        self.expressions = [node for node in ast.walk(tree) if isinstance(node, ast.expr) and _is_read(node)]
        self.statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
        self.rate = 3 / (len(self.expressions) + 1)

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.JoinedStr):
            return node
        changed = self.generic_visit(node)
        if self.rng.random() > self.rate:
            return changed
        if isinstance(node, ast.expr) and _is_read(node):
            return self._expression(node)
        if isinstance(node, ast.stmt):
            return self._statement(node)
        return changed

    def _expression(self, node: ast.expr) -> ast.expr:
        other = self.rng.choice(self.expressions)
        name = ast.Name(self.rng.choice(("x", "noise", "torch", "loader", "self")), ast.Load())
        return self.rng.choice(
            (
                other,
                ast.BinOp(node, self.rng.choice((ast.Add(), ast.Mult())), other),
                ast.Call(node, [other], []),
                ast.IfExp(other, node, name),
                ast.Subscript(node, other, ast.Load()),
                ast.Lambda(ast.arguments([], [ast.arg("x")], None, [], [], None, []), node),
                ast.ListComp(node, [ast.comprehension(ast.Name("x", ast.Store()), other, [], 0)]),
                name,
            )
        )

    def _statement(self, node: ast.stmt) -> ast.stmt:
        if isinstance(node, ast.Return):
            return node
        other = self.rng.choice(self.statements)
        loop = ast.For(ast.Name("batch", ast.Store()), ast.Name("loader", ast.Load()), [node, other], [])
        arguments = ast.arguments([], [ast.arg("self"), ast.arg("x")], None, [], [], None, [])
        function = ast.FunctionDef("forward", arguments, [node, other], [])
        return self.rng.choice((other, loop, function, ast.If(self.rng.choice(self.expressions), [node], [other])))


def _is_read(node: ast.expr) -> bool:
    return isinstance(getattr(node, "ctx", ast.Load()), ast.Load) and not isinstance(node, ast.Starred | ast.Slice)


def mutated_tree(material: Material, rng: random.Random) -> str:
    tree = parsed(a_text(material, rng))
    if tree is None:
        return ""
    try:
        return ast.unparse(ast.fix_missing_locations(_TreeMutator(rng, tree).visit(tree)))[: 4 * LARGEST]
    except (RecursionError, ValueError, AttributeError, TypeError):  # a tree that is no program
        return ""


def splice(material: Material, rng: random.Random) -> str:
    """Statements of several cases, mixed; and some under a function or a loop of another."""
    bodies = [tree.body for _ in range(rng.randint(2, 6)) if (tree := parsed(rng.choice(material.cases)))]
    statements = [item for body in bodies for item in body]
    if rng.random() < 0.7:
        rng.shuffle(statements)
    blocks = [node for item in statements for node in ast.walk(item) if isinstance(node, ast.For | ast.FunctionDef)]
    inner = rng.choice(statements)
    block = rng.choice(blocks) if blocks else None
    if block is not None and block not in ast.walk(inner):
        block.body.insert(rng.randint(0, len(block.body)), inner)
    try:
        return ast.unparse(ast.fix_missing_locations(ast.Module(statements, [])))
    except RecursionError:
        return ""


# --------------------------------------------------------------------------------------------- programs


class _Writer:
    """Random programs that train, from a small grammar of what the rules look for."""

    DRAWS = (
        "torch.randn(3)", "torch.rand_like({x})", "np.random.rand(3)", "random.random()", "rng.normal()",
        "jax.random.normal(key, (3,))",
        "np.random.permutation(len({x}))", "torch.bernoulli({x})", "aug({x})", "T.RandomCrop(32)({x})",
    )  # fmt: skip
    LOOPS = ("for {x} in loader:", "for epoch in range(10):", "while True:", "for i, ({x}, y) in enumerate(loader):")
    SEEDS = (
        "torch.manual_seed(0)",
        "np.random.seed({x})",
        "rng = np.random.default_rng(1)",
        "key = jax.random.PRNGKey(0)",
    )
    NAMES = ("x", "y", "noise", "coord", "batch", "images", "self.x", "data", "mixed")

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def program(self) -> str:
        head = "import random\nimport jax\nimport torch\nimport numpy as np\nimport torchvision.transforms as T\n"
        parts = [self.function(n) if self.rng.random() < 0.7 else self.class_(n) for n in range(self.rng.randint(1, 6))]
        return head + "\n".join(parts) + "\n" + "\n".join(self.block(0, 3))

    def class_(self, number: int) -> str:
        base = self.rng.choice(("nn.Module", "Dataset", f"C{number + 1}", f"C{number}", "object", "C0"))
        names = self.rng.sample(
            ("__init__", "forward", "__getitem__", "training_step", "prepare"), self.rng.randint(1, 3)
        )
        return f"class C{number}({base}):\n" + "\n".join(
            f"    def {name}(self, x, y=None):\n" + "\n".join(self.block(2, 3)) for name in names
        )

    def function(self, number: int) -> str:
        return f"def f{number}(model, loader, opt, x, n={self.expression(2)}):\n" + "\n".join(self.block(1, 4))

    def block(self, depth: int, room: int) -> list[str]:
        indent = "    " * depth
        lines: list[str] = []
        for _ in range(self.rng.randint(1, 4)):
            lines += [indent + line for line in self.statement(room)]
        return lines or [f"{indent}pass"]

    def statement(self, room: int) -> list[str]:
        choice = self.rng.randrange(9)
        if choice < 3 or room <= 0:
            return [f"{self.name()} = {self.expression(3)}"]
        if choice == 3:
            return [
                self.rng.choice(self.LOOPS).format(x=self.rng.choice(("x", "batch", "images"))),
                *self.block(1, room - 1),
            ]
        if choice == 4:
            return [f"if {self.expression(2)}:", *self.block(1, room - 1), "else:", *self.block(1, room - 1)]
        if choice == 5:
            return [f"loss = model({self.expression(2)}).mean()", "loss.backward()", "opt.step()"]
        if choice == 6:
            return [self.rng.choice(self.SEEDS).format(x=self.name())]
        if choice == 7:
            return [f"# {self.name()} = {self.expression(2)}", f"{self.name()} += {self.expression(1)}"]
        return [f"with {self.expression(1)} as y:", *self.block(1, room - 1), f"# return {self.expression(1)}"]

    def expression(self, room: int) -> str:
        choice = self.rng.randrange(8)
        if choice < 2 or room <= 0:
            return self.name()
        if choice < 4:
            return self.rng.choice(self.DRAWS).format(x=self.name())
        if choice == 4:
            return f"({self.expression(room - 1)} {self.rng.choice('+*-@')} {self.expression(room - 1)})"
        if choice == 5:
            return f"f{self.rng.randrange(6)}({self.expression(room - 1)}, loader, n={self.expression(room - 1)})"
        if choice == 6:
            return f"{self.name()}[{self.expression(room - 1)}]"
        return f"[{self.expression(room - 1)} for x in {self.expression(room - 1)}]"

    def name(self) -> str:
        return self.rng.choice(self.NAMES)


def generated(material: Material, rng: random.Random) -> str:
    return _Writer(rng).program()


# What stands once before, what stands many times (`{n}`, and `{m}` for the next), what stands once behind; the most.
_GROWING = (
    ("x = torch.randn(3)", " + torch.randn(3)", "\nfor b in loader:\n    model(b + x).backward()\n", 400),
    ("x = torch.randn(3)", ".to(d)", "\nfor b in loader:\n    model(b + x).backward()\n", 400),
    ("", "def f{n}(x):\n    return f{m}(x + torch.rand(1))\n", "for b in loader:\n    model(f0(b)).backward()\n", 400),
    ("x = torch.rand(3)\n", "if c{n}:\n    x = x + {n}\n", "for b in loader:\n    model(b + x).backward()\n", 400),
    ("", "class C{n}(C{m}, D):\n    def forward(self, x):\n        return self.m{n}(torch.rand(1))\n", "", 400),
    ("for b in loader:\n    opt.step()\n", "    # x{n} = torch.randn_like(x{n})\n", "", 400),
    ("for b in loader:\n    opt.step()\n    x = ", "f(", "torch.rand(1)", 90),
    ("def train(x):\n", "    x, y{n} = f(x), x\n", "    opt.step()\n", 400),
    (
        "",
        "x{n} = x{m} = torch.rand(1)\nfor b in loader:\n    model(b + x{n}).backward()\n    x{n} = x{n} + 1\n",
        "",
        200,
    ),
    ("", "for b in loader:\n    torch.manual_seed({n})\n    model(b + torch.randn(3)).backward()\n", "", 200),
)


def grown(material: Material, rng: random.Random) -> str:
    """A small thing, many times: in a row, nested, chained, called by each other."""
    number = rng.choice((20, 100, 200, 400))
    if rng.random() < 0.3:
        case = rng.choice(material.cases)
        number = min(number, 4000 // (len(case) + 1) + 2)
        return "\n".join(case.replace("def train", f"def train{n}") for n in range(number))
    head, unit, tail, most = rng.choice(_GROWING)
    number = min(number, most)
    many = "".join(unit.format(n=n, m=n + 1) for n in range(number))
    return f"import torch\n{head}{many}{tail}{')' * many.count('f(') if unit == 'f(' else ''}\n"


def nested(material: Material, rng: random.Random) -> str:
    """Blocks in blocks, as deep as Python reads them."""
    depth = rng.randint(2, 19)
    heads = ("for x{n} in loader:", "if c{n}:", "with a as x{n}:", "def f{n}(x):", "while c{n}:", "class C{n}:", "try:")
    chosen = [rng.choice(heads).format(n=n) for n in range(depth)]
    lines = [f"{'    ' * n}{head}" for n, head in enumerate(chosen)]
    lines.append(f"{'    ' * depth}x = torch.randn(3); model(x).backward(); opt.step()")
    for n in reversed(range(depth)):
        lines += [f"{'    ' * n}finally:", f"{'    ' * n}    x = x + torch.rand(1)"] * (chosen[n] == "try:")
    return "import torch\n" + "\n".join(lines) + "\n"


# ----------------------------------------------------------------------------------- notebooks and bytes


def notebook(material: Material, rng: random.Random) -> Input:
    """A notebook whose cells are made as above, and whose JSON may be broken."""
    cells: list[object] = []
    for _ in range(rng.randint(0, 6)):
        text = rng.choice((a_text, mutated_lines, generated))(material, rng)[:6000]
        text = rng.choice(("", "%%time\n", "!pip install x\n", "%%writefile a.py\n", "? x\n", "x = !ls\n")) + text
        source: object = rng.choice((text, text.splitlines(True), [text], None, 3, [1], {}))
        cell = {
            "cell_type": rng.choice(("code", "code", "markdown", "raw", 1)),
            "source": source,
            "outputs": [{"text": text}],
        }
        cells.append(rng.choice((cell, cell, cell, cell, None, "cell", {"input": text, "cell_type": "code"})))
    document: dict[str, object] = {"cells": cells, "metadata": rng.choice(({}, {"language_info": {"name": "R"}}, 1))}
    if rng.random() < 0.1:
        document = {"worksheets": rng.choice(([{"cells": cells}], [], [None], 1))}
    data = json.dumps(document, indent=rng.choice((None, 1))).encode()
    return Input("notebooks", "train.ipynb", broken(data, rng) if rng.random() < 0.3 else data)


def raw_bytes(material: Material, rng: random.Random) -> Input:
    cookies = ("latin-1", "utf-16", "utf-7", "undefined", "idna", "base64", "cp1252", "shift_jis", "none", "utf-8-sig")
    text = a_text(material, rng).encode("utf-8", "replace")
    head = rng.choice((b"", b"\xef\xbb\xbf", b"# coding: %s\n" % rng.choice(cookies).encode(), b"\0", b"\xff\xfe"))
    text = rng.choice((text, text.replace(b"\n", b"\r\n"), text.replace(b"\n", b"\r"), text.replace(b"    ", b"\t")))
    return Input("bytes", rng.choice(("train.py", "train.py", "train.ipynb")), broken(head + text, rng))


def broken(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(0, 5)):
        at = rng.randrange(len(changed) + 1)
        choice = rng.randrange(4)
        if choice == 0 and changed:
            changed[min(at, len(changed) - 1)] ^= 1 << rng.randrange(8)
        elif choice == 1:
            changed[at:at] = rng.randbytes(rng.randint(1, 8))
        elif choice == 2:
            del changed[at : at + rng.randint(1, 50)]
        else:
            changed[at:at] = rng.choice(
                (b'"""', b"\\", b"(", b"\x0c", b"\r", b"\xc2\x85", b"{", b"'", b"#", b"\xe2\x80\xa8")
            )
    return bytes(changed)


KINDS: dict[str, Callable[[Material, random.Random], str | Input]] = {
    "mutated lines": mutated_lines,
    "mutated tokens": mutated_tokens,
    "mutated trees": mutated_tree,
    "splices of cases": splice,
    "generated programs": generated,
    "growing programs": grown,
    "nested programs": nested,
    "notebooks": notebook,
    "bytes": raw_bytes,
}
