"""A layer of SRN, LSTM or GRU cells in ONE operator of ours, in C++: cpp/, compiled by build.py.

The same function as :func:`nndl.op.unroll`, for these three cells on the CPU: all steps, both passes, no Python in
between. How it is fast, cpp/direction.h and cpp/vectors.h say.
"""

import ctypes
import re
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from nndl import paddle_versions
from nndl.error import BuildError, SettingError
from nndl.op.lengths import as_lengths
from nndl.op.state import State

import paddle
from paddle import Tensor, _C_ops
from paddle.utils import flatten


@cache
def _registered(real: str) -> str:
    """Give the operator to Paddle, compiled at the first call; why it cannot be had, or nothing."""
    from nndl.op.backend.build import library

    try:
        path = library(real)
        try:
            ctypes.CDLL(str(path))
        except OSError as error:
            raise BuildError(f"{path}: cannot be loaded ({error}); delete it") from None
    except BuildError as error:
        return str(error)
    paddle.utils.cpp_extension.extension_utils.load_op_meta_info_and_register_op(str(path))
    return ""


class _Operator(NamedTuple):
    """The operator for one dtype, and what stands for states and for lengths that are not given."""

    name: str
    no_states: list[Tensor]
    no_lengths: Tensor


@cache
def _operator(bytes_each: int) -> _Operator:
    """By the size of a number, for to compare dtypes takes longer; what is of another dtype the operator refuses."""
    real, dtype = ("double", "float64") if bytes_each == 8 else ("float", "float32")
    if _registered(real):
        raise BuildError(_registered(real))
    return _Operator(f"nndl_cells_{real}", [paddle.empty([0], dtype)], paddle.empty([0], "int64"))


def why_not() -> str:
    """Why the operator cannot be had here, in one line; empty where it can. Compiles it at the first call."""
    device = paddle.device.get_device()
    return _registered("float") if device == "cpu" else f"it computes on the CPU, not on {device}"


def tell_if_missing() -> None:
    """One line where it cannot be compiled, once: Paddle's serves, with the same results. An old Paddle said so."""
    from nndl.runtime import say_once

    if paddle_versions.IS_OLD:
        return
    if paddle.device.get_device() == "cpu" and (missing := _registered("float")):  # elsewhere it is not compiled
        say_once(
            f"nndl: our native operator is not there, Paddle's serves: {missing} 没有本地算子，改用飞桨的算子，结果相同"
        )


def takes(X: Tensor) -> bool:
    """Whether the operator, where it can be had, takes such inputs: on the CPU, float32, or float64 if it compiles."""
    if not paddle_versions.is_on_cpu(X):
        return False
    return X.dtype == paddle.float32 or (X.dtype == paddle.float64 and not _registered("double"))


def unroll(
    cells: Sequence[Any], X: Tensor, states: State = None, sequence_length: Tensor | None = None
) -> tuple[Tensor, State]:
    """Run the cells of one layer over all steps; arguments and results as of :func:`nndl.op.unroll`.

    Padding (补齐) costs nothing. Only first derivatives exist: a second one raises NotImplementedError.

    Shapes: X float32 or float64 [B, L, M]; states [K, B, D], of LSTM cells the pair (H, C); a cell's W [M, G·D],
    U [D, G·D], b [1, G·D], of a GRU [1, 4D]; sequence_length int [B], values 0..L.

    Raises:
        BuildError: the operator cannot be had on this machine.
        SettingError: another kind of cell, dtype, device or shape, or lengths out of range.
    """
    operator, kind = _operator(X.element_size()), cells[0].kind
    parameters = [weight for cell in cells for weight in cell.weights]
    given = operator.no_states if states is None else [tensor.contiguous() for tensor in flatten(states)]
    lengths = operator.no_lengths if sequence_length is None else as_lengths(sequence_length, *X.shape[:2])
    is_training = paddle.is_grad_enabled()  # what the backward pass needs is kept
    # the operator refuses what does not fit: to look at it here, too, would take a small layer longer than computing it
    try:
        Y, H, C, _ = _C_ops._run_custom_op(operator.name, X.contiguous(), parameters, given, lengths, kind, is_training)
    except ValueError as error:
        raise SettingError(_reason(error)) from None
    if not is_training:  # a custom operator does not heed it
        Y, H, C = Y.detach(), H.detach(), C.detach()
    return Y, (H, C) if kind == "LSTM" else H


def _reason(error: ValueError) -> str:
    """What the operator says, without what Paddle puts around it."""
    found = re.search(r"nndl: (.+?)(?: \(at .*\))?$", str(error), re.MULTILINE)
    return found[1] if found else str(error)
