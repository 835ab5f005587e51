r"""思考题 Questions.

1. 如何用独热编码（one-hot）实现嵌入？How are symbols embedded by one-hot vectors? :math:`S' E`: a product picks rows.
2. 没有嵌入层，直接把编号输入循环网络，会怎样？What goes wrong without an embedding?
3. 补齐会干扰反向的 LSTM 吗？如何避免？Does padding disturb the backward direction, and how is it prevented?
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nndl
from chapter6.extras.cells_compared import Outputs, learn
from chapter6.lab.training import Training
from chapter6.sec_6_2_srn_memory import make_loaders as digit_loaders
from nndl.dataset import DATA, digit_sum, small_reviews
from nndl.dataset.batching import make_loader

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

# --- 1 独热编码 one-hot ---


def embed_by_one_hot(indices: Tensor, E: Tensor) -> Tensor:
    """int64 [B, L] and E [V, M] to [B, L, M]: what looking up the rows gives, at V times the work."""
    # S' [B, L, V]: 每个符号只有一个 1   a single 1 for each symbol; S' E 取出 E 的一行   picks a row of E
    return F.one_hot(indices, E.shape[0]) @ E


# --- 2 没有嵌入层 without an embedding ---


class Number(nn.Layer):
    """In the place of an embedding: a symbol is its own number, int64 [B, L] to float [B, L, 1], from 0 to 1."""

    def __init__(self, V: int) -> None:
        super().__init__()
        self.V = V

    def forward(self, indices: Tensor) -> Tensor:
        return indices.unsqueeze(-1).astype("float32") / (self.V - 1)


def train_on_digits(training: Training, folder: Path) -> dict[str, Any]:
    """DigitSum (6.2 节) by an LSTM; ``training.make``, called with V, makes what turns a digit into M numbers."""
    loaders = digit_loaders(training.data, training.batch_size)
    last = Outputs(nndl.LSTM(training.input_size, 32))
    embed = training.make(digit_sum.NUM_DIGITS)
    model = nn.Sequential(embed, last, nn.Linear(last.width, digit_sum.NUM_CLASSES))
    return learn(model, nn.CrossEntropyLoss(), nndl.Accuracy(), loaders, training, folder)


def train_on_words(training: Training, folder: Path) -> dict[str, Any]:
    """The small reviews (6.7 节) by the text model, whose embedding ``training.make`` takes the place of."""
    corpus = small_reviews.load("word").limit(0, 5)
    loaders = [
        list(make_loader(corpus.reviews[split].first(number), 64, 128, "bucket"))
        for split, number in (("train", 2500), ("dev", 1000), ("test", 0))
    ]
    V = len(corpus.vocabulary)
    model = nndl.Model_BiLSTM_FC(V, training.input_size, hidden_size=32, pooling="max")
    model.embedding_layer = training.make(V)
    return learn(model, nn.CrossEntropyLoss(), nndl.Accuracy(), loaders, training, folder)


def training_without(train: Callable[..., Any], make: Callable[[int], nn.Layer], M: int, seed: int) -> Training:
    """One of the two with such an input of M numbers a symbol; its result has ``test_error``, here an accuracy."""
    values = {"input_size": M, "seed": seed, "batch_size": 100, "learning_rate": 0.005, "clip_at": 5.0}
    values |= {"steps": 600 if train is train_on_digits else 240, "eval_steps": 30}
    return Training(train, "input", values, DATA / "digit_sum" / "10", "", make=make)


# --- 3 补齐与反向 padding and the backward direction ---


def reverse_within(X: Tensor, lengths: Tensor) -> Tensor:
    """Each sequence from ITS last element to its first; the padding stays behind it. X [B, L, M], lengths [B]."""
    # 第 t 步取第 n-1-t 个元素, 补齐不动   step t takes element n - 1 - t; the padding stays where it is
    t, n = paddle.arange(X.shape[1]), lengths.unsqueeze(-1)
    order = paddle.where(t < n, n - 1 - t, t)
    return paddle.take_along_axis(X, order.unsqueeze(-1), axis=1)


def read_backward(lstm: nn.Layer, X: Tensor, lengths: Tensor) -> Tensor:
    """The outputs [B, L, D] of a forward LSTM that reads each sequence from its own end, at the steps they belong to.

    The padding comes after the sequence in either direction, where it changes nothing that was read before it; plain
    ``X.flip(1)`` would make the LSTM read the padding first.
    """
    outputs, _ = lstm(reverse_within(X, lengths))
    return reverse_within(outputs, lengths)
