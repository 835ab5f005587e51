"""Slot filling: the table of models, what is judged and by what, and answers to a reader's own sentences."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import nndl
from chapter6.__main__ import main
from chapter6.contents import SECTIONS
from chapter6.extras import slot_filling, slot_findings, slot_inspection
from chapter6.extras.presets.slots import EVERY_MODEL, SLOTS, Slots
from chapter6.extras.slot_filling import MODELS, evaluate
from chapter6.lab.lesson import Run
from chapter6.lab.training import train_one
from nndl import jsonfile
from nndl.dataset import flights
from nndl.dataset.text import Vocabulary
from nndl.error import SettingError
from nndl.file import check_sum

import numpy as np
import pytest

SMALL = replace(SLOTS["quick"], epochs=2, batch_size=32, input_size=8, hidden_size=8)


def train(folder: Path, corpus: str, name: str) -> Path:
    run = Run(SECTIONS["slots"], "quick", replace(SMALL, corpus=corpus), 1, 1, "cpu", folder, folder)
    train_one(slot_filling.training_of(run, name, MODELS[name], 0), folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("trained") / "model", "flights", "BiElman")


def predict(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> tuple[list[str], str]:
    """The lines of the answer, and what was said beside it."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as exit_:
        main(["predict", "--task", "slots", *map(str, arguments)])
    captured = capsys.readouterr()
    assert exit_.value.code == code, captured.err
    return captured.out.splitlines(), captured.err


# --- models and scores ---


def test_every_model_of_the_settings_has_a_line() -> None:
    assert tuple(MODELS) == EVERY_MODEL
    for name, (_, window, direction, _) in MODELS.items():
        assert name.startswith("Bi") is (direction == "bidirectional")
        assert name.endswith(f"-{window}") is (window > 1)


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_every_model_tags(name: str) -> None:
    import paddle

    settings = type("Settings", (), {**vars(SMALL), **MODELS[name]._asdict()})
    model = slot_filling.make_model(settings, slot_filling.layer_of(MODELS[name].cell), 30, 7)
    ids = paddle.to_tensor([[3, 4, 5], [6, 7, 0]])
    assert list(model((ids, paddle.to_tensor([3, 2]))).shape) == [2, 3, 7]


def test_a_cell_without_a_class() -> None:
    with pytest.raises(SettingError, match="its class is missing"):
        slot_filling.layer_of("MyCell")


def test_evaluate_by_hand() -> None:
    names = ["[PAD]", "O", "B-from_city", "B-to_city", "I-to_city"]
    true = [np.array([1, 2, 1]), np.array([3, 4, 2, 1])]
    found = evaluate([np.array([1, 3, 1]), np.array([3, 4, 1, 1])], [(tags, tags) for tags in true], names)
    # an origin is taken for a destination, one is not found, the destination is right
    assert found["roles"] == [[0, 1, 1], [0, 1, 0]]
    assert found["counts"] == [[0, 1, 1], [1, 1, 2]]
    assert found["test_f1"] == pytest.approx(2 * 1 / (2 + 3))
    assert found["token_accuracy"] == pytest.approx(5 / 7)


def test_interval_is_that_of_a_binomial() -> None:
    """Sentences of one slot, found or not: F1 is a share, whose interval the normal distribution gives."""
    S, share = 900, 0.9
    right = np.zeros((S, 3), dtype=int)
    right[:, 1:] = 1
    right[: int(share * S), 0] = 1
    difference, low, high = slot_findings.interval(right, np.ones((S, 3), dtype=int))
    half = 196 * (share * (1 - share) / S) ** 0.5
    assert difference == pytest.approx(-10)
    assert (high - low) / 2 == pytest.approx(half, rel=0.06)


def test_a_model_is_not_told_apart_from_itself() -> None:
    counts = np.random.default_rng(0).integers(0, 4, size=(50, 3))
    assert slot_findings.interval(counts, counts) == (0, 0, 0)


def test_the_most_telling_sentence() -> None:
    true = [np.ones(n, dtype=int) for n in (3, 8, 8)]
    wrong = [np.zeros_like(tags) for tags in true]
    tagged = {"a": true, "b": [wrong[0], true[1], wrong[2]]}  # the short one would tell as much as the last
    test = [(tags, tags) for tags in true]
    assert slot_inspection.most_telling(tagged, test, ["[PAD]", "O", "B-city", "I-city"]) == [2, 1, 0]
    # where it has more kinds of slot than there are colours, another comes first
    crowded = np.arange(8)
    tagged["a"], test[2] = [*true[:2], crowded], (crowded, crowded)
    assert slot_inspection.most_telling(tagged, test, [f"B-kind{i}" for i in range(8)])[0] == 1


# --- a reader's own sentences ---


def test_read() -> None:
    vocabulary = Vocabulary.of({"leave": 2, "st.": 2, "taipei": 2, "0:00": 1})
    words = slot_inspection.read("Leave St. Taipei, 5:30!  ?", "flights", vocabulary)
    assert words == ["Leave", "St.", "Taipei", "5:30"]
    assert slot_inspection.read("离开 台北。", "flights_zh", vocabulary) == [*"离开台北"]


def test_answers(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["Leave Taipei, on November 2nd", "fly to Atlantis", "?"]
    lines, said = predict(capsys, "--model", model, *given)
    assert "[" in lines[0]
    bare = [line.translate({ord("["): None, ord("]"): None}) for line in lines]
    words = [word for word in bare[0].split() if not word.endswith(":")]
    assert words == ["Leave", "Taipei", "on", "November", "2nd"]
    assert lines[2] == "-"
    assert "unknown words, read as [UNK]: Atlantis" in said
    assert "--corpus flights_zh" not in said
    assert "--corpus flights_zh" in predict(capsys, "--model", model, "离开台北")[1]
    assert "模型：" in predict(capsys, "--model", model, "--lang", "zh", given[0])[1]
    assert "BiElman, trained on flights" in said
    file = tmp_path / "sentences.txt"
    file.write_text("\n".join(given))
    assert predict(capsys, "--model", model, "--file", file)[0] == lines


def test_chinese(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = train(tmp_path / "model", "flights_zh", "Elman")
    [line], _ = predict(capsys, "--model", folder, "离开台北")
    assert " " not in line.replace(": ", "")
    assert [*"离开台北"] == [character for character in line if character >= "\u4e00"]


def test_a_long_sentence(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [line], _ = predict(capsys, "--model", model, "leave taipei " * 2000)
    assert line.count("leave") == 2000


def test_no_model_and_no_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "run slots" in predict(capsys, "--out", tmp_path, "leave", code=2)[1]
    assert "sentence 1 is empty" in predict(capsys, " ", code=2)[1]


def change(path: Path, **changes: object) -> None:
    """With new check sums, as anyone can make them."""
    result = jsonfile.read(path.with_name("result.json")) | changes
    result["files"] = {name: check_sum(path.with_name(name)) for name in result["files"]}
    jsonfile.write(path.with_name("result.json"), result)


ABSURD = [
    {"hidden_size": 10**9},
    {"hidden_size": "8"},
    {"hidden_size": 16},
    {"input_size": None},
    {"window": 3},
    {"window": 10**9},
    {"num_layers": 10**6},
    {"direction": "up"},
    {"cell": "LSTM"},
    {"cell": ["SRN"]},
    {"model": "Elman"},
    {"model": {}},
    {"model": "MyModel"},
    {"corpus": "another"},
    {"corpus": None},
    {"tags": ["O"]},
    {"tags": None},
    {"tags": [1, 2]},
    {"dropout": 7},
    {"vocabulary": 7},
]


def spoil(path: Path) -> None:
    """A model that diverged."""
    held = nndl.checkpoint.load(path)
    next(iter(held.values()))[:] = np.nan
    nndl.checkpoint.save(held, path)
    change(path)


@pytest.mark.parametrize("damage", [Path.unlink, spoil, *(partial(change, **changes) for changes in ABSURD)])
def test_damaged_model(damage: Callable, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(model, tmp_path / "model")
    damage(tmp_path / "model" / "best.pdparams")
    lines, said = predict(capsys, "--model", tmp_path / "model", "leave", code=2)
    assert lines == []
    [line] = [line for line in said.splitlines() if line.startswith("chapter6:")]
    assert str(tmp_path / "model") in line


@pytest.mark.parametrize(("value", "said"), [(np.nan, "NaN or infinity in"), (None, "numbers or more")])
def test_a_model_that_diverged_or_is_too_large_for_its_file(
    value: float | None, said: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(model, tmp_path / "model")
    path = tmp_path / "model" / "best.pdparams"
    held = nndl.checkpoint.load(path)
    if value is not None:
        held["linear.bias"].fill(value)
    nndl.checkpoint.save(held, path)
    change(path, **({"input_size": 1024} if value is None else {}))
    lines, error = predict(capsys, "--model", tmp_path / "model", "leave", code=2)
    assert lines == []
    assert said in error


# --- the corpora ---


def test_a_corpus_that_is_not_prepared_is_said_before_anything_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["run", "slots", "--corpus", "atis", "--out", str(tmp_path / "runs"), "--data-dir", str(tmp_path)])
    assert exit_.value.code == 2
    assert "data atis" in capsys.readouterr().err
    assert not list(tmp_path.rglob("checkpoints"))


def test_what_the_data_command_prepared_is_trained_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tags that train lacks count as missed; they are no error."""
    lines = {"train": ("fly to oslo", "O O B-to"), "dev": ("fly to oslo", "O O B-to"), "test": ("go oslo", "O B-by")}
    for split, pair in lines.items():
        for kind, line in zip(("in", "out"), pair, strict=True):
            path = tmp_path / "own" / split / f"seq.{kind}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{line}\n" * 40)
    with pytest.raises(SystemExit) as exit_:
        main(["data", "snips", "--from", str(tmp_path / "own"), "--data-dir", str(tmp_path)])
    assert exit_.value.code == 0
    assert "not the official sentences" in capsys.readouterr().out
    run = Run(SECTIONS["slots"], "quick", replace(SMALL, corpus="snips"), 1, 1, "cpu", tmp_path, tmp_path)
    slot_filling.check_data(run)
    found = train_one(slot_filling.training_of(run, "Elman", MODELS["Elman"], 0), tmp_path / "trained")
    assert found["test_f1"] == 0
    assert np.sum(found["counts"], axis=0)[2] == 40


def test_the_sentences_of_the_notes_are_known() -> None:
    for corpus, language in flights.LANGUAGES.items():
        known = {word.lower() for words, _ in flights.load(corpus)["train"] for word in words}
        for text in slot_inspection.EXAMPLES[language.units]:
            words = flights.split_text(text.lower(), language.units)
            assert {word for word in words if not word[0].isdigit()} <= known


def test_settings_that_fill_the_memory() -> None:
    with pytest.raises(SettingError, match="numbers in a batch"):
        Slots(batch_size=10_000, hidden_size=1024)


def test_slots_of_characters_are_marked_without_blanks() -> None:
    assert slot_findings.marked([*"离开台北"], ["O", "O", "B-from_city", "I-from_city"], "") == "离开[from_city: 台北]"
