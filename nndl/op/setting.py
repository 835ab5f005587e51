"""The settings of layers, checked in one place: whole numbers, probabilities and choices."""

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

from nndl.error import SettingError

LARGEST = 10**8  # a matrix as wide and as high fits into no machine


def whole(name: str, value: Any, least: int = 1, most: float = LARGEST) -> int:
    """A whole number of any integer type, as Python's; True and 3.0 are none.

    Raises:
        SettingError: anything else, or out of the range.
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or not least <= value <= most:
        bounds = f", at least {least}" if most == math.inf else f" from {least} to {most}"
        raise SettingError(f"{name} {value!r}: expected a whole number{bounds}")
    return int(value)


def probability(name: str, value: Any) -> float:
    """A number from 0 up to, not including, 1.

    Raises:
        SettingError: anything else.
    """
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 <= value < 1:
        raise SettingError(f"{name} {value!r}: expected a probability from 0 up to, not including, 1")
    return float(value)


def flag(name: str, value: Any) -> bool:
    """True or False.

    Raises:
        SettingError: anything else.
    """
    if not isinstance(value, bool):
        raise SettingError(f"{name} {value!r}: expected True or False")
    return value


def choice(name: str, value: Any, choices: Iterable[str]) -> str:
    """One of several names.

    Raises:
        SettingError: anything else.
    """
    if not isinstance(value, str) or value not in choices:
        raise SettingError(f"{name} {value!r}: expected one of {', '.join(choices)}")
    return value
