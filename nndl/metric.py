"""Metrics of the course."""

from typing import Any

import numpy as np
import paddle
from paddle import Tensor
from paddle.metric import Metric

from nndl.error import SettingError

Values = Tensor | np.ndarray | list


class Accuracy(Metric):
    """The share of right predictions (准确率) over all batches since the last reset.

    An output that is NaN (not a number) is never right. As ``paddle.Model`` wants it, arrays and lists serve as well
    as tensors.

    Shapes: outputs float [N, C] with one score a class, or [N, 1] for two classes; labels int [N] or [N, 1].

    Args:
        is_logist: how outputs of the form [N, 1] are cut: logits (对数几率) at 0, or, if False, probabilities
            at 0.5. The name is the book's.

    Example:
        >>> import paddle
        >>> metric = Accuracy()
        >>> metric.update(paddle.to_tensor([[0.2, 0.8], [0.9, 0.1]]), paddle.to_tensor([1, 1]))
        >>> metric.accumulate()
        0.5
    """

    def __init__(self, is_logist: bool = True) -> None:
        super().__init__()
        self.is_logist = is_logist
        self.num_correct = 0
        self.num_count = 0

    def update(self, outputs: Values, labels: Values) -> None:
        """Count one batch.

        Raises:
            SettingError: outputs and labels whose shapes do not fit, or labels that are no classes of these outputs.
        """
        outputs, labels = _array("outputs", outputs), _array("labels", labels)
        N, C = outputs.shape if outputs.ndim == 2 else (0, 0)
        if C == 0 or labels.shape not in ((N,), (N, 1)):
            raise SettingError(
                f"outputs {list(outputs.shape)} and labels {list(labels.shape)}: "
                "expected [N, C] or [N, 1], and [N] or [N, 1]"
            )
        labels, num_classes = labels.reshape(N).astype("float64"), max(C, 2)
        is_class = (labels >= 0) & (labels < num_classes) & (labels == np.floor(labels))
        if not is_class.all():
            raise SettingError(f"label {labels[~is_class][0]:g}: expected whole numbers from 0 to {num_classes - 1}")
        predictions = outputs[:, 0] >= (0.0 if self.is_logist else 0.5) if C == 1 else outputs.argmax(axis=1)
        is_right = (predictions == labels) & ~np.isnan(outputs).any(axis=1)
        self.num_correct += int(is_right.sum())
        self.num_count += N

    def accumulate(self) -> float:
        """The accuracy so far, in 0..1; 0 when nothing was counted."""
        return self.num_correct / self.num_count if self.num_count else 0.0

    def reset(self) -> None:
        """Forget all batches."""
        self.num_correct = self.num_count = 0

    def name(self) -> str:
        return "Accuracy"


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
