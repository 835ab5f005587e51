"""Layers of ANY cell: depth, directions, dropout; and the layers SRN, LSTM and GRU. Time is the unroller's."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

from nndl.error import SettingError
from nndl.op.backend import BACKENDS, choose, ways
from nndl.op.backend.equation import equation_of
from nndl.op.cell import Cell, GRUCell, LSTMCell, SRNCell
from nndl.op.lengths import as_lengths, reverse_within
from nndl.op.setting import choice, flag, probability, whole
from nndl.op.state import State, join_states, map_states, states_of_layer
from nndl.op.twin import PaddleTwin
from nndl.op.unroller import unroll

import paddle
import paddle.nn.functional as F
from paddle import ParamAttr, Tensor, nn

DIRECTIONS = {"forward": 1, "reverse": 1, "bidirectional": 2, "bidirect": 2}
MERGES = {"concat": None, "sum": operator.add, "mul": operator.mul, "ave": lambda ahead, back: (ahead + back) / 2}
"""What becomes of the outputs of two directions; None: they stand side by side already."""
MOST_LAYERS = 1000
ON_CPU_ALONE = set(paddle.device.get_all_device_type()) <= {"cpu"}
AUTOCAST = ("float16", "bfloat16", "float32")  # what amp casts to and fro


def check_dtype(name: str, tensor: Tensor, of_parameters: paddle.dtype) -> None:
    """Raise SettingError where a tensor has another dtype than the parameters, and amp does not cast it."""
    if tensor.dtype == of_parameters:
        return
    found, expected = (str(dtype).removeprefix("paddle.") for dtype in (tensor.dtype, of_parameters))
    if not (paddle.amp.is_autocast_enabled() and found in AUTOCAST):
        raise SettingError(f"{name} of {found} for parameters of {expected}: use .astype('{expected}')")


def _check_tensor(name: str, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise SettingError(f"{name} of {type(value).__name__}: expected a tensor, such as paddle.to_tensor makes")


def in_depth(
    unroll_layer: Callable,
    cells: Sequence[Any],
    K: int,
    X: Tensor,
    states: State,
    sequence_length: Tensor | None,
    dropout: float,
    merge: Callable | None = None,
) -> tuple[Tensor, State]:
    """Run cells, K a layer, one layer after the other: arguments and results as of :func:`nndl.op.unroll`, of all.

    Args:
        unroll_layer: what runs one layer.
        dropout: the probability that what one layer hands to the next is dropped; 0 in evaluation.
        merge: one of :data:`MERGES`, where K is 2.
    """
    last_states = []
    for first in range(0, len(cells), K):
        if first and dropout:
            X = F.dropout(X, dropout)
        begin = None if states is None else states_of_layer(states, first, K)
        X, last = unroll_layer(cells[first : first + K], X, begin, sequence_length)
        if merge:
            X = merge(*paddle.split(X, 2, axis=-1))
        last_states.append(last)
    return X, join_states(last_states)


A_CLASS_OF_CELLS = "expected a class of cells, such as nndl.op.SRNCell, called with (input_size, hidden_size)"


def _check_makes_cells(cell: Any) -> None:
    if isinstance(cell, type):
        if not issubclass(cell, nn.RNNCellBase):
            raise SettingError(f"cell, the class {cell.__name__}: {A_CLASS_OF_CELLS}")
    elif isinstance(cell, nn.Layer) or not callable(cell):
        found = repr(cell) if cell is None or isinstance(cell, str) else f"of {type(cell).__name__}"
        raise SettingError(f"cell {found}: {A_CLASS_OF_CELLS}")


class Recurrent(nn.Layer):
    """Layers of cells, in one direction or both, with the interface of ``paddle.nn.SimpleRNN`` and ``LSTM``.

    Shapes, with N = num_layers · num_directions: inputs float [B, L, M] ([L, B, M] if time_major); states
    float [N, B, ...] each, as a tuple where the cell has several; outputs float [B, L, output_size]: the size of a
    cell's outputs, mostly D, times num_directions where the outputs of two directions stand side by side.

    Args:
        cell: a class of cells, or what makes one, called with the input size and D once a layer and direction; such as
            ``nndl.op.SRNCell``, ``paddle.nn.GRUCell`` or ``functools.partial(JordanCell, output_size=3)``.
        input_size: M, the size of the first layer's inputs.
        hidden_size: D.
        num_layers: the depth.
        direction: "forward"; "reverse", which reads each sequence from ITS last element; or "bidirectional" (also
            "bidirect"), both. Outputs stand at the step they belong to, as in Paddle; Keras' ``go_backwards`` returns
            them in the order of reading.
        dropout: the probability that an output between two layers is dropped in training.
        time_major: whether time is the first axis.
        merge: what becomes of the outputs of two directions: "concat", side by side, "sum", "mul" (the product) or
            "ave" (the mean), Keras' ``merge_mode``. Its None, two outputs, is ``paddle.split(outputs, 2, axis=-1)``.
        stateful: whether the last states of a batch are the first of the next, without its gradients, until
            :meth:`reset` is called: so between two texts, and before and after an evaluation. Initial states that are
            given win. A direction in reverse goes on from where the batch before BEGINS: give it the end of a text
            first.

    Raises:
        SettingError: a setting out of its range, cells that do not fit together, or, in use, inputs, states or lengths
            of a wrong shape, dtype or range, or a static graph, as ``paddle.jit.save`` makes one: export what
            :meth:`SRN.to_paddle`, or that of LSTM or GRU, returns.

    Example:
        A cell and a layer of it. Outputs and last states come both, always (Keras: ``return_sequences``,
        ``return_state``); what a layer knows at the end is its last STATE, whichever the direction and the lengths:

        >>> from nndl.op import SRNCell
        >>> X, lengths = paddle.randn([2, 6, 3]), [6, 2]
        >>> output, H = SRNCell(3, 4)(X[:, 0])
        >>> layer = Recurrent(SRNCell, 3, 4)
        >>> outputs, H = layer(X, sequence_length=lengths)
        >>> bool((H[-1, 1] == outputs[1, 1]).all()), bool((H[-1, 1] == outputs[1, -1]).all())
        (True, False)

        In reverse, the last state is that at the first step:

        >>> outputs, H = Recurrent(SRNCell, 3, 4, direction="reverse")(X, sequence_length=lengths)
        >>> bool((H[-1] == outputs[:, 0]).all())
        True

        Both directions, added up:

        >>> outputs, H = Recurrent(SRNCell, 3, 4, direction="bidirectional", merge="sum")(X)
        >>> list(outputs.shape), list(H.shape)
        ([2, 6, 4], [2, 2, 4])

        A long sequence in parts:

        >>> stateful = Recurrent(SRNCell, 3, 4, stateful=True)
        >>> _ = stateful.set_state_dict(layer.state_dict())
        >>> parts = [stateful(part)[0] for part in paddle.split(X, 3, axis=1)]
        >>> bool(paddle.allclose(paddle.concat(parts, axis=1), layer(X)[0]))
        True
        >>> stateful.reset()
        >>> print(stateful.states)
        None
    """

    def __init__(
        self,
        cell: Callable[[int, int], nn.RNNCellBase],
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        direction: str = "forward",
        dropout: float = 0.0,
        time_major: bool = False,
        *,
        merge: str = "concat",
        stateful: bool = False,
    ) -> None:
        super().__init__()
        _check_makes_cells(cell)
        self.input_size = size = whole("input_size", input_size)
        self.hidden_size = whole("hidden_size", hidden_size)
        self.num_layers = whole("num_layers", num_layers, most=MOST_LAYERS)
        self.direction = choice("direction", direction, DIRECTIONS)
        self.num_directions = DIRECTIONS[direction]
        self.dropout, self.time_major = probability("dropout", dropout), flag("time_major", time_major)
        self.merge, self.stateful = choice("merge", merge, MERGES), flag("stateful", stateful)
        if self.num_directions == 1 and merge != "concat":
            raise SettingError(f"merge {merge!r}: expected concat, as direction {direction!r} is a single one")
        self._kept: tuple[State, ...] = ()  # in a tuple, as Paddle takes a tensor for a buffer
        self.cells = nn.LayerList()
        for _ in range(self.num_layers):
            newest = [cell(size, hidden_size) for _ in range(self.num_directions)]
            self._check_cells(newest, size)
            self.cells.extend(newest)
            size = getattr(newest[-1], "output_size", newest[-1].hidden_size)
            size *= self.num_directions if merge == "concat" else 1
        self.output_size = size

    def _check_cells(self, newest: Sequence[Any], size: int) -> None:
        """Whether the newest layer's cells take what the layer before returns, and all states can be stacked."""
        for cell in newest:
            if not isinstance(cell, nn.RNNCellBase):
                raise SettingError(f"cell that makes a {type(cell).__name__}: {A_CLASS_OF_CELLS}")
            if getattr(cell, "input_size", size) != size:
                raise SettingError(f"a cell with inputs of size {cell.input_size}: expected {size}, as asked for")
            first = self.cells[0] if self.cells else newest[0]
            if cell.state_shape != first.state_shape:
                shapes = f"{first.state_shape} and {cell.state_shape}"
                raise SettingError(f"cells with states of {shapes}: expected one shape, as the states are stacked")

    def forward(
        self, inputs: Tensor, initial_states: State = None, sequence_length: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Outputs of the last layer for every step, and the last states of all layers and directions."""
        cells = list(self._sub_layers["cells"]._sub_layers.values())  # self.cells takes five times as long
        self._check(inputs, cells[0])
        X = inputs.transpose([1, 0, 2]) if self.time_major else inputs  # from here on [B, L, M]
        if sequence_length is not None:
            sequence_length = as_lengths(sequence_length, *X.shape[:2])
        states = None
        if initial_states is not None:
            states = self._checked(initial_states, X)
        elif self._kept:
            states = self._carried_on(X)
        is_reverse = self.direction == "reverse"
        if is_reverse:  # what follows knows forward alone, and two directions
            X = reverse_within(X, sequence_length)
        unroll_layer, dropout = self._unroll(cells, X), self.dropout if self.training else 0.0
        X, states = in_depth(
            unroll_layer, cells, self.num_directions, X, states, sequence_length, dropout, MERGES[self.merge]
        )
        if is_reverse:
            X = reverse_within(X, sequence_length)
        if self.stateful:
            self._kept = (map_states(Tensor.detach, states),)
        return X.transpose([1, 0, 2]) if self.time_major else X, states

    @property
    def states(self) -> State:
        """Where the layer is stateful, the states it begins the next batch with, [N, B, ...] each; else None."""
        return self._kept[0] if self._kept else None

    def reset(self) -> None:
        """Forget the states kept (Keras: ``reset_states``): the next batch begins with zeros."""
        self._kept = ()

    def _carried_on(self, X: Tensor) -> State:
        """The states kept, once they fit such inputs."""
        try:
            return self._checked(self._kept[0], X)
        except SettingError as error:
            raise SettingError(f"kept from the batch before: {error}; layer.reset() forgets it") from None

    def _unroll(self, cells: Sequence[Any], X: Tensor) -> Callable:
        """What runs the cells of one layer over all steps of such inputs."""
        return unroll

    def _checked(self, states: State, X: Tensor) -> State:
        """The states [N, B, ...], once they are like those that the cells start with."""
        N, cell = len(self.cells), self.cells[0]
        own = cell.get_initial_states(X)
        expected = own if isinstance(own, tuple | list) else [own]
        tensors = states if isinstance(states, tuple | list) else [states]
        if len(tensors) != len(expected):
            raise SettingError(f"{len(tensors)} initial states: expected {len(expected)}")
        for tensor, like in zip(tensors, expected, strict=True):
            _check_tensor("initial state", tensor)
            if list(tensor.shape) != [N, *like.shape]:
                raise SettingError(f"initial state of shape {list(tensor.shape)}: expected {[N, *like.shape]}")
            if isinstance(cell, Cell):
                check_dtype("initial state", tensor, like.dtype)
        return tuple(tensors) if isinstance(own, tuple | list) else tensors[0]

    def _check(self, inputs: Tensor, cell: Any) -> None:
        if not paddle.in_dynamic_mode():
            raise SettingError(
                f"{type(self).__name__} steps through time in Python, so it cannot be part of a static graph: "
                "export Paddle's layer in its place, for SRN, LSTM and GRU what layer.to_paddle() returns"
            )
        _check_tensor("inputs", inputs)
        shape = inputs.shape
        if len(shape) != 3 or shape[-1] != self.input_size:
            axes = "[L, B, M]" if self.time_major else "[B, L, M]"
            raise SettingError(f"inputs of shape {list(shape)}: expected {axes} with M = {self.input_size}")
        if 0 in shape:
            raise SettingError(f"inputs of shape {list(shape)}: expected at least one step and one sequence")
        # a reader's own cell takes any; to compare two dtypes takes three times as long as to see that they are one
        if isinstance(cell, Cell) and inputs.dtype is not (dtype := cell.weights[0].dtype):
            check_dtype("inputs", inputs, dtype)

    def __getstate__(self) -> dict[str, Any]:
        """For copies and files, without the states kept."""
        return vars(self) | {"_kept": ()}

    def extra_repr(self) -> str:
        sizes = f"num_layers={self.num_layers}, direction={self.direction}, dropout={self.dropout}"
        return f"{sizes}, merge={self.merge}, stateful={self.stateful}"


class _BySizes(PaddleTwin, Recurrent):
    """Layers of one kind of cell of ours, made from sizes and parameter attributes.

    Args:
        W_attr, U_attr, b_attr: as of :class:`nndl.op.Cell`.
        backend: what computes it, with the same results (section 6.8, printed 6.3.4), one of those
            :mod:`nndl.op.backend` has for such cells: "fused", the unroller; "native", an operator in C++, on the CPU,
            where it can be compiled; "paddle", Paddle's kernel; of an LSTM also "stepwise" and "bptt"; "auto", native
            where that is possible, else paddle, but fused where the equation was changed. While a cell is recorded,
            has hooks, or is of another class, the unroller computes whatever is asked for.
        The others are those of :class:`Recurrent`.
    """

    cell_class: type[Cell]

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
        *,
        backend: str = "auto",
        merge: str = "concat",
        stateful: bool = False,
        **unknown: Any,
    ) -> None:
        if isinstance(num_layers, ParamAttr | nn.initializer.Initializer):
            raise SettingError("num_layers is a parameter attribute: name it, as in W_attr=..., U_attr=..., b_attr=...")
        if unknown:  # the book's LSTM has an attribute for each gate
            raise SettingError(
                f"no argument is called {', '.join(unknown)}; parameter attributes are W_attr, U_attr and b_attr, of "
                "an LSTM each for all gates side by side, in the order i, f, c, o, of a GRU r, z, c (and b_hc in b)"
            )
        super().__init__(
            lambda M, D: self.cell_class(M, D, W_attr, U_attr, b_attr),
            input_size,
            hidden_size,
            num_layers,
            direction,
            dropout,
            time_major,
            merge=merge,
            stateful=stateful,
        )
        self.backend = choice("backend", backend, ways(self.cell_class.kind))
        self._chosen: tuple[tuple, Callable] = (), unroll  # for what, and what

    def _unroll(self, cells: Sequence[Any], X: Tensor) -> Callable:
        kind = self.cell_class
        for cell in cells:
            if type(cell) is not kind or cell.is_watched:  # only the unroller knows other cells, and single steps
                return unroll
        # chosen anew where anything changes that it depends on: a reader may edit the equation in a running notebook
        key = self.backend, equation_of(kind), X.element_size(), ON_CPU_ALONE or X.place.is_cpu_place()
        if self._chosen[0] != key:
            self._chosen = key, BACKENDS[choose(self.backend, kind, X)].unroll
        return self._chosen[1]

    def __getstate__(self) -> dict[str, Any]:
        """For copies and files, without the functions that were chosen."""
        return super().__getstate__() | {"_chosen": ((), unroll)}

    def __getattr__(self, name: str) -> Any:
        """W, U and b of a layer that is one cell, as the book's layers have them."""
        if name in ("W", "U", "b"):
            if len(self.cells) == 1:
                return getattr(self.cells[0], name)
            raise AttributeError(f"{type(self).__name__} of {len(self.cells)} cells: each has its own, cells[0].{name}")
        return super().__getattr__(name)


class SRN(_BySizes):
    """Simple recurrent network (简单循环网络), the counterpart of ``paddle.nn.SimpleRNN``.

    Shapes as in :class:`Recurrent`; the equation and the parameters in :class:`nndl.op.SRNCell`.

    Example:
        >>> outputs, H = SRN(32, 64)(paddle.randn([8, 10, 32]))
        >>> list(outputs.shape), list(H.shape)
        ([8, 10, 64], [1, 8, 64])
    """

    cell_class, paddle_class = SRNCell, nn.SimpleRNN


class GRU(_BySizes):
    """Gated recurrent unit (门控循环单元), the counterpart of ``paddle.nn.GRU``.

    Shapes as in :class:`Recurrent`; the equations and the parameters in :class:`nndl.op.GRUCell`.

    Example:
        >>> outputs, H = GRU(32, 64, num_layers=2)(paddle.randn([8, 10, 32]))
        >>> list(outputs.shape), list(H.shape)
        ([8, 10, 64], [2, 8, 64])
    """

    cell_class, paddle_class = GRUCell, nn.GRU


class LSTM(_BySizes):
    """Long short-term memory (长短期记忆网络), the counterpart of ``paddle.nn.LSTM``.

    Shapes as in :class:`Recurrent`; the equations and the parameters in :class:`nndl.op.LSTMCell`.

    Example:
        >>> outputs, (H, C) = LSTM(32, 64, direction="bidirectional")(paddle.randn([8, 10, 32]))
        >>> list(outputs.shape), list(H.shape), list(C.shape)
        ([8, 10, 128], [2, 8, 64], [2, 8, 64])
    """

    cell_class, paddle_class = LSTMCell, nn.LSTM
