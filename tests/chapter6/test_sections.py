"""Every section end to end on reduced settings: record, figures, report, and what is reused."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from chapter6.__main__ import main
from chapter6.contents import SECTIONS
from chapter6.lab import record as records
from chapter6.lab import report, terminal
from chapter6.lab.claim import CHINESE, FAILS
from chapter6.lab.lesson import Lesson
from chapter6.lab.record import Record
from chapter6.sec_6_2_findings import SPLITS
from nndl import plot

import matplotlib.image
import matplotlib.pyplot as plt
import pytest
from reduced import REDUCED, run_section, without_times

FIGURES = {"6.2": {"6.6", "6.7"}, "6.4": {"6.8", "6.9", "strategies"}, "6.5": {"6.11", "6.12", "6.13"}}
FIGURES["6.3"] = {"unrolled", "hidden", "losses", "answer"}
FIGURES["6.6"] = {"two_units", "edge"}
FIGURES["6.8"] = {"steps", "size", "memory"}
FIGURES["by_hand"] = {"lstm", "starts"}
FIGURES["addition"] = {"sums", "positions"}
FIGURES["autoencoder"] = {"codes"}
FIGURES["cells"] = {"cells"}
FIGURES["ctc"] = {"alignments", "spikes", "learning"}
FIGURES["gradients"] = {
    "powers",
    "surface",
    "distance",
    "scaled",
    "remedies",
    "truncation",
    "saturation",
    "activations",
}
FIGURES["6.1"] = {"shapes", "slots", "sentences", "losses"}
FIGURES["slots"] = {"f1", "sentence", "apart"}
FIGURES["language"] = {"curves", "bars", "characters"}
FIGURES["audit"] = {"quoted"}
FIGURES["translation"] = {"steps", "attention"}
CLAIMS = {
    "6.1": {
        "one_hot", "shared_weights", "unrolled", "same_answer", "told_apart", "at_chance", "above_chance", "longer",
        "mode_class", "mode_synchronous", "mode_asynchronous",
    },
    "6.2": {"example", "parity", "speed", "training_loss", "dev_loss", "accuracy_falls"},
    "6.3": {
        "lookup", "steps", "derivation", "cross_entropy", "parameters", "gradients", "update", "loss_falls",
    },
    "6.4": {
        "explosion", "saturation", "learning_stops", "clipped_alive", "clipped_accuracy", "gentle_accuracy",
    },
    "6.5": {
        "example", "parity", "speed", "lstm_better", "lstm_better_on_average", "accuracy_falls", "gates_zeros",
        "forget_gate",
    },
    "6.6": {
        "parameters", "steps", "states", "order", "two_units", "direct_edge", "srn_chain", "untrained_forgets",
        "open_gates", "training_opens",
    },
    "6.8": {"parity", "paddle_faster", "same_accuracy", "trains_faster", "native_faster", "memory"},
    "addition": {"characters_flatter", "exposure_bias", "sigmoid_helps", "free_is_worse"},
    "audit": {
        "adding", "addition", "perplexity", "bleu", "last_output", "clipping", "padding", "both_ways", "explodes",
    },
    "autoencoder": {"rebuilds", "twins_differ", "code_tells", "training_tells"},
    "by_hand": {
        "add_only", "order", "gates", "rule", "one_product", "one_hot", "bptt", "start_matters", "random_helps",
        "fixed_helps", "learned_helps", "forgets",
    },
    "cells": {
        "jordan_better", "residual_helps", "gru_as_good", "clockwork_helps", "scrn_helps", "irnn_helps",
        "adding_solved",
    },
    "language": {
        "beats_3_grams", "beats_5_grams", "by_heart", "turns_up", "carried", "embedding", "gates", "depth",
        "greedy_loops", "speed",
    },
    "ctc": {
        "alignments", "best_path", "is_read", "beam_helps", "spikes", "forward_worse", "forward_later", "left_out",
    },
    "gradients": {
        "powers", "powers_derivative", "powers_rate", "powers_plain", "wall", "thrown", "comes_back", "small_vanishes",
        "scaled_keeps", "relu_cures", "irnn_cures", "forget_bias", "open_gate", "lstm_explodes", "zeros_alike",
        "remedy_relu", "remedy_sigmoid", "remedy_zeros", "remedy_small", "remedy_regularisation",
        "remedy_decay_forgets", "remedy_batch_norm", "remedy_residual", "remedy_residual_best", "remedy_clipping",
        "remedy_clipping_value", "clip_direction", "remedy_LSTM", "remedy_GRU", "truncation", "saturated",
        "clipped_unsaturated",
    },
    "slots": {
        "forgetful", "window", "jordan", "deep", "both_ways", "both_ways_lstm", "lstm", "gru", "both", "unknown",
    },
    "translation": {
        "learned_additive", "learned_dot", "attention_helps", "as_good", "beam", "at_once", "looks", "teacher_forcing",
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_figures_of_other_tests() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of all sections, run once."""
    out = tmp_path_factory.mktemp("runs")
    for number in REDUCED:
        run_section(number, out)
    return out


def record_of(out: Path, number: str) -> Record:
    return records.load(out / number / "quick" / "record.json")


@pytest.mark.parametrize("number", REDUCED)
def test_record(out: Path, number: str) -> None:
    record = record_of(out, number)
    assert (record.section, record.preset, record.seeds) == (number, "quick", [0, 1])
    assert record.seconds > 0
    assert {"versions", "device", "threads", "processor"} <= set(record.environment)
    assert {claim["id"] for claim in record.claims} == CLAIMS[number]
    assert all(claim["verdict"] in CHINESE and claim["measured"] for claim in record.claims)


@pytest.mark.parametrize("number", REDUCED)
def test_figures_are_there_and_not_blank(out: Path, number: str) -> None:
    folder = out / number / "quick" / "figures"
    assert {path.stem for path in folder.iterdir()} == FIGURES[number]
    for name in FIGURES[number]:
        assert matplotlib.image.imread(folder / f"{name}.png")[..., :3].std() > 0.01
        assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("number", REDUCED)
def test_report_shows_figures_and_verdicts(out: Path, number: str) -> None:
    report = (out / number / "quick" / "report.md").read_text(encoding="utf-8")
    assert SECTIONS[number].title.zh in report
    for name in FIGURES[number]:
        assert f"](figures/{name}.png)" in report
    for claim in record_of(out, number).claims:
        assert claim["claim"].replace("|", "\\|") in report
        assert f"**{claim['verdict']}** {CHINESE[claim['verdict']]}" in report


def test_report_says_what_differs_from_preset_and_book(out: Path) -> None:
    report = (out / "6.2" / "quick" / "report.md").read_text(encoding="utf-8")
    assert "Changed from preset `quick`: lengths = 5, 10 (5, 10, 15), epochs = 3 (300)" in report
    assert "epochs = 3 (500), batch_size = 100 (8), learning_rate = 0.005 (0.001)" in report


def test_one_seed_says_why_nothing_is_decided(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_section("6.4", tmp_path, "--seeds", 1)
    said = capsys.readouterr().out
    assert "One seed decides nothing" in said
    assert "? not decided" in said


@pytest.mark.parametrize("number", REDUCED)
def test_figures_and_claims_come_from_the_record_alone(out: Path, number: str) -> None:
    """A record read back, with the models gone, gives the same figures and claims."""
    record = record_of(out, number)
    lesson: Lesson = import_module(SECTIONS[number].module).LESSON
    assert [claim.plain() for claim in lesson.claims(record)] == record.claims
    assert set(lesson.figures(record)) == FIGURES[number]


@pytest.mark.parametrize("number", REDUCED)
def test_no_text_lies_on_what_is_drawn(out: Path, number: str) -> None:
    lesson: Lesson = import_module(SECTIONS[number].module).LESSON
    with plot.style():
        drawings = lesson.figures(record_of(out, number))
    for drawing in drawings.values():
        drawing.figure.canvas.draw()
        for axes in drawing.figure.axes:
            if not axes.axison:  # a drawing that is made of boxes with texts, such as the words of a sentence
                continue
            assert not [text for text in axes.texts if text.get_window_extent().overlaps(axes.bbox)]


@pytest.mark.parametrize("number", REDUCED)
def test_train_dev_and_test_look_alike_in_all_figures(out: Path, number: str) -> None:
    lesson: Lesson = import_module(SECTIONS[number].module).LESSON
    looks = {plot.both(*SPLITS[split]): look["color"] for split, look in plot.SPLITS.items()}
    for drawing in lesson.figures(record_of(out, number)).values():
        for axes in drawing.figure.axes:
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
                line = handle[0] if isinstance(handle, tuple) else handle
                assert line.get_color() == looks.get(label, line.get_color())


@pytest.mark.parametrize("number", ["6.2", "6.5"])
def test_own_layers_agree_with_paddles(out: Path, number: str) -> None:
    for dtype, bound in (("float32", 1e-5), ("float64", 1e-10)):
        differences = record_of(out, number).metrics["parity"][dtype]
        assert len([name for name in differences if name.startswith("gradient")]) == 1 + 4 * 2 * 2
        assert max(differences.values()) <= bound


def test_gates_lie_in_their_range(out: Path) -> None:
    for watched in record_of(out, "6.5").metrics["gates"]:
        assert watched["length"] == 10  # nearest to the 8 digits
        assert 0 <= watched["prediction"] <= 18
        for gate in ("input_gate", "forget_gate", "output_gate"):
            assert (len(watched[gate]), len(watched[gate][0])) == (8, 32)
            assert all(0 < value < 1 for step in watched[gate] for value in step)


def test_lstm_section_reuses_the_srn_results(out: Path) -> None:
    folders = {r["model"]: r["folder"] for r in record_of(out, "6.5").metrics["trainings"]}
    assert folders["SRN"].startswith(str(out / "6.2"))
    assert folders["LSTM"].startswith(str(out / "6.5"))


@pytest.mark.parametrize("number", REDUCED)
def test_the_terminal_shows_one_language(number: str, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record, entry = record_of(out, number), SECTIONS[number]
    lesson: Lesson = import_module(entry.module).LESSON
    said = {}
    for language in ("en", "zh"):
        terminal.begin(language)
        terminal.show(record, report.notes(entry, record), lesson.tables(record))
        said[language] = capsys.readouterr().out
    assert not re.search("[\u3000-\u9fff\uff00-\uffef]", said["en"])
    assert all(table.title.zh in said["zh"] for table in lesson.tables(record))
    assert said["zh"].count("✓ 成立") == said["en"].count("✓ holds")
    chinese = "".join(said["zh"].split())
    assert not any("".join(claim["claim"].split()) in chinese for claim in record.claims)


def test_results_do_not_depend_on_jobs_and_start_anew_elsewhere(out: Path, tmp_path: Path) -> None:
    again = run_section("6.2", tmp_path, "--jobs", 1)
    assert without_times(again["metrics"]) == without_times(record_of(out, "6.2").metrics)


def test_finished_trainings_are_reused_and_other_settings_said(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(out / "6.2", tmp_path / "6.2")
    capsys.readouterr()
    run_section("6.2", tmp_path)
    assert "4 of 4 trainings are done already" in capsys.readouterr().out
    run_section("6.2", tmp_path, "--hidden-size", 16)
    output = capsys.readouterr().out
    assert "replaces the report of an earlier run with other settings (hidden_size)" in output
    assert "done already" not in output
    assert len(list((tmp_path / "6.2" / "quick" / "checkpoints").iterdir())) == 8


@pytest.mark.parametrize("damage", ["truncate", "flip", "other model", "remove", "result", "other result"])
def test_damaged_models_are_named_and_a_lost_one_is_trained_again(
    damage: str, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Section 6.5 looks into a trained model; nothing is lost when the file is not what it should be.

    One training is missing as well: what is damaged is said before it starts.
    """
    shutil.copytree(out, tmp_path, dirs_exist_ok=True)
    checkpoints = tmp_path / "6.5" / "quick" / "checkpoints"
    shutil.rmtree(next(checkpoints.glob("LSTM-L5-seed0-*")))
    model = next(checkpoints.glob("LSTM-L10-seed0-*")) / "best.pdparams"
    if damage == "truncate":
        model.write_bytes(model.read_bytes()[:-100])
    elif damage == "flip":
        model.write_bytes(model.read_bytes()[:-900] + bytes([model.read_bytes()[-900] ^ 4]) + model.read_bytes()[-899:])
    elif damage == "other result":
        other = next(checkpoints.glob("LSTM-L10-seed1-*"))
        shutil.copytree(other, model.parent, dirs_exist_ok=True)
    elif damage == "other model":
        other = next((tmp_path / "6.2" / "quick" / "checkpoints").glob("SRN-L10-seed0-*")) / "best.pdparams"
        shutil.copyfile(other, model)
    elif damage == "result":
        model.with_name("result.json").write_text("{")
    else:
        model.unlink()
    capsys.readouterr()
    arguments = ["run", "6.5", *REDUCED["6.5"], "--seeds", "2", "--out", str(tmp_path)]
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    captured = capsys.readouterr()
    if damage == "remove":
        assert exit_.value.code == 0
        assert "2 of 8 trainings are done already" in captured.out
        assert "4 of 8 trainings are taken from 6.2" in captured.out
        return
    assert exit_.value.code == 2
    named = model.with_name("result.json") if "result" in damage else model
    assert [str(named) in line for line in captured.err.splitlines()] == [True]
    assert "remove its folder" in captured.err
    assert "test 0." not in captured.out  # found before anything was trained


def test_divergence_is_a_result_not_an_error(tmp_path: Path) -> None:
    record = run_section("6.4", tmp_path, "--learning-rate", "1e38", "--seeds", 2)
    free = [r for r in record["metrics"]["book"] if r["clip"] == "none"]
    assert free
    assert all("at step" in result["diverged"] for result in free)
    verdicts = {claim["id"]: claim["verdict"] for claim in record["claims"]}
    assert verdicts["clipped_alive"] == FAILS
    record_file = tmp_path / "6.4" / "quick" / "record.json"
    assert not {"NaN", "Infinity"} & set(re.findall(r"\w+", record_file.read_text(encoding="utf-8")))


def test_divergence_of_a_memory_experiment_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["run", "6.2", *REDUCED["6.2"], "--learning-rate", "1e38", "--seeds", "1", "--out", str(tmp_path)])
    assert exit_.value.code == 2
    assert "SRN-L10-seed0: the training loss became" in capsys.readouterr().err


def test_missing_data_are_made_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_section("6.2", tmp_path / "runs", data_dir=tmp_path / "data")
    output = capsys.readouterr().out
    for length in (5, 10):
        assert f"[6.2] the data of length {length} are made" in output


def test_section_runs_as_a_script_from_anywhere(tmp_path: Path) -> None:
    script = Path(main.__code__.co_filename).with_name("sec_6_4_gradient_explosion.py")
    arguments = [*REDUCED["6.4"], "--seeds", "1", "--out", "here"]
    subprocess.run([sys.executable, str(script), *arguments], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "here" / "6.4" / "quick" / "report.md").exists()
