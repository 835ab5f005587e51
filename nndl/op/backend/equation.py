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


ACTIVATED = ("activation", "candidate", "output")
"""What a class of cells may name a function for."""


def has_own(cell_class: type[Any]) -> bool:
    """Whether a class of cells, such as a subclass of ours, has an equation or a beginning of its own."""
    if cell_class.kind not in EQUATIONS:
        return True
    ours = next(each for each in cell_class.__mro__ if "kind" in vars(each))
    return any(
        getattr(cell_class, name, None) != getattr(ours, name, None)
        for name in ("step", "project", "get_initial_states", *ACTIVATED)
    )


def is_operators(cell_class: type[Any]) -> bool:
    """Whether the cells of a class compute what the operators do for their kind; found by computing a step."""
    if has_own(cell_class):
        return False
    return not paddle.in_dynamic_mode() or _is_unchanged(cell_class, *equation_of(cell_class))


def equation_of(cell_class: type[Any]) -> tuple[Callable, Callable, tuple]:
    """A class's ``step`` and ``project``, and their codes and functions: another tuple once any of it is edited."""
    step, project, names = cell_class.step, cell_class.project, ACTIVATED
    codes = getattr(step, "__code__", None), getattr(project, "__code__", None)
    return step, project, (*codes, *[getattr(cell_class, name, None) for name in names])


@cache
def _is_unchanged(cell_class: type[Any], step: Callable, project: Callable, codes: tuple) -> bool:
    """Whether a step, and its gradients, are what NumPy finds. Draws no random number of Paddle's, makes no parameter.

    For numbers around 1, and for large ones, of which a clipping would show.
    """
    from nndl.runtime import say_once

    try:
        with paddle.set_grad_enabled(True), paddle.amp.auto_cast(False):
            same = all(_is_same(cell_class, step, project, scale) for scale in (1.0, 10.0))
    except (AttributeError, TypeError, ValueError):  # it uses or gives something else than such a cell
        same = False
    if not same:
        name = cell_class.__name__
        say_once(
            f"nndl: {name} was changed: backend auto and fused compute what stands in it, the others still the book's "
            f"equation {name} 公式已改动：auto 与 fused 按改动后的公式计算，其他方式仍按书中公式"
        )
    return same


def _is_same(cell_class: type[Any], step: Callable, project: Callable, scale: float) -> bool:
    equation, states, G, biases = EQUATIONS[cell_class.kind]
    random = np.random.default_rng(0)
    B, M, D = 3, 2, 4
    shapes = [[B, M], *[[B, D]] * states, [M, G * D], [D, G * D], [1, biases * D]]
    values = [random.normal(size=shape) * (scale if i <= states else 1) for i, shape in enumerate(shapes)]
    X, *before, W, U, b = tensors = [paddle.to_tensor(value, stop_gradient=False) for value in values]
    cell: Any = SimpleNamespace(W=W, U=U, b=b, input_size=M, hidden_size=D, note=lambda **_: None)
    vars(cell).update((name, getattr(cell_class, name)) for name in ACTIVATED if hasattr(cell_class, name))
    found = flatten(step(cell, project(cell, X), tuple(before) if states > 1 else before[0]))  # the output H, the state

    def results(values: list[np.ndarray]) -> list[np.ndarray]:
        after = equation(*values)
        return [after[0], *after]

    if not all(np.allclose(one, other) for one, other in zip(found, results(values), strict=True)):
        return False
    weights = [random.normal(size=[B, D]) for _ in found]
    loss = sum((each * paddle.to_tensor(weight)).sum() for each, weight in zip(found, weights, strict=True))
    gradients = paddle.grad(loss, tensors, allow_unused=True)
    for i, (gradient, shape) in enumerate(zip(gradients, shapes, strict=True)):  # of each along a random direction
        direction, epsilon = random.normal(size=shape), 1e-6
        there, back = (
            results([value + sign * direction if j == i else value for j, value in enumerate(values)])
            for sign in (epsilon, -epsilon)
        )
        slope = sum((w * (t - k)).sum() for w, t, k in zip(weights, there, back, strict=True)) / (2 * epsilon)
        if not np.isclose(0.0 if gradient is None else float((gradient.numpy() * direction).sum()), slope, 1e-4, 1e-6):
            return False
    return True
