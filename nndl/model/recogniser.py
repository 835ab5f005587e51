"""The recogniser: a label, or the blank, for every step of a sequence (连接时序分类)."""

from nndl.error import SettingError
from nndl.op.lengths import as_lengths
from nndl.op.setting import probability, whole

import paddle.nn.functional as F
from paddle import Tensor, nn


class Recogniser(nn.Layer):
    """Recurrent layers over the steps, then a linear layer: at every step the scores of φ and of each label.

    It hands the lengths on, as loss and metric need them: :class:`nndl.ctc.CTCLoss`, :class:`nndl.LabelErrorRate`.

    Shapes: inputs (X float [B, T, M], lengths int [B]); result (logits float [B, T, V], lengths int64 [B]), where
    V = num_labels + 1, and symbol 0 is the blank φ.

    Args:
        layer: recurrent, ours: from [B, T, M] to (outputs [B, T, layer.output_size], last states).
        num_labels: without the blank.
        dropout: the probability that a number of the layer's outputs is dropped in training.

    Raises:
        SettingError: a setting out of its range; in use, inputs or lengths that do not fit.

    Example:
        >>> import nndl, paddle
        >>> model = Recogniser(nndl.GRU(8, 16, direction="bidirectional"), num_labels=10)
        >>> logits, lengths = model((paddle.randn([2, 30, 8]), paddle.to_tensor([30, 21])))
        >>> list(logits.shape), lengths.tolist()
        ([2, 30, 11], [30, 21])
    """

    def __init__(self, layer: nn.Layer, num_labels: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.layer, self.dropout = layer, probability("dropout", dropout)
        if not hasattr(layer, "output_size"):
            raise SettingError(f"layer of {type(layer).__name__}: expected one of ours, such as nndl.GRU(8, 64)")
        self.output_layer = nn.Linear(layer.output_size, whole("num_labels", num_labels) + 1)

    def forward(self, inputs: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        X, lengths = inputs
        lengths = as_lengths(lengths, *X.shape[:2])
        H, _ = self.layer(X, sequence_length=lengths)
        return self.output_layer(F.dropout(H, self.dropout, training=self.training)), lengths
