"""The state of a cell: a tensor, or a tuple of tensors, each [B, ...] of any size; and those of many cells, stacked."""

from collections.abc import Callable, Sequence
from typing import Any

from nndl.error import SettingError

import paddle

State = Any


def map_states(function: Callable, *states: State) -> State:
    """Apply a function to the tensors of one state, or to the corresponding tensors of several.

    Raises:
        SettingError: a state that is something else.
    """
    first, *_ = states
    if isinstance(first, tuple | list):
        return tuple(map(function, *states))
    if not isinstance(first, paddle.Tensor):
        raise SettingError(f"a state of {type(first).__name__}: expected a tensor, or a tuple of tensors")
    return function(*states)


def stack_states(states: Sequence[State]) -> State:
    """The states [B, ...] of N cells as one, [N, B, ...] each."""
    if len(states) == 1:  # a view costs less than a copy
        return map_states(lambda tensor: tensor.unsqueeze(0), states[0])
    return map_states(lambda *tensors: paddle.stack(tensors), *states)


def split_states(states: State, N: int) -> list[State]:
    """A state of [N, B, ...] each as N states of [B, ...], one for each cell."""
    if N == 1:
        return [map_states(lambda tensor: tensor.squeeze(0), states)]
    return [map_states(lambda tensor, i=i: tensor[i], states) for i in range(N)]


def join_states(states: Sequence[State]) -> State:
    """States of [K, B, ...] each, one of each layer, as one of all cells."""
    return states[0] if len(states) == 1 else map_states(lambda *tensors: paddle.concat(tensors), *states)


def states_of_layer(states: State, first: int, K: int) -> State:
    """Of a state [N, B, ...] of all cells that of K of them, from the ``first`` on."""
    return map_states(lambda tensor: tensor if len(tensor) == K else tensor[first : first + K], states)
