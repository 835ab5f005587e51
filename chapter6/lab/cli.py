"""The command line: options made from settings, one line for an error. It is handed the contents, knows no lesson."""

import argparse
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import Field, fields, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, get_type_hints

from chapter6.lab import interruption
from chapter6.lab.lesson import Asked, Entry, Run
from chapter6.lab.settings import Settings
from chapter6.lab.stand_in import STAND_IN
from chapter6.lab.text import LANGUAGES
from nndl import runtime
from nndl.dataset import DATA
from nndl.error import NndlError, SettingError
from nndl.needed import check_basis

PRESET = "quick"
OUT = Path("runs")


class Parser(argparse.ArgumentParser):
    """Options written out in full, and one line for an error."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, **kwargs)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if odd := [word for word in args or () if re.fullmatch(r"--[a-z-]+=--", word)]:
            self.error(f"{odd[0]}: expected a value")  # argparse fails on it
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {_line(message)}; --help tells what is possible\n")


# --- the end of a command ---


def carry_out(command: Callable[[], None]) -> NoReturn:
    """Do it and exit: 0 done, 2 bad input in one line, 130 interrupted."""
    _prepare_streams()
    with interruption.raising():
        try:
            command()
            sys.stdout.flush()
        except NndlError as error:
            sys.exit(_fail(str(error)))
        except BrokenPipeError:  # such as | head
            sys.stdout = None  # type: ignore[assignment]
            sys.exit(1)
        except OSError as error:  # a full disk, a folder that is gone or not ours
            sys.exit(_fail(f"{error.filename or ''}: {error.strerror or error}".removeprefix(": ")))
        except MemoryError:
            sys.exit(_fail("not enough memory for these settings; choose smaller sizes, fewer seeds or fewer --jobs"))
        except KeyboardInterrupt:
            interruption.say()
            sys.exit(interruption.CODE)
    sys.exit(0)


def _prepare_streams() -> None:
    """Make the three streams safe to use: none is missing, and none fails on a character that it does not have."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed, as by >&-; its number must not go to the next file that is opened
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):  # where the terminal's encoding has no Chinese, a mark instead of a crash
        stream.reconfigure(errors=STAND_IN)  # type: ignore[union-attr]
    try:
        os.getcwd()
    except OSError:
        sys.exit(_fail("the folder you are in is gone; change to another"))


def _fail(message: str) -> int:
    print(f"chapter6: {_line(message)}", file=sys.stderr)
    return 2


def _line(message: str) -> str:
    """One line, not too long to be read."""
    line = " ".join(message.split())
    return line if len(line) <= 600 else f"{line[:400]} ... {line[-200:]}"


# --- the command run ---


def read_run(words: Sequence[str], prog: str, contents: Mapping[str, Entry]) -> tuple[list[Run], argparse.Namespace]:
    """The lessons that a command line asks for, each with its settings; and the options.

    One lesson takes its own settings as options, several take only those that all have.

    Args:
        words: the command line.
        prog: what stands before them.
        contents: number to lesson.

    Raises:
        SettingError: a setting that is not what it must be. What is no option at all ends the program.
    """
    everything = run_parser(prog, contents.values())
    owners = _owners(contents.values())
    found, left = _finder(prog, contents.values()).parse_known_args(words)
    if unknown := [word.partition("=")[0] for word in left if word.startswith("-")]:
        near = get_close_matches(unknown[0], [*owners, *everything._option_string_actions], n=1)
        everything.error(f"unknown option {unknown[0]!r}{f', did you mean {near[0]}?' if near else ''}")
    for number in left:
        if number not in contents:
            everything.error(_where(number, contents))
    entries = [entry for number, entry in contents.items() if number in left or not left]
    if not left:  # of all lessons those that have the preset, if any has
        entries = [entry for entry in entries if found.preset in entry.presets] or entries
    if found.help:
        run_parser(prog, entries).print_help()
        sys.exit(0)
    for option in owners:
        if _name(option) in found and (len(entries) > 1 or entries[0].number not in owners[option]):
            only = ", and several sections in one call take the common options only" if len(entries) > 1 else ""
            belongs = f"{option} is a setting of section {', '.join(owners[option])}{only}"
            one = next((entry.number for entry in entries if entry.number in owners[option]), owners[option][0])
            everything.error(f"{belongs}; to set it run one section: run {one} {option} ...")
    options, _ = run_parser(prog, entries).parse_known_args(words)
    if lacking := [entry for entry in entries if options.preset not in entry.presets]:
        has = "; ".join(f"section {entry.number} has {', '.join(entry.presets)}" for entry in lacking)
        raise SettingError(f"preset {options.preset!r}: {has}")
    check_basis()
    return [_make_run(entry, options) for entry in entries], options


def run_parser(prog: str, entries: Iterable[Entry]) -> Parser:
    """The options that all lessons have; and the settings of the lesson, where it is only one."""
    first, *others = entries = list(entries)
    parser = Parser(
        prog=prog,
        usage=f"{prog} {'[SECTION ...]' if others else first.number} [OPTION ...]",
        description=_overview(entries) if others else f"{first.number} {first.title}",
        formatter_class=_keeping_lines if others else argparse.HelpFormatter,
    )
    _add_common(parser, entries)
    if not others:
        group = parser.add_argument_group(f"settings of {first.number} and what they are in each preset 本节设置")
        for field in fields(first.presets["quick"]):
            _add_setting(group, field, first.presets)
    return parser


def _finder(prog: str, entries: Iterable[Entry]) -> Parser:
    """Tells options and their values from sections: it knows all settings, and what is left over are the sections."""
    finder = Parser(prog=prog, add_help=False)
    finder.add_argument("-h", "--help", action="store_true")
    _add_common(finder, list(entries))
    seen = set[str]()
    for entry in entries:
        for field in fields(entry.presets["quick"]):
            if field.name not in seen:
                _add_setting(finder, field, entry.presets, is_read=False)
            seen.add(field.name)
    return finder


def _owners(entries: Iterable[Entry]) -> dict[str, list[str]]:
    """Of each option that sets a lesson: the numbers of the lessons that have it."""
    owners: dict[str, list[str]] = {}
    for entry in entries:
        for field in fields(entry.presets["quick"]):
            owners.setdefault(_option(field.name), []).append(entry.number)
    return owners


def _where(number: str, contents: Mapping[str, Entry]) -> str:
    """What to say of a number that no lesson has; it may be one of the printed book."""
    printed = [e.number for e in contents.values() if e.printed and f"{number}.".startswith(f"{e.printed}.")]
    here = ", ".join(printed)
    hint = f"{number} of the printed book is section {here} here 书中 {number} 节即此处 {here}" if printed else ""
    return f"unknown section {number!r}: {hint or 'expected ' + ', '.join(contents)}"


def _make_run(entry: Entry, options: argparse.Namespace) -> Run:
    preset = entry.presets[options.preset]
    changes = {field.name: getattr(options, field.name) for field in fields(preset) if field.name in options}
    try:
        settings = replace(preset, **changes)
    except SettingError as error:
        raise SettingError(f"section {entry.number}: {error}") from None
    return Run(
        entry=entry,
        preset=options.preset,
        settings=settings,
        seeds=entry.default_seeds(options.preset) if options.seeds is None else options.seeds,
        jobs=options.jobs,
        device=options.device,
        out=options.out,
        data_dir=options.data_dir,
        visualdl=options.visualdl,
    )


def _overview(entries: Sequence[Entry]) -> str:
    lines = [f"  {entry.number:<6}{entry.title}" for entry in entries]
    return "\n".join(
        [
            "Run sections, all of them when none is named. 运行各节实验，不指明则全部运行。",
            *lines,
            f"A section's own settings 各节自己的设置: run {entries[0].number} --help",
        ]
    )


def _keeping_lines(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog)


def run_command(
    entry: Entry, preset: str, settings: Mapping[str, Any] | None = None, seeds: int | None = None, out: Path = OUT
) -> str:
    """What to type for a run, quoted as a POSIX shell wants it; it names only what is not the default.

    Args:
        settings: all of them, as a record keeps them; None: those of the preset.
        seeds: None: as many as the preset has.
        out: the folder of the results.
    """
    words = ["python", "-m", "chapter6", "run", entry.number]
    if preset != PRESET:
        words += ["--preset", preset]
    if seeds not in (None, entry.default_seeds(preset)):
        words += ["--seeds", str(seeds)]
    for field in fields(entry.presets[preset]):
        theirs = getattr(entry.presets[preset], field.name)
        ours = (settings or {}).get(field.name, theirs)
        ours = tuple(ours) if isinstance(ours, list) else ours
        if ours == theirs:
            continue
        if isinstance(theirs, bool):
            words.append(_option(field.name) if ours else f"--no-{_option(field.name).removeprefix('--')}")
        elif _show(ours).startswith("-"):
            words.append(f"{_option(field.name)}={_show(ours)}")
        else:
            words += [_option(field.name), _show(ours)]
    if out.absolute() != OUT.absolute():
        here = Path.cwd()
        words += ["--out", str(out.relative_to(here) if out.is_relative_to(here) else out)]
    return shlex.join(words)


# --- the command predict ---


def read_asked(words: Sequence[str], prog: str, tasks: Mapping[str, Entry]) -> tuple[Entry, Asked]:
    """What a command line asks of a trained model, and of which lesson's; the first task where none is named.

    Raises:
        SettingError: a setting that is not what it must be. What is no option at all ends the program.
    """
    chooser = Parser(prog=prog, add_help=False)
    chooser.add_argument("--task", choices=tuple(tasks), default=next(iter(tasks)))
    chosen, _ = chooser.parse_known_args(words)
    entry = tasks[chosen.task]
    options = vars(_predict_parser(prog, tasks, chosen.task).parse_args(words))
    check_basis()
    if options["texts"] and options["file"]:
        raise SettingError("predict: expected texts or --file, not both")
    defaults = entry.predicts.settings  # type: ignore[union-attr]
    settings = replace(
        defaults, **{field.name: options[field.name] for field in fields(defaults) if field.name in options}
    )
    return entry, Asked(
        **{field.name: options[field.name] for field in fields(Asked) if field.name != "settings"}, settings=settings
    )


def _predict_parser(prog: str, tasks: Mapping[str, Entry], task: str) -> Parser:
    """The options of one task."""
    predicts = {name: entry.predicts for name, entry in tasks.items() if entry.predicts}
    lines = [f"  {name:<12}{each.takes}" for name, each in predicts.items()]
    parser = Parser(
        prog=prog,
        description="\n".join(["Ask a trained model. 让训练好的模型回答。", *lines]),
        formatter_class=_keeping_lines,
    )
    add, takes = parser.add_argument, predicts[task].takes
    add("texts", nargs="*", metavar="TEXT", help=f"{takes}; none: from --file, or the standard input")
    add(
        "--task",
        choices=tuple(tasks),
        default=task,
        help=f"one of the above (任务), default {next(iter(tasks))}; with --help: its options",
    )
    add("--file", type=path, help="UTF-8, one text a line 每行一条")
    of = tasks[task].number
    add("--model", type=folder, help=f"folder of a trained model; default: the best that {of} left in --out")
    add_device_and_out(parser)
    add_lang(parser)
    defaults = predicts[task].settings
    if fields(defaults):
        group = parser.add_argument_group(f"settings of {task} 本任务的设置")
        for field in fields(defaults):
            _add_setting(group, field, {"default": defaults})
    return parser


# --- options ---


def _add_common(parser: Parser, entries: Sequence[Entry]) -> None:
    """What every lesson can be told."""
    add = parser.add_argument
    presets = list(dict.fromkeys(name for entry in entries for name in entry.presets))
    having = {name: [entry.number for entry in entries if name in entry.presets] for name in presets}
    choice = [f"{n} ({', '.join(having[n])})" if len(having[n]) < len(entries) else n for n in presets]
    add(
        "--preset",
        default=PRESET,
        metavar="NAME",
        help=f"settings to start from (预设), default {PRESET}: {', '.join(choice)}",
    )
    seeds = {f"{name} {entry.default_seeds(name)}" for entry in entries for name in entry.presets}
    default = f", default {', '.join(sorted(seeds))}" if len(entries) == 1 else ""
    add("--seeds", type=whole, metavar="N", help=f"number of random seeds (随机种子数){default}")
    add(
        "--jobs",
        type=whole,
        metavar="N",
        default=runtime.usable_cores(),
        help="processes at a time (进程数), default %(default)s",
    )
    add_device_and_out(parser)
    add_data_dir(parser)
    add_lang(parser)
    add(
        "--visualdl",
        action="store_true",
        help="each training writes a log for VisualDL (写 VisualDL 日志), and takes longer",
    )
    add_open(parser)


def _add_setting(group: Any, field: Field, presets: Mapping[str, Settings], is_read: bool = True) -> None:
    """An option for a setting of a lesson. What it may be is declared there, and checked there.

    Args:
        group: a parser, or a group of its options.
        field: the setting.
        presets: name to settings that have it; of one alone the name is not said.
        is_read: whether its value is wanted, rather than only where the option stands.
    """
    kind = get_type_hints(type(next(iter(presets.values()))))[field.name]
    shown = {name: _show(getattr(preset, field.name)) for name, preset in presets.items()}
    values = ", ".join(f"{name} {value}" if len(shown) > 1 else f"default {value}" for name, value in shown.items())
    rest: dict[str, Any] = {"default": argparse.SUPPRESS, "dest": field.name}
    rest["help"] = f"{field.metadata['help']}; {values}".replace("%", "%%")
    if kind is bool:
        group.add_argument(_option(field.name), action=argparse.BooleanOptionalAction, **rest)
    else:
        choices = field.metadata["choices"]
        metavar = f"{{{','.join(choices)}}}" if choices else field.name.upper()
        convert = _CONVERTERS[kind] if is_read else str
        group.add_argument(_option(field.name), type=convert, metavar=metavar, **rest)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _name(option: str) -> str:
    return option.removeprefix("--").replace("-", "_")


def _show(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def add_lang(parser: Parser) -> None:
    """What the terminal speaks."""
    parser.add_argument(
        "--lang",
        default="auto",
        choices=LANGUAGES,
        help="language of the terminal (终端语言), default that of the locale",
    )


def add_device_and_out(parser: Parser) -> None:
    """Where it computes, and where results are."""
    parser.add_argument("--device", default="auto", help="auto (default), cpu, gpu or gpu:N")
    add_out(parser)


def add_out(parser: Parser) -> None:
    """Where results are."""
    parser.add_argument("--out", type=folder, default=str(OUT), help="folder of the results, default %(default)s/")


def add_open(parser: Parser) -> None:
    """Whether the page of the results is shown."""
    parser.add_argument("--open", action="store_true", help="show the page of the results in the browser 打开网页")


def add_data_dir(parser: Parser) -> None:
    """Where the data are."""
    parser.add_argument(
        "--data-dir", type=folder, default=DATA, help="folder of the data (数据目录), default data/ of the project"
    )


# --- what is written, and what is meant ---


def whole(text: str) -> int:
    """A whole number."""
    return _convert(text, int, "a whole number")


def folder(text: str) -> Path:
    """A folder, there or not."""
    if not text.strip():
        raise argparse.ArgumentTypeError(f"{text!r}: expected a folder")
    return path(text)


def path(text: str) -> Path:
    """A file or a folder, whatever becomes the current folder later."""
    return Path(text).absolute()


def _real(text: str) -> float:
    return _convert(text, float, "a number")


def _several(kind: type, expected: str, text: str) -> tuple[Any, ...]:
    """Numbers of one kind, separated by commas, fullwidth ones too."""
    return _convert(text, lambda text: tuple(map(kind, text.replace("，", ",").split(","))), expected)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in _text(text).replace("，", ",").split(","))


def _text(text: str) -> str:
    return _convert(text, lambda text: os.fsencode(text).decode(), "UTF-8")  # also where the locale is not UTF-8


def _convert(text: str, convert: Callable[[str], Any], expected: str) -> Any:
    try:
        return convert(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected {expected}") from None


_CONVERTERS: dict[Any, Callable[[str], Any]] = {
    int: whole,
    float: _real,
    str: _text,
    tuple[int, ...]: partial(_several, int, "whole numbers separated by commas"),
    tuple[float, ...]: partial(_several, float, "numbers separated by commas"),
    tuple[str, ...]: _names,
}
