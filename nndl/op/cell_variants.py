"""Cells that the course names beside SRN, LSTM and GRU: each is one equation changed, with its source.

All run wherever a cell does: in :class:`nndl.op.Recurrent`, ``paddle.nn.RNN`` and ``paddle.nn.BiRNN``. No operator
knows them, so the unroller computes them, step by step.

    >>> from functools import partial
    >>> from nndl.op import Recurrent
    >>> layer = Recurrent(partial(ClockworkCell, groups=3), 2, 6, direction="bidirectional")
    >>> outputs, (H, t) = layer(paddle.randn([4, 5, 2]))
    >>> list(outputs.shape), list(H.shape)
    ([4, 5, 12], [2, 4, 6])
"""

from typing import Any

from nndl.error import SettingError
from nndl.op.cell import ACTIVATIONS, Cell, LSTMCell, SRNCell
from nndl.op.setting import probability, whole
from nndl.op.state import State

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor, concat, nn, split, where

# --- of one state ---


class JordanCell(Cell):
    r"""Jordan network (Jordan 网络), one step: the OUTPUT is fed back; Jordan (1986). An SRN is Elman's (1990).

    .. math:: H_t = \tanh(X_t W + Y_{t-1} U + b), \qquad Y_t = \tanh(H_t V + c)

    The output is squashed because it is the state: a linear one has no bound, and explodes where U or V is large.

    Shapes: X_t [B, M], H [B, D], Y [B, N], which is the output and the state; W [M, D], U [N, D], b [1, D], V [D, N],
    c [1, N].

    Args:
        output_size: N; D when left out.
        The others, by name, are those of :class:`nndl.op.Cell`; V and c start like W and b.
    """

    def __init__(self, input_size: int, hidden_size: int, output_size: int | None = None, **attrs: Any) -> None:
        N = hidden_size if output_size is None else whole("output_size", output_size)
        super().__init__(input_size, hidden_size, U_shape=[N, hidden_size], **attrs)
        self.output_size = N
        self.V = self.create_parameter([self.hidden_size, N])
        self.c = self.create_parameter([1, N])

    @property
    def state_shape(self) -> tuple:
        return (self.output_size,)

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        # H_t = tanh(X_t W + b + Y_{t-1} U)
        H = F.tanh(projected + state @ self.U)
        # Y_t = tanh(H_t V + c)
        Y = F.tanh(H @ self.V + self.c)
        self.note(hidden_state=H, output=Y)
        return Y, Y


class ResidualSRNCell(SRNCell):
    r"""SRN with a residual connection (残差连接) between hidden states, one step; exercise 6.1.

    .. math:: H_t = H_{t-1} + \tanh(X_t W + H_{t-1} U + b)

    The derivative by :math:`H_{t-1}` is the identity and something more, so that gradients have a way around tanh: He
    et al. (2016), for layers; here between steps. Shapes and arguments as of :class:`nndl.op.SRNCell`.
    """

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        # H_t = H_{t-1} + tanh(X_t W + b + H_{t-1} U)
        H = state + ACTIVATIONS[self.activation](projected + state @ self.U)
        self.note(hidden_state=H)
        return H, H


class LayerNormSRNCell(SRNCell):
    r"""SRN with layer normalisation (层归一化), one step; Ba et al. (2016).

    .. math::
        A_t &= X_t W + H_{t-1} U, \qquad H_t = \tanh(g \odot (A_t - \mu_t) / \sqrt{\sigma_t^2 + \epsilon} + b)

    Mean :math:`\mu_t` and variance :math:`\sigma_t^2` are those of the D numbers of one sequence at one step: no other
    sequence and no other step matters, in training as in evaluation. With D = 1 nothing is left but b.

    Shapes and arguments as of :class:`nndl.op.SRNCell`; g [D] starts at one. ε is 1e-5.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.g = self.create_parameter([self.hidden_size], default_initializer=nn.initializer.Constant(1.0))

    def project(self, X: Tensor) -> Tensor:
        """X W: the bias comes after the normalisation, which would take it away."""
        return X @ self.W

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        # A_t = X_t W + H_{t-1} U; g ⊙ (A_t - μ_t) / √(σ_t² + ε) + b
        normal = F.layer_norm(projected + state @ self.U, self.hidden_size, self.g, self.b.squeeze(0))
        H = ACTIVATIONS[self.activation](normal)
        self.note(hidden_state=H)
        return H, H


class BatchNormSRNCell(SRNCell):
    r"""SRN with batch normalisation (批归一化) per step; Laurent et al. (2016), Cooijmans et al. (2017).

    .. math::
        A_t &= X_t W + H_{t-1} U, \qquad H_t = \tanh(g \odot (A_t - \mu_t) / \sqrt{\sigma_t^2 + \epsilon} + b)

    In training mean and variance are those of the batch at the step, for each unit. In evaluation they are running
    averages, of each step its own, as Cooijmans et al. found necessary, for the first steps are unlike the later ones.
    Measured, sums of two numbers over 10 and 20 steps, mean squared error with the batch's own: .01; with averages of
    each step .06 to .09; shared by all steps .13 to .82. Steps beyond those trained, or ``most_steps``, take the last.

    The papers normalise the two products each for itself, or the inputs' alone; here their sum, as layer normalisation.
    A cell knows no lengths: sequences that have ended still count in training, with inputs of zero, so put such of like
    length into a batch. One sequence has no variance: B = 1 is for evaluation.

    Shapes and arguments as of :class:`nndl.op.SRNCell`; g [D] starts at one. The state is the pair of H and the number
    of steps done, float [B, 1]. ``norm`` has buffers in the state dict: ``means``, ``variances`` [most_steps, D], and
    ``trained`` int64 [1], how many of their rows are in use.

    Raises:
        SettingError: in training, a batch of one sequence.
    """

    most_steps = 256

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.g = self.create_parameter([self.hidden_size], default_initializer=nn.initializer.Constant(1.0))
        self.norm = _BatchNormOfSteps([self.most_steps, self.hidden_size], self.W.dtype)

    @property
    def state_shape(self) -> tuple:
        return (self.hidden_size,), (1,)

    def project(self, X: Tensor) -> Tensor:
        """X W: the bias comes after the normalisation, which would take it away."""
        return X @ self.W

    def step(self, projected: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        H, t = state
        if self.training and len(H) == 1:
            raise SettingError("BatchNormSRNCell in training, batch size 1: expected at least 2 sequences, or eval()")
        # A_t = X_t W + H_{t-1} U; H_t = tanh(g ⊙ (A_t - μ_t) / √(σ_t² + ε) + b)
        H = ACTIVATIONS[self.activation](self.norm(projected + H @ self.U, t, self.g, self.b.squeeze(0)))
        self.note(hidden_state=H)
        return H, (H, t + 1)


class _BatchNormOfSteps(nn.Layer):
    """g ⊙ (A_t - μ_t) / √(σ_t² + ε) + b, with running averages of each step, float [most_steps, D]."""

    momentum, epsilon = 0.9, 1e-5

    def __init__(self, shape: list[int], dtype: paddle.dtype) -> None:
        super().__init__()
        self.register_buffer("means", paddle.zeros(shape, dtype))
        self.register_buffer("variances", paddle.ones(shape, dtype))
        self.register_buffer("trained", paddle.zeros([1], "int64"))

    def forward(self, A: Tensor, t: Tensor, g: Tensor, b: Tensor) -> Tensor:
        """Shapes: A [B, D], t float [B, 1], g and b [D]; in training, all sequences share the latest step."""
        if self.training:
            mean, variance = paddle.zeros([2, A.shape[1]], A.dtype).unbind()  # momentum 0: these become the batch's
            normal = F.batch_norm(A, mean, variance, g, b, training=True, momentum=0.0, epsilon=self.epsilon)
            self.follow(min(int(t.max()), len(self.means) - 1), mean, variance)
            return normal
        last = self.trained.astype("int64") - 1  # Layer.to(dtype=...) makes a float of it
        row = paddle.minimum(t.squeeze(1).astype("int64"), last).clip(0)
        return (A - self.means[row]) * g / paddle.sqrt(self.variances[row] + self.epsilon) + b

    @paddle.no_grad()
    def follow(self, row: int, mean: Tensor, variance: Tensor) -> None:
        """A row's averages move towards a batch's mean and variance, [D] each; a new row starts there."""
        stays = self.momentum if row < self.trained.item() else 0.0
        for running, found in ((self.means, mean), (self.variances, variance)):
            running[row] = stays * running[row] + (1 - stays) * found
        self.trained.fill_(max(row + 1, self.trained.item()))


class IRNNCell(SRNCell):
    r"""IRNN, one step: an SRN of ReLUs whose U starts as the identity; Le et al. (2015).

    .. math::
        H_t = \mathrm{ReLU}(X_t W + H_{t-1} U + b), \qquad U = I,\ b = 0,\ W \sim N(0, .001^2) \text{ at the start}

    Without inputs a state stays what it is, and so does its gradient. U = I is also what the book's readers found as
    the remedy for a wrong initialisation (nndl/nndl, issue 75). Shapes and arguments as of :class:`nndl.op.SRNCell`;
    an attribute of a parameter that names an initializer goes first.
    """

    activation = "relu"

    def initializer(self, name: str, shape: list[int]) -> nn.initializer.Initializer:
        """The identity for U, zero for b, a normal distribution for W."""
        start = nn.initializer
        return {"W": start.Normal(0.0, 0.001), "U": start.Assign(np.eye(*shape)), "b": start.Constant(0.0)}[name]


class ResetBeforeGRUCell(Cell):
    r"""Gated recurrent unit as the book has it (重置门在乘积之前), one step; exercise 6.4, Cho et al. (2014).

    .. math::
        R_t &= \sigma(X_t W_r + H_{t-1} U_r + b_r), \qquad Z_t = \sigma(X_t W_z + H_{t-1} U_z + b_z) \\
        \tilde H_t &= \tanh(X_t W_c + (R_t \odot H_{t-1}) U_c + b_c) \\
        H_t &= Z_t \odot H_{t-1} + (1 - Z_t) \odot \tilde H_t

    The reset gate weighs the state before the product with U_c; :class:`nndl.op.GRUCell` and ``paddle.nn.GRU`` weigh
    the product. So only that one can be converted from and to Paddle.

    Shapes: X_t [B, M], H [B, D]; side by side, r, z, c: W [M, 3D], b [1, 3D]; U = [U_r U_z] [D, 2D], U_c [D, D].
    """

    gates = 3

    def __init__(
        self, input_size: int, hidden_size: int, W_attr: Any = None, U_attr: Any = None, b_attr: Any = None
    ) -> None:
        D = whole("hidden_size", hidden_size)
        super().__init__(input_size, D, W_attr, U_attr, b_attr, U_shape=[D, 2 * D])
        self.U_c = self.create_parameter([D, D])

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        D = self.hidden_size
        x_rz, x_c = split(projected, [2 * D, D], axis=-1)
        # reset gate (重置门) and update gate (更新门): R_t = σ(X_t W_r + b_r + H_{t-1} U_r), and so Z_t
        R_t, Z_t = split(F.sigmoid(x_rz + state @ self.U), 2, axis=-1)
        # candidate state (候选状态): H̃_t = tanh(X_t W_c + b_c + (R_t ⊙ H_{t-1}) U_c)
        H_tilde = F.tanh(x_c + (R_t * state) @ self.U_c)
        # H_t = Z_t ⊙ H_{t-1} + (1 - Z_t) ⊙ H̃_t
        H = (state - H_tilde) * Z_t + H_tilde
        self.note(reset_gate=R_t, update_gate=Z_t, candidate=H_tilde, hidden_state=H)
        return H, H


class PeepholeLSTMCell(LSTMCell):
    r"""LSTM whose gates see the memory (窥视孔连接), one step; Gers and Schmidhuber (2000), Gers et al. (2002).

    .. math::
        I_t &= \sigma(X_t W_i + H_{t-1} U_i + p_i \odot C_{t-1} + b_i), \quad
        F_t = \sigma(X_t W_f + H_{t-1} U_f + p_f \odot C_{t-1} + b_f) \\
        C_t &= F_t \odot C_{t-1} + I_t \odot \tilde C_t, \qquad
        O_t = \sigma(X_t W_o + H_{t-1} U_o + p_o \odot C_t + b_o)

    C̃_t, H_t, shapes and arguments as of :class:`nndl.op.LSTMCell`. A gate sees only the memory of its own unit: the
    vectors p_i, p_f, p_o [1, D] start at zero, where this is an LSTM.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        for name in ("p_i", "p_f", "p_o"):
            zero = nn.initializer.Constant(0.0)
            setattr(self, name, self.create_parameter([1, self.hidden_size], default_initializer=zero))

    def step(self, projected: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        H, C = state
        i, f, c, o = split(projected + H @ self.U, 4, axis=-1)
        # input gate (输入门), forget gate (遗忘门): I_t = σ(X_t W_i + b_i + H_{t-1} U_i + p_i ⊙ C_{t-1}), and so F_t
        I_t, F_t = F.sigmoid(i + self.p_i * C), F.sigmoid(f + self.p_f * C)
        C_tilde = ACTIVATIONS[self.candidate](c)
        # cell state (内部状态): C_t = F_t ⊙ C_{t-1} + I_t ⊙ C̃_t
        C = F_t * C + I_t * C_tilde
        # output gate (输出门), which sees the new memory: O_t = σ(X_t W_o + b_o + H_{t-1} U_o + p_o ⊙ C_t)
        O_t = F.sigmoid(o + self.p_o * C)
        # H_t = O_t ⊙ tanh(C_t)
        H = O_t * ACTIVATIONS[self.output](C)
        self.note(input_gate=I_t, forget_gate=F_t, output_gate=O_t, candidate=C_tilde, cell_state=C, hidden_state=H)
        return H, (H, C)


class CoupledLSTMCell(LSTMCell):
    r"""LSTM that writes what it forgets (耦合输入门和遗忘门), one step; Greff et al. (2017) call it CIFG.

    .. math:: C_t = F_t \odot C_{t-1} + (1 - F_t) \odot \tilde C_t

    All else, and the arguments, as of :class:`nndl.op.LSTMCell`, with three gates side by side, f, c̃, o:
    W [M, 3D], U [D, 3D], b [1, 3D]. C_t is an average: it stays within the bounds of C̃, from −1 to 1.
    """

    gates = 3

    def step(self, projected: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        H, C = state
        f, c, o = split(projected + H @ self.U, 3, axis=-1)
        # forget gate (遗忘门), output gate (输出门), candidate state (候选状态)
        F_t, O_t, C_tilde = F.sigmoid(f), F.sigmoid(o), ACTIVATIONS[self.candidate](c)
        # cell state (内部状态): C_t = F_t ⊙ C_{t-1} + (1 - F_t) ⊙ C̃_t
        C = (C - C_tilde) * F_t + C_tilde
        # H_t = O_t ⊙ tanh(C_t)
        H = O_t * ACTIVATIONS[self.output](C)
        self.note(forget_gate=F_t, output_gate=O_t, candidate=C_tilde, cell_state=C, hidden_state=H)
        return H, (H, C)


# --- of several states, or of several speeds ---


class SCRNCell(Cell):
    r"""Structurally constrained recurrent network (结构受限循环网络, SCRN), one step; Mikolov et al. (2014).

    .. math::
        S_t &= (1 - \alpha) X_t B + \alpha S_{t-1} \\
        H_t &= \sigma(X_t W + S_t P + H_{t-1} U + b)

    The context S changes slowly: what it saw fades by α a step, whatever is learnt. The paper calls W and U A and R,
    and has no b. The outputs are H beside S, as its classifier sees both.

    Shapes, with K = context_size: X_t [B, M]; H [B, D] and S [B, K], the state is the pair (H, S); outputs [B, D + K];
    W [M, D], U [D, D], b [1, D], B [M, K], P [K, D].

    Args:
        context_size: K; half of D, at least 1, when left out.
        alpha: α, from 0 up to, not including, 1.
        The others, by name, are those of :class:`nndl.op.Cell`.
    """

    def __init__(
        self, input_size: int, hidden_size: int, context_size: int | None = None, alpha: float = 0.95, **attrs: Any
    ) -> None:
        super().__init__(input_size, hidden_size, **attrs)
        self.context_size = max(1, hidden_size // 2) if context_size is None else whole("context_size", context_size)
        self.alpha = probability("alpha", alpha)
        self.output_size = self.hidden_size + self.context_size
        self.B = self.create_parameter([self.input_size, self.context_size])
        self.P = self.create_parameter([self.context_size, self.hidden_size])

    @property
    def state_shape(self) -> tuple:
        return (self.hidden_size,), (self.context_size,)

    def project(self, X: Tensor) -> Tensor:
        """[X W + b, (1 - α) X B]: float [..., M] to float [..., D + K]."""
        return concat([X @ self.W + self.b, (1 - self.alpha) * (X @ self.B)], axis=-1)

    def step(self, projected: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        H, S = state
        x_h, x_s = split(projected, [self.hidden_size, self.context_size], axis=-1)
        # context (上下文): S_t = (1 - α) X_t B + α S_{t-1}
        S = x_s + self.alpha * S
        # H_t = σ(X_t W + b + S_t P + H_{t-1} U)
        H = F.sigmoid(x_h + S @ self.P + H @ self.U)
        self.note(hidden_state=H, context=S)
        return concat([H, S], axis=-1), (H, S)


class ClockworkCell(Cell):
    r"""Clockwork RNN (时钟循环网络), one step; Koutník et al. (2014).

    Groups of units have periods 1, 2, 4, … . At step t = 0, 1, … a group whose period divides t computes

    .. math:: H_t = \tanh(X_t W + H_{t-1} U + b)

    and the others keep their :math:`H_{t-1}`. A group sees itself and those slower than itself: the other blocks of U
    are masked. All groups are computed and the wrong ones dropped: it saves no time here, unlike the paper's.

    Shapes: X_t [B, M], H [B, D], W [M, D], U [D, D], b [1, D]. The state is the pair of H and the number of steps
    done, float [B, 1]: so each sequence, in either direction, has a clock of its own.

    Args:
        groups: how many, as equal in size as can be, the fastest first; at most D.
        The others, by name, are those of :class:`nndl.op.Cell`.
    """

    def __init__(self, input_size: int, hidden_size: int, groups: int = 4, **attrs: Any) -> None:
        super().__init__(input_size, hidden_size, **attrs)
        self.groups = whole("groups", groups, most=self.hidden_size)
        periods = 2.0 ** (np.arange(self.hidden_size) * self.groups // self.hidden_size)
        sees = periods[:, None] >= periods  # [from, to]: only what is as slow, or slower
        for name, values in (("periods", periods[None]), ("mask", sees)):
            self.register_buffer(name, paddle.to_tensor(values, self.W.dtype), persistable=False)

    @property
    def state_shape(self) -> tuple:
        return (self.hidden_size,), (1,)

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        H, t = state
        # whose period divides t?
        is_due = t % self.periods == 0
        # H_t = tanh(X_t W + b + H_{t-1} U) where it is due, else H_{t-1}
        H = where(is_due, F.tanh(projected + H @ (self.U * self.mask)), H)
        self.note(hidden_state=H)
        return H, (H, t + 1)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, groups={self.groups}"
