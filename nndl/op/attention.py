r"""Attention (注意力机制): at each step of the output, a look back at all states of the input.

A query s asks, the states h_1 … h_n of the input answer by how well they fit, and what comes back is their mean:

.. math:: \alpha_{ti} = \mathrm{softmax}_i(e_{ti}), \qquad c_t = \sum_i \alpha_{ti} h_i

The scores e are what the two kinds differ in. What depends on the input alone, the keys, is computed once a sequence.
"""

from nndl.op.lengths import valid_steps

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

FAR_BELOW = -1e9
"""Added to a score, leaves a weight of about e^-64 = 1.6e-28, the least that Paddle's softmax gives: nothing."""


def blocked(lengths: Tensor, S: int) -> Tensor:
    """What is added to the scores so that padding (补齐) gets no weight: int64 [B] to float [B, 1, S], 0 on words."""
    return FAR_BELOW * (1 - valid_steps(lengths, S, time_axis=1).astype("float32").transpose([0, 2, 1]))


def attend(scores: Tensor, values: Tensor, block: Tensor) -> tuple[Tensor, Tensor]:
    """Contexts float [B, T, W] and weights float [B, T, S] of scores [B, T, S] and the input's states [B, S, W]."""
    # α_t = softmax(e_t), 补齐处约为 0   next to nothing on the padding
    weights = F.softmax(scores + block, axis=-1)
    # c_t = Σ_i α_ti h_i
    return weights @ values, weights


class AdditiveAttention(nn.Layer):
    r"""Additive attention (加性注意力; D. Bahdanau, K. Cho and Y. Bengio, 2015).

    .. math:: e_{ti} = v^\top \tanh(W s_t + U h_i)

    Shapes: query float [B, T, D]; values, the states of the input, float [B, S, W]; keys, see :meth:`keys`, float
    [B, S, size]; block float [B, 1, S], see :func:`blocked`; returns contexts [B, T, W] and weights [B, T, S].

    Args:
        query_size: D.
        value_size: W.
        size: of the space in which query and states are added.

    Example:
        >>> import paddle
        >>> attention, values = AdditiveAttention(4, 6, 5), paddle.randn([2, 3, 6])
        >>> block = blocked(paddle.to_tensor([3, 1]), 3)
        >>> context, weights = attention(paddle.randn([2, 1, 4]), attention.keys(values), values, block)
        >>> list(context.shape), weights[1].round(4).tolist()
        ([2, 1, 6], [[1.0, 0.0, 0.0]])
    """

    def __init__(self, query_size: int, value_size: int, size: int) -> None:
        super().__init__()
        self.W = nn.Linear(query_size, size, bias_attr=False)
        self.U = nn.Linear(value_size, size)
        self.v = nn.Linear(size, 1, bias_attr=False)

    def keys(self, values: Tensor) -> Tensor:
        """U h_i (+ b), of all states at once."""
        return self.U(values)

    def forward(self, query: Tensor, keys: Tensor, values: Tensor, block: Tensor) -> tuple[Tensor, Tensor]:
        # e_ti = vᵀ tanh(W s_t + U h_i)   [B, T, 1, size] + [B, 1, S, size] → [B, T, S]
        # 先复制再相加: 广播相加慢数倍   copied before they are added: Paddle is some times slower on two shapes
        Ws, Uh = paddle.broadcast_tensors([self.W(query).unsqueeze(2), keys.unsqueeze(1)])
        return attend(self.v(F.tanh(Ws + Uh)).squeeze(-1), values, block)


class DotAttention(nn.Layer):
    r"""Attention by a product (乘性注意力), the form "general" of M.-T. Luong, H. Pham and C. D. Manning (2015).

    .. math:: e_{ti} = s_t^\top W h_i

    Two matrix products and no tanh between. Shapes as of :class:`AdditiveAttention`; keys are float [B, S, D].

    Args:
        query_size: D.
        value_size: W.
    """

    def __init__(self, query_size: int, value_size: int) -> None:
        super().__init__()
        self.W = nn.Linear(value_size, query_size, bias_attr=False)

    def keys(self, values: Tensor) -> Tensor:
        """W h_i, of all states at once."""
        return self.W(values)

    def forward(self, query: Tensor, keys: Tensor, values: Tensor, block: Tensor) -> tuple[Tensor, Tensor]:
        # e_ti = s_tᵀ W h_i   [B, T, D] × [B, D, S] → [B, T, S]
        return attend(query.matmul(keys, transpose_y=True), values, block)
