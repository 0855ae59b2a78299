"""The mistakes that `injected_bugs.py` plants in real training files.

A mistake comes with the program it was made from. Where real loops rarely have what the mistake needs (a mixup
coefficient, a mask), a correct augmentation is written into the loop first; draws, keys, `set_epoch` and `train()`
are the file's own. Changes are whole lines, so the rest of the file keeps its text.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["AUGMENTATIONS", "Planted", "batch_name", "mistakes", "training_loops"]

NETWORKS = frozenset("model net netG netD encoder decoder classifier generator discriminator network G D vae".split())

# An augmentation by its kind: the draw, and the line that applies it to the batch.
AUGMENTATIONS = {
    "noise": ("noise = 0.1 * torch.randn(3, 32, 32)", "{x} = {x} + noise"),
    "shift of coordinates": ("shift = torch.rand(2) - 0.5", "{x} = {x} + 0.01 * shift"),
    "mixup coefficient": ("lam = torch.distributions.Beta(1, 1).sample()", "{x} = lam * {x} + (1 - lam) * {x}.flip(0)"),
    "permutation": ("order = torch.randperm(64)", "{x} = 0.7 * {x} + 0.3 * {x}[order]"),
    "mask": ("mask = (torch.rand(32, 32) > 0.25).float()", "{x} = {x} * mask"),
    "crop position": ("top = int(torch.randint(0, 9, (1,)))", "{x} = {x}[..., top : top + 24, :]"),
}  # fmt: skip
SEED = "torch.manual_seed(0)"
HELPER = ["def jitter(batch):", "    return batch + 0.1 * torch.randn_like(batch)", "", ""]
HOISTED = frozenset({"JIT101", "JIT102"})

# The file's own draws by what they are called.
OWN_DRAWS = re.compile(
    r"torch\.(?:rand|randn|randint|randperm)|(?:np|numpy)\.random\.\w+|random\.(?:random|uniform|randint|sample|choice)"
)
# What a file's own networks have if they behave otherwise in training.
SENSITIVE = re.compile(r"[Dd]rop|BatchNorm|batch_norm")
BATCH_SIZE = re.compile(r"\b\w+\.(?:size\(0\)|shape\[0\])|\blen\(\w+\)")


@dataclass(frozen=True)
class Planted:
    """A mistake: `codes` are the rules one of which must report it in `text` and none in `original`."""

    kind: str
    codes: frozenset[str]
    original: str
    text: str


def mistakes(text: str) -> Iterator[Planted]:
    """Every mistake that fits a file. Raises what `ast.parse` raises."""
    tree = ast.parse(text)
    lines = text.split("\n")
    for loop in training_loops(tree):
        outer = _enclosing_loop(tree, loop)
        yield from _seeds(lines, loop, outer)
        yield from _moved_draws(lines, loop)
        yield from _written(lines, tree, loop, outer)
    yield from _without_calls(lines, tree)
    yield from _reused_keys(lines, tree)


def training_loops(tree: ast.Module) -> Iterator[ast.For]:
    """The innermost loops that train."""
    for loop in ast.walk(tree):
        if not isinstance(loop, ast.For) or not _calls(loop.body, "backward") or not _calls(loop.body, "step"):
            continue
        inner = (node for statement in loop.body for node in ast.walk(statement))
        if any(isinstance(node, ast.For | ast.While) and _calls(node.body, "backward") for node in inner):
            continue
        if loop.body[0].lineno > loop.lineno:
            yield loop


def batch_name(loop: ast.For) -> str | None:
    """The first name of the batch, if a network gets it as an argument by that name."""
    names = [node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)]
    if isinstance(loop.iter, ast.Call) and getattr(loop.iter.func, "id", "") == "enumerate":
        names = names[1:]
    for node in (node for statement in loop.body for node in ast.walk(statement)):
        if (
            isinstance(node, ast.Call)
            and names
            and any(isinstance(a, ast.Name) and a.id == names[0] for a in node.args)
        ):
            called = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
            if called in NETWORKS:
                return names[0]
    return None


def _calls(body: list[ast.stmt], method: str) -> bool:
    nodes = (node for statement in body for node in ast.walk(statement))
    return any(isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr == method for n in nodes)


def _enclosing_loop(tree: ast.Module, loop: ast.For) -> ast.For | None:
    """The innermost `for` around a loop in the same function."""
    around: ast.For | None = None
    for node in ast.walk(tree):  # outer nodes come first
        if isinstance(node, ast.For) and node is not loop and any(part is loop for part in ast.walk(node)):
            around = node
        elif isinstance(node, ast.FunctionDef) and any(part is loop for part in ast.walk(node)):
            around = around if around is not None and any(part is around for part in ast.walk(node)) else None
    return around


def _seeds(lines: list[str], loop: ast.For, outer: ast.For | None) -> Iterator[Planted]:
    for kind, at in (("seed in every step", loop), ("seed in every epoch", outer)):
        if at is not None and at.body[0].lineno > at.lineno:
            first = at.body[0]
            seed = " " * first.col_offset + SEED
            yield Planted(kind, frozenset({"JIT301"}), *_texts(lines, _insert(lines, first.lineno - 1, [seed])))


def _moved_draws(lines: list[str], loop: ast.For) -> Iterator[Planted]:
    """Draws of the file's own, moved above their loop; a batch size in them becomes a number."""
    for statement in loop.body:
        if not isinstance(statement, ast.Assign) or statement.lineno != statement.end_lineno:
            continue
        line = lines[statement.lineno - 1]
        draw = next((n for n in ast.walk(statement.value) if isinstance(n, ast.Call) and _is_draw(n)), None)
        if draw is None or line.strip().endswith(";"):
            continue
        moved = " " * loop.col_offset + BATCH_SIZE.sub("64", line.strip())
        stores = [n.id for n in ast.walk(loop) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        made = set(stores)
        names = {n.id for n in ast.walk(ast.parse(moved.strip())) if isinstance(n, ast.Name)}
        bound = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        if names & made - bound or not bound or any(stores.count(name) > 1 for name in bound):
            continue  # what the loop binds twice is drawn anew by the other statement
        at = statement.lineno - 1
        without = [*lines[:at], *lines[at + 1 :]]
        changed = _insert(without, loop.lineno - 1, [moved])
        yield Planted("the file's own draw above its loop", HOISTED, *_texts(lines, changed))


def _is_draw(call: ast.Call) -> bool:
    return OWN_DRAWS.fullmatch(ast.unparse(call.func)) is not None


def _written(lines: list[str], tree: ast.Module, loop: ast.For, outer: ast.For | None) -> Iterator[Planted]:
    """Augmentations that are written into the loop, and what is done to them."""
    name = batch_name(loop)
    if name is None:
        return
    first, inside = loop.body[0].lineno - 1, " " * loop.body[0].col_offset
    for kind, (draw, use) in AUGMENTATIONS.items():
        used = _insert(lines, first, [inside + use.format(x=name)])
        correct = _insert(used, first, [inside + draw])
        for place, at in (("batch", loop), ("epoch", outer)):
            if at is not None:
                hoisted = _insert(used, at.lineno - 1, [" " * at.col_offset + draw])
                yield Planted(f"{kind} above the {place} loop", HOISTED, *_texts(correct, hoisted))
    top = _first_statement(tree)
    correct = _insert(_insert(lines, first, [f"{inside}{name} = jitter({name})"]), top, HELPER)
    forms = {
        "result dropped": ("JIT204", f"jitter({name})"),
        "result bound to a name that nothing reads": ("JIT204", f"jittered = jitter({name})"),
        "line commented": ("JIT201", f"# {name} = jitter({name})"),
    }
    for kind, (code, line) in forms.items():
        broken = _insert(_insert(lines, first, [inside + line]), top, HELPER)
        yield Planted(kind, frozenset({code}), *_texts(correct, broken))


def _first_statement(tree: ast.Module) -> int:
    """The line, from 0, of the first function, class or loop of a file."""
    body = [s for s in tree.body if isinstance(s, ast.FunctionDef | ast.ClassDef | ast.For | ast.If | ast.With)]
    first = body[0]
    decorators = first.decorator_list if isinstance(first, ast.FunctionDef | ast.ClassDef) else []
    return min([first.lineno, *(d.lineno for d in decorators)]) - 1


def _without_calls(lines: list[str], tree: ast.Module) -> Iterator[Planted]:
    """`set_epoch` removed, and `train()` removed where the network is evaluated before the next step."""
    found: dict[str, list[ast.stmt]] = {"set_epoch": [], "train": [], "eval": []}
    calls = (n for n in ast.walk(tree) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call))
    for statement in calls:
        method = getattr(statement.value.func, "attr", "")  # type: ignore[attr-defined]
        if method in found and statement.lineno == statement.end_lineno:
            found[method].append(statement)
    kinds = [("set_epoch removed", "JIT306", found["set_epoch"])]
    text = "\n".join(lines)
    acts = "def forward(" not in text or SENSITIVE.search(text)
    if acts and _evaluates_between_steps(tree, found["train"]):
        kinds.append(("train() removed", "JIT207", found["train"]))
    for kind, code, statements in kinds:
        changed = list(lines)
        for statement in statements:
            changed[statement.lineno - 1] = f"{' ' * statement.col_offset}pass"
        if statements:
            yield Planted(kind, frozenset({code}), *_texts(lines, changed))


def _evaluates_between_steps(tree: ast.Module, removed: list[ast.stmt]) -> bool:
    """Whether a loop that trains also calls `eval()` of a network that had `train()`, itself or through a function.

    Elsewhere the removed line changes nothing: networks are made in training mode.
    """
    networks = {_owner(statement.value) for statement in removed}  # type: ignore[attr-defined]
    functions = {item.name: item for item in ast.walk(tree) if isinstance(item, ast.FunctionDef)}
    for loop in (item for item in ast.walk(tree) if isinstance(item, ast.For | ast.While)):
        todo: list[tuple[ast.AST, frozenset[str]]] = [(loop, frozenset())]
        seen: set[str] = set()
        calls: list[tuple[ast.Call, frozenset[str]]] = []
        while todo:
            part, parameters = todo.pop()
            for call in (item for item in ast.walk(part) if isinstance(item, ast.Call)):
                calls.append((call, parameters))
                name = getattr(call.func, "id", "") or getattr(call.func, "attr", "")
                if name in functions and name not in seen:
                    seen.add(name)
                    todo.append((functions[name], frozenset(item.arg for item in functions[name].args.args)))
        methods = {getattr(call.func, "attr", "") for call, _ in calls}
        evaluated = ((_owner(call), given) for call, given in calls if getattr(call.func, "attr", "") == "eval")
        if {"backward", "step"} <= methods and any(owner in networks | given for owner, given in evaluated):
            return True
    return False


def _owner(call: ast.Call) -> str:
    """The last name before a method: `model` of `self.model.eval()`."""
    return ast.unparse(call.func).split(".")[-2] if isinstance(call.func, ast.Attribute) else ""


def _reused_keys(lines: list[str], tree: ast.Module) -> Iterator[Planted]:
    """`key, subkey = split(key)` in a loop removed, and the key itself used instead of the new one."""
    for block in (n for n in ast.walk(tree) if isinstance(n, ast.For | ast.While)):
        for statement in block.body:
            pair = _split(statement)
            if pair is None or statement.lineno != statement.end_lineno:
                continue
            key, subkey = pair
            end = block.end_lineno or block.lineno
            use = re.compile(rf"(?<![\w.]){re.escape(subkey)}(?!\w|\s*=[^=])")
            after = [use.sub(key, line) for line in lines[statement.lineno : end]]
            changed = [*lines[: statement.lineno - 1], *after, *lines[end:]]
            if after != lines[statement.lineno : end]:
                codes = frozenset({"JIT308", "JIT302", *HOISTED})
                yield Planted("key used again", codes, *_texts(lines, changed))


def _split(statement: ast.stmt) -> tuple[str, str] | None:
    """The names of `key, subkey = split(key)`."""
    if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
        return None
    target, call = statement.targets[0], statement.value
    if not ast.unparse(call.func).endswith("random.split") or len(call.args) != 1 or not isinstance(target, ast.Tuple):
        return None
    names = [part.id for part in target.elts if isinstance(part, ast.Name)]
    key = ast.unparse(call.args[0])
    others = [name for name in names if name != key]
    return (key, others[0]) if len(target.elts) == len(names) == 2 and len(others) == 1 else None


def _insert(lines: list[str], at: int, new: list[str]) -> list[str]:
    return [*lines[:at], *new, *lines[at:]]


def _texts(original: list[str], changed: list[str]) -> tuple[str, str]:
    return "\n".join(original), "\n".join(changed)
