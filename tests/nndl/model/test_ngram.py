"""Counting: probabilities that add up, a hand calculation, and the figures of a book that others measured."""

from pathlib import Path

from nndl.dataset import books
from nndl.dataset.characters import Characters
from nndl.error import SettingError
from nndl.model.ngram import NGram

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

REAL = Path(__file__).parents[4] / "shared" / "data" / "language" / "timemachine.txt"
V = 4


@given(st.lists(st.integers(0, V - 1), min_size=1, max_size=30), st.lists(st.integers(0, V - 1), max_size=6))
@settings(max_examples=40, deadline=None)
def test_the_probabilities_of_all_characters_add_up_to_one(ids: list[int], history: list[int]) -> None:
    model = NGram(ids, 4, V)
    found = np.array([model.probabilities(history, c) for c in range(V)])  # [V, order]
    assert found.sum(axis=0) == pytest.approx(np.ones(4))
    assert (found > 0).all()


def test_by_hand() -> None:
    """The text is ababc: after "ab" once an a, once a c."""
    model = NGram([0, 1, 0, 1, 2], 3, 3)
    one = (2 + 3 / 3) / (5 + 3)  # a: 2 of 5; three followers of nothing
    two = (1 + 2 * one) / (2 + 2)  # after b: a and c
    three = (1 + 2 * two) / (2 + 2)  # after ab: a and c
    assert model.probabilities([0, 1], 0) == pytest.approx([one, two, three])
    # after "ba" came one b and nothing else, so a c falls back to what comes after an a: never a c, twice a b
    c = (1 + 3 / 3) / (5 + 3)
    after_a = (0 + 1 * c) / (2 + 1)
    assert model.probabilities([1, 0], 2) == pytest.approx([c, after_a, (0 + 1 * after_a) / (1 + 1)])


def test_a_history_that_never_occurred_is_no_help() -> None:
    model = NGram([0, 1, 0, 1], 3, 3)
    one, two, three = model.probabilities([2, 2], 0)
    assert one == two == three
    assert model.probabilities([], 0) == [one, one, one]


def test_perplexity_is_that_of_the_product_of_all_probabilities() -> None:
    model, text = NGram([0, 1, 0, 2, 1, 0], 2, 3), [1, 0, 2, 2]
    product = np.prod([model.probabilities(text[:t], text[t]) for t in range(1, 4)], axis=0)
    assert model.perplexities(text) == pytest.approx(product ** (-1 / 3))


def test_order() -> None:
    with pytest.raises(SettingError, match="order 0"):
        NGram([0], 0, 1)


@pytest.mark.skipif(not REAL.exists(), reason="the data are not here")
def test_the_time_machine() -> None:
    """Figures of an implementation of another hand: 21.7, 11.3, 7.2, 5.35, 4.90."""
    characters = Characters.of(books.split_text(books.read_text(REAL), "the book"))
    learnt = np.concatenate([characters.ids["train"], characters.ids["dev"]])
    found = NGram(learnt, 5, len(characters.vocabulary) - 1).perplexities(characters.ids["test"])
    assert found == pytest.approx([21.7, 11.3, 7.2, 5.35, 4.90], abs=0.02)
