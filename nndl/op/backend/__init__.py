"""The ways to compute a layer of our cells, with the same results (section 6.8, printed 6.3.4): the one table of them.

It is there without Paddle, so that a command line can offer the names; what computes is loaded at its first use.

    >>> list(BACKENDS)
    ['stepwise', 'fused', 'bptt', 'native', 'paddle']
    >>> ways("GRU")
    ('auto', 'fused', 'native', 'paddle')
"""

from collections.abc import Callable
from functools import cache, cached_property
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nndl.error import BuildError, SettingError
from nndl.op.setting import choice

if TYPE_CHECKING:
    from paddle import Tensor

KINDS = ("SRN", "LSTM", "GRU")
"""The cells whose equations the operators know, see :attr:`nndl.op.Cell.kind`."""


class Backend:
    """One way: what it is, in both languages, the module whose ``unroll`` it is, and the kinds of cells it computes."""

    def __init__(self, what: str, what_zh: str, module: str, kinds: tuple[str, ...] = KINDS) -> None:
        self.what, self.what_zh, self.kinds, self._name = what, what_zh, kinds, module

    @cached_property
    def module(self) -> ModuleType:
        return import_module(self._name)

    @property
    def unroll(self) -> Callable:
        """Computes one layer, with the arguments and results of :func:`nndl.op.unroll`."""
        return self.module.unroll

    def why_not(self) -> str:
        """Why it cannot be had on this machine, in one line; empty where it can."""
        return getattr(self.module, "why_not", str)()

    def takes(self, X: "Tensor") -> bool:
        """Whether it, where it can be had, computes with inputs of such a dtype on such a device."""
        return self.module.takes(X)


BACKENDS = {
    "stepwise": Backend(
        "one matrix product a gate and step, as in the book",
        "每门每步一次矩阵乘，与书中相同",
        f"{__name__}.stepwise",
        ("LSTM",),
    ),
    "fused": Backend("gates side by side, all inputs in one product", "合并各门，输入一次乘完", "nndl.op.unroller"),
    "bptt": Backend("the backward pass by hand", "手推反向传播", f"{__name__}.bptt", ("LSTM",)),
    "native": Backend("one operator in C++ for all steps", "所有时刻合为一个 C++ 算子", f"{__name__}.native"),
    "paddle": Backend("Paddle's own kernel, that of paddle.nn", "飞桨自带的算子", f"{__name__}.paddle_kernel"),
}


@cache
def ways(kind: str) -> tuple[str, ...]:
    """What may be asked for of a layer of such cells: "auto", or one of :data:`BACKENDS` that computes them."""
    return ("auto", *(name for name, way in BACKENDS.items() if kind in way.kinds))


def choose(wanted: str, cell_class: type[Any], X: "Tensor | None" = None) -> str:
    """The name of what computes a layer of such cells: the backend asked for, or what "auto" is.

    "auto" is "native" where it can be had and takes such inputs, else "paddle". Where the equation of the cell was
    changed, or a subclass has its own, it is "fused", which computes what is there; of a change one line tells.

    Args:
        wanted: one of :func:`ways`.
        cell_class: of the layer's cells: :class:`nndl.op.SRNCell`, ``LSTMCell``, ``GRUCell`` or a subclass.
        X: the inputs; when left out, of a dtype and on a device that all ways take.

    Raises:
        SettingError: another name, or a subclass with an equation of its own for another way than "fused".
        BuildError: "native" is asked for and cannot be had.
    """
    choice("backend", wanted, ways(cell_class.kind))
    if wanted == "fused":
        return wanted
    from nndl.op.backend import equation

    is_operators = equation.is_operators(cell_class)  # says so where it was changed
    if wanted == "auto":
        for name in ("native", "paddle") if is_operators else ():
            if X is None or BACKENDS[name].takes(X):
                if not BACKENDS[name].why_not():
                    return name
                BACKENDS["native"].module.tell_if_missing()  # the other one is always there
        return "fused"
    if equation.has_own(cell_class):
        raise SettingError(
            f"backend {wanted} computes the book's {cell_class.kind}, and {cell_class.__name__} has an equation or a "
            "beginning of its own: take fused, or auto"
        )
    if why_not := BACKENDS[wanted].why_not():
        raise BuildError(f"backend {wanted}: {why_not}; backend auto takes what is there")
    return wanted
