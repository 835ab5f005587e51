"""The page (网页): all runs below a folder in one file, ``index.html``, that needs neither server nor network.

It is made from what the runs left, ``record.json``, ``shown.json`` and the figures, so neither Paddle nor a lesson is
loaded. All of that is untrusted: what is damaged is left out and named, and what it says is text, never markup.

:mod:`chapter6.lab.page.found` reads the runs · :mod:`chapter6.lab.page.write` makes HTML of them ·
:mod:`chapter6.lab.page.markup` escapes · ``template.html``, ``page.css``, ``page.js`` and ``exhibits/<kind>.js``.
"""

import os
import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path

from chapter6.lab import cli, terminal
from chapter6.lab.lesson import Entry
from chapter6.lab.page import found, write
from chapter6.lab.text import Text
from nndl.error import OutputError, SettingError
from nndl.file import replacing

NAME = "index.html"
_OURS = b'<meta name="generator" content="chapter6">'


def check(out: Path) -> None:
    """Raise OutputError where another page is in the way, or something that is no file."""
    path = out / NAME
    if not path.exists():
        return
    if not path.is_file():
        raise OutputError(f"cannot write {path}: it is no file; move it away")
    with open(path, "rb") as file:
        if _OURS not in file.read(1000):
            raise OutputError(f"cannot write {path}: a page that is not made here is there; move it, or choose --out")


def make(out: Path, contents: Mapping[str, Entry], opens: bool = False) -> Path:
    """Write ``out/index.html`` of all runs below ``out``, and say where it is and what is left out.

    Args:
        out: the folder of the results.
        contents: number to lesson, in the order of the page.
        opens: whether the reader's browser shall show it.

    Raises:
        SettingError: there are no runs.
        OutputError: the page cannot be written.
    """
    check(out)
    runs, left_out = found.look(out, contents)
    for line in left_out:
        terminal.say(line)
    if not runs:
        first = cli.run_command(next(iter(contents.values())), cli.PRESET, out=out)
        raise SettingError(f"--out {out}: no run is there; first: {first}")
    text, left_out = write.page(runs, contents, out)
    for line in left_out:
        terminal.say(line)
    with replacing(out / NAME) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")
    size = f"{(out / NAME).stat().st_size / 1e6:.1f} MB"
    en, zh = f"the page of {len(runs)} runs, {size}", f"{len(runs)} 次运行的网页，{size}"
    terminal.say(Text(f"{en}: {out / NAME}", f"{zh}：{out / NAME}"))
    if opens and not (_has_screen() and webbrowser.open((out / NAME).as_uri())):
        terminal.say(Text("no browser was found; open the page by hand", "没有找到浏览器，请手动打开网页"))
    return out / NAME


def _has_screen() -> bool:
    """Without one a browser of the terminal would take the terminal over."""
    return sys.platform in ("win32", "darwin") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
