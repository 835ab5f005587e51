"""Words one by one, against the enumeration of all sequences."""

from itertools import product

import nndl  # noqa: F401  before Paddle: it chooses the threads

# isort: split
from nndl.error import SettingError
from nndl.generate import Sampler, beam_search, generate, greedy

import numpy as np
import paddle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paddle import Tensor

V, END, LONGEST = 4, 0, 4


def chain(seed: int, B: int) -> tuple:
    """A model whose next word depends on the last one and on a state that counts the steps of its own sequence."""
    table = np.random.default_rng(seed).normal(size=(B, LONGEST, V, V)).astype("float32") * 2

    def step(ids: Tensor, state: tuple) -> tuple[Tensor, tuple]:
        of, at = (s.numpy()[:, 0].astype(int) for s in state)
        return paddle.to_tensor(table[of, at, ids.numpy()]), (state[0], state[1] + 1)

    state = (paddle.arange(B, dtype="float32").unsqueeze(1), paddle.zeros([B, 1]))
    return table, step, state, paddle.ones([B], dtype="int64")


def log_probability(table: np.ndarray, words: tuple[int, ...]) -> float:
    """Of the words up to the first end."""
    total, last = 0.0, 1
    for t, word in enumerate(words):
        z = table[t, last].astype("float64")
        total += z[word] - np.log(np.exp(z).sum())
        if word == END:
            break
        last = word
    return total


def length_of(words: tuple[int, ...]) -> int:
    return words.index(END) + 1 if END in words else len(words)


@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.7, 1.0]))
@settings(max_examples=15, deadline=None)
def test_a_wide_beam_finds_the_best_of_all_sequences(seed: int, alpha: float) -> None:
    table, step, state, first = chain(seed, 2)
    found, log_p = beam_search(step, state, first, LONGEST, END, width=V**LONGEST, length_penalty=alpha)
    for b in range(2):
        every = list(product(range(V), repeat=LONGEST))
        best = max(every, key=lambda words: log_probability(table[b], words) / length_of(words) ** alpha)
        n = length_of(best)
        assert tuple(found[b, :n]) == best[:n]
        assert log_p[b] == pytest.approx(log_probability(table[b], best), abs=1e-4)
        assert (found[b, n:] == END).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_beam_of_one_is_greedy(seed: int) -> None:
    _, step, state, first = chain(seed, 3)
    beam, _ = beam_search(step, state, first, LONGEST, END, width=1)
    assert np.array_equal(beam, generate(step, state, first, LONGEST, greedy, END))


@pytest.mark.parametrize("seed", range(5))
def test_a_wider_beam_is_no_worse_than_greedy_here(seed: int) -> None:
    table, step, state, first = chain(seed, 1)
    _, wide = beam_search(step, state, first, LONGEST, END, width=16)
    narrow, _ = beam_search(step, state, first, LONGEST, END, width=1)
    assert wide[0] >= log_probability(table[0], tuple(narrow[0].tolist())) - 1e-6


def test_what_ended_stays_ended_and_the_rest_goes_on() -> None:
    def step(ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:  # sequence 0 ends at once, sequence 1 never
        return paddle.to_tensor([[9.0, 0, 0, 0], [0, 0, 0, 9.0]]), state

    words = generate(step, paddle.zeros([2, 1]), paddle.ones([2], dtype="int64"), 3, greedy, END)
    assert words.tolist() == [[0, 0, 0], [3, 3, 3]]


def test_draws_follow_the_probabilities_and_the_seed() -> None:
    logits = np.log(np.array([[0.1, 0.6, 0.3]]))
    draws = np.array([Sampler(seed=1)(np.repeat(logits, 4000, axis=0))])[0]
    assert np.bincount(draws, minlength=3) / 4000 == pytest.approx([0.1, 0.6, 0.3], abs=0.03)
    assert np.array_equal(draws, Sampler(seed=1)(np.repeat(logits, 4000, axis=0)))
    assert not np.array_equal(draws, Sampler(seed=2)(np.repeat(logits, 4000, axis=0)))


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({"temperature": 0.5}, [0.01 / 0.46, 0.36 / 0.46, 0.09 / 0.46]),  # squares
        ({"top_k": 2}, [0, 2 / 3, 1 / 3]),
        ({"top_p": 0.6}, [0, 1, 0]),
        ({"top_p": 0.61}, [0, 2 / 3, 1 / 3]),
        ({"top_p": 1e-9}, [0, 1, 0]),  # the likeliest is always there
        ({"top_k": 2, "top_p": 0.5}, [0, 1, 0]),
        ({"top_k": 9}, [0.1, 0.6, 0.3]),
    ],
)
def test_what_a_draw_chooses_from(setting: dict, expected: list[float]) -> None:
    found = Sampler(**setting).probabilities(np.log([0.1, 0.6, 0.3]))
    assert found == pytest.approx(np.array(expected))


@pytest.mark.parametrize(
    "setting", [{"temperature": 0.0}, {"temperature": float("nan")}, {"top_k": -1}, {"top_p": 0.0}, {"top_p": 1.5}]
)
def test_settings_out_of_their_range(setting: dict) -> None:
    with pytest.raises(SettingError, match=next(iter(setting))):
        Sampler(**setting)


@pytest.mark.parametrize("z", [[np.nan, 0.0], [np.inf, 0.0], [-np.inf, -np.inf]])
def test_nothing_is_drawn_from_what_is_no_number(z: list[float]) -> None:
    with pytest.raises(SettingError, match="diverged"):
        Sampler()(np.array([z]))


def test_the_lowest_temperature_is_greedy() -> None:
    z = np.array([[1.0, 3e38, 2.0, -np.inf]])
    assert Sampler(temperature=5e-324)(z) == greedy(z)


def test_top_p_is_a_number() -> None:
    with pytest.raises(SettingError, match="top_p"):
        Sampler(top_p=float("nan"))
