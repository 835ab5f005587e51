r"""The LSTM with a backward pass derived by hand: backpropagation through time (随时间反向传播, BPTT).

Paddle's automatic differentiation keeps a record of every operator call and adds the gradients of W, U and b up step
by step. By hand, a step of the backward pass only finds the gradients :math:`\delta_t` of its four gates before their
activation; the gradients of the weights are then ONE product over all steps.

.. math::
    \mathrm dO_t &= \mathrm dH_t \odot \tanh C_t, \qquad
    \mathrm dC_t \mathrel{+}= \mathrm dH_t \odot O_t \odot (1 - \tanh^2 C_t) \\
    \mathrm dI_t &= \mathrm dC_t \odot \tilde C_t, \quad \mathrm dF_t = \mathrm dC_t \odot C_{t-1}, \quad
    \mathrm d\tilde C_t = \mathrm dC_t \odot I_t \\
    \delta_t &= [\mathrm dI_t \odot I_t (1 - I_t),\; \mathrm dF_t \odot F_t (1 - F_t),\;
    \mathrm d\tilde C_t \odot (1 - \tilde C_t^2),\; \mathrm dO_t \odot O_t (1 - O_t)] \\
    \mathrm dH_{t-1} &= \delta_t U^\top, \qquad \mathrm dC_{t-1} = \mathrm dC_t \odot F_t \\
    \mathrm dW &= \sum_t X_t^\top \delta_t, \quad \mathrm dU = \sum_t H_{t-1}^\top \delta_t, \quad
    \mathrm db = \sum_t \delta_t, \quad \mathrm dX_t = \delta_t W^\top

What the forward pass computed at a step is needed again in the backward pass, so all of it is kept: the memory grows
linearly with the number of steps.
"""

from typing import Any

import paddle
import paddle.nn.functional as F
from paddle import Tensor
from paddle.autograd import PyLayer

from nndl.op.cell import LSTMCell, State
from nndl.op.recurrent import valid_steps


def unroll(
    cell: LSTMCell,
    X: Tensor,
    state: State = None,
    sequence_length: Tensor | None = None,
    reverse: bool = False,
    time_major: bool = False,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Run an LSTM cell over all steps of a batch; arguments and results as of :func:`nndl.op.unroll`.

    Only first derivatives exist.
    """
    X = X if time_major else X.transpose([1, 0, 2])
    if state is None:
        state = cell.get_initial_states(X, dtype=X.dtype, batch_dim_idx=1)
    L, valid = X.shape[0], None
    if sequence_length is not None and int(sequence_length.min()) < L:
        valid = valid_steps(sequence_length, L, time_axis=0)
        X = paddle.where(valid, X, paddle.zeros_like(X))
    Y, H, C = _LSTM.apply(X, cell.W, cell.U, cell.b, *state, valid, reverse)
    return Y if time_major else Y.transpose([1, 0, 2]), (H, C)


class _LSTM(PyLayer):
    @staticmethod
    def forward(
        ctx: Any, X: Tensor, W: Tensor, U: Tensor, b: Tensor, H: Tensor, C: Tensor, valid: Tensor | None, reverse: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        L = X.shape[0]
        inputs = (X, W, U, b, H, C) if valid is None else (X, W, U, b, H, C, valid)
        ctx.is_wanted = [not tensor.stop_gradient for tensor in inputs]
        projected = paddle.unbind(X @ W + b)
        H_before, C_before, steps, Y = [H] * L, [C] * L, [()] * L, [H] * L
        for t in reversed(range(L)) if reverse else range(L):
            H_before[t], C_before[t] = H, C
            i, f, c, o = paddle.split(paddle.addmm(projected[t], H, U), 4, axis=-1)
            I_t, F_t, C_tilde, O_t = F.sigmoid(i), F.sigmoid(f), F.tanh(c), F.sigmoid(o)
            C = F_t * C + I_t * C_tilde
            tanh_C = F.tanh(C)
            H = Y[t] = O_t * tanh_C
            steps[t] = (I_t, F_t, C_tilde, O_t, tanh_C)
            if valid is not None:  # a sequence that has ended keeps its states
                H, C = paddle.where(valid[t], H, H_before[t]), paddle.where(valid[t], C, C_before[t])
        ctx.save_for_backward(X, W, U, paddle.stack(H_before))
        ctx.kept = C_before, steps, valid, reverse
        Y = paddle.stack(Y)
        return (Y if valid is None else paddle.where(valid, Y, paddle.zeros_like(Y))), H, C

    @staticmethod
    def backward(ctx: Any, dY: Tensor, dH: Tensor, dC: Tensor) -> tuple[Tensor | None, ...]:
        X, W, U, H_before = ctx.saved_tensor()
        C_before, steps, valid, reverse = ctx.kept
        L = X.shape[0]
        U_T, dY, delta = U.T.contiguous(), paddle.unbind(dY), [dH] * L
        for t in range(L) if reverse else reversed(range(L)):
            I_t, F_t, C_tilde, O_t, tanh_C = steps[t]
            dH_t = dY[t] + dH
            dC_t = dC + dH_t * O_t * (1 - tanh_C * tanh_C)
            delta_t = paddle.concat(
                [
                    dC_t * C_tilde * I_t * (1 - I_t),
                    dC_t * C_before[t] * F_t * (1 - F_t),
                    dC_t * I_t * (1 - C_tilde * C_tilde),
                    dH_t * tanh_C * O_t * (1 - O_t),
                ],
                axis=-1,
            )
            if valid is None:
                delta[t], dH, dC = delta_t, delta_t @ U_T, dC_t * F_t
            else:  # after its end, a sequence hands the gradients of its states on
                delta[t] = paddle.where(valid[t], delta_t, paddle.zeros_like(delta_t))
                dH = paddle.where(valid[t], delta_t @ U_T, dH)
                dC = paddle.where(valid[t], dC_t * F_t, dC)
        all_delta = paddle.stack(delta)  # [L, B, 4D]
        # dW = Σ_t X_tᵀ δ_t,  dU = Σ_t H_{t-1}ᵀ δ_t,  db = Σ_t δ_t,  dX_t = δ_t Wᵀ
        flat = all_delta.flatten(0, 1)
        dW = paddle.matmul(X.flatten(0, 1), flat, transpose_x=True)
        dU = paddle.matmul(H_before.flatten(0, 1), flat, transpose_x=True)
        db = flat.sum(axis=0, keepdim=True)
        dX = paddle.matmul(all_delta, W, transpose_y=True)
        gradients = (dX, dW, dU, db, dH, dC, None)
        return tuple(gradients[i] if is_wanted else None for i, is_wanted in enumerate(ctx.is_wanted))
