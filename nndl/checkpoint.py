"""Checkpoints (检查点): written whole or not at all, and read without executing anything they contain.

The files are those of ``paddle.save``, so ``paddle.load`` reads them too. Behind the pickle, where Paddle does not
look, :func:`save` writes the SHA-256 of all before: a file that lost or changed a bit is refused.
"""

import hashlib
import os
import pickle
from collections.abc import Iterable
from typing import Any, BinaryIO

from nndl.error import CheckpointError
from nndl.file import open_regular, replacing
from nndl.unpickle import DTYPES, Array, is_key, unpickle

import numpy as np
import paddle

# A file begins with a text that is thrown away at once, which says that it must end with a digest and SEAL. So a
# file without both, such as Paddle's, is told from one that lost either: neither begins nor ends a pickle of Paddle's.
HEAD = b"\x80\x04\x8c\x0esealed by nndl0"
SEAL = b"\nSHA-256 of nndl\n"
_DIGEST_SIZE = hashlib.sha256().digest_size
MOST_BYTES = 8 * 2**30
MOST_VALUES = 10_000_000
MOST_DEPTH = 50
MOST_BITS = 1024
_CONVERTIBLE = {"float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"}
_NAMES = "StructuredToParameterName@@"  # a table that paddle.save adds to a model's parameters


def save(content: Any, path: str | os.PathLike) -> None:
    """Write parameters, or nested dicts, lists and tuples of tensors, arrays and plain values.

    Plain values are None, bool, int, float and str; NumPy's scalars are written as these, tensors as
    arrays. The keys of a dict are texts or small integers.

    Raises:
        CheckpointError: the content holds something else, which :func:`load` would refuse.
        OutputError: the file cannot be written.
    """
    try:
        plain = _Plain(MOST_VALUES, MOST_BYTES // 2)(content)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: not written: {error}") from None
    if isinstance(content, dict) and content and all(isinstance(value, paddle.Tensor) for value in content.values()):
        plain[_NAMES] = {name: tensor.name for name, tensor in content.items()}
    with replacing(path) as temporary, open(temporary, "wb") as file:
        sealing = _Sealing(file)
        sealing.write(HEAD)
        pickle.dump(plain, sealing, protocol=4)
        sealing.end()


class _Sealing:
    """A file that writes the digest of all that was written."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.digest = file, hashlib.sha256()

    def write(self, data: Any) -> None:
        self.digest.update(data)
        self.file.write(data)

    def end(self) -> None:
        self.file.write(self.digest.digest() + SEAL)


def load(path: str | os.PathLike) -> Any:
    """Read what :func:`save` or ``paddle.save`` wrote: tensors as NumPy arrays.

    Raises:
        CheckpointError: no such file, a damaged one, or one that holds more than arrays and plain values.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MOST_BYTES:
                raise ValueError(f"more than {MOST_BYTES:,} bytes")
            data = file.read(size)
        content = _content(data)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such checkpoint; train first, or check the path") from None
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    except OSError as error:
        reason = error.strerror or error
        raise CheckpointError(f"{path}: not a readable checkpoint ({reason}); choose another") from None
    except Exception as error:  # a damaged pickle can raise nearly anything
        reason = f"{type(error).__name__}: {error}"
        raise CheckpointError(f"{path}: not a readable checkpoint ({reason}); remove it or choose another") from None
    if isinstance(content, dict):
        content.pop(_NAMES, None)
    return content


def _content(data: bytes) -> Any:
    end = len(data)
    if data.startswith(HEAD) or data.endswith(SEAL):
        end -= _DIGEST_SIZE + len(SEAL)
        if end < 0 or data[end:] != hashlib.sha256(memoryview(data)[:end]).digest() + SEAL:
            raise ValueError("its check sum is missing or another")
    found, length = unpickle(data)
    if length != end:
        raise ValueError("more bytes than the checkpoint")
    # As many values as bytes, for what is there twice is copied, and that again and again if a file is made so.
    return _Plain(min(length + 10_000, MOST_VALUES), length)(found)


class _Plain:
    """Makes a copy that holds nothing but arrays and plain values, nothing twice; refuses all else.

    What :func:`save` writes and what :func:`load` reads goes through it, so that the two agree.

    Args:
        most_values: so many values at most,
        most_bytes: and so many bytes of arrays.
    """

    def __init__(self, most_values: int, most_bytes: int) -> None:
        self.values_left, self.bytes_left = most_values, most_bytes

    def __call__(self, value: Any, depth: int = 0) -> Any:
        self.values_left -= 1
        if self.values_left < 0:
            raise CheckpointError("holds more values than a checkpoint has; refused")
        if depth > MOST_DEPTH:
            raise CheckpointError(f"holds values more than {MOST_DEPTH} deep; refused")
        kind = type(value)
        if kind is float or kind is str or kind is bool or value is None:
            return value
        if kind is int and value.bit_length() <= MOST_BITS:
            return value
        if isinstance(value, dict):
            return {self._key(key): self(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [self(item, depth + 1) for item in value]
        if isinstance(value, tuple):
            return tuple([self(item, depth + 1) for item in value])
        if isinstance(value, np.generic):
            return self._scalar(value)
        if isinstance(value, paddle.Tensor):
            return self._array(value.numpy())
        return self._array(value.value if kind is Array else value)

    def _key(self, key: Any) -> Any:
        key = self(key)
        if not is_key(key):
            raise CheckpointError(f"holds a dict with a {type(key).__name__} as key, expected text; refused")
        return key

    def _scalar(self, value: np.generic) -> Any:
        if isinstance(item := value.item(), np.generic | complex):
            raise CheckpointError(f"holds a {type(value).__name__}, expected arrays and plain values; refused")
        return self(item)

    def _array(self, value: Any) -> np.ndarray:
        if type(value) is not np.ndarray:
            raise CheckpointError(f"holds a {type(value).__name__}, expected arrays and plain values; refused")
        if value.dtype.str[1:] not in DTYPES:
            raise CheckpointError(f"holds an array of {value.dtype}, expected numbers; refused")
        self.bytes_left -= value.nbytes
        if self.bytes_left < 0:
            raise CheckpointError("holds more numbers than the file has room for; refused")
        return value if value.flags.writeable else value.copy(order="K")  # what stands on the file's bytes


def restore(model: paddle.nn.Layer, parameters: Any, source: str | os.PathLike) -> None:
    """Put parameters into a model, all or none.

    Args:
        model: the model.
        parameters: name to array, as :func:`load` returns them. Those of another dtype are converted if no number
            changes, or one floating-point number is rounded to another.
        source: the file they came from, for the message.

    Raises:
        CheckpointError: names missing, unexpected, wrongly shaped and not convertible parameters.
    """
    model.set_state_dict(fitted(model, parameters, source))


def fitted(model: paddle.nn.Layer, parameters: Any, source: str | os.PathLike) -> dict[str, np.ndarray]:
    """The parameters in the model's own dtypes; see :func:`restore`, which this is without the last step."""
    arrays, own = _checked(parameters, source), model.state_dict()
    missing = {name: list(tensor.shape) for name, tensor in own.items() if name not in arrays}
    unexpected = {name: list(np.shape(array)) for name, array in arrays.items() if name not in own}
    faults = [f"missing {_some(missing)}"] if missing else []
    if unexpected:
        faults.append(f"unexpected {_some(unexpected)}")
    fitting = {}
    for name in own:
        if name in missing:
            continue
        array, shape, dtype = arrays[name], list(own[name].shape), str(own[name].dtype).removeprefix("paddle.")
        if array is None:
            faults.append(f"{name} is not an array of numbers")
        elif list(array.shape) != shape:
            faults.append(f"{name} has shape {list(array.shape)}, expected {shape}")
        elif (converted := _converted(array, dtype)) is None:
            faults.append(f"{name} holds {array.dtype} numbers that {dtype} does not have")
        else:
            fitting[name] = converted
    if faults:
        faults += _renamed(missing, unexpected)
        raise CheckpointError(f"{source}: not a checkpoint of this {type(model).__name__}: {'; '.join(faults)}")
    return fitting


def _checked(parameters: Any, source: str | os.PathLike) -> dict[str, np.ndarray | None]:
    """The parameters as arrays; None for what is no array of numbers."""
    if not isinstance(parameters, dict):
        raise CheckpointError(f"{source}: holds a {type(parameters).__name__}, expected a model's parameters")
    return {str(name): _as_array(value) for name, value in parameters.items()}


def _as_array(value: Any) -> np.ndarray | None:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):  # a ragged list
        return None
    return array if array.dtype.kind in "fiub" else None


def _converted(array: np.ndarray, dtype: str) -> np.ndarray | None:
    """The same numbers in a dtype of Paddle; None if it does not have them."""
    if dtype not in _CONVERTIBLE:
        return None
    if dtype == "bfloat16" and array.dtype == "uint16":
        return array
    array = _numbers(array)
    with np.errstate(all="ignore"):
        if dtype == "bfloat16":
            rounded = paddle.to_tensor(array.astype("float32"), place="cpu").astype(dtype)
            converted, numbers = rounded.numpy(), rounded.astype("float32").numpy()
        else:
            converted = numbers = array.astype(dtype, copy=False)
        if array.dtype.kind == numbers.dtype.kind == "f":
            is_kept = np.array_equal(np.isfinite(array), np.isfinite(numbers))
        else:
            is_kept = np.array_equal(numbers.astype(array.dtype), array)
    return converted if is_kept else None


def _numbers(array: np.ndarray) -> np.ndarray:
    """Paddle has no uint16: it stands for bfloat16, which NumPy does not have, bit by bit."""
    return (array.astype("uint32") << 16).view("float32") if array.dtype == "uint16" else array


def _renamed(missing: dict[str, list[int]], unexpected: dict[str, list[int]]) -> list[str]:
    """A hint for each missing parameter that has one of its shape and of a similar last name among the unexpected."""
    hints = []
    for name, shape in missing.items():
        alike = [other for other in unexpected if unexpected[other] == shape and _last(other)[0] == _last(name)[0]]
        same = [other for other in alike if _last(other) == _last(name)]
        if len(same or alike) == 1:
            hints.append(f"{(same or alike)[0]} looks like {name}")
    return [_some(hints)] if hints else []


def _last(name: str) -> str:
    return name.rpartition(".")[2] or " "


def check_finite(parameters: dict[str, Any], source: str | os.PathLike) -> None:
    """Raise CheckpointError, which names them, where parameters hold NaN or infinity: a model that diverged.

    Args:
        parameters: name to array, as :func:`load` returns them, or to a tensor.
        source: the file they came from, for the message.
    """
    arrays = _checked(parameters, source).items()
    if odd := [name for name, array in arrays if array is not None and not np.isfinite(_numbers(array)).all()]:
        raise CheckpointError(f"{source}: NaN or infinity in {_some(odd)}; train the model again")


def _some(names: Iterable[str]) -> str:
    """The first ten of them, for a message of one line; a file can hold any name."""
    names = list(names)
    shown = [name[:100] if name.isprintable() else ascii(name[:100]) for name in names[:10]]
    return ", ".join(shown) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
