"""A recurrent language model (循环语言模型): what comes next, after all that came before?"""

from typing import Any

from nndl.error import SettingError
from nndl.op import Embedding
from nndl.op.embedding import check_indices
from nndl.op.setting import probability, whole
from nndl.op.state import State, map_states

import paddle.nn.functional as F
from paddle import Tensor, nn


class OneHot(nn.Layer):
    """Symbols int64 [...] to one-hot vectors (独热向量) float [..., V]: nothing to train."""

    def __init__(self, V: int) -> None:
        super().__init__()
        self.V = whole("V", V)

    def forward(self, ids: Tensor) -> Tensor:
        check_indices(ids, self.V)
        return F.one_hot(ids, self.V)


class LanguageModel(nn.Layer):
    r"""Embedding, recurrent layer, linear layer: the logits (对数几率) of the next symbol at every step.

    .. math:: p(x_1 \dots x_T) = \prod_t p(x_t \mid x_{<t}), \quad p(x_{t+1} \mid x_{\le t}) = \text{softmax}(H_t V + c)

    The state is carried from batch to batch where a batch goes on (状态传递), cut off from the gradient (截断的 BPTT).
    Training and evaluation have a state each, so an evaluation in the midst of a training disturbs nothing.

    Shapes: inputs (ids int64 [B, L], whether they go on where the batch before ended); result float [B, L, V], V the
    vocabulary_size.

    Args:
        layer: recurrent, forward, from [B, L, M] to (outputs [B, L, D], states), such as :class:`nndl.GRU`; it has
            ``input_size`` and ``output_size``.
        vocabulary_size: the number of symbols.
        embedding: whether a symbol becomes a trained vector of ``layer.input_size``, rather than a one-hot one, of V.
        dropout: the probability that an entry of an embedding or of an output is dropped in training.

    Raises:
        SettingError: a setting out of its range; in use, a batch of another size that goes on.
        DataError: in use, an id outside the vocabulary.

    Example:
        >>> import paddle
        >>> from nndl.op import GRU
        >>> model = LanguageModel(GRU(8, 16), vocabulary_size=30)
        >>> ids = paddle.to_tensor([[3, 4, 5]])
        >>> whole_text = model((ids, False))
        >>> parts = [model((ids[:, :2], False)), model((ids[:, 2:], True))]
        >>> bool(paddle.allclose(paddle.concat(parts, axis=1), whole_text, atol=1e-6))
        True
    """

    def __init__(self, layer: Any, vocabulary_size: int, embedding: bool = True, dropout: float = 0.0) -> None:
        super().__init__()
        if (direction := getattr(layer, "direction", "forward")) != "forward":
            raise SettingError(f"a layer of direction {direction!r} reads what is to be predicted: expected forward")
        self.dropout = probability("dropout", dropout)
        V = whole("vocabulary_size", vocabulary_size)
        self.embedding_layer = Embedding(V, layer.input_size) if embedding else OneHot(V)
        self.recurrent_layer = layer
        self.output_layer = nn.Linear(layer.output_size, V)
        self._carried: dict[bool, State] = {}  # in training, in evaluation

    def forward(self, inputs: tuple[Tensor, bool]) -> Tensor:
        ids, goes_on = inputs
        logits, states = self.read(ids, self._carried.get(self.training) if goes_on else None)
        # 值传到下一批, 梯度不传   the values go on into the next batch, the gradient does not
        self._carried[self.training] = map_states(Tensor.detach, states)
        return logits

    def read(self, ids: Tensor, states: State = None) -> tuple[Tensor, State]:
        """Logits [B, L, V] at every step of ids [B, L], and the states [N, B, D] after the last; carries nothing."""
        X = F.dropout(self.embedding_layer(ids), self.dropout, training=self.training)
        outputs, states = self.recurrent_layer(X, states)
        return self.output_layer(F.dropout(outputs, self.dropout, training=self.training)), states

    def begin(self, ids: Tensor) -> tuple[Tensor, State]:
        """Where :func:`nndl.generate.generate` goes on after ids [B, L]: the last ones [B], and the state before."""
        if ids.shape[1] == 1:
            return ids[:, 0], None
        _, states = self.read(ids[:, :-1])
        return ids[:, -1], map_states(_swapped, states)

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """One step of :func:`nndl.generate.generate`: ids [B], a state with B first or None; logits [B, V], state."""
        logits, states = self.read(ids.unsqueeze(1), None if state is None else map_states(_swapped, state))
        return logits[:, 0], map_states(_swapped, states)

    def __getstate__(self) -> dict[str, Any]:
        """For copies and files, without the states carried."""
        return vars(self) | {"_carried": {}}


def _swapped(states: Tensor) -> Tensor:
    """[N, B, ...] to [B, N, ...], and back."""
    return states.transpose([1, 0, *range(2, states.ndim)])
