"""The digit model as the book writes it: every gate by itself, step by step, Paddle as it is installed.

Nothing of ``nndl`` is used, so that what the project gains or loses does not move what it is compared with.
"""

from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn


class SRN(nn.Layer):
    """Float [B, L, M] to the last hidden state [B, D]."""

    def __init__(self, M: int, D: int) -> None:
        super().__init__()
        self.W, self.U, self.b = (self.create_parameter([rows, D]) for rows in (M, D, 1))
        self.hidden_size = D

    def forward(self, X: Tensor) -> Tensor:
        H = paddle.zeros([X.shape[0], self.hidden_size])
        for t in range(X.shape[1]):
            # H_t = tanh(X_t W + H_{t-1} U + b)
            H = F.tanh(paddle.matmul(X[:, t, :], self.W) + paddle.matmul(H, self.U) + self.b)
        return H


class LSTM(nn.Layer):
    """The same with gates."""

    def __init__(self, M: int, D: int) -> None:
        super().__init__()
        self.W_i, self.W_f, self.W_o, self.W_c = (self.create_parameter([M, D]) for _ in range(4))
        self.U_i, self.U_f, self.U_o, self.U_c = (self.create_parameter([D, D]) for _ in range(4))
        self.b_i, self.b_f, self.b_o, self.b_c = (self.create_parameter([1, D]) for _ in range(4))
        self.hidden_size = D

    def forward(self, X: Tensor) -> Tensor:
        H = C = paddle.zeros([X.shape[0], self.hidden_size])
        for t in range(X.shape[1]):
            X_t = X[:, t, :]
            # I_t = σ(X_t W_i + H_{t-1} U_i + b_i), and so the forget gate and the output gate
            I_t = F.sigmoid(paddle.matmul(X_t, self.W_i) + paddle.matmul(H, self.U_i) + self.b_i)
            F_t = F.sigmoid(paddle.matmul(X_t, self.W_f) + paddle.matmul(H, self.U_f) + self.b_f)
            O_t = F.sigmoid(paddle.matmul(X_t, self.W_o) + paddle.matmul(H, self.U_o) + self.b_o)
            # C̃_t = tanh(X_t W_c + H_{t-1} U_c + b_c)
            C_tilde = F.tanh(paddle.matmul(X_t, self.W_c) + paddle.matmul(H, self.U_c) + self.b_c)
            # C_t = F_t ⊙ C_{t-1} + I_t ⊙ C̃_t
            C = F_t * C + I_t * C_tilde
            # H_t = O_t ⊙ tanh(C_t)
            H = O_t * F.tanh(C)
        return H


def training_step(cell: str, batches: Sequence[tuple[Any, Any]]) -> Callable[[], None]:
    """A step on the next of the batches, each time it is called."""
    layer = {"SRN": SRN, "LSTM": LSTM}[cell](32, 32)
    model = nn.Sequential(nn.Embedding(10, 32), layer, nn.Linear(32, 19))
    criterion, optimizer = nn.CrossEntropyLoss(), paddle.optimizer.Adam(0.001, parameters=model.parameters())
    endless = cycle([tuple(map(paddle.to_tensor, batch)) for batch in batches])
    losses = []

    def step() -> None:
        X, y = next(endless)
        loss = criterion(model(X), y)
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()

    return step
