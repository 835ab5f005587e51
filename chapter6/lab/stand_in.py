"""Readable stand-ins for characters that the output's encoding lacks, as in ``PYTHONIOENCODING=ascii`` or GBK."""

import codecs
import sys

STAND_INS = {"±": "+-", "≤": "<=", "–": "-", "×": "x", "✓": "Y", "✗": "N", "…": "~"}
"""The last is as wide as what it stands for: it ends a line that is as wide as the terminal."""
STAND_IN = "stand-in"
"""The name of the error handler that puts them in; any other character becomes a question mark."""


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)  # the output is only written
    lacking = error.object[error.start : error.end]
    return "".join(STAND_INS.get(character, "?") for character in lacking), error.end


codecs.register_error(STAND_IN, _stand_in)


def writable(text: str) -> str:
    """The text as the standard output will show it, so that its width is known before it is laid out."""
    return text.encode(_encoding(), STAND_IN).decode(_encoding())


def can_write(text: str) -> bool:
    """Whether the standard output has all of its characters."""
    return writable(text) == text


def _encoding() -> str:
    return getattr(sys.stdout, "encoding", None) or "utf-8"
