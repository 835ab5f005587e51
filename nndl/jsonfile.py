"""JSON files that notice damage: the SHA-256 of all the rest stands in front, and what is read has its shape.

A shape is a type; ``[shape]``, a list of such items; ``(shape, shape)``, a list of exactly these; ``{name: shape}``, an
object with at least these names; or a function that says yes or no. ``int`` and ``float`` are numbers a computation
can use: not bool, not beyond 64 bits; a ``float`` may be written as a whole number.

    >>> misfit({"seeds": [0, 1], "rate": 0.5}, {"seeds": [int], "rate": share})
    ''
    >>> misfit({"seeds": [0, True]}, {"seeds": [int]})
    'seeds[1]'
"""

import hashlib
import json
import math
import os
import re
from pathlib import Path
from typing import Any

from nndl.error import CheckpointError
from nndl.file import open_regular, replacing

MAX_BYTES = 256 * 2**20
_FRONT = re.compile(rb'\{"sha256": "([0-9a-f]{64})", ')


def write(path: str | os.PathLike, value: dict[str, Any]) -> None:
    """Write an object, not an empty one, whole or not at all. Raises OutputError.

    NaN and infinity, which JSON does not have, become null.
    """
    rest = json.dumps(finite(value), allow_nan=False)[1:].encode()
    front = f'{{"sha256": "{hashlib.sha256(rest).hexdigest()}", '.encode()
    with replacing(path) as temporary:
        temporary.write_bytes(front + rest)


def read(path: str | os.PathLike, shape: Any = dict) -> dict[str, Any]:
    """What :func:`write` wrote, without the check sum.

    Raises:
        CheckpointError: no such file, no regular one, one that is damaged or was not written by :func:`write`, or
            that holds something else than expected.
    """
    content = _content(Path(path))
    front = _FRONT.match(content)
    if front is None or hashlib.sha256(content[front.end() :]).hexdigest().encode() != front[1]:
        raise CheckpointError(f"{path}: damaged, changed, or left by an earlier version (its check sum is not right)")
    try:
        value = json.loads(content, object_pairs_hook=_each_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise CheckpointError(f"{path}: damaged, this is not the JSON that is written here") from None
    del value["sha256"]
    check(path, value, shape)
    return value


def check(path: str | os.PathLike, value: Any, shape: Any) -> None:
    """Raise CheckpointError where what was read from a file has not this shape."""
    if odd := misfit(value, shape):
        raise CheckpointError(f"{path}: damaged, {odd} is missing or is not what it must be")


def finite(value: Any) -> Any:
    """The same with None for NaN and infinity, which a training that diverged may leave and JSON does not have."""
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def misfit(value: Any, shape: Any, where: str = "") -> str:
    """Where a value first differs from a shape, such as ``curves[3]``; empty where it has it."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return where or "the whole"
        pairs = [(f"{where}.{name}".lstrip("."), value.get(name, _MISSING), item) for name, item in shape.items()]
    elif isinstance(shape, list | tuple):
        if not isinstance(value, list) or (isinstance(shape, tuple) and len(value) != len(shape)):
            return where or "the whole"
        items = shape if isinstance(shape, tuple) else shape * len(value)
        pairs = [(f"{where}[{i}]", *pair) for i, pair in enumerate(zip(value, items, strict=True))]
    else:
        return "" if _is_a(value, shape) else where or "the whole"
    return next(filter(None, (misfit(item, expected, place) for place, item, expected in pairs)), "")


_MISSING = object()


def share(value: Any) -> bool:
    """A shape: a number from 0 to 1."""
    return _is_a(value, float) and 0 <= value <= 1


def _is_a(value: Any, shape: Any) -> bool:
    if shape is int:
        return type(value) is int and abs(value) < 2**63
    if shape is float:
        return type(value) is float or _is_a(value, int)
    return isinstance(value, shape) if isinstance(shape, type) else shape(value)


def _content(path: Path) -> bytes:
    """The bytes of a regular file of a size that is possible; never waits for a pipe."""
    try:
        with open_regular(path) as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if len(content) > MAX_BYTES:
        raise CheckpointError(f"{path}: no file of ours, expected at most {MAX_BYTES:,} bytes")
    return content


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(value := dict(pairs)) < len(pairs):
        raise ValueError("a name twice")
    return value


def _refuse(constant: str) -> None:
    raise ValueError(constant)
