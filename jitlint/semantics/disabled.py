"""Finds augmentations that are there and cannot act: a probability or size of zero, a branch that never runs."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from jitlint import catalogue
from jitlint.semantics.augmenters import How, augmenters_of
from jitlint.semantics.calls import is_draw
from jitlint.semantics.flow import reached
from jitlint.semantics.graph import ADDING, Kind, Node, Region, RegionKind, Scope
from jitlint.semantics.inactive_layers import inactive_layers
from jitlint.semantics.mentions import mentions_of
from jitlint.semantics.project import Project, Ref, Value
from jitlint.semantics.provenance import provenance_of
from jitlint.semantics.purpose import Purpose, named, purposes_of

_PROBABILITIES = frozenset("p prob probability flip_probability hflip_prob vflip_prob".split())
# The place of the probability among the positional arguments.
_PLACE_OF_PROBABILITY = {
    "RandomHorizontalFlip": 0,
    "RandomVerticalFlip": 0,
    "RandomGrayscale": 0,
    "RandomInvert": 0,
    "RandomErasing": 0,
    "RandomApply": 1,
}
# Arguments that, all together, must be more than zero for the transform to do anything; the first is needed.
_SIZES = {
    "ColorJitter": ("brightness", "contrast", "saturation", "hue"),
    "RandomRotation": ("degrees", "factor"),
    "RandomAffine": ("degrees", "translate", "scale", "shear"),
    "GaussianNoise": ("stddev", "std", "sigma"),
    "RandomZoom": ("height_factor", "width_factor"),
    "RandomTranslation": ("height_factor", "width_factor"),
    "RandomContrast": ("factor",),
    "RandomBrightness": ("factor",),
}
_DEFAULTS_ARE_ZERO = frozenset({"ColorJitter"})
_SIZED_IN = ("torchvision", "kornia", "keras", "tensorflow")
# Arguments that are ranges, in order ("" for one that is none): with equal ends they hold one value. All that are
# given must be so; of those in `_DRAW_BY_DEFAULT` all must be given.
_RANGES = {
    **_SIZES,
    "RandomRotation": ("degrees", "angle", "factor"),
    "RandomAffine": ("degrees", "", "scale", "shear"),
    "RandomResizedCrop": ("", "scale"),
    "RandomScale": ("scale_limit",),
    "RandomGamma": ("gamma_limit",),
    "Rotate": ("limit",),
    "SafeRotate": ("limit",),
    "Affine": ("scale", "translate_percent", "translate_px", "rotate", "shear"),
    "RandomBrightnessContrast": ("brightness_limit", "contrast_limit"),
    "ShiftScaleRotate": ("shift_limit", "scale_limit", "rotate_limit"),
}
_DRAW_BY_DEFAULT = frozenset({"RandomBrightnessContrast", "ShiftScaleRotate"})
# One number after the other: `T.RandomBrightness(0.9, 0.9)` of Detectron2.
_ENDS_APART = frozenset({"RandomBrightness", "RandomContrast", "RandomSaturation"})
SAME = "its range holds one value"
INACTIVE = "in a data pipeline its layers are inactive without `training=True`"
_STRENGTH = re.compile(
    r"^(?:\w+_)?(?:p|prob|probability|std|stdev|sigma|noise|noise_level|noise_scale|strength|jitter|amount|magnitude)$"
)
_SWITCH = re.compile(
    r"(?:^|_)(?:aug|augment|augmentation|augmentations|augmented|jitter|jittering|noise|noisy|flip|mixup|cutmix|cutout|"
    r"perturb|random_crop|random_flip|color_jitter|rotate|rotation)(?:_|$)"
)
_CHOICES = frozenset({"RandomChoice", "OneOf", "SomeOf", "choice"})
# Around a range of one value: a fixed turn that is taken or not.
_TAKEN_OR_NOT = _CHOICES | {"RandomApply", "RandomOrder", "TenCrop", "Lambda"}
_ADDERS = frozenset({"append", "insert", "extend"})


class Disabled(NamedTuple):
    """An augmentation that cannot act, and why."""

    value: Value  # the augmentation
    why: Value  # the argument or condition that says so
    reason: str
    purpose: Purpose
    certain: bool  # nobody writes this to switch an augmentation off, or nothing else augments
    conditional: bool  # another branch may do more


class DisabledAugmentations:
    """The disabled augmentations of one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.augmenters = augmenters_of(project)
        self.provenance = provenance_of(project)
        self.purposes = purposes_of(project)

    @functools.cached_property
    def found(self) -> tuple[Disabled, ...]:
        """All of them, in order of the files, but for those of evaluation, which should not augment."""
        return tuple(
            item for ref, scope in self.project.scopes() for item in _for_training(list(self._in_scope(ref, scope)))
        )

    def _in_scope(self, ref: Ref, scope: Scope) -> Iterator[Disabled]:
        for index, node in scope.calls():
            if catalogue.is_transform_class(node.name) or node.method == "RandomApply":
                yield from self._transform(Value(ref, index), scope, node)
            elif any(node.keywords):
                yield from self._called(Value(ref, index), node)
        for index, node in scope.of_kind(Kind.OP):
            if node.name == "*":
                yield from self._scaled_away(Value(ref, index), scope, node)
        for index, region in enumerate(scope.regions):
            yield from self._branch(ref, scope, index, region)
        for layers, mapped in inactive_layers(self.project, ref):
            purpose = self.purposes.at(layers.scope, self.project.node(layers).region)
            purpose = self.purposes.of_use(mapped) if purpose is Purpose.UNKNOWN else purpose
            yield Disabled(layers, layers, INACTIVE, purpose, True, False)

    # --------------------------------------------------------------------------------------- transforms

    def _transform(self, value: Value, scope: Scope, node: Node) -> Iterator[Disabled]:
        why = self.zero(value, node)
        if not self._is_in_pipeline(scope, value.node):
            return
        if why is None:
            yield from self._same(value, scope, node)
            return
        others = self._others(value, scope)
        purpose = self._purpose(value, scope)
        if purpose is Purpose.UNKNOWN and others:
            purpose = Purpose.TRAIN  # what draws is there for training
        mistaken = self._is_probability(node, why) is False
        reason = "all of its sizes are 0" if mistaken else "its probability is 0"
        conditional = self._is_conditional(value.scope, scope, node.region)
        yield Disabled(value, Value(value.scope, why), reason, purpose, mistaken or not others, conditional)

    def _same(self, value: Value, scope: Scope, node: Node) -> Iterator[Disabled]:
        """A transform whose range has equal ends: it turns every picture by the same angle."""
        why = self._fixed_range(value, node)
        if why is None or any(scope.nodes[outer].method in _TAKEN_OR_NOT for outer in self._around(scope, value.node)):
            return
        others = self._others(value, scope)
        purpose = self._purpose(value, scope)
        if purpose is Purpose.UNKNOWN and others:
            purpose = Purpose.TRAIN
        conditional = self._is_conditional(value.scope, scope, node.region)
        yield Disabled(value, Value(value.scope, why), SAME, purpose, others and not self._turns(scope), conditional)

    def _turns(self, scope: Scope) -> bool:
        """Whether a flip with a probability of 1 stands beside: together they turn pictures the right way up."""
        return any(
            key in (None, *_PROBABILITIES) and scope.nodes[item].value in (1, 1.0) and "Flip" in node.method
            for _, node in scope.calls()
            for item, key in zip(node.arguments, node.keywords, strict=False)
        )

    def _fixed_range(self, value: Value, node: Node) -> int | None:
        """The first range of a transform, if all that it draws from hold one value."""
        names = _RANGES.get(node.method)
        if names is None or {"*", "**", "translate"} & set(node.keywords):
            return None  # `translate` holds the largest shifts, and no range
        if node.method in _ENDS_APART and node.name.startswith("detectron2"):
            ends = [self.project.node(Value(value.scope, item)) for item in node.arguments[:2]]
            alike = len(ends) == 2 and all(_is_number(end) for end in ends) and ends[0].value == ends[1].value
            return node.arguments[0] if alike else None
        pairs = list(zip(node.arguments, node.keywords, strict=False))
        positional = [item for item, key in pairs if key is None]
        given = [item for item, name in zip(positional, names, strict=False) if name]
        given += [item for item, key in pairs if key in names]
        if not given or (node.method in _DRAW_BY_DEFAULT and len(given) < len(names)):
            return None
        fixed = [item for item in given if self._has_equal_ends(value, item)]
        return fixed[0] if fixed and all(item in fixed or self._is_zero(value, item) for item in given) else None

    def _has_equal_ends(self, value: Value, index: int) -> bool:
        """Whether a value is a pair of one number twice, other than zero."""
        node = self.project.node(Value(value.scope, index))
        if node.kind is not Kind.COLLECTION or node.name not in ("tuple", "list") or len(node.inputs) != 2:
            return False
        low, high = (self.project.node(Value(value.scope, item)) for item in node.inputs)
        return _is_number(low) and _is_number(high) and low.value == high.value

    def zero(self, value: Value, node: Node) -> int | None:
        """The argument that keeps a transform from doing anything; the call itself where nothing is given."""
        for argument, key in zip(node.arguments, node.keywords, strict=False):
            if key in _PROBABILITIES and self._is_zero(value, argument):
                return argument
        place = _PLACE_OF_PROBABILITY.get(node.method)
        positional = [item for item, key in zip(node.arguments, node.keywords, strict=False) if key is None]
        if place is not None and place < len(positional) and self._is_zero(value, positional[place]):
            return positional[place]
        return self._zero_size(value, node)

    def _zero_size(self, value: Value, node: Node) -> int | None:
        sizes = _SIZES.get(node.method)
        if sizes is None or not node.name.startswith(_SIZED_IN) or {"*", "**"} & set(node.keywords):
            return None
        given = self._sizes(node, sizes)
        if not given:
            return value.node if node.method in _DEFAULTS_ARE_ZERO else None
        return given[0] if all(self._is_zero(value, item) for item in given) else None

    def _sizes(self, node: Node, sizes: tuple[str, ...]) -> list[int]:
        """The arguments that make a transform strong."""
        pairs = list(zip(node.arguments, node.keywords, strict=False))
        positional = [item for item, key in pairs if key is None][: len(sizes)]
        return positional + [item for item, key in pairs if key in sizes]

    def _is_zero(self, value: Value, index: int) -> bool:
        node = self.project.node(Value(value.scope, index))
        if node.kind is Kind.CONST:
            return isinstance(node.value, int | float) and not isinstance(node.value, bool) and node.value == 0
        is_pair = node.kind is Kind.COLLECTION and node.name in ("tuple", "list")
        return is_pair and bool(node.inputs) and all(self._is_zero(value, item) for item in node.inputs)

    def _is_probability(self, node: Node, why: int) -> bool:
        key = next((key for item, key in zip(node.arguments, node.keywords, strict=False) if item == why), "")
        return key in _PROBABILITIES or (key is None and node.method in _PLACE_OF_PROBABILITY)

    # ---------------------------------------------------------------------------------------- pipelines

    def _around(self, scope: Scope, index: int) -> Iterator[int]:
        """The displays and calls that a transform is an element of, innermost first."""
        for _ in range(6):
            found = next((p for p, node in enumerate(scope.nodes) if index in node.inputs and p > index), None)
            if found is None or scope.nodes[found].kind not in (Kind.COLLECTION, Kind.CALL, Kind.PHI, Kind.OP):
                return
            yield found
            index = found

    def _is_in_pipeline(self, scope: Scope, index: int) -> bool:
        around = next(self._around(scope, index), None)
        if around is None:
            return False
        if any(scope.nodes[outer].method in _CHOICES for outer in self._around(scope, index)):
            return False  # the alternative that leaves images as they are
        node = scope.nodes[around]
        return node.kind is not Kind.CALL or node.method in (catalogue.COMPOSERS | _ADDERS)

    def _others(self, value: Value, scope: Scope) -> bool:
        """Whether another transform of the same pipeline draws."""
        for around in self._around(scope, value.node):
            node = scope.nodes[around]
            if any(self._is_active(Value(value.scope, item)) for item in node.inputs if item != value.node):
                return True
            if node.kind is Kind.CALL and node.method in catalogue.COMPOSERS and node.method != "RandomApply":
                return False
        return False

    def _is_active(self, value: Value) -> bool:
        """Whether a transform, or one of a list, draws and is not disabled itself."""
        node = self.project.node(value)
        if node.kind in (Kind.COLLECTION, Kind.PHI):
            return any(self._is_active(Value(value.scope, item)) for item in node.inputs)
        if not self.augmenters.is_transform(value):
            return False
        return node.kind is not Kind.CALL or (self.zero(value, node) is None and self._fixed_range(value, node) is None)

    def _purpose(self, value: Value, scope: Scope) -> Purpose:
        node = scope.nodes[value.node]
        names = [*self._keys(scope, value.node), *scope.statements[node.statement].binds]
        known = [purpose for purpose in map(named, names) if purpose is not Purpose.UNKNOWN]
        if known:
            return known[0]
        users = [purpose for purpose in map(named, self._users(scope, value.node)) if purpose is not Purpose.UNKNOWN]
        found = self.purposes.at(value.scope, node.region)
        return found if found is not Purpose.UNKNOWN or not users else users[0]

    def _keys(self, scope: Scope, index: int) -> Iterator[str]:
        """The keys of dicts under which a transform stands."""
        for around in self._around(scope, index):
            node = scope.nodes[around]
            half = len(node.inputs) // 2
            if node.kind is Kind.COLLECTION and node.name == "dict":
                for key, item in zip(node.inputs[:half], node.inputs[half:], strict=False):
                    text = scope.nodes[key].value
                    if item == index and isinstance(text, str):
                        yield text
            index = around

    def _users(self, scope: Scope, index: int) -> Iterator[str]:
        """What those are called that get the pipeline: `train_set = Pictures(files, transform)`."""
        last = [index, *self._around(scope, index)]
        for outer in last:
            yield from scope.statements[scope.nodes[outer].statement].binds
        for node in scope.nodes:
            if node.kind is Kind.CALL and set(node.inputs) & set(last[-2:]):
                yield from scope.statements[node.statement].binds

    def _is_conditional(self, ref: Ref, scope: Scope, region: int) -> bool:
        """Whether code stands in a branch that does not just ask for training, or in a fallback."""
        for outer in scope.region_chain(region):
            block = scope.regions[outer]
            if block.kind is RegionKind.TRY:
                return True
            if block.kind in (RegionKind.THEN, RegionKind.ELSE) and block.header >= 0:
                asked = self.purposes.condition(ref, block.header, block.kind is RegionKind.ELSE)
                if asked is not Purpose.TRAIN:
                    return True
        return False

    # ------------------------------------------------------------------------------------- own functions

    def _called(self, value: Value, node: Node) -> Iterator[Disabled]:
        """A call of the project's own augmentation with a strength of zero."""
        zero = [
            argument
            for argument, key in zip(node.arguments, node.keywords, strict=False)
            if key and _STRENGTH.match(key) and self._is_zero(value, argument)
        ]
        if not zero or self.project.callee(value) is None or self.augmenters.call(value) is not How.SURE:
            return
        scope = self.project.scope(value.scope)
        purpose = self.purposes.at(value.scope, node.region, scope.statements[node.statement].binds)
        conditional = self._is_conditional(value.scope, scope, node.region)
        yield Disabled(value, Value(value.scope, zero[0]), "its strength is 0 here", purpose, True, conditional)

    def _scaled_away(self, value: Value, scope: Scope, node: Node) -> Iterator[Disabled]:
        """`x + 0.0 * torch.randn_like(x)`."""
        zero = next((item for item in node.inputs if self._is_zero(value, item)), None)
        if zero is None:
            return
        made = {item: self.provenance.made(Value(value.scope, item)) for item in node.inputs}
        calls = [item for item in node.inputs if scope.nodes[item].kind is Kind.CALL]
        drawn = [item for item in calls if made[item].draw is not None and not made[item].data]
        sums = [other for other in scope.nodes if value.node in other.inputs and other.name in ADDING]
        if not drawn or not sums:
            return
        purpose = self.purposes.at(value.scope, node.region)
        conditional = self._is_conditional(value.scope, scope, node.region)
        written = scope.nodes[zero].statement == node.statement  # and not a setting that somebody edits
        drawing = Value(value.scope, drawn[0])
        yield Disabled(drawing, Value(value.scope, zero), "it is multiplied by 0", purpose, written, conditional)

    # ----------------------------------------------------------------------------------------- branches

    def _branch(self, ref: Ref, scope: Scope, index: int, region: Region) -> Iterator[Disabled]:
        """The first augmentation in a branch that never runs."""
        if region.kind is not RegionKind.THEN or region.header < 0:
            return
        switch = Value(ref, region.header)
        if self.project.node(switch).kind is Kind.OP and self.project.node(switch).name == "and":
            switches = [Value(ref, item) for item in self.project.node(switch).inputs]
        else:
            switches = [switch]
        off = next((item for item in switches if self._is_off(item)), None)
        if off is None:
            return
        node = self.project.node(off)
        literal = node.kind in (Kind.CONST, Kind.OP) and node.statement == region.statement
        value = self._augmentation_in(ref, scope, index, inline=not literal)
        if value is None:
            return
        reason = f"`{node.name}` is always off" if node.kind not in (Kind.CONST, Kind.OP) else "the branch never runs"
        certain = literal or (node.kind in (Kind.PARAM, Kind.ATTR) and self._is_hidden(off))
        purpose = self.purposes.at(ref, region.parent)
        yield Disabled(value, off, reason, purpose, certain, self._is_conditional(ref, scope, region.parent))

    def _augmentation_in(self, ref: Ref, scope: Scope, region: int, inline: bool) -> Value | None:
        """The first augmentation in a branch: a call of one, or noise added there, which `if False:` takes out."""
        for index, node in scope.calls():
            value = Value(ref, index)
            if not scope.within(node.region, region):
                continue
            if self.augmenters.call(value) is How.SURE or catalogue.is_transform_class(node.name):
                return value
            if inline and is_draw(self.project, value) and self._perturbs(ref, scope, index, region):
                return value
        return None

    def _perturbs(self, ref: Ref, scope: Scope, drawn: int, region: int) -> bool:
        """Whether a draw is combined with data in its own branch: `x = x + torch.randn_like(x)`."""
        near = reached(scope, [drawn], lambda index: scope.within(scope.nodes[index].region, region))
        inside = (index for index in near if scope.within(scope.nodes[index].region, region))
        return any(self.provenance.made(Value(ref, index)).perturbed for index in inside)

    def _is_off(self, value: Value) -> bool:
        """Whether a condition is false in every run: a constant, or a switch that nothing turns on."""
        node = self.project.node(value)
        if node.kind is Kind.CONST:
            return node.value is False or (node.value == 0 and isinstance(node.value, int))
        if node.kind is Kind.OP and node.name in ("<", ">", ">="):
            return self._is_impossible(value, node)
        if node.kind is Kind.PARAM:
            return self._is_never_passed(value, node)
        if node.kind not in (Kind.ATTR, Kind.GLOBAL) or not _SWITCH.search(node.name.lower()):
            return False
        if node.name.rpartition(".")[2] in self._turned_on:
            return False
        aliases = self.project.aliases(value)
        return bool(aliases) and all(alias != value and self._is_off(alias) for alias in aliases)

    def _is_impossible(self, value: Value, node: Node) -> bool:
        """`random.random() < 0`, `torch.rand(1) > 1`."""
        drawn, bound = (Value(value.scope, item) for item in node.inputs[:2])
        limit = self.project.node(bound).value
        unit = self.project.node(drawn).method in ("random", "rand", "random_sample") and is_draw(self.project, drawn)
        return unit and (limit == 0 if node.name == "<" else limit == 1) and not isinstance(limit, bool)

    def _is_never_passed(self, value: Value, node: Node) -> bool:
        """Whether a parameter has a default that is off, and no caller gives anything else."""
        scope = self.project.scope(value.scope)
        default = next((item.default for item in scope.parameters if item.name == node.name), -1)
        outer = Ref(value.scope.path, scope.parent or "")
        if default < 0 or not _SWITCH.search(node.name) or not self._is_off(Value(outer, default)):
            return False
        callers = self.project.callers(value.scope)
        return bool(callers) and not any(self._may_pass(site, value.scope, node.name) for site in callers)

    def _may_pass(self, site: Value, ref: Ref, parameter: str) -> bool:
        if {"*", "**"} & set(self.project.node(site).keywords):
            return True
        given = self.project.argument(site, ref, parameter)
        return given is not None and self.project.node(Value(site.scope, given)).value is not False

    @functools.cached_property
    def _turned_on(self) -> frozenset[str]:
        """The bare names that any code binds to something that is not off."""
        return frozenset(
            store.name.rpartition(".")[2]
            for _, scope in self.project.scopes()
            for store in scope.stores
            if scope.nodes[store.node].kind is not Kind.PARAM and scope.nodes[store.node].value is not False
        )

    def _is_hidden(self, switch: Value) -> bool:
        """Whether a default of the project's own functions is all that sets a switch, as far as one can see."""
        mentions = mentions_of(self.project)
        return not mentions.is_packaged and not mentions.is_dynamic(switch.scope.path)


def _is_number(node: Node) -> bool:
    return node.kind is Kind.CONST and isinstance(node.value, int | float) and not isinstance(node.value, bool)


def _for_training(found: list[Disabled]) -> Iterator[Disabled]:
    """What training lacks; an evaluation with the same zero beside it says that the zeros hold a place."""
    evaluated = {item.reason for item in found if item.purpose is Purpose.EVALUATION}
    for item in found:
        if item.purpose is not Purpose.EVALUATION:
            yield item._replace(certain=item.certain and item.reason not in evaluated)


@functools.lru_cache(maxsize=4)
def disabled_of(project: Project) -> DisabledAugmentations:
    """The one finder of a project, shared by the rules."""
    return DisabledAugmentations(project)
