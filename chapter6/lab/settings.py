"""Settings that check themselves: each says what it may be, once, where it is declared."""

from dataclasses import dataclass, field, fields
from typing import Any, get_args, get_origin, get_type_hints

from nndl.error import SettingError

LARGEST = 1e38
"""The largest number that single precision can hold is a little above."""
MOST_NUMBERS = 2 * 10**8
"""What a batch may hold: 800 MB, and a backward pass keeps some ten times that."""


def setting(
    default: Any,
    help: str,
    *,
    choices: tuple[str, ...] = (),
    least: float | None = None,
    most: float = LARGEST,
    above: float | None = None,
    below: float | None = None,
    count: tuple[int, int] = (1, 100),
    each_once: bool = False,
) -> Any:
    """A field of a section's settings; the command line makes an option of it.

    Args:
        default: its value in preset quick.
        help: one line for the command line.
        choices: of a text.
        least, most, above, below: bounds of a number, or of each in a list; the last two are no part of the range.
        count: how many a list holds, at least and at most.
        each_once: whether a list holds no value twice.
    """
    rule = {"choices": choices, "least": least, "most": most, "above": above, "below": below}
    return field(default=default, metadata={"help": help, "count": count, "each_once": each_once, **rule})


@dataclass(frozen=True)
class Settings:
    """Base of all settings: every field is checked by what it declares, whoever sets it. Raises SettingError."""

    def __post_init__(self) -> None:
        kinds = get_type_hints(type(self))
        for each in fields(self):
            check(each.name, getattr(self, each.name), kinds[each.name], each.metadata)


def check(name: str, value: Any, kind: Any, rule: Any) -> None:
    """Raise SettingError where a value is not of its kind, or is not what the rule of its field allows."""
    if get_origin(kind) is not tuple:
        _check_one(name, value, kind, rule)
        return
    if not isinstance(value, tuple):
        raise SettingError(f"{name} {value!r}: expected a tuple")
    shown = ", ".join(map(str, value[:20])) + (", ..." if len(value) > 20 else "")
    few, many = rule["count"]
    if not few <= len(value) <= many:
        raise SettingError(f"{name} {shown}: {len(value)} given, expected {few} to {many}, separated by commas")
    for item in value:
        _check_one(name, item, get_args(kind)[0], rule)
    if rule["each_once"] and len(set(value)) < len(value):
        raise SettingError(f"{name} {shown}: expected each once")


def _check_one(name: str, value: Any, kind: type, rule: Any) -> None:
    if not isinstance(value, (int, float) if kind is float else kind) or isinstance(value, bool) != (kind is bool):
        raise SettingError(f"{name} {value!r}: expected {_KINDS[kind]}")
    if kind is bool:
        return
    if kind is str:
        if rule["choices"] and value not in rule["choices"]:
            raise SettingError(f"{name} {value!r}: expected {', '.join(rule['choices'])}")
        if value != value.encode(errors="replace").decode():
            raise SettingError(f"{name} {value!r}: expected UTF-8")
        return
    least, most, above, below = (rule[bound] for bound in ("least", "most", "above", "below"))
    is_inside = (least is None or least <= value) and (above is None or above < value)
    if not (is_inside and (value < below if below is not None else value <= most)):
        low = f"from {least:,}" if least is not None else f"above {above:,}"
        high = f"below {below:,}" if below is not None else f"to {most:,}"
        raise SettingError(f"{name} {value}: expected {_KINDS[kind]} {low} {high}")


def check_whole(name: str, value: Any, least: int, most: int) -> None:
    """Raise SettingError where a value that is no field of settings is not a whole number of this range."""
    _check_one(name, value, int, {"least": least, "most": most, "above": None, "below": None})


def check_size(batch: int, steps: int, size: int) -> None:
    """Raise SettingError where the numbers of one batch, B x L x D, would fill the memory."""
    if batch * steps * size > MOST_NUMBERS:
        product = f"{batch} x {steps} x {size}"
        raise SettingError(f"batch x steps x size {product}: expected at most {MOST_NUMBERS:,} numbers in a batch")


_KINDS = {bool: "True or False", int: "a whole number", float: "a number", str: "a text"}
