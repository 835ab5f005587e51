"""Cells compared: as many parameters for all, verdicts that follow the numbers, and one line for what cannot be."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nndl
from chapter6.__main__ import main
from chapter6.contents import SECTIONS
from chapter6.extras import cells_compared as lesson
from chapter6.extras import cells_findings as findings
from chapter6.extras.presets.cells import CELLS
from chapter6.lab.claim import FAILS, HOLDS, OPEN
from chapter6.lab.lesson import Run
from chapter6.lab.reach import reached
from chapter6.lab.record import Record
from nndl import plot
from nndl.dataset import DATA
from nndl.error import SettingError

import matplotlib.pyplot as plt
import paddle
import pytest
from reduced import run_section


def run_of(preset: str, **settings: Any) -> Run:
    entry = SECTIONS["cells"]
    chosen = replace(entry.presets[preset], **settings)
    return Run(entry, preset, chosen, seeds=2, jobs=1, device="cpu", out=Path("nowhere"), data_dir=DATA)


# --- models ---


@pytest.mark.parametrize("preset", CELLS)
def test_every_model_of_a_preset_has_nearly_as_many_parameters(preset: str) -> None:
    run = run_of(preset, cells=tuple(lesson.CELLS))
    for task, sizes in lesson.find_sizes(run).items():
        assert sizes.keys() == lesson.CELLS.keys()
        for name, D in sizes.items():
            model = lesson.TASKS[task].model(lesson.CELLS[name], run.settings.input_size, D)
            assert lesson.count(model) == pytest.approx(run.settings.parameters, rel=0.05)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("SRN", lambda D: 2 * D + D * D + D),
        ("GRU", lambda D: 3 * (2 * D + D * D) + 4 * D),
        ("LSTM", lambda D: 4 * (2 * D + D * D + D)),
        ("Jordan", lambda D: 2 * D + D * D + D + D * D + D),
        # of 4 groups, the slowest is seen by itself and by 3: 10 of the 16 blocks of U
        ("Clockwork", lambda D: 2 * D + D * D * 10 // 16 + D),
    ],
)
def test_the_parameters_are_those_of_the_equation(name: str, parameters: Callable[[int], int]) -> None:
    model = lesson.adding_model(lesson.CELLS[name], 8, 12)
    assert lesson.count(model) == parameters(12) + 12 + 1


@pytest.mark.parametrize("name", lesson.CELLS)
def test_each_task_takes_each_cell(name: str) -> None:
    ids = paddle.zeros([2, 23], "int64")
    inputs = {"DigitSum": ids, "adding": paddle.zeros([2, 23, 2]), "copying": ids}
    shapes = {"DigitSum": [2, 19], "adding": [2, 1], "copying": [2, 23, 10]}
    for task, X in inputs.items():
        assert list(lesson.TASKS[task].model(lesson.CELLS[name], 4, 8)(X).shape) == shapes[task]


def test_a_mask_stays_out_of_the_gradient_as_out_of_the_count() -> None:
    model = lesson.adding_model(lesson.CELLS["Clockwork"], 8, 8)
    model(paddle.randn([3, 9, 2])).sum().backward()
    (U,) = [p for name, p in model.named_parameters() if name.endswith("U")]
    assert int((U.grad == 0).sum()) >= 8 * 8 * 6 // 16
    assert int((U.grad != 0).sum()) <= 8 * 8 * 10 // 16


def test_a_cell_of_ones_own_leaves_the_trainings_of_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def names() -> dict[str, str]:
        run, cells = run_of("quick", tasks=("adding",), adding_lengths=(5,)), lesson.CELLS
        chosen = [lesson.trainings(run, "adding", name, cell, 8) for name, cell in cells.items()]
        return {name: training.folder_name for name, (training, *_) in zip(cells, chosen, strict=True)}

    before = names()
    monkeypatch.setitem(lesson.CELLS, "Own", nndl.SRNCell)
    after = names()
    assert {name: after[name] for name in before} == before
    # the cell's code is a part of the name
    assert len({name[-8:] for name in after.values()}) == len(after)


@pytest.mark.parametrize("number", ["slots", "language", "translation", "ctc"])
def test_another_cell_in_the_table_is_other_code_for_no_other_lesson(number: str) -> None:
    """What a lesson trains is handed its cell, see ``make`` of Training: it must not reach the table."""
    train = import_module(SECTIONS[number].module).train
    assert "chapter6.extras.cells_compared.CELLS" not in reached(train)


@pytest.mark.parametrize("number", ["slots", "language", "translation", "addition", "autoencoder", "ctc"])
def test_a_name_without_a_class_is_said_before_anything_is_trained(
    number: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delitem(lesson.CELLS, "Clockwork")
    settings = replace(SECTIONS[number].presets["quick"], cell="Clockwork")
    with pytest.raises(SettingError, match="cell 'Clockwork': its class is missing"):
        import_module(SECTIONS[number].module).check_data(SimpleNamespace(settings=settings, data_dir=tmp_path))


# --- refused ---


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--cells", "SRN,Elmo"], "cells 'Elmo': expected SRN, Jordan, "),
        (["--cells", "SRN,SRN"], "cells SRN, SRN: expected each once"),
        (["--tasks", "sorting"], "tasks 'sorting': expected DigitSum, adding, copying"),
        (["--lengths", "5,2"], "lengths 2: expected a whole number from 3 to 10,000"),
        (["--adding-lengths", "2"], "adding_lengths 2: expected a whole number from 3 to 10,000"),
        (["--copying-lengths", "2"], "copying_lengths 2: expected a whole number from 3 to 10,000"),
        (["--parameters", "10"], "parameters 10: expected a number that SRN comes within 5% of on DigitSum"),
        (["--parameters", "300", "--tasks", "adding"], "parameters 300: expected a number that SCRN comes within"),
        (["--examples", "20"], "examples 20: expected at least one batch, 32"),
        (["--cells", "BatchNormSRN", "--batch-size", "23"], "batch_size 23: expected one that leaves no batch of one"),
    ],
)
def test_refused_in_one_line_before_anything_is_trained(
    arguments: list[str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["run", "cells", *arguments, "--out", str(tmp_path)])
    assert exit_.value.code == 2
    assert line in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.iterdir())


# --- verdicts ---


def judged(errors: dict[str, list[float | None]], **settings: Any) -> dict[str, Any]:
    """The claims, by name, where these are each cell's test errors, one a seed, at T = 10 and 20 of adding."""
    trainings = [
        {"model": name, "task": "adding", "length": T, "seed": seed, "test_error": error, "trivial": 1 / 6}
        for name, of_seeds in errors.items()
        for T in (10, 20)
        for seed, error in enumerate(of_seeds)
    ]
    known = {"adding_lengths": [10, 20], "tasks": ["adding"], "cells": list(errors)}
    record = Record("cells", "quick", known | settings, [0, 1, 2], 0.0, {}, {"trainings": trainings})
    return {claim.id: claim for claim in findings.claims(record)}


LOW, MIDDLE, HIGH = [0.001, 0.002, 0.003], [0.05, 0.06, 0.055], [0.15, 0.151, 0.149]


def test_the_lower_error_is_the_better_one() -> None:
    claims = judged({"SRN": MIDDLE, "Jordan": LOW, "ResidualSRN": HIGH, "IRNN": MIDDLE})
    assert (claims["jordan_better"].verdict, claims["residual_helps"].verdict) == (HOLDS, FAILS)
    assert claims["irnn_helps"].verdict == OPEN
    assert "Jordan 0.01 ± 0.01 (adding 0.01); SRN 0.33 ± 0.03 (adding 0.33)" in claims["jordan_better"].measured.en


def test_what_was_not_compared_is_not_decided() -> None:
    claims = judged({"SRN": MIDDLE, "LSTM": LOW})
    assert {claim.verdict for claim in claims.values()} == {OPEN}
    assert all("not compared here" in claim.measured.en for claim in claims.values())


def test_adding_is_solved_by_both_and_not_by_the_srn() -> None:
    def verdict(srn: list, gru: list, lstm: list) -> str:
        return judged({"SRN": srn, "GRU": gru, "LSTM": lstm})["adding_solved"].verdict

    assert verdict(HIGH, LOW, LOW) == HOLDS
    assert verdict(HIGH, LOW, MIDDLE) == FAILS
    assert verdict(LOW, LOW, LOW) == FAILS


def test_as_good_leaves_a_margin() -> None:
    close = [error + 0.03 / 6 for error in LOW]  # .03 of the trivial answer's
    assert judged({"LSTM": LOW, findings.SMALL_GRU: close})["gru_as_good"].verdict == HOLDS
    assert judged({"LSTM": LOW, findings.SMALL_GRU: MIDDLE})["gru_as_good"].verdict == FAILS


def test_worse_than_the_trivial_answer_and_diverged_at_once_are_nothing_learned() -> None:
    for error in (None, 3.0, 1 / 6):
        assert findings.relative({"test_error": error, "trivial": 1 / 6}) == 1.0
    assert findings.relative({"test_error": 1 / 12, "trivial": 1 / 6}) == 0.5


def test_long_dependencies_are_those_of_the_longest_length() -> None:
    results = [
        {"model": name, "task": "adding", "length": T, "seed": seed, "test_error": error, "trivial": 1.0}
        for name, errors in {"SRN": (0.1, 0.9), "SCRN": (0.8, 0.4)}.items()
        for T, error in zip((10, 20), errors, strict=True)
        for seed in (0, 1)
    ]
    settings = {"adding_lengths": [10, 20], "tasks": ["adding"], "cells": ["SRN", "SCRN"]}
    record = Record("cells", "quick", settings, [0, 1], 0.0, {}, {"trainings": results})
    (claim,) = [claim for claim in findings.claims(record) if claim.id == "scrn_helps"]
    assert claim.evidence == [[0.5, 0.5]]


# --- end to end ---


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    run_section("cells", out)
    return out


def test_a_run_leaves_errors_of_every_cell_and_length(out: Path) -> None:
    record = json.loads((out / "cells" / "quick" / "record.json").read_text(encoding="utf-8"))
    found = {(r["model"], r["task"], r["length"], r["seed"]) for r in record["metrics"]["trainings"]}
    cells, lengths = ("SRN", "BatchNormSRN", "GRU", "LSTM", "SmallGRU"), {"DigitSum": 5, "adding": 4, "copying": 3}
    assert found == {(name, *pair, seed) for name in cells for pair in lengths.items() for seed in (0, 1)}
    for result in record["metrics"]["trainings"]:
        assert result["test_error"] >= 0
        assert result["parameters"] <= 1.05 * 1500


def test_a_second_run_trains_nothing_and_an_added_cell_only_that(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_section("cells", out, "--cells", "SRN,BatchNormSRN,GRU,LSTM,IRNN")
    trained = re.findall(r"^\[cells\] (\w+)-\w+-L\d+-seed\d: ", capsys.readouterr().out, flags=re.MULTILINE)
    assert trained == ["IRNN"] * 6


def test_many_cells_are_spread_over_figures_with_the_srn_in_each() -> None:
    cells = ["SRN", *(f"cell {n}" for n in range(12))]
    trainings = [
        {"model": name, "task": "adding", "length": T, "seed": 0, "test_error": 0.1, "trivial": 1 / 6}
        for name in cells
        for T in (10, 20)
    ]
    settings = {"adding_lengths": [10, 20], "tasks": ["adding"], "cells": cells}
    with plot.style():
        drawings = findings.figures(Record("cells", "full", settings, [0], 0.0, {}, {"trainings": trainings}))
    labels = [drawing.figure.axes[0].get_legend_handles_labels()[1] for drawing in drawings.values()]
    assert list(drawings) == ["cells_1", "cells_2", "cells_3"]
    assert all("SRN" in of_one and len(of_one) == 6 for of_one in labels)  # with the trivial answer
    assert {label for of_one in labels for label in of_one} >= set(cells)
    plt.close("all")


def test_a_table_explains_the_small_gru_only_where_it_has_one() -> None:
    notes = []
    for cells in (["SRN", "GRU"], ["GRU", "LSTM", findings.SMALL_GRU]):
        sizes = {"hidden_size": 8, "parameters": 500, "seconds": 1.0, "test_error": 0.1, "trivial": 1 / 6}
        trainings = [{"model": name, "task": "adding", "length": 10, "seed": 0, **sizes} for name in cells]
        settings = {"tasks": ["adding"], "cells": cells, "parameters": 500}
        (table,) = findings.tables(Record("cells", "quick", settings, [0], 0.0, {}, {"trainings": trainings}))
        notes.append(table.note)
    assert [[findings.SMALL_GRU in text for text in note] for note in notes] == [[False, False], [True, True]]
