r"""练习 6.6：用多层（堆叠）的双向 LSTM 做情感分类，比较不同层数的效果。

Exercise 6.6: stacked bidirectional LSTMs for the sentiment task, compared by their depth.

The states of one layer are the inputs of the next: the first reads words of M numbers, each other 2D numbers.

.. math:: H^{(1)} = \mathrm{BiLSTM}_1(X), \qquad H^{(k)} = \mathrm{BiLSTM}_k(H^{(k-1)})

实测 measured (the small corpus, M = D = 32, learning rate 0.006, 7 epochs, three seeds, an AMD EPYC): test accuracy
0.829 ± 0.022 with one layer, 0.859 ± 0.043 with two. Three seeds do not tell whether two are better; they take twice as
long. The stack computes what ``paddle.nn.LSTM(num_layers=...)`` does, so :func:`by_depth` is the lesson's own model.
"""

from typing import Any

import nndl
from chapter6 import presets
from chapter6.lab.record import Results
from chapter6.notebooks import tools
from chapter6.sec_6_7_text_classification import training_of
from nndl.op import LSTMCell
from nndl.op.backend import choose

import paddle
from paddle import Tensor, nn


class StackedLSTM(nn.Layer):
    """Bidirectional LSTMs one on the other. Shapes: X [B, L, M], sequence_length int64 [B]; outputs [B, L, 2D],
    last states H and C, [2 · num_layers, B, D] each, the two directions of a layer together, as Paddle has them.
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        sizes = [input_size] + [2 * hidden_size] * (num_layers - 1)
        self.layers = nn.LayerList([nndl.LSTM(size, hidden_size, direction="bidirectional") for size in sizes])

    def forward(self, X: Tensor, sequence_length: Tensor | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        H, C = [], []
        for layer in self.layers:
            # 下层每个时刻的状态, 是上层的输入   the states of every step go up
            X, (H_k, C_k) = layer(X, sequence_length=sequence_length)
            H.append(H_k)
            C.append(C_k)
        return X, (paddle.concat(H), paddle.concat(C))


def by_depth(depths: tuple[int, ...] = (1, 2, 3), seeds: int = 1, **settings: Any) -> Results:
    """The text model of 6.7 trained on the small corpus with so many layers, in this process: one result each.

    Args:
        depths: numbers of layers.
        seeds: trainings of each.
        settings: those of section 6.7 that are to be other than in its preset quick.
    """
    backend = choose("auto", LSTMCell)
    run = tools.prepare("6.7", seeds=seeds, corpus="small", tokenizer="word", backend=backend, **settings)
    one = presets.of_one_training(vars(run.settings))
    return tools.train_here(training_of(run, one, "small", depth, seed) for depth in depths for seed in range(seeds))
