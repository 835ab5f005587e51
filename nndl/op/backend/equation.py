"""Does :class:`nndl.op.LSTMCell` still say what the operators compute? Who changes it wants to see it work."""

from functools import cache
from types import SimpleNamespace
from typing import Any

from nndl.op.cell import LSTMCell

import numpy as np
import paddle


def is_operators(cell_class: type[Any] | None = None) -> bool:
    """Whether the cells of a class, else ``LSTMCell``, compute the LSTM of the operators; found by computing a step."""
    cell_class = cell_class or LSTMCell
    is_same = cell_class.step is LSTMCell.step and cell_class.project is LSTMCell.project
    return is_same and (not paddle.in_dynamic_mode() or _is_unchanged())


@cache
def _is_unchanged() -> bool:
    """Whether a step of ``LSTMCell`` gives what NumPy gives. Draws no random number of Paddle's, makes no parameter."""
    from nndl.runtime import say_once

    random = np.random.default_rng(0)
    B, M, D = 3, 2, 4
    X, W, U, b = (random.normal(size=size) for size in ([B, M], [M, 4 * D], [D, 4 * D], [1, 4 * D]))
    H, C = random.normal(size=(2, B, D))
    i, f, c, o = np.split(X @ W + H @ U + b, 4, axis=1)
    C_new = C / (1 + np.exp(-f)) + np.tanh(c) / (1 + np.exp(-i))
    H_new = np.tanh(C_new) / (1 + np.exp(-o))
    to = paddle.to_tensor
    cell: Any = SimpleNamespace(W=to(W), U=to(U), b=to(b), note=lambda **_: None)
    try:
        with paddle.no_grad(), paddle.amp.auto_cast(False):
            output, state = LSTMCell.step(cell, LSTMCell.project(cell, to(X)), (to(H), to(C)))
        same = all(np.allclose(a, b) for a, b in zip((output, *state), (H_new, H_new, C_new), strict=True))
    except (AttributeError, TypeError, ValueError):  # it uses or gives something else than an LSTM
        same = False
    if not same:
        say_once(
            "nndl: LSTMCell was changed: backend auto and fused compute what stands in it, the others still the book's "
            "LSTM 公式已改动：auto 与 fused 按改动后的公式计算，其他方式仍按书中公式"
        )
    return same
