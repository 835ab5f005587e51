"""The adding problem and the copying task: what is made, and how far one comes without memory."""

from math import log

from nndl.dataset.long_memory import ADDING_BASELINE, adding, copying, copying_baseline
from nndl.error import SettingError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

SEEDS, COUNTS, LENGTHS = st.integers(0, 2**32), st.integers(1, 20), st.integers(3, 40)


@given(seed=SEEDS, N=COUNTS, T=LENGTHS)
def test_two_numbers_are_marked_one_in_each_half_and_summed(seed, N, T):
    X, y = adding(seed, N, T)
    assert (X.shape, X.dtype, y.shape, y.dtype) == ((N, T, 2), np.float32, (N, 1), np.float32)
    for sequence, target in zip(X, y, strict=True):
        numbers, marks = sequence[:, 0], sequence[:, 1]
        first, second = [t for t in range(T) if marks[t] == 1]
        assert first < T // 2 <= second
        assert set(marks) <= {0, 1}
        assert ((numbers >= 0) & (numbers < 1)).all()
        assert target[0] == pytest.approx(numbers[first] + numbers[second])


@given(seed=SEEDS, N=COUNTS, T=LENGTHS)
def test_ten_symbols_are_said_again_after_go(seed, N, T):
    ids, labels = copying(seed, N, T)
    assert (ids.shape, ids.dtype, labels.shape, labels.dtype) == ((N, T + 20), np.int64, (N, T + 20), np.int64)
    for read, said in zip(ids.tolist(), labels.tolist(), strict=True):
        assert set(read[:10]) <= set(range(1, 9))
        assert read[10:] == [0] * (T - 1) + [9] + [0] * 10
        assert said == [0] * (T + 10) + read[:10]


def test_the_same_seed_makes_the_same_and_another_one_others():
    for make in (adding, copying):
        once, again, other = make(1, 5, 8), make(1, 5, 8), make(2, 5, 8)
        assert all((a == b).all() for a, b in zip(once, again, strict=True))
        assert not (once[0] == other[0]).all()


def test_marks_and_symbols_are_uniform():
    marks = adding(0, 20_000, 10)[0][..., 1].sum(axis=0)
    assert np.abs(marks - 4000).max() < 300  # five standard deviations are 283
    symbols = np.bincount(copying(0, 2000, 3)[0][:, :10].ravel(), minlength=10)
    assert symbols[[0, 9]].tolist() == [0, 0]
    assert np.abs(symbols[1:9] - 2500).max() < 250


def test_without_memory_the_answer_1_is_the_best_one():
    _, y = adding(0, 100_000, 6)
    assert np.square(y - 1).mean() == pytest.approx(ADDING_BASELINE, rel=0.02)
    assert np.square(y - y.mean()).mean() == pytest.approx(1 / 6, rel=0.02)  # not .1767, as a well-known README has it


@pytest.mark.parametrize("T", [3, 100])
def test_the_trivial_answer_to_copying_costs_ln_8_at_each_of_ten_steps(T):
    _, labels = copying(0, 50, T)
    probabilities = np.zeros((T + 20, 10))
    probabilities[:-10, 0], probabilities[-10:, 1:9] = 1, 1 / 8
    said = probabilities[np.arange(T + 20), labels]
    assert -np.log(said).mean() == pytest.approx(copying_baseline(T))
    assert copying_baseline(80) == pytest.approx(10 * log(8) / 100)


@pytest.mark.parametrize("make", [adding, copying])
@pytest.mark.parametrize(
    ("seed", "N", "T", "fault"), [(0, 1, 2, "T 2: expected at least 3"), (0, 0, 3, "N 0"), (-1, 1, 3, "seed -1")]
)
def test_out_of_range(make, seed, N, T, fault):
    with pytest.raises(SettingError, match=fault):
        make(seed, N, T)
