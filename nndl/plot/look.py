"""One style for all figures: colours that can be told apart, and labels in English and, where a font has it, Chinese.

Six things in one figure differ in colour and in line style. The colours stay apart for a colour-blind reader
(色觉障碍; simulated after Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color
Vision Deficiency", 2009) and on grey paper: a test holds the least distances.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

COLORS = ("#e4007f", "#f19ec2", "#e8609b", "#000000")
"""The book's."""

LOOKS: tuple[dict[str, Any], ...] = (
    {"color": "#e4007f", "linestyle": "-", "marker": "o"},
    {"color": "#000000", "linestyle": "--", "marker": "s"},
    {"color": "#6cc5f2", "linestyle": "-.", "marker": "^"},
    {"color": "#2540cc", "linestyle": ":", "marker": "D"},
    {"color": "#b8942a", "linestyle": (0, (8, 2)), "marker": "v"},
    {"color": "#003a0b", "linestyle": (0, (4, 1, 1, 1, 1, 1)), "marker": "X"},
)
"""How the first, second, … thing of a figure looks, from the book's pink and black on; keywords of ``Axes.plot``."""

SPLITS = {"train": LOOKS[0], "dev": LOOKS[1], "test": LOOKS[3]}
"""How training, dev and test set look, in every figure that shows them."""

SEQUENTIAL = "RdPu"
"""The colour map from 0 up."""
DIVERGING = "PiYG_r"
"""The colour map with white at 0: pink above, green below (safe for the colour-blind by colorbrewer2.org)."""

LATIN, MONOSPACE = "DejaVu Sans", "DejaVu Sans Mono"  # they come with Matplotlib, and have the minus sign
CHINESE_FONTS = (
    *("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "Source Han Sans"),
    *("PingFang SC", "Microsoft YaHei", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "HarmonyOS Sans SC", "MiSans"),
    *("Hiragino Sans GB", "Heiti SC", "Heiti TC", "STHeiti", "SimHei", "DengXian"),
    # Matplotlib may see but the first font of a collection, and the first is Japanese: it has these characters too
    *("Noto Sans CJK JP", "Noto Sans CJK TC", "Noto Sans CJK HK", "Noto Sans CJK KR"),
    *("Noto Serif CJK SC", "Noto Serif SC", "Source Han Serif SC", "Source Han Serif CN", "Noto Serif CJK JP"),
    *("Songti SC", "STSong", "SimSun", "NSimSun", "KaiTi", "FangSong", "LXGW WenKai"),
    *("Noto Sans Mono CJK SC", "AR PL UMing CN", "AR PL UKai CN", "Droid Sans Fallback", "Arial Unicode MS"),
)
"""The fonts that are looked for, the best for a label first."""

_STYLE = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.prop_cycle": cycler(color=[look["color"] for look in LOOKS])
    + cycler(linestyle=[look["linestyle"] for look in LOOKS]),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": "medium",
    "errorbar.capsize": 3,
    "figure.constrained_layout.use": True,
    "figure.titlesize": "medium",
    "grid.color": "0.9",
    "image.aspect": "auto",
    "legend.fontsize": "small",
    "legend.frameon": False,
    "legend.handlelength": 3,  # so long that line styles can be told apart
    "lines.markersize": 4.5,
    "savefig.bbox": "tight",
    "savefig.dpi": 130,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in this style, whatever the reader's rcParams are; afterwards they are as before.

    Whatever creates a text must stand inside. May decorate a function as well: ``@style()``.
    """
    with plt.style.context({**_STYLE, "font.family": families(LATIN)}, after_reset=True):
        yield


def both(en: str, zh: str) -> str:
    """The text of a label: "步数 step" where a Chinese font is found, "step" elsewhere."""
    return f"{zh} {en}" if chinese_font() else en


def families(first: str) -> list[str]:
    """The fonts of a text: a character that the first lacks is taken from the Chinese one, where there is one."""
    chinese = chinese_font()
    return [first, chinese] if chinese else [first]


@cache
def chinese_font() -> str | None:
    """The name of the best Chinese font that is here; None without one."""
    return _best_chinese_font() or (_best_chinese_font() if _learn_new_fonts() else None)


def _learn_new_fonts() -> bool:
    """Show Matplotlib the fonts that came after it made its list, once for all; whether there are any."""
    known = {entry.fname for entry in font_manager.fontManager.ttflist}
    new = [path for path in font_manager.findSystemFonts() if path not in known]
    for path in new:
        with suppress(Exception):  # a file that is no font, or one of a kind that Matplotlib cannot draw
            font_manager.fontManager.addfont(path)
    return bool(new)


def _best_chinese_font() -> str | None:
    """Of those that Matplotlib knows, and whose file is still there."""
    installed: dict[str, list[str]] = {}
    for entry in font_manager.fontManager.ttflist:
        installed.setdefault(entry.name, []).append(entry.fname)
    return next((name for name in CHINESE_FONTS if any(map(_is_chinese, installed.get(name, ())))), None)


def _is_chinese(path: str) -> bool:
    """Whether the font file is there and has a character: a part of a font may bear its name."""
    return os.path.exists(path) and FT2Font(path).get_char_index(ord("步")) > 0
