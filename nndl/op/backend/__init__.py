"""The ways to compute an LSTM layer, with the same results (section 6.8, printed 6.3.4): the one table of them.

It is there without Paddle, so that a command line can offer the names; what computes is loaded at its first use.

    >>> list(BACKENDS)
    ['stepwise', 'fused', 'bptt', 'onednn', 'paddle']
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from nndl.error import BuildError
from nndl.op.setting import choice

if TYPE_CHECKING:
    from paddle import Tensor


class Backend(NamedTuple):
    """One way: what it is, in both languages, and the module whose ``unroll`` it is; none for Paddle's own layer."""

    what: str
    what_zh: str
    module: str = ""

    @property
    def unroll(self) -> Callable:
        """Computes one layer, with the arguments and results of :func:`nndl.op.unroll`."""
        return import_module(self.module).unroll

    def why_not(self) -> str:
        """Why it cannot be had on this machine, in one line; empty where it can."""
        return getattr(import_module(self.module), "why_not", str)() if self.module else ""


BACKENDS = {
    "stepwise": Backend(
        "one matrix product a gate and step, as in the book", "每门每步一次矩阵乘，与书中相同", f"{__name__}.stepwise"
    ),
    "fused": Backend("gates side by side, all inputs in one product", "合并各门，输入一次乘完", "nndl.op.unroller"),
    "bptt": Backend("the backward pass by hand", "手推反向传播", f"{__name__}.bptt"),
    "onednn": Backend("an operator around oneDNN's primitive", "封装 oneDNN 原语的算子", f"{__name__}.onednn"),
    "paddle": Backend("paddle.nn.LSTM", "paddle.nn.LSTM"),
}
OWN = tuple(name for name, way in BACKENDS.items() if way.module)
"""Those of :class:`nndl.LSTM`."""


def choose(wanted: str, otherwise: str, X: "Tensor | None" = None, cell_class: type | None = None) -> str:
    """The name of what computes: the backend asked for; "auto" is oneDNN's operator where it can be had.

    Where the equation of the cell was changed one line says so, and "auto" is "fused", which computes what is there.

    Args:
        wanted: "auto", or one of :data:`BACKENDS`.
        otherwise: what "auto" is where oneDNN's operator cannot be had, or cannot take such inputs as X.
        X: the inputs; when left out, float32 on the device that computes.
        cell_class: of the layer's cells; when left out, :class:`nndl.op.LSTMCell`.

    Raises:
        SettingError: another name.
        BuildError: "onednn" is asked for and cannot be had.
    """
    if choice("backend", wanted, ("auto", *BACKENDS)) in ("fused", "paddle"):
        return wanted
    from nndl.op.backend import equation, onednn

    is_operators = equation.is_operators(cell_class)  # says so where it is not
    if wanted == "auto":
        if not is_operators:
            return "fused"
        return "onednn" if (X is None or onednn.takes(X)) and not onednn.why_not() else otherwise
    if wanted == "onednn" and onednn.why_not():
        raise BuildError(f"backend onednn: {onednn.why_not()}; backend auto takes what is there")
    return wanted
