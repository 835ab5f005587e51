"""A text with each word on the colour of what it adds (各词的贡献); characters where their vectors are (字符向量)."""

import warnings
from collections.abc import Sequence
from unicodedata import east_asian_width

from nndl.plot.look import DIVERGING, LATIN, LOOKS, MONOSPACE, families

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath

LINE = 78
"""The columns of a line; a Chinese character takes two."""


def draw_words(tokens: Sequence[str], contributions: Sequence[float], title: str, label: str) -> Figure:
    """Each word on its colour: pink speaks for (solid edge), green against (dashed edge), the stronger the deeper.

    A figure of its own, for its height follows from its lines.

    Args:
        tokens: the words in their order, such as a reader wrote them; what has no font becomes a box.
        contributions: one a word, any unit, 0 in the middle.
        title: of the figure; may hold such words.
        label: of the colour bar: what a contribution is.
    """
    lines = _wrap(tokens)
    strongest = max(map(abs, contributions), default=0.0) or 1.0
    colors = ScalarMappable(Normalize(-strongest, strongest), DIVERGING)
    figure, axes = plt.subplots(figsize=(7.2, 0.34 * len(lines) + 1.3))
    axes.set(xlim=(0, LINE), ylim=(len(lines) - 0.4, -0.8))
    axes.set_title(title, parse_math=False)
    axes.axis("off")
    for row, line in enumerate(lines):
        for column, i, token in line:
            _draw_word(axes, column, row, token, contributions[i] / strongest, colors.to_rgba(contributions[i]))
    bar = figure.colorbar(colors, ax=axes, orientation="horizontal", fraction=0.06, aspect=45, pad=0.02)
    bar.set_label(label, parse_math=False)
    return figure


def _draw_word(axes: Axes, column: int, row: int, token: str, strength: float, color: tuple[float, ...]) -> None:
    """``strength`` is between −1 and 1. The edge tells for from against where the print is grey."""
    edge = "none" if abs(strength) < 0.2 else "0.25"
    box = {"facecolor": color, "edgecolor": edge, "linewidth": 0.8, "linestyle": "-" if strength > 0 else "--"}
    font = {"family": families(MONOSPACE), "color": "white" if abs(strength) > 0.7 else "black"}
    axes.text(column, row, token, fontsize=10, parse_math=False, bbox={**box, "pad": 1.5}, **font)


def _wrap(tokens: Sequence[str]) -> list[list[tuple[int, int, str]]]:
    """Lines of (column, number of the token, the token, cut where it is longer than a line)."""
    lines: list[list[tuple[int, int, str]]] = [[]]
    column = 0
    for i, token in enumerate(tokens):
        token = token if _columns(token) <= LINE else f"{token[: LINE // 2 - 1]}…"
        if column and column + _columns(token) > LINE:
            lines.append([])
            column = 0
        lines[-1].append((column, i, token))
        column += _columns(token) + 1
    return lines


def _columns(text: str) -> int:
    """How many columns of a terminal's kind a text takes."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


SHOWN = {" ": "␣", "\n": "⏎", "\t": "⇥"}
"""What is drawn of characters that have no shape."""


def draw_characters(axes: Axes, characters: Sequence[str], places: Sequence[Sequence[float]]) -> None:
    """Each character at its place: vowels pink, other letters blue, digits gold, marks black.

    Args:
        characters: one a place.
        places: x and y of each.
    """
    font = FontProperties(family=families(LATIN))
    for character, (x, y) in zip(characters, places, strict=True):
        shown = SHOWN.get(character, character)
        if shown.isspace() or not shown.isprintable():  # a blank of another kind
            continue
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph")  # of a reader's own text: a box is drawn instead
            shape = TextPath((0, 0), shown, size=12, prop=font)
        box = shape.get_extents()
        middle = Path(shape.vertices - [(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2], shape.codes)
        # a marker is as large as twice what its shape reaches from the middle
        size = 2 * float(abs(middle.vertices).max())
        axes.plot(x, y, marker=middle, markersize=size, color=_color(character), markeredgewidth=0, linestyle="")


def _color(character: str) -> str:
    if character.lower() in "aeiou":
        return LOOKS[0]["color"]
    if character.isdigit():
        return LOOKS[4]["color"]
    return LOOKS[3]["color"] if character.isalpha() else LOOKS[1]["color"]
