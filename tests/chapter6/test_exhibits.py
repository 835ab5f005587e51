"""The exhibits of the page: what the lessons hand over."""

import json
from pathlib import Path

from chapter6 import sec_6_5_exhibits
from chapter6.extras import language_exhibits, translation_exhibits
from chapter6.extras.language_writing import WAYS

import numpy as np
import pytest
from exhibit_records import OTHERS, D, M, gates, record_of


def test_gates_are_those_of_the_best_models(tmp_path: Path) -> None:
    [exhibit] = sec_6_5_exhibits.exhibits(gates(tmp_path))
    assert exhibit.kind == "gates"
    assert {exhibit.data[name]["seed"] for name in ("lstm", "srn")} == {1}
    assert np.shape(exhibit.data["check"]["cell_state"]) == (8, D)
    assert exhibit.data["lstm"]["parameters"] == 10 * M + 4 * D * (M + D + 1) + 19 * (D + 1)


def test_models_too_large_for_a_page_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sec_6_5_exhibits, "MOST_WEIGHTS", 100)
    assert sec_6_5_exhibits.exhibits(gates(tmp_path)) == []


@pytest.mark.parametrize("number", OTHERS)
def test_each_lesson_hands_over_its_exhibits(number: str) -> None:
    module, make, kinds = OTHERS[number]
    exhibits = module.exhibits(make())
    assert [each.kind for each in exhibits] == kinds
    for each in exhibits:
        json.dumps(each.data, allow_nan=False)
        assert all((*each.title, *each.caption))


def test_without_attention_there_is_no_map() -> None:
    assert translation_exhibits.exhibits(record_of("translation", {}, maps=[])) == []


def test_every_way_to_write_has_a_name() -> None:
    assert language_exhibits.NAMES.keys() == WAYS.keys()
