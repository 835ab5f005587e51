"""Metrics of the course."""

from paddle import Tensor
from paddle.metric import Metric

from nndl.error import SettingError


class Accuracy(Metric):
    """The share of right predictions (准确率) over all batches since the last reset.

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

    def update(self, outputs: Tensor, labels: Tensor) -> None:
        """Count one batch.

        Raises:
            SettingError: outputs and labels whose shapes do not fit.
        """
        N = outputs.shape[0] if outputs.ndim else 0
        if outputs.ndim != 2 or labels.shape not in ([N], [N, 1]):
            raise SettingError(
                f"outputs {list(outputs.shape)} and labels {list(labels.shape)}: "
                "expected [N, C] or [N, 1], and [N] or [N, 1]"
            )
        if outputs.shape[1] == 1:
            predictions = outputs[:, 0] >= (0.0 if self.is_logist else 0.5)
        else:
            predictions = outputs.argmax(axis=-1)
        correct = predictions.astype("int64") == labels.reshape([N]).astype("int64")
        self.num_correct += int(correct.sum())
        self.num_count += N

    def accumulate(self) -> float:
        """The accuracy so far, in 0..1; 0 when nothing was counted."""
        return self.num_correct / self.num_count if self.num_count else 0.0

    def reset(self) -> None:
        """Forget all batches."""
        self.num_correct = self.num_count = 0

    def name(self) -> str:
        return "Accuracy"
