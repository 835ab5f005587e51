"""Labels for reviews, from every kind of input, and a model folder that is not what it should be."""

import io
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

import nndl  # noqa: F401, before Paddle
from chapter6 import text_experiment
from chapter6.__main__ import main
from chapter6.predict import AT_ONCE, Predictor, find_model
from chapter6.section import Record
from nndl import jsonfile

SETTINGS = text_experiment.TextSettings(
    backend="onednn",
    train_reviews=200,
    dev_reviews=40,
    batch_size=20,
    epochs=1,
    input_size=6,
    hidden_size=5,
    max_seq_len=30,
    eval_steps=5,
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "model"
    text_experiment.train(text_experiment.Training(SETTINGS, "small", 1, 0, folder), folder)
    return folder


def predict(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> tuple[list[str], str]:
    """The lines of the answer, and what was said beside it."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as exit_:
        main(["predict", *map(str, arguments)])
    captured = capsys.readouterr()
    assert exit_.value.code == code, captured.err
    return captured.out.splitlines(), captured.err


REVIEWS = [
    "The plot was not bad at all.",
    "great",
    "boring " * 300,
    "the music was dull, yet I found the cast quite fresh",
]


def test_arguments_file_and_standard_input_agree(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from_arguments, said = predict(capsys, "--model", model, *REVIEWS)
    assert "the small synthetic corpus" in said
    for line in from_arguments:
        label, probability = line.split("\t")
        assert label in ("negative", "positive")
        assert 0.5 <= float(probability) <= 1
    for i, end in enumerate(["\n", "\r\n"]):
        file = tmp_path / f"reviews{i}.txt"
        file.write_text(end.join(REVIEWS), encoding="utf-8", newline="")
        assert predict(capsys, "--model", model, "--file", file)[0] == from_arguments
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("\n".join(REVIEWS).encode())))
    assert predict(capsys, "--model", model)[0] == from_arguments


def test_answers_come_in_order_and_are_those_of_each_alone(model: Path) -> None:
    predictor = Predictor(model)
    texts = [f"the plot was {'not ' * (i % 3)}great {'and so on ' * (i % 7)}" for i in range(AT_ONCE // 2)]
    together = predictor(texts)
    for text, (label, probability) in list(zip(texts, together, strict=True))[::17]:
        [(same, alone)] = predictor([text])
        assert (label, probability) == (same, pytest.approx(alone, abs=1e-5))


def test_odd_lines(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "reviews.txt"
    file.write_bytes(b"good film\n\n   \ncaf\xe9 bad\n" + b"great " * 200_000 + b"\nzzz")
    lines, said = predict(capsys, "--model", model, "--file", file)
    assert [line == "-\t-" for line in lines] == [False, True, True, False, False, False]
    assert "2 review(s) without any word" in said
    assert "1 review(s) with bytes that are not UTF-8" in said
    file.write_bytes(b"")
    assert predict(capsys, "--model", model, "--file", file)[0] == []


def test_more_lines_than_are_read_at_once(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "reviews.txt"
    file.write_text("good\nbad plot\n" * AT_ONCE)
    lines, _ = predict(capsys, "--model", model, "--file", file)
    assert lines == lines[:2] * AT_ONCE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([" "], "empty review"),
        (["--file", "nowhere.txt"], "nowhere.txt: no such file"),
        (["--file", "."], "a folder"),
        (["good", "--file", "x.txt"], "not both"),
    ],
)
def test_bad_input(arguments: list[str], said: str, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in predict(capsys, "--model", model, *arguments, code=2)[1].splitlines()[-1]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-50])


def change_result(path: Path, **changes: object) -> None:
    jsonfile.write(path, jsonfile.read(path) | changes)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("best.pdparams", Path.unlink),
        ("best.pdparams", truncate),
        ("vocabulary.txt", Path.unlink),
        ("vocabulary.txt", lambda path: path.write_text(path.read_text().replace("\ngreat\t", "\ngrand\t"))),
        ("result.json", Path.unlink),
        ("result.json", truncate),
        ("result.json", lambda path: change_result(path, tokenizer="jieba")),
        ("result.json", lambda path: change_result(path, hidden_size="five")),
        ("best.pdparams", lambda path: change_result(path.with_name("result.json"), hidden_size=7)),
    ],
)
def test_damaged_model(name, damage, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(model, tmp_path / "model")
    damage(tmp_path / "model" / name)
    lines, said = predict(capsys, "--model", tmp_path / "model", "good", code=2)
    assert lines == []
    [line] = [line for line in said.splitlines() if line.startswith("chapter6:")]
    assert str(tmp_path / "model" / name) in line


def test_the_best_preset_and_seed_serve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "run 6.7" in predict(capsys, "--out", tmp_path, "good", code=2)[1]
    for preset in ("quick", "book", "best"):
        folder = tmp_path / "6.7" / preset
        folder.mkdir(parents=True)
        trainings = [{"dev_accuracy": 0.8 + 0.1 * (n == 1), "folder": f"/gone/{preset}{n}"} for n in range(3)]
        record = Record("6.7", preset, {}, [0, 1, 2], 1.0, {}, {"trainings": trainings})
        jsonfile.write(folder / "record.json", asdict(record))
        assert find_model(tmp_path) == folder / "checkpoints" / f"{preset}1"
    (folder / "record.json").write_text("{")
    assert "record.json: damaged" in predict(capsys, "--out", tmp_path, "good", code=2)[1]


def test_data_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["data", "imdb", "--from", str(tmp_path / "nowhere"), "--data-dir", str(tmp_path)])
    assert exit_.value.code == 2
    assert "no such file or folder" in capsys.readouterr().err
