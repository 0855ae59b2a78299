"""Finds settings that promise an augmentation and that nothing reads: parameters, attributes, options, fields, keys."""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from jitlint import catalogue
from jitlint.diagnostic import Span
from jitlint.semantics.flow import reached, users
from jitlint.semantics.graph import RELATIVE, ClassModel, Kind, Node, Parameter, Scope, Store
from jitlint.semantics.mentions import is_elsewhere, mentions_of
from jitlint.semantics.pipelines import Augments, pipelines_of
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.reads import Read, reads_of

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
_SAID_UNUSED = re.compile(
    r"unused|ignored|not used|no effect|deprecat|compat|placeholder|not (?:yet )?(?:supported|implemented)|reserved|"
    r"dummy|noqa",
    re.IGNORECASE,
)
# Functions and classes in the place of others: made-up data, a base that does nothing.
_STAND_IN = re.compile(
    r"(?:^|[._])(?:synth\w*|dummy|fake|mock|null|no_?op|identity|stub|abstract|random_data)(?:[._]|$)"
)
_SETTINGS_NAME = re.compile(
    r"(?:^|_)(?:args|arguments|opts?|options|cfg|c|config|conf|configs|hparams|hps?|params|flags|settings)"
    r"(?:_|\d|$)",
    re.IGNORECASE,
)
# Names of the object that holds all settings of a program.
_WHOLE = re.compile(r"^(?:\w+_)?(?:args|opts?|cfg|config|conf|hparams|flags|FLAGS)$")
_SETTINGS_MAKERS = frozenset(
    "ConfigDict CfgNode CN EasyDict edict Namespace SimpleNamespace Box AttrDict Munch".split()
)
_SETTINGS_CLASS = re.compile(r"(?:Config|Args|Arguments|Options|Settings|HParams|Params|Hyperparameters|Cfg|Opts)$")
# Calls that only write settings down, or copy them.
_HARMLESS = frozenset(
    "print pprint format str repr dumps dump safe_dump info debug log warning save write dict list sorted len "
    "type copy deepcopy update init add_hparams log_hyperparams log_params setattr getattr hasattr vars asdict "
    "to_yaml set_struct resolve add_text join items keys".split()
)


class What(enum.Enum):
    """What kind of setting it is."""

    PARAMETER = "parameter"
    ATTRIBUTE = "attribute"
    OPTION = "option"
    KEY = "key"


class Given(enum.IntEnum):
    """What training is promised by the setting's values."""

    NOTHING = 1  # it is off wherever one can see it set
    DEFAULT = 2  # it is on by default
    PASSED = 3  # a caller passes something that may be on
    ON = 4  # a caller passes an augmentation, or turns it on


class Switch(NamedTuple):
    """A setting that nothing reads: where it stands, what it is of, and the call that passes something for it."""

    path: str
    span: Span
    name: str
    what: What
    owner: str  # the function, class or program that has it
    given: Given
    site: Value | None = None


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
        found = (*own, *self._settings(paths))
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
        if _SETTINGS_CLASS.search(model.qualname) and (self.reads.by_name or self.reads.computed):
            return
        first = {store.name: store for store in reversed(scope.stores) if store.base >= 0}
        for store in first.values():
            base, _, name = store.name.rpartition(".")
            node = scope.nodes[store.node]
            if base != scope.parameters[0].name or node.kind is Kind.PARAM or name.startswith("_"):
                continue
            augments = self.pipelines.augments(Value(ref, store.node)) is Augments.YES
            if not (augments or catalogue.promises_augmentation(name)) or self._attribute_is_read(ref, scope, name):
                continue
            span = scope.statements[store.statement].span
            if not self.reads.code(ref.path) or _SAID_UNUSED.search(self.reads.remarks(ref.path, span, name)):
                continue
            given = (
                Given.ON if augments else Given.PASSED if node.kind is not Kind.CONST or _is_on(node) else Given.NOTHING
            )
            yield Switch(ref.path, span, name, What.ATTRIBUTE, scope.owner.rpartition(".")[2], given)

    def _attribute_is_read(self, ref: Ref, scope: Scope, name: str) -> bool:
        """Whether anything reads `self.name` of a class, or of its bases and subclasses, or `x.name`."""
        elsewhere = Read.ATTRIBUTE | Read.STRING
        if _SETTINGS_CLASS.search(scope.owner):
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
        if default is not None and _is_on(default):
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
            return Given.ON if _is_on(node) else Given.NOTHING
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
        return bool(_SAID_UNUSED.search(self.reads.remarks(ref.path, scope.span, name)))

    # ---------------------------------------------------------------------------------------- settings

    def _settings(self, paths: list[str]) -> Iterator[Switch]:
        """Options of a command line, fields of a configuration, keys of its dict."""
        groups = [group for path in paths for group in self._groups(path)]
        groups = [group for group in groups if any(catalogue.promises_augmentation(item.name) for item in group)]
        if not groups or self.reads.computed or self._leaves_the_project:
            return
        spoken = self.reads.of(frozenset(item.name for group in groups for item in group))
        for group in groups:
            any_read = Read.ATTRIBUTE | Read.SETTING | Read.STRING
            read = {item.name for item in group if spoken.get(item.name, Read(0)) & any_read}
            if not read:
                continue  # these are read in a way that the text does not tell
            for item in group:
                how = spoken.get(item.name, Read(0))
                unread = not how if self.reads.by_name else item.name not in read
                if unread and catalogue.promises_augmentation(item.name) and not self._says_unused(item):
                    yield item

    def _says_unused(self, item: Switch) -> bool:
        return bool(_SAID_UNUSED.search(self.reads.remarks(item.path, item.span, item.name.split("_")[-1])))

    def _groups(self, path: str) -> Iterator[list[Switch]]:
        """Settings that belong together, so that one that is read shows how they are."""
        module = self.project.modules[path]
        options: list[Switch] = []
        for qualname, scope in module.scopes.items():
            for _, node in scope.calls():
                option = _option(scope, node)
                if option:
                    options.append(Switch(path, node.span, option, What.OPTION, "", Given.DEFAULT))
            yield [
                Switch(
                    path,
                    scope.nodes[store.node].span,
                    store.name.rpartition(".")[2],
                    What.KEY,
                    store.name.partition(".")[0],
                    _stated(scope.nodes[store.node]),
                )
                for store in scope.stores
                if self._is_setting(Ref(path, qualname), scope, store.base, store.node)
            ]
            for store in scope.stores:
                named = "." not in store.name and _SETTINGS_NAME.search(store.name)
                if named and not self._goes_out_of_sight(path, qualname, store):
                    yield list(_keys(path, scope, store.node, store.name))
        yield options
        for model in module.classes.values():
            if self._holds_settings(model):
                yield [
                    Switch(path, found.span, name, What.KEY, model.qualname, _stated(found))
                    for name, node in model.attributes.items()
                    for found in (module.scopes[""].nodes[node],)
                    if "." not in model.qualname
                ]

    def _goes_out_of_sight(self, path: str, qualname: str, store: Store) -> bool:
        """Whether a dict of settings is handed on, as `**params` or whole, to a call that nobody can look into."""
        for name, scope in self.project.modules[path].scopes.items():
            if name == qualname:
                starts = [store.node]
            else:
                starts = [i for i, node in scope.of_kind(Kind.GLOBAL) if not qualname and node.name == store.name]
            if self._is_handed_on(Ref(path, name), scope, starts):
                return True
        return False

    def _is_handed_on(self, ref: Ref, scope: Scope, starts: list[int]) -> bool:
        handed = reached(scope, starts, lambda index: _is_still_whole(scope.nodes[index]))
        return any(i not in starts and self._is_unseen(Value(ref, i), scope.nodes[i]) for i in handed)

    def _is_unseen(self, call: Value, node: Node) -> bool:
        if node.kind is not Kind.CALL or node.method in _HARMLESS:
            return False
        made = self.project.constructor(call)
        return self.project.callee(call) is None and (made is None or made[0] is None)

    def _is_setting(self, ref: Ref, scope: Scope, base: int, node: int) -> bool:
        """Whether `config.noise = 0.1` sets a constant on an object made to hold settings."""
        if base < 0 or scope.nodes[node].kind is not Kind.CONST:
            return False
        made = self.project.constructor(Value(ref, base))
        return made is not None and made[0] is None and made[1].rpartition(".")[2] in _SETTINGS_MAKERS

    def _holds_settings(self, model: ClassModel) -> bool:
        return bool(_SETTINGS_CLASS.search(model.qualname)) and all(
            base.rpartition(".")[2] in ("object", "NamedTuple", "Tap") for base in model.bases
        )

    @functools.cached_property
    def _leaves_the_project(self) -> bool:
        """Whether settings are handed as a whole to code that cannot be seen: `Trainer(args)` of a library."""
        return any(
            self._hands_on(path, scope, node)
            for path in self.project.asked
            for scope in self.project.modules[path].scopes.values()
            for _, node in scope.calls()
        )

    def _hands_on(self, path: str, scope: Scope, node: Node) -> bool:
        if (
            node.method in _HARMLESS
            or node.has_receiver
            or not any(self._is_settings(scope, item) for item in node.arguments)
        ):
            return False
        origin = node.name.partition(".")[0]
        imported = {target.partition(".")[0] for target in self.project.modules[path].imports.values()}
        return not origin.startswith(RELATIVE) and origin in imported and origin not in self.reads.modules

    def _is_settings(self, scope: Scope, index: int) -> bool:
        node = scope.nodes[index]
        if node.kind is Kind.CALL and node.method in ("vars", "asdict") and node.arguments:
            return self._is_settings(scope, node.arguments[0])
        if node.kind is Kind.CALL:
            return node.method in ("parse_args", "parse_known_args")
        return node.kind in (Kind.GLOBAL, Kind.PARAM, Kind.PHI, Kind.ATTR) and bool(
            _WHOLE.match(node.name.rpartition(".")[2])
        )


# What stands after an attribute that is only bound, or filled.
_IS_SET = r"(?!\s*(?:\[[^\]\n]*\]\s*)?(?::[^=\n]*)?=(?!=))(?!\.(?:append|update|add|extend|setdefault)\()"
_MAY_BE_DATA = re.compile(r"(?:^|_)(?:noise|noisy|perturbation|distortion|augmented|jitter|mask)\d*$", re.IGNORECASE)
_TRANSFORM = re.compile(r"(?:^|_)(?:transforms?|tfms?|augs?|augment\w*|preprocess\w*|collate(?:_fn)?)(?:_|\d|$)")


def _is_still_whole(node: Node) -> bool:
    """Whether a dict that goes into a node comes out of it as it is, or with more keys."""
    if node.kind is Kind.CALL:
        return node.method in ("update", "setdefault", "dict", "copy", "deepcopy")
    return node.kind in (Kind.CONST, Kind.GLOBAL, Kind.PHI, Kind.COLLECTION, Kind.SETITEM)


def _is_on(node: Node) -> bool:
    return node.kind is Kind.CONST and node.value not in (None, False, 0, "", "none", "None")


def _reads_global(scope: Scope, name: str) -> bool:
    return any(node.name == name for _, node in scope.of_kind(Kind.GLOBAL))


def _option(scope: Scope, node: Node) -> str:
    """The attribute that an option of a command line ends up in."""
    texts = [scope.nodes[item].value for item, key in zip(node.arguments, node.keywords, strict=False) if key is None]
    names = [text for text in texts if isinstance(text, str)]
    if node.method.startswith("DEFINE_") and names:
        return names[0]
    if node.method != "add_argument" or not names or not names[0].startswith("-"):
        return ""
    dest = node.keyword("dest")
    given = scope.nodes[dest].value if dest is not None else None
    long = next((name for name in names if name.startswith("--")), names[0])
    return str(given) if given else long.lstrip("-").replace("-", "_")


def _keys(path: str, scope: Scope, index: int, owner: str) -> Iterator[Switch]:
    """The constant settings of a dict."""
    node = scope.nodes[index]
    if node.kind is Kind.CALL and node.name == "dict":
        pairs = [(key or "", item) for item, key in zip(node.arguments, node.keywords, strict=False)]
    elif node.kind is Kind.COLLECTION and node.name == "dict":
        half = len(node.inputs) // 2
        texts = [scope.nodes[item].value for item in node.inputs[:half]]
        pairs = [(text, item) for text, item in zip(texts, node.inputs[half:], strict=False) if isinstance(text, str)]
    else:
        return
    for name, item in pairs:
        if scope.nodes[item].kind is Kind.CONST:
            yield Switch(path, scope.nodes[item].span, name, What.KEY, owner, _stated(scope.nodes[item]))


def _stated(node: Node) -> Given:
    """What a configuration promises by a value: a setting that is off there is missed by nobody yet."""
    return Given.NOTHING if node.kind is Kind.CONST and not _is_on(node) else Given.DEFAULT


@functools.lru_cache(maxsize=4)
def switches_of(project: Project) -> Switches:
    """The one finder of a project, shared by the rules."""
    return Switches(project)


def _is_command(decorator: str) -> bool:
    """Whether a decorator makes a command of a function: `app.command`, `click.option`."""
    *owners, last = decorator.split(".")
    return last in _COMMANDS and not _APPLICATIONS.isdisjoint(owners)
