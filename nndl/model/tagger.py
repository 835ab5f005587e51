"""The tagger (序列标注): from a sequence to one as long, a tag for each word, synchronous (同步的序列到序列)."""

from nndl.dataset.text import PAD, UNK
from nndl.error import SettingError
from nndl.op import Embedding
from nndl.op.lengths import as_lengths, valid_steps
from nndl.op.setting import probability, whole

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn


def context_window(X: Tensor, window: int) -> Tensor:
    """Each step beside its neighbours, zeros beyond the ends: float [B, L, M] to [B, L, window · M].

    >>> context_window(paddle.to_tensor([[[1.0], [2.0], [3.0]]]), 3).tolist()
    [[[0.0, 1.0, 2.0], [1.0, 2.0, 3.0], [2.0, 3.0, 0.0]]]
    """
    L, r = X.shape[1], window // 2
    padded = F.pad(X, [r, r], data_format="NLC")
    return paddle.concat([padded[:, k : k + L] for k in range(window)], axis=-1) if r else X


class Tagger(nn.Layer):
    r"""Embedding, context window (上下文窗口), any layer over the steps, linear layer; Mesnil et al. (2013, 2015).

    .. math:: X_t = [e_{t-r}; \dots; e_t; \dots; e_{t+r}], \qquad H_t = \text{layer}(X)_t, \qquad
              \text{logits}_t = H_t W + b

    Shapes: inputs (ids int64 [B, L], sequence_length int64 [B]); result logits (对数几率) float [B, L, num_tags]. The
    padding (补齐), id 0, changes nothing.

    Args:
        num_words: the size of the vocabulary; id 0 is [PAD], 1 [UNK].
        num_tags: the number of tags.
        input_size: M, the size of an embedding.
        layer: called as ``layer(X, sequence_length=lengths)`` with X float [B, L, window · M], returns a pair whose
            first are outputs [B, L, layer.output_size], as each layer of :class:`nndl.Recurrent` does.
        window: an odd number of words, the one to be tagged in their middle; 1 for that word alone.
        dropout: the probability that a number of an embedding or of an output is dropped in training.
        word_dropout: the probability that a word is replaced by [UNK] in training.

    Raises:
        SettingError: a setting out of its range, or, in use, lengths out of theirs.
        DataError: in use, an id outside the vocabulary.

    Example:
        >>> import nndl
        >>> model = Tagger(100, 5, 8, nndl.SRN(3 * 8, 4), window=3)
        >>> list(model((paddle.to_tensor([[5, 6, 7], [8, 0, 0]]), paddle.to_tensor([3, 1]))).shape)
        [2, 3, 5]
    """

    def __init__(
        self,
        num_words: int,
        num_tags: int,
        input_size: int,
        layer: nn.Layer,
        window: int = 1,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if whole("window", window) % 2 == 0:
            raise SettingError(f"window {window}: expected an odd number, the word to be tagged in the middle")
        self.embedding = Embedding(whole("num_words", num_words, least=2), input_size)
        self.layer, self.window = layer, window
        self.linear = nn.Linear(layer.output_size, whole("num_tags", num_tags))
        self.dropout, self.word_dropout = probability("dropout", dropout), probability("word_dropout", word_dropout)

    def forward(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        ids, lengths = inputs
        lengths = as_lengths(lengths, *ids.shape)
        if self.training and self.word_dropout:
            is_dropped = (paddle.rand(ids.shape) < self.word_dropout) & (ids != PAD)
            ids = paddle.where(is_dropped, paddle.full_like(ids, UNK), ids)
        # the padding is zeros, as what is beyond the ends of the longest sentence
        X = self.embedding(ids) * valid_steps(lengths, ids.shape[1], 1).astype(self.embedding.W.dtype)
        X = context_window(F.dropout(X, self.dropout, training=self.training), self.window)
        H, _ = self.layer(X, sequence_length=lengths)
        return self.linear(F.dropout(H, self.dropout, training=self.training))
