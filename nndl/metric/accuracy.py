"""The accuracy (准确率), also of sequences (序列)."""

from nndl.metric.values import IGNORE_INDEX, Values, examples
from nndl.op.setting import LARGEST, whole

import numpy as np
from paddle.metric import Metric


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
        outputs, labels = examples(outputs, labels, self.ignore_index)
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
