"""An LSTM layer by oneDNN's recurrent primitive: the operator of native/lstm.cc, compiled by build.py.

The same function as :func:`nndl.op.unroll`, for LSTM cells in float32 on the CPU; as fast as the machine.
"""

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

from nndl.error import BuildError, SettingError
from nndl.op.lengths import as_lengths
from nndl.op.state import State

import paddle
from paddle import Tensor, _C_ops

OPERATOR = "nndl_lstm"
_CPU = paddle.CPUPlace()  # compared with a place, for Paddle's to_static stumbles over place.is_cpu_place()


@cache
def _registered() -> str:
    """Give the operator to Paddle, compiled at the first call; why it cannot be had, or nothing."""
    from nndl.op.backend.build import library
    from nndl.runtime import say_once

    try:
        path = library()
        try:
            ctypes.CDLL(str(path))
        except OSError as error:
            raise BuildError(f"{path}: cannot be loaded ({error}); delete it") from None
    except BuildError as error:
        say_once(f"nndl: the oneDNN operator is not there, a slower one serves: {error}")
        return str(error)
    paddle.utils.cpp_extension.extension_utils.load_op_meta_info_and_register_op(str(path))
    return ""


def why_not() -> str:
    """Why the operator cannot be had here, in one line; empty where it can. Compiles it at the first call."""
    device = paddle.device.get_device()
    return _registered() if device == "cpu" else f"it computes on the CPU, not on {device}"


def takes(X: Tensor) -> bool:
    """Whether the operator, where it can be had, takes such inputs: float32, on the CPU."""
    return X.dtype == paddle.float32 and X.place == _CPU


def unroll(
    cells: Sequence[Any], X: Tensor, states: Sequence[State] | None = None, sequence_length: Tensor | None = None
) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
    """Run the LSTM cells of one layer over all steps; arguments and results as of :func:`nndl.op.unroll`.

    Padding (补齐) costs next to nothing, see native/lstm.cc. Only first derivatives exist: a second one raises
    NotImplementedError, and nndl/op/backend/bptt.py has it.

    Shapes: X float32 [B, L, M]; states the pair (H, C) for each cell, each float32 [B, D]; a cell's W [M, 4D],
    U [D, 4D], b [1, 4D], gates in the order i, f, c̃, o; sequence_length int [B], values 0..L.

    Raises:
        BuildError: the operator cannot be had on this machine.
        SettingError: another dtype, device or shape, or lengths out of range.
    """
    if _registered():
        raise BuildError(_registered())
    if X.ndim < 2:
        raise SettingError(f"inputs of shape {list(X.shape)}: expected three axes")
    B, L = X.shape[:2]
    M, D = cells[0].W.shape[0], cells[0].U.shape[0]
    if not M or not D:
        raise SettingError(f"a cell from {M} to {D} numbers: expected at least one")
    _check("inputs", X, [B, L, M])
    for cell in cells:
        for name, shape in (("W", [M, 4 * D]), ("U", [D, 4 * D]), ("b", [1, 4 * D])):
            _check(name, getattr(cell, name), shape)
    if states is not None:
        for state in states:
            for name, tensor in zip(("initial H", "initial C"), state, strict=True):
                _check(name, tensor, [B, D])
        H, C = (_stack(tensors) for tensors in zip(*states, strict=True))
    else:
        H = C = paddle.zeros([len(cells), B, D] if len(cells) > 1 else [B, D], paddle.float32)
    lengths = paddle.full([B], L, dtype="int64") if sequence_length is None else as_lengths(sequence_length, B, L)
    Y, H, C, _ = _C_ops._run_custom_op(
        OPERATOR,
        X.contiguous(),
        _stack([cell.W for cell in cells]),
        _stack([cell.U for cell in cells]),
        paddle.concat([cell.b for cell in cells]) if len(cells) > 1 else cells[0].b.contiguous(),
        H,
        C,
        lengths,
        states is not None,
        paddle.is_grad_enabled(),  # in training, what the backward pass needs is kept
    )
    if not paddle.is_grad_enabled():  # a custom operator does not heed it
        Y, H, C = Y.detach(), H.detach(), C.detach()
    return Y, [(H, C)] if len(cells) == 1 else [(H[k], C[k]) for k in range(len(cells))]


def _stack(tensors: Sequence[Tensor]) -> Tensor:
    """Those of several cells as one tensor; that of one cell as it is, which is faster."""
    return paddle.stack(list(tensors)) if len(tensors) > 1 else tensors[0].contiguous()


def _check(name: str, tensor: Tensor, shape: list[int]) -> None:
    if list(tensor.shape) != shape:
        raise SettingError(f"{name} of shape {list(tensor.shape)}: expected {shape}")
    if tensor.dtype != paddle.float32:  # where it lies is the operator's own check, once it is made one piece
        dtype = str(tensor.dtype).removeprefix("paddle.")
        raise SettingError(
            f"{name} of {dtype} on {tensor.place}: expected float32 on the CPU; backend='fused' takes all"
        )
