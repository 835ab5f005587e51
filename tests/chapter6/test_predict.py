"""Labels for reviews, from every kind of input, and a model folder that is not what it should be."""

import io
import shutil
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import nndl
from chapter6 import presets, sec_6_7_text_classification
from chapter6.__main__ import main
from chapter6.contents import SECTIONS
from chapter6.lab.lesson import Run
from chapter6.lab.predicting import find_model
from chapter6.lab.record import Record
from chapter6.lab.training import train_one
from chapter6.sec_6_7_predict import AT_ONCE, PRESETS, Predictor
from nndl import jsonfile
from nndl.dataset import imdb
from nndl.file import check_sum

import numpy as np
import pytest

SETTINGS = presets.TextSettings(
    backend="native",
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
    run = Run(SECTIONS["6.7"], "quick", SETTINGS, 1, 1, "cpu", folder, folder)
    train_one(sec_6_7_text_classification.training_of(run, SETTINGS, "small", 1, 0), folder)
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
    assert "words only; for real reviews: python -m chapter6 data imdb" in said
    for line in from_arguments:
        label, probability = line.split("\t")
        assert label in ("negative", "positive")
        assert 0.5 <= float(probability) <= 1
    for i, end in enumerate(["\n", "\r\n"]):
        file = tmp_path / f"reviews{i}.txt"
        file.write_text(end.join(REVIEWS), encoding="utf-8", newline="")
        assert predict(capsys, "--model", model, "--file", file)[0] == from_arguments
    give(monkeypatch, "\n".join(REVIEWS).encode())
    assert predict(capsys, "--model", model)[0] == from_arguments


def give(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """On the standard input."""
    stream = io.BufferedReader(io.BytesIO(content))  # type: ignore[arg-type]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(stream))


def test_whatever_an_editor_writes_gives_the_same_answers(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = predict(capsys, "--model", model, *REVIEWS)[0]
    text, file = "\r\n".join(REVIEWS), tmp_path / "reviews.txt"
    for content in (text.encode("utf-8-sig"), text.encode("utf-16"), ("\ufeff" + text).encode("gb18030")):
        file.write_bytes(content)
        assert predict(capsys, "--model", model, "--file", file)[0] == expected
        give(monkeypatch, content)
        assert predict(capsys, "--model", model)[0] == expected
    assert predict(capsys, "--model", model, *("\ufeff" + review for review in REVIEWS))[0] == expected


def test_answers_come_in_order_and_are_those_of_each_alone(model: Path) -> None:
    predictor = Predictor(model)
    texts = [f"the plot was {'not ' * (i % 3)}great {'and so on ' * (i % 7)}" for i in range(AT_ONCE // 2)]
    together = predictor(texts)
    for text, (label, probability) in list(zip(texts, together, strict=True))[::17]:
        [(same, alone)] = predictor([text])
        assert (label, probability) == (same, pytest.approx(alone, abs=1e-5))


def test_odd_lines(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "reviews.txt"
    odd = ["good film", "", "   ", "...!", "这部电影太好看了", "这部电影, 太好看了!", "zzz 10:30", "great " * 200_000]
    file.write_text("\n".join(odd), encoding="utf-8")
    lines, said = predict(capsys, "--model", model, "--file", file)
    without = {1: "-\t-", 2: "-\t-", 3: "-\t-", 4: "unknown\t-", 5: "unknown\t-", 6: "unknown\t-"}
    assert {i: line for i, line in enumerate(lines) if line.endswith("\t-")} == without
    assert "3 review(s) without any word" in said
    assert "3 review(s) of which the model knows no word" in said
    file.write_bytes(b"")
    assert predict(capsys, "--model", model, "--file", file)[0] == []


def test_what_is_unknown_is_what_the_model_sees(model: Path) -> None:
    """A known word behind the end of what is read of a review does not count."""
    predictor = Predictor(model)
    length = SETTINGS.max_seq_len
    labels = [predictor([f"{'未知 ' * n} great"])[0][0] for n in (0, length - 1, length)]
    assert labels == [labels[0], labels[1], "unknown"]
    assert set(labels[:2]) <= {"negative", "positive"}


def test_more_lines_than_are_read_at_once(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "reviews.txt"
    file.write_text("good\nbad plot\n" * AT_ONCE)
    lines, _ = predict(capsys, "--model", model, "--file", file)
    assert lines == lines[:2] * AT_ONCE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["good", " "], "review 2 is empty"),
        (["\ufeff"], "review 1 is empty"),
        (["bad \udc80 film"], "review 1, line 1: byte 0x80 at character 5 is no text"),
        (["good", "a\0b"], "review 2, line 1: holds a NUL"),
        (["--file", "nowhere.txt"], "nowhere.txt: no such file"),
        (["--file", "."], "a folder"),
        (["good", "--file", "x.txt"], "not both"),
    ],
)
def test_bad_input(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Found before a model is looked for."""
    lines = predict(capsys, "--model", "nowhere", *arguments, code=2)[1].splitlines()
    assert said in lines[-1]
    assert len(lines) == 1


def test_a_file_that_is_no_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "reviews.txt"
    for content, said in (
        (b"good film\n" * 1_000 + b"caf\xe9 bad\n", "line 1001: byte 0xe9 at character 4"),
        ("好电影".encode("gbk"), "line 1: byte 0xba at character 1"),
        ("good film".encode("utf-16-le"), "line 1: holds a NUL"),
        (b"good film\n" + bytes(100), "line 2: holds a NUL"),
    ):
        file.write_bytes(content)
        lines, error = predict(capsys, "--model", "nowhere", "--file", file, code=2)
        assert lines == []
        assert f"{file}, {said}" in error
        assert "UTF-8" in error
    monkeypatch.setattr("nndl.dataset.reading.MAX_LINE", 100)
    file.write_bytes(b"good\n" + b"great " * 20)
    assert "line 2: longer than 100" in predict(capsys, "--model", "nowhere", "--file", file, code=2)[1]
    for path in ("/dev/zero", "/dev/null"):
        if Path(path).exists():
            assert "a device or a pipe" in predict(capsys, "--model", "nowhere", "--file", path, code=2)[1]


def test_standard_input_that_is_no_text(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot be read twice: what came before is answered."""
    give(monkeypatch, b"good film\n" * AT_ONCE + b"bad \x80 film\n")
    lines, said = predict(capsys, "--model", model, code=2)
    assert len(lines) == AT_ONCE
    assert f"the standard input, line {AT_ONCE + 1}: byte 0x80" in said


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-50])


def change_result(path: Path, **changes: object) -> None:
    """With new check sums, as anyone can make them."""
    result = jsonfile.read(path.with_name("result.json")) | changes
    result["files"] = {name: check_sum(path.with_name(name)) for name in result["files"]}
    jsonfile.write(path.with_name("result.json"), result)


def change_model(path: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    parameters = nndl.checkpoint.load(path)
    change(parameters)
    nndl.checkpoint.save(parameters, path)
    change_result(path)


def without_embeddings(held: dict[str, np.ndarray]) -> None:
    del held["embedding_layer.weight"]


def rename_word(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace("\ngreat\t", "\ngrand\t"), encoding="utf-8")
    change_result(path)


ABSURD = [
    {"tokenizer": "bpe"},
    {"labels": ["good"]},
    {"labels": ["good", 7]},
    {"tokenizer": ["word"]},
    {"tokenizer": None},
    {"hidden_size": "five"},
    {"hidden_size": 10**9},
    {"hidden_size": -1},
    {"hidden_size": 5.0},
    {"hidden_size": True},
    {"input_size": 4096},
    {"hidden_size": 4096, "num_layers": 16},
    {"num_layers": 10**6},
    {"num_layers": -1},
    {"num_layers": "1"},
    {"num_layers": None},
    {"dropout": 7},
    {"dropout": [0]},
    {"max_seq_len": -5},
    {"max_seq_len": 10**15},
    {"max_seq_len": {}},
    {"direction": "up"},
    {"pooling": None},
    {"backend": "cuda"},
    {"corpus": None},
    {"corpus": ["imdb"]},
    {"corpus": "another"},
]


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("best.pdparams", Path.unlink),
        ("best.pdparams", truncate),
        ("best.pdparams", lambda path: change_model(path, lambda held: held["output_layer.bias"].fill(np.nan))),
        ("best.pdparams", lambda path: change_model(path, lambda held: held["output_layer.weight"].fill(np.inf))),
        ("best.pdparams", lambda path: change_model(path, lambda held: held.pop("output_layer.bias"))),
        ("best.pdparams", lambda path: change_model(path, lambda held: held.update(more=np.zeros(3)))),
        ("result.json", lambda path: change_model(path.with_name("best.pdparams"), without_embeddings)),
        ("vocabulary.txt", Path.unlink),
        ("vocabulary.txt", rename_word),
        ("vocabulary.txt", lambda path: change_result(path, vocabulary=7)),
        ("result.json", Path.unlink),
        ("result.json", truncate),
        *(("result.json", partial(change_result, **changes)) for changes in ABSURD),
        ("best.pdparams", lambda path: change_result(path, labels=["a", "b", "c"])),
        ("best.pdparams", lambda path: change_result(path, hidden_size=4)),
        ("best.pdparams", lambda path: change_result(path, direction="forward")),
        ("best.pdparams", lambda path: change_result(path, num_layers=0)),
    ],
)
def test_damaged_model(name, damage, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(model, tmp_path / "model")
    damage(tmp_path / "model" / name)
    lines, said = predict(capsys, "--model", tmp_path / "model", "good", code=2)
    assert lines == []
    [line] = [line for line in said.splitlines() if line.startswith("chapter6:")]
    assert str(tmp_path / "model" / name) in line


@pytest.mark.parametrize("where", ["..", "no such"])
def test_another_folder_is_not_to_be_removed(where: str, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = predict(capsys, "--model", model / where, "good", code=2)[1].splitlines()[-1]
    assert "expected the folder of one training" in said
    assert "remove" not in said


def test_the_best_preset_and_seed_serve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "run 6.7" in predict(capsys, "--out", tmp_path, "good", code=2)[1]
    for preset in ("quick", "book", "best"):
        folder = tmp_path / "6.7" / preset
        folder.mkdir(parents=True)
        trainings = [{"dev_accuracy": 0.8 + 0.1 * (n == 1), "folder": f"/gone/{preset}{n}"} for n in range(3)]
        record = Record("6.7", preset, {}, [0], 1.0, {}, {"trainings": trainings})
        jsonfile.write(folder / "record.json", asdict(record))
        assert find_model(tmp_path, "6.7", PRESETS, "dev_accuracy") == folder / "checkpoints" / f"{preset}1"
    for odd in (None, [], {}, [7], [{"dev_accuracy": 0.5}], [{"dev_accuracy": 0.5, "folder": 7}], "best"):
        jsonfile.write(folder / "record.json", asdict(record) | {"metrics": {"trainings": odd}})
        assert "record.json: damaged" in predict(capsys, "--out", tmp_path, "good", code=2)[1]
    (folder / "record.json").write_text("{")
    assert "record.json: damaged" in predict(capsys, "--out", tmp_path, "good", code=2)[1]


def test_data_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["data", "imdb", "--from", str(tmp_path / "nowhere"), "--data-dir", str(tmp_path)])
    assert exit_.value.code == 2
    assert "no such file; expected an archive or a folder" in capsys.readouterr().err


@pytest.mark.parametrize("is_official", [True, False])
def test_other_reviews_than_the_official_are_no_secret(
    is_official: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = imdb.Preparation(tmp_path, {"train": 25_000}, 3, is_official, False)
    monkeypatch.setattr(imdb, "prepare", lambda source, root: done)
    with pytest.raises(SystemExit):
        main(["data", "imdb", "--from", "any", "--data-dir", str(tmp_path)])
    said = capsys.readouterr().out
    assert ("not the official reviews" in said) is not is_official
    assert "3 reviews hold bytes that are no text" in said
