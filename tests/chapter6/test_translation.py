"""Translation: how sources are written, whole answers, where attention looks, and the command predict."""

import shutil
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import nndl
from chapter6.__main__ import main
from chapter6.contents import SECTIONS
from chapter6.extras import translation_attention as lesson
from chapter6.extras.cells_compared import CELLS
from chapter6.extras.presets.translation import Translation
from chapter6.extras.translation_predict import Translator
from chapter6.extras.translation_writing import whole_answers, write
from chapter6.lab import result
from chapter6.lab.lesson import Run
from chapter6.lab.training import train_one
from nndl import jsonfile
from nndl.dataset import dates, tatoeba
from nndl.error import NotPreparedError
from nndl.file import check_sum
from nndl.generate import generate

import numpy as np
import paddle
import pytest

SETTINGS = Translation(kinds=("dot",), examples=256, steps=4, eval_steps=2, input_size=4, hidden_size=8)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "model"
    run = Run(SECTIONS["translation"], "quick", SETTINGS, 1, 1, "cpu", folder, folder)
    train_one(lesson.training_of(run, "dot", 0), folder)
    return folder


def test_a_finished_training_is_taken_again(model: Path) -> None:
    """No score has the name of a setting: what it is set by would be another than what it was set by."""
    run = Run(SECTIONS["translation"], "quick", SETTINGS, 1, 1, "cpu", model, model)
    result.check_settings(model, result.load(model), lesson.training_of(run, "dot", 0).values)


def test_what_is_written_is_in_the_order_asked_for_and_of_each_alone(model: Path) -> None:
    translator = Translator(model)
    sources = [translator.source.encode(text) for text in ("2026/11/24", "Nov 24th, 26", "五月", "20261124")]
    together = write(translator.model, sources, translator.target, width=1, length=12)
    for ids, answer in zip(sources, together, strict=True):
        state = translator.model.start(paddle.to_tensor(ids[None]), paddle.to_tensor([len(ids)]))
        alone = generate(translator.model.step, state, paddle.to_tensor([2]), 12, end=3)[0]
        assert answer == [translator.target.words[i] for i in alone[: [*alone, 3].index(3)]]


def test_an_answer_is_right_where_it_is_one_of_its_references() -> None:
    assert whole_answers([["a"], ["b", "c"], []], [[["a"], ["b"]], [["b"]], [["a"]]]) == pytest.approx(1 / 3)


def test_where_it_looks_is_the_weight_on_the_characters_that_tell() -> None:
    """Of a model that looks at the first character alone: all weight is on the year, where it stands first."""
    data = lesson.load_data(SETTINGS, Path())

    def weights(inputs: tuple) -> paddle.Tensor:
        source, _, words = inputs
        alpha = np.zeros((*words.shape, source.shape[1]), "float32")
        alpha[..., 0] = 1
        return paddle.to_tensor(alpha)

    day = dates.FIRST
    written = [dates.write(day, "{year}/{mm}/{dd}"), dates.write(day, "{Month} {day}, {year}")]
    found = lesson.where_it_looks(SimpleNamespace(weights=weights), data, written)
    assert {part: round(numbers["share"], 6) for part, numbers in found.items()} == {"y": 0.5, "m": 0.5, "d": 0}
    even = (4 / 10 + 4 / 15) / 2, (2 / 10 + 7 / 15) / 2, (2 / 10 + 1 / 15) / 2
    assert tuple(numbers["even"] for numbers in found.values()) == pytest.approx(even)


def test_sentences_that_are_not_prepared_are_one_line_before_anything_is_trained(tmp_path: Path) -> None:
    settings = Translation(corpus="tatoeba")
    run = Run(SECTIONS["translation"], "quick", settings, 1, 1, "cpu", tmp_path, tmp_path)
    with pytest.raises(NotPreparedError, match="data tatoeba"):
        lesson.check_data(run)


def test_sentences_train_and_are_measured_by_bleu_beside_copying(tmp_path: Path) -> None:
    """On pairs of our own, which need no download."""
    pairs = [f"I see {n} cats.\t我看见{n}只猫。" for n in range(80)]
    (tmp_path / "own.txt").write_text("\n".join(pairs), encoding="utf-8")
    tatoeba.prepare(tmp_path / "own.txt", tmp_path / "data" / "tatoeba")
    settings = {**asdict(SETTINGS), "corpus": "tatoeba", "kinds": ("state", "dot"), "batch_size": 16}
    run = Run(SECTIONS["translation"], "full", Translation(**settings), 1, 1, "cpu", tmp_path, tmp_path / "data")
    lesson.check_data(run)
    data = lesson.load_data(run.settings, run.data_dir / "tatoeba")
    found = train_one(lesson.training_of(run, "dot", 0), tmp_path / "model")
    assert found["dev_perplexity"] < len(data.target)
    assert 0 <= found["beam_search"] <= 100
    assert 0 < lesson.copying(data)["bleu"] < 100


def predict(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> tuple[list[str], str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as exit_:
        main(["predict", "--task", "translation", *map(str, arguments)])
    captured = capsys.readouterr()
    assert exit_.value.code == code, captured.err
    return captured.out.splitlines(), captured.err


def test_texts_files_and_odd_lines_are_answered_line_by_line(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = ["二〇二六年十一月二十四日", "Nov 24th, 26", "2026/11/24"]
    lines, said = predict(capsys, "--model", model, *texts)
    assert len(lines) == 3
    assert "trained on dates" in said
    file = tmp_path / "dates.txt"
    file.write_text("\n".join([*texts, "  ", "龘 2026", "9" * 300, "２０２６/11/24"]), encoding="utf-8")
    again, said = predict(capsys, "--model", model, "--file", file)
    assert again[:3] == lines
    assert again[3] == "-"
    assert "text 5: unknown to the model: 龘" in said
    assert "text 5: the answer is wrong, or the date is not written in a way that the model learnt" in said
    assert "text 4" not in said
    assert "text 6: 300 tokens, the first 100 are read" in said
    assert again[6] == lines[2]  # 全角   fullwidth
    greedy, _ = predict(capsys, "--model", model, "--beam", 1, *texts)
    translator = Translator(model)
    assert greedy == translator([list(text) for text in texts], 1)


def test_no_model_says_how_to_get_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "run translation" in predict(capsys, "--out", tmp_path, "五月", code=2)[1]


def change(path: Path, **changes: object) -> None:
    """With new check sums, as anyone can make them."""
    result = jsonfile.read(path / "result.json") | changes
    result["files"] = {name: check_sum(path / name) for name in result["files"]}
    jsonfile.write(path / "result.json", result)


def rename_word(path: Path) -> None:
    file = path / "target_vocabulary.txt"
    file.write_text(file.read_text(encoding="utf-8").replace("\n-\t", "\n+\t"), encoding="utf-8")
    change(path)


def forget(path: Path) -> None:
    result = jsonfile.read(path / "result.json")
    jsonfile.write(path / "result.json", {name: value for name, value in result.items() if name != "dropout"})


ABSURD = [
    *({"hidden_size": size} for size in (10**9, 4096, -1, "five", 5.0, True)),
    *({"input_size": size} for size in (4096, 0, None)),
    *({"kind": kind} for kind in ("best", None, [])),
    *({"corpus": corpus} for corpus in ("another", None, [1])),
    {"cell": "Cell"},
    {"dropout": 7},
    {"kind": "every"},
    {"hidden_size": 4},
]


@pytest.mark.parametrize(
    "damage",
    [
        *(partial(change, **changes) for changes in ABSURD),
        rename_word,
        forget,
        lambda path: (path / "target_vocabulary.txt").unlink(),
        lambda path: (path / "best.pdparams").write_bytes(b"no model"),
    ],
)
def test_a_damaged_model_is_one_line(damage, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(model, tmp_path / "model")
    damage(tmp_path / "model")
    lines, said = predict(capsys, "--model", tmp_path / "model", "2026/11/24", code=2)
    assert lines == []
    [line] = [line for line in said.splitlines() if line.startswith("chapter6:")]
    assert str(tmp_path / "model") in line


def test_any_cell_makes_a_model() -> None:
    for cell in CELLS:
        settings = SimpleNamespace(**asdict(SETTINGS), kind="additive", make=CELLS[cell])
        made = lesson.make_model(settings, 9, 8)
        made.eval()
        ids = paddle.to_tensor([[4, 5]])
        assert made((ids, paddle.to_tensor([2]), ids)).shape == [1, 2, 8]
    assert isinstance(made, nndl.Seq2Seq)
