"""The native operator against NumPy and finite differences; what it refuses, and what it leaves behind."""

import nndl  # noqa: F401, before Paddle

# isort: split
import gc
import os
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

from nndl.error import SettingError
from nndl.op import GRUCell, LSTMCell, SRNCell
from nndl.op.backend import native
from nndl.op.state import map_states, stack_states

import numpy as np
import paddle
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paddle.utils import flatten
from problems import assert_close, randn_like, unroll_one

pytestmark = pytest.mark.skipif(bool(native.why_not()), reason="the native operator cannot be had here")

CELLS = (SRNCell, LSTMCell, GRUCell)
every_cell = pytest.mark.parametrize("cell_class", CELLS)


# ---- results ---------------------------------------------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def numpy_step(cell, X, state):
    """One step of one sequence, from the equations of the book and, for the GRU, of Paddle's documentation."""
    W, U, b = (tensor.numpy().astype("float64") for tensor in (cell.W, cell.U, cell.b[0]))
    H = state[0]
    if isinstance(cell, SRNCell):
        return (np.tanh(X @ W + H @ U + b),)
    if isinstance(cell, LSTMCell):
        i, f, c, o = np.split(X @ W + H @ U + b, 4)
        C = sigmoid(f) * state[1] + sigmoid(i) * np.tanh(c)
        return sigmoid(o) * np.tanh(C), C
    (x_r, x_z, x_c), (h_r, h_z, h_c), (b_r, b_z, b_c, b_hc) = np.split(X @ W, 3), np.split(H @ U, 3), np.split(b, 4)
    R, Z = sigmoid(x_r + h_r + b_r), sigmoid(x_z + h_z + b_z)
    candidate = np.tanh(x_c + b_c + R * (h_c + b_hc))
    return ((1 - Z) * candidate + Z * H,)


def numpy_layer(cells, X, states, lengths):
    """(Y, last states, each [K, B, D]) by a loop over cells, sequences and steps."""
    B, L, _ = X.shape
    D = cells[0].hidden_size
    Y, last = np.zeros([B, L, len(cells) * D]), [state.copy() for state in states]
    for k, cell in enumerate(cells):
        for b in range(B):
            state = tuple(each[k, b] for each in states)
            steps = range(lengths[b])
            for t in reversed(steps) if k else steps:
                state = numpy_step(cell, X[b, t], state)
                Y[b, t, k * D : (k + 1) * D] = state[0]
            for each, value in zip(last, state, strict=True):
                each[k, b] = value
    return Y, last


def layer_of(cell_class, M, D, K):
    return [cell_class(M, D) for _ in range(K)]


def states_for(cells, B):
    """A random state for each cell, stacked, as the operator takes them."""
    return stack_states([map_states(lambda zero: randn_like([zero], seed=B)[0], start) for start in starts(cells, B)])


def starts(cells, B):
    return [cell.get_initial_states(paddle.zeros([B, 1])) for cell in cells]


@settings(deadline=None, max_examples=40, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@every_cell
def test_agrees_with_a_loop_in_numpy(cell_class, dtype, data):
    """Sizes around the widths of panels and tiles, too."""
    B, L = data.draw(st.integers(1, 15)), data.draw(st.integers(1, 12))
    M, D = (data.draw(st.sampled_from([1, 2, 7, 8, 9, 15, 16, 17, 33])) for _ in "MD")
    K = data.draw(st.integers(1, 2))
    lengths = data.draw(st.lists(st.integers(0, L), min_size=B, max_size=B)) if data.draw(st.booleans()) else [L] * B
    paddle.seed(B + L)
    cells = layer_of(cell_class, M, D, K)
    X, states = paddle.randn([B, L, M]), states_for(cells, B)
    Y, last = native.unroll(cells, X, states, paddle.to_tensor(lengths))
    true_Y, true_last = numpy_layer(cells, X.numpy(), [state.numpy() for state in flatten(states)], lengths)
    assert_close(Y, true_Y, dtype)
    for found, truth in zip(flatten(last), true_last, strict=True):
        assert_close(found, truth, dtype)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("lengths", [None, [9, 0, 4, 9, 1]])
@pytest.mark.parametrize("K", [1, 2])
@every_cell
def test_gradients_against_finite_differences(cell_class, K, lengths):
    """Along a random direction in all that the results depend on, and along one in each alone."""
    cells = layer_of(cell_class, 3, 5, K)
    lengths = lengths and paddle.to_tensor(lengths)
    states = states_for(cells, 5)
    variables = [paddle.randn([5, 9, 3]), *flatten(states), *(p for cell in cells for p in (cell.W, cell.U, cell.b))]
    for variable in variables:
        variable.stop_gradient = False

    def loss():
        Y, last = native.unroll(cells, variables[0], states, lengths)
        results = [Y, *flatten(last)]
        return sum((weight * result).sum() for weight, result in zip(randn_like(results, 3), results, strict=True))

    gradients = paddle.grad(loss(), variables)
    directions = randn_like(variables, seed=4)
    only = [[d if i == j else paddle.zeros_like(d) for j, d in enumerate(directions)] for i in range(len(variables))]
    for direction in (directions, *only):
        slope, epsilon = sum(float((g * d).sum()) for g, d in zip(gradients, direction, strict=True)), 1e-6
        values = []
        for sign in (1, -2, 1):  # there, to the other side, and back
            with paddle.no_grad():
                for variable, d in zip(variables, direction, strict=True):
                    variable.set_value(variable + sign * epsilon * d)
                values.append(float(loss()))
        assert slope == pytest.approx((values[0] - values[1]) / (2 * epsilon), rel=1e-6, abs=1e-7)


@every_cell
def test_many_threads_and_blocks_give_what_one_sequence_gives(cell_class):
    """A batch large enough for threads, longer than a block, of uneven lengths: row by row as computed alone."""
    cells = layer_of(cell_class, 20, 24, 2)
    X, lengths = paddle.randn([67, 50, 20]), np.arange(67) % 51
    Y, last = native.unroll(cells, X, None, paddle.to_tensor(lengths))
    for b in (0, 1, 17, 49, 50, 51, 66):
        alone, last_alone = native.unroll(cells, X[b : b + 1], None, paddle.to_tensor(lengths[b : b + 1]))
        assert_close(Y[b], alone[0], "float32")
        for found, truth in zip(flatten(last), flatten(last_alone), strict=True):
            assert_close(found[:, b], truth[:, 0], "float32")


@every_cell
def test_a_second_pass_through_the_same_graph(cell_class):
    """The first one leaves what the forward pass kept as it was."""
    cells = layer_of(cell_class, 3, 4, 2)
    value = native.unroll(cells, paddle.randn([2, 5, 3]))[0].square().sum()
    first = paddle.grad(value, cells[0].parameters(), retain_graph=True)
    for one, other in zip(first, paddle.grad(value, cells[0].parameters()), strict=True):
        np.testing.assert_array_equal(one, other)


def test_inputs_that_lie_in_memory_in_another_order():
    cell, X = LSTMCell(3, 4), paddle.randn([3, 5, 2])
    turned = X.transpose([2, 1, 0])
    expected = unroll_one(native.unroll, cell, paddle.to_tensor(turned.numpy()))[0]
    assert_close(unroll_one(native.unroll, cell, turned)[0], expected, "float32")


# ---- numbers at the edge ---------------------------------------------------------------------------------------------


def test_the_activation_at_every_size(dtype):
    """tanh by the operator, of an SRN that hands its input on: from the smallest numbers to infinity."""
    cell = SRNCell(1, 1)
    cell.W.set_value(np.ones([1, 1], dtype))
    cell.b.set_value(np.zeros([1, 1], dtype))
    sizes = np.concatenate([[0.0], np.geomspace(1e-30, 1e30, 601), [np.inf]]).astype(dtype)
    X = np.concatenate([-sizes[::-1], sizes])
    Y = native.unroll([cell], paddle.to_tensor(X.reshape([-1, 1, 1])))[0].numpy().ravel()
    np.testing.assert_allclose(Y, np.tanh(X.astype("float64")), rtol=0, atol={"float32": 3e-7, "float64": 1e-15}[dtype])


def test_small_numbers_keep_their_digits():
    """The memory of an SRN that forgets is small, and looked at."""
    cell, X = SRNCell(1, 1), np.geomspace(1e-30, 1, 200).astype("float32")
    cell.W.set_value(np.ones([1, 1], "float32"))
    cell.b.set_value(np.zeros([1, 1], "float32"))
    Y = native.unroll([cell], paddle.to_tensor(X.reshape([-1, 1, 1])))[0].numpy().ravel()
    np.testing.assert_allclose(Y, np.tanh(X.astype("float64")), rtol=2e-6)


@every_cell
def test_infinity_saturates_and_no_more(cell_class):
    """Also in the columns that fill up a panel, where it meets zeros."""
    cells, X = layer_of(cell_class, 3, 4, 1), paddle.randn([2, 5, 3])
    X[0, 0, 0] = float("inf")
    assert np.isfinite(native.unroll(cells, X)[0].numpy()).all()


@every_cell
def test_what_is_no_number_stays_so_and_in_its_row(cell_class):
    cells, X = layer_of(cell_class, 3, 4, 2), paddle.randn([3, 5, 3])
    X[1, 2] = float("nan")
    Y = native.unroll(cells, X)[0].numpy()
    assert np.isnan(Y[1, 2:, :4]).all()  # from there on, and in reverse, up to there
    assert np.isnan(Y[1, :3, 4:]).all()
    assert not np.isnan(Y[[0, 2]]).any()
    assert not np.isnan(Y[1, :2, :4]).any()


def test_small_numbers_are_flushed_to_zero_in_the_operator_alone():
    tiny = np.full(4, 1e-40, "float32")
    native.unroll([SRNCell(3, 4)], paddle.randn([2, 5, 3]))
    assert (tiny * np.float32(1)).all()


# ---- what it refuses -------------------------------------------------------------------------------------------------


def refused(message, cell=None, X=None, **arguments):
    with pytest.raises(SettingError, match=message) as raised:
        unroll_one(native.unroll, cell or LSTMCell(3, 4), paddle.randn([2, 5, 3]) if X is None else X, **arguments)
    assert "\n" not in str(raised.value)


def test_refuses_what_is_no_batch_for_the_cell():
    refused(r"W of shape \[3, 16\]: expected \[7, 16\]", X=paddle.randn([2, 5, 7]))
    refused("W: expected float64 on the CPU", X=paddle.randn([2, 5, 3], dtype="float64"))
    refused("X: expected float32 on the CPU", X=paddle.randn([2, 5, 3]).astype("float16"))
    refused("sequence_length from 5 to 6: expected values from 0 to 5", sequence_length=paddle.to_tensor([5, 6]))
    refused("sequence_length from -1 to 2", sequence_length=paddle.to_tensor([-1, 2]))
    refused(r"sequence_length of shape \[3\]: expected \[2\]", sequence_length=paddle.to_tensor([1, 2, 3]))
    refused(r"a state of shape \[1, 2, 3\]: expected \[1, 2, 4\]", state=(paddle.randn([2, 4]), paddle.randn([2, 3])))
    refused("1 states: expected 2", state=paddle.randn([2, 4]))
    cell = LSTMCell(3, 4)
    cell.b = paddle.create_parameter([16], "float32")
    refused("b: expected a dense tensor of 2 axes", cell=cell)
    refused("X: expected a dense tensor of 3 axes", X=paddle.randn([5, 3]))


def test_a_hidden_size_of_zero():
    cell = SimpleNamespace(kind="LSTM", weights=[paddle.ones(shape) for shape in ([3, 0], [0, 0], [1, 0])])
    with pytest.raises(SettingError, match="a cell from 3 to 0 numbers: expected at least one"):
        native.unroll([cell], paddle.ones([2, 5, 3]))


GARBAGE = """
import nndl, paddle
from nndl.op.backend import native
assert not native.why_not()
ones, long = paddle.ones, lambda *n: paddle.to_tensor(n, dtype="int64")
B, L, M, D = 2, 5, 3, 4
W, U, b, H, C = ones([M, 4 * D]), ones([D, 4 * D]), ones([1, 4 * D]), ones([1, B, D]), ones([1, B, D])
good = dict(X=ones([B, L, M]), parameters=[W, U, b], states=[H, C], n=long(5, 3), cell="LSTM", training=True)
def parameters(W=W, U=U, b=b):
    return dict(parameters=[W, U, b])
bad = [
    dict(X=ones([2, 5])), dict(X=ones([2, 5, 0])), dict(X=paddle.Tensor()), dict(X=good["X"].astype("float64")),
    parameters(W=ones([4, 16])), parameters(W=ones([2, 3, 16])), parameters(U=paddle.Tensor()),
    parameters(U=U.astype("float16")), parameters(b=ones([0, 16])), parameters(b=ones([1, 17])),
    parameters(b=ones([16])), parameters(b=paddle.Tensor()), parameters(U=ones([4, 12])), parameters(U=ones([5, 20])),
    parameters(ones([3, 0]), ones([0, 0]), ones([1, 0])), dict(parameters=[W, U]), dict(parameters=[W, U, b] * 3),
    dict(parameters=[W, U, b] * 2), dict(states=[H]), dict(states=[H, ones([2, 4])]),
    dict(states=[H, ones([1, 2, 5])]), dict(states=[H, ones([0])]),
    dict(n=long(9, 3)), dict(n=long(5, -1)), dict(n=long(5)),
    dict(n=good["n"].astype("int32")), dict(n=long(2**62, 1)), dict(cell="lstm"), dict(cell="SRN"), dict(cell=""),
    dict(X=paddle.sparse.sparse_coo_tensor([[0], [1], [1]], [1.0], [2, 5, 3])),
]
for change in bad:
    try:
        paddle._C_ops._run_custom_op("nndl_cells_float", *(good | change).values())
        print("accepted", change)
    except ValueError as error:
        assert "nndl: " in str(error), error
nothing = ones([1, 0, 4])
empty = [
    dict(X=ones([2, 0, 3]), n=long()), dict(X=ones([2, 0, 3]), n=long(0, 0)),
    dict(X=ones([0, 5, 3]), states=[nothing, nothing], n=long()),
]
for change in empty:
    Y, *_ = paddle._C_ops._run_custom_op("nndl_cells_float", *(good | change).values())
    print(Y.shape)
"""


def test_the_operator_survives_whatever_it_is_given():
    done = subprocess.run([sys.executable, "-c", GARBAGE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "paddle.Size([2, 0, 4])\n" * 2 + "paddle.Size([0, 5, 4])\n"), (
        done.stderr
    )


# ---- what it leaves behind -------------------------------------------------------------------------------------------


def test_ten_thousand_calls_keep_memory_flat():
    cell, X, lengths = LSTMCell(6, 6), paddle.randn([4, 9, 6]), paddle.to_tensor([9, 2, 5, 7])

    def use(calls):
        for _ in range(calls):
            native.unroll([cell], X, None, lengths)[0].sum().backward()
            cell.clear_gradients()
        gc.collect()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = use(1000)
    assert use(9000) - before < 4 * 1024  # KB; what is kept of one call is 5 KB, of all 45 MB


@every_cell
def test_threads_of_python_do_not_disturb_each_other(cell_class):
    layers = [layer_of(cell_class, 8, 8, 2) for _ in range(4)]
    X, lengths = paddle.randn([16, 40, 8]), paddle.to_tensor(list(range(25, 41)))
    alone = [native.unroll(cells, X, None, lengths)[0].numpy() for cells in layers]

    def repeatedly(i):
        return [native.unroll(layers[i], X, None, lengths)[0].numpy() for _ in range(20)]

    with ThreadPoolExecutor(4) as pool:
        for expected, found in zip(alone, pool.map(repeatedly, range(4)), strict=True):
            for result in found:
                np.testing.assert_array_equal(result, expected)


FORK = """
import os, nndl, paddle
from nndl.op import LSTMCell
from nndl.op.backend import native
cell, X = LSTMCell(64, 64), paddle.ones([64, 40, 64])
before = native.unroll([cell], X)[0].numpy()
child = os.fork()
same = (native.unroll([cell], X)[0].numpy() == before).all()
if not child:
    os._exit(0 if same else 1)
print(same, os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
@pytest.mark.parametrize("prepared", ["TRUE", "FALSE"])  # scikit-learn, which PaddleNLP loads, sets the second
def test_a_forked_process_computes_too(prepared):
    """As those of a DataLoader with workers do, after the parent has woken its threads."""
    environment = os.environ | {"KMP_INIT_AT_FORK": prepared}
    done = subprocess.run(
        [sys.executable, "-c", FORK], capture_output=True, text=True, timeout=240, check=False, env=environment
    )
    assert done.stdout == "True 0\n", done.stderr
