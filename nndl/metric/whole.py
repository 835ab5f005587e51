"""The accuracy of whole sequences (整句准确率)."""

from nndl.error import SettingError
from nndl.metric.values import IGNORE_INDEX, Values, array, examples
from nndl.op.setting import LARGEST, whole

import numpy as np
from paddle.metric import Metric


class WholeAccuracy(Metric):
    """The share of sequences that are right at EVERY step (整句准确率): one wrong step makes a wrong answer.

    Fed with the truth (teacher forcing), a model that writes the likeliest word at each step is right throughout
    exactly where greedy generation is: up to its first mistake it is fed the same words. So the logits of training
    tell how many answers will be right in use; the accuracy of steps, which courses print, does not.

    Shapes: outputs float [B, L, C]; labels int [B, L], where ``ignore_index`` marks the padding (补齐). A sequence of
    nothing but padding is none.

    Example:
        >>> import paddle
        >>> metric = WholeAccuracy(ignore_index=0)
        >>> logits = paddle.nn.functional.one_hot(paddle.to_tensor([[2, 1, 0], [2, 2, 1]]), 3)
        >>> metric.update(logits, paddle.to_tensor([[2, 1, 0], [2, 2, 2]]))
        >>> metric.accumulate()
        0.5
    """

    def __init__(self, ignore_index: int = IGNORE_INDEX) -> None:
        super().__init__()
        self.ignore_index = whole("ignore_index", ignore_index, least=-LARGEST)
        self.num_correct = self.num_count = 0

    def update(self, outputs: Values, labels: Values) -> None:
        """Count one batch.

        Raises:
            SettingError: outputs and labels whose shapes do not fit, or labels that are no classes of these outputs.
        """
        labels = array("labels", labels)
        if labels.ndim < 2:
            raise SettingError(f"labels {list(labels.shape)}: expected those of sequences, [B, L]")
        steps, answers = examples(outputs, labels, self.ignore_index)
        is_step = labels.reshape(labels.shape[:2]) != self.ignore_index
        is_right = np.ones(is_step.shape, dtype=bool)
        is_right[is_step] = (steps.argmax(axis=1) == answers) & ~np.isnan(steps).any(axis=1)
        is_sequence = is_step.any(axis=1)
        self.num_correct += int((is_right.all(axis=1) & is_sequence).sum())
        self.num_count += int(is_sequence.sum())

    def accumulate(self) -> float:
        """The share so far, in 0..1; 0 when nothing was counted."""
        return self.num_correct / self.num_count if self.num_count else 0.0

    def reset(self) -> None:
        """Forget all batches."""
        self.num_correct = self.num_count = 0

    def name(self) -> str:
        return "WholeAccuracy"
