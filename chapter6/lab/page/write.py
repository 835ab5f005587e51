"""The page as HTML, from what was found."""

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from string import Template
from typing import Any

from chapter6.lab import cli
from chapter6.lab.claim import CHINESE, FAILS, HOLDS, OPEN, WHAT_OPEN_MEANS, is_open_by_chance, told
from chapter6.lab.found import Figure, Found
from chapter6.lab.lesson import Entry, Exhibit
from chapter6.lab.page import evidence
from chapter6.lab.page.markup import Markup, joined, tag, verbatim
from chapter6.lab.record import Record
from chapter6.lab.report import Table, plain
from chapter6.lab.text import Text, counted

HERE = Path(__file__).parent
SCRIPTS = {path.stem: path for path in sorted((HERE / "exhibits").glob("*.js"))}
"""What draws each kind of exhibit."""
SHARP = 0.75
"""CSS pixels a pixel of a figure: sharp on fine screens, and its letters as large as those of the text."""
_NUMBER = re.compile(r"[-+−]?[0-9]|[-–—]?$")
MARKS = {HOLDS: ("✓", "holds"), FAILS: ("✗", "fails"), OPEN: ("?", "undecided")}
"""Of each verdict: a mark that is told apart without colour, and its name in the style sheet."""


def page(runs: Sequence[Found], contents: Mapping[str, Entry], out: Path) -> tuple[str, list[Text]]:
    """The whole file, and a line for each exhibit that no script draws."""
    kinds = {each.kind for run in runs if run.shown for each in run.shown.exhibits}
    unknown = [
        Text(f"left out: exhibits {kind!r}, which no script draws", f"略去：没有脚本绘制的展品 {kind!r}")
        for kind in sorted(kinds - SCRIPTS.keys())
    ]
    first = _read("first.js")
    scripts = [
        _read("page.js"),
        _read("exhibits.js"),
        *(SCRIPTS[kind].read_text(encoding="utf-8") for kind in sorted(kinds & SCRIPTS.keys())),
    ]
    scripts.append("page.begin();")
    text = Template(_read("template.html")).substitute(
        allowed=" ".join(map(_fingerprint, [first, *scripts])),
        style=_read("page.css") + _read("exhibits.css"),
        first=f"<script>{first}</script>",
        skip=joined(Text("Skip to the results", "跳到结果")),
        menu=joined(Text("Contents", "目录")),
        name=joined(Text("Recurrent neural networks", "循环神经网络")),
        close=joined(Text("Close", "关闭")),
        navigation=_navigation(runs),
        results="\n".join([_overview(runs, contents, out), *(_run(run, out) for run in runs)]),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )
    return text, unknown


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _fingerprint(script: str) -> str:
    """By which the browser knows a script that may run: no other does, whatever a text in the page holds."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


# --- the overview ---


def _navigation(runs: Sequence[Found]) -> Markup:
    several = Counter(run.entry.number for run in runs)
    rows = []
    for run in runs:
        preset = tag("small", run.record.preset) if several[run.entry.number] > 1 else None
        rows.append(tag("li", tag("a", tag("b", run.entry.number), " ", run.entry.title, preset, href=f"#{_id(run)}")))
    return tag("ul", tag("li", tag("a", Text("Overview", "总览"), href="#overview")), *rows)


def _id(run: Found) -> str:
    return f"{run.entry.number}-{run.record.preset}"


def _overview(runs: Sequence[Found], contents: Mapping[str, Entry], out: Path) -> Markup:
    verdicts = Counter(claim["verdict"] for run in runs for claim in run.record.claims)
    done = {run.entry.number for run in runs}
    missing = [entry for number, entry in contents.items() if number not in done]
    number = sum(verdicts.values())
    return tag(
        "section",
        tag("h1", Text("Recurrent neural networks: what was found", "循环神经网络：实验结果")),
        tag(
            "p",
            Text(
                f"{counted(number, 'claim')} in {counted(len(runs), 'run')}, each judged by all seeds of its run.",
                f"{len(runs)} 次实验，{number} 条论断，每条都由该次实验全部随机种子的结果判定。",
            ),
            class_="lead",
        ),
        tag("p", evidence.EXAMPLE, evidence.HOW_TO_READ, class_="note"),
        _filter(verdicts),
        _runs_table(runs),
        _missing(missing, out) if missing else None,
        id="overview",
    )


def _filter(verdicts: Counter[str]) -> Markup:
    def button(name: str, number: int, *label: Text | str) -> Markup:
        pressed = "false" if name else "true"
        inner = joined(*label, " ", tag("b", str(number)))
        return tag("button", inner, type="button", class_=name or None, data_only=name, aria_pressed=pressed)

    buttons = [button("", sum(verdicts.values()), Text("all", "全部"))]
    for verdict, (mark, name) in MARKS.items():
        buttons.append(button(name, verdicts[verdict], f"{mark} ", _verdict(verdict)))
    return joined(tag("div", *buttons, class_="filter", role="group"), tag("p", class_="filtered", role="status"))


def _verdict(verdict: str) -> Text:
    return Text(verdict, CHINESE[verdict])


def _runs_table(runs: Sequence[Found]) -> Markup:
    names = [Text("section", "小节"), Text("preset", "预设"), Text("seeds", "种子数")]
    names += [*map(_verdict, MARKS), Text("time", "用时")]
    head = [tag("th", name, scope="col", class_="number" if column > 1 else None) for column, name in enumerate(names)]
    rows = [tag("tr", *_runs_row(run)) for run in runs]
    table = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *rows), class_="runs")
    return _scrolling(table, Text("All runs", "全部实验"))


def _runs_row(run: Found) -> Iterator[Markup]:
    link = tag("a", tag("b", run.entry.number), " ", run.entry.title, href=f"#{_id(run)}")
    plays = tag("span", Text("interactive", "可动手"), class_="plays") if run.shown and run.shown.exhibits else None
    yield tag("th", link, " ", plays, scope="row")
    yield tag("td", run.record.preset)
    yield tag("td", str(len(run.record.seeds)), class_="number")
    verdicts = Counter(claim["verdict"] for claim in run.record.claims)
    for verdict, (mark, name) in MARKS.items():
        yield tag("td", f"{mark} {verdicts[verdict]}" if verdicts[verdict] else "", class_=f"number {name}")
    yield tag("td", f"{run.record.seconds:.0f} s", class_="number")


def _missing(entries: Sequence[Entry], out: Path) -> Markup:
    rows = [
        tag(
            "li",
            tag("span", tag("b", entry.number), " ", entry.title),
            _command(cli.run_command(entry, cli.PRESET, out=out)),
        )
        for entry in entries
    ]
    return tag(
        "details",
        tag("summary", Text(f"{counted(len(entries), 'section')} not run yet", f"尚未运行的 {len(entries)} 节")),
        tag("ul", *rows, class_="missing"),
        open="",
    )


# --- a run ---


def _run(run: Found, out: Path) -> Markup:
    entry, record, seen = run.entry, run.record, run.shown
    title = f"{_id(run)}-title"
    return tag(
        "article",
        tag(
            "header",
            tag("p", entry.number, class_="number"),
            tag("h2", entry.title, id=title),
            tag("p", *_about(entry, record), class_="about"),
            tag("p", entry.shows, class_="question"),
        ),
        *_claims(run),
        *([_exhibit(each) for each in seen.exhibits if each.kind in SCRIPTS] if seen else [_nothing_shown()]),
        tag("div", *map(_figure, run.figures), class_="figures") if run.figures else None,
        *(map(_table, seen.tables) if seen else ()),
        tag("h3", Text("Run it again", "再次运行")),
        _command(cli.run_command(entry, record.preset, record.settings, len(record.seeds), out)),
        _details(record),
        id=_id(run),
        class_="run",
        aria_labelledby=title,
    )


def _about(entry: Entry, record: Record) -> Iterator[Markup]:
    if entry.printed:
        yield tag("span", Text(f"printed section {entry.printed}", f"书中 {entry.printed} 节"))
    yield tag("span", Text("preset ", "预设 "), tag("code", record.preset))
    yield tag("span", Text(counted(len(record.seeds), "seed"), f"{len(record.seeds)} 个种子"))
    yield tag("span", Text(f"{record.seconds:.0f} s", f"{record.seconds:.0f} 秒"))


def _nothing_shown() -> Markup:
    return tag(
        "p",
        Text(
            "Figures and tables: run it again, with the command below; nothing is trained anew.",
            "图与表：请用下面的命令再次运行，不会重新训练。",
        ),
        class_="note",
    )


def _claims(run: Found) -> Iterator[Markup]:
    yield tag("h3", Text("Claims", "论断与结论"))
    yield tag("ol", *map(_claim, run.record.claims), class_="claims")
    for note in run.shown.notes if run.shown else ():
        yield tag("p", note, class_="note")
    if any(map(is_open_by_chance, run.record.claims)):
        yield tag("p", WHAT_OPEN_MEANS, class_="note")


def _claim(claim: dict[str, Any]) -> Markup:
    statement, measured, verdict = told(claim)
    mark, name = MARKS[verdict.en]
    return tag(
        "li",
        tag("p", tag("span", f"{mark} ", aria_hidden="true"), verdict, class_="verdict"),
        tag(
            "div",
            tag("p", statement, class_="statement"),
            tag("p", measured, class_="measured"),
            evidence.draw(claim),
        ),
        class_=f"claim {name}",
    )


def _exhibit(exhibit: Exhibit) -> Markup:
    data = Markup(json.dumps(exhibit.data).replace("<", "\\u003c"))
    return tag(
        "section",
        tag("h4", exhibit.title),
        tag("p", exhibit.caption),
        tag("div", class_="stage"),
        tag("script", data, type="application/json"),
        class_="exhibit",
        data_kind=exhibit.kind,
    )


def _figure(figure: Figure) -> Markup:
    source = f"data:image/png;base64,{base64.b64encode(figure.content).decode()}"
    size = {"width": round(SHARP * figure.width), "height": round(SHARP * figure.height)}
    image = tag("img", src=source, alt=f"图 Figure {figure.name}", decoding="async", **size)
    return tag(
        "figure",
        tag("button", image, type="button", class_="enlarge"),
        tag(
            "figcaption",
            tag("b", Text("Figure ", "图 "), figure.name),
            tag("span", Text("What to see", "看什么"), class_="see"),
            figure.caption,
        ),
    )


def _table(table: Table) -> Markup:
    kinds = ["number" if all(map(_is_number, column)) else None for column in zip(*table.rows, strict=False)]
    head = [tag("th", name, scope="col", class_=kind) for name, kind in zip_longest(table.header, kinds)]
    body = [tag("tr", *(tag("td", cell, class_=kind) for cell, kind in zip_longest(row, kinds))) for row in table.rows]
    return joined(
        tag("h3", table.title),
        _scrolling(tag("table", tag("thead", tag("tr", *head)), tag("tbody", *body)), table.title),
        tag("p", table.note, class_="note") if table.note else None,
    )


def _is_number(cell: Text | str) -> bool:
    return bool(_NUMBER.match(cell.en if isinstance(cell, Text) else cell))


def _scrolling(table: Markup, name: Text) -> Markup:
    """On a narrow screen the table scrolls, not the page; the keyboard reaches it."""
    return tag("div", table, class_="scrolling", tabindex="0", role="region", aria_label=str(name))


def _command(command: str) -> Markup:
    copy = tag("button", Text("Copy", "复制"), type="button", class_="copy")
    return tag("div", tag("pre", tag("code", verbatim(command))), copy, class_="command")


def _details(record: Record) -> Markup:
    on, seconds = record.environment, f"{record.seconds:.0f}"
    cores, device = on["usable_cores"], on["device"]
    versions = ", ".join(f"{name} {version}" for name, version in on["versions"].items())
    rows = {
        Text("Settings", "设置"): ", ".join(f"{name} = {plain(value)}" for name, value in record.settings.items()),
        Text("Seeds", "种子"): plain(record.seeds),
        Text("Time", "用时"): Text(f"{seconds} s, reused trainings not counted", f"{seconds} 秒，不含已完成的训练"),
        Text("Machine", "机器"): Text(
            f"{record.machine}, {cores} cores, device {device}", f"{record.machine}，{cores} 核，设备 {device}"
        ),
        Text("Versions", "版本"): f"Python {on['python']}, {versions}",
    }
    pairs = [joined(tag("dt", name), tag("dd", value)) for name, value in rows.items()]
    return tag("details", tag("summary", Text("Settings and machine", "设置与环境")), tag("dl", *pairs))
