"""Metrics of the course: accuracy, cross-entropy, perplexity, also of sequences (序列), and the mean squared error.

A metric of which lower is better says so by an attribute ``lower_is_better = True``.
"""

import math
from typing import Any

from nndl.error import SettingError
from nndl.op.setting import LARGEST, whole

import numpy as np
import paddle
from paddle import Tensor
from paddle.metric import Metric

Values = Tensor | np.ndarray | list
IGNORE_INDEX = -100  # Paddle's, of its cross-entropy


def lower_is_better(metric: Any) -> bool:
    """The sense of a metric: higher is better unless its attribute of this name is True.

    Raises:
        SettingError: the attribute is something else, such as a method.
    """
    sense = getattr(metric, "lower_is_better", False)
    if not isinstance(sense, bool):
        raise SettingError(f"lower_is_better {sense!r} of {type(metric).__name__}: expected True or False")
    return sense


class Accuracy(Metric):
    """The share of right predictions (准确率) over all batches since the last reset.

    An output that is NaN (not a number) is never right. As ``paddle.Model`` wants it, arrays and lists serve as well
    as tensors.

    Shapes: outputs float [N, C] with one score a class, or [N, 1] for two classes; labels int [N] or [N, 1].
    Of sequences, outputs float [B, L, C] or [B, L, 1]; labels int [B, L] or [B, L, 1], where ``ignore_index`` marks
    the padding (补齐), which is left out. The same labels serve ``paddle.nn.CrossEntropyLoss``; give both an
    ``ignore_index`` from 0 on, such as the id of [PAD]: with a negative one, its default too, that loss leaves the
    padding out of the sum but divides by the number of all steps (seen in Paddle 3.3.1).

    Args:
        is_logist: how outputs of one column are cut: logits (对数几率) at 0, or, if False, probabilities at 0.5.
            The name is the book's.
        ignore_index: the label of the padding of sequences; an example by itself has none.

    Example:
        >>> import paddle
        >>> metric = Accuracy()
        >>> metric.update(paddle.to_tensor([[0.2, 0.8], [0.9, 0.1]]), paddle.to_tensor([1, 1]))
        >>> metric.accumulate()
        0.5
    """

    def __init__(self, is_logist: bool = True, ignore_index: int = IGNORE_INDEX) -> None:
        super().__init__()
        self.is_logist = is_logist
        self.ignore_index = whole("ignore_index", ignore_index, least=-LARGEST)
        self.num_correct = 0
        self.num_count = 0

    def update(self, outputs: Values, labels: Values) -> None:
        """Count one batch.

        Raises:
            SettingError: outputs and labels whose shapes do not fit, or labels that are no classes of these outputs.
        """
        outputs, labels = _examples(outputs, labels, self.ignore_index)
        is_one_column = outputs.shape[1] == 1
        predictions = outputs[:, 0] >= (0.0 if self.is_logist else 0.5) if is_one_column else outputs.argmax(axis=1)
        is_right = (predictions == labels) & ~np.isnan(outputs).any(axis=1)
        self.num_correct += int(is_right.sum())
        self.num_count += len(labels)

    def accumulate(self) -> float:
        """The accuracy so far, in 0..1; 0 when nothing was counted."""
        return self.num_correct / self.num_count if self.num_count else 0.0

    def reset(self) -> None:
        """Forget all batches."""
        self.num_correct = self.num_count = 0

    def name(self) -> str:
        return "Accuracy"


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
        outputs, labels = _examples(outputs, labels, self.ignore_index)
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
        outputs, targets = _array("outputs", outputs), _array("targets", targets)
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


def _examples(outputs: Values, labels: Values, ignore_index: int) -> tuple[np.ndarray, np.ndarray]:
    """What is to be counted: outputs [N, C] and their labels float64 [N], of sequences the steps without padding."""
    outputs, labels = _array("outputs", outputs), _array("labels", labels)
    *shape, C = outputs.shape if outputs.ndim in (2, 3) else (0,)
    if C == 0 or labels.shape not in ((*shape,), (*shape, 1)):
        raise SettingError(
            f"outputs {list(outputs.shape)} and labels {list(labels.shape)}: "
            "expected [N, C] or [N, 1], and [N] or [N, 1]; of sequences [B, L, C], and [B, L]"
        )
    is_sequence = outputs.ndim == 3
    outputs, labels, num_classes = outputs.reshape(-1, C), labels.reshape(-1).astype("float64"), max(C, 2)
    if is_sequence:
        is_step = labels != ignore_index
        outputs, labels = outputs[is_step], labels[is_step]
    is_class = (labels >= 0) & (labels < num_classes) & (labels == np.floor(labels))
    if not is_class.all():
        raise SettingError(f"label {labels[~is_class][0]:g}: expected whole numbers from 0 to {num_classes - 1}")
    return outputs, labels


def _array(name: str, values: Any) -> np.ndarray:
    if isinstance(values, Tensor):
        values = (values.astype("float32") if values.dtype == paddle.bfloat16 else values).numpy()
    try:
        values = np.asarray(values)
    except ValueError:  # a list whose rows differ in length
        values = np.asarray(values, dtype=object)
    if values.dtype.kind not in "fiub":
        raise SettingError(f"{name} of dtype {values.dtype}: expected numbers")
    return values
