r"""思考题 Questions.

1. 如何用独热编码（one-hot）实现嵌入？How are symbols embedded by one-hot vectors? :math:`S' E`: a product picks rows.
2. 没有嵌入层，直接把编号输入循环网络，会怎样？What goes wrong without an embedding?
3. 补齐会干扰反向的 LSTM 吗？如何避免？Does padding disturb the backward direction, and how is it prevented?

实测 measured for 2 (three seeds, 2 cores of an AMD EPYC; test accuracy): digits, whose sum is asked for, L = 10: as one
number 0.920 ± 0.040, one-hot 0.913 ± 0.015, embedded 0.840 ± 0.026: they need no embedding. Words of the small reviews,
in 240 steps: as one number 0.494 ± 0.007, which is guessing, embedded 0.795 ± 0.028: a word's number means nothing.
For 3: :func:`read_backward` gives the backward states of Paddle's bidirectional LSTM to less than 1e-6; the lesson 6.7
found 2e-07 with and 0.04 without the lengths (logits of a model trained on IMDB).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nndl
from chapter6 import sec_6_2_srn_memory as srn
from chapter6.extras import cells_compared as cells
from chapter6.lab.training import Training
from chapter6.notebooks import tools
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


class Number(nn.Embedding):
    """An embedding that learns nothing: symbol i is the number i / (V - 1), int64 [B, L] to float [B, L, 1]."""

    def __init__(self, V: int) -> None:
        super().__init__(V, 1)
        self.weight.set_value(paddle.arange(V, dtype="float32").unsqueeze(-1) / (V - 1))
        self.weight.stop_gradient = True  # 不训练   it stays what it is


def train_on_digits(training: Training, folder: Path) -> dict[str, Any]:
    """DigitSum (6.2 节) by an LSTM; ``training.make``, called with V, makes what turns a digit into M numbers."""
    loaders = srn.make_loaders(training.data, training.batch_size)
    last = cells.Outputs(nndl.LSTM(training.input_size, 32))
    embed = training.make(digit_sum.NUM_DIGITS)
    model = nn.Sequential(embed, last, nn.Linear(last.width, digit_sum.NUM_CLASSES))
    return cells.learn(model, nn.CrossEntropyLoss(), nndl.Accuracy(), loaders, training, folder)


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
    return cells.learn(model, nn.CrossEntropyLoss(), nndl.Accuracy(), loaders, training, folder)


def accuracy_by_input(
    train: Callable[..., Any], make: Callable[[int], nn.Layer], M: int, seed: int = 0, steps: int = 600
) -> float:
    """The test accuracy of one of the two trainings with such an input, M numbers a symbol, after so many steps."""
    values = {"input_size": M, "seed": seed, "batch_size": 100, "learning_rate": 0.005, "clip_at": 5.0}
    values |= {"steps": steps, "eval_steps": 60}
    training = Training(train, "input", values, DATA / "digit_sum" / "10", "", make=make)
    return tools.train_here([training])[0]["test_error"]  # 这里的指标是准确率   what the metric says, an accuracy


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
