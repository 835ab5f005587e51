"""Pooling over time (汇聚层)."""

import math

from nndl.op.lengths import as_lengths, valid_steps

import paddle
from paddle import Tensor, nn


def masked_mean(X: Tensor, sequence_length: Tensor) -> Tensor:
    r"""The mean of the first ``sequence_length`` steps of each sequence; zeros for an empty one.

    .. math:: \bar{x} = \frac{1}{\max(n, 1)} \sum_{t < n} x_t

    Shapes: X float [B, L, D], sequence_length int [B] with values 0..L; result float [B, D].

    Raises:
        SettingError: a length out of its range.
    """
    sequence_length = as_lengths(sequence_length, *X.shape[:2])
    mask = valid_steps(sequence_length, X.shape[1], time_axis=1)
    # Σ_t m_t x_t as a product [1, L] x [L, D] of each sequence: no copy of X is made.
    total = paddle.matmul(mask.astype(X.dtype), X, transpose_x=True).squeeze(1)
    if not paddle.isfinite(total).all():  # 0 · NaN is NaN: whatever stands in the padding (补齐) must not count
        total = paddle.where(mask, X, paddle.zeros_like(X)).sum(axis=1)
    return total / sequence_length.clip(min=1).astype(X.dtype).unsqueeze(-1)


def masked_max(X: Tensor, sequence_length: Tensor) -> Tensor:
    r"""The largest value of each unit over the first ``sequence_length`` steps, at least one of each sequence.

    .. math:: \hat{x} = \max_{t < n} x_t

    A NaN among these steps comes out as NaN.

    Shapes: X float [B, L, D], sequence_length int [B] with values 1..L; result float [B, D].

    Raises:
        SettingError: a length out of its range.
    """
    sequence_length = as_lengths(sequence_length, *X.shape[:2], least=1)
    mask = valid_steps(sequence_length, X.shape[1], time_axis=1)
    counted = paddle.where(mask, X, paddle.full_like(X, -math.inf))
    # Not max(axis=1) alone: on a CPU its gradient takes Paddle 3.3.1 a thousand times as long as that of argmax, ...
    largest = paddle.take_along_axis(counted, counted.argmax(axis=1, keepdim=True), axis=1).squeeze(1)
    greatest = counted.detach().max(axis=1)  # ... which passes a NaN over
    return paddle.where(greatest.isnan(), greatest, largest)


class AveragePooling(nn.Layer):
    """:func:`masked_mean` as a layer, as the book's text model calls it (section 6.7, printed 6.4.2).

    Shapes: sequence_output float [B, L, D], sequence_length int [B]; result float [B, D].
    """

    def forward(self, sequence_output: Tensor, sequence_length: Tensor) -> Tensor:
        return masked_mean(sequence_output, sequence_length)
