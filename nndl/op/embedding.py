"""Embedding (嵌入层): an index becomes a vector (词向量). By lookup or by one-hot product, the same numbers."""

from typing import Any

from nndl.error import DataError, SettingError
from nndl.op.setting import choice, whole

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn


def check_indices(indices: Tensor, V: int) -> None:
    """Refuse indices outside 0..V-1: for some Paddle reads foreign memory, for others it returns zeros.

    A model that is being exported has no numbers yet, and is not checked.

    Raises:
        DataError: an index outside the range, or a dtype other than int64 and int32.
    """
    if not paddle.in_dynamic_mode():
        return
    if indices.dtype not in (paddle.int64, paddle.int32):
        raise DataError(f"indices of {str(indices.dtype).removeprefix('paddle.')}: expected int64")
    values = indices.numpy()  # Paddle's own minimum and maximum would take ten times as long, NumPy's twice
    if values.size and (values.item(values.argmin()) < 0 or values.item(values.argmax()) >= V):
        wrong = values[(values < 0) | (values >= V)][0]
        raise DataError(f"index {wrong}: expected 0 to {V - 1}, as the embedding has {V} rows")


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
        SettingError: a setting out of its range.
        DataError: in use, an index outside 0..V-1.

    Example:
        >>> import paddle
        >>> list(Embedding(10, 32)(paddle.to_tensor([[6, 7, 0]])).shape)
        [1, 3, 32]
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, para_attr: Any = None, method: str = "lookup"):
        super().__init__()
        if para_attr is False:
            raise SettingError("para_attr False: an embedding is nothing but its parameter")
        self.method = choice("method", method, METHODS)
        self.W = self.create_parameter(
            [whole("num_embeddings", num_embeddings), whole("embedding_dim", embedding_dim)],
            attr=para_attr,
            default_initializer=nn.initializer.XavierUniform(),
        )

    def forward(self, indices: Tensor) -> Tensor:
        E = self.W
        check_indices(indices, E.shape[0])
        return METHODS[self.method](E, indices)

    def extra_repr(self) -> str:
        return f"{self.W.shape[0]}, {self.W.shape[1]}, method={self.method}"
