"""Attention against loops of NumPy; what stands in the padding changes nothing."""

import nndl  # noqa: F401  before Paddle: it chooses the threads

# isort: split
from nndl.op.attention import AdditiveAttention, DotAttention, blocked

import numpy as np
import paddle
import pytest

B, T, S, D, W, A = 3, 2, 4, 5, 6, 7
LENGTHS = [4, 1, 3]


def additive(attention: AdditiveAttention, s: np.ndarray, h: np.ndarray) -> float:
    W_s, U_h, b, v = (p.numpy() for p in (attention.W.weight, attention.U.weight, attention.U.bias, attention.v.weight))
    return float((np.tanh(s @ W_s + h @ U_h + b) @ v).item())


def dot(attention: DotAttention, s: np.ndarray, h: np.ndarray) -> float:
    return float(s @ (h @ attention.W.weight.numpy()))


CASES = [(lambda: AdditiveAttention(D, W, A), additive), (lambda: DotAttention(D, W), dot)]


@pytest.mark.parametrize(("make", "score"), CASES)
def test_each_context_is_the_mean_by_the_softmax_of_the_scores(make, score) -> None:
    paddle.seed(0)
    attention, query, values = make(), paddle.randn([B, T, D]), paddle.randn([B, S, W])
    block = blocked(paddle.to_tensor(LENGTHS), S)
    contexts, weights = attention(query, attention.keys(values), values, block)
    s, h = query.numpy(), values.numpy()
    for b, n in enumerate(LENGTHS):
        for t in range(T):
            e = np.array([score(attention, s[b, t], h[b, i]) for i in range(n)])
            alpha = np.exp(e - e.max()) / np.exp(e - e.max()).sum()
            np.testing.assert_allclose(weights.numpy()[b, t, :n], alpha, atol=1e-5)
            assert (weights.numpy()[b, t, n:] < 1e-20).all()
            np.testing.assert_allclose(contexts.numpy()[b, t], alpha @ h[b, :n], atol=1e-5)


@pytest.mark.parametrize(("make", "score"), CASES)
def test_the_padding_gets_no_weight_and_no_gradient(make, score) -> None:
    attention, query, values = make(), paddle.randn([B, T, D]), paddle.randn([B, S, W])
    values.stop_gradient = False
    attention(query, attention.keys(values), values, blocked(paddle.to_tensor(LENGTHS), S))[0].square().sum().backward()
    gradient = values.grad.numpy()
    for b, n in enumerate(LENGTHS):
        assert (np.abs(gradient[b, n:]) < 1e-20).all()
        assert (np.abs(gradient[b, :n]) > 1e-6).all()
