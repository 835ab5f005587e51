"""A corpus of the reader's own: what is read, what is refused with its line, and a split that holds nothing twice."""

import hashlib
import random
from collections.abc import Callable
from pathlib import Path

from nndl.dataset import own_reviews
from nndl.dataset.own_reviews import LEAST_TEXTS, MOST_LABELS
from nndl.dataset.text import SPLITS
from nndl.error import DataError

import pytest

ROWS = [f"{label}\t{opinion}, 第{n}条" for n in range(30) for label, opinion in (("差评", "不好看"), ("好评", "好看"))]


def write(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "own.tsv", ROWS)


def test_labels_and_texts_come_back(tmp_path: Path) -> None:
    rows = [*ROWS[:7], "", "  \t ", " 好评 \t so\tgood,  really ", *ROWS[7:]]
    lines = own_reviews.read(write(tmp_path / "own.tsv", rows))
    assert lines.labels == ("好评", "差评")
    pairs = [tuple(row.split("\t")) for row in ROWS]
    pairs.insert(7, ("好评", "so good, really"))
    assert [(lines.labels[label], text) for text, label in lines.examples] == pairs


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: ("\ufeff" + text).encode("gb18030"),
        lambda text: text.replace("\n", "\r\n").encode(),
    ],
)
def test_whatever_an_editor_writes_is_the_same_corpus(encode: Callable[[str], bytes], file: Path) -> None:
    expected = own_reviews.read(file).examples
    file.write_bytes(encode("\n".join(ROWS) + "\n"))
    assert own_reviews.read(file).examples == expected


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([*ROWS, "好评 好看"], f"line {len(ROWS) + 1}: holds no tab"),
        ([*ROWS[:3], "\t好看"], "line 4: label ''"),
        ([f"{'长' * 41}\t好看"], "line 1: label '长"),
        (["好\0评\t好看"], "line 1: holds a NUL"),
        (["好\x07评\t好看"], "line 1: label '好\\x07评'"),
        ([*ROWS, "好评\t"], f"line {len(ROWS) + 1}: no text after the tab"),
        ([*ROWS, "好评\t <br /> \t"], f"line {len(ROWS) + 1}: no text after the tab"),
        ([], "holds no line"),
        (["", " "], "holds no line"),
        (ROWS[::2], "holds the one label '差评'"),
        (["label\ttext", *ROWS], "label 'label' (first in line 1) has 1 texts of its own"),
        (ROWS[: 2 * LEAST_TEXTS - 1], f"label '好评' (first in line 2) has {LEAST_TEXTS - 1} texts"),
        (
            [*ROWS, *(f"中评\t好看, 第{n}条" for n in range(30))],
            "label '中评' (first in line 61) has 0 texts",
        ),
        ([*ROWS[1::2], *["差评\t同一条"] * 30], "label '差评' (first in line 31) has 1 texts"),
        ([f"{n}\t好看" for n in range(100)], f"line {MOST_LABELS + 1}: label '{MOST_LABELS}' is one more than"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(rows: list[str], said: str, tmp_path: Path) -> None:
    path = write(tmp_path / "own.tsv", rows)
    with pytest.raises(DataError) as error:
        own_reviews.read(path)
    assert str(error.value).startswith(str(path))
    assert said in str(error.value)


def test_files_that_are_none(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_bytes("\n".join(ROWS).encode("gbk"))
    with pytest.raises(DataError, match=r"line 1: byte 0xb2 at character 1 is no text; save it as UTF-8"):
        own_reviews.read(file)
    with pytest.raises(DataError, match="a folder, expected a file"):
        own_reviews.read(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        own_reviews.fingerprint(tmp_path / "nowhere.tsv")
    monkeypatch.setattr(own_reviews, "MAX_BYTES", 100)
    with pytest.raises(DataError, match="bytes, expected at most 100"):
        own_reviews.read(file)


def test_the_rule_of_the_split(file: Path) -> None:
    """Of each label, by SHA-256, a tenth is dev, the next test: computed here from the rows themselves."""
    chosen = own_reviews.split(own_reviews.read(file))
    for number, label in enumerate(("好评", "差评")):
        own = [row.split("\t")[1] for row in ROWS if row.startswith(label)]
        own.sort(key=lambda text: hashlib.sha256(text.encode()).hexdigest())
        parts = {"dev": own[:3], "test": own[3:6], "train": own[6:]}
        assert {split: [t for t, n in items if n == number] for split, items in chosen.items()} == parts


def test_no_text_is_in_two_parts_and_none_is_lost(tmp_path: Path) -> None:
    """With duplicates in other capitals and blanks, and under the other label, in any order of the lines."""
    rng = random.Random(0)
    rows = [f"{rng.choice('ab')}\tfilm {n} {word}" for n in range(60) for word in ("good", "bad")]
    rows += [row.upper().lower().replace("film", "Film ") for row in rng.choices(rows, k=80)]
    rows += [f"{rng.choice('ab')}{row[1:]}" for row in rng.choices(rows, k=30)]
    found = []
    for _ in range(2):
        chosen = own_reviews.split(own_reviews.read(write(tmp_path / "own.tsv", rows)))
        assert sum(map(len, chosen.values())) == len(rows)
        texts = {split: {" ".join(t.lower().split()) for t, _ in items} for split, items in chosen.items()}
        assert not any(texts[a] & texts[b] for a in SPLITS for b in SPLITS if a < b)
        assert len(set().union(*texts.values())) == 120
        found.append(texts)
        rows = rows[:120] + rng.sample(rows[120:], len(rows) - 120)  # the first lines of all texts stay first
    assert found[0] == found[1]


def test_ids_are_those_of_the_words(file: Path) -> None:
    corpus = own_reviews.load(file, "char", own_reviews.fingerprint(file))
    assert (corpus.name, corpus.labels) == ("own", ("好评", "差评"))
    assert corpus.sizes() == {label: {"train": 24, "dev": 3, "test": 3} for label in corpus.labels}
    for split in SPLITS:
        for (ids, label), text in zip(corpus.reviews[split], corpus.texts[split], strict=True):
            opinion, number = text.split(", 第")
            assert opinion == {"差评": "不好看", "好评": "好看"}[corpus.labels[label]]
            expected = [*opinion, ",", "第", number.removesuffix("条"), "条"]
            words = [corpus.vocabulary.words[i] for i in ids]
            assert all(found in (word, "[UNK]") for found, word in zip(words, expected, strict=True))
            assert "[UNK]" not in words or split != "train"


def test_another_content_is_another_corpus(file: Path, tmp_path: Path) -> None:
    before = own_reviews.fingerprint(file)
    assert own_reviews.fingerprint(write(tmp_path / "copy.tsv", ROWS)) == before
    write(file, [*ROWS, "好评\t新的一条"])
    assert own_reviews.fingerprint(file) != before
    with pytest.raises(DataError, match="changed while it is trained on"):
        own_reviews.load(file, "char", before)


ODD = (None, 7, "ab", [], ["a"], ["a", 7], ["a", ""], ["a", "a"], ["a", "b\n"], ["a", " b"], ["a", "b" * 41])


@pytest.mark.parametrize("odd", [*ODD, list("abcdefghijklmnopqrstu")])
def test_labels_of_a_model_are_checked(odd: object) -> None:
    with pytest.raises(DataError, match="labels"):
        own_reviews.check_labels(odd)
    assert own_reviews.check_labels(["好评", "差评"]) == ("好评", "差评")
