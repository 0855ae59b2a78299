"""The mend of JIT308: `key, subkey = jax.random.split(key)` right above a use of the key, which takes the new one."""

from __future__ import annotations

from jitlint.diagnostic import Applicability, FixPlan, InsertStatement, ReplaceArgument, Several
from jitlint.semantics.graph import Kind, Scope
from jitlint.semantics.keys import Reuse
from jitlint.semantics.project import Project, Value

_MOST_NAMES = 9


def split_key(project: Project, reuse: Reuse) -> FixPlan | None:
    """A split above the use in each pass, or above the first of two uses.

    The second use then has the key that the split gave back: of a key that is split already, a second split would give
    the same two keys again.
    """
    use = reuse.again if reuse.first is None else reuse.first
    scope, node = project.scope(use.scope), project.node(use)
    if reuse.key.scope != use.scope or (reuse.clock is not None and reuse.clock.scope != use.scope):
        return None
    if reuse.key.node not in node.arguments:
        return None  # it stands in a dict of keys
    name, split = _name(scope, reuse.key.node), _split(project, use.scope.path)
    if name is None or split is None:
        return None
    fresh = _fresh_name(project, use, scope)
    position = node.arguments.index(reuse.key.node)
    keyword = node.keywords[position]
    statement = scope.statements[node.statement].span
    plans = (
        InsertStatement("before", statement, f"{name}, {fresh} = {split}({name})"),
        ReplaceArgument(node.span, keyword if keyword is not None else position, fresh),
    )
    return FixPlan(Applicability.UNSAFE, f"Split `{name}` before the use", Several(plans))


def _name(scope: Scope, index: int) -> str | None:
    """The one name by which a scope may bind a key anew: a parameter, or a variable of its own."""
    node = scope.nodes[index]
    names = {store.name for store in scope.stores if store.node == index}
    if node.kind is Kind.PARAM or (node.kind is Kind.PHI and node.name):
        names.add(node.name)
    own = {*scope.variables, *(item.name for item in scope.parameters)}
    return names.pop() if len(names) == 1 and names <= own else None


def _split(project: Project, path: str) -> str | None:
    """What a file calls `jax.random.split`."""
    written = {qualified: local for local, qualified in project.modules[path].imports.items()}
    for module, rest in (("jax.random.split", ""), ("jax.random", ".split"), ("jax", ".random.split")):
        if module in written:
            return written[module] + rest
    return None


def _fresh_name(project: Project, use: Value, scope: Scope) -> str:
    """`subkey`, or with a number where that name is taken."""
    outer = project.modules[use.scope.path].scopes[""]
    read = {node.name for _, node in scope.of_kind(Kind.GLOBAL)}
    taken = {*scope.variables, *outer.variables, *read, *(item.name for item in scope.parameters)}
    names = ("subkey", *(f"subkey{number}" for number in range(2, _MOST_NAMES)))
    return next((name for name in names if name not in taken), f"subkey{_MOST_NAMES}")
