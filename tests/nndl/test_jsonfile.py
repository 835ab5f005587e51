"""JSON files with a check sum: what comes back is what was written, or one line says that it is not."""

import hashlib
import json
import math
import os
import random
from pathlib import Path
from typing import Any

from nndl import jsonfile
from nndl.error import CheckpointError

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
VALUE = {"diverged": "", "seconds": 1.5, "losses": [[0, 2.9], [10, 0.1]], "name": "影评", "odd": "\udcb2"}
SHAPE = {"diverged": str, "seconds": float, "losses": [(int, float)], "name": str}


def summed(rest: bytes) -> bytes:
    """A file whose check sum is right, whatever it holds: what an attacker writes, or a careful fool."""
    return b'{"sha256": "' + hashlib.sha256(rest).hexdigest().encode() + b'", ' + rest


@given(st.dictionaries(st.text().filter(lambda name: name != "sha256"), PLAIN, min_size=1))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_is_written_is_read(tmp_path: Path, value: dict[str, Any]) -> None:
    jsonfile.write(tmp_path / "a.json", value)
    assert jsonfile.read(tmp_path / "a.json") == value
    whole = json.loads((tmp_path / "a.json").read_bytes())  # other programs read it as plain JSON
    assert {name: item for name, item in whole.items() if name != "sha256"} == value


def test_numbers_json_does_not_have_become_null(tmp_path: Path) -> None:
    jsonfile.write(tmp_path / "a.json", {"norms": [1.0, math.inf, (math.nan, -math.inf)]})
    assert jsonfile.read(tmp_path / "a.json") == {"norms": [1.0, None, [None, None]]}


def test_no_flipped_bit_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    jsonfile.write(path, VALUE)
    whole = path.read_bytes()
    draw = random.Random(0)
    for bit in draw.sample(range(8 * len(whole)), 200):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"a\.json: damaged"):
            jsonfile.read(path)


DAMAGED = {
    "empty": b"",
    "truncated": summed(b'"a": 1}')[:-3],
    "longer": summed(b'"a": 1}') + b" ",
    "no sum": b'{"a": 1}',
    "a list": b"[1, 2]",
    "not UTF-8": summed(b'"a": "\xff"}'),
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "nested": summed(b'"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "nested objects": summed(b'"a": ' + b'{"a": ' * 50_000 + b"1" + b"}" * 50_001),
    "a number of 5,000 digits": summed(b'"a": ' + b"9" * 5000 + b"}"),
    "NaN": summed(b'"a": NaN}'),
    "infinity": summed(b'"a": -Infinity}'),
    "a name twice": summed(b'"a": 1, "a": 2}'),
    "the sum twice": summed(b'"sha256": 1}'),
    "no end": summed(b'"a": 1'),
    "two values": summed(b'"a": 1} {}'),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damage_is_one_line(damage: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(DAMAGED[damage])
    with pytest.raises(CheckpointError, match=r"a\.json: damaged") as error:
        jsonfile.read(tmp_path / "a.json")
    assert "\n" not in str(error.value)


def test_files_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    places = [tmp_path / "missing", tmp_path / "folder", tmp_path / ("x" * 300), "with\0zero"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        places += [tmp_path / "pipe", "/dev/zero"]
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(2**40)  # a hole: it takes no room on the disk
    for place in [*places, tmp_path / "huge"]:
        with pytest.raises(CheckpointError):
            jsonfile.read(place)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"diverged": None}, "diverged"),
        ({"seconds": "1"}, "seconds"),
        ({"seconds": True}, "seconds"),
        ({"seconds": 10**400}, "seconds"),
        ({"seconds": math.nan}, "seconds"),
        ({"losses": 3}, "losses"),
        ({"losses": [[0, 1.0], [1]]}, r"losses\[1\]"),
        ({"losses": [[0, 1.0], [0.5, 1.0]]}, r"losses\[1\]\[0\]"),
        ({"losses": [[0, 1.0], {"a": 1}]}, r"losses\[1\]"),
        ({"name": {}}, "name"),
    ],
)
def test_fields_that_are_not_what_they_must_be(change: dict[str, Any], where: str, tmp_path: Path) -> None:
    jsonfile.write(tmp_path / "a.json", VALUE | change)
    with pytest.raises(CheckpointError, match=rf"a\.json: damaged, {where} is"):
        jsonfile.read(tmp_path / "a.json", SHAPE)


def test_missing_fields_and_more_fields(tmp_path: Path) -> None:
    jsonfile.write(tmp_path / "a.json", {name: item for name, item in VALUE.items() if name != "name"})
    with pytest.raises(CheckpointError, match="name is missing"):
        jsonfile.read(tmp_path / "a.json", SHAPE)
    jsonfile.write(tmp_path / "a.json", VALUE)
    assert jsonfile.read(tmp_path / "a.json", SHAPE) == VALUE


def test_a_share_lies_between_0_and_1() -> None:
    assert [jsonfile.share(x) for x in (0, 0.5, 1, -0.1, 1.1, math.nan, "1", True, None)] == [True] * 3 + [False] * 6
