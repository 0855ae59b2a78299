"""Does a network behave otherwise in evaluation than in training?"""

from __future__ import annotations

import functools
import re

from jitlint.semantics.graph import Kind
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.reads import reads_of

# What behaves otherwise in training than in evaluation.
_SENSITIVE = re.compile(
    r"[Dd]rop(?:out|path|_path|block)|BatchNorm|batch_norm|SyncBN|\bself\.training\b|\bis_training\b|RReLU|GaussianNoise|SpecAug"
    r"|[Ss]tochastic_?[Dd]epth|spectral_norm|LayerDrop"
)
_INSENSITIVE = frozenset(
    "torch math typing einops numpy collections abc functools copy itertools os random time".split()
)


class ModeSensitivity:
    """Answers for the networks of one project, remembering the answers."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.reads = reads_of(project)

    @functools.cache  # noqa: B019 - lives as long as the run
    def is_sensitive(self, ref: Ref, network: str) -> bool | None:
        """Whether a network behaves otherwise in evaluation; None if that cannot be known."""
        answers = [self._made_sensitive(value) for value in self._makers(ref, network)]
        if not answers or None in answers:
            return None
        return any(answers)

    def _makers(self, ref: Ref, network: str) -> list[Value]:
        """The values that a name, a parameter or an attribute may hold."""
        scope = self.project.scope(ref)
        head, dot, rest = network.partition(".")
        if scope.is_method and scope.parameters and head == scope.parameters[0].name:
            stores = list(self.project.attribute_stores((ref.path, scope.owner), rest)) if dot else []
            return [value for store in stores for value in self._followed(store)]
        values = [Value(ref, item) for item in scope.variables.get(head, ())]
        if not values:
            found = [Value(ref, index) for index, node in scope.of_kind(Kind.GLOBAL) if node.name == head]
            values = [alias for value in found for alias in self.project.aliases(value)]
        return [] if dot else [value for item in values for value in self._followed(item)]

    def _followed(self, value: Value, depth: int = 0) -> list[Value]:
        """What callers pass, where a value is a parameter."""
        node = self.project.node(value)
        if node.kind is not Kind.PARAM or depth > 3:
            return [value]
        found: list[Value] = []
        for site in self.project.callers(value.scope)[:4]:
            argument = self.project.argument(site, value.scope, node.name)
            if argument is not None:
                item = Value(site.scope, argument)
                for alias in self.project.aliases(item) or (item,):
                    found += self._followed(alias, depth + 1)
        return found

    def _made_sensitive(self, value: Value) -> bool | None:
        node = self.project.node(value)
        if node.method == "Sequential":
            text = self.reads.lines(value.scope.path, node.span)
            return True if _SENSITIVE.search(text) else (False if text and _only_torch(text) else None)
        made = self.project.constructor(value)
        if made is None or made[0] is None:
            return None
        return self._class_sensitive(made[0], made[1])

    def _class_sensitive(self, path: str, qualname: str, depth: int = 0) -> bool | None:
        """Whether a class, or one that it names, uses what depends on the mode."""
        model = self.project.modules[path].classes.get(qualname)
        text = self.reads.lines(path, model.span) if model else ""
        if not text or model is None or depth > 3:
            return None
        if _SENSITIVE.search(text):
            return True
        module, unknown = self.project.modules[path], False
        words = set(re.findall(r"[A-Za-z_]\w*", text)) - {qualname}
        for word in words & (module.classes.keys() | module.imports.keys()):
            inner = self.project.find_class(path, word)
            if inner is None:
                unknown = unknown or module.imports.get(word, "torch").partition(".")[0] not in _INSENSITIVE
                continue
            found = self._class_sensitive(inner[0], inner[1].qualname, depth + 1)
            if found:
                return True
            unknown = unknown or found is None
        return None if unknown else False


def _only_torch(text: str) -> bool:
    called = re.findall(r"([A-Za-z_][\w.]*)\(", text)
    return all(
        name.startswith(("nn.", "torch.")) or name in ("Sequential", "Linear", "ReLU", "Conv2d") for name in called
    )
