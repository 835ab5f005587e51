"""How long each sequence of a padded batch is: checked, converted and made a mask (掩码) in one place."""

from typing import Any

from nndl.error import SettingError

import numpy as np
import paddle
from paddle import Tensor


def as_lengths(sequence_length: Any, B: int, L: int, least: int = 0) -> Tensor:
    """The lengths of B sequences of at most L steps, given as a tensor, an array or a list, as a tensor int64 [B].

    Paddle's kernels do not check them: a length beyond L reads and writes foreign memory there.

    Raises:
        SettingError: not B whole numbers from ``least`` to L.
    """
    if not paddle.in_dynamic_mode():  # a model that is being exported has no numbers yet
        return sequence_length
    is_tensor = isinstance(sequence_length, Tensor)
    try:
        values = sequence_length.numpy() if is_tensor else np.asarray(sequence_length)
    except ValueError:  # a list of lists of different lengths
        values = np.array(None)
    if values.shape != (B,):
        raise SettingError(f"sequence_length of shape {list(values.shape)}: expected [{B}]")
    if values.dtype.kind not in "iu":
        raise SettingError(f"sequence_length of {values.dtype}: expected whole numbers, such as int64")
    if B and (values.min() < least or values.max() > L):
        found = f"sequence_length from {values.min()} to {values.max()}"
        raise SettingError(f"{found}: expected values from {least} to {L}")
    if is_tensor and sequence_length.dtype == paddle.int64:
        return sequence_length
    return paddle.to_tensor(values.astype("int64"))


def valid_steps(sequence_length: Tensor, L: int, time_axis: int) -> Tensor:
    """True where a sequence has not ended yet: bool [B, L, 1], or [L, B, 1] for time_axis 0."""
    steps = paddle.arange(L, dtype="int64")
    lengths = sequence_length.astype("int64")
    valid = steps.unsqueeze(1) < lengths if time_axis == 0 else steps < lengths.unsqueeze(1)
    return valid.unsqueeze(-1)


def reverse_within(X: Tensor, sequence_length: Tensor | None = None) -> Tensor:
    """Each sequence from ITS last element to its first; the padding stays where it is. Twice is nothing.

    Shapes: X float [B, L, M], sequence_length int [B], values 0..L, all L when left out; returns float [B, L, M].

    Example:
        >>> reverse_within(paddle.to_tensor([[[1], [2], [3], [0]]]), paddle.to_tensor([3])).flatten().tolist()
        [3, 2, 1, 0]
    """
    if sequence_length is None:
        return X.flip(1)
    B, L, M = X.shape
    # in NumPy: for a small batch so many of Paddle's operators would take longer than the layer
    steps, lengths = np.arange(L), sequence_length.numpy()[:, None]
    source = np.where(steps < lengths, lengths - 1 - steps, steps)
    rows = source + L * np.arange(B)[:, None]  # of [B·L, M]
    return X.reshape([B * L, M]).gather(paddle.to_tensor(rows.ravel())).reshape([B, L, M])
