"""Checkpoints: what is written comes back, and nothing that is read is ever executed."""

import builtins
import os
import pickle
import subprocess

import numpy as np
import paddle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from paddle import nn

from nndl import checkpoint
from nndl.error import CheckpointError, OutputError

# --- what is written comes back ---

DTYPES = ("float32", "float64", "float16", "int64", "int32", "uint8", "bool")
plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
tensors = st.sampled_from(DTYPES).flatmap(
    lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, min_side=0))
)
contents = st.recursive(
    plain | tensors,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, max_examples=60)
@given(content=st.dictionaries(st.text(max_size=5), contents, max_size=3))
def test_round_trip(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("round") / "file"
    checkpoint.save(content, path)
    np.testing.assert_equal(checkpoint.load(path), content)


@pytest.mark.parametrize("dtype", DTYPES)
def test_round_trip_keeps_the_dtype(tmp_path, dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    checkpoint.save({"W": paddle.to_tensor(array)}, tmp_path / "file")
    loaded = checkpoint.load(tmp_path / "file")["W"]
    assert loaded.dtype == array.dtype
    np.testing.assert_array_equal(loaded, array)


def test_round_trip_of_a_transposed_array(tmp_path):
    array = np.arange(6.0).reshape(2, 3).T
    checkpoint.save({"W": array}, tmp_path / "file")
    np.testing.assert_array_equal(checkpoint.load(tmp_path / "file")["W"], array)


def test_loaded_arrays_can_be_changed(tmp_path):
    checkpoint.save({"W": np.zeros(3)}, tmp_path / "file")
    loaded = checkpoint.load(tmp_path / "file")["W"]
    loaded += 1
    assert loaded.sum() == 3


def make_model():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1D(4), nn.Linear(4, 2))


def same_parameters(one, other):
    theirs = other.state_dict()
    return all(tensor.equal_all(theirs[name]) for name, tensor in one.state_dict().items())


def test_paddle_reads_what_save_wrote(tmp_path):
    saved, other = make_model(), make_model()
    checkpoint.save(saved.state_dict(), tmp_path / "model.pdparams")
    assert not same_parameters(saved, other)
    other.set_state_dict(paddle.load(str(tmp_path / "model.pdparams")))
    assert same_parameters(saved, other)


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_load_reads_what_paddle_saved(tmp_path, protocol):
    path, saved, other = str(tmp_path / "model.pdparams"), make_model(), make_model()
    paddle.save(saved.state_dict(), path, protocol=protocol)
    checkpoint.restore(other, checkpoint.load(path), path)
    assert same_parameters(saved, other)


def test_load_reads_arrays_written_with_numpy_1(tmp_path):
    now = pickle.dumps({"W": np.arange(3.0)}, protocol=3)
    old = now.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert old != now
    (tmp_path / "old").write_bytes(old)
    np.testing.assert_array_equal(checkpoint.load(tmp_path / "old")["W"], [0.0, 1.0, 2.0])


# --- what is read is never executed ---


class Calls:
    """Pickles as the call of a function, the classic trap."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


TRAPS = {
    "os.system": lambda sentinel: Calls(os.system, f"touch {sentinel}"),
    "subprocess": lambda sentinel: Calls(subprocess.call, ["touch", sentinel]),
    "eval": lambda sentinel: Calls(builtins.eval, f"open({sentinel!r}, 'w')"),
    "exec": lambda sentinel: Calls(builtins.exec, f"open({sentinel!r}, 'w')"),
    "open": lambda sentinel: Calls(builtins.open, sentinel, "w"),
    "save": lambda sentinel: Calls(np.save, f"{sentinel}.npy", 1),
}
DISGUISES = {
    "bare": lambda trap: trap,
    "in a dict": lambda trap: {"weight": np.zeros(2), "nested": {"deeper": [trap]}},
    "as a key": lambda trap: {"weight": np.zeros(2), (1, trap): 2},
    "in an array of objects": lambda trap: {"weight": np.array([1, trap], dtype=object)},
    "as an array's shape": lambda trap: {"weight": Calls(np.ndarray, trap)},
    "as an argument": lambda trap: {"weight": Calls(np.dtype, trap)},
}


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
@pytest.mark.parametrize("trap", TRAPS.values(), ids=TRAPS)
def test_a_malicious_pickle_is_refused_and_not_executed(tmp_path, trap, disguise):
    path = tmp_path / "evil.pdparams"
    path.write_bytes(pickle.dumps(disguise(trap(str(tmp_path / "sentinel")))))
    with pytest.raises(CheckpointError, match=r"evil\.pdparams: asks for .*refused"):
        checkpoint.load(path)
    assert os.listdir(tmp_path) == ["evil.pdparams"]


@pytest.mark.parametrize("trap", TRAPS.values(), ids=TRAPS)
def test_the_traps_above_are_real(tmp_path, trap):
    pickle.loads(pickle.dumps(trap(str(tmp_path / "sentinel"))))
    assert os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("numpy", "ndarray.tofile"),
        ("numpy", "load"),
        ("numpy._core.multiarray", "fromfile"),
        ("numpy._core.multiarray", "_reconstruct.__globals__"),
        ("paddle.base.libpaddle", "GeneratorState.__reduce__"),
        ("paddle.base.libpaddle", "Generator"),
        ("nndl.checkpoint", "os.system"),
        ("nndl.checkpoint", "load"),
        ("builtins", "getattr"),
        ("functools", "partial"),
    ],
)
def test_names_that_only_resemble_the_admitted_ones_are_refused(tmp_path, module, name):
    # protocol 4: STACK_GLOBAL, which follows the dots of a name
    path = tmp_path / "evil"
    path.write_bytes(b"\x80\x04" + b"".join(b"\x8c" + bytes([len(s)]) + s.encode() for s in (module, name)) + b"\x93.")
    with pytest.raises(CheckpointError, match="refused"):
        checkpoint.load(path)


def test_an_array_class_of_the_attacker_is_refused(tmp_path):
    rebuild, (_, *rest), state = np.zeros(2).__reduce__()

    class Forged:
        def __reduce__(self):
            return rebuild, (np.dtype, *rest), state

    (tmp_path / "evil").write_bytes(pickle.dumps({"weight": Forged()}))
    with pytest.raises(CheckpointError, match="evil"):
        checkpoint.load(tmp_path / "evil")


class ForgedDtype:
    """A dtype that holds objects but denies it, so that NumPy would take 8 bytes of the file for a pointer."""

    def __reduce__(self):
        return np.dtype, ("V8", False, True), (3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 0)


def test_an_array_of_forged_pointers_is_refused(tmp_path):
    rebuild, arguments, _ = np.zeros(1).__reduce__()

    class ForgedArray:
        def __reduce__(self):
            return rebuild, arguments, (1, (1,), ForgedDtype(), False, bytes(8))

    (tmp_path / "evil").write_bytes(pickle.dumps({"weight": ForgedArray()}))
    with pytest.raises(CheckpointError, match="evil"):
        checkpoint.load(tmp_path / "evil")


@pytest.mark.parametrize("name", ["numpy ndarray", "numpy dtype", "numpy._core.multiarray _reconstruct"])
def test_what_is_neither_an_array_nor_a_plain_value_is_refused(tmp_path, name):
    module_and_name = name.replace(" ", "\n").encode() + b"\n"
    (tmp_path / "evil").write_bytes(b"\x80\x04]c" + module_and_name + b"a.")  # a list that holds a class or a function
    with pytest.raises(CheckpointError, match="evil"):
        checkpoint.load(tmp_path / "evil")


GENERATOR_STATE = b"cpaddle.base.libpaddle\nGeneratorState\n"


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(b")\x81.", id="made without a state, which would crash whoever uses it"),
        pytest.param(b"(I1\nI2\ntR.", id="called"),
        pytest.param(b")\x81(I1\nI2\ntb.", id="with half a state"),
        pytest.param(b"(I1\nI2\ntb.", id="the class itself given a state"),
    ],
)
def test_misuse_of_the_random_state_is_refused(tmp_path, code):
    (tmp_path / "evil").write_bytes(b"\x80\x04" + GENERATOR_STATE + code)
    with pytest.raises(CheckpointError, match="evil"):
        checkpoint.load(tmp_path / "evil")


# --- damaged files ---


@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "model.pdparams"
    checkpoint.save(nn.Linear(2, 1).state_dict(), path)
    return path


def test_a_truncated_file_is_refused_at_every_length(model_file):
    content = model_file.read_bytes()
    for length in range(len(content)):
        model_file.write_bytes(content[:length])
        with pytest.raises(CheckpointError, match=r"model\.pdparams: not a readable checkpoint"):
            checkpoint.load(model_file)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_damaged_byte_is_harmless_or_refused(model_file):
    content = model_file.read_bytes()
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        model_file.write_bytes(damaged)
        try:
            checkpoint.restore(nn.Linear(2, 1), checkpoint.load(model_file), model_file)
        except CheckpointError as error:
            assert "model.pdparams" in str(error)  # noqa: PT017 - not every damage is an error


@pytest.mark.parametrize("content", [b"", b"no checkpoint at all\n", b"\x00" * 64, b"\x80\x04."])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(CheckpointError, match="file: not a readable checkpoint"):
        checkpoint.load(tmp_path / "file")


def test_a_folder_and_a_missing_file_are_named(tmp_path):
    with pytest.raises(CheckpointError, match=f"{tmp_path}: not a readable checkpoint"):
        checkpoint.load(tmp_path)
    with pytest.raises(CheckpointError, match="missing: no such checkpoint"):
        checkpoint.load(tmp_path / "missing")


# --- the parameters of another model ---


def test_every_name_that_does_not_fit_is_in_the_message_and_the_model_stays(parameters):
    model = make_model()
    before = parameters(model)
    wrong = {name: array + 1 for name, array in before.items()}
    del wrong["0.bias"], wrong["2.weight"]
    wrong |= {"3.weight": np.zeros(1), "4.bias": np.zeros(1), "0.weight": np.zeros((4, 3)), "1.bias": np.zeros(5)}
    with pytest.raises(CheckpointError) as caught:
        checkpoint.restore(model, wrong, "some.pdparams")
    message = str(caught.value)
    assert message.startswith("some.pdparams: not a checkpoint of this Sequential")
    assert "missing 0.bias, 2.weight" in message
    assert "unexpected 3.weight, 4.bias" in message
    assert "0.weight has shape [4, 3], expected [3, 4]" in message
    assert "1.bias has shape [5], expected [4]" in message
    np.testing.assert_equal(parameters(model), before)


@pytest.mark.parametrize(
    "odd", [np.array(["a", "b"]), np.array([None, 1]), ["a", "b"]], ids=["text", "objects", "list"]
)
def test_parameters_that_are_no_numbers_are_refused(parameters, odd):
    model = nn.Linear(3, 2)
    before = parameters(model)
    with pytest.raises(CheckpointError, match="bias"):
        checkpoint.restore(model, before | {"weight": before["weight"] + 1, "bias": odd}, "file")
    np.testing.assert_equal(parameters(model), before)


@pytest.mark.parametrize("content", [[1, 2], None, 3.0, np.zeros(2)])
def test_a_content_that_is_no_dict_is_refused(content):
    with pytest.raises(CheckpointError, match=f"file: holds a {type(content).__name__}"):
        checkpoint.restore(nn.Linear(3, 2), content, "file")


# --- where it is written ---


@pytest.mark.parametrize("place", ["file/below", "file/far/below", "folder"])
def test_a_place_that_cannot_be_written_is_an_error_that_names_it(tmp_path, place):
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=f"cannot write .*{place}: .*choose another place") as caught:
        checkpoint.save({}, tmp_path / place)
    assert isinstance(caught.value, OSError)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "old"
