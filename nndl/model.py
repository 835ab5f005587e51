"""The chapter's models."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from nndl.dataset.text import PAD, UNK
from nndl.error import SettingError
from nndl.op import LSTM, AveragePooling, Embedding, masked_max
from nndl.op.onednn import OneDNNLSTM
from nndl.op.recurrent import DIRECTIONS

LSTMS = {
    "paddle": nn.LSTM,
    "onednn": OneDNNLSTM,
    **{name: partial(LSTM, backend=name) for name in ("fused", "bptt", "stepwise")},
}
POOLINGS = ("mean", "max", "last")


class Model_RNN4SeqClass(nn.Layer):
    """The digit model (section 6.2, printed 6.1.2): embedding, recurrent layer, classifier on the last state.

    Shapes: inputs int64 [B, L] with digits 0..num_digits-1; result logits (对数几率) float [B, num_classes].

    Args:
        model: the recurrent layer: ours, Paddle's, or a book reader's own that returns only the last hidden
            state [B, D].
        num_digits: the number of symbols.
        input_size: M, the size of an embedding.
        hidden_size: D, the size of the hidden state (隐状态).
        num_classes: the number of classes.

    Example:
        >>> import nndl, paddle
        >>> model = Model_RNN4SeqClass(nndl.SRN(32, 32), 10, 32, 32, 19)
        >>> list(model(paddle.to_tensor([[6, 7, 0, 0, 1]])).shape)
        [1, 19]
    """

    def __init__(self, model: nn.Layer, num_digits: int, input_size: int, hidden_size: int, num_classes: int) -> None:
        super().__init__()
        self.embedding = Embedding(num_digits, input_size)
        self.rnn_model = model
        self.linear = nn.Linear(hidden_size, num_classes)

    def named_parameters(self, *args: Any, **settings: Any) -> Iterator[tuple[str, Tensor]]:
        """As the book's ``custom_print_log`` looks for them: a layer of one cell has ``rnn_model.W``, ``.U``, ``.b``.

        In ``state_dict``, and so in files, they are called ``rnn_model.cells.0.W`` and so on.
        """
        cells = getattr(self.rnn_model, "cells", ())
        for name, parameter in super().named_parameters(*args, **settings):
            yield name.replace("rnn_model.cells.0.", "rnn_model.") if len(cells) == 1 else name, parameter

    def forward(self, inputs: Tensor) -> Tensor:
        result = self.rnn_model(self.embedding(inputs))
        # Layers return (outputs, state), the state being H [N, B, D] or (H, C); the book's own SRN returns H [B, D].
        H = result[1] if isinstance(result, tuple) else result
        H = H[0] if isinstance(H, tuple) else H
        return self.linear(H[-1] if H.ndim == 3 else H)


class Model_BiLSTM_FC(nn.Layer):
    """The text model (section 6.7, printed 6.4.3): embedding, LSTM, pooling over time (汇聚层), classifier.

    The LSTM is Paddle's, as in the book, unless another is asked for. The padding (补齐) changes nothing: the LSTM
    stops at a review's length, in both directions, and the pooling leaves the rest out.

    Shapes: inputs (ids int64 [B, L], sequence_length int64 [B] with values 1..L); result logits (对数几率) float
    [B, num_classes].

    Args:
        num_embeddings: the size of the vocabulary; id 0 is [PAD].
        input_size: M, the size of an embedding.
        hidden_size: D, of one direction.
        num_classes: the number of classes.
        num_layers: the depth; 0 leaves the LSTM out, which makes the model a bag of words (词袋).
        direction: "forward" or "bidirectional".
        pooling: "mean" over time, "max" over time, or "last", the last state of each direction.
        dropout: the probability that an entry of an embedding, of a state between two layers, or of the pooled
            state is dropped in training.
        word_dropout: the probability that a word is replaced by [UNK], id 1, in training.
        backend: what computes the LSTM: "paddle"; "onednn", with the same parameters; or our own operators "fused",
            "bptt" and "stepwise", with theirs, see :class:`nndl.LSTM`.

    Raises:
        SettingError: a setting out of its range.

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
        if direction not in DIRECTIONS:
            raise SettingError(f"direction {direction!r}: expected one of {', '.join(DIRECTIONS)}")
        if pooling not in POOLINGS:
            raise SettingError(f"pooling {pooling!r}: expected one of {', '.join(POOLINGS)}")
        if backend not in LSTMS:
            raise SettingError(f"backend {backend!r}: expected one of {', '.join(LSTMS)}")
        if pooling == "last" and not num_layers:
            raise SettingError("pooling 'last': a bag of words has no states; expected mean or max, or num_layers >= 1")
        self.pooling, self.dropout, self.word_dropout = pooling, dropout, word_dropout
        self.embedding_layer = nn.Embedding(num_embeddings, input_size, padding_idx=0)
        self.lstm_layer = None
        width = input_size
        if num_layers:
            self.lstm_layer = LSTMS[backend](input_size, hidden_size, num_layers, direction, dropout=dropout)
            width = hidden_size * DIRECTIONS[direction]
        self.average_layer = AveragePooling()
        self.output_layer = nn.Linear(width, num_classes)

    def forward(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        ids, sequence_length = inputs
        if self.training and self.word_dropout:
            is_dropped = (paddle.rand(ids.shape) < self.word_dropout) & (ids != PAD)
            ids = paddle.where(is_dropped, paddle.full_like(ids, UNK), ids)
        X = self.embedding_layer(ids)
        outputs, H = F.dropout(X, self.dropout, training=self.training), None
        if self.lstm_layer is not None:
            outputs, (H, _) = self.lstm_layer(outputs, sequence_length=sequence_length)
        pooled = self._pool(outputs, H, sequence_length)
        return self.output_layer(F.dropout(pooled, self.dropout, training=self.training))

    def _pool(self, outputs: Tensor, H: Tensor | None, sequence_length: Tensor) -> Tensor:
        if self.pooling == "mean":
            return self.average_layer(outputs, sequence_length)
        if self.pooling == "max":
            return masked_max(outputs, sequence_length)
        num_directions = self.lstm_layer.num_directions  # H [N, B, D], the last layer's directions at the end
        return H[-num_directions:].transpose([1, 0, 2]).flatten(1)
