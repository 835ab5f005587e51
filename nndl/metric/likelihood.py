"""Cross-entropy (交叉熵) and perplexity (困惑度), also of sequences (序列)."""

import math

from nndl.metric.values import IGNORE_INDEX, Values, examples
from nndl.op.setting import LARGEST, whole

import numpy as np
from paddle.metric import Metric


class CrossEntropy(Metric):
    r"""The cross-entropy (交叉熵) in nats: the mean of -log p(label) over all examples since the last reset.

    .. math:: -\log p(y) = \log \textstyle\sum_c \exp(z_c) - z_y

    Of logits z (对数几率), in float64. Every example, of sequences every step that is no padding, counts the same,
    however they are spread over the batches. Shapes and ``ignore_index`` are those of :class:`Accuracy`; one column
    holds the logit of class 1 of two.

    A logit that is NaN (not a number) makes it NaN, and so it is when nothing was counted.

    Example:
        >>> import paddle
        >>> metric = CrossEntropy()
        >>> metric.update(paddle.zeros([1, 3, 4]), paddle.to_tensor([[2, 0, -100]]))
        >>> round(metric.accumulate(), 6)  # log 4, over two steps
        1.386294
    """

    lower_is_better = True

    def __init__(self, ignore_index: int = IGNORE_INDEX) -> None:
        super().__init__()
        self.ignore_index = whole("ignore_index", ignore_index, least=-LARGEST)
        self.total = 0.0
        self.num_count = 0

    def update(self, outputs: Values, labels: Values) -> None:
        """Count one batch.

        Raises:
            SettingError: outputs and labels whose shapes do not fit, or labels that are no classes of these outputs.
        """
        outputs, labels = examples(outputs, labels, self.ignore_index)
        z, y = outputs.astype("float64"), labels.astype(int)
        if z.shape[1] == 1:  # the sigmoid of z is the softmax of (0, z)
            z = np.concatenate([np.zeros_like(z), z], axis=1)
        with np.errstate(invalid="ignore"):  # infinity less infinity is NaN
            z -= z.max(axis=1, keepdims=True)  # so no exp overflows
            losses = np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y]
        self.total += float(losses.sum())
        self.num_count += len(y)

    def accumulate(self) -> float:
        """The cross-entropy so far, from 0 on; NaN when nothing was counted."""
        return self.total / self.num_count if self.num_count else math.nan

    def reset(self) -> None:
        """Forget all batches."""
        self.total, self.num_count = 0.0, 0

    def name(self) -> str:
        return type(self).__name__


class Perplexity(CrossEntropy):
    """The perplexity (困惑度): exp of the :class:`CrossEntropy`, from 1 on; C for a model that guesses among C classes.

    Example:
        >>> import paddle
        >>> metric = Perplexity()
        >>> metric.update(paddle.zeros([1, 3, 4]), paddle.to_tensor([[2, 0, -100]]))
        >>> round(metric.accumulate(), 6)
        4.0
    """

    def accumulate(self) -> float:
        """The perplexity so far; infinite beyond what a float holds, NaN when nothing was counted."""
        with np.errstate(over="ignore"):
            return float(np.exp(super().accumulate()))
