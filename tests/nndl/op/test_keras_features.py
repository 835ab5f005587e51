"""What Keras' recurrent layers have, of ours: against Paddle's cells in nn.RNN and BiRNN, and against plain loops."""

import nndl  # before Paddle: it chooses the threads

# isort: split
import copy
import io
import pickle
from functools import partial

from nndl.error import SettingError
from nndl.op import GRU, LSTM, SRN, GRUCell, LSTMCell, Recurrent, SRNCell
from nndl.op.lengths import reverse_within

import numpy as np
import paddle
import pytest
from paddle import nn
from paddle.utils import flatten, map_structure
from problems import assert_close, every_layer, gradients, random_states, run

every_kind = pytest.mark.parametrize("make", [SRN, GRU, LSTM])
WAYS = ("forward", "reverse")
both_layouts = pytest.mark.parametrize("time_major", [False, True])
pytestmark = pytest.mark.usefixtures("float64")

LENGTHS = [5, 2, 0, 4]


def batch(time_major=False, padding=0.0):
    X = np.random.default_rng(3).standard_normal((4, 5, 3))
    for b, n in enumerate(LENGTHS):
        X[b, n:] = padding
    return paddle.to_tensor(X.swapaxes(0, 1).copy() if time_major else X)


def with_weights_of(layer, cells):
    """The layer, with the weights of other cells of its kind."""
    for mine, theirs in zip(layer.cells, cells, strict=True):
        mine.set_state_dict(theirs.state_dict())
    return layer


def all_close(found, expected):
    for result, truth in zip(flatten(found), flatten(expected), strict=True):
        assert_close(result, truth)


class TestReverse:
    @pytest.mark.parametrize("lengths", [None, LENGTHS])
    def test_flips_each_sequence_by_itself(self, lengths):
        X = batch(padding=9.0)
        found = reverse_within(X, None if lengths is None else paddle.to_tensor(lengths))
        for x, y, n in zip(X.numpy(), found.numpy(), lengths or [5] * 4, strict=True):
            np.testing.assert_array_equal(y, np.concatenate([x[:n][::-1], x[n:]]))

    @both_layouts
    @pytest.mark.parametrize("lengths", [None, LENGTHS])
    @pytest.mark.parametrize("cell_class", [nn.SimpleRNNCell, nn.GRUCell, nn.LSTMCell])
    def test_is_paddles_rnn_in_reverse(self, cell_class, lengths, time_major):
        """Two of Paddle's cells, one on the other. It computes on where a sequence has ended; ours returns zeros."""
        ours = Recurrent(cell_class, 3, 4, 2, "reverse", time_major=time_major)
        theirs = [nn.RNN(cell, is_reverse=True, time_major=time_major) for cell in ours.cells]
        X = batch(time_major)
        given = None if lengths is None else paddle.to_tensor(lengths)
        is_there = np.arange(5) < np.array(lengths or [5] * 4)[:, None]
        is_there = paddle.to_tensor((is_there.T if time_major else is_there)[..., None])
        Y, ends = X, []
        for layer in theirs:
            Y, end = layer(Y, sequence_length=given)
            Y = paddle.where(is_there, Y, paddle.zeros_like(Y))
            ends.append(end)
        expected = [Y, *flatten(map_structure(lambda *states: paddle.stack(states), *ends))]
        all_close(run(ours, X, None, lengths), expected)

    @every_layer
    @both_layouts
    @pytest.mark.parametrize("lengths", [None, LENGTHS])
    def test_is_the_second_half_of_both_directions(self, make, lengths, time_major):
        """With initial states: results and all gradients."""
        both = make(3, 4, direction="bidirectional", time_major=time_major)
        ours = with_weights_of(make(3, 4, direction="reverse", time_major=time_major), both.cells[1:])
        X, states = batch(time_major), random_states(ours, 4)
        twice = map_structure(lambda state: paddle.concat([paddle.zeros_like(state), state]).detach(), states)
        outputs, *last = run(both, X, twice, lengths)
        found = run(ours, X, states, lengths)
        all_close(found, [outputs[..., 4:], *[state[1:] for state in last]])

        only_second = paddle.to_tensor([0.0] * 4 + [1.0] * 4)

        def slopes(layer, start, outputs_of):
            variables = [X, *flatten(start)]
            for variable in variables:
                variable.stop_gradient = False
            Y, *ends = run(layer, X, start, lengths)
            total = (outputs_of(Y) ** 2).sum() + sum((end[-1] ** 3).sum() for end in ends)
            cell = layer.cells[-1]
            return paddle.grad(total, [*variables, cell.W, cell.U, cell.b])

        expected = slopes(both, twice, lambda Y: Y * only_second)
        expected[1 : 1 + len(last)] = [gradient[1:] for gradient in expected[1 : 1 + len(last)]]
        all_close(slopes(ours, states, lambda Y: Y), expected)

    @every_layer
    def test_is_forward_on_what_is_flipped_by_hand_in_depth(self, make):
        ours = make(3, 4, 3, "reverse")
        forward = with_weights_of(make(3, 4, 3), ours.cells)
        outputs, last = ours(batch(), sequence_length=LENGTHS)
        for b, n in enumerate(LENGTHS):
            if n:
                alone, end = forward(batch()[b : b + 1, :n].flip(1))
                assert_close(outputs[b : b + 1, :n], alone.flip(1))
                all_close(map_structure(lambda state, b=b: state[:, b : b + 1], last), end)
            assert not outputs[b, n:].numpy().any()

    @every_layer
    @pytest.mark.parametrize("content", [1e9, np.inf, np.nan])
    def test_padding_reaches_nothing_and_gets_no_gradient(self, make, content):
        layer = make(3, 4, 2, "reverse")
        X = batch(padding=content)
        all_close(run(layer, X, None, LENGTHS), run(layer, batch(), None, LENGTHS))
        found, expected = gradients(layer, X, None, LENGTHS), gradients(layer, batch(), None, LENGTHS)
        all_close(found, expected)
        for b, n in enumerate(LENGTHS):
            assert not found[0][0][b, n:].numpy().any()

    def test_second_derivatives(self):
        """Of a layer that has them: the gradient penalty, by the difference of two gradients."""
        layer, X = LSTM(3, 4, direction="reverse", backend="stepwise"), batch()
        X.stop_gradient = False

        def first(X):
            return paddle.grad((layer(X, sequence_length=LENGTHS)[0] ** 2).sum(), X, create_graph=True)[0]

        penalty = paddle.grad((first(X) ** 2).sum(), X)[0]
        along = paddle.randn(X.shape)
        ends = []
        for sign in (1, -1):
            moved = (X + sign * 1e-5 * along).detach()
            moved.stop_gradient = False
            ends.append(float((first(moved) ** 2).sum()))
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(float((penalty * along).sum()), rel=1e-6)

    @every_kind
    def test_paddle_has_no_such_layer(self, make):
        with pytest.raises(SettingError, match=r"^direction 'reverse': paddle\.nn\.\w+ has none such; [^\n]*$"):
            make(3, 4, direction="reverse").to_paddle()


MERGED = {
    "concat": lambda a, b: np.concatenate([a, b], axis=-1),
    "sum": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "ave": lambda a, b: (a + b) / 2,
}


class TestMerge:
    @both_layouts
    @pytest.mark.parametrize("lengths", [None, LENGTHS])
    @pytest.mark.parametrize("merge", MERGED)
    @pytest.mark.parametrize("cell_class", [nn.SimpleRNNCell, nn.GRUCell, nn.LSTMCell])
    def test_merges_what_paddles_birnn_returns_in_depth(self, cell_class, merge, lengths, time_major):
        ours = Recurrent(cell_class, 3, 4, 2, "bidirectional", time_major=time_major, merge=merge)
        given = None if lengths is None else paddle.to_tensor(lengths)
        is_there = np.arange(5) < np.array(lengths or [5] * 4)[:, None]
        is_there = (is_there.T if time_major else is_there)[..., None]
        Y, ends = batch(time_major), []
        for k in (0, 2):
            layer = nn.BiRNN(*ours.cells[k : k + 2], time_major=time_major)
            sides, pair = layer(Y, sequence_length=given)
            Y = paddle.to_tensor(MERGED[merge](*np.split(sides.numpy() * is_there, 2, axis=-1)))
            ends += pair
        expected = [Y, *flatten(map_structure(lambda *states: paddle.stack(states), *ends))]
        found = run(ours, batch(time_major), None, lengths)
        all_close(found, expected)
        assert ours.output_size == found[0].shape[-1] == (8 if merge == "concat" else 4)
        assert ours.cells[2].input_size == ours.output_size

    @every_layer
    @pytest.mark.parametrize("merge", MERGED)
    def test_all_ways_to_compute_agree(self, make, merge):
        layer, truth = (
            make(3, 4, 2, "bidirect", merge=merge),
            Recurrent(make.func.cell_class, 3, 4, 2, "bidirect", merge=merge),
        )
        truth.set_state_dict(layer.state_dict())
        states = random_states(layer, 4)
        all_close(run(layer, batch(), states, LENGTHS), run(truth, batch(), states, LENGTHS))
        found, expected = (gradients(each, batch(), states, LENGTHS) for each in (layer, truth))
        all_close(found, expected)

    def test_dropout_is_that_of_what_was_merged(self):
        layer = SRN(3, 64, 2, "bidirectional", dropout=0.5, merge="sum")
        seen = []
        layer.cells[2].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        layer(batch())
        assert {tuple(x.shape) for x in seen} == {(4, 64)}
        assert (paddle.stack(seen).numpy() == 0).mean() == pytest.approx(0.5, abs=0.1)

    @pytest.mark.parametrize("direction", ["forward", "reverse"])
    def test_one_direction_has_nothing_to_merge(self, direction):
        message = rf"^merge 'sum': expected concat, as direction '{direction}' is a single one$"
        with pytest.raises(SettingError, match=message):
            GRU(3, 4, direction=direction, merge="sum")

    @pytest.mark.parametrize("merge", [None, "average", "max", 1])
    def test_another_way(self, merge):
        with pytest.raises(SettingError, match=rf"^merge {merge!r}: expected one of concat, sum, mul, ave$"):
            Recurrent(GRUCell, 3, 4, direction="bidirectional", merge=merge)

    @every_kind
    def test_paddle_concatenates_alone(self, make):
        with pytest.raises(SettingError, match=r"^merge 'ave': paddle\.nn\.\w+ has concat alone; [^\n]*$"):
            make(3, 4, direction="bidirectional", merge="ave").to_paddle()


class TestStateful:
    @every_layer
    @both_layouts
    def test_parts_are_the_whole(self, make, time_major):
        layer = make(3, 4, 2, time_major=time_major, stateful=True)
        plain = with_weights_of(make(3, 4, 2, time_major=time_major), layer.cells)
        X, time = batch(time_major), 0 if time_major else 1
        expected, last = plain(X)
        parts = [layer(part) for part in paddle.split(X, [1, 3, 1], axis=time)]
        assert_close(paddle.concat([outputs for outputs, _ in parts], axis=time), expected)
        all_close(parts[-1][1], last)
        all_close(layer.states, last)

    @every_layer
    def test_parts_in_reverse_are_the_whole_read_from_its_end(self, make):
        layer = make(3, 4, 2, "reverse", stateful=True)
        plain = with_weights_of(make(3, 4, 2, "reverse"), layer.cells)
        expected, last = plain(batch())
        tail, (head, end) = layer(batch()[:, 3:])[0], layer(batch()[:, :3])
        assert_close(paddle.concat([head, tail], axis=1), expected)
        all_close(end, last)

    @every_layer
    def test_the_gradient_ends_at_the_border(self, make):
        """As if the states were numbers that somebody gave: truncated backpropagation through time."""
        layer = make(3, 4, 2, "bidirectional", stateful=True)
        plain = with_weights_of(make(3, 4, 2, "bidirectional"), layer.cells)
        _, states = plain(batch()[:, :3])
        numbers = map_structure(lambda state: paddle.to_tensor(state.numpy()), states)
        first = batch()[:, :3]
        first.stop_gradient = False
        layer(first)
        found = paddle.grad((layer(batch()[:, 3:])[0] ** 2).sum(), [*layer.parameters(), first], allow_unused=True)
        expected = paddle.grad((plain(batch()[:, 3:], numbers)[0] ** 2).sum(), plain.parameters())
        assert found.pop() is None
        all_close(found, expected)
        through = paddle.grad((plain(batch()[:, 3:], states)[0] ** 2).sum(), plain.parameters())
        assert not np.allclose(through[1], expected[1])  # the gradient of the whole is another one

    @every_layer
    def test_a_sequence_that_has_ended_keeps_its_state(self, make):
        layer = make(3, 4, stateful=True)
        whole = with_weights_of(make(3, 4), layer.cells)(batch(), sequence_length=LENGTHS)[1]
        layer(batch()[:, :3], sequence_length=[3, 2, 0, 3])
        layer(batch()[:, 3:], sequence_length=[2, 0, 0, 1])
        all_close(layer.states, whole)

    def test_any_cell(self):
        layer = Recurrent(nn.GRUCell, 3, 4, stateful=True)
        plain = nn.RNN(layer.cells[0])
        expected, last = plain(batch())
        parts = [layer(part)[0] for part in (batch()[:, :2], batch()[:, 2:])]
        assert_close(paddle.concat(parts, axis=1), expected)
        assert_close(layer.states[0], last)

    @every_kind
    def test_states_that_are_given_win(self, make):
        layer = make(3, 4, stateful=True)
        plain = with_weights_of(make(3, 4), layer.cells)
        layer(batch())
        states = random_states(layer, 4)
        all_close(layer(batch(), states), plain(batch(), states))
        all_close(layer.states, plain(batch(), states)[1])

    @every_kind
    def test_reset_and_what_is_not_stateful(self, make):
        layer = make(3, 4, stateful=True)
        assert layer.states is None
        expected = layer(batch())
        layer.reset()
        assert layer.states is None
        all_close(layer(batch()), expected)
        plain = make(3, 4)
        plain(batch())
        assert plain.states is None

    @every_kind
    def test_what_is_returned_has_its_gradient_and_what_is_kept_has_none(self, make):
        layer = make(3, 4, stateful=True)
        _, states = layer(batch())
        assert not any(state.stop_gradient for state in flatten(states))
        assert all(state.stop_gradient for state in flatten(layer.states))

    @every_kind
    @both_layouts
    def test_another_batch_names_reset(self, make, time_major):
        layer = make(3, 4, time_major=time_major, stateful=True)
        layer(batch(time_major))
        before = [state.numpy() for state in flatten(layer.states)]
        smaller = batch(time_major)[:, :3] if time_major else batch()[:3]
        message = (
            r"^kept from the batch before: initial state of shape \[1, 4, 4\]: expected \[1, 3, 4\]; "
            r"layer\.reset\(\) forgets it$"
        )
        with pytest.raises(SettingError, match=message):
            layer(smaller)
        all_close(layer.states, before)
        layer.reset()
        layer(smaller)

    @every_kind
    def test_another_precision_names_reset(self, make):
        layer = make(3, 4, stateful=True)
        layer(batch())
        layer.to(dtype="float32")
        with pytest.raises(
            SettingError, match=r"^kept from the batch before: initial state of float64 [^\n]*reset\(\)"
        ):
            layer(batch().astype("float32"))

    def test_a_call_that_fails_leaves_the_states_as_they_were(self):
        layer = Recurrent(SRNCell, 3, 4, 2, stateful=True)
        layer(batch())
        before = layer.states.numpy()

        def fail(*_):
            raise RuntimeError("in the last layer")

        hook = layer.cells[1].register_forward_pre_hook(fail)
        with pytest.raises(RuntimeError, match="in the last layer"):
            layer(batch())
        hook.remove()
        np.testing.assert_array_equal(layer.states, before)
        with pytest.raises(SettingError, match="sequence_length"):
            layer(batch(), sequence_length=[9, 1, 1, 1])
        np.testing.assert_array_equal(layer.states, before)

    @every_kind
    def test_copies_and_files_begin_without_states(self, make):
        layer = make(3, 4, stateful=True)
        expected = layer(batch())
        file = io.BytesIO()
        pickle.dump(layer, file)
        file.seek(0)
        for copied in (copy.deepcopy(layer), copy.copy(layer), pickle.load(file)):
            assert copied.stateful
            assert copied.states is None
            all_close(copied(batch()), expected)
        assert layer.states is not None
        assert list(layer.state_dict()) == list(make(3, 4).state_dict())
        assert not layer.buffers()

    def test_train_and_eval_keep_them(self):
        layer = LSTM(3, 4, stateful=True)
        layer(batch())
        before = [state.numpy() for state in flatten(layer.states)]
        layer.eval()
        all_close(layer.states, before)
        layer.train()
        all_close(layer.states, before)

    def test_states_are_read_only(self):
        """Whoever has states gives them to the call."""
        layer = SRN(3, 4, stateful=True)
        with pytest.raises(AttributeError):
            layer.states = paddle.zeros([1, 4, 4])

    @pytest.mark.parametrize("stateful", [None, 1, "yes"])
    def test_another_value(self, stateful):
        with pytest.raises(SettingError, match=rf"^stateful {stateful!r}: expected True or False$"):
            SRN(3, 4, stateful=stateful)


class TestSequencesAndStates:
    @every_layer
    @pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
    def test_the_last_state_is_the_output_where_each_direction_ends(self, make, direction):
        """Keras' return_sequences=False; outputs[:, -1] is not it, but of full sequences read forward."""
        layer = make(3, 4, 2, direction)
        outputs, states = layer(batch(), sequence_length=LENGTHS)
        H = flatten(states)[0][-layer.num_directions :]
        for b, n in enumerate(LENGTHS):
            last = outputs[b, max(n - 1, 0)]
            ends = {
                "forward": [last],
                "reverse": [outputs[b, 0]],
                "bidirectional": [last[:4], outputs[b, 0, 4:]],
            }[direction]
            for found, expected in zip(H[:, b], ends, strict=True):
                np.testing.assert_array_equal(found, expected)

    @pytest.mark.parametrize("cell_class", [SRNCell, GRUCell, LSTMCell])
    def test_a_cell_alone_step_by_step_is_the_layer(self, cell_class):
        layer = Recurrent(cell_class, 3, 4)
        outputs, last = layer(batch())
        state, steps = None, []
        for t in range(5):
            Y, state = layer.cells[0](batch()[:, t], state)
            steps.append(Y)
        assert_close(paddle.stack(steps, axis=1), outputs)
        all_close(state, map_structure(lambda tensor: tensor[0], last))


EXPECTED = r"expected a class of cells, such as nndl\.op\.SRNCell, called with \(input_size, hidden_size\)$"


class TestWhatIsNoCell:
    @pytest.mark.parametrize(
        ("cell", "found"),
        [
            ("lstm", "cell 'lstm'"),
            (None, "cell None"),
            (3, "cell of int"),
            (nn.LSTMCell(3, 4), "cell of LSTMCell"),
            (LSTMCell(3, 4), "cell of LSTMCell"),
            (nn.Linear(3, 4), "cell of Linear"),
            (nn.LSTM, "cell, the class LSTM"),
            (LSTM, "cell, the class LSTM"),
            (dict, "cell, the class dict"),
            (lambda M, D: nn.Linear(M, D), "cell that makes a Linear"),
            (lambda M, D: None, "cell that makes a NoneType"),
            (lambda M, D: SRNCell, "cell that makes a type"),
            (partial(LSTM, num_layers=2), "cell that makes a LSTM"),
        ],
    )
    def test_is_named_in_one_line(self, cell, found):
        with pytest.raises(SettingError, match=f"^{found}: {EXPECTED}"):
            Recurrent(cell, 3, 4)

    def test_an_error_of_the_cell_itself_is_its_own(self):
        def make(M, D):
            return SRNCell(M, D, colour="red")

        with pytest.raises(TypeError, match="colour"):
            Recurrent(make, 3, 4)

        class Broken(SRNCell):
            def step(self, projected, state):
                return len(3), state

        with pytest.raises(TypeError, match="has no len"):
            Recurrent(Broken, 3, 4)(batch())


class TestModels:
    def test_the_digit_model_takes_a_layer_in_reverse(self):
        digits = paddle.to_tensor([[6, 7, 0, 1], [0, 0, 3, 9]])
        forward, reverse = (nndl.Model_RNN4SeqClass(SRN(8, 8, direction=way), 10, 8, 8, 19) for way in WAYS)
        reverse.set_state_dict(forward.state_dict())
        assert_close(reverse(digits), forward(digits.flip(1)))

    def test_the_digit_model_reads_states_however_outputs_are_merged(self):
        digits = paddle.to_tensor([[6, 7, 0, 1], [0, 0, 3, 9]])
        layers = [SRN(8, 8, direction="bidirectional", merge=merge) for merge in ("concat", "sum")]
        concat, added = (nndl.Model_RNN4SeqClass(layer, 10, 8, 8, 19) for layer in layers)
        added.set_state_dict(concat.state_dict())
        assert_close(added(digits), concat(digits))

    @pytest.mark.parametrize("backend", ["paddle", "native", "fused"])
    def test_the_text_model_has_paddles_directions(self, backend):
        message = r"^direction 'reverse': expected one of forward, bidirectional, bidirect$"
        with pytest.raises(SettingError, match=message):
            nndl.Model_BiLSTM_FC(100, 8, 4, direction="reverse", backend=backend)
