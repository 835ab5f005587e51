"""The text model: a bidirectional LSTM reads a review (双向 LSTM 文本分类)."""

from functools import partial

from nndl.dataset.text import PAD, UNK
from nndl.error import SettingError
from nndl.model.last_state import last_state
from nndl.op import LSTM, AveragePooling, masked_max
from nndl.op.backend import BACKENDS
from nndl.op.backend.native_layer import NativeLSTM
from nndl.op.embedding import check_indices
from nndl.op.lengths import as_lengths
from nndl.op.recurrent import DIRECTIONS, MOST_LAYERS
from nndl.op.setting import choice, probability, whole
from nndl.op.twin import PADDLES_DIRECTIONS

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

WITH_PADDLES_PARAMETERS = {"paddle": nn.LSTM, "native": NativeLSTM}
POOLINGS = ("mean", "max", "last")


class Model_BiLSTM_FC(nn.Layer):
    """The text model (section 6.7, printed 6.4.3): embedding, LSTM, pooling over time (汇聚层), classifier.

    The LSTM is Paddle's, as in the book, unless another is asked for. The padding (补齐) changes nothing: the LSTM
    stops at a review's length, in both directions, and the pooling leaves the rest out.

    It can be exported (``paddle.jit.save``) where Paddle computes the LSTM; after training with an operator of ours,
    ``model.lstm_layer = model.lstm_layer.to_paddle()`` puts Paddle's in its place, which computes the same.

    Shapes: inputs (ids int64 [B, L], sequence_length int64 [B] with values 1..L, or 0 where the pooling is not "max");
    result logits (对数几率) float [B, num_classes].

    Args:
        num_embeddings: the size of the vocabulary; id 0 is [PAD].
        input_size: M, the size of an embedding.
        hidden_size: D, of one direction.
        num_classes: the number of classes.
        num_layers: the depth of the LSTM.
        direction: "forward" or "bidirectional".
        pooling: "mean" over time, "max" over time, or "last", the last state of each direction.
        dropout: the probability that an entry of an embedding, of a state between two layers, or of the pooled
            state is dropped in training.
        word_dropout: the probability that a word is replaced by [UNK], id 1, in training.
        backend: what computes the LSTM: "paddle"; "native", with the same parameters; or our own operators "fused",
            "bptt" and "stepwise", with theirs, see :class:`nndl.LSTM`.

    Raises:
        SettingError: a setting out of its range, or, in use, ids or lengths of a wrong shape, dtype or range.
        DataError: in use, an id outside the vocabulary.

    Example:
        >>> import paddle
        >>> model = Model_BiLSTM_FC(num_embeddings=100, input_size=8, hidden_size=4)
        >>> ids, lengths = paddle.to_tensor([[5, 6, 7], [8, 0, 0]]), paddle.to_tensor([3, 1])
        >>> list(model((ids, lengths)).shape)
        [2, 2]
    """

    def __init__(
        self,
        num_embeddings: int,
        input_size: int,
        hidden_size: int,
        num_classes: int = 2,
        num_layers: int = 1,
        direction: str = "bidirectional",
        pooling: str = "mean",
        dropout: float = 0.0,
        word_dropout: float = 0.0,
        backend: str = "paddle",
    ) -> None:
        super().__init__()
        whole("num_embeddings", num_embeddings, least=2)  # [PAD] and [UNK]
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size), ("num_classes", num_classes)):
            whole(name, size)
        whole("num_layers", num_layers, most=MOST_LAYERS)
        choice("direction", direction, PADDLES_DIRECTIONS)
        choice("pooling", pooling, POOLINGS)
        choice("backend", backend, BACKENDS)
        probability("dropout", dropout)
        probability("word_dropout", word_dropout)
        self.pooling, self.dropout, self.word_dropout = pooling, dropout, word_dropout
        self.embedding_layer = nn.Embedding(num_embeddings, input_size, padding_idx=0)
        make = WITH_PADDLES_PARAMETERS.get(backend) or partial(LSTM, backend=backend)
        self.lstm_layer = make(input_size, hidden_size, num_layers, direction, dropout=dropout)
        self.average_layer = AveragePooling()
        self.output_layer = nn.Linear(hidden_size * DIRECTIONS[direction], num_classes)

    def forward(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        ids, sequence_length = inputs
        if ids.ndim != 2:
            raise SettingError(f"ids of shape {list(ids.shape)}: expected (ids [B, L], sequence_length [B])")
        check_indices(ids, self.embedding_layer.weight.shape[0])
        sequence_length = as_lengths(sequence_length, *ids.shape)
        if self.training and self.word_dropout:
            is_dropped = (paddle.rand(ids.shape) < self.word_dropout) & (ids != PAD)
            ids = paddle.where(is_dropped, paddle.full_like(ids, UNK), ids)
        X = F.dropout(self.embedding_layer(ids), self.dropout, training=self.training)
        outputs, (H, _) = self.lstm_layer(X, sequence_length=sequence_length)
        pooled = self._pool(outputs, H, sequence_length)
        return self.output_layer(F.dropout(pooled, self.dropout, training=self.training))

    def _pool(self, outputs: Tensor, H: Tensor, sequence_length: Tensor) -> Tensor:
        if self.pooling == "mean":
            return self.average_layer(outputs, sequence_length)
        if self.pooling == "max":
            return masked_max(outputs, sequence_length)
        return last_state(self.lstm_layer, (outputs, H))
