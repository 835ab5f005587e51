"""What the recurrent layers of Paddle, Keras and ONNX are tested for, of ours, against a loop in NumPy's float64.

Ours know the end of a sequence, not masks with gaps. What Keras' layers have beside (states kept, directions merged) is
in test_keras_features.py.
"""

import nndl  # before Paddle: it chooses the threads

# isort: split
from nndl.op import LSTM, GRUCell, LSTMCell, SRNCell

import numpy as np
import paddle
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paddle.utils import flatten, map_structure
from problems import Problem, assert_close, every_layer, problems, random_states, run

pytestmark = pytest.mark.usefixtures("float64")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def srn_step(x, state, W, U, b):
    return (np.tanh(x @ W + state[0] @ U + b),)


def lstm_step(x, state, W, U, b):
    H, C = state
    i, f, c, o = np.split(x @ W + H @ U + b, 4)
    C = sigmoid(f) * C + sigmoid(i) * np.tanh(c)
    return sigmoid(o) * np.tanh(C), C


def gru_step(x, state, W, U, b):
    (H,) = state
    (x_r, x_z, x_c), (h_r, h_z, h_c), (b_r, b_z, b_c, b_hc) = np.split(x @ W, 3), np.split(H @ U, 3), np.split(b, 4)
    r, z = sigmoid(x_r + h_r + b_r), sigmoid(x_z + h_z + b_z)
    c = np.tanh(x_c + b_c + r * (h_c + b_hc))
    return ((1 - z) * c + z * H,)


STEPS = {SRNCell: srn_step, GRUCell: gru_step, LSTMCell: lstm_step}


def one_cell(cell, x, n, state, reverse):
    """A cell over the first n steps of one sequence [L, M]: outputs [L, D], zero after the end, and the last state."""
    weights = cell.W.numpy(), cell.U.numpy(), cell.b.numpy()[0]
    step = STEPS[type(cell)]
    outputs = np.zeros((len(x), cell.hidden_size))
    for t in reversed(range(n)) if reverse else range(n):
        state = step(x[t], state, *weights)
        outputs[t] = state[0]
    return outputs, state


def by_loop(layer, X, states, lengths):
    """The outputs and last states of a layer, [B, L, ...] in, one sequence after the other."""
    B, L, _ = X.shape
    N, D = len(layer.cells), layer.hidden_size
    if states is None:
        states = [np.zeros((N, B, D))] * (2 if isinstance(layer, LSTM) else 1)
    outputs, last = [], [np.zeros((N, B, D)) for _ in states]
    for b in range(B):
        x, n = X[b], L if lengths is None else lengths[b]
        for first in range(0, N, layer.num_directions):
            sides = []
            for k in range(first, first + layer.num_directions):
                side, end = one_cell(layer.cells[k], x, n, tuple(state[k, b] for state in states), k > first)
                sides.append(side)
                for tensor, value in zip(last, end, strict=True):
                    tensor[k, b] = value
            x = np.concatenate(sides, axis=-1)
        outputs.append(x)
    return [np.stack(outputs), *last]


@every_layer
@settings(
    deadline=None,
    max_examples=25,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(problem=problems())
def test_numbers_of_a_loop(make, problem):
    """Length-1 sequences, batches of one, lengths equal, unequal and zero, depth, direction, layout, initial states."""
    layer = make(*problem.sizes, time_major=problem.time_major)
    X = problem.inputs()
    states = random_states(layer, problem.B) if problem.has_states else None
    found = run(layer, X, states, problem.lengths)
    batch_first = X.transpose([1, 0, 2]) if problem.time_major else X
    arrays = None if states is None else [state.numpy() for state in flatten(states)]
    expected = by_loop(layer, batch_first.numpy(), arrays, problem.lengths)
    if problem.time_major:
        expected[0] = expected[0].swapaxes(0, 1)
    for result, truth in zip(found, expected, strict=True):
        assert_close(result, truth)


def layer_and_batch(make, direction="forward", num_layers=2, B=3, L=6):
    layer = make(2, 3, num_layers, direction)
    return layer, Problem((2, 3, num_layers, direction), False, B, L, None, False).inputs()


def assert_same(found, expected):
    for result, truth in zip(flatten(found), flatten(expected), strict=True):
        assert_close(result, truth)


@every_layer
class TestLaws:
    @given(cut=st.integers(1, 5))
    @settings(deadline=None, max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_a_state_carried_over_joins_two_calls(self, make, cut):
        """Keras calls such a layer stateful."""
        layer, X = layer_and_batch(make)
        whole, last = layer(X)
        first_part, state = layer(X[:, :cut])
        second_part, end = layer(X[:, cut:], state)
        assert_same([paddle.concat([first_part, second_part], axis=1), end], [whole, last])

    def test_nothing_is_kept_between_calls(self, make):
        layer, X = layer_and_batch(make)
        expected = layer(X)
        layer(X * 100)
        assert_same(layer(X), expected)

    def test_a_state_carried_over_carries_the_gradient(self, make):
        layer, X = layer_and_batch(make)
        expected = paddle.grad(layer(X)[0][:, -1].sum(), layer.parameters())
        _, state = layer(X[:, :4])
        found = paddle.grad(layer(X[:, 4:], state)[0][:, -1].sum(), layer.parameters())
        assert_same(found, expected)

    def test_a_state_of_zeros_is_none(self, make):
        layer, X = layer_and_batch(make, "bidirectional")
        zeros = map_structure(paddle.zeros_like, random_states(layer, 3))
        assert_same(layer(X, zeros), layer(X))

    def test_the_second_direction_reads_the_flipped_sequence(self, make):
        """And two directions are joined side by side."""
        both, X = layer_and_batch(make, "bidirectional", num_layers=1)
        single = make(2, 3)
        outputs, last = both(X)
        for k, x in enumerate((X, X.flip(1))):
            single.cells[0].set_state_dict(both.cells[k].state_dict())
            side, end = single(x)
            assert_close(outputs[:, :, 3 * k : 3 * k + 3], side if k == 0 else side.flip(1))
            assert_same(map_structure(lambda state, k=k: state[k], last), map_structure(lambda state: state[0], end))

    @pytest.mark.parametrize("direction", ["forward", "bidirectional"])
    def test_a_deep_layer_is_single_ones_in_a_row(self, make, direction):
        deep, X = layer_and_batch(make, direction, num_layers=3)
        width, ends = deep.num_directions, []
        outputs = X
        for first in range(0, len(deep.cells), width):
            single = make(outputs.shape[-1], 3, 1, direction)
            for mine, cell in zip(single.cells, deep.cells[first : first + width], strict=True):
                mine.set_state_dict(cell.state_dict())
            outputs, end = single(outputs)
            ends.append(end)
        joined = map_structure(lambda *states: paddle.concat(states), *ends)
        assert_same(deep(X), (outputs, joined))

    @pytest.mark.parametrize("direction", ["forward", "bidirectional"])
    def test_a_sequence_does_not_see_its_neighbours(self, make, direction):
        layer, X = layer_and_batch(make, direction)
        lengths = [6, 1, 4]
        outputs, last = layer(X, sequence_length=lengths)
        for b, n in enumerate(lengths):
            alone, end = layer(X[b : b + 1, :n])
            assert_close(outputs[b : b + 1, :n], alone)
            assert not outputs[b, n:].numpy().any()  # not the last output once more, as in Keras
            assert_same(map_structure(lambda state, b=b: state[:, b : b + 1], last), end)

    def test_an_empty_sequence_keeps_its_state(self, make):
        layer, X = layer_and_batch(make, "bidirectional")
        states = random_states(layer, 3)
        outputs, last = layer(X, states, [0, 0, 0])
        assert not outputs.numpy().any()
        assert_same(last, states)

    def test_full_lengths_are_none(self, make):
        layer, X = layer_and_batch(make, "bidirectional")
        assert_same(layer(X, sequence_length=[6, 6, 6]), layer(X))

    def test_time_may_come_first(self, make):
        layer, X = layer_and_batch(make, "bidirectional")
        turned = make(2, 3, 2, "bidirectional", time_major=True)
        turned.set_state_dict(layer.state_dict())
        outputs, last = turned(X.transpose([1, 0, 2]), sequence_length=[6, 0, 3])
        assert_same((outputs.transpose([1, 0, 2]), last), layer(X, sequence_length=[6, 0, 3]))

    def test_the_gradient_of_an_initial_state(self, make):
        """By the difference of two calls, along a random direction."""
        layer, X = layer_and_batch(make, "bidirectional")
        states = flatten(random_states(layer, 3))
        for state in states:
            state.stop_gradient = False

        def total(states):
            outputs, last = layer(X, states if len(states) == 2 else states[0], [6, 0, 3])
            return (outputs**2).sum() + sum(flatten(map_structure(lambda state: (state**3).sum(), last)))

        total(states).backward()
        for k, gradient in enumerate([state.grad for state in states]):
            along = paddle.randn(gradient.shape)
            moved = [[s + sign * 1e-5 * along if j == k else s for j, s in enumerate(states)] for sign in (1, -1)]
            with paddle.no_grad():
                slope = (total(moved[0]) - total(moved[1])) / 2e-5
            assert slope.item() == pytest.approx((gradient * along).sum().item(), rel=1e-6)

    @pytest.mark.parametrize("dropout", [0.0, 0.5])
    def test_nothing_is_dropped_in_evaluation(self, make, dropout):
        layer, X = layer_and_batch(make)
        other = make(2, 3, 2, dropout=dropout)
        other.set_state_dict(layer.state_dict())
        other.eval()
        assert_same(other(X), layer(X))


@every_layer
def test_single_precision(make):
    paddle.set_default_dtype("float32")
    for direction, time_major in (("forward", True), ("bidirectional", False)):
        layer = make(3, 4, 2, direction, time_major)
        X, states = paddle.randn([4, 4, 3]), random_states(layer, 4)
        found = run(layer, X, states, [4, 0, 1, 3])
        turned = X.transpose([1, 0, 2]) if time_major else X
        expected = by_loop(layer, turned.numpy(), [state.numpy() for state in flatten(states)], [4, 0, 1, 3])
        found[0] = found[0].transpose([1, 0, 2]) if time_major else found[0]
        for result, truth in zip(found, expected, strict=True):
            assert_close(result, truth, "float32")


def test_hand_set_weights_by_hand():
    """The chapter's example, worked out with a pocket calculator: H_1 = tanh(.2, .3), H_2 = tanh(.329131, .519738)."""
    attributes = {
        "W_attr": assign([[0.1, 0.2], [0.1, 0.2]]),
        "U_attr": assign([[0.0, 0.1], [0.1, 0.0]]),
        "b_attr": assign([[0.1, 0.1]]),
    }
    outputs, H = nndl.SRN(2, 2, **attributes)(paddle.to_tensor([[[1.0, 0.0], [0.0, 2.0]]]))
    np.testing.assert_allclose(outputs, [[[0.197375, 0.291313], [0.317740, 0.477497]]], atol=2e-6)
    np.testing.assert_allclose(H, [[[0.317740, 0.477497]]], atol=2e-6)


def assign(values):
    return paddle.nn.initializer.Assign(values)
