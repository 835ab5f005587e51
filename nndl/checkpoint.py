"""Checkpoints (检查点): written whole or not at all, and read without executing anything they contain.

The files are those of ``paddle.save``, so ``paddle.load`` reads them too. Paddle's files are pickles, and a
pickle can call any function while it is read; :func:`load` admits nothing but arrays and plain containers.
"""

import os
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import paddle

from nndl.error import CheckpointError, OutputError

_NAMES = "StructuredToParameterName@@"  # a table that paddle.save adds to a model's parameters


def write_atomically(path: str | os.PathLike, write: Callable[[str], None]) -> None:
    """Call ``write`` with a temporary name beside ``path``, then rename; the folder is made.

    Raises:
        OutputError: the folder or the file cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A folder of its own: the file keeps its suffix, which some writers insist on.
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
            temporary = os.path.join(folder, path.name)
            write(temporary)
            os.replace(temporary, path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}; choose another place") from error


def save(content: Any, path: str | os.PathLike) -> None:
    """Write parameters, or nested dicts and lists of arrays and plain values."""
    write_atomically(path, lambda temporary: paddle.save(content, temporary))


def load(path: str | os.PathLike) -> Any:
    """Read what :func:`save` wrote: arrays as NumPy arrays.

    Raises:
        CheckpointError: no such file, a damaged one, or one that holds more than arrays and plain values.
    """
    try:
        with open(path, "rb") as file:
            content = _ArrayUnpickler(file).load()
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such checkpoint; train first, or check the path") from None
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise CheckpointError(f"{path}: not a readable checkpoint ({type(error).__name__}: {error})") from None
    if isinstance(content, dict):
        content.pop(_NAMES, None)
    return content


class _ArrayUnpickler(pickle.Unpickler):
    """Admits what arrays need, and the state of Paddle's random numbers; refuses every other name."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in (("numpy._core.multiarray", "_reconstruct"), ("numpy.core.multiarray", "_reconstruct")):
            return _empty_array
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        if (module, name) == ("paddle.base.libpaddle", "GeneratorState"):
            return paddle.base.libpaddle.GeneratorState
        raise CheckpointError(f"asks for {module}.{name}, which a checkpoint has no need of; refused")


def _empty_array(kind: type, shape: tuple[int, ...], code: bytes) -> np.ndarray:
    """NumPy's reconstruction, held to the form every honest array has: empty now, filled from its own bytes."""
    if kind is not np.ndarray or shape != (0,):
        raise CheckpointError("an array of a form that NumPy does not write; refused")
    return np.ndarray.__new__(np.ndarray, shape, code.decode() if isinstance(code, bytes) else code)


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
