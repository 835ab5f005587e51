r"""练习 6.7：文本分类用自定义的 LSTM 训练太慢。再写一个更高效的 LSTM 算子：反向传播也自己推导。

Exercise 6.7: the text model trains slowly with one's own LSTM; write another operator, with the backward pass derived
by hand (BPTT, 随时间反向传播).

Paddle keeps a record of every small operator of every step, and walks back through them all, adding up the gradient of
U step by step. By hand a step finds only :math:`\delta_t`, the gradients of its four gates before their activation:

.. math::
    \mathrm dC_t &= F_{t+1} \odot \mathrm dC_{t+1} + \mathrm dH_t \odot O_t \odot (1 - \tanh^2 C_t) \\
    \delta_t &= [\mathrm dC_t \odot \tilde C_t \odot I_t (1 - I_t),\;
                 \mathrm dC_t \odot C_{t-1} \odot F_t (1 - F_t),\;
                 \mathrm dC_t \odot I_t \odot (1 - \tilde C_t^2),\;
                 \mathrm dH_t \odot \tanh C_t \odot O_t (1 - O_t)] \\
    \mathrm dH_{t-1} &= \mathrm dY_{t-1} + \delta_t U^\top, \qquad
    \mathrm dU = \sum_t H_{t-1}^\top \delta_t \quad \text{in one product}

实测 measured (as in exercise 6.2): 2.1 times as fast as stepwise at B = 8, L = 20, D = 32 (1.7 to 2.7), 1.5 times at
B = 32, L = 64, D = 128 (0.87 to 2.2): no faster than the fused one with Paddle's own backward pass. What is left is the
calls of small operators at every step, forward and backward; only one operator for all steps does away with them, as
``nndl.LSTM(backend="native")`` does in C++ (lesson 6.8).

nndl/op/backend/bptt.py does the same for both directions and sequences of different lengths.
"""

from typing import Any

import paddle
import paddle.nn.functional as F
from paddle import Tensor
from paddle.autograd import PyLayer


def lstm_by_hand(X: Tensor, W: Tensor, U: Tensor, b: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """X [B, L, M], W [M, 4D], U [D, 4D], b [1, 4D] to outputs [B, L, D] and the last H and C [B, D].

    One backward pass only: ``PyLayer`` of Paddle 3.3.1 ends the process at a second one through the same graph.
    """
    # X W + b 只有一次矩阵乘, 其梯度交给飞桨   this one product is left to Paddle, its gradients too
    projected = (X @ W + b).transpose([1, 0, 2])
    outputs, H, C = Steps.apply(projected, U)
    return outputs.transpose([1, 0, 2]), (H, C)


class Steps(PyLayer):
    """All steps: projected [L, B, 4D] and U [D, 4D] to outputs [L, B, D] and the last H and C [B, D]."""

    @staticmethod
    def forward(ctx: Any, projected: Tensor, U: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        outputs, H, C, ctx.kept = forward_steps(projected, U)
        ctx.U = U.detach()
        return outputs, H.clone(), C.clone()

    @staticmethod
    def backward(ctx: Any, dY: Tensor, dH: Tensor, dC: Tensor) -> tuple[Tensor, Tensor]:
        return backward_steps(ctx.kept, ctx.U, dY, dH, dC)


def forward_steps(projected: Tensor, U: Tensor) -> tuple[Tensor, Tensor, Tensor, list[tuple[Tensor, ...]]]:
    """As in exercise 6.2; besides, of each step, what the backward pass needs again: (H_{t-1}, C_{t-1}, I_t, ...)."""
    H = C = paddle.zeros([projected.shape[1], U.shape[0]], projected.dtype)
    kept, outputs = [], []
    for inputs in paddle.unbind(projected):
        i, f, c, o = paddle.split(inputs + H @ U, 4, axis=-1)
        I_t, F_t, C_tilde, O_t = F.sigmoid(i), F.sigmoid(f), F.tanh(c), F.sigmoid(o)
        H_before, C_before = H, C
        C = F_t * C + I_t * C_tilde
        tanh_C = F.tanh(C)
        H = O_t * tanh_C
        kept.append((H_before, C_before, I_t, F_t, C_tilde, O_t, tanh_C))
        outputs.append(H)
    return paddle.stack(outputs), H, C, kept


def backward_steps(
    kept: list[tuple[Tensor, ...]], U: Tensor, dY: Tensor, dH: Tensor, dC: Tensor
) -> tuple[Tensor, Tensor]:
    """From the gradients of outputs [L, B, D] and last states [B, D] to δ [L, B, 4D], projected's, and dU [D, 4D]."""
    deltas, U_T = [], U.T
    for dY_t, step in zip(reversed(paddle.unbind(dY)), reversed(kept), strict=True):
        _, C_before, I_t, F_t, C_tilde, O_t, tanh_C = step
        dH_t = dY_t + dH
        # H_t = O_t ⊙ tanh(C_t)
        dC_t = dC + dH_t * O_t * (1 - tanh_C * tanh_C)
        # δ_t: 四个门激活之前的梯度   the gradients of the four gates before their activation
        delta = paddle.concat(
            [
                dC_t * C_tilde * I_t * (1 - I_t),
                dC_t * C_before * F_t * (1 - F_t),
                dC_t * I_t * (1 - C_tilde * C_tilde),
                dH_t * tanh_C * O_t * (1 - O_t),
            ],
            axis=-1,
        )
        # 传给前一时刻   handed to the step before
        dH, dC = delta @ U_T, dC_t * F_t
        deltas.append(delta)
    # dU = Σ_t H_{t-1}ᵀ δ_t, 合为一次矩阵乘   in one product
    H_before, delta = paddle.concat([step[0] for step in kept]), paddle.stack(deltas[::-1])
    return delta, paddle.matmul(H_before, delta.flatten(0, 1), transpose_x=True)
