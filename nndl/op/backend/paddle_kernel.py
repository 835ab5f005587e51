"""A layer of our cells, SRN, LSTM or GRU, by the kernel of ``paddle.nn.SimpleRNN``, ``LSTM`` and ``GRU``.

The same function as :func:`nndl.op.unroll`, on the CPU and on a GPU, in float32 and float64. Paddle's matrices are the
transposed of ours, and it has two biases; :meth:`nndl.op.Cell.weights_for_paddle` says what is what.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from nndl.error import SettingError
from nndl.op import unroller
from nndl.op.lengths import as_lengths, valid_steps
from nndl.op.state import State

import paddle
from paddle import Tensor, _C_ops, nn
from paddle.utils import flatten

MODES = {"SRN": "RNN_TANH", "LSTM": "LSTM", "GRU": "GRU"}


@cache
def _dropout_state(device: str) -> Tensor:
    """What Paddle's layers hand to the kernel too, which fills it on a GPU; there is no dropout within a layer here."""
    return nn.Layer().create_variable(dtype="uint8")


def takes(X: Tensor) -> bool:
    """Whether the kernel takes such inputs: float32 or float64."""
    return X.dtype in (paddle.float32, paddle.float64)


def unroll(
    cells: Sequence[Any], X: Tensor, states: State = None, sequence_length: Tensor | None = None
) -> tuple[Tensor, State]:
    """Run the cells of one layer over all steps; arguments and results as of :func:`nndl.op.unroll`.

    Only first derivatives exist: a second one raises RuntimeError.

    Raises:
        SettingError: a batch without a sequence or a step, at which Paddle ends the process; or lengths out of range.
    """
    if 0 in X.shape:
        raise SettingError(f"inputs of shape {list(X.shape)}: expected at least one step and one sequence")
    (B, L), K, D, kind = X.shape[:2], len(cells), cells[0].hidden_size, cells[0].kind
    lengths, shortest = None, L
    if sequence_length is not None:
        lengths = as_lengths(sequence_length, B, L)
        shortest = int(lengths.min())
    if shortest < L and states is not None and K == 2:
        # Paddle 3.3.1 finds wrong gradients of the reverse direction where steps are padded and states are given
        return unroller.unroll(cells, X, states, lengths)
    if shortest < L:  # whatever stands in the padding, NaN included, must not reach a result
        X = paddle.where(valid_steps(lengths, L, time_axis=1), X, paddle.zeros_like(X))

    before = (
        flatten(states) if states is not None else [paddle.zeros([K, B, D], X.dtype)] * (2 if kind == "LSTM" else 1)
    )
    trains = paddle.is_grad_enabled() and not all(
        tensor.stop_gradient for tensor in (X, *before, *(w for cell in cells for w in (cell.W, cell.U, cell.b)))
    )
    weights = [weight for cell in cells for weight in cell.weights_for_paddle()]
    if trains:
        weights = _tied(weights, [X, *before])
    Y, _, after = _C_ops.rnn(
        X.transpose([1, 0, 2]),
        before,
        # the matrices of all cells, then their biases
        [matrix.T for i, matrix in enumerate(weights) if i % 4 < 2]
        + [bias.squeeze(0) for i, bias in enumerate(weights) if i % 4 > 1],
        # cuDNN refuses a length of 0
        lengths if shortest else lengths.clip(min=1),
        _dropout_state(paddle.device.get_device()),
        0.0,
        K == 2,
        X.shape[2],
        D,
        1,
        MODES[kind],
        0,
        not trains,
    )
    Y = Y.transpose([1, 0, 2])
    if not shortest:
        is_there = lengths > 0
        Y = paddle.where(is_there.reshape([B, 1, 1]), Y, paddle.zeros_like(Y))
        after = [paddle.where(is_there.reshape([1, B, 1]), new, old) for new, old in zip(after, before, strict=True)]
    return Y, tuple(after) if kind == "LSTM" else after[0]


def _tied(weights: Sequence[Tensor], others: Sequence[Tensor]) -> list[Tensor]:
    """The weights, so that who asks for the gradient of one of them, or of another tensor, asks for those of all.

    Paddle's kernel fails where it is asked for the gradients of some of its weights, and not of others.
    """
    links = [
        paddle.slice(tensor, [0], [0], [0]).reshape([0, weights[0].shape[1]])
        for tensor in others
        if not tensor.stop_gradient
    ]
    return paddle.split(paddle.concat([*weights, *links]), [weight.shape[0] for weight in weights])
