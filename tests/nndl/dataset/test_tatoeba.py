"""Tatoeba on pairs of our own; on the real ones where they are."""

from pathlib import Path

from nndl.dataset import tatoeba
from nndl.dataset.pairs import by_source
from nndl.error import DataError, NotPreparedError, SettingError

import pytest

REAL = Path(__file__).parents[4] / "shared" / "data" / "translation" / "cmn.txt"
LINES = [f"Sentence {n}{mark}\t第{n}句{mark}\tby person {n}" for n in range(60) for mark in ".!"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "own.tsv"
    path.write_text("\n".join([*LINES, "", "He left.\t他走了。", "he LEFT!\t他離開了。"]), encoding="utf-8")
    return path


def words(pair: tatoeba.Pair) -> str:
    return "".join(c for c in pair.english.lower() if c.isalnum())


def test_all_come_back_and_no_english_is_in_two_splits(source: Path, tmp_path: Path) -> None:
    done = tatoeba.prepare(source, tmp_path / "data")
    splits = tatoeba.load(tmp_path / "data")
    assert done.sizes == {split: len(pairs) for split, pairs in splits.items()}
    assert not done.is_official
    found = {pair for pairs in splits.values() for pair in pairs}
    expected = {tatoeba.Pair(*line.split("\t")) for line in LINES}
    assert found == expected | {tatoeba.Pair("He left.", "他走了。"), tatoeba.Pair("he LEFT!", "他離開了。")}
    kept = {split: {words(pair) for pair in pairs} for split, pairs in splits.items()}
    assert len(set.union(*kept.values())) == sum(map(len, kept.values()))
    assert {split: len(english) for split, english in kept.items()} == {"train": 55, "dev": 3, "test": 3}


def test_scripts_and_short_sentences(tmp_path: Path) -> None:
    path = tmp_path / "own.tsv"
    lines = ["a b c\t我们", "d e\t我們", "f g\t你好"] * 3
    path.write_text("\n".join(f"{n}{line}" for n, line in enumerate(lines)), encoding="utf-8")
    pairs = tatoeba.read_pairs(path)
    assert [tatoeba._is_in(pair.chinese, "simplified") for pair in pairs[:3]] == [True, False, True]
    assert [tatoeba._is_in(pair.chinese, "traditional") for pair in pairs[:3]] == [False, True, True]
    tatoeba.prepare(path, tmp_path / "data")
    with pytest.raises(DataError, match="no sentence of at most 1 words, simplified"):
        tatoeba.load(tmp_path / "data", 1, "simplified")
    with pytest.raises(SettingError, match="expected one of simplified"):
        tatoeba.load(tmp_path / "data", script="latin")


@pytest.mark.parametrize("line", ["no tab here", "\t只有中文", "only English\t ", "Unseen.\t\u200b", "?\t？"])
def test_a_line_that_is_no_pair(line: str, source: Path, tmp_path: Path) -> None:
    source.write_text(f"Hi.\t嗨。\n\n{line}\n", encoding="utf-8")
    if line == "?\t？":
        assert len(tatoeba.read_pairs(source)) == 2  # a mark alone is a sentence
        return
    with pytest.raises(DataError, match=r"own.tsv, line 3: .*expected a pair a line: English, a tab, Chinese"):
        tatoeba.prepare(source, tmp_path / "data")
    assert not (tmp_path / "data" / "prepared").exists()


def test_too_few(source: Path, tmp_path: Path) -> None:
    source.write_text("Hi.\t嗨。\nHi!\t你好。\nRun.\t跑。\n", encoding="utf-8")
    with pytest.raises(DataError, match="2 different English sentences: expected at least 3"):
        tatoeba.prepare(source, tmp_path / "data")


def test_what_is_changed_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(NotPreparedError, match="Tatoeba is not prepared; run: python -m chapter6 data tatoeba"):
        tatoeba.load(tmp_path / "data")
    tatoeba.prepare(source, tmp_path / "data")
    dev = tmp_path / "data" / "prepared" / "dev.tsv"
    dev.write_text(dev.read_text(encoding="utf-8") + "x\t叉\n", encoding="utf-8")
    with pytest.raises(DataError, match="changed since"):
        tatoeba.load(tmp_path / "data")


def test_references_are_all_translations() -> None:
    pairs = [tatoeba.Pair("Hi.", "嗨。"), tatoeba.Pair("Run.", "跑 吧。"), tatoeba.Pair("hi .", "你好。")]
    found = by_source([(pair.source, pair.target) for pair in pairs])
    assert found == {("hi", "."): [list("嗨。"), list("你好。")], ("run", "."): [list("跑吧。")]}


@pytest.mark.skipif(not REAL.exists(), reason="the published file is not there")
def test_the_published_file(tmp_path: Path) -> None:
    done = tatoeba.prepare(REAL.parent, tmp_path)
    assert done.is_official
    splits = tatoeba.load(tmp_path, most_words=6, script="simplified")
    assert sum(done.sizes.values()) == 24_026
    assert len(splits["train"]) > 10 * len(splits["test"]) > 1000
    train = {words(pair) for pair in splits["train"]}
    assert not any(words(pair) in train for split in ("dev", "test") for pair in splits[split])
    assert all(pair.attribution for pair in splits["dev"])
