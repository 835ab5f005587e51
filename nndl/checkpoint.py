"""Checkpoints (检查点): written whole or not at all, and read without executing anything they contain.

The files are those of ``paddle.save``, so ``paddle.load`` reads them too. Paddle's files are pickles, and a
pickle can call any function while it is read; :func:`load` admits nothing but arrays and plain containers.
"""

import os
import pickle
from typing import Any, BinaryIO

import numpy as np
import paddle

from nndl.error import CheckpointError
from nndl.file import replacing

_NAMES = "StructuredToParameterName@@"  # a table that paddle.save adds to a model's parameters


def save(content: Any, path: str | os.PathLike) -> None:
    """Write parameters, or nested dicts and lists of arrays and plain values. Raises OutputError."""
    with replacing(path) as temporary:
        paddle.save(content, str(temporary))


def load(path: str | os.PathLike) -> Any:
    """Read what :func:`save` wrote: arrays as NumPy arrays.

    Raises:
        CheckpointError: no such file, a damaged one, or one that holds more than arrays and plain values.
    """
    try:
        with open(path, "rb") as file:
            content = _plain(_ArrayUnpickler(file).load())
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such checkpoint; train first, or check the path") from None
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    except Exception as error:  # a damaged pickle can raise nearly anything
        reason = f"{type(error).__name__}: {error}"
        raise CheckpointError(f"{path}: not a readable checkpoint ({reason}); remove it or choose another") from None
    if isinstance(content, dict):
        content.pop(_NAMES, None)
    return content


class _ArrayUnpickler(pickle.Unpickler):
    """Admits what NumPy's arrays ask for, but gives them stand-ins that only keep values; refuses every other name."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _STAND_INS:
            return _STAND_INS[module, name]
        raise CheckpointError(f"asks for {module}.{name}, which a checkpoint has no need of; refused")


class _Dtype:
    """Stands for a dtype: its code, such as "f4", and its byte order."""

    def __init__(self, code: str, *_: Any) -> None:
        self.code, self.order = code, "|"

    def __setstate__(self, state: tuple) -> None:
        self.order = state[1]


class _Array:
    """Stands for an array until its numbers have come."""

    def __init__(self, kind: Any, *_: Any) -> None:
        if kind is not _Array:
            raise CheckpointError("an array of a form that NumPy does not write; refused")
        self.value: np.ndarray | None = None

    def __setstate__(self, state: tuple) -> None:
        _, shape, dtype, is_fortran, data = state
        kind = np.dtype(dtype.order + dtype.code)
        if kind.kind not in "fiub":
            raise CheckpointError(f"holds an array of {kind}, expected numbers; refused")
        # a copy, for what stands on the file's bytes cannot be changed
        self.value = np.frombuffer(data, kind).reshape(shape, order="F" if is_fortran else "C").copy()


def _encode(text: str, encoding: str) -> bytes:
    """How pickles of protocol 2 write bytes."""
    return text.encode("latin-1")


_STAND_INS = {
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
}


def _plain(content: Any) -> Any:
    """The content with its arrays in the place of their stand-ins; refuses all that is not plain."""
    if isinstance(content, _Array) and content.value is not None:
        return content.value
    if type(content) is dict:
        return {_plain(key): _plain(value) for key, value in content.items()}
    if type(content) in (list, tuple):
        return type(content)(_plain(item) for item in content)
    if content is None or type(content) in (bool, int, float, str, bytes):
        return content
    raise CheckpointError(f"holds a {type(content).__name__}, expected arrays and plain values; refused")


def restore(model: paddle.nn.Layer, parameters: Any, source: str | os.PathLike) -> None:
    """Put parameters into a model, all or none.

    Args:
        model: the model.
        parameters: name to array, as :func:`load` returns them.
        source: the file they came from, for the message.

    Raises:
        CheckpointError: names every missing, unexpected and wrongly shaped parameter.
    """
    own = model.state_dict()
    if not isinstance(parameters, dict):
        raise CheckpointError(f"{source}: holds a {type(parameters).__name__}, expected a model's parameters")
    faults = []
    if missing := [name for name in own if name not in parameters]:
        faults.append(f"missing {', '.join(missing)}")
    if unexpected := [str(name) for name in parameters if name not in own]:
        faults.append(f"unexpected {', '.join(unexpected)}")
    for name, tensor in own.items():
        if name in parameters and list(np.shape(parameters[name])) != list(tensor.shape):
            faults.append(f"{name} has shape {list(np.shape(parameters[name]))}, expected {list(tensor.shape)}")
    if not faults and (odd := [n for n in own if np.asarray(parameters[n]).dtype.kind not in "fiub"]):
        faults.append(f"not numbers: {', '.join(odd)}")
    if faults:
        raise CheckpointError(f"{source}: not a checkpoint of this {type(model).__name__}: {'; '.join(faults)}")
    model.set_state_dict({name: np.asarray(parameters[name]) for name in own})


def check_finite(parameters: dict[str, Any], source: str | os.PathLike) -> None:
    """Raise CheckpointError, which names them, where parameters hold NaN or infinity: a model that diverged.

    Args:
        parameters: name to array, as :func:`load` returns them.
        source: the file they came from, for the message.
    """
    if odd := [name for name, array in parameters.items() if not np.isfinite(array).all()]:
        raise CheckpointError(f"{source}: NaN or infinity in {_some(odd)}; train the model again")


def _some(names: list[str]) -> str:
    """The first of them, for a message of one line."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
