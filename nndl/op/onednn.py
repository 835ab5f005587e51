"""An LSTM layer by oneDNN's recurrent primitive: the operator of native/lstm.cc, compiled by nndl/op/build.py.

The same function as :func:`nndl.op.unroll`, for LSTM cells in float32 on the CPU; as fast as the machine.
"""

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from nndl.error import BuildError, SettingError
from nndl.op.cell import State
from nndl.op.lengths import as_lengths
from nndl.op.recurrent import check_dtype, paddle_weights, run_layers, split_states

import paddle
from paddle import Tensor, _C_ops, nn

OPERATOR = "nndl_lstm"
_CPU = paddle.CPUPlace()  # compared with a place, for Paddle's to_static stumbles over place.is_cpu_place()


@cache
def why_not() -> str:
    """Why the operator cannot be had here, in one line; empty where it can. Compiles it at the first call."""
    from nndl.op.build import library
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


def takes(X: Tensor) -> bool:
    """Whether the operator is there and can take such inputs: float32, on the CPU."""
    return X.dtype == paddle.float32 and X.place == _CPU and not why_not()


class Weights(NamedTuple):
    """All that the operator needs of a cell. Shapes: W [M, 4D], U [D, 4D], b [1, 4D]."""

    W: Tensor
    U: Tensor
    b: Tensor


def unroll(
    cell: Any,
    X: Tensor,
    state: State = None,
    sequence_length: Tensor | None = None,
    reverse: bool = False,
    time_major: bool = False,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Run an LSTM cell over all steps of a batch; arguments and results as of :func:`nndl.op.unroll`.

    Padding (补齐) costs next to nothing, see native/lstm.cc. Only first derivatives exist: a second one raises
    NotImplementedError, and nndl/op/bptt.py has it.

    Shapes: X float32 [B, L, M] ([L, B, M] if time_major); state the pair (H, C), each float32 [B, D]; the cell's W
    [M, 4D], U [D, 4D], b [1, 4D], gates in the order i, f, c̃, o; sequence_length int [B], values 0..L.

    Raises:
        BuildError: the operator cannot be had on this machine.
        SettingError: another dtype, device or shape, or lengths out of range.
    """
    Y, [state] = run_layer([cell], X, [state], sequence_length, time_major, reverse)
    return Y, state


def run_layer(
    cells: Sequence[Any],
    X: Tensor,
    states: Sequence[State],
    sequence_length: Tensor | None,
    time_major: bool,
    reverse: bool = False,
) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
    """Run one cell, or one forward and one in reverse; see :func:`unroll`. Outputs side by side, last states apart.

    Args:
        states: of each cell; None for zeros, for one as for the other.
        reverse: whether a single cell runs in reverse.
    """
    if why_not():
        raise BuildError(why_not())
    if X.ndim < 2:
        raise SettingError(f"inputs of shape {list(X.shape)}: expected three axes")
    B, L = (X.shape[1], X.shape[0]) if time_major else (X.shape[0], X.shape[1])
    M, D = cells[0].W.shape[0], cells[0].U.shape[0]
    if not M or not D:
        raise SettingError(f"a cell from {M} to {D} numbers: expected at least one")
    _check("inputs", X, [L, B, M] if time_major else [B, L, M])
    for cell in cells:
        for name, shape in (("W", [M, 4 * D]), ("U", [D, 4 * D]), ("b", [1, 4 * D])):
            _check(name, getattr(cell, name), shape)
    has_states = states[0] is not None
    if has_states:
        for state in states:
            for name, tensor in zip(("initial H", "initial C"), state, strict=True):
                _check(name, tensor, [B, D])
        H, C = (_stack(tensors) for tensors in zip(*states, strict=True))
    else:
        H = C = paddle.zeros([len(cells), B, D] if len(cells) > 1 else [B, D], paddle.float32)
    lengths = paddle.full([B], L, dtype="int64") if sequence_length is None else as_lengths(sequence_length, B, L)
    Y, H, C, _ = _C_ops._run_custom_op(
        OPERATOR,
        (X.transpose([1, 0, 2]) if time_major else X).contiguous(),
        _stack([cell.W for cell in cells]),
        _stack([cell.U for cell in cells]),
        paddle.concat([cell.b for cell in cells]) if len(cells) > 1 else cells[0].b.contiguous(),
        H,
        C,
        lengths,
        reverse,
        has_states,
        paddle.is_grad_enabled(),  # in training, what the backward pass needs is kept
    )
    if not paddle.is_grad_enabled():  # a custom operator does not heed it
        Y, H, C = Y.detach(), H.detach(), C.detach()
    last_states = [(H, C)] if len(cells) == 1 else [(H[k], C[k]) for k in range(len(cells))]
    return Y.transpose([1, 0, 2]) if time_major else Y, last_states


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


class OneDNNLSTM(nn.LSTM):
    """``paddle.nn.LSTM``, its parameters and its results, computed by the operator where that can be had.

    Elsewhere (another device or dtype, no compiler, an LSTM with projection) Paddle computes it. Arguments, shapes and
    state dict are those of ``paddle.nn.LSTM``, so each loads the other's checkpoint.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        if paddle.device.get_device() == "cpu":
            why_not()  # now, for Paddle's to_static would follow the first call into the compiling, and stumble

    def forward(
        self, inputs: Tensor, initial_states: State = None, sequence_length: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Outputs of the last layer for every step, and the last states of all layers and directions.

        Raises:
            SettingError: inputs, states or lengths of a wrong shape, number, dtype or range.
        """
        if not paddle.in_dynamic_mode():  # no numbers yet, only a graph, and Paddle's own operator can be exported
            self._check_for_paddle()
            return super().forward(inputs, initial_states, sequence_length)
        sequence_length = self._checked(inputs, initial_states, sequence_length)
        if self.proj_size or not takes(inputs):
            self._check_for_paddle(inputs, *(initial_states or ()))
            return super().forward(inputs, initial_states, sequence_length)
        cells = [_transposed(*weights) for weights in paddle_weights(self)]
        states = split_states(initial_states, len(cells))
        dropout = self.dropout if self.training else 0.0
        how = (self.num_directions, inputs, states, sequence_length, self.time_major, dropout)
        return run_layers(run_layer, cells, *how)

    def _checked(self, inputs: Tensor, states: State, sequence_length: Any) -> Tensor | None:
        """The lengths as a tensor, once all arguments are what they must be."""
        if states is not None and (not isinstance(states, tuple | list) or len(states) != 2):
            found = len(states) if isinstance(states, tuple | list) else type(states).__name__
            raise SettingError(f"initial states, {found}: expected a pair, H and C")
        for tensor in (inputs, *(states or ())):
            if not isinstance(tensor, Tensor):
                raise SettingError(f"inputs or states of {type(tensor).__name__}: expected tensors")
        shape, axes = list(inputs.shape), "[L, B, M]" if self.time_major else "[B, L, M]"
        if len(shape) != 3 or shape[2] != self.input_size:
            raise SettingError(f"inputs of shape {shape}: expected {axes} with M = {self.input_size}")
        L, B = shape[:2] if self.time_major else shape[1::-1]
        if states is not None:
            N = self.num_layers * self.num_directions
            for name, state, D in zip(
                "HC", states, (self.proj_size or self.hidden_size, self.hidden_size), strict=True
            ):
                if list(state.shape) != [N, B, D]:
                    raise SettingError(f"initial {name} of shape {list(state.shape)}: expected {[N, B, D]}")
        return None if sequence_length is None else as_lengths(sequence_length, B, L)

    def _check_for_paddle(self, *tensors: Tensor) -> None:
        """Refuse what Paddle's own LSTM would end the process at, or explain in many lines."""
        if self.could_use_cudnn and len(self._all_weights) < 4 * self.num_layers * self.num_directions:
            raise SettingError("Paddle 3.3.1 crashes in an LSTM without biases: leave them in, and set them to zero")
        for tensor in tensors:
            check_dtype("inputs or states", tensor, self[0].parameters()[0].dtype)


def _transposed(W: Tensor, U: Tensor, b_ih: Tensor | None, b_hh: Tensor | None) -> Weights:
    """Paddle's matrices are the transposed of ours, and it has two biases, or none."""
    b = sum((b for b in (b_ih, b_hh) if b is not None), paddle.zeros([W.shape[0]], W.dtype))
    # Without the clone the gradients would be transposed views, which Paddle's data parallel mistakes for plain ones.
    return Weights(W.clone().T, U.clone().T, b.unsqueeze(0))
