"""One equation a cell: the step of a recurrent network, without time, depth or direction.

A cell follows the contract of ``paddle.nn.RNNCellBase``, so it runs inside ``paddle.nn.RNN`` and
``paddle.nn.BiRNN`` too. It splits its step in two: :meth:`Cell.project` is the part that does not depend on
the state, so the unroller computes it for all steps in ONE matrix product; :meth:`Cell.step` is the rest.
A new variant is a new pair of these two methods, as those of :mod:`nndl.op.cell_variants`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nndl.error import SettingError
from nndl.op.setting import choice, whole
from nndl.op.state import State

import paddle.nn.functional as F
from paddle import Tensor, concat, full, nn, split, zeros, zeros_like

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": F.tanh,
    "sigmoid": F.sigmoid,
    "relu": F.relu,
    "identity": lambda X: X,
}
"""The functions that a cell may have in place of tanh, by name."""


class Cell(nn.RNNCellBase):
    """What the cells share: the parameters W, U, b, for one gate or several gates side by side.

    A subclass says how many ``gates`` it has, G, and what its state looks like, ``state_shape``. One whose outputs
    are not as wide as its hidden state sets ``output_size``.

    Shapes: W float [M, G·D], U float [D, G·D], b float [1, G·D].

    Args:
        input_size: M.
        hidden_size: D.
        W_attr, U_attr, b_attr: Paddle's parameter attributes; where they name no start, that of :meth:`initializer`.
            False leaves b out: it is zero for good.
        U_shape: of a cell whose U is none of [D, G·D].

    Raises:
        SettingError: a size that is no whole number from 1, or False for W or U.
    """

    gates = 1
    kind = ""
    """The name by which the operators of :mod:`nndl.op.backend` know the equation; empty where they do not."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        W_attr: Any = None,
        U_attr: Any = None,
        b_attr: Any = None,
        *,
        U_shape: list[int] | None = None,
    ) -> None:
        super().__init__()
        self.input_size = M = whole("input_size", input_size)
        self.hidden_size = self.output_size = D = whole("hidden_size", hidden_size)
        for name, attr in (("W_attr", W_attr), ("U_attr", U_attr)):
            if attr is False:
                raise SettingError(f"{name} False: expected a parameter attribute; only b can be left out")
        self.W = self.make_parameter("W", [M, self.gates * D], W_attr)
        self.U = self.make_parameter("U", U_shape or [D, self.gates * D], U_attr)
        b_shape = [1, self.biases * D]
        if b_attr is False:  # not None: so every backend computes it without knowing
            self.register_buffer("b", zeros(b_shape, self.W.dtype), persistable=False)
        else:
            self.b = self.make_parameter("b", b_shape, b_attr)
        self._records: list[list[dict[str, Tensor]]] = []  # one for each block of recording

    def make_parameter(self, name: str, shape: list[int], attr: Any = None) -> Tensor:
        """A parameter of this shape that starts as its attribute says, or else as the cell does."""
        return self.create_parameter(shape, attr=attr, default_initializer=self.initializer(name, shape))

    def initializer(self, name: str, shape: list[int]) -> nn.initializer.Initializer:
        """Where a parameter starts: Xavier-uniform (b too, as in the book: its 1×D is a matrix to Paddle).

        The fan is that of one gate: the fused matrix starts like G separate ones.
        """
        return nn.initializer.XavierUniform(fan_in=shape[0], fan_out=self.hidden_size)

    @property
    def biases(self) -> int:
        """How many vectors of D stand side by side in b: one a gate, unless a cell says otherwise."""
        return self.gates

    @property
    def state_shape(self) -> tuple:
        """Without B: (D,), or what a cell has instead; where it has several tensors, one such tuple for each."""
        return (self.hidden_size,)

    def get_initial_states(
        self, batch_ref: Tensor, shape: Any = None, dtype: Any = None, init_value: float = 0.0, batch_dim_idx: int = 0
    ) -> State:
        """States of zeros, or of ``init_value``, for the batch of a tensor (Paddle's own costs as much as a step)."""
        if shape is not None:
            return super().get_initial_states(batch_ref, shape, dtype, init_value, batch_dim_idx)
        B, dtype, shapes = batch_ref.shape[batch_dim_idx], dtype or self.W.dtype, self.state_shape
        if shapes and isinstance(shapes[0], tuple):
            return tuple(full([B, *size], init_value, dtype) for size in shapes)
        return full([B, *shapes], init_value, dtype)

    @property
    def weights(self) -> list[Tensor]:
        """W, U and b, without the search through all attributes that costs a small layer as much as its products."""
        own = self._parameters
        return [own[name] if name in own else getattr(self, name) for name in ("W", "U", "b")]

    @property
    def has_hooks(self) -> bool:
        """Whether each step must be a call of the cell, as ``paddle.summary`` or ``weight_norm`` listens to it."""
        return bool(self._forward_pre_hooks or self._forward_post_hooks)

    @property
    def is_changed(self) -> bool:
        """Whether this cell alone has an equation that its class has not."""
        own = vars(self)
        return "step" in own or "project" in own or "activation" in own or "candidate" in own or "output" in own

    @property
    def is_watched(self) -> bool:
        """Whether its own steps matter: a call for each, an equation only this cell has, or :func:`recording`."""
        return bool(self._records or self._forward_pre_hooks or self._forward_post_hooks or self.is_changed)

    def project(self, X: Tensor) -> Tensor:
        """The inputs' share, X W + b: float [..., M] to float [..., G·D]."""
        return X @ self.W + self.b

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """One step: the projected inputs [B, G·D] and the state to (output [B, D], new state)."""
        raise NotImplementedError(f"{type(self).__name__} has no step: its equation belongs there")

    def note(self, **tensors: Tensor) -> None:
        """Called once a step: hand its numbers, by name, to who is :func:`recording`; to nobody else."""
        for steps in self._records:
            steps.append(tensors)

    def forward(self, inputs: Tensor, states: State = None) -> tuple[Tensor, State]:
        """One step from raw inputs [B, M]; the state defaults to zeros. The contract of ``RNNCellBase``."""
        if states is None:
            states = self.get_initial_states(inputs, dtype=inputs.dtype)
        return self.step(self.project(inputs), states)

    @staticmethod
    def weights_of_paddle(W_ih: Tensor, W_hh: Tensor, b_ih: Tensor, b_hh: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(W, U, b) from the weights of Paddle's cell, [G·D, M], [G·D, D] and twice [G·D], which adds its biases."""
        return W_ih.T, W_hh.T, (b_ih + b_hh).unsqueeze(0)

    def weights_for_paddle(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The other way round, each still to be transposed: [M, G·D], [D, G·D] and twice [1, G·D]; b_hh is zero."""
        return self.W, self.U, self.b, zeros_like(self.b)

    def choose_activations(self, **names: str | None) -> None:
        """Remember those that are not the class's: a cell with one of its own is no operator's, see is_watched."""
        for role, name in names.items():
            if name is not None and choice(role, name, ACTIVATIONS) != getattr(self, role):
                setattr(self, role, name)

    def extra_repr(self) -> str:
        chosen = {role: getattr(self, role, "tanh") for role in ("activation", "candidate", "output")}
        others = [f"{role}={name}" for role, name in chosen.items() if name != "tanh"]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *others])


class SRNCell(Cell):
    r"""Simple recurrent network (简单循环网络, SRN), one step; section 6.2, printed 6.1, Elman (1990).

    .. math:: H_t = \tanh(X_t W + H_{t-1} U + b)

    Shapes: X_t [B, M], H [B, D], W [M, D], U [D, D], b [1, D].

    Args:
        activation: in place of tanh, one of :data:`ACTIVATIONS`; then no operator, only the unroller computes the cell.
        The others are those of :class:`Cell`.
    """

    kind, activation = "SRN", "tanh"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        W_attr: Any = None,
        U_attr: Any = None,
        b_attr: Any = None,
        *,
        activation: str | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, W_attr, U_attr, b_attr)
        self.choose_activations(activation=activation)

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        # H_t = tanh(X_t W + b + H_{t-1} U)
        H = ACTIVATIONS[self.activation](projected + state @ self.U)
        self.note(hidden_state=H)
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

    Args:
        candidate, output: in place of the tanh of C̃_t and of the tanh before the output gate, each one of
            :data:`ACTIVATIONS`; with another than tanh no operator, only the unroller computes the cell.
        The others are those of :class:`Cell`.
    """

    kind, gates, candidate, output = "LSTM", 4, "tanh", "tanh"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        W_attr: Any = None,
        U_attr: Any = None,
        b_attr: Any = None,
        *,
        candidate: str | None = None,
        output: str | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, W_attr, U_attr, b_attr)
        self.choose_activations(candidate=candidate, output=output)

    @property
    def state_shape(self) -> tuple:
        return (self.hidden_size,), (self.hidden_size,)

    def step(self, projected: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        H, C = state
        # all four gates in one product: X_t [W_i W_f W_c W_o] + b + H_{t-1} [U_i U_f U_c U_o]
        i, f, c, o = split(projected + H @ self.U, 4, axis=-1)
        # input gate (输入门), forget gate (遗忘门), output gate (输出门), candidate state (候选状态)
        I_t, F_t, O_t, C_tilde = F.sigmoid(i), F.sigmoid(f), F.sigmoid(o), ACTIVATIONS[self.candidate](c)
        # cell state (内部状态): C_t = F_t ⊙ C_{t-1} + I_t ⊙ C̃_t
        C = F_t * C + I_t * C_tilde
        # H_t = O_t ⊙ tanh(C_t)
        H = O_t * ACTIVATIONS[self.output](C)
        self.note(input_gate=I_t, forget_gate=F_t, output_gate=O_t, candidate=C_tilde, cell_state=C, hidden_state=H)
        return H, (H, C)


class GRUCell(Cell):
    r"""Gated recurrent unit (门控循环单元, GRU), one step, in Paddle's form; exercise 6.4, Cho et al. (2014).

    .. math::
        R_t &= \sigma(X_t W_r + H_{t-1} U_r + b_r), \qquad Z_t = \sigma(X_t W_z + H_{t-1} U_z + b_z) \\
        \tilde H_t &= \tanh(X_t W_c + b_c + R_t \odot (H_{t-1} U_c + b_{hc})) \\
        H_t &= (H_{t-1} - \tilde H_t) \odot Z_t + \tilde H_t

    The book's reset gate weighs :math:`H_{t-1}` before the product with :math:`U_c`; Paddle's, and so ours, weighs the
    product, its bias included. So the candidate has two biases, which cannot be added up as those of the gates are.

    Shapes: X_t [B, M], H [B, D]; side by side in the order of Paddle, r, z, c: W = [W_r W_z W_c] [M, 3D], U [D, 3D];
    b = [b_r b_z b_c b_hc] [1, 4D].
    """

    kind, gates, biases = "GRU", 3, 4

    def project(self, X: Tensor) -> Tensor:
        """[X W_r, X W_z, X W_c, 0] + b: float [..., M] to float [..., 4D]; b_hc goes along, and is added up once."""
        product = X @ self.W
        return concat([product, zeros([*X.shape[:-1], self.hidden_size], product.dtype)], axis=-1) + self.b

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        x_r, x_z, x_c, b_hc = split(projected, 4, axis=-1)
        h_r, h_z, h_c = split(state @ self.U, 3, axis=-1)
        # reset gate (重置门) and update gate (更新门): R_t = σ(X_t W_r + b_r + H_{t-1} U_r), and so Z_t
        R_t, Z_t = F.sigmoid(x_r + h_r), F.sigmoid(x_z + h_z)
        # candidate state (候选状态): H̃_t = tanh(X_t W_c + b_c + R_t ⊙ (H_{t-1} U_c + b_hc))
        H_tilde = F.tanh(x_c + R_t * (h_c + b_hc))
        # H_t = (H_{t-1} - H̃_t) ⊙ Z_t + H̃_t
        H = (state - H_tilde) * Z_t + H_tilde
        self.note(reset_gate=R_t, update_gate=Z_t, candidate=H_tilde, hidden_state=H)
        return H, H

    @staticmethod
    def weights_of_paddle(W_ih: Tensor, W_hh: Tensor, b_ih: Tensor, b_hh: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        (of_gates, c), (of_gates_too, hc) = (split(b, [b.shape[0] // 3 * 2, -1]) for b in (b_ih, b_hh))
        return W_ih.T, W_hh.T, concat([of_gates + of_gates_too, c, hc]).unsqueeze(0)

    def weights_for_paddle(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        D = self.hidden_size
        b, b_hc = split(self.b, [3 * D, D], axis=1)
        return self.W, self.U, b, concat([zeros([1, 2 * D], b.dtype), b_hc], axis=1)


@contextmanager
def recording(cell: Cell) -> Iterator[list[dict[str, Tensor]]]:
    """Record every step of a cell while the block runs (figure 6.13).

    Yields a list that grows by one dict a step, in the order of computation, with what the cell notes, each float
    [B, D]: ``hidden_state``; of an LSTM also ``input_gate``, ``forget_gate``, ``output_gate``, ``candidate`` and
    ``cell_state``; of a GRU also ``reset_gate``, ``update_gate`` and ``candidate``; of others what their step says.

    Raises:
        SettingError: something else than a :class:`Cell`, such as a layer, or a cell of Paddle's.

    Example:
        >>> import nndl, paddle
        >>> lstm = nndl.LSTM(8, 4)
        >>> with recording(lstm.cells[0]) as steps:
        ...     outputs, (H, C) = lstm(paddle.randn([2, 5, 8]))
        >>> len(steps), list(steps[0]["forget_gate"].shape)
        (5, [2, 4])
    """
    if not isinstance(cell, Cell):
        raise SettingError(f"recording of {type(cell).__name__}: expected a nndl.op.Cell, such as layer.cells[0]")
    steps: list[dict[str, Tensor]] = []
    cell._records.append(steps)
    try:
        yield steps
    finally:
        cell._records = [each for each in cell._records if each is not steps]
