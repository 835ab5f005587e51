"""Checkpoints: what is written comes back, and nothing that is read is ever executed."""

import builtins
import enum
import os
import pickle
import pickletools
import random
import socket
import subprocess
import sys
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

import nndl
from nndl import checkpoint
from nndl.error import CheckpointError, OutputError

import numpy as np
import paddle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from paddle import nn

# --- what is written comes back ---

DTYPES = ("float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "uint16", "bool")
integers = st.integers(-(2**1023), 2**1023)
plain = st.none() | st.booleans() | integers | st.floats() | st.text(max_size=5) | st.text(st.characters(), max_size=3)
tensors = st.sampled_from((*DTYPES, "uint32", "uint64", ">f8")).flatmap(
    lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, min_side=0))
)
keys = st.text(max_size=5) | st.integers(1 - 2**31, 2**31 - 1)
contents = st.recursive(
    plain | tensors,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(keys, inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner, max_size=2).map(OrderedDict)
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=80)
@given(content=contents)
def test_round_trip(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("round") / "file"
    checkpoint.save(content, path)
    loaded = checkpoint.load(path)
    np.testing.assert_equal(loaded, content)
    assert kinds(loaded) == kinds(content)


def kinds(value):
    """The types all the way down; an OrderedDict comes back as a dict."""
    if isinstance(value, dict):
        return {key: kinds(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value), [kinds(item) for item in value]
    return (value.dtype, value.shape) if isinstance(value, np.ndarray) else type(value)


@pytest.mark.parametrize(
    "scalar", [np.float32(0.1), np.float64(0.1), np.float16(2), np.int64(-3), np.uint8(7), np.bool_(True)]
)
def test_the_scalars_of_numpy_come_back_as_those_of_python(tmp_path, scalar):
    checkpoint.save({"score": [scalar], np.int64(5): np.str_("x")}, tmp_path / "file")
    whole = checkpoint.load(tmp_path / "file")
    assert (type(whole[5]), whole[5]) == (str, "x")
    (loaded,) = whole["score"]
    assert loaded == scalar
    assert type(loaded) is type(scalar.item())
    paddle.save({"score": scalar, "n": 1}, str(tmp_path / "paddle"))
    assert checkpoint.load(tmp_path / "paddle")["score"] == scalar


@pytest.mark.parametrize("protocol", [None, 2, 3, 4], ids=["ours", "2", "3", "4"])
def test_tensors_inside_of_other_things_come_back_as_arrays(tmp_path, protocol):
    inner = {"W": paddle.to_tensor([1.5, 2.0]), "h": paddle.to_tensor([1.5, -3.0], dtype="bfloat16")}
    content, path = OrderedDict(model=inner, epoch=3, empty=paddle.zeros([0, 2])), tmp_path / "file"
    checkpoint.save(content, path) if protocol is None else paddle.save(content, str(path), protocol=protocol)
    loaded = checkpoint.load(path)
    np.testing.assert_array_equal(loaded["model"]["W"], [1.5, 2.0])
    # bfloat16 is the upper half of a float32: 1.5 = 0x3FC00000, -3 = 0xC0400000
    np.testing.assert_array_equal(loaded["model"]["h"], np.array([0x3FC0, 0xC040], "uint16"))
    assert loaded["epoch"] == 3
    assert loaded["empty"].shape == (0, 2)


class Colour(enum.IntEnum):
    RED = 1


def nested(depth):
    return [nested(depth - 1)] if depth else []


@pytest.mark.parametrize(
    "content",
    [
        {1, 2}, b"bytes", 1j, Colour.RED, object(), nn.Linear(1, 1), Path("x"), 2**1024, nested(60),
        np.array(["a"]), np.array([None]), np.zeros(2, "complex64"), np.ma.array([1.0], mask=[True]),
        np.datetime64("2026-01-01"), np.longdouble(1),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
@pytest.mark.parametrize("where", [lambda value: value, lambda value: {"a": [1, (value,)]}], ids=["bare", "inside"])
def test_what_load_would_refuse_is_not_written(tmp_path, content, where):
    with pytest.raises(CheckpointError, match=r"file: not written: holds "):
        checkpoint.save(where(content), tmp_path / "file")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("key", [1.5, (1, 2), None, True, 2**31], ids=str)
def test_a_key_that_load_would_refuse_is_not_written(tmp_path, key):
    with pytest.raises(CheckpointError, match=r"file: not written: holds a dict with a \w+ as key"):
        checkpoint.save({"a": {key: 1}}, tmp_path / "file")
    assert not os.listdir(tmp_path)


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


def test_paddle_reads_the_other_things_too(tmp_path):
    state = {"model": {"W": paddle.ones([300, 300])}, "history": [(0, 0.5)], "flag": True, "empty": paddle.zeros([0])}
    checkpoint.save(state, tmp_path / "file")
    loaded = paddle.load(str(tmp_path / "file"))
    assert loaded["model"]["W"].equal_all(state["model"]["W"])
    assert (loaded["history"], loaded["flag"], loaded["empty"].shape) == ([(0, 0.5)], True, [0])
    optimizer = paddle.optimizer.Adam(paddle.optimizer.lr.StepDecay(0.1, 2), parameters=nn.Linear(1, 1).parameters())
    checkpoint.save(optimizer.state_dict(), tmp_path / "optimizer")
    optimizer.set_state_dict(paddle.load(str(tmp_path / "optimizer")))


def test_paddle_gives_the_tensors_their_names(tmp_path):
    """As of its own files, so that ``use_structured_name=False`` works."""
    saved = make_model()
    checkpoint.save(saved.state_dict(), tmp_path / "file")
    loaded = paddle.load(str(tmp_path / "file"))
    assert {name: tensor.name for name, tensor in loaded.items()} == {n: t.name for n, t in saved.state_dict().items()}


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


# --- nor does it take more than its share ---


def text(value):
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


def doubled(opening, closing, levels):
    """A value that holds itself twice of the level below: 2 ** levels of them, in a few bytes each."""
    code = opening
    for level in range(levels):
        code += b"q" + bytes([level]) + b"0(h" + bytes([level]) + b"h" + bytes([level]) + closing
    return code


ARRAY = b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\0\x85C\x01btR"
DTYPE = (
    b"cnumpy\ndtype\n(" + text("f8") + b"\x89\x88tR(K\x03" + text("<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
)
GIGABYTES = (2**31 - 1).to_bytes(4, "little")
PAIRS = b"0" + b"".join(b"h%ch%c\x86q%c0" % (level - 1, level - 1, level) for level in range(1, 60))
SHARED = b"B" + (10**5).to_bytes(4, "little") + bytes(10**5) + b"q\0000" + DTYPE + b"q\0010"


def array(shape, data, dtype=DTYPE, is_fortran=b"\x89"):
    return ARRAY + b"(K\1" + shape + dtype + is_fortran + data + b"tb"


HOSTILE = {
    "a memo of 2 GB": b"Nr" + GIGABYTES + b"N",
    "a memo of 2 GB in text": b"Np2147483647\n",
    "bytes of 2 GB": b"B" + GIGABYTES,
    "bytes of 8 EB": b"\x8e" + b"\xff" * 7 + b"\x7f",
    "bytes of -1": b"\x8e" + b"\xff" * 8,
    "a text of 2 GB": b"X" + GIGABYTES,
    "a text of 8 EB": b"\x8d" + b"\xff" * 7 + b"\x7f",
    "a byte array of 8 EB": b"\x96" + b"\xff" * 7 + b"\x7f",
    "a number of 2 GB": b"\x8b" + GIGABYTES,
    "a frame of 8 EB": b"\x95" + b"\xff" * 7 + b"\x7fN)",
    "a number of 5,000 digits": b"I" + b"7" * 5000 + b"\n",
    "a long of 5,000 digits": b"L" + b"7" * 5000 + b"L\n",
    "a long of 2,000 bytes": b"\x8b\xd0\x07\0\0" + b"\x11" * 2000,
    "lists of lists": doubled(b"]", b"l", 200),
    "tuples of tuples": doubled(b")", b"t", 40),
    "a list that holds twice the same, over and over": b"]q\0" + b"".join(
        b"]q%c(h%ch%ce" % (n, n - 1, n - 1) for n in range(1, 40)
    ),
    "a tuple of tuples as key": b"})q\0" + PAIRS + b"h\x3bNs",
    "a tuple of tuples as dtype": b")q\0" + PAIRS + array(
        b"K\0\x85", b"C\0", b"cnumpy\ndtype\nh\x3b\x85R(K\3" + text("<") + b"tb"
    ),
    "a list in itself": b"]q\0h\0a",
    "a dict in itself": b"}q\0" + text("a") + b"h\0s",
    "a list in its own tuple": b"]q\0h\0\x85a",
    "100,000 lists deep": b"]" * 100_000 + b"a" * 99_999,
    "100,000 tuples deep": b")" + b"\x85" * 100_000,
    "100,000 dicts deep": b"}" + (text("a") + b"}") * 100_000 + b"s" * 100_000,
    "100,000 marks": b"(" * 100_000,
    "one array 1,000 times": SHARED + b"]" + (array(b"M\xd4\x30\x85", b"h\0", b"h\1") + b"a") * 1000,
    "one text encoded 1,000 times": text("a" * 10**6) + b"q\0000c_codecs\nencode\nq\0010]"
        + (b"h\1h\0" + text("latin1") + b"\x86Ra") * 1000,
    "numbers with one hash": b"}(" + b"".join(
        b"\x8a\x0c" + (number * (2**61 - 1)).to_bytes(12, "little") + b"N" for number in range(1, 50_000)
    ) + b"u",
    "an array of more than its data": array(b"K\3\x85", b"C\x10" + bytes(16)),
    "an array of less than its data": array(b"K\1\x85", b"C\x10" + bytes(16)),
    "an array of 2 GB": array(b"J" + GIGABYTES + b"\x85", b"C\x10" + bytes(16)),
    "an array of no numbers, but of 2**64 rows": array(b"\x8a\x0a" + bytes(8) + b"\1\0K\0\x86", b"C\0"),
    "an array of a shape that overflows": array(b"(" + b"\x8a\x05\0\0\0\0\1" * 2 + b"K\2t", b"C\x10" + bytes(16)),
    "an array of a negative shape": array(b"J\xff\xff\xff\xff\x85", b"C\x10" + bytes(16)),
    "an array of two negative sizes": array(b"J\xff\xff\xff\xffJ\xfe\xff\xff\xff\x86", b"C\x10" + bytes(16)),
    "an array of a true shape": array(b"\x88\x85", b"C\x08" + bytes(8)),
    "an array of 10,000 axes": array(b"(" + b"K\1" * 10_000 + b"t", b"C\x08" + bytes(8)),
    "an array of a list": array(b"K\0\x85", b"]"),
    "an array without a dtype": array(b"K\0\x85", b"C\0", b"N"),
    "an array without numbers": ARRAY,
    "an array of objects": array(b"K\1\x85", b"C\x08" + bytes(8), DTYPE.replace(b"f8", b"O8")),
    "an array of texts": array(b"K\1\x85", b"C\x08" + bytes(8), DTYPE.replace(b"f8", b"U2")),
    "an array of arrays": array(b"K\1\x85", b"C\x08" + bytes(8), DTYPE.replace(text("f8"), text("(2,)f4"))),
    "an array of records": array(b"K\1\x85", b"C\x08" + bytes(8), DTYPE.replace(text("f8"), text("f4,f4"))),
    "an array of another byte order": array(b"K\1\x85", b"C\x08" + bytes(8), DTYPE.replace(text("<"), text("?"))),
    "truth values that are neither": array(b"K\1\x85", b"C\1\2", DTYPE.replace(b"f8", b"b1")),
    "a dtype's default changed": b"cnumpy\ndtype\n}" + text("order") + b"Nsb",
    "an array's default changed": b"cnumpy._core.multiarray\n_reconstruct\n}" + text("value") + b"Nsb",
    "an array changed as an object": ARRAY + b"N}" + text("value") + b"Ns\x86b",
    "a dict changed as an object": b"}N}" + text("a") + b"Ns\x86b",
    "a function changed": b"c_codecs\nencode\n(NNNNNtb",
    "an array called": b"cnumpy\nndarray\n)R",
    "a dtype as an array": array(b"K\1\x85", b"C\x08" + bytes(8)).replace(b"ndarray", b"dtype"),
    "a class made": b"cnumpy\ndtype\n" + text("f8") + b"\x85\x81",
    "a class made with names": b"cnumpy\ndtype\n" + text("f8") + b"\x85}\x92",
    "an instance": b"(" + text("f8") + b"inumpy\ndtype\n",
    "an object": b"(cnumpy\ndtype\n" + text("f8") + b"o",
    "a function called with a list": b"cnumpy\ndtype\n]R",
    "a function called with nothing": b"cnumpy\ndtype\n)R",
    "a text called": text("f8") + b")R",
    "bytes in UTF-8": b"c_codecs\nencode\n" + text("a") + text("utf-8") + b"\x86R",
    "a set": b"\x8f",
    "a frozen set": b"(\x91",
    "bytes": b"C\x01a",
    "an extension": b"\x82\x01",
    "a persistent name": b"Pname\n",
    "a persistent value": b"NQ",
    "a buffer": b"\x97",
    "a dict as key": b"}}Ns",
    "an array as key": b"}" + ARRAY + b"Ns",
    "a dict with half a pair": b"}(Nu",
    "items without a list": b"N(Ne",
    "more than one value": b"NN",
    "no value": b"",
    "a name that is no text": b"NN\x93",
    "a value of no instruction": b"\xff",
}  # fmt: skip


def test_hostile_files_are_refused_within_their_share(tmp_path):
    """Of time and memory, which is taken from a process of its own."""
    for number, code in enumerate(HOSTILE.values()):
        (tmp_path / str(number)).write_bytes(b"\x80\x04" + code + b".")
    script = f"""
import resource, time  # the processor's time, for others may be at work on this machine, too
import nndl, numpy as np
from nndl import checkpoint
from nndl.error import CheckpointError
checkpoint.load  # Paddle is there
allowed = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() + 300 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))
for number in range({len(HOSTILE)}):
    start = time.process_time()
    try:
        checkpoint.load({str(tmp_path)!r} + f"/{{number}}")
        print("accepted", number)
    except CheckpointError as error:
        if "MemoryError" in str(error) or not str(error).isprintable() or len(str(error)) > 500:
            print(number, str(error)[:500])
    if time.process_time() - start > 10:
        print("slow", number)
"""
    if not Path("/proc/self/statm").exists():
        pytest.skip("memory is limited on Linux only")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr[-2000:]) == (0, "", done.stderr[-2000:])


def test_what_is_there_twice_is_no_crime(tmp_path):
    """A list, a text and an array of Paddle's files that are one object each."""
    shared, both = [1, 2.5, "text"], np.arange(3.0)
    paddle.save({"a": [shared, shared], "b": both, "c": both, "n": 1}, str(tmp_path / "file"))
    loaded = checkpoint.load(tmp_path / "file")
    np.testing.assert_equal(loaded, {"a": [shared, shared], "b": both, "c": both, "n": 1})
    loaded["b"][0] = 9
    assert loaded["c"][0] == 0


@pytest.mark.parametrize("kind", ["pipe", "device", "socket", "sparse file"])
def test_what_is_no_file_or_too_large_is_refused_at_once(tmp_path, kind):
    path = tmp_path / kind
    if kind == "device":
        path = Path("/dev/zero")
    elif kind == "pipe":
        getattr(os, "mkfifo", pytest.skip)(path)
    elif kind == "socket":
        socket.socket(getattr(socket, "AF_UNIX", None) or pytest.skip("no such sockets")).bind(os.path.relpath(path))
    else:
        with path.open("wb") as file:
            file.truncate(2**40)
    if not path.exists():
        pytest.skip(f"no {path}")
    with pytest.raises(CheckpointError, match=f"{path}: not a readable checkpoint"):
        checkpoint.load(path)


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_mutated_pickle_is_refused_or_plain(tmp_path, protocol):
    path, draw = tmp_path / "file", random.Random(protocol)
    paddle.save({"W": paddle.ones([2]), "n": [1, (2.5, "x")]}, str(path), protocol=protocol)
    whole = bytearray(path.read_bytes())
    for _ in range(1000):
        mutated = whole.copy()
        for _ in range(draw.randint(1, 3)):
            mutated[draw.randrange(len(whole))] = draw.choice(CODES)
        path.write_bytes(mutated)
        with suppress(CheckpointError):
            kinds(checkpoint.load(path))


CODES = [ord(opcode.code) for opcode in pickletools.opcodes]


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


STATE = {"history": [(step, step / 7) for step in range(40)], "best": 0.5, "n": [1, 2**40], "W": np.arange(20.0)}


@pytest.fixture(params=["model", "state"])
def content(request, tmp_path):
    checkpoint.save(nn.Linear(2, 1).state_dict() if request.param == "model" else STATE, tmp_path / "whole")
    return (tmp_path / "whole").read_bytes()


def test_a_flipped_bit_of_any_byte_is_noticed(content, tmp_path):
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        refuse(tmp_path / "damaged", damaged)


def refuse(path, data):
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"damaged: (not a readable checkpoint|.*refused)"):
        checkpoint.load(path)


def test_other_damage_is_noticed(content, tmp_path):
    draw, path = random.Random(0), tmp_path / "damaged"
    for _ in range(100):
        start, length = draw.randrange(len(content)), draw.randint(1, 64)
        before, hit, after = content[:start], content[start : start + length], content[start + length :]
        refuse(path, before + after)
        refuse(path, before + draw.randbytes(length) + hit + after)
        if any(hit):
            refuse(path, before + bytes(len(hit)) + after)
    for more in (b"\0", b".", b"\n", content, checkpoint.SEAL, bytes(48), bytes(32) + checkpoint.SEAL):
        refuse(path, content + more)
        refuse(path, more + content)


def test_a_file_of_paddle_with_something_behind_it_is_refused(tmp_path):
    path = tmp_path / "file"
    paddle.save(nn.Linear(2, 1).state_dict(), str(path))
    whole = path.read_bytes()
    for more in (b"\0", b".", whole, bytes(48)):
        path.write_bytes(whole + more)
        with pytest.raises(CheckpointError, match=r"file: not a readable checkpoint .*more bytes"):
            checkpoint.load(path)


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


def linear(dtype):
    model = nn.Linear(3, 2)
    return model.to(dtype=dtype) or model


def as_float32(tensor):
    return tensor.astype("float32").numpy()


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("given", ["float16", "float32", "float64", ">f4", "int64", "uint8", "bool", "bfloat16"])
def test_numbers_of_another_dtype_are_converted(dtype, given):
    model, numbers = linear(dtype), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    weight = paddle.to_tensor(numbers).astype("bfloat16").numpy() if given == "bfloat16" else numbers.astype(given)
    checkpoint.restore(model, {"weight": weight, "bias": np.zeros(2, dtype="float64")}, "file")
    np.testing.assert_array_equal(as_float32(model.weight), numbers)
    assert model.weight.dtype == getattr(paddle, dtype)


@pytest.mark.parametrize(
    ("dtype", "number"),
    [
        ("float32", np.float64(1e300)),  # too large
        ("float16", np.float32(70000)),
        ("bfloat16", np.float64(1e39)),
        ("float32", np.int64(2**24 + 1)),  # rounded
        ("float16", np.int32(2049)),
        ("bfloat16", np.int16(257)),
    ],
)
def test_numbers_that_a_dtype_does_not_have_are_refused_and_nothing_changes(dtype, number):
    model = linear(dtype)
    before = [as_float32(tensor) for tensor in model.parameters()]
    wrong = {"weight": np.ones((3, 2)), "bias": np.full(2, number)}
    with pytest.raises(CheckpointError, match=f"file: .*bias holds {number.dtype} numbers that {dtype} does not have"):
        checkpoint.restore(model, wrong, "file")
    np.testing.assert_equal([as_float32(tensor) for tensor in model.parameters()], before)


def test_a_float_is_no_index_and_a_model_that_diverged_can_be_looked_at():
    model = nn.Linear(3, 2)
    model.register_buffer("count", paddle.to_tensor([1, 2]))
    whole = {"weight": np.full((3, 2), np.nan), "bias": np.full(2, np.inf), "count": np.array([3.0, 4.0])}
    checkpoint.restore(model, whole, "file")
    assert model.count.tolist() == [3, 4]
    assert np.isnan(model.weight.numpy()).all()
    with pytest.raises(CheckpointError, match="count holds float64 numbers that int64 does not have"):
        checkpoint.restore(model, whole | {"count": np.array([3.5, 4.0])}, "file")
    with pytest.raises(CheckpointError, match="count holds float64"):
        checkpoint.restore(model, whole | {"count": np.array([np.nan, 4.0])}, "file")


def test_parameters_that_are_not_finite_are_named():
    whole = {"W": np.ones(2), "b": paddle.ones([2]), "n": np.array([1, 2])}
    checkpoint.check_finite(whole, "file")
    for odd in (np.array([1, np.nan]), np.array([-np.inf]), paddle.to_tensor([np.nan]), np.array([0x7FC0], "uint16")):
        with pytest.raises(CheckpointError, match="file: NaN or infinity in b; train the model again"):
            checkpoint.check_finite(whole | {"b": odd}, "file")
    with pytest.raises(CheckpointError, match="file: holds a list"):
        checkpoint.check_finite([1], "file")


class Cell(nn.Layer):
    """An LSTM's parameters for one gate, as the book writes it in one place and in another."""

    def __init__(self, gate):
        super().__init__()
        for name, shape in (("W", [2, 3]), ("U", [3, 3]), ("b", [1, 3])):
            self.add_parameter(f"{name}_{gate}", self.create_parameter(shape))


def test_renamed_parameters_are_hinted_at(parameters):
    ours = nndl.Model_RNN4SeqClass(nndl.SRN(4, 3), 10, 4, 3, 2)
    book = {name.replace("cells.0.", ""): value for name, value in parameters(ours).items()}
    assert book.keys() != parameters(ours).keys()
    with pytest.raises(CheckpointError, match=r"rnn_model\.W looks like rnn_model\.cells\.0\.W") as caught:
        checkpoint.restore(ours, book, "file")
    assert "rnn_model.U looks like rnn_model.cells.0.U, " in str(caught.value)
    with pytest.raises(CheckpointError, match=r"; W_c looks like W_a, U_c looks like U_a, b_c looks like b_a$"):
        checkpoint.restore(Cell("a"), parameters(Cell("c")), "file")
    with pytest.raises(CheckpointError) as caught:  # two of one shape: either could be meant
        checkpoint.restore(
            nn.Linear(2, 2), {"one.w": np.ones((2, 2)), "two.w": np.ones((2, 2)), "bias": np.ones(2)}, ""
        )
    assert "looks like" not in str(caught.value)


def test_a_name_of_a_file_can_be_anything(parameters):
    model = nn.Linear(3, 2)
    odd = {f"odd\n{number}\x1b[2J": 1 for number in range(1000)} | {"x" * 10**6: 2}
    with pytest.raises(CheckpointError, match="and 991 more") as caught:
        checkpoint.restore(model, parameters(model) | odd, "file")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


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
