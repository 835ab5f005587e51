"""Paddle's LSTM layer with its own parameters, computed by our operator."""

from typing import Any, NamedTuple

from nndl.error import SettingError
from nndl.op.backend import native
from nndl.op.lengths import as_lengths
from nndl.op.recurrent import check_dtype, in_depth
from nndl.op.state import State
from nndl.op.twin import paddle_weights
from nndl.paddle_versions import projection

import paddle
from paddle import Tensor, nn


class _Weights(NamedTuple):
    """All that the operator needs of a cell. Shapes of the weights: W [M, 4D], U [D, 4D], b [1, 4D]."""

    weights: list[Tensor]
    kind: str = "LSTM"


class NativeLSTM(nn.LSTM):
    """``paddle.nn.LSTM``, its parameters and its results, computed by the operator where that can be had.

    Elsewhere (another device or dtype, no compiler, an LSTM with projection) Paddle computes it. Arguments, shapes and
    state dict are those of ``paddle.nn.LSTM``, so each loads the other's checkpoint.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        native.tell_if_missing()  # compiles now: Paddle's to_static would follow the first call there, and stumble

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
        if projection(self) or not native.takes(inputs) or native.why_not():
            self._check_for_paddle()
            return super().forward(inputs, initial_states, sequence_length)
        cells = [_transposed(*weights) for weights in paddle_weights(self)]
        Y = inputs.transpose([1, 0, 2]) if self.time_major else inputs
        dropout = self.dropout if self.training else 0.0
        Y, states = in_depth(native.unroll, cells, self.num_directions, Y, initial_states, sequence_length, dropout)
        return Y.transpose([1, 0, 2]) if self.time_major else Y, states

    def _checked(self, inputs: Tensor, states: State, sequence_length: Any) -> Tensor | None:
        """The lengths as a tensor, once all arguments are what they must be."""
        if states is not None and (not isinstance(states, tuple | list) or len(states) != 2):
            found = len(states) if isinstance(states, tuple | list) else type(states).__name__
            raise SettingError(f"initial states, {found}: expected a pair, H and C")
        dtype = self[0].parameters()[0].dtype
        for tensor in (inputs, *(states or ())):
            if not isinstance(tensor, Tensor):
                raise SettingError(f"inputs or states of {type(tensor).__name__}: expected tensors")
            check_dtype("inputs or states", tensor, dtype)
        shape, axes = list(inputs.shape), "[L, B, M]" if self.time_major else "[B, L, M]"
        if len(shape) != 3 or shape[2] != self.input_size:
            raise SettingError(f"inputs of shape {shape}: expected {axes} with M = {self.input_size}")
        L, B = shape[:2] if self.time_major else shape[1::-1]
        if states is not None:
            N = self.num_layers * self.num_directions
            for name, state, D in zip(
                "HC", states, (projection(self) or self.hidden_size, self.hidden_size), strict=True
            ):
                if list(state.shape) != [N, B, D]:
                    raise SettingError(f"initial {name} of shape {list(state.shape)}: expected {[N, B, D]}")
        return None if sequence_length is None else as_lengths(sequence_length, B, L)

    def _check_for_paddle(self) -> None:
        """Refuse what Paddle's own LSTM would end the process at."""
        if self.could_use_cudnn and len(self._all_weights) < 4 * self.num_layers * self.num_directions:
            raise SettingError("Paddle 3.3.1 crashes in an LSTM without biases: leave them in, and set them to zero")


def _transposed(W: Tensor, U: Tensor, b_ih: Tensor | None, b_hh: Tensor | None) -> _Weights:
    """Paddle's matrices are the transposed of ours, and it has two biases, or none."""
    b = sum((b for b in (b_ih, b_hh) if b is not None), paddle.zeros([W.shape[0]], W.dtype))
    # Without the clone the gradients would be transposed views, which Paddle's data parallel mistakes for plain ones.
    return _Weights([W.clone().T, U.clone().T, b.unsqueeze(0)])
