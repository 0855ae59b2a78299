"""Finds settings that promise an augmentation and that nothing reads: parameters, attributes, options, fields, keys."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from jitlint import catalogue
from jitlint.semantics.flow import reached, users
from jitlint.semantics.graph import ClassModel, Kind, Node, Parameter, Scope
from jitlint.semantics.mentions import is_elsewhere, mentions_of
from jitlint.semantics.pipelines import Augments, pipelines_of
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.promises import SAID_UNUSED, SETTINGS_CLASS, Given, Switch, What, is_on
from jitlint.semantics.reads import Read, reads_of
from jitlint.semantics.unread_settings import UnreadSettings

PLAIN_DECORATORS = frozenset("staticmethod classmethod no_grad inference_mode jit dataclass".split())
_APPLICATIONS = frozenset("click typer app cli".split())
_COMMANDS = frozenset("command option argument group pass_context".split())
# Bases that read no attribute but those of their own interface.
PLAIN_BASES = frozenset(
    "object Module Dataset IterableDataset LightningModule LightningDataModule Layer Model Sequence ABC".split()
)
# Calls that read every parameter of the function they stand in.
_READS_ALL = frozenset(
    "locals vars eval exec save_hyperparameters currentframe getargvalues store_attr signature bind".split()
)
# Functions and classes in the place of others: made-up data, a base that does nothing.
_STAND_IN = re.compile(
    r"(?:^|[._])(?:synth\w*|dummy|fake|mock|null|no_?op|identity|stub|abstract|random_data)(?:[._]|$)"
)


class Switches:
    """The unread settings of one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.reads = reads_of(project)
        self.mentions = mentions_of(project)
        self.pipelines = pipelines_of(project)

    @functools.cached_property
    def found(self) -> tuple[Switch, ...]:
        """All of them: parameters and attributes in order of the files, then the settings of programs."""
        paths = [path for path in self.project.asked if not is_elsewhere(self.project, path)]
        own = [switch for path in paths for switch in self._of_functions(path)]
        found = (*own, *UnreadSettings(self.project).among(paths))
        return found if found and self.reads.complete else ()  # few projects have one, so few ask for the tree

    # --------------------------------------------------------------------------------------- parameters

    def _of_functions(self, path: str) -> Iterator[Switch]:
        for qualname, scope in self.project.modules[path].scopes.items():
            ref = Ref(path, qualname)
            for position, parameter in enumerate(scope.parameters):
                if (position == 0 and scope.is_method) or parameter.name.startswith("_"):
                    continue
                found = self._parameter(ref, scope, parameter)
                if found is not None:
                    yield found
            if scope.name == "__init__" and scope.is_method:
                yield from self._attributes(ref, scope)

    def _parameter(self, ref: Ref, scope: Scope, parameter: Parameter) -> Switch | None:
        promises = catalogue.promises_augmentation(parameter.name)
        if not promises and not _TRANSFORM.search(parameter.name):
            return None
        stored = self._stored_only(scope, parameter.name)
        if stored is None or self._is_interface(ref, scope, parameter.name, bool(stored)):
            return None
        if any(self._attribute_is_read(ref, scope, name) for name in stored):
            return None
        given, site = self._given(ref, scope, parameter)
        if not self._is_promise(ref, scope, parameter, promises, given, site):
            return None
        if self._is_spoken_of(ref, scope, parameter.name, bool(stored)):
            return None
        owner = scope.owner if scope.name == "__init__" else scope.qualname
        what = What.ATTRIBUTE if stored else What.PARAMETER
        span = next(node.span for node in scope.nodes if node.kind is Kind.PARAM and node.name == parameter.name)
        return Switch(ref.path, span, parameter.name, what, owner.rpartition(".")[2], given, site)

    def _stored_only(self, scope: Scope, name: str) -> tuple[str, ...] | None:
        """The attributes that a parameter is stored in; None if anything else reads it."""
        start = scope.variables[name][0] if name in scope.variables else -1
        if start < 0 or scope.nodes[start].kind is not Kind.PARAM:
            return None
        carriers = set(reached(scope, [start], lambda index: index == start or scope.nodes[index].kind is Kind.PHI))
        same = {index for index in carriers if index == start or scope.nodes[index].kind is Kind.PHI}
        headers = {region.header for region in scope.regions}
        if carriers != same or same & (headers | set(scope.returns)):
            return None
        stores = [store for store in scope.stores if store.node in same]
        instance = scope.parameters[0].name if scope.is_method else ""
        if any(not instance or store.name.rpartition(".")[0] != instance for store in stores):
            return None
        return tuple(store.name.rpartition(".")[2] for store in stores)

    def _is_interface(self, ref: Ref, scope: Scope, name: str, stored: bool) -> bool:
        """Whether a parameter may be there for the sake of other functions of the same form."""
        module = self.project.modules[ref.path]
        if scope.name in catalogue.STEP_FUNCTIONS or (scope.name.startswith("__") and scope.name != "__init__"):
            return True
        if any(item.rpartition(".")[2] not in PLAIN_DECORATORS and not _is_command(item) for item in scope.decorators):
            return True
        if any(node.method in _READS_ALL for _, node in scope.calls()) or self._is_stub(scope):
            return True
        if any(other.parent == ref.qualname and _reads_global(other, name) for other in module.scopes.values()):
            return True
        if any(
            node.name.startswith(ref.qualname + ".") and node.name not in module.scopes
            for _, node in scope.of_kind(Kind.GLOBAL)
        ):
            return True  # an inner function without a graph
        if not scope.owner:
            return self._is_value(ref.path, scope.qualname)
        model = module.classes.get(scope.owner)
        if model is None:
            return True
        if scope.name == "__init__":
            return (
                bool(model.decorators)
                or self._is_value(ref.path, scope.owner)
                or (stored and self._is_open(ref.path, model))
            )
        return self._is_open(ref.path, model) or self._has_siblings(ref, scope, name)

    def _is_stub(self, scope: Scope) -> bool:
        """Whether a body does nothing, or only says that it is not there."""
        if _STAND_IN.search(catalogue.snake(scope.qualname)):
            return True
        words = [node for _, node in scope.of_kind(Kind.WORD) if node.name == "raise"]
        raised = {item for node in words for item in node.inputs}
        if any("NotImplemented" in scope.nodes[item].name for item in raised):
            return True
        busy = any(index not in raised for index, _ in scope.calls()) or bool(scope.kinds.get(Kind.OP))
        return not busy and not scope.stores

    def _is_value(self, path: str, name: str) -> bool:
        """Whether a function or class is handed around, so that others of the same form take its place."""
        last = name.rpartition(".")[2]
        definition = self.project.modules[path].scopes.get(name)
        return any(
            node.name.rpartition(".")[2] == last
            and any(scope.nodes[user].method not in ("super", "isinstance") for user in users(scope, index) or (index,))
            and (definition is None or node.span != definition.name_span or users(scope, index))
            for module in self.project.modules.values()
            for scope in module.scopes.values()
            for index, node in scope.of_kind(Kind.GLOBAL)
        )

    def _is_open(self, path: str, model: ClassModel) -> bool:
        """Whether a base that cannot be seen may read attributes or call methods."""
        names = self.project.base_names(path, model.qualname)
        known = {base for base in names if self.project.find_class(path, base)}
        return any(base.rpartition(".")[2] not in PLAIN_BASES for base in names - known)

    def _has_siblings(self, ref: Ref, scope: Scope, name: str) -> bool:
        """Whether another class has the same method with the same parameter."""
        return any(
            other != ref and any(item.name == name for item in self.project.scope(other).parameters)
            for other in self.project.methods.get(scope.name, ())
        )

    # --------------------------------------------------------------------------------------- attributes

    def _attributes(self, ref: Ref, scope: Scope) -> Iterator[Switch]:
        """What a constructor makes and keeps, such as a rate from the configuration or a dict of transforms."""
        model = self.project.modules[ref.path].classes.get(scope.owner)
        if model is None or model.decorators or self._is_open(ref.path, model) or not scope.parameters:
            return
        if SETTINGS_CLASS.search(model.qualname) and (self.reads.by_name or self.reads.computed):
            return
        first = {store.name: store for store in reversed(scope.stores) if store.base >= 0}
        for store in first.values():
            base, _, name = store.name.rpartition(".")
            node = scope.nodes[store.node]
            if base != scope.parameters[0].name or name.startswith("_"):
                continue
            augments = self.pipelines.augments(Value(ref, store.node)) is Augments.YES
            if not augments and not self._is_set(scope, node):
                continue
            if not (augments or catalogue.promises_augmentation(name)) or self._attribute_is_read(ref, scope, name):
                continue
            span = scope.statements[store.statement].span
            if not self.reads.code(ref.path) or SAID_UNUSED.search(self.reads.remarks(ref.path, span, name)):
                continue
            given = (
                Given.ON if augments else Given.PASSED if node.kind is not Kind.CONST or is_on(node) else Given.NOTHING
            )
            yield Switch(ref.path, span, name, What.ATTRIBUTE, scope.owner.rpartition(".")[2], given)

    def _is_set(self, scope: Scope, node: Node) -> bool:
        """Whether a value is a setting: a constant, or one that is looked up in a configuration.

        A parameter is judged where it is used; of what classes and functions make, only transforms of a library count.
        """
        while node.kind is Kind.CALL and node.name in _CASTS and node.arguments:
            node = scope.nodes[node.arguments[0]]
        if node.kind is not Kind.CALL:
            return node.kind is not Kind.PARAM
        transforms = any(node.name.startswith(f"{module}.") for module in catalogue.TRANSFORM_MODULES)
        return transforms or node.has_receiver or node.name == "getattr"

    def _attribute_is_read(self, ref: Ref, scope: Scope, name: str) -> bool:
        """Whether anything reads `self.name` of a class, or of its bases and subclasses, or `x.name`."""
        elsewhere = Read.ATTRIBUTE | Read.STRING
        if SETTINGS_CLASS.search(scope.owner):
            elsewhere |= Read.SETTING
        if self.reads.of(frozenset({name})).get(name, Read(0)) & elsewhere:
            return True
        own = re.compile(rf"\bself\.{re.escape(name)}\b{_IS_SET}|\bself\.__dict__|\bvars\(self\)")
        return any(own.search(self.reads.lines(path, model.span)) for path, model in self._family(ref, scope))

    def _family(self, ref: Ref, scope: Scope) -> Iterator[tuple[str, ClassModel]]:
        yield ref.path, self.project.modules[ref.path].classes[scope.owner]
        bases = self.project.base_names(ref.path, scope.owner)
        found = (self.project.find_class(ref.path, base) for base in bases)
        yield from (item for item in found if item is not None)
        for path in self.project.asked:
            for model in self.project.modules[path].classes.values():
                if any(base.rpartition(".")[2] == scope.owner.rpartition(".")[2] for base in model.bases):
                    yield path, model

    # ------------------------------------------------------------------------------------------ promises

    def _given(self, ref: Ref, scope: Scope, parameter: Parameter) -> tuple[Given, Value | None]:
        """What callers pass for a parameter, at most, and the call that does."""
        best: tuple[Given, Value | None] = (Given.NOTHING, None)
        default = self._default(ref, scope, parameter)
        if default is not None and is_on(default):
            best = (Given.DEFAULT, None)
        for site in self.project.callers(ref):
            argument = self.project.argument(site, ref, parameter.name)
            if argument is None or is_elsewhere(self.project, site.scope.path):
                continue
            given = self._passed(Value(site.scope, argument))
            best = max(best, (given, site), key=lambda pair: pair[0])
        return best

    def _default(self, ref: Ref, scope: Scope, parameter: Parameter) -> Node | None:
        if parameter.default < 0 or scope.parent is None:
            return None
        return self.project.node(Value(Ref(ref.path, scope.parent), parameter.default))

    def _passed(self, value: Value) -> Given:
        node = self.project.node(value)
        if node.kind is Kind.CONST:
            return Given.ON if is_on(node) else Given.NOTHING
        return Given.ON if self.pipelines.augments(value) is Augments.YES else Given.PASSED

    def _is_promise(
        self, ref: Ref, scope: Scope, parameter: Parameter, promises: bool, given: Given, site: Value | None
    ) -> bool:
        """Whether a parameter's name and values say that training is augmented; `noise` alone may be a tensor."""
        if not promises:
            argument = self.project.argument(site, ref, parameter.name) if site is not None else None
            value = Value(site.scope, argument) if site is not None and argument is not None else None
            return value is not None and self.pipelines.augments(value) is Augments.YES
        default = self._default(ref, scope, parameter)
        is_setting = (default is not None and default.kind is Kind.CONST) or not _MAY_BE_DATA.search(parameter.name)
        return is_setting or given is Given.ON

    def _is_spoken_of(self, ref: Ref, scope: Scope, name: str, stored: bool) -> bool:
        """Whether the text reads a parameter after all, or says that it is not used."""
        text = self.reads.lines(ref.path, scope.span)
        if not text:
            return True
        spoken = len(re.findall(rf"(?<![\w.]){re.escape(name)}(?!\w)(?!\s*(?::[^=\n]*)?=(?!=))", text))
        has_default = any(item.name == name and item.default >= 0 for item in scope.parameters)
        if spoken > stored + (not has_default):
            return True
        return bool(SAID_UNUSED.search(self.reads.remarks(ref.path, scope.span, name)))


# What stands after an attribute that is only bound, or filled.
_IS_SET = r"(?!\s*(?:\[[^\]\n]*\]\s*)?(?::[^=\n]*)?=(?!=))(?!\.(?:append|update|add|extend|setdefault)\()"
_CASTS = frozenset({"float", "int", "bool", "str"})
_MAY_BE_DATA = re.compile(r"(?:^|_)(?:noise|noisy|perturbation|distortion|augmented|jitter|mask)\d*$", re.IGNORECASE)
_TRANSFORM = re.compile(r"(?:^|_)(?:transforms?|tfms?|augs?|augment\w*|preprocess\w*|collate(?:_fn)?)(?:_|\d|$)")


def _reads_global(scope: Scope, name: str) -> bool:
    return any(node.name == name for _, node in scope.of_kind(Kind.GLOBAL))


@functools.lru_cache(maxsize=4)
def switches_of(project: Project) -> Switches:
    """The one finder of a project, shared by the rules."""
    return Switches(project)


def _is_command(decorator: str) -> bool:
    """Whether a decorator makes a command of a function: `app.command`, `click.option`."""
    *owners, last = decorator.split(".")
    return last in _COMMANDS and not _APPLICATIONS.isdisjoint(owners)
