"""What a reader sees, in both languages (中英双语)."""

from typing import NamedTuple

LANGUAGES = ("auto", "zh", "en")
"""What a reader may ask for; auto follows the locale."""


class Text(NamedTuple):
    """The same in English and in Chinese; as a string both, one after the other.

    >>> str(Text("accuracy", "准确率"))
    'accuracy 准确率'
    """

    en: str
    zh: str

    def __str__(self) -> str:
        return self.joined(" ")

    def joined(self, between: str) -> str:
        """Both, with this between them; once where they are the same."""
        return self.en if self.en == self.zh else f"{self.en}{between}{self.zh}"


def counted(number: int, name: str) -> str:
    """So many, in English.

    >>> counted(1, "seed"), counted(3, "seed")
    ('1 seed', '3 seeds')
    """
    return f"{number} {name}{'' if number == 1 else 's'}"


def same(text: str) -> Text:
    """What needs no translation: a number, a symbol, a name."""
    return Text(text, text)
