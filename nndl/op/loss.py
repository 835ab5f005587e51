"""The loss (损失函数) of the chapter's classifiers."""

import paddle
from paddle import Tensor, _C_ops, nn


class CrossEntropyLoss(nn.CrossEntropyLoss):
    r"""``paddle.nn.CrossEntropyLoss()``, its operators and its results: the mean cross-entropy (交叉熵) of a batch.

    .. math:: -\frac{1}{N} \sum_n \log p(y_n), \qquad p = \operatorname{softmax}(z)

    At each call Paddle 3.3.1 computes also what only a loss with class weights needs, which takes a small model longer
    than the loss. For weights, soft labels or a label of the padding take Paddle's.

    Shapes: logits z float [N, C], also [B, L, C]; labels y int64 [N] or [N, 1]; result float [].

    Example:
        >>> round(CrossEntropyLoss()(paddle.zeros([3, 4]), paddle.to_tensor([2, 0, 1])).item(), 6)  # log 4
        1.386294
    """

    def __init__(self) -> None:
        super().__init__()

    def forward(self, input: Tensor, label: Tensor) -> Tensor:
        if not paddle.in_dynamic_mode() or 0 in input.shape or label.ndim not in (input.ndim, input.ndim - 1):
            return super().forward(input, label)
        y = label if label.ndim == input.ndim else label.unsqueeze(-1)
        _, losses = _C_ops.cross_entropy_with_softmax(input, y, False, True, True, self.ignore_index, -1)
        return _C_ops.mean_all(losses)
