"""Finds options of a command line, fields of a configuration and keys of its dict that nothing reads."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from jitlint import catalogue
from jitlint.semantics.flow import reached
from jitlint.semantics.graph import RELATIVE, ClassModel, Kind, Node, Scope, Store
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.promises import SAID_UNUSED, SETTINGS_CLASS, Given, Switch, What, is_on
from jitlint.semantics.reads import Read, reads_of

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
# Calls that only write settings down, or copy them.
_HARMLESS = frozenset(
    "print pprint format str repr dumps dump safe_dump info debug log warning save write dict list sorted len "
    "type copy deepcopy update init add_hparams log_hyperparams log_params setattr getattr hasattr vars asdict "
    "to_yaml set_struct resolve add_text join items keys".split()
)


class UnreadSettings:
    """The unread settings of the programs of one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.reads = reads_of(project)

    def among(self, paths: list[str]) -> Iterator[Switch]:
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
        return bool(SAID_UNUSED.search(self.reads.remarks(item.path, item.span, item.name.split("_")[-1])))

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
                    if "." not in model.qualname
                    for found in (module.scopes[""].nodes[node],)
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
        return bool(SETTINGS_CLASS.search(model.qualname)) and all(
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


def _is_still_whole(node: Node) -> bool:
    """Whether a dict that goes into a node comes out of it as it is, or with more keys."""
    if node.kind is Kind.CALL:
        return node.method in ("update", "setdefault", "dict", "copy", "deepcopy")
    return node.kind in (Kind.CONST, Kind.GLOBAL, Kind.PHI, Kind.COLLECTION, Kind.SETITEM)


def _option(scope: Scope, node: Node) -> str:
    """The attribute that an option of a command line ends up in."""
    defines = node.method.startswith("DEFINE_")
    if not defines and node.method != "add_argument":
        return ""
    texts = [scope.nodes[item].value for item, key in zip(node.arguments, node.keywords, strict=False) if key is None]
    names = [text for text in texts if isinstance(text, str)]
    if defines and names:
        return names[0]
    if defines or not names or not names[0].startswith("-"):
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
    return Given.NOTHING if node.kind is Kind.CONST and not is_on(node) else Given.DEFAULT
