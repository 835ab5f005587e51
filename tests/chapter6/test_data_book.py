"""``data book``: the files, made anew here from the reviews' names, and cells as the book's notebooks hold them."""

import gzip
import os
import random
from collections import Counter
from pathlib import Path

import nndl  # before Paddle
from chapter6.__main__ import main
from nndl.dataset import digit_sum, imdb

import numpy as np
import pytest

NUMBERS = (0, 1, 2, 9, 10, 11, 100, 101, 1000, 12)
WORDS = "good bad plain long Short loud Quiet new old Great".split()


def make_reviews(root: Path) -> dict[str, str]:
    """Miniature reviews in the official layout; name to text. Some words come equally often."""
    rng, texts = random.Random(1), {}
    for part in ("train", "test"):
        for kind in ("neg", "pos"):
            for number in NUMBERS:
                words = " ".join(rng.choices(WORDS, k=6))
                text = f"A {words}<br /><br />FILM,\t{kind} \x85 {part} {number} "
                texts[f"{part}/{kind}/{number}_{rng.randint(1, 10)}.txt"] = text
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8", newline="")
    return texts


def book(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as exit_:
        main(["data", "book", *map(str, arguments)])
    captured = capsys.readouterr()
    assert exit_.value.code == code, captured.err
    return captured.err if code else captured.out


@pytest.fixture
def texts(tmp_path: Path) -> dict[str, str]:
    texts = make_reviews(tmp_path / "aclImdb")
    imdb.prepare(tmp_path / "aclImdb", tmp_path / "data" / "imdb", reviews_per_class=len(NUMBERS))
    return texts


def read(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        return [line.removesuffix("\n") for line in file]


def everything(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_reviews_are_split_as_in_that_edition(
    texts: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "../dataset/imdb" in book(capsys, tmp_path / "book", "--data-dir", tmp_path / "data")

    def lines(part: str) -> list[str]:
        found = []
        for kind, label in (("pos", 1), ("neg", 0)):
            for name in sorted(os.listdir(tmp_path / "aclImdb" / part / kind)):
                words = texts[f"{part}/{kind}/{name}"].replace("<br />", " ").split()
                found.append(f"{label}\t{' '.join(words).lower()}")
        return found

    train = lines("train")
    assert [line.split()[-1] for line in train[:10]] == ["0", "1000", "100", "101", "10", "11", "12", "1", "2", "9"]
    random.Random(42).shuffle(train)
    folder = tmp_path / "book" / "dataset" / "imdb"
    assert read(folder / "dev.txt.gz") == train[:4]  # a fifth, as 5,000 of 25,000
    assert read(folder / "train.txt.gz") == train[4:]
    assert read(folder / "test.txt.gz") == lines("test")
    counts = Counter(word for line in train[4:] for word in line[2:].split(" "))
    assert read(folder / "vocab.txt.gz") == ["[PAD]", "[UNK]", *(word for word, _ in counts.most_common())]


def test_the_same_again_and_nothing_overwritten(
    texts: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, folder = ["--data-dir", tmp_path / "data"], tmp_path / "book"
    said = book(capsys, folder, "--data-dir", tmp_path / "nowhere")  # before IMDB is prepared
    assert "data imdb" in said
    assert not (folder / "dataset").exists()
    (folder / "images" / "figure.pdf").write_text("mine")
    (folder / "datasets" / "5" / "note.txt").write_text("mine")
    before = everything(folder)
    said = book(capsys, folder, *data)
    assert "made: dataset/imdb\n" in said
    assert {name: content for name, content in everything(folder).items() if name in before} == before
    after = everything(folder)
    assert "made" not in book(capsys, folder, *data)
    assert everything(folder) == after
    book(capsys, tmp_path / "other", *data)
    assert {name: content for name, content in after.items() if content != b"mine"} == everything(tmp_path / "other")
    for length in digit_sum.LENGTHS:
        for split in digit_sum.SPLITS:
            ours = digit_sum.DEFAULT_ROOT / str(length) / f"{split}.txt"
            assert (folder / "datasets" / str(length) / ours.name).read_bytes() == ours.read_bytes()


def test_what_is_in_the_way(texts: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data-dir", tmp_path / "data"]
    (tmp_path / "file").write_text("mine")
    assert "cannot write" in book(capsys, tmp_path / "file", *data, code=2)
    for number, (name, said) in enumerate(
        [("images", "is no folder"), ("datasets/10/train.txt", "line 1"), ("dataset/imdb/vocab.txt.gz", "lacks train")]
    ):
        folder = tmp_path / str(number)
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("mine")
        line = book(capsys, folder, *data, code=2)
        assert said in line
        assert line.count("\n") == 1
        assert everything(folder) == {name: b"mine"}


def test_a_failure_leaves_nothing_half_written(
    texts: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    data = ["--data-dir", tmp_path / "data"]
    with monkeypatch.context() as context:
        context.setattr("nndl.dataset.book._write_lines", full)
        assert "No space left" in book(capsys, tmp_path / "book", *data, code=2)
    assert not (tmp_path / "book" / "dataset" / "imdb").exists()
    assert "dataset/imdb" in book(capsys, tmp_path / "book", *data)


def test_cells_of_a_notebook(
    texts: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import paddle
    from paddle import io, nn

    book(capsys, tmp_path / "book", "--data-dir", tmp_path / "data")
    (tmp_path / "book" / "bilstm").mkdir()
    monkeypatch.chdir(tmp_path / "book")

    class Digits(io.Dataset):
        def __init__(self, path: str) -> None:
            with open(path) as file:
                pairs = [line.strip().split("\t") for line in file]
            self.examples = [([int(digit) for digit in digits.split(" ")], int(label)) for digits, label in pairs]

        def __len__(self) -> int:
            return len(self.examples)

        def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
            digits, label = self.examples[i]
            return np.array(digits, dtype="int64"), np.array(label, dtype="int64")

    splits = {name: io.DataLoader(Digits(f"./datasets/5/{name}.txt"), batch_size=50) for name in ("train", "dev")}
    model = nndl.Model_RNN4SeqClass(nndl.SRN(8, 8), 10, 8, 8, 19)
    optimizer = paddle.optimizer.Adam(0.01, parameters=model.parameters())
    runner = nndl.RunnerV3(model, optimizer, nn.CrossEntropyLoss(), nndl.Accuracy())
    runner.train(
        splits["train"], splits["dev"], num_epochs=1, eval_steps=3, log_steps=0, save_path="./checkpoints/srn.pdparams"
    )
    nndl.plot_training_loss(runner, "./images/loss.pdf", sample_step=1)
    assert Path("images/loss.pdf").stat().st_size > 1_000
    assert Path("checkpoints/srn.pdparams").exists()

    monkeypatch.chdir("bilstm")  # whose notebook looks one folder up
    with gzip.open("../dataset/imdb/vocab.txt.gz", "rt", encoding="utf-8") as file:
        ids = {word.strip(): i for i, word in enumerate(file)}
    for name, number in (("train", 16), ("dev", 4), ("test", 20)):
        with gzip.open(f"../dataset/imdb/{name}.txt.gz", "rt", encoding="utf-8") as file:
            rows = [line.strip().split("\t") for line in file]
        assert len(rows) == number
        tokens = [[ids.get(word, ids["[UNK]"]) for word in text.split(" ")] for _, text in rows]
        lengths = np.array([len(row) for row in tokens])
        padded = np.zeros((number, lengths.max()), dtype="int64")
        for row, known in zip(padded, tokens, strict=True):
            row[: len(known)] = known
        assert name != "train" or ids["[UNK]"] not in padded
        classifier = nndl.Model_BiLSTM_FC(len(ids), 4, 4)
        logits = classifier((paddle.to_tensor(padded), paddle.to_tensor(lengths)))
        labels = paddle.to_tensor([int(label) for label, _ in rows])
        assert float(nn.CrossEntropyLoss()(logits, labels)) > 0
