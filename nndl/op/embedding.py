"""Embedding (嵌入层): an index becomes a vector (词向量). By lookup or by one-hot product, the same numbers."""

from typing import Any

import paddle.nn.functional as F
from paddle import Tensor, nn

from nndl.error import SettingError


def lookup(E: Tensor, indices: Tensor) -> Tensor:
    """The rows of E [V, M] at int64 indices [...]: float [..., M]."""
    return F.embedding(indices, E)


def one_hot_product(E: Tensor, indices: Tensor) -> Tensor:
    r"""The same rows as a product, :math:`S'E`, where S' [..., V] holds the one-hot vectors (独热编码)."""
    return F.one_hot(indices, E.shape[0]).astype(E.dtype) @ E


METHODS = {"lookup": lookup, "one_hot": one_hot_product}


class Embedding(nn.Layer):
    """Trainable vectors E for V symbols (section 6.2, printed 6.1.2).

    Shapes: indices int64 [...], each in 0..V-1; E float [V, M]; result float [..., M].

    Args:
        num_embeddings: V, the number of symbols.
        embedding_dim: M, the size of a vector.
        para_attr: Paddle's parameter attribute for E; Xavier-uniform when left out.
        method: "lookup" or "one_hot".

    Raises:
        SettingError: an unknown method.

    Example:
        >>> import paddle
        >>> list(Embedding(10, 32)(paddle.to_tensor([[6, 7, 0]])).shape)
        [1, 3, 32]
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, para_attr: Any = None, method: str = "lookup"):
        super().__init__()
        if method not in METHODS:
            raise SettingError(f"method {method!r}: expected one of {', '.join(METHODS)}")
        self.method = method
        self.W = self.create_parameter(
            [num_embeddings, embedding_dim], attr=para_attr, default_initializer=nn.initializer.XavierUniform()
        )

    def forward(self, indices: Tensor) -> Tensor:
        return METHODS[self.method](self.W, indices)

    def extra_repr(self) -> str:
        return f"{self.W.shape[0]}, {self.W.shape[1]}, method={self.method}"
