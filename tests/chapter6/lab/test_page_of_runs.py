"""The page without a browser: what it is made of, what is left out of it, and that no text becomes markup."""

import copy
import json
import random
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from chapter6 import __main__ as command_line
from chapter6.contents import SECTIONS
from chapter6.lab import cli, execute, found, page, shown
from chapter6.lab.claim import Claim
from chapter6.lab.lesson import Drawing, Exhibit, Lesson
from chapter6.lab.report import Table
from chapter6.lab.text import Text, same
from nndl import jsonfile
from nndl.error import OutputError
from nndl.file import check_sum

import matplotlib.pyplot as plt
import pytest
from runs_left import CLAIMS, ENVIRONMENT, TABLE, leave_run

NASTY = "<script>alert(1)</script><img src=x onerror=alert(1)> \"quoted\" 'too' & `code`"


class Outline(HTMLParser):
    """The elements of a page, and the text of those that have an id or a class."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.scripts: list[str] = []
        self.seen: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += attrs
        if tag not in ("meta", "img"):
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["script"]:
            self.scripts[-1] += data
        elif self.open[-1:] != ["style"]:
            self.seen.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.seen).split())


def make(out: Path) -> str:
    return page.make(out, SECTIONS).read_text(encoding="utf-8")


def call(*words: object) -> int:
    with pytest.raises(SystemExit) as end:
        command_line.main([*map(str, words)])
    return end.value.code


def test_all_of_a_run_is_there_in_both_languages(tmp_path: Path) -> None:
    leave_run(tmp_path)
    text = make(tmp_path)
    outline, entry = Outline(text), SECTIONS["6.2"]
    assert outline.open == []
    assert "4 claims in 1 run, each" in outline.text
    for each in (
        entry.title,
        entry.shows,
        TABLE.title,
        TABLE.note,
        *(c.claim for c in CLAIMS),
        Text("Changed.", "有改动。"),
    ):
        assert each.en in outline.text
        assert each.zh in outline.text
    for each in (
        "0.71 ± 0.08",
        "Does it fall?",
        "是否下降？",
        ENVIRONMENT["processor"],
        "paddlepaddle 3.3.1",
        "3.11.9",
    ):
        assert each in outline.text
    assert "python -m chapter6 run 6.2" in outline.text
    assert outline.tags["img"] == 2  # the figure, and the place of the large one


def test_a_dot_a_seed_and_the_interval(tmp_path: Path) -> None:
    leave_run(tmp_path)
    text = make(tmp_path)
    example = page.evidence.EXAMPLE
    assert text.count("<circle") - example.count("<circle") == sum(len(row) for c in CLAIMS[:3] for row in c.evidence)
    assert text.count('class="interval"') - example.count('class="interval"') == 4
    for_, against = (text.count(f'class="{kind}"') - example.count(f'class="{kind}"') for kind in ("for", "against"))
    assert (for_, against) == (6 + 2, 3 + 1)


def test_sections_and_presets_are_listed_in_the_order_of_the_course_and_what_is_missing_with_its_command(
    tmp_path: Path,
) -> None:
    for number, preset in (("gradients", "quick"), ("6.2", "quick"), ("6.2", "book")):
        leave_run(tmp_path, number, preset)
    text = make(tmp_path)
    assert re.findall('<article id="([^"]+)"', text) == ["6.2-quick", "6.2-book", "gradients-quick"]
    commands = [shlex.split(line) for line in re.findall("<pre><code>(.*?)</code>", text)]
    asked = [words[4] for words in commands]
    assert sorted(asked) == sorted([*SECTIONS, "6.2"])
    assert all(words[-2:] == ["--out", str(tmp_path)] for words in commands)


def test_what_the_data_say_stays_text(tmp_path: Path) -> None:
    evil = Text(NASTY, f"甲{NASTY}")
    claim = Claim("x", evil, evil, [[1.0, 2.0]])
    table = Table(evil, [evil, NASTY], [[NASTY, evil]], evil)
    harmless, nasty = tmp_path / "harmless", tmp_path / "nasty"
    leave_run(nasty, "6.7", claims=[claim], tables=[table], caption=evil, review=NASTY)
    leave_run(harmless, "6.7", claims=CLAIMS[:1])
    outline, other = Outline(make(nasty)), Outline(make(harmless))
    assert outline.tags["script"] == other.tags["script"]
    assert outline.tags["img"] == other.tags["img"]
    assert not [name for name, _ in outline.attributes if name.startswith("on")]
    assert outline.text.count("<script>alert(1)</script><img src=x onerror=alert(1)>") >= 12


def test_an_exhibit_is_data_for_its_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "words.js"
    script.write_text("exhibits.words = function (stage, data, page) {};")
    monkeypatch.setattr(page.write, "SCRIPTS", {"words": script, "gates": script})
    data = {"words": ["</script><script>alert(1)</script>", "<!--"], "weights": [0.5, float("nan")]}
    exhibit = Exhibit("words", Text("Leave out", "去掉"), Text("Click.", "点击。"), data)
    leave_run(tmp_path / "runs", exhibits=[exhibit])
    outline = Outline(make(tmp_path / "runs"))
    stored = [json.loads(text) for text in outline.scripts if text.startswith("{")]
    assert stored == [{"words": data["words"], "weights": [0.5, None]}]
    assert sum("exhibits.words =" in text for text in outline.scripts) == 1  # gates is not asked for
    assert ("data-kind", "words") in outline.attributes


def test_an_exhibit_without_a_script_is_named_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave_run(tmp_path, exhibits=[Exhibit("../words", Text("a", "甲"), Text("b", "乙"), {})])
    assert 'class="exhibit"' not in make(tmp_path)
    assert "'../words'" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["record.json", "shown.json", "figures/6.6.png"])
@pytest.mark.parametrize("damage", ["cut", "noise", "folder"])
def test_what_is_damaged_is_named_in_one_line_and_left_out(
    name: str, damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leave_run(tmp_path, "6.4")
    file = leave_run(tmp_path) / name
    content = file.read_bytes()
    if damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "noise":
        file.write_bytes(content[:60] + b"\0\xff" + content[62:])
    else:
        file.unlink()
        file.mkdir()
    text = make(tmp_path)
    *left_out, _ = capsys.readouterr().out.splitlines()
    assert [str(file) in line for line in left_out] == [True]
    assert 'id="6.4-quick"' in text
    assert ('id="6.2-quick"' in text) == (name != "record.json")
    assert text.count("data:image/png") == 1


@pytest.mark.parametrize("change", ["claims", "environment", "evidence", "verdict", "section", "table", "caption"])
def test_well_written_files_of_another_shape_are_left_out(
    change: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leave_run(tmp_path, "6.4")
    path = leave_run(tmp_path) / "record.json"

    kept, seen = jsonfile.read(path), jsonfile.read(path.with_name(shown.NAME))
    if change in ("table", "caption"):
        seen["tables"][0]["rows"] = [[{"en": "5"}]] if change == "table" else seen["tables"][0]["rows"]
        seen["captions"] = [{"name": "6.6", "caption": "no pair"}] if change == "caption" else seen["captions"]
        jsonfile.write(path.with_name(shown.NAME), seen)
    else:
        claim = kept["claims"][0]
        claim["evidence"] = [["<b>"]] if change == "evidence" else claim["evidence"]
        claim["verdict"] = "certain" if change == "verdict" else claim["verdict"]
        kept["claims"] = ["none"] if change == "claims" else kept["claims"]
        kept["environment"] = {} if change == "environment" else kept["environment"]
        kept["section"] = "6.5" if change == "section" else kept["section"]
        jsonfile.write(path, kept)
    assert 'id="6.4-quick"' in make(tmp_path)
    said = capsys.readouterr().out.splitlines()
    assert sum("6.2" in line and "left out" in line for line in said) == 1


def test_what_belongs_to_another_run_is_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = leave_run(tmp_path)
    old = (folder / shown.NAME).read_bytes()
    (tmp_path / "again").mkdir()
    new = leave_run(tmp_path / "again", claims=CLAIMS[:2])
    (new / shown.NAME).write_bytes(old)
    text = make(tmp_path / "again")
    assert "belongs to another run" in capsys.readouterr().out
    assert "0.71 ± 0.08" not in text
    assert "nothing is trained anew" in text


def test_a_record_of_an_earlier_version_is_shown_without_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (leave_run(tmp_path) / shown.NAME).unlink()
    text = make(tmp_path)
    assert "nothing is trained anew" in text
    assert CLAIMS[0].claim.zh in text
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_name_of_a_figure_leads_nowhere_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = leave_run(tmp_path)
    secret = folder / "secret.png"
    (folder / "figures" / "6.6.png").rename(secret)
    seen = shown.load(folder / "record.json")
    shown.save(shown.Shown((), (), {"../secret": same("x")}, ()), folder / "record.json")
    assert seen.captions
    assert "data:image/png" not in make(tmp_path)
    assert "left out" in capsys.readouterr().out


def test_another_page_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave_run(tmp_path)
    (tmp_path / "index.html").write_text("<p>my home page")
    assert call("page", "--out", tmp_path) == 2
    assert "not made here" in capsys.readouterr().err
    assert call("run", "6.2", "--out", tmp_path) == 2  # before anything is trained
    assert "not made here" in capsys.readouterr().err
    assert (tmp_path / "index.html").read_text() == "<p>my home page"


def test_no_runs_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("page", "--out", tmp_path / "nowhere") == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "no run is there" in line
    assert list(tmp_path.iterdir()) == []


def test_a_run_leaves_the_page_and_what_it_is_made_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = import_module(SECTIONS["6.4"].module)
    exhibit = Exhibit("words", Text("Leave out", "去掉"), Text("Click.", "点击。"), {"words": ["a"]})
    lesson = Lesson(
        experiment=lambda run: {"found": 1},
        claims=lambda record: CLAIMS,
        tables=lambda record: [TABLE],
        figures=lambda record: {"6.8": Drawing(plt.figure(), Text("Look.", "请看。"))},
        exhibits=lambda record: [exhibit],
    )
    monkeypatch.setattr(module, "LESSON", lesson)
    opened: list[str] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    assert call("run", "6.4", "--epochs", 3, "--out", tmp_path, "--lang", "en", "--open") == 0
    seen = shown.load(tmp_path / "6.4" / "quick" / "record.json")
    assert (seen.tables, seen.captions, seen.exhibits) == ([TABLE], {"6.8": Text("Look.", "请看。")}, [exhibit])
    report = (tmp_path / "6.4" / "quick" / "report.md").read_text(encoding="utf-8")
    text = Outline((tmp_path / "index.html").read_text(encoding="utf-8")).text
    for each in ("Look.", "请看。", "0.71 ± 0.08", *seen.notes[0]):
        assert each.replace("`", "") in report.replace("`", "")
        assert each.replace("`", "") in text
    assert opened == [(tmp_path / "index.html").as_uri()]
    assert capsys.readouterr().out.rstrip().endswith(str(tmp_path / "index.html"))


def test_open_shows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_run(tmp_path)
    opened: list[str] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    assert call("page", "--out", tmp_path) == 0
    assert opened == []
    assert call("page", "--out", tmp_path, "--open") == 0
    assert opened == [(tmp_path / "index.html").as_uri()]


def test_it_loads_neither_paddle_nor_numpy(tmp_path: Path) -> None:
    leave_run(tmp_path)
    code = "import sys, runpy\nsys.argv = ['chapter6', 'page', '--out', sys.argv[1]]\n"
    code += "try: runpy.run_module('chapter6', run_name='__main__')\nexcept SystemExit as end: assert not end.code\n"
    code += "assert not {'paddle', 'numpy', 'matplotlib', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True)


@pytest.mark.parametrize("number", SECTIONS)
def test_the_command_asks_for_the_settings_it_was_made_of(number: str, tmp_path: Path) -> None:
    entry = SECTIONS[number]
    for preset, settings in entry.presets.items():
        for other in entry.presets.values():  # the settings of one preset, reached from another
            plain = json.loads(json.dumps(asdict(other)))
            words = shlex.split(cli.run_command(entry, preset, plain, 2, tmp_path))
            [run], _ = cli.read_run(words[4:], "run", SECTIONS)
            assert (run.settings, run.preset, run.seeds, run.out) == (other, preset, 2, tmp_path)
        assert cli.run_command(entry, preset, asdict(settings)).startswith(f"python -m chapter6 run {number}")
    assert cli.run_command(entry, "quick") == f"python -m chapter6 run {number}"


def test_a_review_in_the_command_comes_back(tmp_path: Path) -> None:
    entry = SECTIONS["6.7"]
    for review in ("it's `good` $HOME", "-- bad", "好 \n 看"):
        settings = json.loads(json.dumps(asdict(entry.presets["quick"]))) | {"review": review}
        [run], _ = cli.read_run(shlex.split(cli.run_command(entry, "quick", settings))[4:], "run", SECTIONS)
        assert run.settings.review == review


def test_lessons_go_on_where_the_page_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs, _ = cli.read_run(["6.2", "6.4", "--out", str(tmp_path)], "run", SECTIONS)
    lesson = Lesson(lambda run: {}, lambda record: [], lambda record: [], lambda record: {})
    done = []

    def no_page(out: Path, contents: object, opens: bool) -> None:
        done.append(sum(1 for _ in out.glob("*/quick/record.json")))
        raise OutputError("the disk is full")

    monkeypatch.setattr(execute, "start", lambda device: None)
    monkeypatch.setattr(execute, "import_module", lambda name: SimpleNamespace(LESSON=lesson))
    monkeypatch.setattr(page, "make", no_page)
    with pytest.raises(OutputError, match="the disk is full"):
        execute.execute_all(runs, "cpu", "en", SECTIONS)
    assert done == [1, 2]


def test_claims_of_an_earlier_version_are_shown_without_intervals(tmp_path: Path) -> None:
    path = leave_run(tmp_path) / "record.json"
    values = jsonfile.read(path)
    for claim in values["claims"]:
        del claim["intervals"]
    jsonfile.write(path, values)
    path.with_name(shown.NAME).unlink()
    outline = Outline(make(tmp_path))
    assert CLAIMS[0].claim.zh in outline.text
    assert outline.attributes.count(("class", "interval")) == 1  # that of the example


def test_without_a_screen_no_browser_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    leave_run(tmp_path)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("webbrowser.open", lambda address: pytest.fail("a browser of the terminal"))
    assert call("page", "--out", tmp_path, "--open", "--lang", "en") == 0
    assert "open the page by hand" in capsys.readouterr().out


ODD = [None, True, -1, 1e300, "", "<b>", "\ud800", "not decided", [], [[]], [None], [1.0], {}, {"a": None}, "../x"]


def test_nothing_that_a_file_may_hold_ends_the_program(tmp_path: Path) -> None:
    """Well written files with one value replaced by another: the page is made, with the run or without."""
    kept, draw, is_shown = leave_run(tmp_path) / "record.json", random.Random(0), 0
    seen = kept.with_name(shown.NAME)
    files = {path: jsonfile.read(path) for path in (kept, seen)}
    for _ in range(60):
        changed = copy.deepcopy(files)
        place, key = draw.choice([*places(changed[draw.choice([kept, seen])])])
        place[key] = draw.choice(ODD)
        jsonfile.write(kept, changed[kept])
        jsonfile.write(seen, changed[seen] | {"of": check_sum(kept)})
        runs, left_out = found.look(tmp_path, SECTIONS)
        text, more_left_out = page.write.page(runs, SECTIONS, tmp_path)
        assert Outline(text).open == []
        assert not any("\n" in line.en for line in [*left_out, *more_left_out])
        is_shown += bool(runs)
    assert 20 < is_shown < 60  # or the changes are not worth their name


def places(value: object) -> Iterator[tuple[Any, Any]]:
    """Every container within a value, with every key or index of it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from places(inner)
