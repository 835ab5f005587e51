"""Settings check themselves, whoever sets them: the command line, a notebook, a file."""

import math
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

from chapter6.contents import SECTIONS
from chapter6.lab.settings import LARGEST, Settings, setting
from nndl.error import SettingError

import pytest


@dataclass(frozen=True)
class Some(Settings):
    epochs: int = setting(3, "", least=1, most=10)
    rate: float = setting(0.1, "", above=0)
    dropout: float = setting(0.0, "", least=0, below=1)
    schedule: str = setting("constant", "", choices=("constant", "cosine"))
    review: str = setting("", "")
    lengths: tuple[int, ...] = setting((5, 10), "", least=3, most=50, count=(1, 4), each_once=True)
    digits: tuple[int, ...] = setting((1, 1), "", least=0, most=9)


ALLOWED = [
    {"epochs": 1},
    {"epochs": 10},
    {"rate": 1},
    {"rate": 1e-300},
    {"rate": LARGEST},
    {"dropout": 0},
    {"dropout": 0.999},
    {"schedule": "cosine"},
    {"review": "太好了\n"},
    {"lengths": (3, 50, 4, 5)},
    {"digits": (0, 0, 9)},
]
REFUSED = [
    ({"epochs": 0}, "epochs 0: expected a whole number from 1 to 10"),
    ({"epochs": 11}, "epochs 11: expected a whole number from 1 to 10"),
    ({"epochs": 10**30}, "epochs 1000000000000000000000000000000: expected"),
    ({"epochs": 2.0}, "epochs 2.0: expected a whole number"),
    ({"epochs": "2"}, "epochs '2': expected a whole number"),
    ({"epochs": True}, "epochs True: expected a whole number"),
    ({"epochs": None}, "epochs None: expected a whole number"),
    ({"rate": 0}, "rate 0: expected a number above 0"),
    ({"rate": math.nan}, "rate nan: expected a number above 0"),
    ({"rate": math.inf}, "rate inf: expected a number above 0"),
    ({"rate": 1e300}, "rate 1e\\+300: expected a number above 0"),
    ({"rate": 1j}, "rate 1j: expected a number"),
    ({"dropout": 1}, "dropout 1: expected a number from 0 below 1"),
    ({"dropout": -0.1}, "dropout -0.1: expected a number from 0 below 1"),
    ({"dropout": math.nan}, "dropout nan: expected"),
    ({"schedule": "cosin"}, "schedule 'cosin': expected constant, cosine"),
    ({"schedule": ["constant"]}, "schedule .*: expected a text"),
    ({"review": "bad \udc80 film"}, "review 'bad .* film': expected UTF-8"),
    ({"lengths": ()}, "lengths : 0 given, expected 1 to 4"),
    ({"lengths": tuple(range(3, 40))}, r"lengths 3, 4, .*\.\.\.: 37 given, expected 1 to 4"),
    ({"lengths": (2, 5)}, "lengths 2: expected a whole number from 3"),
    ({"lengths": (5, 5.0)}, "lengths 5.0: expected a whole number"),
    ({"lengths": (5, 7, 5)}, "lengths 5, 7, 5: expected each once"),
    ({"lengths": [5, 7]}, "lengths .*: expected a tuple"),
    ({"lengths": 5}, "lengths 5: expected a tuple"),
    ({"digits": (1, 10)}, "digits 10: expected a whole number from 0 to 9"),
]


@pytest.mark.parametrize("values", ALLOWED)
def test_values_at_the_edge_of_what_is_allowed(values: dict[str, Any]) -> None:
    for name, value in values.items():
        assert getattr(Some(**values), name) == value


@pytest.mark.parametrize(("values", "message"), REFUSED)
def test_values_that_are_not(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message) as error:
        Some(**values)
    assert len(str(error.value)) < 300


def kind_of(number: str) -> Any:
    return type(SECTIONS[number].presets["quick"])


FREE = ("review", "sentence", "text", "prefix", "first", "second")
"""Settings that take any text; some of them are held against the data before anything is trained."""


@pytest.mark.parametrize("number", SECTIONS)
def test_every_number_of_every_section_has_bounds(number: str) -> None:
    """So that no list of a section has to be kept in step with this file: nothing absurd is accepted anywhere."""
    kinds = get_type_hints(kind_of(number))
    for field in fields(kind_of(number)):
        kind = kinds[field.name]
        absurd: list[Any] = {
            int: [-1, 10**7, 10**30],
            float: [-1.0, math.nan, math.inf, 1e300],
            str: ["\udc80", *["xno such thing"] * (field.name not in FREE)],
            bool: [2, "yes"],
            tuple[float, ...]: [(), (-1.0,), (math.nan,), (1e300,)],
            tuple[str, ...]: [(), ("no such thing",), ("\udc80",), ("x",) * 101],
            tuple[int, ...]: [(), (-1,) * 3, (10**7,) * 3, tuple(range(3, 10**4))],
        }[kind]
        for value in absurd:
            with pytest.raises(SettingError):
                kind_of(number)(**{field.name: value})


def test_a_review_without_a_word_is_refused() -> None:
    for review in (" ", "\n\t", "<br />"):
        with pytest.raises(SettingError, match="expected at least one word"):
            kind_of("6.7")(review=review)


def test_a_batch_that_would_fill_the_memory_is_refused() -> None:
    for number, values in (
        ("6.2", {"batch_size": 10_000, "lengths": (10_000,)}),
        ("6.4", {"batch_size": 10_000, "length": 10_000, "hidden_size": 4096}),
        ("6.5", {"batch_size": 10_000, "lengths": (5, 1000)}),
        ("6.7", {"batch_size": 10_000, "max_seq_len": 10_000}),
    ):
        with pytest.raises(SettingError, match="expected at most 200,000,000 numbers in a batch"):
            kind_of(number)(**values)
