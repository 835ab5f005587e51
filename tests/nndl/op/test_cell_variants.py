"""The cells that the course names, each against its equation, written here for one sequence and one step in NumPy."""

import nndl  # before Paddle: it chooses the threads

# isort: split
import copy
from functools import partial

import nndl.op as op
from nndl.error import SettingError
from nndl.op import Recurrent, recording
from nndl.op.backend import BACKENDS, choose

import numpy as np
import paddle
import pytest
from paddle import nn
from paddle.utils import flatten, map_structure

M, D, B, L = 3, 5, 3, 6
assert_close = partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-11)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.maximum(x, 0)


def identity(x):
    return x


# --- one step of one sequence: the parameters by name, x [M], the states [...] to (output, new states) ---


def srn(g, p, x, h):
    h = g(x @ p.W + h @ p.U + p.b[0])
    return h, (h,)


def residual(p, x, h):
    h = h + np.tanh(x @ p.W + h @ p.U + p.b[0])
    return h, (h,)


def jordan(p, x, y):
    y = np.tanh(np.tanh(x @ p.W + y @ p.U + p.b[0]) @ p.V + p.c[0])
    return y, (y,)


def layer_norm(p, x, h):
    a = x @ p.W + h @ p.U
    h = np.tanh(p.g * (a - a.mean()) / np.sqrt(((a - a.mean()) ** 2).mean() + 1e-5) + p.b[0])
    return h, (h,)


def batch_norm(p, x, h, t):
    """In evaluation."""
    row = min(int(t[0]), p.trained[0] - 1)
    h = np.tanh(p.g * (x @ p.W + h @ p.U - p.means[row]) / np.sqrt(p.variances[row] + 1e-5) + p.b[0])
    return h, (h, t + 1)


def reset_before(p, x, h):
    (W_r, W_z, W_c), (U_r, U_z), (b_r, b_z, b_c) = np.split(p.W, 3, 1), np.split(p.U, 2, 1), np.split(p.b[0], 3)
    r, z = sigmoid(x @ W_r + h @ U_r + b_r), sigmoid(x @ W_z + h @ U_z + b_z)
    h = z * h + (1 - z) * np.tanh(x @ W_c + (r * h) @ p.U_c + b_c)
    return h, (h,)


def lstm(candidate, output, p, x, h, c):
    i, f, new, o = np.split(x @ p.W + h @ p.U + p.b[0], 4)
    c = sigmoid(f) * c + sigmoid(i) * candidate(new)
    h = sigmoid(o) * output(c)
    return h, (h, c)


def peephole(p, x, h, c):
    i, f, new, o = np.split(x @ p.W + h @ p.U + p.b[0], 4)
    c_new = sigmoid(f + p.p_f[0] * c) * c + sigmoid(i + p.p_i[0] * c) * np.tanh(new)
    h = sigmoid(o + p.p_o[0] * c_new) * np.tanh(c_new)
    return h, (h, c_new)


def coupled(p, x, h, c):
    f, new, o = np.split(x @ p.W + h @ p.U + p.b[0], 3)
    c = sigmoid(f) * c + (1 - sigmoid(f)) * np.tanh(new)
    h = sigmoid(o) * np.tanh(c)
    return h, (h, c)


def scrn(p, x, h, s):
    s = 0.9 * s + 0.1 * x @ p.B
    h = sigmoid(s @ p.P + x @ p.W + h @ p.U + p.b[0])
    return np.concatenate([h, s]), (h, s)


def clockwork(p, x, h, t):
    """Three groups of 2, 2 and 1 units; unit by unit."""
    periods, new = [1, 1, 2, 2, 4], h.copy()
    for i, period in enumerate(periods):
        if t[0] % period == 0:
            seen = sum(h[j] * p.U[j, i] for j in range(D) if periods[j] >= period)
            new[i] = np.tanh(x @ p.W[:, i] + seen + p.b[0, i])
    return new, (new, t + 1)


CASES = {
    "sigmoid": (partial(op.SRNCell, activation="sigmoid"), partial(srn, sigmoid)),
    "relu": (partial(op.SRNCell, activation="relu"), partial(srn, relu)),
    "identity": (partial(op.SRNCell, activation="identity"), partial(srn, identity)),
    "linear LSTM": (partial(op.LSTMCell, candidate="identity", output="relu"), partial(lstm, identity, relu)),
    "Jordan": (partial(op.JordanCell, output_size=2), jordan),
    "residual": (op.ResidualSRNCell, residual),
    "layer norm": (op.LayerNormSRNCell, layer_norm),
    "batch norm": (op.BatchNormSRNCell, batch_norm),
    "IRNN": (op.IRNNCell, partial(srn, relu)),
    "reset before": (op.ResetBeforeGRUCell, reset_before),
    "peephole": (op.PeepholeLSTMCell, peephole),
    "coupled": (op.CoupledLSTMCell, coupled),
    "SCRN": (partial(op.SCRNCell, context_size=2, alpha=0.9), scrn),
    "clockwork": (partial(op.ClockworkCell, groups=3), clockwork),
}
every_case = pytest.mark.parametrize(("make", "step"), CASES.values(), ids=CASES)
every_make = pytest.mark.parametrize("make", [make for make, _ in CASES.values()], ids=CASES)
CLASSES = sorted({getattr(make, "func", make) for make, _ in CASES.values()}, key=lambda each: each.__name__)
every_class = pytest.mark.parametrize("cell_class", CLASSES)
LENGTHS = [L, 2, 0]


# --- layers of them, with numbers everywhere ---


def has_clock(cell):
    return isinstance(cell, op.ClockworkCell | op.BatchNormSRNCell)


def fill(cell, rng):
    """Other numbers than those it starts with, which are zero and one here and there."""
    for name, parameter in cell.named_parameters():
        parameter.set_value(rng.normal(size=parameter.shape) * (0.7 if name != "g" else 1.0))
    if isinstance(cell, op.BatchNormSRNCell):  # evaluated, with averages of four steps
        cell.norm.means[:4], cell.norm.variances[:4] = rng.normal(size=(4, D)), rng.uniform(0.5, 2, size=(4, D))
        cell.norm.trained[:] = 4
        cell.eval()
    return cell


def filled(make, *settings):
    layer = Recurrent(make, M, D, *settings)
    rng = np.random.default_rng(1)
    for cell in layer.cells:
        fill(cell, rng)
    return layer


def states_like(layer, rng):
    """One [N, B, ...] for each tensor of the state; a clock shows whole numbers."""
    cell, N = layer.cells[0], len(layer.cells)
    shapes = [tensor.shape[1:] for tensor in flatten(cell.get_initial_states(paddle.zeros([B, M])))]
    states = [paddle.to_tensor(rng.normal(size=[N, B, *shape])) for shape in shapes]
    if has_clock(cell):
        states[1] = paddle.to_tensor(rng.integers(0, 5, size=[N, B, 1]).astype("float64"))
    return tuple(states) if len(states) > 1 else states[0]


def numbers(cell):
    """Parameters and buffers by name."""
    return type("Numbers", (), {name.removeprefix("norm."): value.numpy() for name, value in cell.state_dict().items()})


def layer_in_numpy(layer, step, X, states, lengths):
    """Outputs and last states, sequence after sequence and step after step."""
    K, outputs, last = layer.num_directions, X, [state.copy() for state in states]
    for first in range(0, len(layer.cells), K):
        sides = []
        for k in range(K):
            p, Y = numbers(layer.cells[first + k]), np.zeros((B, L, layer.cells[0].output_size))
            for n, length in enumerate(lengths):
                state = tuple(each[first + k, n] for each in states)
                for t in reversed(range(length)) if k else range(length):
                    Y[n, t], state = step(p, outputs[n, t], *state)
                for each, value in zip(last, state, strict=True):
                    each[first + k, n] = value
            sides.append(Y)
        outputs = np.concatenate(sides, axis=-1)
    return [outputs, *last]


@pytest.mark.usefixtures("float64")
class TestEquations:
    @pytest.mark.parametrize("lengths", [None, LENGTHS])
    @pytest.mark.parametrize("settings", [(), (2, "bidirectional")])
    @every_case
    def test_a_loop_in_numpy(self, make, step, settings, lengths):
        layer, rng = filled(make, *settings), np.random.default_rng(2)
        X, states = paddle.to_tensor(rng.normal(size=[B, L, M])), states_like(layer, rng)
        found = layer(X, states, None if lengths is None else paddle.to_tensor(lengths))
        as_arrays = [state.numpy() for state in flatten(states)]
        for one, other in zip(
            flatten(found), layer_in_numpy(layer, step, X.numpy(), as_arrays, lengths or [L] * B), strict=True
        ):
            assert_close(one, other)

    @every_case
    def test_states_are_zero_where_none_are_given(self, make, step):
        layer, X = filled(make), np.random.default_rng(2).normal(size=[B, L, M])
        nothing = [0 * state.numpy() for state in flatten(states_like(layer, np.random.default_rng(3)))]
        found = flatten(layer(paddle.to_tensor(X)))
        for one, other in zip(found, layer_in_numpy(layer, step, X, nothing, [L] * B), strict=True):
            assert_close(one, other)

    @every_make
    def test_gradients_are_finite_differences(self, make):
        """The slope of a weighted sum of all results along a random direction for each variable, one at a time."""
        layer, rng = filled(make, 2, "bidirectional"), np.random.default_rng(4)
        X, states = paddle.to_tensor(rng.normal(size=[B, L, M])), states_like(layer, rng)
        variables = [X, *(flatten(states)[:1] if has_clock(layer.cells[0]) else flatten(states)), *layer.parameters()]
        lengths = paddle.to_tensor(LENGTHS)
        weights = [paddle.to_tensor(rng.normal(size=each.shape)) for each in flatten(layer(X, states, lengths))]

        def weighted_sum():
            return sum((w * y).sum() for w, y in zip(weights, flatten(layer(X, states, lengths)), strict=True))

        def moved(variable, by):
            start = variable.clone()
            with paddle.no_grad():
                variable.set_value(start + by)
                result = float(weighted_sum())
                variable.set_value(start)
            return result

        for variable in variables:
            variable.stop_gradient = False
        for variable, gradient in zip(variables, paddle.grad(weighted_sum(), variables), strict=True):
            along = paddle.to_tensor(rng.normal(size=variable.shape))
            slope = (moved(variable, 1e-6 * along) - moved(variable, -1e-6 * along)) / 2e-6
            assert slope == pytest.approx(float((gradient * along).sum()), rel=1e-5, abs=1e-7)


@pytest.mark.filterwarnings("ignore:(?s).*sequence_mask")  # Paddle's RNN calls what Paddle deprecates
@pytest.mark.usefixtures("float64")
@every_make
class TestContract:
    """As for the cells of the book, see test_cell.py."""

    @pytest.mark.parametrize("lengths", [None, LENGTHS])
    def test_paddles_birnn_agrees(self, make, lengths):
        ours, rng = filled(make, 1, "bidirectional"), np.random.default_rng(5)
        X, states = paddle.to_tensor(rng.normal(size=[B, L, M])), states_like(ours, rng)
        n = None if lengths is None else paddle.to_tensor(lengths)
        of_both = tuple(map_structure(lambda state, k=k: state[k], states) for k in range(2))
        Y, last = nn.BiRNN(*ours.cells)(X, of_both, n)
        if lengths is not None:  # Paddle does not blank the outputs after the end
            Y = Y * (paddle.arange(L) < n.unsqueeze(1)).astype("float64").unsqueeze(-1)
        found, found_last = ours(X, states, n)
        assert_close(found, Y)
        for k in range(2):
            map_structure(lambda ours, theirs, k=k: assert_close(ours[k], theirs), found_last, last[k])

    def test_paddles_rnn_agrees_in_reverse(self, make):
        cell, X = fill(make(M, D), np.random.default_rng(1)), paddle.randn([L, B, M])
        Y, _ = nn.RNN(cell, is_reverse=True, time_major=True)(X)
        both, _ = op.unroll([cell, cell], X.transpose([1, 0, 2]))
        assert_close(both[..., both.shape[-1] // 2 :].transpose([1, 0, 2]), Y)

    def test_two_halves_equal_the_whole(self, make):
        layer, X = filled(make, 2), paddle.randn([B, L, M])
        whole, last = layer(X)
        first, state = layer(X[:, :2])
        second, last_too = layer(X[:, 2:], state)
        assert_close(paddle.concat([first, second], axis=1), whole)
        map_structure(assert_close, last_too, last)

    def test_records_its_steps_and_changes_nothing(self, make):
        layer, X = filled(make), paddle.randn([B, L, M])
        with recording(layer.cells[0]) as steps:
            Y, _ = layer(X)
        assert_close(layer(X)[0], Y)
        assert len(steps) == L
        last = "output" if "output" in steps[0] else "hidden_state"
        assert_close(steps[-1][last], Y[:, -1, : steps[-1][last].shape[-1]])
        assert all(len(each) == B for each in steps[0].values())

    def test_a_copy_and_a_state_dict_are_the_same_cell(self, make):
        layer, X = filled(make), paddle.randn([B, L, M])
        loaded = Recurrent(make, M, D)
        missing, unexpected = loaded.set_state_dict(layer.state_dict())
        assert not missing
        assert not unexpected
        loaded.eval()
        for other in (loaded, copy.deepcopy(layer)):
            assert_close(other(X)[0], layer(X)[0])

    def test_without_b(self, make):
        layer = Recurrent(partial(make, b_attr=False), M, D)
        fill(layer.cells[0], np.random.default_rng(1))
        X = paddle.randn([B, L, M])
        assert "b" not in dict(layer.cells[0].named_parameters())
        with_b = Recurrent(make, M, D)
        with_b.set_state_dict(layer.state_dict() | {"cells.0.b": paddle.zeros_like(layer.cells[0].b)})
        with_b.eval()
        assert_close(layer(X)[0], with_b(X)[0])

    def test_summary_and_printing(self, make, capsys):
        layer = Recurrent(make, M, D)
        assert paddle.summary(layer, (B, L, M), dtypes="float64")["total_params"] > 0
        assert type(layer.cells[0]).__name__ in repr(layer)


@every_make
def test_the_same_seed_starts_the_same(make):
    started = []
    for _ in range(2):
        paddle.seed(3)
        started.append(make(M, D).parameters())
    for one, other in zip(*started, strict=True):
        np.testing.assert_array_equal(one, other)


# --- what each is known for ---


def same_numbers(source, target):
    """Give a cell the parameters of another that have its names."""
    target.set_state_dict({name: value for name, value in source.state_dict().items() if name in target.state_dict()})


@pytest.mark.usefixtures("float64")
class TestProperties:
    def outputs(self, cell, length=L):
        X = np.random.default_rng(6).normal(size=[B, length, M])
        return op.unroll([cell], paddle.to_tensor(X))[0].numpy()

    def cell(self, make):
        return fill(make(M, D), np.random.default_rng(7))

    def test_clockwork_of_one_group_is_an_srn(self):
        one, other = self.cell(partial(op.ClockworkCell, groups=1)), op.SRNCell(M, D)
        same_numbers(one, other)
        assert_close(self.outputs(one), self.outputs(other))

    def test_a_slow_group_of_a_clockwork_moves_seldom(self):
        Y = self.outputs(self.cell(partial(op.ClockworkCell, groups=3)), 9)
        moves = [(Y[0, t] != Y[0, t - 1]).tolist() for t in range(1, 9)]
        fast, both, all_of_them = [1, 1, 0, 0, 0], [1, 1, 1, 1, 0], [1] * 5
        assert moves == [fast, both, fast, all_of_them, fast, both, fast, all_of_them]

    def test_a_slow_group_does_not_see_a_fast_one(self):
        cell = self.cell(partial(op.ClockworkCell, groups=3))
        before = self.outputs(cell)
        U = cell.U.numpy().copy()
        U[:2, 2:], U[2:4, 4:] = 100.0, -100.0
        cell.U.set_value(U)
        np.testing.assert_array_equal(self.outputs(cell), before)

    def test_coupled_is_an_lstm_whose_input_gate_is_one_minus_its_forget_gate(self):
        one, other = self.cell(op.CoupledLSTMCell), op.LSTMCell(M, D)
        for name in "WUb":
            f, c, o = np.split(getattr(one, name).numpy(), 3, axis=1)
            getattr(other, name).set_value(np.concatenate([-f, f, c, o], axis=1))  # σ(-f) = 1 - σ(f)
        assert_close(self.outputs(one), self.outputs(other))

    def test_peepholes_of_zero_are_an_lstm(self):
        one, other = op.PeepholeLSTMCell(M, D), op.LSTMCell(M, D)
        same_numbers(one, other)
        assert_close(self.outputs(one), self.outputs(other))

    def test_what_the_residual_adds_is_an_srn(self):
        one, other = self.cell(op.ResidualSRNCell), op.SRNCell(M, D)
        same_numbers(one, other)
        X, H = paddle.randn([B, M]), paddle.randn([B, D])
        assert_close(one(X, H)[0] - H, other(X, H)[0])

    def test_irnn_is_paddles_relu_network(self):
        theirs, ours = nn.SimpleRNN(M, D, activation="relu"), Recurrent(op.IRNNCell, M, D)
        W_ih, W_hh, b_ih, b_hh = theirs.parameters()
        for parameter, value in zip(ours.parameters(), (W_ih.T, W_hh.T, (b_ih + b_hh).unsqueeze(0)), strict=True):
            parameter.set_value(value)
        X = paddle.randn([B, L, M])
        assert_close(ours(X)[0], theirs(X)[0])

    def test_irnn_keeps_a_positive_state_for_ever(self):
        H = paddle.rand([1, B, D])
        _, last = Recurrent(op.IRNNCell, M, D)(paddle.zeros([B, 100, M]), H)
        np.testing.assert_array_equal(last, H)

    def test_irnn_starts_as_its_paper_says(self):
        cell = op.IRNNCell(200, 100)
        np.testing.assert_array_equal(cell.U, np.eye(100))
        assert not cell.b.numpy().any()
        assert cell.W.numpy().std() == pytest.approx(0.001, rel=0.05)
        assert op.IRNNCell(M, D, nn.initializer.Constant(3.0)).W.numpy().tolist() == [[3.0] * D] * M

    def test_the_context_of_an_scrn_fades_by_alpha(self):
        layer = filled(partial(op.SCRNCell, context_size=2, alpha=0.5))
        S = paddle.ones([1, B, 2])
        _, (_, last) = layer(paddle.zeros([B, 4, M]), (paddle.zeros([1, B, D]), S))
        assert_close(last, np.full((1, B, 2), 0.5**4))

    def test_an_scrn_of_alpha_zero_remembers_no_context(self):
        cell, X = self.cell(partial(op.SCRNCell, alpha=0.0)), paddle.randn([B, M])
        _, (_, S) = cell(X, (paddle.zeros([B, D]), paddle.randn([B, 2])))
        assert_close(S, X @ cell.B)

    def test_half_of_the_units_are_context_when_nothing_is_said(self):
        assert [op.SCRNCell(M, size).context_size for size in (1, 2, 5)] == [1, 1, 2]

    def test_layer_norm_forgets_how_large_its_inputs_are(self):
        cell = self.cell(op.LayerNormSRNCell)
        X, H = paddle.randn([B, M]), paddle.zeros([B, D])
        np.testing.assert_allclose(cell(1e4 * X, H)[0], cell(1e6 * X, H)[0], atol=1e-6)

    def test_jordan_feeds_back_what_it_says(self):
        cell = self.cell(partial(op.JordanCell, output_size=2))
        Y, state = cell(paddle.randn([B, M]))
        assert list(Y.shape) == [B, 2]
        assert Y is state


@pytest.mark.usefixtures("float64")
class TestBatchNorm:
    def normalised(self, A, cell):
        return np.tanh(cell.g.numpy() * (A - A.mean(0)) / np.sqrt(A.var(0) + 1e-5) + cell.b.numpy())

    def trained(self, batches, steps=L):
        cell, rng = op.BatchNormSRNCell(M, D), np.random.default_rng(8)
        X = [rng.normal(size=[B, steps, M]) for _ in range(batches)]
        for each in X:
            op.unroll([cell], paddle.to_tensor(each))
        return cell, X

    def test_training_takes_the_batch_at_the_step(self):
        cell, X, H = op.BatchNormSRNCell(M, D), np.random.default_rng(8).normal(size=[B, L, M]), np.zeros((B, D))
        Y, _ = op.unroll([cell], paddle.to_tensor(X))
        for t in range(L):
            H = self.normalised(X[:, t] @ cell.W.numpy() + H @ cell.U.numpy(), cell)
            assert_close(Y[:, t], H)

    def test_averages_are_kept_step_by_step(self):
        cell, (first, second) = self.trained(2)
        found = []
        for X in (first, second):
            H, means = np.zeros((B, D)), []
            for t in range(L):
                A = X[:, t] @ cell.W.numpy() + H @ cell.U.numpy()
                means.append((A.mean(0), A.var(0)))
                H = self.normalised(A, cell)
            found.append(np.array(means))
        expected = 0.9 * found[0] + 0.1 * found[1]  # the first batch is the start
        assert_close(cell.norm.means[:L], expected[:, 0])
        assert_close(cell.norm.variances[:L], expected[:, 1])
        assert cell.norm.trained.item() == L

    def test_evaluation_of_what_was_trained_once_is_the_training(self):
        cell, (X,) = self.trained(1)
        in_training, _ = op.unroll([cell], paddle.to_tensor(X))
        cell.eval()
        assert_close(op.unroll([cell], paddle.to_tensor(X))[0], in_training)

    def test_one_dtype_evaluates_as_the_other(self):
        cell, (X,) = self.trained(1)
        cell.eval()
        expected, _ = op.unroll([cell], paddle.to_tensor(X))
        found, _ = op.unroll([cell.to(dtype="float32")], paddle.to_tensor(X, dtype="float32"))
        np.testing.assert_allclose(found, expected, atol=1e-5)

    def test_evaluation_depends_on_no_other_sequence(self):
        cell, (X, _) = self.trained(2)
        cell.eval()
        together, _ = op.unroll([cell], paddle.to_tensor(X))
        alone, _ = op.unroll([cell], paddle.to_tensor(X[1:2]))
        assert_close(together[1:2], alone)

    def test_longer_sequences_take_the_last_averages(self, monkeypatch):
        monkeypatch.setattr(op.BatchNormSRNCell, "most_steps", 3)
        cell, _ = self.trained(1)
        assert list(cell.norm.means.shape) == [3, D]
        assert cell.norm.trained.item() == 3
        cell.eval()
        X = paddle.randn([B, M])
        at = [cell(X, (paddle.zeros([B, D]), paddle.full([B, 1], float(t))))[0].numpy() for t in range(5)]
        assert_close(at[4], at[2])
        assert np.abs(at[1] - at[0]).max() > 1e-3

    def test_one_sequence_cannot_be_trained_on(self):
        layer = Recurrent(op.BatchNormSRNCell, M, D)
        with pytest.raises(SettingError, match=r"^BatchNormSRNCell in training, batch size 1: expected at least 2"):
            layer(paddle.randn([1, L, M]))
        layer.eval()
        assert np.isfinite(layer(paddle.randn([1, L, M]))[0].numpy()).all()


# --- other functions than tanh, and the operators ---


class TestActivations:
    @pytest.mark.parametrize("backend", [name for name in BACKENDS if not BACKENDS[name].why_not()])
    def test_no_operator_computes_such_a_cell_in_a_layer_of_ours(self, backend):
        layer = nndl.LSTM(M, D, backend=backend)
        layer.cells[0] = op.LSTMCell(M, D, candidate="identity", output="identity")
        X = paddle.randn([B, L, M])
        np.testing.assert_array_equal(layer(X)[0], op.unroll(layer.cells, X)[0])

    def test_nor_one_that_was_changed_later(self):
        layer, X = nndl.SRN(M, D), paddle.randn([B, L, M])
        before = layer(X)[0]
        layer.cells[0].activation = "sigmoid"
        assert (layer(X)[0] > 0).all()
        layer.cells[0].activation = "tanh"
        np.testing.assert_allclose(layer(X)[0], before, atol=1e-6)

    @pytest.mark.parametrize(("kind", "role"), [(nndl.SRN, "activation"), (nndl.LSTM, "candidate")])
    def test_nor_those_of_a_class_that_was_changed_later(self, kind, role, monkeypatch):
        layer, X = kind(M, D), paddle.randn([B, L, M])
        layer(X)
        monkeypatch.setattr(kind.cell_class, role, "sigmoid")
        np.testing.assert_array_equal(layer(X)[0], op.unroll(layer.cells, X)[0])

    def test_nor_one_of_a_class_with_another(self):
        own = type("ReLUCell", (op.SRNCell,), {"activation": "relu"})
        layer = type("ReLU", (nndl.SRN,), {"cell_class": own})(M, D)
        assert (layer(paddle.randn([B, L, M]))[0] >= 0).all()
        with pytest.raises(SettingError, match="has an equation"):
            choose("paddle", own)

    def test_with_tanh_the_operators_compute_it(self):
        for cell in (op.SRNCell(M, D, activation="tanh"), op.LSTMCell(M, D, candidate="tanh", output="tanh")):
            assert not cell.is_watched
            assert "=" not in cell.extra_repr()

    def test_they_are_shown(self):
        assert repr(op.SRNCell(M, D, activation="relu")) == f"SRNCell({M}, {D}, activation=relu)"
        cell = op.LSTMCell(M, D, candidate="identity", output="sigmoid")
        assert repr(cell) == f"LSTMCell({M}, {D}, candidate=identity, output=sigmoid)"

    @pytest.mark.parametrize("cell", [op.SRNCell(M, D, activation="relu"), op.ResidualSRNCell(M, D)])
    def test_paddle_has_no_layer_of_them(self, cell):
        layer = nndl.SRN(M, D)
        layer.cells[0] = cell
        with pytest.raises(SettingError, match=r"^to_paddle of .*: Paddle has no layer with such an equation$"):
            layer.to_paddle()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (partial(op.SRNCell, activation="gelu"), "activation 'gelu': expected one of tanh, sigmoid, relu, identity"),
        (partial(op.LSTMCell, candidate=1), "candidate 1: expected one of tanh"),
        (partial(op.LSTMCell, output="ReLU"), "output 'ReLU': expected one of tanh"),
        (partial(op.JordanCell, output_size=0), "output_size 0: expected a whole number from 1 to"),
        (partial(op.SCRNCell, context_size=0), "context_size 0: expected a whole number from 1 to"),
        (partial(op.SCRNCell, alpha=1), "alpha 1: expected a"),
        (partial(op.SCRNCell, alpha=-0.1), "alpha -0.1: expected a"),
        (partial(op.ClockworkCell, groups=0), f"groups 0: expected a whole number from 1 to {D}"),
        (partial(op.ClockworkCell, groups=D + 1), f"groups {D + 1}: expected a whole number from 1 to {D}"),
        (partial(op.IRNNCell, U_attr=False), "U_attr False"),
    ],
)
def test_a_wrong_setting_is_one_line(make, message):
    with pytest.raises(SettingError, match=f"^{message}") as raised:
        make(M, D)
    assert "\n" not in str(raised.value)


@every_class
@pytest.mark.parametrize("size", [0, -1, 3.0, True, "3", None, 10**9])
def test_sizes_are_whole_numbers_from_one(cell_class, size):
    for name, sizes in (("input_size", (size, D)), ("hidden_size", (M, size))):
        with pytest.raises(SettingError, match=f"^{name} .*: expected a whole number from 1 to"):
            cell_class(*sizes)
