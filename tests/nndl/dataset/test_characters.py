"""Characters: what is known, and batches that go on where the ones before ended."""

from collections import Counter
from itertools import pairwise

import nndl  # noqa: F401  before Paddle: it chooses the threads
from nndl.dataset.characters import MIN_FREQ, Characters, Windows, in_order, joined, tokens
from nndl.dataset.text import Vocabulary
from nndl.error import DataError, SettingError

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

TEXTS = {"train": "to be or not\n\tto be\n\tQ", "dev": "be", "test": "to bQ z"}


@given(st.text(st.characters(exclude_categories=["Cs"])))
@settings(max_examples=50, deadline=None)
def test_a_text_comes_back(text: str) -> None:
    assert joined(tokens(text)) == text


def test_the_vocabulary_is_that_of_train(tmp_path) -> None:
    characters = Characters.of(TEXTS)
    known = {c for c, n in Counter(TEXTS["train"]).items() if n >= MIN_FREQ}
    assert set(joined(characters.vocabulary.words[2:])) == known
    assert "Q" not in known
    assert characters.unknown("test") == 2  # Q, which train has once, and z
    assert characters.unknown("train") == sum(n < MIN_FREQ for n in Counter(TEXTS["train"]).values())
    characters.vocabulary.save(tmp_path / "v.txt")
    assert Vocabulary.load(tmp_path / "v.txt").words == characters.vocabulary.words
    with pytest.raises(DataError, match="no character occurs 2 times"):
        Characters.of(TEXTS | {"train": "abc"})


@given(
    st.integers(40, 200),
    st.integers(1, 4),
    st.integers(1, 9),
    st.sampled_from(["sequential", "random"]),
    st.integers(0, 9),
)
@settings(max_examples=60, deadline=None)
def test_windows(N: int, B: int, L: int, batching: str, seed: int) -> None:
    """Every character but those at the ends once, each with the one that follows; streams go on."""
    loader = Windows(np.arange(N), B, L, batching)
    np.random.seed(seed)
    batches = [((X.numpy(), goes_on), y.numpy()) for (X, goes_on), y in loader]
    assert len(batches) == len(loader) >= 1
    for (X, _), y in batches:
        assert X.shape == y.shape == (B, L)
        assert (y == X + 1).all()
        assert (np.diff(X, axis=1) == 1).all()
    seen = np.sort(np.concatenate([X.ravel() for (X, _), _ in batches]))
    assert (np.diff(seen) == 1).all()
    assert 0 <= seen[0] < L
    assert N - len(seen) < (B + 2) * L
    goes_on = [goes_on for (_, goes_on), _ in batches]
    assert goes_on == ([False] + [True] * (len(batches) - 1) if batching == "sequential" else [False] * len(batches))
    for ((before, _), _), ((X, on), _) in pairwise(batches):
        assert not on or (X[:, 0] == before[:, -1] + 1).all()


def test_epochs_begin_elsewhere() -> None:
    np.random.seed(0)
    loader = Windows(np.arange(500), 2, 10)
    assert len({next(iter(loader))[0][0].numpy()[0, 0] for _ in range(30)}) > 5


@given(st.integers(2, 60), st.integers(1, 20))
@settings(max_examples=30, deadline=None)
def test_a_text_in_order(N: int, length: int) -> None:
    batches = in_order(np.arange(N), length)
    assert np.concatenate([X.numpy()[0] for (X, _), _ in batches]).tolist() == list(range(N - 1))
    assert np.concatenate([y.numpy()[0] for _, y in batches]).tolist() == list(range(1, N))
    assert [goes_on for (_, goes_on), _ in batches] == [False] + [True] * (len(batches) - 1)


def test_bad_input() -> None:
    with pytest.raises(DataError, match="30 characters: expected at least 40 for one batch of 3 x 10"):
        Windows(np.arange(30), 3, 10)
    assert len(Windows(np.arange(40), 3, 10)) == 1
    with pytest.raises(SettingError, match="batching 'shuffled'"):
        Windows(np.arange(100), 3, 10, "shuffled")
