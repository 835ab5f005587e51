"""Batches for recurrent layers, and how their results are compared; shared by the tests of the operators."""

import nndl  # noqa: F401, before Paddle

# isort: split
from dataclasses import dataclass
from functools import partial

from nndl.op import GRU, LSTM, SRN
from nndl.op.backend import BACKENDS, ways
from nndl.op.state import split_states, stack_states

import numpy as np
import paddle
import pytest
from hypothesis import strategies as st
from paddle import nn
from paddle.utils import flatten

TOLERANCE = {"float32": 1e-5, "float64": 1e-10}

LAYERS = {
    f"{layer.__name__} {name}": partial(layer, backend=name)
    for layer in (SRN, GRU, LSTM)
    for name in ways(layer.cell_class.kind)[1:]
    if not BACKENDS[name].why_not()
}
"""SRN, GRU and LSTM, by each way to compute them that can be had here."""
every_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


def assert_close(actual, expected, dtype="float64"):
    """Equal within the tolerance, relative to the largest number expected.

    That is taken for at least 0.1: a gradient of few numbers may be a small difference of large ones.
    """
    expected = np.asarray(expected)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE[dtype] * max(0.1, np.abs(expected).max()))


def randn_like(tensors, seed):
    """Random numbers, the same for the same seed."""
    rng = np.random.default_rng(seed)
    return [paddle.to_tensor(rng.standard_normal(tensor.shape), dtype=tensor.dtype) for tensor in tensors]


def random_states(layer, B):
    """States [N, B, D] as the layer wants them, other than zero."""
    N = layer.num_layers * layer.num_directions
    H, C = paddle.randn([N, B, layer.hidden_size]), paddle.randn([N, B, layer.hidden_size])
    return (H, C) if isinstance(layer, LSTM | nn.LSTM) else H


def run(layer, X, states=None, lengths=None):
    """The outputs and all last states of a layer, in one list."""
    return flatten(layer(X, states, None if lengths is None else paddle.to_tensor(lengths, dtype="int64")))


def gradients(layer, X, states, lengths):
    """Of a random weighted sum of all results: with respect to (the inputs, each state), and to each parameter."""
    variables = [X, *flatten(states)] if states is not None else [X]
    for variable in variables:
        variable.stop_gradient = False
    results = run(layer, X, states, lengths)
    every = paddle.grad(results, [*variables, *layer.parameters()], randn_like(results, seed=1))
    return every[: len(variables)], every[len(variables) :]


def unroll_one(unroll, cell, X, state=None, sequence_length=None, reverse=False, time_major=False):
    """One cell over all steps, by what runs the cells of a layer: the outputs, and the last state."""
    X = X.transpose([1, 0, 2]) if time_major else X
    cells = [cell, cell] if reverse else [cell]
    Y, states = unroll(cells, X, None if state is None else stack_states([state] * len(cells)), sequence_length)
    Y = Y[..., Y.shape[-1] // 2 :] if reverse else Y
    return Y.transpose([1, 0, 2]) if time_major else Y, split_states(states, len(cells))[-1]


@dataclass
class Problem:
    """A layer's sizes and a batch for it."""

    sizes: tuple[int, int, int, str]  # M, D, the number of layers, the direction
    time_major: bool
    B: int
    L: int
    lengths: list[int] | None
    has_states: bool

    def inputs(self):
        return paddle.randn([self.L, self.B, self.sizes[0]] if self.time_major else [self.B, self.L, self.sizes[0]])


@st.composite
def problems(draw):
    size = st.integers(1, 5)
    L, B = draw(size), draw(size)
    sizes = draw(st.tuples(size, size, st.integers(1, 3), st.sampled_from(["forward", "bidirectional"])))
    lengths = draw(st.none() | st.lists(st.integers(0, L), min_size=B, max_size=B))
    return Problem(sizes, draw(st.booleans()), B, L, lengths, draw(st.booleans()))
