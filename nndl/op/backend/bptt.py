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

The sums for W, b and X are those of the one product that projects the inputs, so Paddle finds them from all
:math:`\delta_t`. What the forward pass computed at a step is needed again in the backward pass, so all of it is kept:
the memory grows linearly with the number of steps.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from nndl import paddle_versions
from nndl.op.cell import LSTMCell
from nndl.op.lengths import as_lengths, valid_steps
from nndl.op.state import State, split_states, stack_states

import paddle
import paddle.nn.functional as F
from paddle import Tensor
from paddle.base import core


def unroll(
    cells: Sequence[LSTMCell], X: Tensor, states: State = None, sequence_length: Tensor | None = None
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Run the LSTM cells of one layer over all steps; arguments and results as of :func:`nndl.op.unroll`."""
    (B, L), X, valid = X.shape[:2], X.transpose([1, 0, 2]), None  # a step's inputs lie together
    if sequence_length is not None:
        sequence_length = as_lengths(sequence_length, B, L)
        if B and int(sequence_length.min()) < L:
            valid = valid_steps(sequence_length, L, time_axis=0)
            X = paddle.where(valid, X, paddle.zeros_like(X))
    sides, last_states = [], []
    given = None if states is None else split_states(states, len(cells))
    for k, cell in enumerate(cells):
        state = given[k] if given else cell.get_initial_states(X, dtype=X.dtype, batch_dim_idx=1)
        Y, *last = _LSTM(cell, X, *state, valid, k == 1).results()
        sides.append(Y)
        last_states.append(tuple(last))
    Y = paddle.concat(sides, axis=-1) if len(sides) > 1 else sides[0]
    if valid is not None:
        Y = paddle.where(valid, Y, paddle.zeros_like(Y))
    return Y.transpose([1, 0, 2]), stack_states(last_states)


def why_not() -> str:
    """Why it cannot be had here, in one line; empty where it can."""
    return paddle_versions.why_not()


class _Steps(NamedTuple):
    """What the forward pass computes: at each step, and the last states."""

    H_before: list[Tensor]
    C_before: list[Tensor]
    gates: list[tuple[Tensor, ...]]
    Y: list[Tensor]
    H: Tensor
    C: Tensor


class _Found(NamedTuple):
    """What the backward pass finds: δ [L, B, 4D] and the gradients of the first states; and what dU needs besides."""

    delta: Tensor
    dH: Tensor
    dC: Tensor
    H_before: list[Tensor]

    def dU(self) -> Tensor:
        """dU = Σ_t H_{t-1}ᵀ δ_t."""
        return paddle.matmul(paddle.concat(self.H_before), self.delta.flatten(0, 1), transpose_x=True)


def _forward(projected: Tensor, U: Tensor, H: Tensor, C: Tensor, valid: Tensor | None, reverse: bool) -> _Steps:
    L = projected.shape[0]
    steps = _Steps([H] * L, [C] * L, [()] * L, [H] * L, H, C)
    inputs = paddle.unbind(projected)
    for t in reversed(range(L)) if reverse else range(L):
        steps.H_before[t], steps.C_before[t] = H, C
        # addmm is faster, but Paddle cannot differentiate it twice
        preactivations = inputs[t] + H @ U if paddle.is_grad_enabled() else paddle.addmm(inputs[t], H, U)
        i, f, c, o = paddle.split(preactivations, 4, axis=-1)
        I_t, F_t, C_tilde, O_t = F.sigmoid(i), F.sigmoid(f), F.tanh(c), F.sigmoid(o)
        C = F_t * C + I_t * C_tilde
        tanh_C = F.tanh(C)
        H = steps.Y[t] = O_t * tanh_C
        steps.gates[t] = (I_t, F_t, C_tilde, O_t, tanh_C)
        if valid is not None:  # a sequence that has ended keeps its states
            H = paddle.where(valid[t], H, steps.H_before[t])
            C = paddle.where(valid[t], C, steps.C_before[t])
    return steps._replace(H=H, C=C)


def _backward(
    steps: _Steps, U: Tensor, dY: Tensor, dH: Tensor, dC: Tensor, valid: Tensor | None, reverse: bool
) -> _Found:
    L = len(steps.Y)
    U_T, dY, delta = U.T.contiguous(), paddle.unbind(dY), [dH] * L
    for t in range(L) if reverse else reversed(range(L)):
        I_t, F_t, C_tilde, O_t, tanh_C = steps.gates[t]
        dH_t = dY[t] + dH
        dC_t = dC + dH_t * O_t * (1 - tanh_C * tanh_C)
        delta_t = paddle.concat(
            [
                dC_t * C_tilde * I_t * (1 - I_t),
                dC_t * steps.C_before[t] * F_t * (1 - F_t),
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
    return _Found(paddle.stack(delta), dH, dC, steps.H_before)


class _LSTM:
    """Ties the results of the forward pass to the gradients of the backward pass, for any number of the latter.

    Paddle's ``PyLayer`` is made for that, but the one of 3.3.1 kills the process at a second backward pass through one
    graph, and fails where only some gradients are asked for. Here links without elements lead from the results to what
    they depend on; so Paddle asks for gradients there, and hooks give it those found by hand.
    """

    def __init__(self, cell: LSTMCell, X: Tensor, H: Tensor, C: Tensor, valid: Tensor | None, reverse: bool) -> None:
        self.cell, self.X, self.U, self.H, self.C = cell, X, cell.U, H, C
        self.how = valid, reverse
        self.steps: _Steps | None = None
        self.gradients: tuple[Tensor, ...] = ()
        self.found: _Found | None = None

    def results(self) -> tuple[Tensor, Tensor, Tensor]:
        """The outputs [L, B, D] and the last states."""
        projected = self.cell.project(self.X)
        with paddle.no_grad():
            steps = _forward(projected, self.U, self.H, self.C, *self.how)
        L, B, D = len(steps.Y), *steps.H.shape
        links = []
        if paddle.is_grad_enabled():
            # A hook must not hold the tensor that it hangs on, so it hangs on copies of what self holds.
            for tensor, answer in (
                (projected, lambda found: found.delta),  # dW = Σ_t X_tᵀ δ_t, db = Σ_t δ_t, dX_t = δ_t Wᵀ follow from it
                (self.U.clone(), _Found.dU),
                (self.H.clone(), lambda found: found.dH),
                (self.C.clone(), lambda found: found.dC),
            ):
                if not tensor.stop_gradient:
                    tensor.register_hook(partial(self.answer, answer))
                    nothing = tensor[:0].reshape([0, D])
                    links.append(nothing * nothing)  # so the gradient has a history if it is to be differentiated again
        results = paddle.concat([*steps.Y, steps.H, steps.C, *links])
        if links:
            self.steps = steps
            results.register_hook(self.receive)
        rows = L * B
        return results[:rows].reshape([L, B, D]), results[rows : rows + B], results[rows + B :]

    def receive(self, gradient: Tensor) -> None:
        """The gradient of all results: a backward pass begins."""
        self.gradient, self.found = gradient, None

    def answer(self, choose: Callable[[_Found], Tensor], gradient: Tensor) -> Tensor:
        again = not gradient.is_leaf
        with paddle.set_grad_enabled(again):
            if self.found is None:
                self.found = self.backward(again)
            return choose(self.found)

    def backward(self, again: bool) -> _Found:
        """By what the forward pass kept, once; after that, or where Paddle shall keep its history, computed anew."""
        steps, self.steps = self.steps, None
        if again or steps is None:
            steps = _forward(self.cell.project(self.X), self.U, self.H, self.C, *self.how)
        if again:  # gradients with a history lead back to the hooks
            core.eager._add_backward_final_hook(self.forget)
        L, B, D = len(steps.Y), *steps.H.shape
        dY, dH, dC = self.gradient.split([L * B, B, B])
        return _backward(steps, self.U, dY.reshape([L, B, D]), dH, dC, *self.how)

    def forget(self) -> None:
        self.gradient = self.found = None
