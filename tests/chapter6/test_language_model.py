"""The language model: what is held out, what it writes, and one line for what cannot be."""

import shutil
from itertools import pairwise
from pathlib import Path

import nndl
from chapter6.__main__ import main
from chapter6.contents import SECTIONS
from chapter6.extras import language_findings as findings
from chapter6.extras import language_model as lesson
from chapter6.extras import language_variants as variants
from chapter6.extras.language_writing import LINE_ENDS, WAYS, acrostic, continue_text
from chapter6.extras.presets.language import LANGUAGE, Language
from chapter6.lab.claim import FAILS, HOLDS, OPEN
from chapter6.lab.lesson import Run
from chapter6.lab.record import Record
from chapter6.lab.training import train_one
from nndl import jsonfile
from nndl.dataset import books
from nndl.file import check_sum

import numpy as np
import pytest

POEM = "白日依山盡，黃河入海流。欲窮千里目，更上一層樓。\n"
SMALL = {
    "num_layers": 1, "hidden_size": 16, "compared_size": 12, "input_size": 6, "epochs": 4, "compared_epochs": 4,
    "batch_size": 4,
    "length": 10, "memorised": 1000, "memorised_epochs": 1, "eval_steps": 20, "learning_rate": 0.03,
}  # fmt: skip


def run_of(tmp_path: Path, content: str = POEM * 60, **settings: object) -> Run:
    """On a text of one's own."""
    (tmp_path / "text.txt").write_text(content, encoding="utf-8")
    chosen = Language(**(SMALL | {"text": str(tmp_path / "text.txt")} | settings))  # type: ignore[arg-type]
    return Run(SECTIONS["language"], "quick", chosen, 1, 1, "cpu", tmp_path / "runs", tmp_path)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that knows the poem by heart."""
    tmp_path = tmp_path_factory.mktemp("language")
    run = run_of(tmp_path)
    (training,) = lesson.trainings(run, [variants.model_of(vars(run.settings)) | {"epochs": 20}])
    train_one(training, tmp_path / "model")
    return tmp_path / "model"


def predict(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> tuple[str, str]:
    """The answer, and what was said beside it."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as exit_:
        main(["predict", "--task", "language", *map(str, arguments)])
    captured = capsys.readouterr()
    assert exit_.value.code == code, captured.err
    return captured.out, captured.err


# --- training ---


def test_the_perplexity_is_that_of_every_character_after_the_first(model: Path) -> None:
    """By hand: one character after the other, the state handed on."""
    found = jsonfile.read(model / "result.json", {}) | {"folder": str(model)}
    network, vocabulary = lesson.load_model(found)
    text = books.split_text(POEM * 60, "")["test"]
    ids = vocabulary.encode(["[LF]" if c == "\n" else c for c in text])
    state, losses = None, []
    for this, following in pairwise(ids):
        logits, state = network.step(lesson.paddle.to_tensor([this]), state)
        z = logits.numpy()[0].astype("float64")
        losses.append(np.log(np.exp(z).sum()) - z[following])
    assert found["test_perplexity"] == pytest.approx(np.exp(np.mean(losses)), rel=1e-4)
    assert 1 <= found["test_perplexity"] < 1.5


def test_a_trained_state_and_the_curve_between_evaluations(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    (training,) = lesson.trainings(run, [variants.model_of(vars(run.settings))])
    found = train_one(training, tmp_path / "a")
    steps = [step for step, _ in found["dev_losses"]]
    assert [step for step, _ in found["train_curve"]] == steps
    means = [step for step, _ in found["train_losses"]]
    assert steps[-1] == means[-1]
    assert train_one(training, tmp_path / "b")["test_perplexity"] == found["test_perplexity"]


def test_models_differ_in_one_thing() -> None:
    for preset in LANGUAGE.values():
        compared = variants.compared_of(vars(preset))
        first = compared.pop("first")
        for name, values in compared.items():
            changed = [key for key in first if first[key] != values[key]]
            assert len(changed) == (name != f"cell {first['cell']}"), name
        names = {variants.name_of(values) for values in [first, *compared.values()]}
        assert len(names) == len({tuple(values.values()) for values in [first, *compared.values()]})


# --- writing ---


def test_it_goes_on_with_what_it_knows_by_heart(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, said = predict(capsys, "--model", model, "--greedy", "--length", 40, "白日依山")
    assert out == (POEM * 3)[:44] + "\n"
    assert "trained on text" in said
    both, _ = predict(capsys, "--model", model, "--greedy", "--length", 3, "白日", "黃河")
    assert both == "白日依山盡\n\n黃河入海流\n"


def test_the_same_seed_writes_the_same(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hot = ["--model", model, "--temperature", 3, "--length", 60, "白"]
    first, again, other = (predict(capsys, *hot, "--seed", seed)[0] for seed in (1, 1, 2))
    assert first == again != other


def test_acrostic(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = predict(capsys, "--model", model, "--acrostic", "--temperature", 2, "--length", 30, "欲白更黃")
    lines = out.splitlines()
    assert [line[0] for line in lines] == list("欲白更黃")
    for line in lines:
        assert len(line) <= 30
        assert not set(line[:-1]) & set(LINE_ENDS)
    assert [
        len(line) for line in predict(capsys, "--model", model, "--acrostic", "--length", 2, "欲白")[0].split()
    ] == [2, 2]


def test_nothing_that_is_no_character_is_written(model: Path) -> None:
    network, vocabulary = lesson.load_model(jsonfile.read(model / "result.json", {}) | {"folder": str(model)})
    network.output_layer.bias.set_value(network.output_layer.bias + lesson.paddle.eye(len(vocabulary))[:2].sum(0) * 50)
    for way in WAYS.values():
        assert set(continue_text(network, vocabulary, "白", 50, way(0))) <= set(POEM)
        assert set("".join(acrostic(network, vocabulary, "白日", 20, way(0)))) <= set(POEM)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["白龘日龍"], "'龘龍' are not among the characters that the model learnt, such as '"),
        (["--acrostic", "x"], "'x' is not among"),
        (["白", "  "], "text 2 is empty"),
        (["白", "--temperature", "0"], "temperature 0.0: expected a number above 0"),
        (["白", "--top-p", "1.5"], "top_p 1.5"),
        (["白", "--length", "0"], "length 0"),
    ],
)
def test_a_beginning_that_cannot_be(
    arguments: list[str], said: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, error = predict(capsys, "--model", model, *arguments, code=2)
    assert out == ""
    assert said in error.splitlines()[-1]


ABSURD = {
    "cell": ["RNN", None, ["GRU"]], "hidden_size": [10**6, 3000, -1, 5.0],
    "num_layers": [10**4, 2], "inputs": ["bag", "one-hot"],
    "input_size": [4096, None], "dropout": [7, None], "vocabulary": ["x"], "corpus": [],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in ABSURD.items() for value in values])
def test_a_damaged_model(
    name: str, value: object, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(model, tmp_path / "model")
    found = jsonfile.read(model / "result.json", {}) | {name: value}
    found["files"] = {file: check_sum(model / file) for file in found["files"]}
    jsonfile.write(tmp_path / "model" / "result.json", found)
    out, said = predict(capsys, "--model", tmp_path / "model", "白", code=2)
    assert out == ""
    assert str(tmp_path / "model") in said.splitlines()[-1]


# --- bad input ---


@pytest.mark.parametrize(
    ("content", "settings", "said"),
    [
        ("", {}, "text.txt: empty, expected a text of at least 1,000"),
        ("x", {}, "text.txt: 1 character, expected"),
        (POEM * 60, {"prefix": "白x"}, "'白x': 'x' is not among the characters"),
        (POEM * 60, {"batch_size": 200}, "for one batch of 200 x 10"),
        ("".join(map(chr, range(0x4E00, 0x4E00 + 1500))), {}, "no character occurs 2 times"),
        (POEM * 60, {"corpus": "tangshi", "text": ""}, "is not prepared; run: python -m chapter6 data tangshi"),
        (POEM * 60, {"text": "nowhere.txt"}, "nowhere.txt: no such file"),
    ],
)
def test_a_text_that_cannot_be(content: str, settings: dict, said: str, tmp_path: Path) -> None:
    with pytest.raises(nndl.error.NndlError, match=said.replace("(", r"\(")):
        lesson.check_data(run_of(tmp_path, content, **settings))


def test_another_encoding(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    (tmp_path / "text.txt").write_bytes((POEM * 60).encode("gb18030"))
    with pytest.raises(nndl.error.DataError, match=r"line 1: byte 0x.. at character 1 is no text; save it as UTF-8"):
        lesson.check_data(run)


def test_the_texts_content_decides_what_is_trained_anew(tmp_path: Path) -> None:
    wanted = [variants.model_of(SMALL | {"cell": "GRU", "num_layers": 1, "dropout": 0.0})]
    one, again, other = (
        lesson.trainings(run_of(tmp_path, text), wanted)[0].folder_name for text in (POEM * 60, POEM * 60, POEM * 61)
    )
    assert one == again != other


# --- claims ---


def record_of(model: float, compared: dict[str, float], counted: list[float], known: float = 1.05) -> Record:
    """Two seeds each, a hundredth apart."""
    settings = vars(LANGUAGE["full"]).copy()

    def results(values: dict, test: float) -> list[dict]:
        return [values | {"seed": seed, "test_perplexity": test + 0.01 * seed} for seed in range(3)]

    trainings = results(variants.model_of(settings), model)
    for name, values in variants.compared_of(settings).items():
        if name != "first":
            trainings += results(values, compared.get(name, 5.0))
    memorised = [{"train_curve": [[9, known]], "dev_scores": [9.0, 30.0 + seed], "seed": seed} for seed in range(3)]
    metrics = {
        "trainings": trainings,
        "memorised": memorised,
        "counted": {"test": counted},
        "loops": [{"greedy": 0.9 + seed / 100, "temperature 1": 0.0} for seed in range(3)],
        "speed": {"ours": [1.0] * 3, "paddle": [2.0, 2.1, 2.2]},
    }
    return Record("language", "full", settings, [0, 1, 2], 1.0, {}, metrics)


def test_verdicts_follow_the_numbers() -> None:
    compared = {"cell SRN": 6.0, "cell LSTM": 5.5, "random": 4.9, "one-hot": 5.0, "deep": 4.0}
    verdicts = {c.id: c.verdict for c in findings.claims(record_of(4.5, compared, [21.7, 11.3, 7.2, 5.35, 4.4]))}
    assert verdicts == {
        "beats_3_grams": HOLDS, "beats_5_grams": FAILS, "by_heart": HOLDS, "turns_up": HOLDS, "carried": FAILS,
        "embedding": OPEN, "gates": HOLDS, "depth": HOLDS, "greedy_loops": HOLDS, "speed": HOLDS,
    }  # fmt: skip
    claims = {c.id: c for c in findings.claims(record_of(4.5, compared, [21.7, 11.3, 7.2, 5.35, 4.4], known=1.38))}
    assert claims["by_heart"].verdict == OPEN  # nothing was learnt by heart, so nothing is refuted
    assert "not by heart" in claims["by_heart"].measured.en
