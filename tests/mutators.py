"""Breaks correct training programs in the ways that people break them.

`mutants(text)` takes a program that augments its batches inside the loop that trains, and yields it with one
mistake in it: the augmentation hoisted above the loop, commented out, reseeded, its result dropped, its clean
input made only once, or its draw frozen into a default. The program is changed by whole lines, so comments and
layout stay, and every mutant still runs. It shares no code with the linter that has to find it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Mutant", "mutants"]

DRAW = re.compile(
    r"rand|randn|randint|rand_like|randn_like|random|normal|uniform|beta|bernoulli|choice|normal_|uniform_|sample"
)
AUGMENTER = re.compile(r"Random[A-Z]\w*|ColorJitter|Compose|\w*[aA]ugment\w*")
TRAINS = re.compile(r"backward|apply_gradients")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Loop = ast.For | ast.While


@dataclass(frozen=True)
class Mutant:
    """A broken program. `line` is where the mistake is, `original` the program it was made from.

    `codes` are the rules one of which must report it. `is_exact` says that moving the statements back above
    their first use gives the original program statement by statement; else only the same statements.
    """

    kind: str
    codes: tuple[str, ...]
    text: str
    line: int
    name: str
    original: str
    is_exact: bool = False

    def __str__(self) -> str:
        return f"{self.kind}-{self.line}"


def mutants(text: str) -> Iterator[Mutant]:
    """Every mutant of a program."""
    program = Program(text)
    for site in program.sites():
        for mutate in (hoist, comment_out, reseed, discard, bind_unread, accumulate, freeze):
            mutant = mutate(program, site)
            if mutant is not None:
                yield mutant


# ------------------------------------------------------------------------------------------ the program


@dataclass(frozen=True)
class Site:
    """An augmentation in a batch loop: `assign` binds it, `statement` is it or the `if` around it."""

    loop: Loop
    block: list[ast.stmt]  # the body of the loop that `statement` is in
    statement: ast.stmt
    assign: ast.Assign
    function: Function | None

    @property
    def name(self) -> str:
        """The name that the augmentation binds."""
        return ast.unparse(self.assign.targets[0])

    @property
    def rebinds(self) -> bool:
        """Whether it binds its own input again, as in `coord = jitter(coord)`."""
        return self.name in reads(self.assign.value)

    @property
    def earlier(self) -> list[ast.stmt]:
        """The statements of the block above the augmentation."""
        return self.block[: self.block.index(self.statement)]

    @property
    def later(self) -> list[ast.stmt]:
        """The statements of the block below the augmentation."""
        return self.block[self.block.index(self.statement) + 1 :]

    def creation(self) -> list[ast.stmt]:
        """The statements of the block that the augmentation's inputs come from."""
        found: list[ast.stmt] = []
        wanted = reads(self.statement)
        for statement in reversed(self.earlier):
            if bound(statement) & wanted:
                found.insert(0, statement)
                wanted |= reads(statement)
        return found


class Program:
    """A program as lines and as a tree."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.splitlines()
        self.tree = ast.parse(text)
        self.drawing = self._drawing_names()

    def sites(self) -> Iterator[Site]:
        """Each augmentation that stands directly in a batch loop, or in an `if` there."""
        for loop, function in self._loops(self.tree, None):
            for block in (loop.body, *(inner.body for inner in loop.body if isinstance(inner, Loop))):
                if not self._is_innermost(loop):
                    break
                for statement in block:
                    assign = self._augmentation(statement)
                    if assign is not None:
                        yield Site(loop, block, statement, assign, function)

    def draws(self, node: ast.AST) -> bool:
        """Whether running `node` may draw a random number."""
        calls = (part for part in ast.walk(node) if isinstance(part, ast.Call))
        return any(self._is_drawing(ast.unparse(call.func)) for call in calls)

    def indent(self, statement: ast.stmt) -> str:
        """The white space before a statement."""
        return self.lines[statement.lineno - 1][: statement.col_offset]

    def lines_of(self, statement: ast.stmt) -> range:
        """The lines of a statement and of the comments directly above it, from 0."""
        first = statement.lineno - 1
        while first > 0 and self.lines[first - 1].startswith(f"{self.indent(statement)}# "):
            first -= 1
        return range(first, statement.end_lineno or statement.lineno)

    def _loops(self, node: ast.AST, function: Function | None) -> Iterator[tuple[Loop, Function | None]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Loop) and TRAINS.search(ast.unparse(child)):
                yield child, function
            yield from self._loops(child, child if isinstance(child, Function) else function)

    def _is_innermost(self, loop: Loop) -> bool:
        inner = [part for part in ast.walk(loop) if isinstance(part, Loop) and part is not loop]
        return not any(TRAINS.search(ast.unparse(part)) for part in inner)

    def _augmentation(self, statement: ast.stmt) -> ast.Assign | None:
        if isinstance(statement, ast.If) and len(statement.body) == 1 and not statement.orelse:
            statement = statement.body[0]
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            return None
        return statement if self.draws(statement.value) else None

    def _is_drawing(self, function: str) -> bool:
        name = function.rpartition(".")[2]
        return name in self.drawing or (DRAW.fullmatch(name) is not None and "." in function)

    def _drawing_names(self) -> set[str]:
        """Functions and methods that draw, and names of augmentation objects."""
        self.drawing = set()
        functions = [node for node in ast.walk(self.tree) if isinstance(node, Function)]
        for _ in functions:
            self.drawing |= {f.name for f in functions if self.draws(f) and not TRAINS.search(ast.unparse(f))}
        objects = [n for n in ast.walk(self.tree) if isinstance(n, ast.Assign) and isinstance(n.value, ast.Call)]
        made = {ast.unparse(n.targets[0]).rpartition(".")[2] for n in objects if AUGMENTER.search(ast.unparse(n.value))}
        return self.drawing | {name for name in made if AUGMENTER.fullmatch(name)}


def reads(node: ast.AST) -> set[str]:
    """The names that a node reads."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}


def bound(node: ast.AST) -> set[str]:
    """The names that a node binds."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}


# ------------------------------------------------------------------------------------------ the mistakes


def hoist(program: Program, site: Site) -> Mutant | None:
    """Move the augmentation, with the creation of its input, from the loop to right above it."""
    moved = [*site.creation(), site.statement]
    made = set().union(*map(bound, moved))
    others = [part for part in (site.loop, *ast.walk(site.loop)) if part not in _within(moved)]
    if (set().union(*map(reads, moved)) - made) & set().union(*map(_binds, others)):
        return None  # it depends on the batch
    if site.block is not site.loop.body or made & set().union(*map(_binds, others)):
        return None
    lines = [line for statement in moved for line in program.lines_of(statement)]
    indent, outside = program.indent(site.statement), program.indent(site.loop)
    above = [outside + program.lines[line].removeprefix(indent) for line in lines]
    start = program.lines_of(site.loop).start
    text = _edited(program, {line: [] for line in lines}, {start: above})
    line = start + lines.index(site.statement.lineno - 1) + 1
    first_use = next((later for later in site.later if reads(later) & made), None)
    contiguous = [*moved, first_use] == _slice(site.block, moved[0], len(moved) + 1)
    return Mutant("hoist", ("JIT101", "JIT102"), text, line, site.name, program.text, contiguous)


def comment_out(program: Program, site: Site) -> Mutant | None:
    """Comment the augmentation out; its input goes on unperturbed."""
    if not site.rebinds:
        return None
    indent = program.indent(site.assign)
    last = site.assign.end_lineno or site.assign.lineno
    numbers = range(site.assign.lineno - 1, last)
    commented = [f"{indent}# {program.lines[number].removeprefix(indent)}" for number in numbers]
    if site.assign is not site.statement:
        commented.append(f"{indent}pass")
    return _mutant("comment_out", ("JIT201",), program, site, dict.fromkeys(numbers, ()), {numbers[0]: commented})


def reseed(program: Program, site: Site) -> Mutant | None:
    """Seed the generator at the top of the loop, so that every batch draws the same numbers."""
    drawn = {ast.unparse(node) for node in ast.walk(program.tree) if isinstance(node, ast.Attribute)}
    seeds = {"np.random": "np.random.seed(0)", "random": "random.seed(0)", "torch": "torch.manual_seed(0)"}
    seed = next((call for module, call in seeds.items() if any(_is_draw_of(module, name) for name in drawn)), None)
    if seed is None:
        return None
    first = site.loop.body[0]
    inserted = {program.lines_of(first).start: [f"{program.indent(first)}{seed}"]}
    return _mutant("reseed", ("JIT301",), program, site, {}, inserted)


def discard(program: Program, site: Site) -> Mutant | None:
    """Call the augmentation and forget to bind its result."""
    if not site.rebinds or not isinstance(site.assign.value, ast.Call):
        return None
    return _with_target(program, site, "discard", "")


def bind_unread(program: Program, site: Site) -> Mutant | None:
    """Bind the result to a name that nobody reads."""
    if not site.rebinds:
        return None
    return _with_target(program, site, "bind_unread", f"perturbed_{site.name} = ")


def accumulate(program: Program, site: Site) -> Mutant | None:
    """Make the clean input once, above the loop, and go on perturbing it inside."""
    creation = site.creation()
    if not site.rebinds or site.statement is not site.assign or site.block is not site.loop.body or len(creation) != 1:
        return None
    others = [part for part in ast.walk(site.loop) if part not in _within([*creation, site.statement])]
    changing = set().union(*map(_binds, others))
    if bound(creation[0]) != {site.name} or changing & (reads(creation[0]) | {site.name}):
        return None
    lines = program.lines_of(creation[0])
    outside = program.indent(site.loop)
    above = [outside + program.lines[line].removeprefix(program.indent(creation[0])) for line in lines]
    start = program.lines_of(site.loop).start
    return _mutant("accumulate", ("JIT402",), program, site, dict.fromkeys(lines, ()), {start: above})


def freeze(program: Program, site: Site) -> Mutant | None:
    """Make the draw a default of the training function: it is drawn when the function is defined."""
    function = site.function
    if function is None or function.args.kwarg or function.args.vararg or site.rebinds or site.creation():
        return None
    arguments = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
    if reads(site.assign.value) & (arguments | bound(function)) or site.statement is not site.assign:
        return None
    header = function.lineno - 1
    close = program.lines[header].rindex(")")
    default = ast.unparse(site.assign.value)
    line = f"{program.lines[header][:close]}, {site.name}={default}{program.lines[header][close:]}"
    removed = {**dict.fromkeys(program.lines_of(site.statement), ()), header: [line]}
    text = _edited(program, removed, {})
    return Mutant("freeze", ("JIT103",), text, header + 1, site.name, program.text)


def _with_target(program: Program, site: Site, kind: str, target: str) -> Mutant:
    number = site.assign.lineno - 1
    line = program.lines[number]
    value = line[site.assign.value.col_offset :]
    changed = {number: [f"{program.indent(site.assign)}{target}{value}"]}
    return _mutant(kind, ("JIT204",), program, site, changed, {})


def _mutant(
    kind: str,
    codes: tuple[str, ...],
    program: Program,
    site: Site,
    changed: Mapping[int, Sequence[str]],
    inserted: Mapping[int, Sequence[str]],
) -> Mutant:
    line = min([*changed, *inserted]) + 1
    return Mutant(kind, codes, _edited(program, changed, inserted), line, site.name, program.text)


def _edited(program: Program, changed: Mapping[int, Sequence[str]], inserted: Mapping[int, Sequence[str]]) -> str:
    """The text with some lines (from 0) replaced and others inserted above a line."""
    lines = []
    for number, line in enumerate(program.lines):
        lines += inserted.get(number, [])
        lines += changed.get(number, [line])
    return "\n".join(lines) + "\n"


def _within(statements: Sequence[ast.stmt]) -> set[ast.AST]:
    return {part for statement in statements for part in ast.walk(statement)}


def _binds(node: ast.AST) -> set[str]:
    return {node.id} if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else set()


def _slice(block: list[ast.stmt], first: ast.stmt, count: int) -> list[ast.stmt]:
    start = block.index(first)
    return block[start : start + count]


def _is_draw_of(module: str, name: str) -> bool:
    place, _, function = name.rpartition(".")
    return place == module and DRAW.fullmatch(function) is not None
