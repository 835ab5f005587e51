"""Models leave for deployment through ``paddle.jit.save``: the numbers of the dynamic run, or one line."""

import nndl  # before Paddle: it chooses the threads

# isort: split
import subprocess
import sys

from nndl.error import DataError, SettingError
from nndl.op import Recurrent, masked_max, masked_mean

import numpy as np
import paddle
import pytest
from paddle import nn
from paddle.static import InputSpec

V, M, D = 10, 3, 4
IDS, LENGTHS = InputSpec([None, None], "int64"), InputSpec([None], "int64")
SIZES = [(2, 5), (3, 7), (1, 1)]  # B and L are free in what was exported

pytestmark = [
    pytest.mark.filterwarnings("ignore:Tensor do not have 'place' interface"),
    pytest.mark.filterwarnings("ignore:no variable in your model"),
]


def ids(B, L):
    return paddle.to_tensor(np.random.default_rng(B).integers(0, V, (B, L)))


def lengths(B, L):
    return paddle.to_tensor(np.random.default_rng(L).integers(1, L + 1, B))


def assert_exported(model, spec, tmp_path, arguments, expected=None):
    """What was exported gives the numbers of the dynamic run, for every size of a batch."""
    paddle.jit.save(model, str(tmp_path / "model"), spec)
    exported = paddle.jit.load(str(tmp_path / "model"))
    for B, L in SIZES:
        given = arguments(B, L)
        flat = given[0] if isinstance(given[0], tuple) else given
        np.testing.assert_allclose(exported(*flat), (expected or model)(*given), rtol=0, atol=1e-6)


def text(B, L):
    return ((ids(B, L), lengths(B, L)),)


@pytest.mark.parametrize("pooling", ["mean", "max", "last"])
def test_text_model(pooling, tmp_path):
    model = nndl.Model_BiLSTM_FC(V, M, D, pooling=pooling, num_layers=2, dropout=0.5)
    model.eval()
    assert_exported(model, [(IDS, LENGTHS)], tmp_path, text)


def trained(model, *inputs):
    """After three steps of Adam."""
    adam = paddle.optimizer.Adam(0.1, parameters=model.parameters())
    for _ in range(3):
        nn.functional.cross_entropy(model(*inputs), paddle.to_tensor([0, 1, 1])).backward()
        adam.step()
        adam.clear_grad()
    return model


def copy_of(model, make):
    copied = make()
    copied.set_state_dict(model.state_dict())
    copied.eval()
    return copied


@pytest.mark.parametrize("backend", ["fused", "bptt", "stepwise"])
def test_text_model_trained_with_ours(backend, tmp_path):
    def make():
        return nndl.Model_BiLSTM_FC(V, M, D, num_layers=2, dropout=0.5, backend=backend)

    model = trained(make(), *text(3, 6))
    model.eval()
    expected = copy_of(model, make)
    model.lstm_layer = model.lstm_layer.to_paddle()
    assert_exported(model, [(IDS, LENGTHS)], tmp_path, text, expected)


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
@pytest.mark.parametrize("layer_class", [nndl.SRN, nndl.LSTM])
def test_digit_model_trained_with_ours(layer_class, direction, tmp_path):
    def make():
        return nndl.Model_RNN4SeqClass(layer_class(M, D, 2, direction, dropout=0.5), V, M, D, 19)

    model = trained(make(), ids(3, 6))
    model.eval()
    expected = copy_of(model, make)
    model.rnn_model = model.rnn_model.to_paddle()
    assert_exported(model, [IDS], tmp_path, lambda B, L: (ids(B, L),), expected)


class Pooled(nn.Layer):
    def __init__(self, pool):
        super().__init__()
        self.pool, self.linear = pool, nn.Linear(M, 2)

    def forward(self, X, sequence_length):
        return self.linear(self.pool(X, sequence_length))


@pytest.mark.parametrize("pool", [masked_mean, masked_max, nndl.AveragePooling()])
def test_pooling(pool, tmp_path):
    spec = [InputSpec([None, None, M], "float32"), LENGTHS]
    assert_exported(Pooled(pool), spec, tmp_path, lambda B, L: (paddle.randn([B, L, M]), lengths(B, L)))


@pytest.mark.parametrize("method", ["lookup", "one_hot"])
def test_embedding(method, tmp_path):
    assert_exported(nndl.Embedding(V, M, method=method), [IDS], tmp_path, lambda B, L: (ids(B, L),))


X = InputSpec([None, None, M], "float32")
REFUSED = {
    "SRN": (lambda: nndl.SRN(M, D), [X]),
    "SRN of a fixed size": (lambda: nndl.SRN(M, D), [InputSpec([2, 5, M], "float32")]),
    "LSTM with lengths": (lambda: nndl.LSTM(M, D, 2, "bidirectional"), [X, None, LENGTHS]),
    "Recurrent": (lambda: Recurrent(nn.GRUCell, M, D), [X]),
    "digit model": (lambda: nndl.Model_RNN4SeqClass(nndl.SRN(M, D), V, M, D, 19), [IDS]),
    "text model": (lambda: nndl.Model_BiLSTM_FC(V, M, D, backend="fused"), [(IDS, LENGTHS)]),
}


@pytest.mark.parametrize(("make", "spec"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_exported_says_what_can(make, spec, tmp_path):
    with pytest.raises(SettingError) as raised:
        paddle.jit.save(make(), str(tmp_path / "model"), spec)
    last_line = str(raised.value).strip().splitlines()[-1]  # Paddle puts its own report before it
    assert "cannot be part of a static graph: export Paddle's layer in its place" in last_line
    assert not list(tmp_path.iterdir())


def test_a_compiled_run_is_checked_and_gives_the_same_numbers():
    """Paddle's other way to compile falls back to Python where it must."""
    embedding = nndl.Embedding(V, M)
    compiled = paddle.jit.to_static(embedding, full_graph=False)
    np.testing.assert_array_equal(compiled(ids(2, 5)), embedding.W.numpy()[ids(2, 5)])
    with pytest.raises(DataError, match="index 10"):
        compiled(paddle.full([2, 5], V, "int64"))


def test_the_operator_is_found_before_anything_is_traced(tmp_path):
    """In a process of its own: to_static would follow the operator's first call into its compiling, and stumble."""
    code = """
import nndl, paddle
model = nndl.Model_BiLSTM_FC(20, 4, 4, backend="native")
model.eval()
batch = paddle.to_tensor([[1, 2, 3], [5, 0, 0]]), paddle.to_tensor([3, 1])
compiled = paddle.jit.to_static(model)(batch).numpy()
paddle.jit.enable_to_static(False)
print(abs(compiled - model(batch).numpy()).max() < 1e-6)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip() == "True", done.stderr[-600:]
