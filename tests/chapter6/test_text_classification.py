"""Section 6.7 end to end on settings that take seconds, on the small corpus and on a miniature IMDB."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from chapter6 import presets
from chapter6 import sec_6_7_corpora as corpora
from chapter6 import sec_6_7_inspection as inspection
from chapter6 import sec_6_7_text_classification as lesson
from chapter6.__main__ import main
from chapter6.contents import SECTIONS
from chapter6.lab import record as records
from chapter6.lab import terminal
from chapter6.lab.claim import CHINESE, HOLDS
from chapter6.lab.lesson import Run
from chapter6.lab.record import Record
from chapter6.lab.training import Training
from nndl.dataset import imdb
from nndl.dataset.text import LABELS, PAD, UNK, Corpus

import matplotlib.image
import numpy as np
import paddle
import pytest
from reduced import without_times

SMALL = ["--train-reviews", 120, "--dev-reviews", 40, "--batch-size", 20, "--epochs", 2, "--eval-steps", 3,
         "--input-size", 6, "--hidden-size", 5, "--max-seq-len", 40]  # fmt: skip
CLAIMS = {"turn", "overfitting", "saturation", "accuracy", "padding", "word_order"}
FIGURES = {"6.16", "confusion", "length", "depth", "words"}


def run(out: Path, *more: object, code: int = 0) -> Record | None:
    """Run the section where no IMDB is prepared, unless another data folder is given."""
    arguments = ["run", "6.7", "--seeds", 2, "--data-dir", out / "nowhere", "--out", out, *SMALL, *more]
    with pytest.raises(SystemExit) as exit_:
        main(list(map(str, arguments)))
    assert exit_.value.code == code
    return None if code else records.load(out / "6.7" / "quick" / "record.json")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    run(out, "--num-layers", "1,2")
    return out


@pytest.fixture(scope="module")
def record(out: Path) -> Record:
    return records.load(out / "6.7" / "quick" / "record.json")


def test_record_and_verdicts(record: Record) -> None:
    assert record.metrics["corpus"] == "small"
    assert [(r["num_layers"], r["seed"]) for r in record.metrics["trainings"]] == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert {claim["id"] for claim in record.claims} == CLAIMS
    by_id = {claim["id"]: claim for claim in record.claims}
    assert by_id["accuracy"]["verdict"] != HOLDS  # after two epochs on a few reviews
    assert all(claim["verdict"] in CHINESE for claim in record.claims)


def test_figures_and_claims_come_from_the_record_alone(record: Record) -> None:
    assert [claim.plain() for claim in lesson.LESSON.claims(record)] == record.claims
    assert set(lesson.LESSON.figures(record)) == FIGURES


def test_report_and_figures(out: Path, record: Record) -> None:
    folder = out / "6.7" / "quick"
    report = (folder / "report.md").read_text(encoding="utf-8")
    for name in FIGURES:
        assert f"](figures/{name}.png)" in report
        assert matplotlib.image.imread(folder / "figures" / f"{name}.png")[..., :3].std() > 0.01
    for depth in (1, 2):
        assert f"| bidirectional LSTM, {depth} layer{'s' * (depth - 1)}<br>双向 LSTM，{depth} 层 |" in report


def test_two_reviews_become_a_batch(record: Record) -> None:
    """Each id is the place of its word in the vocabulary; the first is padded, the second truncated."""
    batch, corpus = record.metrics["batch"], corpus_of(record)
    for words, ids in zip(batch["words"], batch["ids"], strict=True):
        known = [word if word in corpus.vocabulary.words else "[UNK]" for word in words]
        assert [corpus.vocabulary.words[i] for i in ids] == known
    assert batch["ids"][1][1] == UNK
    short, long = batch["ids"]
    assert batch["batch"] == [short + [PAD] * (lesson.KEPT - len(short)), long[: lesson.KEPT]]
    assert batch["lengths"] == [len(short), lesson.KEPT]


def test_the_model_by_its_equations_is_the_model(record: Record) -> None:
    model = record.metrics["model"]
    B, L = len(record.metrics["batch"]["batch"]), lesson.KEPT
    expected = {"ids": [B, L], "embedding": [B, L, 4], "lstm": [B, L, 6], "pooling": [B, 6], "logits": [B, 2]}
    assert model["shapes"] == expected
    assert model["difference"] < 1e-6


def test_a_bag_of_words_does_not_know_the_order() -> None:
    paddle.seed(0)
    model = lesson.make_model(presets.WORD_ORDER, 0, 50)
    E, W, b = (p.numpy() for p in (model.embedding_layer.weight, model.output_layer.weight, model.output_layer.bias))
    ids = [5, 6, 7, 8]
    for order in (ids, ids[::-1]):  # the padding, whose embedding is zero, must not be the maximum
        found = model((paddle.to_tensor([[*order, 0]]), paddle.to_tensor([4]))).numpy()[0]
        np.testing.assert_allclose(found, E[ids].max(axis=0) @ W + b, atol=1e-6)


def test_few_reviews_are_few_in_all_parts(record: Record) -> None:
    for result in record.metrics["word_order"]:
        assert (result["corpus"], result["train_reviews"]) == ("small", SMALL[1])
        assert (result["dev_reviews"], result["epochs"]) == (SMALL[3], SMALL[7])
    assert any(
        table.note and f"Trained on {SMALL[1]} reviews" in table.note.en for table in lesson.LESSON.tables(record)
    )


@pytest.mark.parametrize(
    ("preset", "asked", "less"),
    [
        ("quick", {}, {}),
        ("book", {}, {}),  # three epochs on IMDB are not asked for: the small corpus takes more
        ("book", {"epochs": 2, "train_reviews": 100}, {"epochs": 2, "train_reviews": 100}),
        ("quick", {"epochs": 50, "dev_reviews": 0}, {"epochs": presets.WORD_ORDER.epochs}),
    ],
)
def test_word_order_gets_less_where_less_is_asked_for(preset: str, asked: dict, less: dict) -> None:
    settings = replace(presets.TEXT[preset], **asked)
    run: Any = SimpleNamespace(entry=SimpleNamespace(presets=presets.TEXT), preset=preset, settings=settings)
    assert lesson._less(run) == less


def test_a_training_that_is_in_both_parts_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On many cores, too, where the number of threads depends on that of the trainings."""

    class Stop(Exception):
        pass

    def find(run: Run, trainings: list[Training]) -> None:
        wanted.extend(trainings)
        raise Stop

    wanted: list[Training] = []
    monkeypatch.setattr("nndl.runtime.usable_cores", lambda: 4)
    monkeypatch.setattr(lesson, "find_finished", find)
    settings = replace(presets.TEXT["quick"], corpus="small", backend="fused")
    with pytest.raises(Stop):
        lesson.experiment(Run(SECTIONS["6.7"], "quick", settings, 2, 1, "cpu", tmp_path, tmp_path))
    deep, again, bags = (wanted[i : i + 2] for i in (0, 2, 4))
    assert [t.folder_name for t in deep] == [t.folder_name for t in again]
    assert [t.num_layers for t in bags] == [0, 0]


def test_counts_add_up(record: Record) -> None:
    for result in record.metrics["trainings"]:
        assert np.sum(result["confusion"]) == len(result["margins"]) == 2000
        right = sum(r for _, _, r, _ in result["by_length"])
        assert sum(total for *_, total in result["by_length"]) == 2000
        assert right == np.trace(result["confusion"]) == sum(margin > 0 for (margin,) in result["margins"])
        assert result["test_accuracy"] == right / 2000


def test_loss_and_accuracy_of_the_model_kept(record: Record) -> None:
    for result in record.metrics["trainings"]:
        assert result["dev_accuracy"] == max(result["dev_scores"])
        assert result["test_loss"] == pytest.approx(np.mean(np.log1p(np.exp(-np.array(result["margins"])))), rel=1e-4)


@pytest.fixture(scope="module")
def kept_by_loss(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return run(tmp_path_factory.mktemp("loss"), "--keep", "loss")


def test_the_model_of_the_lowest_dev_loss_is_kept(kept_by_loss: Record) -> None:
    dev = corpus_of(kept_by_loss).reviews["dev"].first(SMALL[3])
    for result in kept_by_loss.metrics["trainings"]:
        runner = lesson.load_runner(result)
        logits = inspection.predict(runner, [ids for ids, _ in dev], SMALL[-1]).astype(float)
        losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(dev)), dev.labels]
        assert min(result["dev_scores"]) == pytest.approx(losses.mean(), rel=1e-5)
        assert result["dev_accuracy"] == np.mean(logits.argmax(axis=1) == dev.labels)


def test_what_is_said_of_a_model_kept_by_its_loss(kept_by_loss: Record) -> None:
    by_id = {claim["id"]: claim for claim in kept_by_loss.claims}
    assert (by_id["saturation"]["verdict"], by_id["saturation"]["evidence"]) == ("not decided", [])
    _, right = lesson.figures.draw_curves(kept_by_loss.results()).figure.axes
    assert "cross entropy" in right.get_ylabel()


def test_padding_is_measured_in_both_directions(record: Record) -> None:
    padding = record.metrics["padding"]
    assert all(0 <= padding[name] <= 1e-5 for name in ("forward", "reverse", "logits"))
    assert padding["logits_without_length"] > 1e-5


def corpus_of(record: Record) -> Corpus:
    """As the trainings of the lesson read it."""
    return lesson.load_corpus(SimpleNamespace(**record.metrics["trainings"][0], data=Path("nowhere"), data_mark=""))


def test_word_contributions_are_what_leaving_out_changes(out: Path, record: Record) -> None:
    result = max(record.metrics["trainings"][:2], key=lambda result: result["dev_accuracy"])
    runner, corpus = lesson.load_runner(result), corpus_of(record)
    words = record.metrics["words"]

    def score(tokens: list[str]) -> float:
        ids = paddle.to_tensor(corpus.vocabulary.encode(tokens)[None])
        logits = runner.predict((ids, paddle.to_tensor([len(tokens)])))[0]
        return float(logits[1] - logits[0])

    tokens = words["tokens"]
    expected = [score(tokens) - score(tokens[:i] + tokens[i + 1 :]) for i in range(len(tokens))]
    assert words["contributions"] == pytest.approx(expected, abs=1e-5)
    assert max(map(abs, expected)) > 1e-4


def test_words_left_out_alone_and_in_pairs(record: Record) -> None:
    result = max(record.metrics["trainings"][:2], key=lambda result: result["dev_accuracy"])
    runner, corpus = lesson.load_runner(result), corpus_of(record)
    shown = {each["which"]: each for each in record.metrics["left_out"]}
    assert {"surest", "least sure", "worst mistake"} == shown.keys()
    assert shown["surest"]["tokens"] == record.metrics["words"]["tokens"]
    for each in shown.values():
        tokens, n = each["tokens"], len(each["tokens"])
        assert (len(each["without"]), [*map(len, each["pairs"])]) == (n, [*reversed(range(n))])
        expected = {(): each["whole"], (0,): each["without"][0], (n - 1,): each["without"][-1]}
        expected |= {(0, 1): each["pairs"][0][0], (3, 7): each["pairs"][3][3], (n - 2, n - 1): each["pairs"][-2][0]}
        for left_out, s in expected.items():
            kept = [token for i, token in enumerate(tokens) if i not in left_out]
            ids = paddle.to_tensor(corpus.vocabulary.encode(kept)[None])
            logits = runner.predict((ids, paddle.to_tensor([len(kept)])))[0]
            assert s == pytest.approx(float(logits[1] - logits[0]), abs=1e-4)
    wrong = shown["worst mistake"]
    assert (wrong["whole"] > 0) == (wrong["label"] == LABELS[0])
    assert abs(shown["least sure"]["whole"]) <= abs(wrong["whole"]) <= abs(shown["surest"]["whole"])


def test_the_review_looked_into_is_the_one_that_the_model_is_surest_of(record: Record) -> None:
    result = max(record.metrics["trainings"][:2], key=lambda result: result["dev_accuracy"])
    runner, reviews = lesson.load_runner(result), corpus_of(record).reviews["test"]
    near = sorted(range(len(reviews)), key=lambda i: abs(len(reviews[i][0]) - 55))[:128]
    sure = []
    for i in near:  # 40 tokens are read
        ids = paddle.to_tensor(reviews[i][0][None, :40].astype("int64"))
        shares = paddle.nn.functional.softmax(runner.predict((ids, paddle.to_tensor([ids.shape[1]]))))
        sure.append(float(shares.max()))
    words = record.metrics["words"]
    assert words["probability"] == pytest.approx(max(sure), abs=1e-5)
    chosen = near[int(np.argmax(sure))]
    assert words["label"] == LABELS[reviews[chosen][1]]
    assert words["source"][0].startswith(f"review {chosen} of test")


@pytest.mark.parametrize("review", ["great", "costs $5 or $6, not bad at all", "zzzz qqqq"])
def test_any_review_can_be_looked_into(review: str, out: Path, tmp_path: Path) -> None:
    shutil.copytree(out / "6.7", tmp_path / "6.7")
    metrics = run(tmp_path, "--review", review).metrics
    words, yours = metrics["words"], metrics["left_out"][0]
    assert (yours["which"], yours["tokens"]) == ("yours", words["tokens"])
    assert len(words["tokens"]) >= 1
    assert (words["label"], words["source"]) == ("", ["the reader's review", "读者给出的影评"])


def test_results_do_not_depend_on_jobs(record: Record, tmp_path: Path) -> None:
    again = run(tmp_path, "--jobs", 1)
    first = [result for result in record.metrics["trainings"] if result["num_layers"] == 1]
    assert without_times(again.metrics["trainings"]) == without_times(first)


def test_finished_trainings_are_reused(out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(out / "6.7", tmp_path / "6.7")
    run(tmp_path)
    assert "2 of 2 trainings are done already" in capsys.readouterr().out


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("is_prepared", [False, True])
def test_which_corpus_it_is_said_in_one_language(
    is_prepared: bool, language: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(imdb, "is_prepared", lambda root: is_prepared)
    terminal.begin(language)
    run = SimpleNamespace(number="6.7", data_dir=Path("data"), settings=SimpleNamespace(corpus="auto"))
    assert corpora.choose_corpus(run) == ("imdb" if is_prepared else "small")  # type: ignore[arg-type]
    (line,) = capsys.readouterr().out.splitlines()
    assert line.isascii() == (language == "en")
    assert ("--corpus small" if is_prepared else "python -m chapter6 data imdb") in line
    assert (" is not prepared" in line) == (language == "en" and not is_prepared)


def test_without_imdb(tmp_path: Path, capsys: pytest.CaptureFixture[str], out: Path) -> None:
    shutil.copytree(out / "6.7", tmp_path / "6.7")
    run(tmp_path)
    assert "to get IMDB: python -m chapter6 data imdb" in capsys.readouterr().out
    for arguments in (["--corpus", "imdb"], ["--preset", "book"], ["--preset", "best"]):
        run(tmp_path, *arguments, code=2)
        [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("chapter6:")]
        assert "data imdb" in line


def test_on_a_miniature_imdb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part in ("train", "test"):
        for kind, words in (("neg", "a bad film"), ("pos", "a good film")):
            (tmp_path / "aclImdb" / part / kind).mkdir(parents=True)
            for n in range(12):
                text = f"{words}, number {n} <br />" + " and so on" * n
                (tmp_path / "aclImdb" / part / kind / f"{n}_1.txt").write_text(text)
    imdb.prepare(tmp_path, tmp_path / "data" / "imdb", reviews_per_class=12)
    arguments = ["--data-dir", tmp_path / "data", "--min-freq", 1, "--batch-size", 4, "--learning-rate", 0.02]
    record = run(tmp_path / "out", *arguments, "--epochs", 15, "--tokenizer", "space")
    assert "on IMDB" in capsys.readouterr().out
    assert record.metrics["corpus"] == "imdb"
    assert [r["test_accuracy"] for r in record.metrics["trainings"]] == [1.0, 1.0]
    assert "epochs" in next(claim["measured"] for claim in record.claims if claim["id"] == "turn")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--pooling", "sum"], "pooling 'sum': expected mean, max, last"),
        (["--dropout", "1.5"], "dropout 1.5"),
        (["--word-dropout", "-0.1"], "word_dropout -0.1"),
        (["--num-layers", "0"], "num_layers 0"),
        (["--keep", "best"], "keep 'best': expected accuracy, loss"),
        (["--num-layers", "2,2"], "num_layers 2, 2: expected each once"),
        (["--max-seq-len", "0"], "max_seq_len 0"),
        (["--corpus", "news"], "corpus 'news': expected auto, imdb, small"),
    ],
)
def test_bad_settings(arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, *arguments, code=2)
    [line] = capsys.readouterr().err.splitlines()
    assert said in line
    assert list(tmp_path.iterdir()) == []


def test_no_word_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, "--vocab-size", 2, code=2)
    assert "no word is left" in capsys.readouterr().err


def test_several_processes_train_no_digits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PADDLE_TRAINERS_NUM", "2")
    with pytest.raises(SystemExit) as exit_:
        main(["run", "6.2", "--out", str(tmp_path)])
    assert exit_.value.code == 2
    assert "section 6.2" in capsys.readouterr().err


@pytest.mark.parametrize("corpus", ["imdb", "small"])
def test_verdicts_follow_the_numbers(corpus: str) -> None:
    """Two made-up trainings, one that overfits like the book's and one that never does."""

    def record_of(dev_losses: list[float], train_losses: list[float], accuracy: float) -> Record:
        results = [
            {
                "num_layers": 1, "seed": seed, "keep": "accuracy", "epochs": 3, "steps_per_epoch": 10,
                "test_accuracy": accuracy + 0.001 * seed,
                "dev_losses": [[10 * (i + 1) // 2 - 1, loss + 0.001 * seed] for i, loss in enumerate(dev_losses)],
                "dev_scores": [0.80, accuracy] + [accuracy] * (len(dev_losses) - 2),
                "step_losses": [[i, loss] for i, loss in enumerate(np.repeat(train_losses, 5) + 0.001 * seed)],
            }
            for seed in (0, 1)
        ]  # fmt: skip
        padding = {"forward": 0, "reverse": 0, "logits": 0, "logits_without_length": 1}
        order = [{"num_layers": n, "seed": s, "test_accuracy": 0.6 + 0.3 * n} for n in (0, 1) for s in (0, 1)]
        metrics = {"corpus": corpus, "trainings": results, "padding": padding, "word_order": order}
        return Record("6.7", "book", {"num_layers": [1]}, [0, 1], 0.0, {}, metrics)

    overfits = record_of([0.5, 0.3, 0.4, 0.5, 0.6, 0.7], [0.6, 0.4, 0.3, 0.2, 0.1, 0.05], 0.87)
    assert {claim.id: claim.verdict for claim in lesson.LESSON.claims(overfits)} == dict.fromkeys(CLAIMS, "holds")
    learns_on = record_of([0.6, 0.55, 0.5, 0.45, 0.4, 0.35], [0.6, 0.5, 0.45, 0.4, 0.38, 0.36], 0.70)
    verdicts = {claim.id: claim.verdict for claim in lesson.LESSON.claims(learns_on)}
    assert {verdicts[name] for name in ("turn", "overfitting", "accuracy")} == {"does not hold"}


def test_damaged_prepared_reviews_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "data" / "imdb" / "prepared"
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"format": -1}))
    run(tmp_path, "--data-dir", tmp_path / "data", code=2)
    assert "meta.json" in capsys.readouterr().err
