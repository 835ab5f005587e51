"""Reads the pickles of ``paddle.save`` without trusting them.

A pickle is a program for a small machine. Python's own machine calls whatever function the program names and
reserves whatever memory it claims; this one knows only the instructions that arrays and plain values are made of.
What it makes is never larger than a small multiple of the pickle.
"""

import math
from collections.abc import Callable
from pickletools import genops
from typing import Any

from nndl.error import CheckpointError

import numpy as np

MOST_INSTRUCTIONS = 40_000_000
MOST_AXES = 32
DTYPES = {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"}


def unpickle(data: bytes) -> tuple[Any, int]:
    """What the pickle at the start of ``data`` makes, and its length.

    Lists, tuples and dicts, whose keys are texts or small integers; in them numbers, texts, bytes, None and
    :class:`Array`, whose values stand on ``data``. Something may be there twice, or hold itself.

    Raises:
        CheckpointError: an instruction or a name that no such content needs.
        Exception: nearly any other, of a damaged pickle.
    """
    stack: list[Any] = []
    outer: list[list[Any]] = []  # the stacks below each mark
    memo: dict[int, Any] = {}
    functions = _FUNCTIONS | {"_codecs encode": _Function(_encoder(len(data)))}
    for count, (opcode, argument, position) in enumerate(genops(data)):
        if count > MOST_INSTRUCTIONS:
            raise CheckpointError("more values than a checkpoint has; refused")
        match opcode.name:
            case "BININT1" | "BININT2" | "BININT" | "LONG1" | "LONG4" | "BINFLOAT":
                stack.append(argument)
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "SHORT_BINUNICODE" | "BINUNICODE" | "BINUNICODE8" | "SHORT_BINBYTES" | "BINBYTES" | "BINBYTES8":
                stack.append(argument)
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                size = int(opcode.name[-1])
                stack[-size:] = [tuple(stack[i] for i in range(-size, 0))]
            case "MARK":
                outer.append(stack)
                stack = []
            case "TUPLE":
                items, stack = stack, outer.pop()
                stack.append(tuple(items))
            case "APPEND":
                item = stack.pop()
                _of(list, stack[-1]).append(item)
            case "APPENDS":
                items, stack = stack, outer.pop()
                _of(list, stack[-1]).extend(items)
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                _of(dict, stack[-1])[_key(key)] = value
            case "SETITEMS":
                items, stack = stack, outer.pop()
                _of(dict, stack[-1]).update(zip(map(_key, items[::2]), items[1::2], strict=True))
            case "NONE":
                stack.append(None)
            case "NEWTRUE":
                stack.append(True)
            case "NEWFALSE":
                stack.append(False)
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_TUPLE":
                stack.append(())
            case "GLOBAL":
                stack.append(_named(functions, argument))
            case "STACK_GLOBAL":
                name, module = stack.pop(), stack.pop()
                stack.append(_named(functions, f"{_of(str, module)} {_of(str, name)}"))
            case "REDUCE":
                arguments, function = stack.pop(), stack.pop()
                stack.append(_of(_Function, function).call(*_of(tuple, arguments)))
            case "BUILD":
                state = stack.pop()
                stack[-1].build(*_of(tuple, state))
            case "POP":
                stack.pop()
            case "PROTO" | "FRAME":
                pass
            case "STOP":
                value = stack.pop()
                if stack or outer:
                    raise CheckpointError("holds more than one value; refused")
                return value, position + 1
            case other:
                raise CheckpointError(
                    f"uses the pickle instruction {other}, which a checkpoint has no need of; refused"
                )
    raise AssertionError  # genops ends with STOP or with an error


def _of(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise CheckpointError(f"a {type(value).__name__} in the place of a {kind.__name__}; refused")
    return value


def _key(key: Any) -> Any:
    """The key of a dict, of a kind that cannot be made slow to look up."""
    if not is_key(key):
        raise CheckpointError(f"holds a dict with a {type(key).__name__} as key, expected text; refused")
    return key


def is_key(key: Any) -> bool:
    """Whether a dict of a checkpoint may have this key."""
    return type(key) is str or (type(key) is int and abs(key) < 2**31)


class Array:
    """Stands for an array until its numbers have come."""

    value: np.ndarray | None = None

    def build(self, version: Any, shape: Any, dtype: Any, is_fortran: Any, data: Any) -> None:
        if not isinstance(dtype, _Dtype):
            raise CheckpointError("an array without a dtype; refused")
        self.value = _numbers(data, dtype, shape, "F" if is_fortran else "C")


class _Dtype:
    """Stands for a dtype: its code, such as "f4", and its byte order."""

    def __init__(self, code: Any) -> None:
        self.code, self.order = code, "|"

    def build(self, version: Any, order: Any, *_: Any) -> None:
        self.order = order

    def numpy(self) -> np.dtype:
        if type(self.code) is not str or self.code not in DTYPES or self.order not in ("<", ">", "|", "="):
            raise CheckpointError("holds an array of a dtype that is no number; refused")
        return np.dtype(self.order + self.code)


def _numbers(data: Any, dtype: _Dtype, shape: Any, order: str) -> np.ndarray:
    kind, shape = dtype.numpy(), _of(tuple, shape)
    if len(shape) > MOST_AXES or not all(type(size) is int and 0 <= size < 2**63 for size in shape):
        raise CheckpointError("holds an array with a shape that is none; refused")
    if math.prod(shape) * kind.itemsize != len(_of(bytes, data)):
        raise CheckpointError("holds an array whose numbers are not as many as its shape says; refused")
    if kind.kind == "b" and np.frombuffer(data, "u1").max(initial=0) > 1:
        raise CheckpointError("holds an array of truth values that are neither true nor false; refused")
    return np.frombuffer(data, kind).reshape(shape, order=order)


class _Function:
    """A function that a pickle may name; what it does is written here, not there."""

    def __init__(self, call: Any) -> None:
        self.call = call


def _array(kind: Any, *_: Any) -> Array:
    if kind is not _NDARRAY:
        raise CheckpointError("an array of a form that NumPy does not write; refused")
    return Array()


def _ndarray() -> None:
    raise CheckpointError("an array of a form that NumPy does not write; refused")


def _tensor(pair: Any) -> Any:
    """How ``paddle.save`` writes a tensor inside of a list or a dict: as a tuple of its name and its array."""
    _, array = _of(tuple, pair)
    return _of(Array, array)


def _encoder(most: int) -> Callable[[Any, Any], bytes]:
    """How pickles of protocol 2 write bytes; ``most`` in all, for one text can be encoded many times."""
    done = 0

    def encode(text: Any, encoding: Any) -> bytes:
        nonlocal done
        done += len(_of(str, text))
        if encoding != "latin1" or done > most:
            raise CheckpointError("bytes of a form that pickle does not write; refused")
        return text.encode("latin-1")

    return encode


_NDARRAY = _Function(_ndarray)
_FUNCTIONS = {
    "numpy ndarray": _NDARRAY,
    "numpy dtype": _Function(lambda code, *_: _Dtype(code)),
    "collections OrderedDict": _Function(lambda: {}),
}
for _module in ("numpy._core.multiarray", "numpy.core.multiarray"):
    _FUNCTIONS[f"{_module} _reconstruct"] = _Function(_array)
    _FUNCTIONS[f"{_module} scalar"] = _Function(lambda dtype, data: _numbers(data, _of(_Dtype, dtype), (), "C").item())
for _module in ("builtins", "__builtin__"):
    _FUNCTIONS[f"{_module} tuple"] = _Function(_tensor)
    _FUNCTIONS[f"{_module} bytes"] = _Function(lambda: b"")


def _named(functions: dict[str, _Function], name: str) -> _Function:
    if name not in functions:
        shown = name[:100].replace(" ", ".", 1)
        shown = shown if shown.isprintable() else ascii(shown)
        raise CheckpointError(f"asks for {shown}, which a checkpoint has no need of; refused")
    return functions[name]
