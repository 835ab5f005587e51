"""The translation model: an encoder reads, a decoder writes (编码器—解码器, sequence to sequence)."""

from collections.abc import Callable
from typing import Any

from nndl.error import SettingError
from nndl.model.last_state import last_state
from nndl.op import GRU, Embedding
from nndl.op.attention import AdditiveAttention, DotAttention, blocked
from nndl.op.lengths import as_lengths
from nndl.op.setting import choice, probability, whole
from nndl.op.state import split_states, stack_states

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

KINDS = ("state", "every", "additive", "dot")
"""How the decoder learns of the source: the context c as its first state; at every step too; or by attention."""

Inputs = tuple[Tensor, Tensor, Tensor]
"""Source ids int64 [B, S], their lengths int64 [B], and the words fed to the decoder, [BOS] first, int64 [B, T]."""
State = tuple[Tensor, ...]
"""Of the decoder, B first: what it looks at, then the states of its cell."""


class Seq2Seq(nn.Layer):
    r"""Encoder and decoder (编码器—解码器), without and with attention (注意力).

    A layer in both directions reads the source; a layer in one direction writes the target, and starts at what the
    first knows in the end, the context c (语义向量):

    .. math:: c = [\overrightarrow{h}_n; \overleftarrow{h}_1], \qquad s_0 = \tanh(W_0 c + b_0)

    The kinds differ in what the decoder reads beside the last word y, and in what is read off its states:

    * "state" (I. Sutskever, O. Vinyals and Q. V. Le, 2014): nothing; c is the first state alone;
    * "every" (K. Cho et al., 2014): c at every step, :math:`s_t = f([y_{t-1}; c], s_{t-1})`;
    * "additive" (D. Bahdanau, K. Cho and Y. Bengio, 2015): a context of its own at every step, found by the LAST
      state, :math:`s_t = f([y_{t-1}; c_t], s_{t-1})`, so the steps come one by one in training too;
    * "dot" (M.-T. Luong, H. Pham and C. D. Manning, 2015): a context found by the NEW state, after the step, so all
      steps of a known target are computed at once.

    With attention, the scores of the words are those of :math:`\tanh(W_c [s_t; c_t] + b_c)`, else those of s_t.

    Shapes: :data:`Inputs` to logits (对数几率) float [B, T, target_size]; those at t are for the word after words[t].

    Args:
        source_size, target_size: of the vocabularies; id 0 is [PAD].
        input_size: M, of the embeddings.
        hidden_size: D, of the decoder, and of each direction of the encoder.
        kind: one of :data:`KINDS`.
        make_layer: makes a recurrent layer of (input size, D, direction=...), such as ``nndl.LSTM``.
        dropout: of embeddings and of what the scores are computed from, in training.

    Raises:
        SettingError: a setting out of its range, or, in use, lengths of a wrong shape or range.
        DataError: in use, an id outside a vocabulary.

    Example:
        >>> import paddle
        >>> model = Seq2Seq(source_size=20, target_size=14, input_size=8, hidden_size=4)
        >>> source, words = paddle.to_tensor([[5, 6, 7], [8, 0, 0]]), paddle.to_tensor([[2, 5], [2, 4]])
        >>> list(model((source, paddle.to_tensor([3, 1]), words)).shape)
        [2, 2, 14]
    """

    def __init__(
        self,
        source_size: int,
        target_size: int,
        input_size: int,
        hidden_size: int,
        kind: str = "additive",
        make_layer: Callable[..., nn.Layer] = GRU,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.kind, self.dropout = choice("kind", kind, KINDS), probability("dropout", dropout)
        M, D = whole("input_size", input_size), whole("hidden_size", hidden_size)
        self.source_embedding = Embedding(source_size, M)
        self.target_embedding = Embedding(target_size, M)
        self.encoder = make_layer(M, D, direction="bidirectional")
        # 编码器每步输出的宽度 W; 最后状态 c 的宽度 2D   the width of its outputs; that of c
        W, shapes = self.encoder.output_size, self.encoder.cells[0].state_shape
        shapes = shapes if isinstance(shapes[0], tuple) else (shapes,)
        width_of_c = 2 * shapes[0][0]
        read_beside = {"every": width_of_c, "additive": W}.get(kind, 0)
        self.decoder = make_layer(M + read_beside, D, direction="forward")
        # 每个 D 维状态各有初值, 其余 (如计数器) 从 0 开始   each state of D units gets a start; a counter starts at 0
        self.starts = nn.LayerList([nn.Linear(width_of_c, D) if shape == (D,) else nn.Identity() for shape in shapes])
        self.num_looked_at = {"state": 0, "every": 1}.get(kind, 3)
        if kind == "additive":
            self.attention = AdditiveAttention(D, W, D)
        elif kind == "dot":
            self.attention = DotAttention(self.decoder.output_size, W)
        width = self.decoder.output_size
        self.combine = nn.Linear(width + W, D) if kind in ("additive", "dot") else None
        self.output = nn.Linear(D if self.combine else width, target_size)
        self.own_words = 0.0
        """The probability that training feeds the word the model itself finds likeliest, see :meth:`forward`."""

    # --- 编码 encoder ---

    def start(self, source: Tensor, lengths: Tensor) -> State:
        """What the decoder begins with: source int64 [B, S] and lengths int64 [B], 1..S, to its state."""
        lengths = as_lengths(lengths, *source.shape, least=1)
        result = self.encoder(self._drop(self.source_embedding(source)), sequence_length=lengths)
        # c = [h→_n; h←_1]
        c = last_state(self.encoder, result)
        # s_0 = tanh(W_0 c + b_0)
        zeros = self.decoder.cells[0].get_initial_states(c)
        zeros = zeros if isinstance(zeros, tuple | list) else (zeros,)
        S = [
            F.tanh(start(c)) if isinstance(start, nn.Linear) else zero
            for start, zero in zip(self.starts, zeros, strict=True)
        ]
        if self.kind == "state":
            return tuple(S)
        if self.kind == "every":
            return c.unsqueeze(1), *S
        values = result[0]
        return self.attention.keys(values), values, blocked(lengths, source.shape[1]), *S

    # --- 解码 decoder ---

    def _decode(self, words: Tensor, state: State) -> tuple[Tensor, State, Tensor | None]:
        """All the words given, int64 [B, T]: logits [B, T, V], the state after them, the weights [B, T, S] or None."""
        look, S = state[: self.num_looked_at], state[self.num_looked_at :]
        X, weights = self._drop(self.target_embedding(words)), None
        if self.kind == "additive":
            H, S, weights = self._step_by_step(X, look, S)
        elif self.kind == "dot":
            # s_t = f(y_{t-1}, s_{t-1}), 再看输入   then the look
            H, S = self._run(X, S)
            C, weights = self.attention(H, *look)
            H = paddle.concat([H, C], axis=-1)
        else:
            # s_t = f([y_{t-1}; c], s_{t-1})
            H, S = self._run(paddle.concat([X, *(c.expand([-1, X.shape[1], -1]) for c in look)], axis=-1), S)
        # tanh(W_c [s_t; c_t] + b_c)
        H = F.tanh(self.combine(H)) if self.combine else H
        return self.output(self._drop(H)), (*look, *S), weights

    def _step_by_step(self, X: Tensor, look: State, S: State) -> tuple[Tensor, State, Tensor]:
        """The states and contexts side by side, [B, T, D + W], the last state, and the weights."""
        both, weights = [], []
        for x in paddle.split(X, X.shape[1], axis=1):
            # c_t 由 s_{t-1} 决定   found by the last state
            C, alpha = self.attention(S[0].unsqueeze(1), *look)
            # s_t = f([y_{t-1}; c_t], s_{t-1})
            H, S = self._run(paddle.concat([x, C], axis=-1), S)
            both += [H, C]
            weights.append(alpha)
        H = paddle.concat([paddle.concat(both[i::2], axis=1) for i in (0, 1)], axis=-1)
        return H, S, paddle.concat(weights, axis=1)

    def _run(self, X: Tensor, S: State) -> tuple[Tensor, State]:
        """The decoder's layer over all steps of X: its outputs, and the states of its only cell."""
        outputs, states = self.decoder(X, stack_states([S if len(S) > 1 else S[0]]))
        (last,) = split_states(states, 1)
        return outputs, last if isinstance(last, tuple) else (last,)

    def _drop(self, X: Tensor) -> Tensor:
        return F.dropout(X, self.dropout) if self.training and self.dropout else X

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """One word of each, int64 [B], to the logits of the next, float [B, V]; as :mod:`nndl.generate` takes it."""
        logits, state, _ = self._decode(ids.unsqueeze(1), state)
        return logits.squeeze(1), state

    def forward(self, inputs: Inputs, own_words: float | None = None) -> Tensor:
        """The logits for a target.

        Fed is the true word (teacher forcing), or, with probability ``own_words``, decided anew for each sentence and
        step, the likeliest by the model itself (S. Bengio et al., "Scheduled Sampling", 2015); 1 is free running.

        Args:
            inputs: see :data:`Inputs`.
            own_words: left out, :attr:`own_words` in training, 0 in evaluation.
        """
        source, lengths, words = inputs
        if own_words is None:
            own_words = self.own_words if self.training else 0.0
        if not 0 <= own_words <= 1:
            raise SettingError(f"own_words {own_words}: expected a probability, 0 to 1")
        state = self.start(source, lengths)
        if not own_words:
            return self._decode(words, state)[0]
        ids, logits = words[:, 0], []
        for t in range(1, words.shape[1] + 1):
            scores, state = self.step(ids, state)
            logits.append(scores)
            if t < words.shape[1]:
                # 每句每步掷一次硬币   a coin for each sentence and step
                is_own = paddle.rand([len(ids)]) < own_words
                ids = paddle.where(is_own, scores.argmax(axis=-1), words[:, t])
        return paddle.stack(logits, axis=1)

    @paddle.no_grad()
    def weights(self, inputs: Inputs) -> Tensor:
        """What the decoder looks at while it reads the words given: float [B, T, S], each row adds up to 1.

        Raises:
            SettingError: a kind without attention.
        """
        source, lengths, words = inputs
        weights: Any = self._decode(words, self.start(source, lengths))[2]
        if weights is None:
            raise SettingError(f"weights of kind {self.kind!r}: only additive and dot have any")
        return weights
