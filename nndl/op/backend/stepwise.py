"""The LSTM as the book writes it: at every step, one matrix product for each gate and each of its two inputs."""

from collections.abc import Sequence

from nndl.op import unroller
from nndl.op.cell import LSTMCell
from nndl.op.state import State

import paddle
import paddle.nn.functional as F
from paddle import Tensor


class _Step:
    """One step from an :class:`nndl.op.LSTMCell`'s weights, taken apart into those of the four gates."""

    def __init__(self, cell: LSTMCell) -> None:
        self.get_initial_states = cell.get_initial_states
        self.W_i, self.W_f, self.W_c, self.W_o = paddle.split(cell.W, 4, axis=1)
        self.U_i, self.U_f, self.U_c, self.U_o = paddle.split(cell.U, 4, axis=1)
        self.b_i, self.b_f, self.b_c, self.b_o = paddle.split(cell.b, 4, axis=1)

    def __call__(self, X: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        H, C = state
        # I_t = σ(X_t W_i + H_{t-1} U_i + b_i), and so the forget gate and the output gate
        I_t = F.sigmoid(X @ self.W_i + H @ self.U_i + self.b_i)
        F_t = F.sigmoid(X @ self.W_f + H @ self.U_f + self.b_f)
        O_t = F.sigmoid(X @ self.W_o + H @ self.U_o + self.b_o)
        # C̃_t = tanh(X_t W_c + H_{t-1} U_c + b_c)
        C_tilde = F.tanh(X @ self.W_c + H @ self.U_c + self.b_c)
        # C_t = F_t ⊙ C_{t-1} + I_t ⊙ C̃_t
        C = F_t * C + I_t * C_tilde
        # H_t = O_t ⊙ tanh(C_t)
        H = O_t * F.tanh(C)
        return H, (H, C)


def unroll(
    cells: Sequence[LSTMCell], X: Tensor, states: State = None, sequence_length: Tensor | None = None
) -> tuple[Tensor, State]:
    """Run the LSTM cells of one layer over all steps; arguments and results as of :func:`nndl.op.unroll`."""
    return unroller.unroll([_Step(cell) for cell in cells], X, states, sequence_length)
