"""Pooling over time (汇聚层)."""

import paddle
from paddle import Tensor, nn


def masked_mean(X: Tensor, sequence_length: Tensor) -> Tensor:
    r"""The mean of the first ``sequence_length`` steps of each sequence; zeros for an empty one.

    .. math:: \bar{x} = \frac{1}{\max(n, 1)} \sum_{t < n} x_t

    Shapes: X float [B, L, D], sequence_length int [B] with values 0..L; result float [B, D].
    """
    steps = paddle.arange(X.shape[1], dtype="int64")
    mask = (steps < sequence_length.astype("int64").unsqueeze(-1)).unsqueeze(-1)  # [B, L, 1]
    # where, not a product: whatever stands in the padding (补齐), NaN included, must not count.
    total = paddle.where(mask, X, paddle.zeros_like(X)).sum(axis=1)
    return total / sequence_length.clip(min=1).astype(X.dtype).unsqueeze(-1)


class AveragePooling(nn.Layer):
    """:func:`masked_mean` as a layer, as the book's text model calls it (section 6.7, printed 6.4.2).

    Shapes: sequence_output float [B, L, D], sequence_length int [B]; result float [B, D].
    """

    def forward(self, sequence_output: Tensor, sequence_length: Tensor) -> Tensor:
        return masked_mean(sequence_output, sequence_length)
