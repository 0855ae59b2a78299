"""Finds augmentations that stand in comments, and asks what would be different if they ran.

The code of a comment is built as a function nested where the comment stands, in a shadow of the project.
Then the questions are the same as for live code: does it perturb its parameters, which function does that,
does that function still exist?
"""

from __future__ import annotations

import builtins
import functools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from jitlint import catalogue
from jitlint.diagnostic import Span
from jitlint.semantics.augmenters import Augmenters, How, augmenters_of
from jitlint.semantics.builder import build_fragment
from jitlint.semantics.comments import Piece, pieces, without_definitions
from jitlint.semantics.flow import reached, users
from jitlint.semantics.graph import Comment, Kind, Module, Node, RegionKind, Scope
from jitlint.semantics.places import display_names, display_users, is_emptied, region_at, scope_at, transform_display
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.purpose import Purpose, Purposes, named, purposes_of

_CALLED = re.compile(r"(?<![\w.])([A-Za-z_][\w.]*)\s*\(")
_WORTH_A_LOOK = re.compile(
    r"rand|aug|jitter|nois|perturb|flip|crop|mix|eras|cutout|normal|uniform|gauss|transform|distort", re.IGNORECASE
)
_TEMPLATE = re.compile(
    r"\b(?:users?|you can|you may|can also|could|may also|e\.g|examples?|for instance|alternatives?|"
    r"alternatively|instead|uncomment|usage|to enable|optionally?|if you|sanity|for testing|for debug\w*|"
    r"visuali[sz]\w*|exercise)\b",
    re.IGNORECASE,
)
_DECIDED = re.compile(
    r"\b(?:hurts?|worse|not help|no help|useless|slow|n't work|not work|doesn't|too strong|unstable|not needed|no need|"
    r"unnecessary|deprecated|already|replaced|moved|older|old (?:version|way|code)|now (?:in|done|"
    r"part of)|no longer|instead|elsewhere|ablation|baseline)\b",
    re.IGNORECASE,
)
_KINDS = frozenset(
    "crop flip hflip vflip resize rotate rotation noise jitter blur erase erasing mask scale shift affine brightness "
    "contrast color mixup cutmix cutout perturb augment transform".split()
)
_RETURN = re.compile(r"\s*return\b\s*[\w(\[]")
_COMPUTED = (Kind.OP, Kind.INDEX, Kind.CALL, Kind.PHI)
_ZERO = re.compile(r"\*\s*0(?:\.0*)?(?![\w.])")


class Draft(NamedTuple):
    """A piece of comment that may be an augmentation, and the model of its code."""

    scope: Ref
    comment: Comment  # the whole run of lines
    piece: Piece
    display: int  # node of the list of transforms that the comment stands in, or -1
    fragment: Scope


_BRANCHES = frozenset({RegionKind.THEN, RegionKind.ELSE})


class Called(NamedTuple):
    """An augmentation that the comment would call: as written, how it was recognised, where it is defined."""

    text: str
    how: How
    definition: tuple[str, str] | None = None  # path and qualified name of the project's function or class


class CommentedOut(NamedTuple):
    """An augmentation that a comment keeps from happening."""

    scope: Ref
    region: int
    piece: Piece
    calls: tuple[Called, ...]
    targets: tuple[str, ...]
    purpose: Purpose
    guarded: bool  # the comment holds its own `if split == "train":`
    emptied: bool  # nothing but `pass` is left of its branch
    others: bool  # another augmentation is live beside it
    in_network: bool  # in the code of a network, which runs in evaluation too
    decided: bool  # something says that it was taken out on purpose, or would not run

    @property
    def names(self) -> tuple[str, ...]:
        """What the comment would call, as written, each once."""
        return tuple(dict.fromkeys(call.text.removeprefix("self.") for call in self.calls))

    @property
    def span(self) -> Span:
        """The comment lines."""
        return Span(self.piece.first_line, self.piece.column, self.piece.last_line, self.piece.end_column)


class Comments:
    """The commented-out augmentations of one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.augmenters: Augmenters = augmenters_of(project)
        self.purposes: Purposes = purposes_of(project)

    @functools.cached_property
    def found(self) -> tuple[CommentedOut, ...]:
        """All of them, in order of the files."""
        drafts = [draft for path in self.project.asked for draft in self._drafts(self.project.modules[path])]
        if not drafts:
            return ()
        extra: dict[str, dict[str, Scope]] = {}
        for draft in drafts:
            extra.setdefault(draft.scope.path, {})[draft.fragment.qualname] = draft.fragment
        judge = _Judge(self, self.project.with_scopes(extra))
        return tuple(_without_evaluation([found for draft in drafts if (found := judge.judge(draft))]))

    # ------------------------------------------------------------------------------------------- drafts

    def _drafts(self, module: Module) -> Iterator[Draft]:
        for comment, code in zip(module.comments, without_definitions(module.comments), strict=True):
            if any(self._worth_a_look(module, name) for line in code.lines for name in _CALLED.findall(line)):
                yield from self._drafts_of(module, comment, code)

    def _worth_a_look(self, module: Module, name: str) -> bool:
        last = name.rpartition(".")[2]
        known = name in module.imports or name in module.scopes or last in self.project.methods or last == "map"
        return known or bool(_WORTH_A_LOOK.search(last))

    def _drafts_of(self, module: Module, comment: Comment, code: Comment) -> Iterator[Draft]:
        scope = scope_at(module, code)
        ref = Ref(module.path, scope.qualname)
        display = transform_display(scope, comment.place)
        if display is None or (comment.behind and display < 0):
            return
        for piece in _merged(pieces(code)):
            if any(self._worth_a_look(module, name) for name in _CALLED.findall(piece.code)):
                fragment = build_fragment(piece.code, f"comment {piece.first_line}", module, scope)
                yield Draft(ref, comment, piece, display, fragment)


def _without_evaluation(found: list[CommentedOut]) -> Iterator[CommentedOut]:
    """What stands in training code; where evaluation has the same commented out, somebody decided."""
    evaluated = {(item.scope.path, name) for item in found if item.purpose is Purpose.EVALUATION for name in item.names}
    for item in found:
        if item.purpose is not Purpose.EVALUATION:
            alike = any((item.scope.path, name) in evaluated for name in item.names)
            yield item._replace(decided=item.decided or alike)


class _Judge:
    """Decides what each draft is, with the shadow project that has the drafts' code in it."""

    def __init__(self, comments: Comments, shadow: Project) -> None:
        self.project = comments.project
        self.live = comments.augmenters
        self.purposes = comments.purposes
        self.shadow = shadow
        self.revived = augmenters_of(shadow)

    def judge(self, draft: Draft) -> CommentedOut | None:
        """What a draft is, or None if it is no augmentation or the live code has one in its place."""
        calls = tuple(self._elements(draft) if draft.display >= 0 else self._calls(draft))
        remark = draft.piece.remark
        if not calls or _TEMPLATE.search(remark) or self._is_live(draft, calls):
            return None
        scope = self.project.scope(draft.scope)
        region = region_at(scope, draft.piece)
        targets = _targets(draft)
        guard = self._guard(draft)
        purpose = guard if guard is not Purpose.UNKNOWN else self._purpose(draft, region)
        if self._has_live_draw(draft, targets) and not self._is_link(draft, calls, targets):
            return None
        return CommentedOut(
            draft.scope,
            region,
            draft.piece,
            calls,
            targets,
            purpose,
            guard is Purpose.TRAIN,
            region > 0 and is_emptied(scope, region),
            self._has_others(draft),
            self._in_network(draft.scope, scope, region),
            self._is_decided(draft, calls, targets, scope),
        )

    def _purpose(self, draft: Draft, region: int) -> Purpose:
        """What the code around is for; a list of transforms says it by its names and by who gets it."""
        scope = self.project.scope(draft.scope)
        if draft.display < 0:
            said = {named(name) for name in _targets(draft)}
            if said == {Purpose.EVALUATION}:
                return Purpose.EVALUATION  # it changes what nothing trains on
            found = self.purposes.at(draft.scope, region)
            named_so = found is Purpose.UNKNOWN and catalogue.names_augmentation(scope.name)
            return Purpose.TRAIN if named_so else found
        names = display_names(scope, draft.display, draft.piece.place)
        if all(named(name) is Purpose.UNKNOWN for name in names):
            users = {named(name) for name in display_users(scope, draft.display)} - {Purpose.UNKNOWN}
            if users and not self.purposes.is_trial(draft.scope, region):
                return users.pop() if len(users) == 1 else Purpose.UNKNOWN
        return self.purposes.at(draft.scope, region, names)

    # -------------------------------------------------------------------------------- what it would call

    def _value(self, draft: Draft, node: int) -> Value:
        return Value(Ref(draft.scope.path, draft.fragment.qualname), node)

    def _elements(self, draft: Draft) -> Iterator[Called]:
        """The random transforms among the elements of a list that the comment holds."""
        for index, node in draft.fragment.calls():
            value = self._value(draft, index)
            if node.method in catalogue.COMPOSERS or not self.revived.is_transform(value):
                continue
            found = self.shadow.find_class(draft.scope.path, node.name)
            yield Called(node.text, How.SURE, (found[0], found[1].qualname) if found else None)

    def _calls(self, draft: Draft) -> Iterator[Called]:
        """The augmentations that the statements of the comment would call, or their own noise."""
        found = [called for index, node in draft.fragment.calls() if (called := self._called(draft, index, node))]
        yield from found
        if not found:
            yield from self._inline(draft)

    def _called(self, draft: Draft, index: int, node: Node) -> Called | None:
        value = self._value(draft, index)
        if node.name == ".map" and node.arguments:
            return self._mapped(draft, node)
        how = self.revived.call(value)
        if how is None or not node.arguments:
            return None
        ref = self.shadow.callee(value)
        if ref is not None:
            scope = self.shadow.scope(ref)
            name = scope.owner if scope.name in ("__call__", "forward", "__init__") else ref.qualname
            return Called(node.text, how, (ref.path, name))
        return Called(node.text, how) if self._exists(draft, value, node) else None

    def _mapped(self, draft: Draft, node: Node) -> Called | None:
        """The project's augmentation that a pipeline would call on every element: `dataset.map(augment)`."""
        given = draft.fragment.nodes[node.arguments[0]]
        ref = self.shadow.function(draft.scope.path, given.name) if given.kind is Kind.GLOBAL else None
        how = self.revived.function(ref) if ref is not None else None
        return Called(given.name, how, (ref.path, ref.qualname)) if ref is not None and how is not None else None

    def _exists(self, draft: Draft, value: Value, node: Node) -> bool:
        """Whether a function outside the project, or an object, can still be called by this name."""
        if node.name == "()":
            return True
        if node.name.startswith("."):
            owner = self.shadow.self_class(Value(value.scope, node.inputs[0]))
            return owner is not None and bool(self.shadow.attribute_stores(owner, node.method))
        head = node.text.partition(".")[0]
        module = self.project.modules[draft.scope.path]
        return head in module.imports or self._is_variable(draft, head)

    def _is_variable(self, draft: Draft, name: str) -> bool:
        module = self.project.modules[draft.scope.path]
        inner: str | None = draft.scope.qualname
        while inner is not None and inner in module.scopes:
            if name in module.scopes[inner].variables:
                return True
            inner = module.scopes[inner].parent
        return name in module.scopes or name in module.classes

    def _inline(self, draft: Draft) -> Iterator[Called]:
        """`x = x + 0.1 * torch.randn_like(x)`."""
        fragment = draft.fragment
        bound = {store.name: store.node for store in fragment.stores}
        merged = {node.name: index for index, node in enumerate(fragment.nodes) if node.kind is Kind.PHI}
        for name, index in (*bound.items(), *((name, merged[name]) for name in merged.keys() & bound.keys())):
            made = self.revived.provenance.made(self._value(draft, index))
            if made.perturbed and name in made.over and fragment.nodes[index].kind in _COMPUTED:
                line = draft.piece.code.splitlines()[fragment.nodes[index].span.line - 1]
                yield Called(line.strip(), How.RANDOM)

    # ------------------------------------------------------------------------------ what the live code does

    def _is_live(self, draft: Draft, calls: tuple[Called, ...]) -> bool:
        """Whether the live code around calls the same augmentation."""
        scope = self.project.scope(draft.scope)
        lasts = {call.text.rpartition(".")[2] for call in calls if call.how is not How.RANDOM or call.definition}
        inside = scope.nodes[draft.display].span if draft.display >= 0 else scope.span
        if any(node.name in lasts and users(scope, index) for index, node in scope.of_kind(Kind.GLOBAL)):
            return True  # handed on: `data.map(augment)`
        return any(
            node.text.rpartition(".")[2] in lasts and inside.line <= node.span.line <= inside.end_line
            for _, node in scope.calls()
        )

    def _has_live_draw(self, draft: Draft, targets: tuple[str, ...]) -> bool:
        """Whether a live statement perturbs what the comment would perturb."""
        scope = self.project.scope(draft.scope)
        made = self.live.provenance.made
        return any(store.name in targets and made(Value(draft.scope, store.node)).perturbed for store in scope.stores)

    def _is_link(self, draft: Draft, calls: tuple[Called, ...], targets: tuple[str, ...]) -> bool:
        """Whether the comment is one of several augmentations in a row: `image = jitter(image)`."""
        named = all(call.how is not How.RANDOM or call.definition for call in calls)
        read = {node.name for node in draft.fragment.nodes if node.kind is Kind.PARAM}
        return named and not read.isdisjoint(targets)

    def _has_others(self, draft: Draft) -> bool:
        """Whether another augmentation is live in the same list or function, or in the data set that gets the list."""
        scope = self.project.scope(draft.scope)
        if draft.display >= 0:
            takers = (Value(draft.scope, item) for item in _takers(scope, draft.display))
            return self.live.is_transform(Value(draft.scope, draft.display)) or any(map(self._augments_itself, takers))
        return self.live.has_live(draft.scope, scope)

    def _augments_itself(self, value: Value) -> bool:
        """Whether a call makes a data set whose samples are augmented by its own code."""
        made = self.project.constructor(value)
        giver = self.project.method(made[0], made[1], "__getitem__") if made and made[0] is not None else None
        return giver is not None and self.live.has_live(giver, self.project.scope(giver))

    def _in_network(self, ref: Ref, scope: Scope, region: int) -> bool:
        if not scope.owner or scope.name in catalogue.TRAINING_STEP_FUNCTIONS:
            return False
        guarded = Purpose.TRAIN in self.purposes.guards(ref, scope, region)
        return not guarded and self.project.is_network_class(ref.path, scope.owner)

    def _guard(self, draft: Draft) -> Purpose:
        """What the comment's own `if` says."""
        for region in draft.fragment.regions:
            if region.kind is RegionKind.THEN:
                return purposes_of(self.shadow).condition(self._value(draft, 0).scope, region.header)
        return Purpose.UNKNOWN

    # ---------------------------------------------------------------------------------- signs of a decision

    def _is_decided(self, draft: Draft, calls: tuple[Called, ...], targets: tuple[str, ...], scope: Scope) -> bool:
        return (
            bool(_DECIDED.search(draft.piece.remark))
            or self._is_old_code(draft, calls)
            or any(map(_RETURN.match, draft.comment.lines))  # an old body, beside the one that took its place
            or (draft.display >= 0 and all(map(_only_crops, calls)) and "padding" not in draft.piece.code)
            or bool(self._unknown(draft))
            or self._has_alternative(draft, calls, targets, scope)
            or bool(_ZERO.search(draft.piece.code))
            or (draft.display >= 0 and self._evaluation_alike(draft, calls))
            or (draft.display >= 0 and self._is_in_other_branch(draft, calls, scope))
        )

    def _is_in_other_branch(self, draft: Draft, calls: tuple[Called, ...], scope: Scope) -> bool:
        """Whether the list stands in a branch, and what it lacks is live in the list of another branch."""
        lasts = {call.text.rpartition(".")[2] for call in calls}
        display = scope.nodes[draft.display]
        if not any(scope.regions[region].kind in _BRANCHES for region in scope.region_chain(display.region)):
            return False
        return any(node.text.rpartition(".")[2] in lasts for _, node in scope.calls())

    def _is_old_code(self, draft: Draft, calls: tuple[Called, ...]) -> bool:
        """Whether most of a longer comment is something else."""
        return len(draft.fragment.statements) - 1 > 2 + 2 * len(calls)

    def _unknown(self, draft: Draft) -> set[str]:
        """Names that the code would read and that nothing binds any more."""
        module = self.project.modules[draft.scope.path]
        heads = {node.name.lstrip(".").partition(".")[0] for node in draft.fragment.nodes if node.kind is Kind.GLOBAL}
        imported = {target.lstrip(".").partition(".")[0] for target in module.imports.values()}
        local = {name.partition(".")[0] for name in draft.fragment.variables}
        known = imported | local | module.imports.keys() | {"self", "cls"}
        return {name for name in heads - known if not hasattr(builtins, name) and not self._is_variable(draft, name)}

    def _has_alternative(self, draft: Draft, calls: tuple[Called, ...], targets: tuple[str, ...], scope: Scope) -> bool:
        """Whether the line beside binds the same name by a call of a similar name: another crop, another noise.

        Behind an element of a list, it is that element.
        """
        kinds = {kind for call in calls for kind in _kinds(call.text)}
        if draft.piece.behind:
            line = draft.piece.first_line
            return any(node.span.end_line == line and kinds & _kinds(node.text) for _, node in scope.calls())
        near = range(draft.piece.first_line - 2, draft.piece.last_line + 3)
        beside = [scope.nodes[store.node] for store in scope.stores if store.name in targets]
        return any(node.kind is Kind.CALL and node.span.line in near and kinds & _kinds(node.text) for node in beside)

    def _evaluation_alike(self, draft: Draft, calls: tuple[Called, ...]) -> bool:
        """Whether a list of transforms for evaluation in the same file has the like commented out: another crop."""
        module = self.project.modules[draft.scope.path]
        kinds = {kind for call in calls for kind in _kinds(call.text)}
        for comment in module.comments:
            scope = scope_at(module, comment)
            display = transform_display(scope, comment.place)
            if display is None or display < 0:
                continue
            names = display_names(scope, display, comment.place)
            if Purpose.EVALUATION in map(named, names):
                text = " ".join(comment.lines)
                if any(kinds & _kinds(name) for name in _CALLED.findall(text)):
                    return True
        return False


# -------------------------------------------------------------------------------------------------- pieces


def _merged(found: Iterable[Piece]) -> Iterator[Piece]:
    """Adjacent statements as one piece."""
    last: Piece | None = None
    for piece in found:
        if last is not None and piece.first_line == last.last_line + 1 and piece.column == last.column:
            last = last._replace(
                last_line=piece.last_line,
                end_column=piece.end_column,
                code=f"{last.code}\n{piece.code}",
                remark=last.remark if piece.remark in last.remark else f"{last.remark} {piece.remark}",
                element=False,
            )
            continue
        if last is not None:
            yield last
        last = piece
    if last is not None:
        yield last


def _targets(draft: Draft) -> tuple[str, ...]:
    """What the comment would bind or change in place: the first argument of a call whose result it ignores."""
    if draft.display >= 0:
        return ()
    return tuple(dict.fromkeys(store.name for store in draft.fragment.stores))


def _takers(scope: Scope, display: int) -> Iterator[int]:
    """The calls that get a list of transforms, or a pipeline of it."""
    for index in reached(scope, [display], lambda item: scope.nodes[item].kind is not Kind.LOOPVAR):
        if index != display and scope.nodes[index].kind is Kind.CALL:
            yield index


def _only_crops(call: Called) -> bool:
    """Whether a transform only cuts the input to its size; without it the input has that size already."""
    return call.text.rpartition(".")[2] in ("RandomCrop", "RandomResizedCrop", "RandomSizedCrop")


def _kinds(text: str) -> frozenset[str]:
    """What kind of augmentation a call's name says: `crop`, `noise`, …."""
    return _KINDS & set(catalogue.snake(text.rpartition(".")[2]).split("_"))


@functools.lru_cache(maxsize=4)
def comments_of(project: Project) -> Comments:
    """The one finder of a project, shared by the rules."""
    return Comments(project)
