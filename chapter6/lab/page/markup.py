"""HTML that is put together from texts: what is not :class:`Markup` is text, and stays text."""

import html
import re
from typing import Any

from chapter6.lab.text import Text

_CODE = re.compile("`([^`]+)`")
_NO_END = ("img", "circle", "line")


class Markup(str):
    """HTML. Only what is made here may be it."""


def tag(name: str, *children: Text | str | None, **attributes: Any) -> Markup:
    """An element. A child that is a Text is there in both languages; None is no child; so is an attribute.

    >>> tag("p", "1 < 2", class_="note", aria_hidden="true")
    '<p class="note" aria-hidden="true">1 &lt; 2</p>'
    """
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(map(_child, children))
    return Markup(f"<{name}{shown}/>" if name in _NO_END else f"<{name}{shown}>{inner}</{name}>")


def joined(*children: Text | str | None) -> Markup:
    """Children without an element around them."""
    return Markup("".join(map(_child, children)))


def verbatim(text: str) -> Markup:
    """A text to the letter, backticks too."""
    return Markup(html.escape(text))


def both(text: Text) -> Markup:
    """A text in both languages, of which the style sheet shows one."""
    if text.en == text.zh:
        return _inline(text.en)
    return joined(tag("span", _inline(text.zh), lang="zh-CN"), tag("span", _inline(text.en), lang="en"))


def _child(child: Text | str | None) -> str:
    if child is None or isinstance(child, Markup):
        return child or ""
    return both(child) if isinstance(child, Text) else _inline(child)


def _inline(text: str) -> Markup:
    """Escaped; what stands between backticks is code."""
    return Markup(_CODE.sub(r"<code>\1</code>", html.escape(text)))
