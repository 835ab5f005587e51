"""The cells against their equations, written here as loops in NumPy, and against Paddle's contract."""

import nndl  # before Paddle: it chooses the threads

# isort: split
from functools import partial

from nndl.error import SettingError
from nndl.op import GRUCell, LSTMCell, Recurrent, SRNCell, recording, unroll

import numpy as np
import paddle
import pytest
from paddle import nn
from problems import unroll_one

assert_close = partial(np.testing.assert_allclose, rtol=1e-10, atol=1e-12)

SHAPES = [(1, 1, 1, 1), (1, 4, 3, 2), (3, 1, 2, 4), (3, 5, 4, 3)]  # B, L, M, D
CELLS = [SRNCell, LSTMCell, GRUCell]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def weights(cell):
    return cell.W.numpy(), cell.U.numpy(), cell.b.numpy()


def srn_loop(cell, X, H):
    """X [B, L, M] and H [B, D] to the states of all steps [L, B, D]."""
    W, U, b = weights(cell)
    states = []
    for t in range(X.shape[1]):
        H = np.tanh(X[:, t] @ W + H @ U + b)
        states.append(H)
    return np.stack(states)


def lstm_loop(cell, X, H, C):
    """X [B, L, M], H and C [B, D] to the numbers of all steps, each [L, B, D], by name."""
    (W_i, W_f, W_c, W_o), (U_i, U_f, U_c, U_o), (b_i, b_f, b_c, b_o) = (np.split(x, 4, axis=1) for x in weights(cell))
    steps = []
    for t in range(X.shape[1]):
        X_t = X[:, t]
        I_t = sigmoid(X_t @ W_i + H @ U_i + b_i)
        F_t = sigmoid(X_t @ W_f + H @ U_f + b_f)
        O_t = sigmoid(X_t @ W_o + H @ U_o + b_o)
        C_tilde = np.tanh(X_t @ W_c + H @ U_c + b_c)
        C = F_t * C + I_t * C_tilde
        H = O_t * np.tanh(C)
        steps.append({"input_gate": I_t, "forget_gate": F_t, "output_gate": O_t, "candidate": C_tilde})
        steps[-1] |= {"cell_state": C, "hidden_state": H}
    return by_name(steps)


def gru_loop(cell, X, H):
    """X [B, L, M] and H [B, D] to the numbers of all steps, each [L, B, D], by name."""
    W, U, b = weights(cell)
    (W_r, W_z, W_c), (U_r, U_z, U_c), (b_r, b_z, b_c, b_hc) = (np.split(x, n, 1) for x, n in ((W, 3), (U, 3), (b, 4)))
    steps = []
    for t in range(X.shape[1]):
        X_t = X[:, t]
        R_t = sigmoid(X_t @ W_r + H @ U_r + b_r)
        Z_t = sigmoid(X_t @ W_z + H @ U_z + b_z)
        H_tilde = np.tanh(X_t @ W_c + b_c + R_t * (H @ U_c + b_hc))
        H = Z_t * H + (1 - Z_t) * H_tilde
        steps.append({"reset_gate": R_t, "update_gate": Z_t, "candidate": H_tilde, "hidden_state": H})
    return by_name(steps)


def by_name(steps):
    return {name: np.stack([step[name] for step in steps]) for name in steps[0]}


def batch(B, L, M, D):
    """Inputs [B, L, M] and two states [1, B, D]."""
    rng = np.random.default_rng(1)
    return rng.standard_normal((B, L, M)), rng.standard_normal((1, B, D)), rng.standard_normal((1, B, D))


def tensors(*arrays):
    return tuple(paddle.to_tensor(array) for array in arrays)


def states_of(cell, *states):
    """A cell's share of the states: H, or the pair (H, C)."""
    return states if isinstance(cell, LSTMCell) else states[0]


@pytest.mark.usefixtures("float64")
class TestEquations:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_srn(self, shape):
        X, H_0, _ = batch(*shape)
        srn = nndl.SRN(*shape[2:])
        outputs, H = srn(*tensors(X, H_0))
        expected = srn_loop(srn.cells[0], X, H_0[0])
        assert_close(outputs, expected.swapaxes(0, 1))
        assert_close(H, expected[-1:])

    @pytest.mark.parametrize("shape", SHAPES)
    def test_lstm(self, shape):
        X, H_0, C_0 = batch(*shape)
        lstm = nndl.LSTM(*shape[2:])
        outputs, (H, C) = lstm(paddle.to_tensor(X), tensors(H_0, C_0))
        expected = lstm_loop(lstm.cells[0], X, H_0[0], C_0[0])
        assert_close(outputs, expected["hidden_state"].swapaxes(0, 1))
        assert_close(H, expected["hidden_state"][-1:])
        assert_close(C, expected["cell_state"][-1:])

    @pytest.mark.parametrize("shape", SHAPES)
    def test_gru(self, shape):
        X, H_0, _ = batch(*shape)
        gru = nndl.GRU(*shape[2:])
        with recording(gru.cells[0]) as steps:
            outputs, H = gru(*tensors(X, H_0))
        expected = gru_loop(gru.cells[0], X, H_0[0])
        assert_close(outputs, expected["hidden_state"].swapaxes(0, 1))
        assert_close(H, expected["hidden_state"][-1:])
        for name, truth in expected.items():
            assert_close(np.stack([step[name] for step in steps]), truth)

    def test_gru_by_hand(self):
        """One unit: R = σ(1), Z = σ(0), H̃ = tanh(.5 + R (2·.5 + 1)), H = (.5 + H̃) / 2, with a pocket calculator."""
        W, U, b = map(nn.initializer.Assign, ([[1.0, 0.0, 0.0]], [[0.0, 0.0, 2.0]], [[0.0, 0.0, 0.5, 1.0]]))
        gru = nndl.GRU(1, 1, W_attr=W, U_attr=U, b_attr=b)
        _, H = gru(paddle.to_tensor([[[1.0]]]), paddle.to_tensor([[[0.5]]]))
        np.testing.assert_allclose(H, [[[0.730626]]], atol=1e-6)

    def test_states_start_at_zero_when_left_out(self):
        X, H_0, C_0 = batch(2, 4, 3, 5)
        srn, lstm = nndl.SRN(3, 5), nndl.LSTM(3, 5)
        assert_close(srn(paddle.to_tensor(X))[1], srn_loop(srn.cells[0], X, 0 * H_0[0])[-1:])
        assert_close(
            lstm(paddle.to_tensor(X))[1][1], lstm_loop(lstm.cells[0], X, 0 * H_0[0], 0 * C_0[0])["cell_state"][-1:]
        )

    def test_example_of_the_book(self):
        W, U, b = map(nn.initializer.Assign, ([[0.1, 0.2], [0.1, 0.2]], [[0.0, 0.1], [0.1, 0.0]], [[0.1, 0.1]]))
        srn = nndl.SRN(2, 2, W_attr=W, U_attr=U, b_attr=b)
        outputs, H = srn(paddle.to_tensor([[[1.0, 0.0], [0.0, 2.0]]]))
        H_1 = np.tanh([0.2, 0.3])
        H_2 = np.tanh([0.3 + 0.1 * np.tanh(0.3), 0.5 + 0.1 * np.tanh(0.2)])
        assert_close(outputs, [[H_1, H_2]])
        assert_close(H, [[H_2]])
        # the same worked out, so that the test does not lean on its own arithmetic alone
        np.testing.assert_allclose(outputs, [[[0.1974, 0.2913], [0.3177, 0.4775]]], atol=5e-5)


@pytest.mark.parametrize("cell_class", CELLS)
def test_each_gate_starts_like_a_matrix_of_its_own(cell_class):
    M, D = 60, 80
    cell = cell_class(M, D)
    for parameter, rows, parts in ((cell.W, M, cell.gates), (cell.U, D, cell.gates), (cell.b, 1, cell.biases)):
        for gate in np.split(parameter.numpy(), parts, axis=1):
            bound = np.sqrt(6 / (rows + D))
            assert 0.9 * bound < np.abs(gate).max() <= bound


@pytest.mark.usefixtures("float64")
class TestContract:
    """What ``paddle.nn.RNNCellBase`` demands, seen by those who rely on it."""

    @pytest.mark.parametrize("cell_class", CELLS)
    def test_one_step_from_raw_inputs(self, cell_class):
        cell = cell_class(3, 4)
        X_t = paddle.randn([2, 3])
        output, state = cell(X_t)
        zeros = states_of(cell, paddle.zeros([2, 4]), paddle.zeros([2, 4]))
        expected, expected_state = cell(X_t, zeros)
        assert_close(output, expected)
        paddle.utils.map_structure(assert_close, state, expected_state)
        assert list(output.shape) == [2, 4]

    @pytest.mark.parametrize(
        "settings", [{}, {"batch_dim_idx": 1}, {"init_value": 2.0}, {"dtype": "float32"}, {"shape": (7,)}]
    )
    @pytest.mark.parametrize("cell_class", CELLS)
    def test_initial_states_are_those_of_paddle(self, cell_class, settings):
        cell, X = cell_class(3, 4), paddle.zeros([5, 2, 3])
        found = cell.get_initial_states(X, **settings)
        expected = nn.RNNCellBase.get_initial_states(cell, X, **settings)
        paddle.utils.map_structure(np.testing.assert_array_equal, found, expected)
        assert [x.dtype for x in paddle.utils.flatten(found)] == [x.dtype for x in paddle.utils.flatten(expected)]

    @pytest.mark.filterwarnings("ignore:(?s).*sequence_mask")  # Paddle's RNN calls what Paddle deprecates
    @pytest.mark.parametrize("lengths", [None, [5, 2, 0]])
    @pytest.mark.parametrize("time_major", [False, True])
    @pytest.mark.parametrize("reverse", [False, True])
    @pytest.mark.parametrize("cell_class", CELLS)
    def test_paddle_rnn_agrees_with_unroll(self, cell_class, reverse, time_major, lengths):
        cell = cell_class(3, 4)
        X = paddle.randn([5, 3, 3] if time_major else [3, 5, 3])
        first = states_of(cell, paddle.randn([3, 4]), paddle.randn([3, 4]))
        n = None if lengths is None else paddle.to_tensor(lengths)
        Y, last = unroll_one(unroll, cell, X, first, n, reverse, time_major)
        expected, expected_last = nn.RNN(cell, reverse, time_major)(X, first, n)
        if lengths is not None:  # Paddle does not blank the outputs after the end
            mask = (paddle.arange(5) < n.unsqueeze(1)).astype("float64").unsqueeze(-1)
            expected = expected * (mask.transpose([1, 0, 2]) if time_major else mask)
        assert_close(Y, expected)
        paddle.utils.map_structure(assert_close, last, expected_last)

    @pytest.mark.parametrize("cell_class", CELLS)
    def test_paddle_birnn_agrees_with_recurrent(self, cell_class):
        ours = Recurrent(cell_class, 3, 4, direction="bidirectional")
        X = paddle.randn([2, 5, 3])
        Y, last = ours(X)
        expected, expected_last = nn.BiRNN(*ours.cells)(X)
        assert_close(Y, expected)
        for i in range(2):
            paddle.utils.map_structure(lambda ours, theirs, i=i: assert_close(ours[i], theirs), last, expected_last[i])


class TestRecording:
    def test_each_step_agrees_with_the_equations(self, float64):
        X, H_0, C_0 = batch(2, 5, 3, 4)
        lstm = nndl.LSTM(3, 4)
        with recording(lstm.cells[0]) as steps:
            lstm(paddle.to_tensor(X), tensors(H_0, C_0))
        expected = lstm_loop(lstm.cells[0], X, H_0[0], C_0[0])
        assert len(steps) == 5
        for name, truth in expected.items():
            assert_close(np.stack([step[name] for step in steps]), truth)

    def test_records_the_chosen_cell_in_its_order_of_computation(self, float64):
        lstm = nndl.LSTM(3, 4, direction="bidirectional")
        X = paddle.randn([2, 5, 3])
        with recording(lstm.cells[1]) as steps:
            lstm(X)
        expected = lstm_loop(lstm.cells[1], X.numpy()[:, ::-1], np.zeros((2, 4)), np.zeros((2, 4)))
        assert_close(np.stack([step["cell_state"] for step in steps]), expected["cell_state"])

    def test_ends_with_the_block(self):
        lstm = nndl.LSTM(3, 4)
        with recording(lstm.cells[0]) as steps:
            lstm(paddle.randn([2, 5, 3]))
        lstm(paddle.randn([2, 5, 3]))
        assert len(steps) == 5

    def test_blocks_may_be_nested(self):
        lstm, X = nndl.LSTM(3, 4), paddle.randn([2, 5, 3])
        with recording(lstm.cells[0]) as outer:
            with recording(lstm.cells[0]) as inner:
                lstm(X)
            lstm(X)
        lstm(X)
        assert (len(outer), len(inner)) == (10, 5)

    def test_ends_with_an_exception(self):
        lstm = nndl.LSTM(3, 4)

        def interrupted():
            with recording(lstm.cells[0]) as steps:
                recorded.append(steps)
                raise KeyboardInterrupt

        recorded = []
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        lstm(paddle.randn([2, 5, 3]))
        assert recorded == [[]]

    def test_changes_no_result(self):
        lstm, X = nndl.LSTM(3, 4), paddle.randn([2, 5, 3])
        with recording(lstm.cells[0]):
            outputs, _ = lstm(X)
        np.testing.assert_allclose(outputs, lstm(X)[0], rtol=1e-5, atol=1e-6)  # two ways to compute

    @pytest.mark.parametrize("what", [nndl.LSTM(3, 4), nn.LSTMCell(3, 4), None])
    def test_refuses_what_notes_nothing(self, what):
        with (
            pytest.raises(SettingError, match=f"^recording of {type(what).__name__}: expected a nndl.op.Cell"),
            recording(what),
        ):
            pass


BAD_SIZES = [0, -1, 3.0, True, "3", None, 10**9, float("nan")]


@pytest.mark.parametrize("cell_class", CELLS)
@pytest.mark.parametrize("size", BAD_SIZES)
def test_sizes_are_whole_numbers_from_one(cell_class, size):
    for name, sizes in (("input_size", (size, 4)), ("hidden_size", (3, size))):
        with pytest.raises(SettingError, match=f"^{name} .*: expected a whole number from 1 to"):
            cell_class(*sizes)


@pytest.mark.parametrize("cell_class", CELLS)
def test_sizes_may_be_of_numpy(cell_class):
    cell = cell_class(np.int64(3), np.uint8(4))
    assert list(cell.W.shape) == [3, 4 * cell.gates]
    assert type(cell.hidden_size) is int


@pytest.mark.parametrize("cell_class", CELLS)
class TestParametersLeftOut:
    @pytest.mark.parametrize("name", ["W_attr", "U_attr"])
    def test_w_and_u_cannot_be(self, cell_class, name):
        with pytest.raises(SettingError, match=f"^{name} False"):
            cell_class(3, 4, **{name: False})

    def test_b_is_zero_and_no_parameter(self, cell_class, float64):
        cell = cell_class(3, 4, b_attr=False)
        X = paddle.randn([2, 5, 3])
        loops = {
            SRNCell: srn_loop,
            LSTMCell: lambda cell, X, H: lstm_loop(cell, X, H, H)["hidden_state"],
            GRUCell: lambda cell, X, H: gru_loop(cell, X, H)["hidden_state"],
        }
        expected = loops[cell_class](cell, X.numpy(), np.zeros((2, 4)))
        assert_close(unroll_one(unroll, cell, X)[0], expected.swapaxes(0, 1))
        assert not cell.b.numpy().any()
        assert [name for name, _ in cell.named_parameters()] == list(cell.state_dict()) == ["W", "U"]

    def test_the_others_start_the_same(self, cell_class):
        paddle.seed(1)
        with_b = cell_class(3, 4)
        paddle.seed(1)
        without = cell_class(3, 4, b_attr=False)
        np.testing.assert_array_equal(with_b.W, without.W)
        np.testing.assert_array_equal(with_b.U, without.U)
