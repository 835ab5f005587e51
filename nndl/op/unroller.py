"""Time: runs ANY cell over all steps of a batch, in one direction or both; lengths and masking (掩码) are here."""

from collections.abc import Sequence
from typing import Any

from nndl.op.cell import Cell
from nndl.op.lengths import as_lengths, valid_steps
from nndl.op.state import State, map_states, split_states, stack_states

import paddle
from paddle import Tensor


def unroll(
    cells: Sequence[Any], X: Tensor, states: State = None, sequence_length: Tensor | None = None
) -> tuple[Tensor, State]:
    """Run the cells of one layer over all steps of a batch: one cell forward, or that and a second one in reverse.

    Where a sequence has ended its state stands still and its outputs are zero. Run in reverse, a sequence
    therefore starts at its own last element: the padding (补齐) before it changes nothing.

    Shapes, with K = the number of cells: X float [B, L, M]; states those of all cells, [K, B, ...] each, zeros when
    left out; sequence_length int [B], values 0..L. Returns the outputs float [B, L, K · D], side by side, each at the
    step it belongs to, and the last states, [K, B, ...] each.

    Raises:
        SettingError: lengths of another shape, dtype or range.

    Example:
        >>> from nndl.op import LSTMCell
        >>> outputs, (H, C) = unroll([LSTMCell(3, 4)], paddle.randn([2, 5, 3]))
        >>> list(outputs.shape), list(H.shape)
        ([2, 5, 4], [1, 2, 4])
    """
    B, L = X.shape[:2]
    shortest, valid = L, None
    if sequence_length is not None:
        sequence_length = as_lengths(sequence_length, B, L)
        shortest = int(sequence_length.min())
    if shortest < L:  # whatever stands in the padding, NaN included, must not reach a gradient either
        valid = valid_steps(sequence_length, L, time_axis=1)
        X = paddle.where(valid, X, paddle.zeros_like(X))
    sides, last_states = [], []
    given = None if states is None else split_states(states, len(cells))
    for k, cell in enumerate(cells):
        state = given[k] if given else cell.get_initial_states(X, dtype=X.dtype)
        # A cell of ours projects the inputs of all steps in one product; any other cell takes them as they are.
        in_two = isinstance(cell, Cell) and not cell.has_hooks
        step = cell.step if in_two else cell
        inputs = paddle.unbind(cell.project(X) if in_two else X, axis=1)
        outputs: list[Tensor] = [X] * L
        for t in reversed(range(L)) if k else range(L):
            outputs[t], new_state = step(inputs[t], state)
            state = new_state if t < shortest else _ended_or_not(valid[:, t], new_state, state)
        sides.append(paddle.stack(outputs, axis=1))
        last_states.append(state)
    Y = paddle.concat(sides, axis=-1) if len(sides) > 1 else sides[0]
    return Y if valid is None else paddle.where(valid, Y, paddle.zeros_like(Y)), stack_states(last_states)


def _ended_or_not(goes_on: Tensor, new_state: State, state: State) -> State:
    """The new state of the sequences that go on, the old one of the others. Shapes: goes_on bool [B, 1]."""

    def choose(new: Tensor, old: Tensor) -> Tensor:
        mask = goes_on if new.ndim == 2 else goes_on.reshape([-1] + [1] * (new.ndim - 1))
        return paddle.where(mask, new, old)

    return map_states(choose, new_state, state)
