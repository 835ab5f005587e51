"""Section 6.7 on a corpus of the reader's own: Chinese with negation, by characters and by words, then asked again."""

import random
from dataclasses import replace
from pathlib import Path

from chapter6 import presets
from chapter6 import sec_6_7_corpora as corpora
from chapter6 import sec_6_7_inspection as inspection
from chapter6 import sec_6_7_text_classification as lesson
from chapter6.__main__ import main
from chapter6.contents import SECTIONS
from chapter6.lab import record as records
from chapter6.lab.lesson import Run
from chapter6.lab.record import Record, Results
from chapter6.lab.training import train_one
from nndl import plot
from nndl.dataset import imdb
from nndl.dataset.text import Corpus
from nndl.error import SettingError

import numpy as np
import pytest

SMALL = ["--seeds", 2, "--jobs", 1, "--train-reviews", 400, "--dev-reviews", 60, "--batch-size", 20, "--epochs", 4,
         "--eval-steps", 20, "--input-size", 12, "--hidden-size", 10, "--max-seq-len", 40, "--learning-rate", 0.02,
         "--min-freq", 1]  # fmt: skip
GOOD, BAD = ("精彩", "动人", "好看"), ("沉闷", "难看", "无聊")
FORMS = {False: ("{}真的很{}", "觉得{}非常{}"), True: ("{}一点也不{}", "不觉得{}{}")}
ASPECTS, NAMES = ("剧情", "音乐", "结局", "画面"), ("王明", "李华", "张强", "陈芳", "杨丽")


def write(path: Path, number: int, labels: tuple[str, ...]) -> Path:
    """Sentences whose label a negation (否定) turns round; of a third label, those without an opinion."""
    rng, rows = random.Random(0), []
    for n in range(number):
        label, is_negated = n % len(labels), rng.random() < 0.5
        words = (GOOD, BAD)[(label == 1) != is_negated]
        opinion = rng.choice(FORMS[is_negated]).format(rng.choice(ASPECTS), rng.choice(words))
        parts = [f"片长{rng.randint(60, 180)}分钟", f"导演是{rng.choice(NAMES)}", "周末去看的"]
        said = [*parts, opinion] if label < 2 else parts
        rows.append(f"{labels[label]}\t{'，'.join(rng.sample(said, len(said)))}")
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def run(out: Path, *more: object, code: int = 0) -> Record | None:
    arguments = ["run", "6.7", "--data-dir", out / "nowhere", "--out", out, *SMALL, *more]
    with pytest.raises(SystemExit) as exit_:
        main(list(map(str, arguments)))
    assert exit_.value.code == code
    return None if code else records.load(out / "6.7" / "quick" / "record.json")


def predict(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[list[list[str]], str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as exit_:
        main(["predict", *map(str, arguments)])
    captured = capsys.readouterr()
    assert exit_.value.code == 0, captured.err
    return [line.split("\t") for line in captured.out.splitlines()], captured.err


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two labels by characters, which is what is taken for Chinese."""
    out = tmp_path_factory.mktemp("own")
    run(out, "--corpus", write(out / "影评.tsv", 600, ("好评", "差评")))
    return out


@pytest.fixture(scope="module")
def record(out: Path) -> Record:
    return records.load(out / "6.7" / "quick" / "record.json")


def test_it_is_learned_with_its_negation(out: Path, record: Record) -> None:
    assert record.metrics["corpus"] == "own"
    for result in record.metrics["trainings"]:
        assert (result["tokenizer"], result["labels"]) == ("char", ["好评", "差评"])
        assert result["test_accuracy"] > 0.9
    assert all(result["corpus"] == "small" for result in record.metrics["word_order"])


def test_claims_and_report_are_about_this_corpus(out: Path, record: Record) -> None:
    by_id = {claim["id"]: claim for claim in record.claims}
    assert set(by_id) == {"turn", "overfitting", "saturation", "accuracy", "padding", "word_order"}
    assert by_id["accuracy"]["verdict"] == "holds"
    rows = [row.partition("\t")[0] for row in (out / "影评.tsv").read_text(encoding="utf-8").splitlines()]
    share = max(rows.count("好评"), rows.count("差评")) / len(rows)
    assert by_id["accuracy"]["measured"].endswith(f"against {share:.3f}")
    report = (out / "6.7" / "quick" / "report.md").read_text(encoding="utf-8")
    assert "| 好评 | 240 | 30 | 30 |" in report
    assert "Accuracy: 影评.tsv" in report
    assert "IMDB" not in report


def test_figures_name_the_labels(record: Record) -> None:
    drawings = lesson.LESSON.figures(record)
    confusion, words = (drawings[name].figure for name in ("confusion", "words"))
    assert [label.get_text() for label in confusion.axes[0].get_xticklabels()] == ["好评", "差评"]
    assert "好评 ← → 差评" in words.axes[1].get_xlabel()
    assert "pink ones speak for 差评" in drawings["words"].caption.en


def test_the_model_is_asked_in_the_labels_and_by_the_tokeniser_it_was_trained_with(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {"剧情真的很精彩": "好评", "剧情一点也不精彩": "差评", "不觉得音乐沉闷": "好评", "觉得画面非常难看": "差评"}
    answers, said = predict(capsys, "--out", out, *asked)
    assert [label for label, _ in answers] == list(asked.values())
    assert "the reader's own corpus, labels 好评, 差评" in said
    answers, said = predict(capsys, "--out", out, "great film")
    assert answers == [["unknown", "-"]]
    assert "English" not in said


def test_the_same_file_elsewhere_is_not_trained_again_and_another_content_is(out: Path, tmp_path: Path) -> None:
    """A training is done already where its folder, which is named by all that it depends on, is there."""
    moved = tmp_path / "moved.txt"

    def folder_of(file: Path) -> str:
        return lesson.training_of(run_of(str(file)), presets.WORD_ORDER, "own", 1, 0).folder_name

    moved.write_bytes((out / "影评.tsv").read_bytes())
    assert folder_of(moved) == folder_of(out / "影评.tsv")
    moved.write_bytes(moved.read_bytes().replace("难看".encode(), "不佳".encode()))
    assert folder_of(moved) != folder_of(out / "影评.tsv")


LABELS = ("$\\x$ $y", "[bold]", "a|b")
"""Names that formulas, Rich and Markdown would read in their own way."""


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Corpus]:
    """Three labels by words; the training, and the corpus that it read."""
    folder = tmp_path_factory.mktemp("three")
    run = run_of(str(write(folder / "own.tsv", 750, LABELS)), "jieba")
    settings = replace(presets.WORD_ORDER, tokenizer="jieba", backend="native", train_reviews=90, epochs=2)
    training = lesson.training_of(run, replace(settings, input_size=6, hidden_size=5), "own", 1, 0)
    return Results([train_one(training, folder) | {"folder": str(folder)}]), lesson.load_corpus(training)


def test_three_labels(three: tuple[Results, Corpus], capsys: pytest.CaptureFixture[str]) -> None:
    [result], corpus = three
    assert (result["labels"], result["tokenizer"]) == (LABELS, "jieba")
    assert {"音乐", "沉闷", "不"} <= set(corpus.vocabulary.words)
    confusion, margins = np.array(result["confusion"]), np.array(result["margins"])
    assert confusion.sum(axis=1).tolist() == [corpus.sizes()[label]["test"] for label in LABELS]
    assert margins.shape == (confusion.sum(), 2)
    assert (margins > 0).all(axis=1).mean() == result["test_accuracy"] == confusion.trace() / confusion.sum()
    [[label, share]], _ = predict(capsys, "--model", result["folder"], "片长120分钟")
    assert label in LABELS
    assert float(share) > 1 / 3


def test_words_speak_for_the_predicted_of_three_labels(three: tuple[Results, Corpus]) -> None:
    """The contributions, from the probabilities: log odds of the label that is predicted."""
    [result], corpus = three
    runner = lesson.load_runner(result)
    words = inspection.words(runner, corpus, 128)

    def log_odds(tokens: list[str]) -> float:
        logits = inspection.predict(runner, [corpus.vocabulary.encode(tokens)], 128)[0].astype(float)
        p = (np.exp(logits) / np.exp(logits).sum())[LABELS.index(words["predicted"])]
        return float(np.log(p / (1 - p)))

    tokens = words["tokens"]
    expected = [log_odds(tokens) - log_odds(tokens[:i] + tokens[i + 1 :]) for i in range(len(tokens))]
    assert words["speaks_for"] == words["predicted"]
    assert words["contributions"] == pytest.approx(expected, abs=1e-5)


def test_figures_show_three_labels_as_they_are_written(three: tuple[Results, Corpus]) -> None:
    results, corpus = three
    with plot.style():
        confusion = lesson.figures.draw_confusion(results).figure
        words = inspection.words(lesson.load_runner(results[0]), corpus, 128)
        drawing = lesson.figures.draw_words(words, results[0]["labels"])
        for figure in (confusion, drawing.figure):
            figure.canvas.draw()  # a formula that is none would fail
    assert [label.get_text() for label in confusion.axes[0].get_yticklabels()] == list(LABELS)
    assert len(confusion.axes[0].texts) == 9
    assert f"not {words['predicted']}" in drawing.caption.en


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [
        ("好评 好看", [], "own.tsv, line 1: holds no tab"),
        (None, [], "own.tsv: no such file"),
        ("chinese", ["--tokenizer", "word"], "would leave the Chinese of"),
        ("chinese", ["--preset", "book"], "add --tokenizer char or --tokenizer jieba"),
    ],
)
def test_what_is_wrong_is_one_line_before_anything_is_trained(
    content: str | None, arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "own.tsv"
    if content == "chinese":
        write(file, 100, ("好评", "差评"))
    elif content is not None:
        file.write_text(content, encoding="utf-8")
    run(tmp_path / "out", "--corpus", file, *arguments, code=2)
    lines = capsys.readouterr().err.splitlines()
    assert said in lines[-1]
    assert len(lines) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("corpus", "tokenizer", "expected"),
    [("zh.tsv", "auto", "char"), ("zh.tsv", "jieba", "jieba"), ("en.tsv", "auto", "word"), ("small", "auto", "word")],
)
def test_what_splits_the_texts(corpus: str, tokenizer: str, expected: str, tmp_path: Path) -> None:
    write(tmp_path / "zh.tsv", 100, ("好评", "差评"))
    rows = [f"{'no' if n % 2 else 'yes'}\tfilm {n} was {'dull' if n % 2 else 'great'}" for n in range(100)]
    (tmp_path / "en.tsv").write_text("\n".join(rows), encoding="utf-8")
    corpus = str(tmp_path / corpus) if "." in corpus else corpus
    assert corpora.choose_tokenizer(run_of(corpus, tokenizer)) == expected


def run_of(corpus: str, tokenizer: str = "auto") -> Run:
    settings = replace(presets.TEXT["best"], corpus=corpus, tokenizer=tokenizer)
    return Run(SECTIONS["6.7"], "best", settings, 1, 1, "cpu", Path("runs"), Path("nowhere"))


def test_imdb_is_not_split_into_characters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imdb, "fingerprint", lambda root: "")
    with pytest.raises(SettingError, match="tokenizer jieba: IMDB is English, expected space or word"):
        corpora.check_data(run_of("imdb", "jieba"))
