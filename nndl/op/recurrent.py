"""Unrolls ANY cell: time, direction, depth, lengths and masking (掩码) are written once, here."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from nndl.error import SettingError
from nndl.op.cell import Cell, LSTMCell, SRNCell, State
from nndl.op.lengths import as_lengths, valid_steps
from nndl.op.setting import choice, probability, whole

import paddle
import paddle.nn.functional as F
from paddle import ParamAttr, Tensor, nn

BACKENDS = ("fused", "stepwise", "bptt", "onednn", "auto")
DIRECTIONS = {"forward": 1, "bidirectional": 2, "bidirect": 2}
MOST_LAYERS = 1000
AUTOCAST = ("float16", "bfloat16", "float32")  # what amp casts to and fro


def unroll(
    cell: nn.RNNCellBase,
    X: Tensor,
    state: State = None,
    sequence_length: Tensor | None = None,
    reverse: bool = False,
    time_major: bool = False,
) -> tuple[Tensor, State]:
    """Run one cell over all steps of a batch.

    Where a sequence has ended its state stands still and its outputs are zero. Run in reverse, a sequence
    therefore starts at its own last element: the padding (补齐) before it changes nothing.

    Shapes: X float [B, L, M] ([L, B, M] if time_major); state as the cell's, each [B, D], zeros when left
    out; sequence_length int [B], values 0..L. Returns the outputs float [B, L, D] ([L, B, D]), placed at the
    step they belong to, and the last state.

    Raises:
        SettingError: lengths of another shape, dtype or range.
    """
    time_axis = 0 if time_major else 1
    L = X.shape[time_axis]
    if sequence_length is not None:
        sequence_length = as_lengths(sequence_length, X.shape[1 - time_axis], L)
    shortest = L if sequence_length is None else int(sequence_length.min())
    valid = None if shortest == L else valid_steps(sequence_length, L, time_axis)
    if valid is not None:  # whatever stands in the padding, NaN included, must not reach a gradient either
        X = paddle.where(valid, X, paddle.zeros_like(X))
    if state is None:
        state = cell.get_initial_states(X, dtype=X.dtype, batch_dim_idx=1 - time_axis)
    # A cell of ours projects the inputs of all steps in one product; any other cell takes them as they are.
    in_two = isinstance(cell, Cell) and not cell.has_hooks
    step: Callable = cell.step if in_two else cell
    inputs = paddle.unbind(cell.project(X) if in_two else X, axis=time_axis)

    outputs: list[Tensor] = [X] * L
    for t in reversed(range(L)) if reverse else range(L):
        outputs[t], new_state = step(inputs[t], state)
        if t < shortest:
            state = new_state
        else:
            ended_or_not = partial(paddle.where, valid[t] if time_major else valid[:, t])
            state = _map(ended_or_not, new_state, state)
    Y = paddle.stack(outputs, axis=time_axis)
    return Y if valid is None else paddle.where(valid, Y, paddle.zeros_like(Y)), state


def _map(function: Callable, *states: State) -> State:
    """Apply a function to the tensors of one state, or to the corresponding tensors of several."""
    return tuple(map(function, *states)) if isinstance(states[0], tuple | list) else function(*states)


def run_layer(
    run: Callable,
    cells: Sequence[Any],
    X: Tensor,
    states: Sequence[State],
    sequence_length: Tensor | None,
    time_major: bool,
) -> tuple[Tensor, list[State]]:
    """Run one cell forward, or one forward and one in reverse; outputs side by side, last states apart.

    Args:
        run: runs one cell over all steps; :func:`unroll`, or another function with its arguments and results.
        states: of each cell, [B, D], or None for zeros.
    """
    results = [
        run(cell, X, state, sequence_length, i == 1, time_major)
        for i, (cell, state) in enumerate(zip(cells, states, strict=True))
    ]
    outputs, last_states = zip(*results, strict=True)
    return paddle.concat(outputs, axis=-1) if len(outputs) > 1 else outputs[0], list(last_states)


def run_layers(
    run: Callable,
    cells: Sequence[Any],
    num_directions: int,
    X: Tensor,
    first_states: Sequence[State],
    sequence_length: Tensor | None,
    time_major: bool,
    dropout: float,
) -> tuple[Tensor, State]:
    """Run cells in layers, each layer on the outputs of the one before.

    Args:
        run: runs the cells of one layer; :func:`run_layer`, or another function with its arguments and results.
        cells: of the first layer forward, (of the first layer in reverse,) of the second layer, ...
        first_states: one for each cell, each [B, D], or None for zeros.
        dropout: the probability that an output between two layers is dropped.

    Returns the outputs [B, L, D · num_directions] and the last states, stacked [N, B, D].
    """
    last_states: list[State] = []
    for first in range(0, len(cells), num_directions):
        if first and dropout:
            X = F.dropout(X, dropout)
        layer = slice(first, first + num_directions)
        X, states = run(cells[layer], X, first_states[layer], sequence_length, time_major)
        last_states += states
    return X, _map(lambda *states: paddle.stack(states), *last_states)


def split_states(states: State, N: int) -> list[State]:
    """The states [N, B, D] as a list of N states [B, D], one for each cell; None for each where there are none."""
    if states is None:
        return [None] * N
    return [_map(lambda tensor, i=i: tensor[i], states) for i in range(N)]


def check_dtype(name: str, tensor: Tensor, of_parameters: paddle.dtype) -> None:
    """Raise SettingError where a tensor has another dtype than the parameters, and amp does not cast it."""
    if tensor.dtype == of_parameters:
        return
    found, expected = (str(dtype).removeprefix("paddle.") for dtype in (tensor.dtype, of_parameters))
    if not (paddle.amp.is_autocast_enabled() and found in AUTOCAST):
        raise SettingError(f"{name} of {found} for parameters of {expected}: use .astype('{expected}')")


class Recurrent(nn.Layer):
    """Layers of cells, in one direction or both, with the interface of ``paddle.nn.SimpleRNN`` and ``LSTM``.

    Shapes, with N = num_layers · num_directions: inputs float [B, L, M] ([L, B, M] if time_major); states
    float [N, B, D] each, as a tuple where the cell has several; outputs float [B, L, D · num_directions].

    Args:
        make_cell: called with the input size, returns one cell; called once a layer and direction.
        input_size: M, the size of the first layer's inputs.
        num_layers: the depth.
        direction: "forward" or "bidirectional" (also "bidirect").
        dropout: the probability that an output between two layers is dropped in training.
        time_major: whether time is the first axis.

    Raises:
        SettingError: a setting out of its range, cells that do not fit together, or, in use, inputs, states or lengths
            of a wrong shape, dtype or range, or a static graph, as ``paddle.jit.save`` makes one: export what
            :meth:`SRN.to_paddle` or :meth:`LSTM.to_paddle` returns.
    """

    def __init__(
        self,
        make_cell: Callable[[int], nn.RNNCellBase],
        input_size: int,
        num_layers: int = 1,
        direction: str = "forward",
        dropout: float = 0.0,
        time_major: bool = False,
    ) -> None:
        super().__init__()
        self.input_size = size = whole("input_size", input_size)
        self.num_layers = whole("num_layers", num_layers, most=MOST_LAYERS)
        self.direction = choice("direction", direction, DIRECTIONS)
        self.num_directions = DIRECTIONS[direction]
        self.dropout, self.time_major = probability("dropout", dropout), time_major
        self.cells = nn.LayerList()
        for _ in range(self.num_layers):
            self.cells.extend([make_cell(size) for _ in range(self.num_directions)])
            self._check_cells(size)
            size = self.num_directions * self.cells[-1].hidden_size

    def _check_cells(self, size: int) -> None:
        """Whether the newest layer's cells take what the layer before returns, and all states can be stacked."""
        for cell in self.cells[-self.num_directions :]:
            if getattr(cell, "input_size", size) != size:
                raise SettingError(
                    f"a cell with inputs of size {cell.input_size}: expected {size}, as handed to make_cell"
                )
            if cell.state_shape != self.cells[0].state_shape:
                shapes = f"{self.cells[0].state_shape} and {cell.state_shape}"
                raise SettingError(f"cells with states of {shapes}: expected one shape, as the states are stacked")

    def forward(
        self, inputs: Tensor, initial_states: State = None, sequence_length: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Outputs of the last layer for every step, and the last states of all layers and directions."""
        if not paddle.in_dynamic_mode():
            raise SettingError(
                f"{type(self).__name__} steps through time in Python, so it cannot be part of a static graph: "
                "export Paddle's layer in its place, for SRN and LSTM what layer.to_paddle() returns"
            )
        self._check(inputs)
        if sequence_length is not None:
            B, L = inputs.shape[1::-1] if self.time_major else inputs.shape[:2]
            sequence_length = as_lengths(sequence_length, B, L)
        first_states = self._split(initial_states, inputs)
        dropout = self.dropout if self.training else 0.0
        return run_layers(
            self._run_layer,
            list(self.cells),
            self.num_directions,
            inputs,
            first_states,
            sequence_length,
            self.time_major,
            dropout,
        )

    def _run_layer(self, *layer: Any) -> tuple[Tensor, list[State]]:
        return run_layer(unroll, *layer)

    def _split(self, states: State, inputs: Tensor) -> list[State]:
        """The states [N, B, D] as a list of N states [B, D], one for each cell."""
        N = len(self.cells)
        if states is None:
            return [None] * N
        batch = inputs.shape[1 if self.time_major else 0]
        shape = [N, batch, self.cells[0].hidden_size]
        several = isinstance(self.cells[0].state_shape[0], tuple)
        tensors = list(states) if isinstance(states, tuple | list) else [states]
        expected = len(self.cells[0].state_shape) if several else 1
        if len(tensors) != expected:
            raise SettingError(f"{len(tensors)} initial states: expected {expected}")
        for tensor in tensors:
            if list(tensor.shape) != shape:
                raise SettingError(f"initial state of shape {list(tensor.shape)}: expected {shape}")
            self._check_dtype("initial state", tensor)
        return split_states(states if several else tensors[0], N)

    def _check(self, inputs: Tensor) -> None:
        axes = "[L, B, M]" if self.time_major else "[B, L, M]"
        shape = list(inputs.shape)
        if len(shape) != 3 or shape[-1] != self.input_size:
            raise SettingError(f"inputs of shape {shape}: expected {axes} with M = {self.input_size}")
        if 0 in shape:
            raise SettingError(f"inputs of shape {shape}: expected at least one step and one sequence")
        self._check_dtype("inputs", inputs)

    def _check_dtype(self, name: str, tensor: Tensor) -> None:
        if isinstance(self.cells[0], Cell):  # a reader's own may take what it likes
            check_dtype(name, tensor, self.cells[0].W.dtype)

    def extra_repr(self) -> str:
        return f"num_layers={self.num_layers}, direction={self.direction}, dropout={self.dropout}"


class _PaddleTwin(Recurrent):
    """A layer that has a counterpart in Paddle, and copies its weights both ways.

    Paddle's layers hold the transposed matrices and two biases; the sum of these is ours:
    W = W_ihᵀ, U = W_hhᵀ, b = b_ih + b_hh.
    """

    cell_class: type[Any]
    paddle_class: type[Any]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        direction: str = "forward",
        time_major: bool = False,
        dropout: float = 0.0,
        W_attr: Any = None,
        U_attr: Any = None,
        b_attr: Any = None,
        **unknown: Any,
    ) -> None:
        if isinstance(num_layers, ParamAttr | nn.initializer.Initializer):
            raise SettingError("num_layers is a parameter attribute: name it, as in W_attr=..., U_attr=..., b_attr=...")
        if unknown:  # the book's LSTM has an attribute for each gate
            raise SettingError(
                f"no argument is called {', '.join(unknown)}; parameter attributes are W_attr, U_attr and b_attr, of "
                "an LSTM each for all gates side by side, in the order i, f, c, o"
            )
        self.hidden_size = whole("hidden_size", hidden_size)
        super().__init__(
            lambda size: self.cell_class(size, hidden_size, W_attr, U_attr, b_attr),
            input_size,
            num_layers,
            direction,
            dropout,
            time_major,
        )

    def __getattr__(self, name: str) -> Any:
        """W, U and b of a layer that is one cell, as the book's layers have them."""
        if name in ("W", "U", "b"):
            if len(self.cells) == 1:
                return getattr(self.cells[0], name)
            raise AttributeError(f"{type(self).__name__} of {len(self.cells)} cells: each has its own, cells[0].{name}")
        return super().__getattr__(name)

    @classmethod
    def from_paddle(cls, layer: Any) -> "_PaddleTwin":
        """Our layer with the sizes and a copy of the weights of Paddle's.

        Raises:
            SettingError: another kind of layer, another activation than tanh, or an LSTM with projection.
        """
        if not isinstance(layer, cls.paddle_class):
            raise SettingError(f"{type(layer).__name__}: expected a paddle.nn.{cls.paddle_class.__name__}")
        activation = getattr(layer, "activation", "tanh")
        if activation != "tanh" or layer.proj_size:
            raise SettingError(
                f"{type(layer).__name__} with activation {activation} and proj_size {layer.proj_size}: "
                "expected the activation tanh and proj_size 0"
            )
        direction = "forward" if layer.num_directions == 1 else "bidirectional"
        sizes = (layer.input_size, layer.hidden_size, layer.num_layers, direction)
        weights = paddle_weights(layer)
        # What Paddle was told to leave out is there all the same: zero, and never trained.
        left_out = all(b.stop_gradient and not b.any() for _, _, *biases in weights for b in biases if b is not None)
        b_attr = False if left_out else None
        with _default_dtype(weights[0][0].dtype):
            ours = cls(*sizes, time_major=layer.time_major, dropout=layer.dropout, b_attr=b_attr)
        for cell, (W, U, *biases) in zip(ours.cells, weights, strict=True):
            _copy([W], cell.W, W.T)
            _copy([U], cell.U, U.T)
            if not left_out:
                biases = [b for b in biases if b is not None]
                _copy(biases, cell.b, sum(biases, paddle.zeros_like(cell.b)))
        if not layer.training:
            ours.eval()
        return ours

    def to_paddle(self) -> Any:
        """Paddle's layer with a copy of our weights; b goes into its first bias, the second is zero.

        It can be exported, which ours cannot. Where ours has no b, both biases are zero and do not train (a layer that
        was told to have none crashes in Paddle 3.3.1).
        """
        sizes = (self.input_size, self.hidden_size, self.num_layers, self.direction)
        with _default_dtype(self.cells[0].W.dtype):
            theirs = self.paddle_class(*sizes, time_major=self.time_major, dropout=self.dropout)
        for cell, (W, U, b_ih, b_hh) in zip(self.cells, paddle_weights(theirs), strict=True):
            _copy([cell.W], W, cell.W.T)
            _copy([cell.U], U, cell.U.T)
            _copy([cell.b], b_ih, cell.b[0])
            _copy([cell.b], b_hh, paddle.zeros_like(b_hh))
        if not self.training:
            theirs.eval()
        return theirs


def _copy(sources: list[Tensor], target: Tensor, value: Tensor) -> None:
    """Give a parameter its value; what was frozen in all its sources stays frozen."""
    target.set_value(value)
    target.stop_gradient = all(source.stop_gradient for source in sources)


@contextmanager
def _default_dtype(dtype: paddle.dtype) -> Iterator[None]:
    """Layers made inside have parameters of this dtype (Paddle's own ``Layer.to`` fails on its LSTM)."""
    before = paddle.get_default_dtype()
    paddle.set_default_dtype(dtype)
    try:
        yield
    finally:
        paddle.set_default_dtype(before)


def paddle_weights(layer: Any) -> list[tuple[Tensor | None, ...]]:
    """(weight_ih, weight_hh, bias_ih, bias_hh) for each layer and direction of a Paddle layer, in our order."""
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    # From the cells: the layer's own names are shifted where a bias is left out.
    cells = [cell for layer_of_cells in layer for cell in layer_of_cells.children()]
    return [tuple(getattr(cell, kind, None) for kind in kinds) for cell in cells]


class SRN(_PaddleTwin):
    """Simple recurrent network (简单循环网络), the counterpart of ``paddle.nn.SimpleRNN``.

    Shapes as in :class:`Recurrent`; the equation and the parameters in :class:`nndl.op.SRNCell`.

    Example:
        >>> outputs, H = SRN(32, 64)(paddle.randn([8, 10, 32]))
        >>> list(outputs.shape), list(H.shape)
        ([8, 10, 64], [1, 8, 64])
    """

    cell_class, paddle_class = SRNCell, nn.SimpleRNN


class LSTM(_PaddleTwin):
    """Long short-term memory (长短期记忆网络), the counterpart of ``paddle.nn.LSTM``.

    Shapes as in :class:`Recurrent`; the equations and the parameters in :class:`nndl.op.LSTMCell`.

    Args:
        backend: what computes it, with the same results (section 6.8, printed 6.3.4): "fused", the unroller;
            "stepwise", one product a gate and step; "bptt", a backward pass by hand; "onednn", oneDNN's primitive in
            float32 on the CPU, where it can be compiled; "auto", oneDNN where that is possible, else fused.
        The others are those of :class:`Recurrent` and :class:`nndl.op.LSTMCell`.

    Example:
        >>> outputs, (H, C) = LSTM(32, 64, direction="bidirectional")(paddle.randn([8, 10, 32]))
        >>> list(outputs.shape), list(H.shape), list(C.shape)
        ([8, 10, 128], [2, 8, 64], [2, 8, 64])
    """

    cell_class, paddle_class = LSTMCell, nn.LSTM

    def __init__(self, *args: Any, backend: str = "fused", **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.backend = choice("backend", backend, BACKENDS)

    def _run_layer(self, cells: Sequence[LSTMCell], X: Tensor, *rest: Any) -> tuple[Tensor, list[State]]:
        from nndl.op import bptt, onednn, stepwise  # these build on this module

        backend = self.backend
        if backend == "auto":
            backend = "onednn" if onednn.takes(X) else "fused"
        if any(cell._steps is not None or cell.has_hooks for cell in cells):  # the others know no single steps
            backend = "fused"
        if backend == "onednn":
            return onednn.run_layer(cells, X, *rest)
        run = {"fused": unroll, "stepwise": stepwise.unroll, "bptt": bptt.unroll}[backend]
        return run_layer(run, cells, X, *rest)
