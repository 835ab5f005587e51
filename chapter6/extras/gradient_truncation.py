r"""Gradients, truncated BPTT (截断的随时间反向传播): what it costs to go back k steps only; Williams and Peng (1990).

.. math:: \frac{\partial \mathcal L}{\partial U} = \sum_{t=1}^{L} \frac{\partial \mathcal L}{\partial H_t}
    \frac{\partial^{+} H_t}{\partial U} \;\approx\; \sum_{t=L-k+1}^{L} \cdots

Time and memory of the backward pass grow with k, not with L; what happened more than k steps ago is not learned from.
反向传播的时间与内存取决于 k 而非 L；但 k 步以前的输入不再参与学习。
"""

from functools import partial
from pathlib import Path
from typing import Any

import nndl
from chapter6.extras.gradient_training import cosine, flat, learn, make_batches, make_model, make_trainings, with_adam
from chapter6.lab.lesson import Run
from chapter6.lab.training import Training

import numpy as np
import paddle
from paddle import Tensor, nn

# --- 截断的随时间反向传播 truncated BPTT ---


class TruncatedSRN(nn.Layer):
    r"""An SRN whose gradient goes back k steps and no further; forward it computes what any SRN does.

    .. math:: H_t = \tanh(X_t W + H_{t-1} U + b), \qquad \frac{\partial H_t}{\partial H_{t-1}} := 0
        \text{ where a piece of k steps begins}

    Shapes: inputs float [B, L, M]; outputs of the last piece float [B, k, D], last state [1, B, D].
    """

    def __init__(self, input_size: int, hidden_size: int, k: int) -> None:
        super().__init__()
        self.srn, self.k = nndl.SRN(input_size, hidden_size), k

    def forward(self, X: Tensor) -> tuple[Tensor, Tensor]:
        B, L, _ = X.shape
        # 每 k 步一段, 从末尾数起   pieces of k steps, counted from the end, where the loss is
        sizes = [size for size in (L % self.k, *[self.k] * (L // self.k)) if size]
        state = paddle.zeros([1, B, self.srn.hidden_size])
        for piece in X.split(sizes, axis=1):
            # 状态传下去, 梯度到此为止   the state goes on, the gradient does not come back
            outputs, state = self.srn(piece, state.detach())
        return outputs, state


def train_truncated(training: Training, folder: Path) -> dict[str, Any]:
    """One SRN by truncated BPTT, and how wrong its gradient is before the first step."""
    loaders = make_batches(training)
    model = make_model(partial(TruncatedSRN, k=training.k), training)
    difference = against_full(model, *loaders[0][0])
    optimizer = nndl.Adam(training.learning_rate, parameters=model.parameters())
    return learn(training, folder, loaders, model, nn.CrossEntropyLoss(), optimizer) | difference


def against_full(model: nndl.Model_RNN4SeqClass, X: Tensor, y: Tensor) -> dict[str, float]:
    r"""The gradient of W, U and b against that of full BPTT: ``cosine``, and the relative ``error``,

    .. math:: \lVert g_k - g_L \rVert / \lVert g_L \rVert
    """
    layer = model.rnn_model
    parameters = layer.parameters()

    def gradients(k: int) -> list[Tensor]:
        layer.k, own = k, layer.k
        found = paddle.grad(nn.CrossEntropyLoss()(model(X), y), parameters)
        layer.k = own
        return found

    g_k, g_L = gradients(layer.k), gradients(X.shape[1])
    error = np.linalg.norm(flat(g_k) - flat(g_L)) / np.linalg.norm(flat(g_L))
    return {"error": float(error), "cosine": cosine(g_k, g_L)}


def truncated(run: Run) -> list[Training]:
    """Truncated BPTT for every k."""
    settings = with_adam(run.settings)
    return make_trainings(
        run, train_truncated, {f"k{k}": settings | {"k": k} for k in sorted(run.settings.truncations)}
    )
