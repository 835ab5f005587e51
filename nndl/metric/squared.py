"""The mean squared error (均方误差), of numbers."""

import math

from nndl.error import SettingError
from nndl.metric.values import Values, array

import numpy as np
from paddle.metric import Metric


class MeanSquaredError(Metric):
    r"""The mean of the squared errors (均方误差) over all numbers since the last reset, in float64; lower is better.

    .. math:: \frac{1}{N} \textstyle\sum_n (\hat y_n - y_n)^2

    Shapes: outputs and targets float, of one shape, such as [N, 1]. An output that is NaN (not a number) makes it NaN,
    and so it is when nothing was counted.

    Example:
        >>> import paddle
        >>> metric = MeanSquaredError()
        >>> metric.update(paddle.to_tensor([[1.0], [2.0]]), paddle.to_tensor([[1.0], [5.0]]))
        >>> metric.accumulate()
        4.5
    """

    lower_is_better = True

    def __init__(self) -> None:
        super().__init__()
        self.total = 0.0
        self.num_count = 0

    def update(self, outputs: Values, targets: Values) -> None:
        """Count one batch.

        Raises:
            SettingError: outputs and targets of different shapes, or that are no numbers.
        """
        outputs, targets = array("outputs", outputs), array("targets", targets)
        if outputs.shape != targets.shape:  # [N, 1] less [N] would be [N, N]
            raise SettingError(f"outputs {list(outputs.shape)} and targets {list(targets.shape)}: expected one shape")
        with np.errstate(over="ignore", invalid="ignore"):  # infinity less infinity is NaN
            self.total += float(np.square(outputs.astype("float64") - targets).sum())
        self.num_count += outputs.size

    def accumulate(self) -> float:
        """The mean squared error so far, from 0 on; NaN when nothing was counted."""
        return self.total / self.num_count if self.num_count else math.nan

    def reset(self) -> None:
        """Forget all batches."""
        self.total, self.num_count = 0.0, 0

    def name(self) -> str:
        return "MeanSquaredError"
