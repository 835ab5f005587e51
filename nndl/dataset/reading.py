"""From a file to words: decoding, reading line by line, tokenising (切词). Needs neither Paddle nor NumPy.

Only the tokeniser "jieba" needs a library, jieba, which is loaded when its first text comes.

A text is UTF-8, or what its byte order mark says: UTF-8, UTF-16, UTF-32 or GB18030. Nothing else is guessed at. The
mark, the Ctrl-Z some editors end a file with, and whether an é is one character or two make no difference.
"""

import codecs
import io
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from nndl.error import DataError, SettingError
from nndl.file import open_regular

MAX_LINE = 16 << 20
"""Characters of a line; the longest of IMDB's reviews has 14 thousand."""

_MARK, _CTRL_Z = "\ufeff", "\x1a"
_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",  # before UTF-16's, which is its beginning
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
    _MARK.encode("gb18030"): "GB18030",
}
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_WORD_OR_MARK = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
_HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
"""The Chinese characters (汉字), as a regular expression lists them within brackets."""
_CHINESE = re.compile(f"[{_HAN}]")
_CHARACTER_OR_WORD = re.compile(rf"[{_HAN}]|[^\W{_HAN}]+(?:['’][^\W{_HAN}]+)*|[^\w\s]")


def decode(content: bytes) -> tuple[str, bool]:
    """The text of a whole review, and whether some of its bytes were no text and had to be replaced."""
    encoding = _encoding(content)
    try:
        text, was_replaced = content.decode(encoding), False
    except UnicodeDecodeError:
        text, was_replaced = content.decode(encoding, errors="replace"), True
    if "\0" in text:  # UTF-16 without its mark, or no text at all
        text, was_replaced = text.replace("\0", "\N{REPLACEMENT CHARACTER}"), True
    return _normal(text), was_replaced


def read_lines(file: io.BufferedReader, source: str) -> Iterator[str]:
    """The lines of a text as they come, without their ends: LF, CRLF or CR.

    Args:
        file: is closed when the lines have been read.
        source: what to call it in a message.

    Raises:
        DataError: names the line and the byte that is not in the text's encoding, or a line that does not end.
    """
    for number, line in enumerate(_raw_lines(file, source), start=1):
        where = f"{source}, line {number}"
        if len(line) > MAX_LINE:
            raise DataError(f"{where}: longer than {MAX_LINE:,} characters; expected one text a line")
        if not line.isascii():
            _check_characters(line, where)
        if "\0" in line:
            raise DataError(f"{where}: holds a NUL, as UTF-16 without its byte order mark does, or no text; {_SAVE}")
        yield _normal(line.removesuffix("\n"))


def _raw_lines(file: io.BufferedReader, source: str) -> Iterator[str]:
    """Lines with "\\n" at the end; in the place of a byte that is not in the encoding stands a surrogate."""
    lines = 0
    try:
        encoding = _encoding(file.peek(4))
        reader = io.TextIOWrapper(file, encoding, errors="surrogateescape")
        while (line := reader.readline(MAX_LINE + 1)).strip(_MARK + _CTRL_Z):
            lines += 1
            yield line
    except UnicodeDecodeError as error:  # UTF-16 and UTF-32
        raise DataError(f"{source}, after line {lines}: no {encoding} ({error.reason}); {_SAVE}") from None
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror or error})") from None


_SAVE = "save it as UTF-8 请另存为 UTF-8"


def _encoding(content: bytes) -> str:
    return next((encoding for mark, encoding in _MARKS.items() if content.startswith(mark)), "UTF-8")


def _check_characters(line: str, where: str) -> None:
    try:
        line.encode("utf-8")
    except UnicodeEncodeError as error:
        place = f"byte 0x{ord(line[error.start]) & 0xFF:02x} at character {error.start + 1}"
        raise DataError(f"{where}: {place} is no text; {_SAVE}") from None


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text.replace(_MARK, "").removesuffix(_CTRL_Z))


def open_file(path: Path, advice: str, most: int | None = None) -> io.BufferedReader:
    """Open a regular file of the user's to read it.

    Args:
        path: the file.
        advice: ends the message.
        most: the bytes it may hold.

    Raises:
        DataError: no such file, no regular one, too large, or unreadable.
    """
    if os.path.isdir(path):
        raise DataError(f"{path}: a folder, expected a file; {advice}")
    try:
        file = open_regular(path)
        size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; {advice}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}); {advice}") from None
    if most is not None and size > most:
        file.close()
        raise DataError(f"{path}: {size:,} bytes, expected at most {most:,}; {advice}")
    return file


def tokenize_space(text: str) -> list[str]:
    """Lower-cased and split on white space, as in the book: "great," is another word than "great"."""
    return text.lower().split()


def tokenize_word(text: str) -> list[str]:
    """Lower-cased words and punctuation marks, each by itself; the line breaks ``<br />`` are gone.

    >>> tokenize_word("Great,<br />isn't it?")
    ['great', ',', "isn't", 'it', '?']
    """
    return _WORD_OR_MARK.findall(_BREAK.sub(" ", text.lower()))


def tokenize_char(text: str) -> list[str]:
    """As :func:`tokenize_word`, but each Chinese character is a token by itself (按字切分).

    >>> tokenize_char("这部3D电影真不错, isn't it?")
    ['这', '部', '3d', '电', '影', '真', '不', '错', ',', "isn't", 'it', '?']
    """
    return _CHARACTER_OR_WORD.findall(_BREAK.sub(" ", text.lower()))


def tokenize_jieba(text: str) -> list[str]:
    """Lower-cased; Chinese is split into words by jieba (结巴分词), which knows them from a dictionary.

    Raises:
        SettingError: jieba is not installed.

    >>> tokenize_jieba("这部电影不好看")
    ['这部', '电影', '不', '好看']
    """
    return [word for word in _jieba().cut(_BREAK.sub(" ", text.lower())) if not word.isspace()]


@cache
def _jieba() -> Any:
    try:
        import jieba
    except ImportError:
        raise SettingError("tokenizer jieba: jieba is not installed; run: pip install jieba, or take char") from None
    jieba.setLogLevel("WARNING")  # it tells on the standard error stream where it keeps its dictionary
    return jieba


def is_chinese(texts: Iterable[str]) -> bool:
    """Whether most of what is written is Chinese, and no blanks set its words apart: such a text must be split.

    Words of Chinese have about two characters; a text with a blank for every four has been split before.

    >>> is_chinese(["这部电影不好看"]), is_chinese(["这部 电影 不 好看"]), is_chinese(["not bad"])
    (True, False, False)
    """
    chinese = letters = blanks = 0
    for text in texts:
        chinese += len(_CHINESE.findall(text))
        letters += sum(map(str.isalnum, text))
        blanks += sum(map(str.isspace, text))
    return 2 * chinese > letters and 4 * blanks < chinese


TOKENIZERS: dict[str, Callable[[str], list[str]]] = {
    "space": tokenize_space,
    "word": tokenize_word,
    "char": tokenize_char,
    "jieba": tokenize_jieba,
}
OF_ENGLISH = ("space", "word")
"""Those that leave Chinese whole, from one blank or mark to the next."""
