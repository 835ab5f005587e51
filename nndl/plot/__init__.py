"""The figures (图): one style, bilingual labels, and what the chapter draws more than once.

    >>> from nndl import plot
    >>> with plot.style():
    ...     figure, (axes,) = plot.panels(1)
    ...     plot.band(axes, [[(0, 3.0), (10, 1.0)], [(0, 2.8), (10, 0.6)]], plot.SPLITS["train"], "train")
    ...     _ = axes.set(xlabel=plot.both("step", "步数"), ylabel=plot.both("loss", "损失"))
    >>> plot.save({"6.6": figure}, folder)  # doctest: +SKIP

:mod:`nndl.plot.look` colours, line styles, fonts · :mod:`nndl.plot.draw` curves, points, bars and marks ·
:mod:`nndl.plot.matrix` heat maps and the confusion matrix · :mod:`nndl.plot.unrolled` a network, step by step ·
:mod:`nndl.plot.words` a text, word by word, characters by their vectors ·
:mod:`nndl.plot.page` panels, legend, files · :mod:`nndl.plot.book` the two functions of the book.
"""

import sys
from types import ModuleType
from typing import Any, NoReturn

from nndl.error import SettingError
from nndl.plot.book import plot_training_loss, plot_training_loss_acc
from nndl.plot.draw import (
    accuracy_axis,
    apart,
    band,
    bars,
    epoch_lines,
    log_axis,
    log_log,
    lowest,
    plain_log,
    points,
    reference,
)
from nndl.plot.look import COLORS, DIVERGING, LOOKS, SEQUENTIAL, SPLITS, both, chinese_font, style
from nndl.plot.matrix import confusion, heat_map, mark_columns
from nndl.plot.page import legend, panels, save
from nndl.plot.unrolled import unrolled
from nndl.plot.words import draw_characters, draw_words

__all__ = [
    "COLORS",
    "DIVERGING",
    "LOOKS",
    "SEQUENTIAL",
    "SPLITS",
    "accuracy_axis",
    "apart",
    "band",
    "bars",
    "both",
    "chinese_font",
    "confusion",
    "draw_characters",
    "draw_words",
    "epoch_lines",
    "heat_map",
    "legend",
    "log_axis",
    "log_log",
    "lowest",
    "mark_columns",
    "panels",
    "plain_log",
    "plot_training_loss",
    "plot_training_loss_acc",
    "points",
    "reference",
    "save",
    "style",
    "unrolled",
]


class _Module(ModuleType):
    """Other chapters of the book have a function of this name, which ``from nndl import plot`` brings there."""

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        raise SettingError(f"{self.__name__} is a module; call its plot_training_loss or plot_training_loss_acc")


sys.modules[__name__].__class__ = _Module
