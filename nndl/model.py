"""The chapter's models."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from nndl.dataset.text import PAD, UNK
from nndl.error import SettingError
from nndl.op import LSTM, AveragePooling, Embedding, masked_max
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


class Model_RNN4SeqClass(nn.Layer):
    """The digit model (section 6.2, printed 6.1.2): embedding, recurrent layer, classifier on the last state.

    Of a layer that runs in both directions, the classifier sees the last state of each, side by side.

    To export a model trained with ours, put Paddle's layer in its place, which computes the same and can be exported:
    ``model.rnn_model = model.rnn_model.to_paddle()``, then ``paddle.jit.save``.

    Shapes: inputs int64 [B, L] with digits 0..num_digits-1; result logits (对数几率) float [B, num_classes].

    Args:
        model: the recurrent layer: ours, Paddle's, or a book reader's own that returns only the last hidden
            state [B, D]. A reader's own that returns (outputs, states) as Paddle's do, and runs in both directions,
            says so by an attribute num_directions = 2.
        num_digits: the number of symbols.
        input_size: M, the size of an embedding.
        hidden_size: D, the size of the hidden state (隐状态), of one direction.
        num_classes: the number of classes.

    Raises:
        SettingError: a size out of its range; a layer with time_major, or whose last state is not what the classifier
            takes.
        DataError: in use, a digit outside 0..num_digits-1.

    Example:
        >>> import nndl, paddle
        >>> model = Model_RNN4SeqClass(nndl.SRN(32, 32), 10, 32, 32, 19)
        >>> list(model(paddle.to_tensor([[6, 7, 0, 0, 1]])).shape)
        [1, 19]
    """

    def __init__(self, model: nn.Layer, num_digits: int, input_size: int, hidden_size: int, num_classes: int) -> None:
        super().__init__()
        if getattr(model, "time_major", False):
            raise SettingError("a recurrent layer with time_major=True: expected one that takes [B, L, M]")
        self.embedding = Embedding(num_digits, input_size)
        self.rnn_model = model
        self.width = num_directions(model) * whole("hidden_size", hidden_size)
        self.linear = nn.Linear(self.width, whole("num_classes", num_classes))

    def named_parameters(self, *args: Any, **settings: Any) -> Iterator[tuple[str, Tensor]]:
        """As the book's ``custom_print_log`` looks for them: a layer of one cell has ``rnn_model.W``, ``.U``, ``.b``.

        In ``state_dict``, and so in files, they are called ``rnn_model.cells.0.W`` and so on.
        """
        cells = getattr(self.rnn_model, "cells", ())
        for name, parameter in super().named_parameters(*args, **settings):
            yield name.replace("rnn_model.cells.0.", "rnn_model.") if len(cells) == 1 else name, parameter

    def forward(self, inputs: Tensor) -> Tensor:
        layer = self.rnn_model
        H = last_state(layer, layer(self.embedding(inputs)))
        expected = [inputs.shape[0], self.width]
        if paddle.in_dynamic_mode() and list(H.shape) != expected:
            raise SettingError(
                f"a recurrent layer with last states of shape {list(H.shape)}: expected {expected}; "
                "hidden_size must be the layer's, and its inputs [B, L, M]"
            )
        return self.linear(H)


def num_directions(layer: nn.Layer) -> int:
    """1 or 2; 1 where a layer does not say."""
    return 2 if isinstance(layer, nn.BiRNN) else getattr(layer, "num_directions", 1)


def last_state(layer: nn.Layer, result: Any) -> Tensor:
    """What a recurrent layer knows at the end of the sequence: float [B, D · num_directions].

    Args:
        result: what the layer returned: the last hidden state [B, D] by itself, or (outputs, states). The states are H
            [N, B, D] or (H, C); those of ``paddle.nn.RNN`` have no N, and ``paddle.nn.BiRNN`` returns a pair of these.

    Raises:
        SettingError: a single tensor of another shape; outputs of two directions from a layer that does not say so.
    """
    if not isinstance(result, tuple | list):
        if result.ndim != 2:
            raise SettingError(
                f"a recurrent layer that returns one tensor of shape {list(result.shape)}: expected the last hidden "
                "state [B, D], or (outputs, states) as Paddle's layers return them"
            )
        return result
    outputs, states, *_ = result
    if isinstance(layer, nn.BiRNN):
        return paddle.concat([_hidden(state) for state in states], axis=-1)
    H = _hidden(states)
    if H.ndim == 3:  # the last layer's directions are at the end
        last = paddle.unbind(H)[-num_directions(layer) :]
        H = paddle.concat(last, axis=-1) if len(last) == 2 else last[0]
    if not hasattr(layer, "num_directions") and outputs.shape[-1] == 2 * H.shape[-1]:
        raise SettingError(
            "a recurrent layer with outputs twice as wide as its last state: expected an attribute num_directions, "
            "2 if it runs in both directions, else 1"
        )
    return H


def _hidden(state: Any) -> Tensor:
    """H, of H or of (H, C)."""
    return state[0] if isinstance(state, tuple | list) else state


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
