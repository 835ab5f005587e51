"""One equation a cell: the step of a recurrent network, without time, depth or direction.

A cell follows the contract of ``paddle.nn.RNNCellBase``, so it runs inside ``paddle.nn.RNN`` and
``paddle.nn.BiRNN`` too. It splits its step in two: :meth:`Cell.project` is the part that does not depend on
the state, so the unroller computes it for all steps in ONE matrix product; :meth:`Cell.step` is the rest.
A new variant (a GRU, an SRN with residual connections) is a new pair of these two methods.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nndl.error import SettingError
from nndl.op.setting import whole

import paddle.nn.functional as F
from paddle import Tensor, addmm, full, nn, split, zeros

State = Any  # a tensor, or a tuple of tensors, each [B, D]


class Cell(nn.RNNCellBase):
    """What the cells share: the parameters W, U, b, for one gate or several gates side by side.

    A subclass says how many ``gates`` it has, G, and how many tensors make up its state, ``states``.

    Shapes: W float [M, G·D], U float [D, G·D], b float [1, G·D].

    Args:
        input_size: M.
        hidden_size: D.
        W_attr, U_attr, b_attr: Paddle's parameter attributes; Xavier-uniform, for each gate by itself, when left
            out (b too, as in the book: its 1×D is a matrix to Paddle). False leaves b out: it is zero for good.

    Raises:
        SettingError: a size that is no whole number from 1, or False for W or U.
    """

    gates = 1
    states = 1

    def __init__(
        self, input_size: int, hidden_size: int, W_attr: Any = None, U_attr: Any = None, b_attr: Any = None
    ) -> None:
        super().__init__()
        self.input_size = M = whole("input_size", input_size)
        self.hidden_size = D = whole("hidden_size", hidden_size)
        for name, attr in (("W_attr", W_attr), ("U_attr", U_attr)):
            if attr is False:
                raise SettingError(f"{name} False: expected a parameter attribute; only b can be left out")
        width = self.gates * D
        # The fan is that of one gate: the fused matrix starts like G separate ones.
        xavier = nn.initializer.XavierUniform
        self.W = self.create_parameter([M, width], attr=W_attr, default_initializer=xavier(fan_in=M, fan_out=D))
        self.U = self.create_parameter([D, width], attr=U_attr, default_initializer=xavier(fan_in=D, fan_out=D))
        if b_attr is False:  # not None: so every backend computes it without knowing
            self.register_buffer("b", zeros([1, width], self.W.dtype), persistable=False)
        else:
            self.b = self.create_parameter([1, width], attr=b_attr, default_initializer=xavier(fan_in=1, fan_out=D))
        self._steps: list[dict[str, Tensor]] | None = None

    def get_initial_states(
        self, batch_ref: Tensor, shape: Any = None, dtype: Any = None, init_value: float = 0.0, batch_dim_idx: int = 0
    ) -> State:
        """States of zeros, or of ``init_value``, for the batch of a tensor (Paddle's own costs as much as a step)."""
        if shape is not None:
            return super().get_initial_states(batch_ref, shape, dtype, init_value, batch_dim_idx)
        state = full([batch_ref.shape[batch_dim_idx], self.hidden_size], init_value, dtype or self.W.dtype)
        return state if self.states == 1 else (state,) * self.states

    @property
    def state_shape(self) -> tuple:
        """(D,), or one of these for each tensor of the state."""
        return (self.hidden_size,) if self.states == 1 else ((self.hidden_size,),) * self.states

    @property
    def has_hooks(self) -> bool:
        """Whether each step must be a call of the cell, as ``paddle.summary`` or ``weight_norm`` listens to it."""
        return bool(self._forward_pre_hooks or self._forward_post_hooks)

    def project(self, X: Tensor) -> Tensor:
        """The inputs' share, X W + b: float [..., M] to float [..., G·D]."""
        return X @ self.W + self.b

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """One step: the projected inputs [B, G·D] and the state to (output [B, D], new state)."""
        raise NotImplementedError

    def forward(self, inputs: Tensor, states: State = None) -> tuple[Tensor, State]:
        """One step from raw inputs [B, M]; the state defaults to zeros. The contract of ``RNNCellBase``."""
        if states is None:
            states = self.get_initial_states(inputs, dtype=inputs.dtype)
        return self.step(self.project(inputs), states)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}"


class SRNCell(Cell):
    r"""Simple recurrent network (简单循环网络, SRN), one step; section 6.2, printed 6.1, Elman (1990).

    .. math:: H_t = \tanh(X_t W + H_{t-1} U + b)

    Shapes: X_t [B, M], H [B, D], W [M, D], U [D, D], b [1, D].
    """

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        # H_t = tanh(X_t W + b + H_{t-1} U)
        H = F.tanh(addmm(projected, state, self.U))
        return H, H


class LSTMCell(Cell):
    r"""Long short-term memory (长短期记忆网络, LSTM), one step; section 6.5, printed 6.3, Gers et al. (2000).

    .. math::
        I_t &= \sigma(X_t W_i + H_{t-1} U_i + b_i), \quad
        F_t = \sigma(X_t W_f + H_{t-1} U_f + b_f), \quad
        O_t = \sigma(X_t W_o + H_{t-1} U_o + b_o) \\
        \tilde C_t &= \tanh(X_t W_c + H_{t-1} U_c + b_c) \\
        C_t &= F_t \odot C_{t-1} + I_t \odot \tilde C_t, \qquad H_t = O_t \odot \tanh(C_t)

    Shapes: X_t [B, M], H and C [B, D]; the four gates stand side by side in the order of Paddle, i, f, c̃, o:
    W = [W_i W_f W_c W_o] [M, 4D], U [D, 4D], b [1, 4D]. The state is the pair (H, C).
    """

    gates = 4
    states = 2

    def step(self, projected: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        H, C = state
        # all four gates in one product: X_t [W_i W_f W_c W_o] + b + H_{t-1} [U_i U_f U_c U_o]
        i, f, c, o = split(addmm(projected, H, self.U), 4, axis=-1)
        # input gate (输入门), forget gate (遗忘门), output gate (输出门), candidate state (候选状态)
        I_t, F_t, O_t, C_tilde = F.sigmoid(i), F.sigmoid(f), F.sigmoid(o), F.tanh(c)
        # cell state (内部状态): C_t = F_t ⊙ C_{t-1} + I_t ⊙ C̃_t
        C = F_t * C + I_t * C_tilde
        # H_t = O_t ⊙ tanh(C_t)
        H = O_t * F.tanh(C)
        if self._steps is not None:
            self._steps.append({"input_gate": I_t, "forget_gate": F_t, "output_gate": O_t, "cell_state": C})
        return H, (H, C)


@contextmanager
def recording(cell: LSTMCell) -> Iterator[list[dict[str, Tensor]]]:
    """Record every step of an LSTM cell while the block runs (figure 6.13).

    Yields a list that grows by one dict a step, in the order of computation, with the tensors ``input_gate``,
    ``forget_gate``, ``output_gate`` and ``cell_state``, each float [B, D].

    Example:
        >>> import nndl, paddle
        >>> lstm = nndl.LSTM(8, 4)
        >>> with recording(lstm.cells[0]) as steps:
        ...     outputs, (H, C) = lstm(paddle.randn([2, 5, 8]))
        >>> len(steps), list(steps[0]["forget_gate"].shape)
        (5, [2, 4])
    """
    cell._steps = steps = []
    try:
        yield steps
    finally:
        cell._steps = None
