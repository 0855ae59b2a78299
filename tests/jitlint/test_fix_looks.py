"""Which fixes of one function are proven together."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jitlint.fixes.looks import Looks


def looked_at(count: int, is_right: Callable[[list[int]], bool]) -> tuple[list[list[int]], list[int]]:
    """The groups that are looked at of fixes that each change a line of their own, and those that are proven."""
    looks = Looks(range(count), lambda number: (number, number))
    groups = []
    while group := looks.next():
        groups.append(group)
        looks.answer(is_right(group))
    return groups, looks.proven


def test_a_few_are_looked_at_alone() -> None:
    groups, proven = looked_at(4, lambda group: True)
    assert sorted(groups) == [[0], [1], [2], [3]] and proven == [0, 1, 2, 3]


def test_any_two_are_told_apart_by_few_looks() -> None:
    groups, proven = looked_at(1000, lambda group: True)
    assert len(groups) == 20 and proven == list(range(1000))
    for one, other in [(0, 1), (3, 999), (511, 512), (700, 701)]:
        assert any(one in group and other not in group for group in groups)
        assert any(other in group and one not in group for group in groups)


@pytest.mark.parametrize("wrong", [{0}, {7}, {3, 4}, {1, 5, 40}, set(range(64))])
def test_those_that_are_wrong_are_found_and_no_others(wrong: set[int]) -> None:
    groups, proven = looked_at(64, lambda group: not wrong & set(group))
    assert set(proven) == set(range(64)) - wrong
    assert len(groups) <= 12 + 14 * len(wrong)


def test_one_that_only_another_hides_is_found() -> None:
    """Fix 2 is right only where 5 is carried out as well."""
    _, proven = looked_at(16, lambda group: 2 not in group or 5 in group)
    assert 2 not in proven and len(proven) == 15


def test_fixes_of_one_line_are_never_together() -> None:
    looks = Looks(range(10), lambda number: (number // 2, number // 2))
    while group := looks.next():
        assert len({number // 2 for number in group}) == len(group)
        looks.answer(True)
