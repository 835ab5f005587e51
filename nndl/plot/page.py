"""A figure as a whole: its panels, its legend, its files."""

import warnings
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from nndl.file import replacing
from nndl.plot.look import style

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.container import Container
from matplotlib.figure import Figure
from PIL import Image


def panels(
    count: int, columns: int = 3, size: tuple[float, float] = (3.8, 3.0), share_x: bool = True
) -> tuple[Figure, list[Axes]]:
    """A figure of ``count`` panels in rows, which share their axes; each shows the numbers of its ticks.

    Limits are shared too: set them once, after the curves of all panels (``set_ylim(0)`` ends the scaling).

    Args:
        columns: panels in a row at most.
        size: width and height of a panel, inches.
        share_x: whether the x axis is shared; the y axis is.
    """
    columns = min(columns, count)
    rows = -(-count // columns)
    size = (size[0] * columns, size[1] * rows)
    figure, grid = plt.subplots(rows, columns, figsize=size, sharex=share_x, sharey=True, squeeze=False)
    for axes in grid.flat[count:]:
        axes.remove()
    for axes in grid.flat[:count]:
        axes.tick_params(labelbottom=True, labelleft=True)
    return figure, list(grid.flat[:count])


def legend(figure: Figure) -> None:
    """One legend for all panels, below them; what several panels show is named once, points before lines."""
    entries = [e for axes in figure.axes for e in zip(*axes.get_legend_handles_labels(), strict=True)]
    named = {}
    for handle, label in sorted(entries, key=lambda entry: not isinstance(entry[0], Container)):
        named.setdefault(label, handle)
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=len(named))


def save(figures: Mapping[str, Figure], folder: Path) -> None:
    """Write each figure as ``name.png`` and ``name.pdf``, each file whole or not at all, and close it.

    Raises:
        OutputError: a file cannot be written.
    """
    for name, figure in figures.items():
        for suffix in ("png", "pdf"):
            with replacing(folder / f"{name}.{suffix}") as temporary, style(), warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Glyph")  # of a reader's own words: a box is drawn instead
                figure.savefig(temporary)
                if suffix == "png":
                    temporary.write_bytes(in_few_colours(temporary.read_bytes()))
        plt.close(figure)


def in_few_colours(png: bytes) -> bytes:
    """A PNG of the 256 colours that suit it best: a third of the bytes, and to the eye the same picture."""
    small = BytesIO()
    with Image.open(BytesIO(png)) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()
