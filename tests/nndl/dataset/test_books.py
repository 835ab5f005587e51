"""Books: what is held out, what is refused in one line, and that damage is seen."""

import json
from pathlib import Path

from nndl import jsonfile
from nndl.dataset import books
from nndl.error import DataError, NotPreparedError
from nndl.file import check_sum

import pytest

DATA = Path(__file__).parents[4] / "shared" / "data" / "language"
POEMS = [
    f"{first}山不見人，但聞人語響。返景入深林，復照青苔{last}。"
    for first in "空深遠高秋春"
    for last in "上下前後中外邊裏間頭"
]


def write_json(path: Path, poems: list[str] = POEMS) -> Path:
    records = [{"author": "王維", "title": "鹿柴", "paragraphs": [poem[:12], poem[12:]]} for poem in poems]
    path.write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")
    return path


def test_the_end_of_a_text_is_held_out() -> None:
    text = "".join(chr(0x4E00 + n) for n in range(3000))
    parts = books.split_text(text, "a text")
    assert parts["train"] + parts["dev"] + parts["test"] == text
    assert len(parts["test"]) == 300
    assert len(parts["dev"]) == 2700 // 20


def test_a_book_by_file_or_folder(tmp_path: Path) -> None:
    (tmp_path / "timemachine.txt").write_bytes(b"\xef\xbb\xbf" + b"line one\r\nline two\r\n" * 100)
    for place, source in (("a", tmp_path / "timemachine.txt"), ("b", tmp_path)):
        done = books.prepare_time_machine(source, tmp_path / place)
        texts = books.load("timemachine", tmp_path / place)
        assert "".join(texts.values()) == "\n".join(["line one\nline two"] * 100)
        assert done.sizes == {split: len(text) for split, text in texts.items()}
        assert not done.is_official


def test_every_tenth_poem_is_held_out(tmp_path: Path) -> None:
    (tmp_path / "poems.txt").write_text("\n\n".join(POEMS), encoding="utf-8")
    found = []
    for place, source in (("a", write_json(tmp_path / "poems.json")), ("b", tmp_path / "poems.txt")):
        books.prepare_tang_poems(source, tmp_path / place)
        found.append(books.load("tangshi", tmp_path / place))
    assert found[0] == found[1]
    parts = {split: text.splitlines() for split, text in found[0].items()}
    assert parts["test"] == POEMS[9::10]
    assert sorted(poem for some in parts.values() for poem in some) == sorted(POEMS)
    assert len(parts["dev"]) == 54 // 20


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"x", "1 character, expected a text of at least 1,000"),
        (b"x" * 999, "999 characters"),
        ("时间机器".encode("gbk") * 500, "is no text; save it as UTF-8"),
        (("time" * 500).encode("utf-16-le"), "holds a NUL"),
    ],
)
def test_a_text_that_is_none(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_bytes(content)
    with pytest.raises(DataError, match=said):
        books.prepare_time_machine(tmp_path / "text.txt", tmp_path / "book")
    assert not (tmp_path / "book" / "prepared").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ('[{"title": "x"}]', "record 1 has no lines"),
        ('[{"paragraphs": ["a"]}, {"paragraphs": [1]}]', "record 2 has no lines"),
        (r'[{"paragraphs": ["\ud800"]}]', "record 1 holds half a character"),
        ('[["a"]]', "record 1 has no lines"),
        ("春\n夏", "2 poems, expected more"),
        ("[]", "0 poems, expected more"),
    ],
)
def test_poems_that_are_none(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "poems.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        books.prepare_tang_poems(tmp_path / "poems.json", tmp_path / "book")
    assert not (tmp_path / "book" / "prepared").exists()


def test_damage_is_seen(tmp_path: Path) -> None:
    with pytest.raises(NotPreparedError, match="data tangshi"):
        books.load("tangshi", tmp_path / "none")
    books.prepare_tang_poems(write_json(tmp_path / "poems.json"), tmp_path)
    path = tmp_path / "prepared" / "dev.txt"
    path.write_text(path.read_text(encoding="utf-8")[1:], encoding="utf-8")
    with pytest.raises(DataError, match="changed since it was prepared"):
        books.load("tangshi", tmp_path)
    meta = jsonfile.read(tmp_path / "prepared" / "meta.json", {})
    jsonfile.write(tmp_path / "prepared" / "meta.json", meta | {"files": meta["files"] | {"dev.txt": check_sum(path)}})
    with pytest.raises(DataError, match="characters, expected"):
        books.load("tangshi", tmp_path)


def test_a_readers_own_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        books.read_text(tmp_path / "none.txt")
    assert len(books.documentation()) == books.DOCUMENTATION
    assert books.mark_of_text("a") != books.mark_of_text("b")


@pytest.mark.skipif(not DATA.exists(), reason="the data are not here")
@pytest.mark.parametrize(("name", "size"), [("timemachine", 178_978), ("tangshi", 25_605)])
def test_the_published_files_are_the_official_texts(name: str, size: int, tmp_path: Path) -> None:
    book = books.BOOKS[name]
    prepare = {"timemachine": books.prepare_time_machine, "tangshi": books.prepare_tang_poems}[name]
    (file,) = book.published
    assert check_sum(DATA / file.name) == file.check_sum
    assert (DATA / file.name).stat().st_size == file.size
    done = prepare(DATA, tmp_path)
    assert done.is_official
    assert sum(done.sizes.values()) == size
