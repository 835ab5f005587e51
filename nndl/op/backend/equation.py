"""Do our cells still say what the operators compute? Who changes an equation wants to see it work."""

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import paddle
from paddle.utils import flatten


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _srn(X: np.ndarray, H: np.ndarray, W: np.ndarray, U: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
    return [np.tanh(X @ W + H @ U + b)]


def _lstm(X: np.ndarray, H: np.ndarray, C: np.ndarray, W: np.ndarray, U: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
    i, f, c, o = np.split(X @ W + H @ U + b, 4, axis=1)
    C = _sigmoid(f) * C + _sigmoid(i) * np.tanh(c)
    return [_sigmoid(o) * np.tanh(C), C]


def _gru(X: np.ndarray, H: np.ndarray, W: np.ndarray, U: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
    (x_r, x_z, x_c), (h_r, h_z, h_c) = np.split(X @ W, 3, axis=1), np.split(H @ U, 3, axis=1)
    b_r, b_z, b_c, b_hc = np.split(b, 4, axis=1)
    Z = _sigmoid(x_z + h_z + b_z)
    return [(1 - Z) * np.tanh(x_c + b_c + _sigmoid(x_r + h_r + b_r) * (h_c + b_hc)) + Z * H]


EQUATIONS: dict[str, tuple[Callable[..., list[np.ndarray]], int, int, int]] = {
    "SRN": (_srn, 1, 1, 1),
    "LSTM": (_lstm, 2, 4, 4),
    "GRU": (_gru, 1, 3, 4),
}
"""What the operators compute for each kind of cell: one step, and its numbers of states, gates and biases."""


def is_operators(cell_class: type[Any]) -> bool:
    """Whether the cells of a class compute what the operators do for their kind; found by computing a step."""
    if cell_class.kind not in EQUATIONS:
        return False
    ours = next(each for each in cell_class.__mro__ if "kind" in vars(each))  # a subclass may have its own equation
    is_same = cell_class.step is ours.step and cell_class.project is ours.project
    return is_same and (not paddle.in_dynamic_mode() or _is_unchanged(ours, ours.step, ours.project))


@cache
def _is_unchanged(cell_class: type[Any], step: Callable, project: Callable) -> bool:
    """Whether a step gives what NumPy gives. Draws no random number of Paddle's, makes no parameter."""
    from nndl.runtime import say_once

    equation, states, G, biases = EQUATIONS[cell_class.kind]
    random = np.random.default_rng(0)
    B, M, D = 3, 2, 4
    X, W, U, b = (random.normal(size=size) for size in ([B, M], [M, G * D], [D, G * D], [1, biases * D]))
    before = list(random.normal(size=(states, B, D)))
    after = equation(X, *before, W, U, b)
    to = paddle.to_tensor
    cell: Any = SimpleNamespace(W=to(W), U=to(U), b=to(b), input_size=M, hidden_size=D, note=lambda **_: None)
    try:
        with paddle.no_grad(), paddle.amp.auto_cast(False):
            state = tuple(map(to, before)) if states > 1 else to(before[0])
            found = flatten(step(cell, project(cell, to(X)), state))  # the output, which is H, and the state
        same = all(np.allclose(a, b) for a, b in zip(found, [after[0], *after], strict=True))
    except (AttributeError, TypeError, ValueError):  # it uses or gives something else than such a cell
        same = False
    if not same:
        name = cell_class.__name__
        say_once(
            f"nndl: {name} was changed: backend auto and fused compute what stands in it, the others still the book's "
            f"equation {name} 公式已改动：auto 与 fused 按改动后的公式计算，其他方式仍按书中公式"
        )
    return same
