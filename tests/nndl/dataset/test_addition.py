"""Sums as characters: right, never asked twice, read from either end."""

from nndl.dataset import addition
from nndl.error import SettingError

import pytest

SIZES = {"train": 300, "dev": 50, "test": 100}


@pytest.mark.parametrize("is_reversed", [False, True])
def test_answers_are_right_and_no_question_comes_twice(is_reversed: bool) -> None:
    splits = addition.make(0, SIZES, 2, is_reversed)
    assert {split: len(pairs) for split, pairs in splits.items()} == SIZES
    questions = []
    for question, answer in (pair for pairs in splits.values() for pair in pairs):
        a, b = (question[::-1] if is_reversed else question).split("+")
        assert int(a) + int(b) == int(answer)
        assert max(len(a), len(b)) <= 2
        questions.append(frozenset({("low", min(int(a), int(b))), ("high", max(int(a), int(b)))}))
    assert len(set(questions)) == len(questions)


def test_both_ends_are_the_same_sums_and_another_seed_has_others() -> None:
    ahead, back, other = (addition.make(seed, SIZES, 3, r) for seed, r in ((0, False), (0, True), (1, False)))
    assert [(q[::-1], a) for q, a in back["test"]] == ahead["test"]
    assert other["test"] != ahead["test"]


def test_there_are_so_many() -> None:
    assert addition.different(1) == len({(min(a, b), max(a, b)) for a in range(10) for b in range(10)})
    with pytest.raises(SettingError, match="50 sums of numbers up to 1 digits: expected at most 44"):
        addition.make(0, {"train": 50}, 1)
    with pytest.raises(SettingError, match="digits 0"):
        addition.make(0, SIZES, 0)
