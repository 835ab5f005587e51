"""CTC against the enumeration of all paths, and its gradient against a forward-backward in NumPy."""

from itertools import product

import nndl

# isort: split
from nndl.ctc import BLANK, CTCLoss, best_path, collapse, prefix_beam, steps_needed
from nndl.error import SettingError

import numpy as np
import paddle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def softmax(z: np.ndarray) -> np.ndarray:
    p = np.exp(z - z.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def merged(path: tuple[int, ...]) -> tuple[int, ...]:
    """B(·), letter by letter."""
    kept = [s for t, s in enumerate(path) if t == 0 or s != path[t - 1]]
    return tuple(s for s in kept if s != 0)


def all_labellings(p: np.ndarray) -> dict[tuple[int, ...], float]:
    """The probability of every labelling: every path, collapsed."""
    T, V = p.shape
    found: dict[tuple[int, ...], float] = {}
    for path in product(range(V), repeat=T):
        y = merged(path)
        found[y] = found.get(y, 0.0) + float(np.prod(p[range(T), path]))
    return found


def forward_backward(z: np.ndarray, y: list[int]) -> tuple[float, np.ndarray]:
    """The loss and its gradient by the logits, float [T, V]: p_t(k) less the share of the paths that say k at t."""
    p, T = softmax(z), len(z)
    ext = [0]
    for label in y:
        ext += [label, 0]
    S = len(ext)

    def skips(s: int) -> bool:
        return s >= 2 and ext[s] != 0 and ext[s] != ext[s - 2]

    alpha, beta = np.zeros((T, S)), np.zeros((T, S))
    alpha[0, :2] = p[0, ext[:2]]
    for t in range(1, T):
        for s in range(S):
            came = alpha[t - 1, s] + (alpha[t - 1, s - 1] if s else 0) + (alpha[t - 1, s - 2] if skips(s) else 0)
            alpha[t, s] = came * p[t, ext[s]]
    beta[T - 1, S - 2 :] = 1
    for t in range(T - 2, -1, -1):
        for s in range(S):
            for to in (s, s + 1, s + 2):
                if to < S and (to < s + 2 or skips(to)):
                    beta[t, s] += beta[t + 1, to] * p[t + 1, ext[to]]
    total = alpha[T - 1, -2:].sum()
    said = np.zeros_like(p)
    for s, symbol in enumerate(ext):
        said[:, symbol] += alpha[:, s] * beta[:, s] / total
    return -float(np.log(total)), p - said


@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(2, 3))
@settings(max_examples=25, deadline=None)
def test_loss_is_that_of_all_paths(seed: int, T: int, V: int) -> None:
    z = np.random.default_rng(seed).normal(size=(T, V)).astype("float32") * 2
    for y, p in all_labellings(softmax(z.astype("float64"))).items():
        if y:
            loss = CTCLoss()((paddle.to_tensor(z[None]), [T]), (paddle.to_tensor([list(y)], dtype="int32"), [len(y)]))
            assert float(loss) == pytest.approx(-np.log(p), rel=1e-4, abs=1e-5)


def test_loss_and_gradient_of_a_padded_batch() -> None:
    """The mean over the sequences, whatever their labels' number; padding of either kind has no part in it."""
    z = np.random.default_rng(0).normal(size=(3, 9, 5)).astype("float32")
    lengths, labels = [9, 6, 4], [[1, 1, 2, 4], [3], [2, 2]]
    padded = np.array([y + [-7] * (4 - len(y)) for y in labels])
    logits = paddle.to_tensor(z, stop_gradient=False)
    y = paddle.to_tensor(padded, dtype="int32"), paddle.to_tensor([4, 1, 2])
    loss = CTCLoss()((logits, paddle.to_tensor(lengths)), y)
    loss.backward()
    expected = [forward_backward(z[i, :T].astype("float64"), labels[i]) for i, T in enumerate(lengths)]
    assert float(loss) == pytest.approx(np.mean([each for each, _ in expected]), rel=1e-5)
    for i, (_, gradient) in enumerate(expected):
        assert np.abs(logits.grad.numpy()[i, : lengths[i]] - gradient / 3).max() < 1e-5
        assert not logits.grad.numpy()[i, lengths[i] :].any()


def test_what_paddle_does_without_a_word() -> None:
    """Why the loss refuses: the day this fails, the check could go."""
    logits = paddle.zeros([2, 1, 3])
    y = paddle.to_tensor([[1, 1]], dtype="int32")
    loss = paddle.nn.functional.ctc_loss(
        logits, y, paddle.to_tensor([2]), paddle.to_tensor([2]), BLANK, reduction="none"
    )
    assert float(loss.sum()) == 0


@pytest.mark.parametrize(
    ("labels", "lengths", "said"),
    [
        ([1, 1], [2], "sequence 0 of the batch: 2 steps for labels that need 3"),
        ([1, 2, 1, 2], [3], "3 steps for labels that need 4"),
        ([0, 1], [4], "expected labels from 1 to 2; 0 is the blank"),
        ([3, 1], [4], "labels of sequence 0"),
        ([1, 2], [5], "sequence_length from 5 to 5: expected values from 0 to 4"),
    ],
)
def test_refused(labels: list[int], lengths: list[int], said: str) -> None:
    y = paddle.to_tensor([labels], dtype="int32"), [len(labels)]
    with pytest.raises(SettingError, match=said):
        nndl.CTCLoss()((paddle.zeros([1, 4, 3]), lengths), y)


@given(st.lists(st.integers(0, 2), max_size=8))
@settings(max_examples=60, deadline=None)
def test_collapse_and_the_steps_it_takes(path: list[int]) -> None:
    y = collapse(path)
    assert tuple(y) == merged(tuple(path))
    assert steps_needed(y) <= len(path)


def test_steps_needed_is_the_fewest() -> None:
    for y in product((1, 2), repeat=3):
        shortest = next(T for T in range(1, 7) if any(merged(path) == y for path in product(range(3), repeat=T)))
        assert steps_needed(y) == shortest


@given(st.integers(0, 10**6), st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_a_beam_that_drops_nothing_finds_all_labellings(seed: int, T: int) -> None:
    z = np.random.default_rng(seed).normal(size=(T, 3)) * 2
    truth = all_labellings(softmax(z))
    found = prefix_beam(z, width=1000, least=0.0)
    assert {tuple(y) for y, _ in found} == set(truth)
    assert [p for _, p in found] == sorted((p for _, p in found), reverse=True)
    for y, log_p in found:
        assert np.exp(log_p) == pytest.approx(truth[tuple(y)], rel=1e-9)


def test_best_path_and_beam_of_a_long_sequence() -> None:
    """The spikes of a trained network are read alike; and a probability too small for a float still has a logarithm."""
    T, y = 1000, [3, 3, 1]
    z = np.zeros((T, 4))
    z[:, 0] = 9
    for t, label in zip((100, 500, 900), y, strict=True):
        z[t, [0, label]] = 0, 9
    assert best_path(z) == y
    assert prefix_beam(z, 4)[0][0] == y
    flat, log_p = prefix_beam(np.zeros((2000, 4)), 2)[0]
    assert len(flat) < 2000
    assert np.isfinite(log_p)
    assert log_p < -745  # exp of it is 0


def test_width_of_none() -> None:
    with pytest.raises(SettingError, match="width 0"):
        prefix_beam(np.zeros((2, 3)), 0)


def test_the_likeliest_symbol_is_never_passed_over() -> None:
    assert prefix_beam(np.zeros((2, 5)), width=50, least=0.9)[0][0]
    assert len(prefix_beam(np.eye(3), width=1, least=1.0)) == 1


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_no_labelling_of_what_is_no_number(odd: float) -> None:
    with pytest.raises(SettingError, match="diverged"):
        prefix_beam(np.array([[0.0, 1.0], [odd, 0.0]]))


@pytest.mark.parametrize("U", [0, 1])
def test_a_batch_without_any_label(U: int) -> None:
    z = np.random.default_rng(0).normal(size=(2, 3, 4))
    labels = paddle.zeros([2, U], dtype="int32")
    all_blank = np.log(np.exp(z).sum(axis=-1)) - z[:, :, BLANK]
    loss = CTCLoss()((paddle.to_tensor(z, dtype="float32"), [3, 2]), (labels, [0, 0]))
    assert float(loss) == pytest.approx((all_blank[0].sum() + all_blank[1, :2].sum()) / 2, rel=1e-5)


def test_a_sequence_without_a_step() -> None:
    with pytest.raises(SettingError, match="sequence 1 of the batch: no step"):
        CTCLoss()((paddle.zeros([2, 3, 4]), [3, 0]), (paddle.ones([2, 1], dtype="int32"), [1, 0]))


@pytest.mark.parametrize(("logits", "labels"), [([3, 4], [1, 2]), ([1, 3, 4], [2])])
def test_shapes_that_do_not_fit(logits: list[int], labels: list[int]) -> None:
    with pytest.raises(SettingError, match=r"expected \[B, T, V\] and \[B, U\]"):
        CTCLoss()((paddle.zeros(logits), [3]), (paddle.ones(labels, dtype="int32"), [1]))
