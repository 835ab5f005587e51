"""Decoding, lines and tokens: what editors write, and what is no text."""

import codecs
import io
import unicodedata
from collections.abc import Callable

from nndl.dataset.reading import TOKENIZERS, decode, read_lines, tokenize_space, tokenize_word
from nndl.error import DataError

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
