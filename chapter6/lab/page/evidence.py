"""What decides a claim, drawn: for each row of its evidence a dot a seed, and the interval of the mean, around zero."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from chapter6.lab.page.markup import Markup, joined, tag
from chapter6.lab.text import Text

WIDTH, HEIGHT = 220, 18
"""Of a row, in pixels."""
_REACH = WIDTH / 2 - 8


HOW_TO_READ = Text(
    "A dot is a seed (of times: a repeat): right of the line it speaks for the claim, left of it against. The grey "
    "band is where the mean lies (each end with 95 % confidence); where it does not reach the line, the claim is "
    "decided. Each row has its own scale.",
    "每点为一个种子（测时间则为一次测量）：在线右侧支持论断，左侧反对。灰带为均值所在范围（两端置信度各 95 %），"
    "不碰线即可判定。各行刻度不同。",
)


def draw(claim: dict[str, Any]) -> Markup | None:
    """The rows of a claim, as :meth:`chapter6.lab.claim.Claim.plain` has it; None where chance has no part in it."""
    rows = [] if isinstance(claim["evidence"], bool) else [*zip_longest(claim["evidence"], claim["intervals"])]
    drawn = [_row([value for value in values if value is not None], bounds or ()) for values, bounds in rows if values]
    return tag("div", *drawn, class_="evidence") if any(drawn) else None


def _row(values: Sequence[float], bounds: Sequence[float | None]) -> Markup | None:
    """Left of the line speaks against the claim, right of it for it; each row has a scale of its own."""
    if not values:
        return None
    bounds = [bound for bound in bounds if bound is not None]
    largest = max(map(abs, [*values, *bounds])) or 1.0

    def x(value: float) -> str:
        return f"{WIDTH / 2 + _REACH * value / largest:.1f}"

    middle = HEIGHT / 2
    span = {"x1": x(bounds[0]), "x2": x(bounds[1]), "y1": middle, "y2": middle} if len(bounds) == 2 else None
    dots = [tag("circle", cx=x(value), cy=middle, r=3, class_="for" if value > 0 else "against") for value in values]
    picture = tag(
        "svg",
        tag("line", class_="zero", x1=WIDTH / 2, x2=WIDTH / 2, y1=0, y2=HEIGHT),
        tag("line", class_="interval", **span) if span else None,
        *dots,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        aria_hidden="true",
    )
    return joined(picture, tag("span", _in_words(values), class_="heard"))


def _in_words(values: Sequence[float]) -> Text:
    above, low, high = sum(value > 0 for value in values), min(values), max(values)
    return Text(
        f"{above} of {len(values)} above zero, from {low:.3g} to {high:.3g}. ",
        f"{len(values)} 个中 {above} 个大于零，范围 {low:.3g} 至 {high:.3g}。",
    )


EXAMPLE = tag("span", _row([0.9, 0.7, 0.5, 0.8, -0.9], [-0.3, 1.1]), class_="example", aria_hidden="true")
