"""Decoding, lines and tokens: what editors write, and what is no text."""

import codecs
import io
import sys
import unicodedata
from collections.abc import Callable

from nndl.dataset import reading
from nndl.dataset.reading import (
    TOKENIZERS,
    decode,
    is_chinese,
    read_lines,
    tokenize_char,
    tokenize_jieba,
    tokenize_space,
    tokenize_word,
)
from nndl.error import DataError, SettingError

import pytest
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "by_space", "by_word"),
    [
        ("A great,great film!", ["a", "great,great", "film!"], ["a", "great", ",", "great", "film", "!"]),
        ("It isn't<br /><br/>bad", ["it", "isn't<br", "/><br/>bad"], ["it", "isn't", "bad"]),
        ("one\t two\n\u2003three", ["one", "two", "three"], ["one", "two", "three"]),
        ("《好》 电影", ["《好》", "电影"], ["《", "好", "》", "电影"]),
        ("10/10 'wow'", ["10/10", "'wow'"], ["10", "/", "10", "'", "wow", "'"]),
        (" \n", [], []),
    ],
)
def test_tokenizers(text: str, by_space: list[str], by_word: list[str]) -> None:
    assert tokenize_space(text) == by_space
    assert tokenize_word(text) == by_word


@pytest.mark.parametrize(
    ("text", "by_character", "by_jieba"),
    [
        ("这部电影不好看。", list("这部电影不好看。"), ["这部", "电影", "不", "好看", "。"]),
        ("我 爱<br/>北京", ["我", "爱", "北", "京"], ["我", "爱", "北京"]),
        ("iPhone太贵, 3D不错", ["iphone", "太", "贵", ",", "3d", "不", "错"], ["iphone", "太贵", ",", "3d", "不错"]),
        ("isn't it", ["isn't", "it"], ["isn", "'", "t", "it"]),
        ("\U00020000\u3007", ["\U00020000", "\u3007"], ["\U00020000", "\u3007"]),
        (" \n", [], []),
    ],
)
def test_chinese_by_characters_and_by_words(text: str, by_character: list[str], by_jieba: list[str]) -> None:
    assert tokenize_char(text) == by_character
    assert tokenize_jieba(text) == by_jieba


@given(st.text("abc' ,!<br/>d12é"))
def test_without_chinese_characters_are_words(text: str) -> None:
    assert tokenize_char(text) == tokenize_word(text)


def test_without_jieba_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jieba", None)
    reading._jieba.cache_clear()
    with pytest.raises(SettingError, match="jieba is not installed"):
        tokenize_jieba("电影")


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["这部电影不好看", "剧情一般，no story"], True),
        (["这部 电影 不 好看", "剧情 一般 ， 太 闷"], False),  # split before
        (["看了《卧虎藏龙》, but I did not like it at all"], False),
        (["片长 120 分钟，画面很美，节奏太慢"], True),
        ([], False),
    ],
)
def test_what_counts_as_chinese(texts: list[str], expected: bool) -> None:
    assert is_chinese(texts) is expected


@given(st.text())
def test_tokens_hold_no_white_space(text: str) -> None:
    for tokenize in TOKENIZERS.values():
        assert all(token and token == "".join(token.split()) for token in tokenize(text))


def test_decode() -> None:
    assert decode("café".encode()) == ("café", False)
    assert decode("a \N{REPLACEMENT CHARACTER}".encode()) == ("a \N{REPLACEMENT CHARACTER}", False)
    assert decode(b"caf\xe9") == ("caf\N{REPLACEMENT CHARACTER}", True)
    assert decode("ab".encode("utf-16-le")) == ("a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}", True)


LINES = ["a café film", "", "  very good\u3000电影 ", "next\x85line and\u2028another", "the\xa0end"]
ENCODED = {
    "plain": lambda text: text.encode(),
    "UTF-8 with its mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16, little end first": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "UTF-16, big end first": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "UTF-32": lambda text: codecs.BOM_UTF32_LE + text.encode("utf-32-le"),
    "GB18030 with its mark": lambda text: ("\ufeff" + text).encode("gb18030"),
    "Ctrl-Z": lambda text: text.encode() + b"\x1a",
    "letters and accents apart": lambda text: unicodedata.normalize("NFD", text).encode(),
    "two files one after the other": lambda text: text.replace("\n", "\n\ufeff").encode("utf-8-sig"),
}


def lines_of(content: bytes) -> list[str]:
    return list(read_lines(io.BufferedReader(io.BytesIO(content)), "file.txt"))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encode", ENCODED.values(), ids=ENCODED)
def test_what_editors_write_is_the_same_text(encode: Callable[[str], bytes], end: str) -> None:
    assert lines_of(encode(end.join(LINES))) == LINES
    assert lines_of(encode(end.join([*LINES, ""]))) == LINES
    assert decode(encode(LINES[2])) == (LINES[2], False)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0\x1a\ufeff"))))
def test_any_lines_come_back(lines: list[str]) -> None:
    composed = [unicodedata.normalize("NFC", line) for line in lines]
    for encode in list(ENCODED.values())[:-2]:
        assert lines_of(encode("".join(f"{line}\r\n" for line in lines))) == composed


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("good\n这部电影\n".encode("gbk"), "line 2: byte 0xd5 at character 1 is no text"),
        (b"good\ncaf\xe9 bad\n", "line 2: byte 0xe9 at character 4 is no text"),
        (b"one\ntwo\nthree\xff", "line 3: byte 0xff at character 6 is no text"),
        ("\ud800".encode("utf-8", "surrogatepass"), "line 1: byte 0xed at character 1 is no text"),
        ("good".encode("utf-16-le"), "line 1: holds a NUL"),
        ("good\nfilm".encode("utf-16-be"), "line 1: holds a NUL"),
        ("good".encode("utf-16")[:-1], "after line 0: no UTF-16"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8a\x00", "after line 0: no UTF-16"),
        (codecs.BOM_UTF32_LE + b"\xff\xff\xff\x7f", "after line 0: no UTF-32"),
        ("\ufeff好".encode("gb18030") + b"\xff", "line 1: byte 0xff at character 3 is no text"),
    ],
)
def test_what_is_no_text_is_named(content: bytes, fault: str) -> None:
    with pytest.raises(DataError) as error:
        lines_of(content)
    assert str(error.value).startswith("file.txt, ")
    assert fault in str(error.value)
    assert str(error.value).endswith("save it as UTF-8 请另存为 UTF-8")


@pytest.mark.parametrize("content", [b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, b"\x1a", codecs.BOM_UTF8 + b"\x1a"])
def test_a_text_of_nothing_but_marks_has_no_line(content: bytes) -> None:
    assert lines_of(content) == []
    assert decode(content) == ("", False)


def test_the_lines_before_a_fault_come_first() -> None:
    lines = read_lines(io.BufferedReader(io.BytesIO(b"one\ntwo\n\xff\n")), "file.txt")
    assert [next(lines), next(lines)] == ["one", "two"]
    with pytest.raises(DataError, match="line 3"):
        next(lines)
