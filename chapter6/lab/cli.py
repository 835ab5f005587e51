"""The command line: options made from settings, one line for an error. It is handed the contents, knows no lesson."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, get_type_hints

from chapter6.lab import interruption
from chapter6.lab.lesson import Entry, Run
from chapter6.lab.terminal import LANGUAGES
from chapter6.lab.text import Text
from nndl import runtime
from nndl.dataset import DATA
from nndl.error import NndlError, SettingError


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
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
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


def read_run(
    words: Sequence[str], prog: str, contents: Mapping[str, Entry], elsewhere: Mapping[str, Text]
) -> tuple[list[Run], argparse.Namespace]:
    """The lessons that a command line asks for, each with its settings, and the other options.

    A lesson that is alone takes its own settings as options, several take only the common ones.

    Args:
        words: the command line, without ``run`` itself.
        prog: what stands before them.
        contents: the lessons.
        elsewhere: numbers that are no lesson's, and where their content is.

    Raises:
        SettingError: a setting that is not what it must be. What is no option at all ends the program.
    """
    general = _run_parser(prog, list(contents.values()))
    found, rest = _finder(general.prog, contents).parse_known_args(words)
    if unknown := [word.partition("=")[0] for word in rest if word.startswith("-")]:
        near = get_close_matches(unknown[0], _options(contents), n=1)
        general.error(f"unknown option {unknown[0]}" + (f", did you mean {near[0]}?" if near else ""))
    if found.help:
        named = [contents[word] for word in rest if word in contents]
        (_run_parser(prog, named) if len(named) == 1 else general).print_help()
        sys.exit(0)
    for number in rest:
        if number not in contents:
            general.error(_not_a_section(number, contents, elsewhere))
    entries = [entry for number, entry in contents.items() if number in rest or not rest]
    for option in (option for option, name in _options(contents).items() if name in found):
        owners = [entry.number for entry in contents.values() if option in _own(entry)]
        if len(entries) > 1:
            general.error(
                f"{option} is a setting of section {', '.join(owners)}; give it to that section alone: run {owners[0]}"
            )
        if entries[0].number not in owners:
            general.error(f"{option} is no setting of section {entries[0].number}, but of {', '.join(owners)}")
    options, _ = _run_parser(prog, entries).parse_known_args(words)
    if lacking := [entry for entry in entries if options.preset not in entry.presets]:
        has = "; ".join(f"section {entry.number} has {', '.join(entry.presets)}" for entry in lacking)
        raise SettingError(f"preset {options.preset!r}: {has}")
    return [_make_run(entry, options) for entry in entries], options


def _not_a_section(number: str, contents: Mapping[str, Entry], elsewhere: Mapping[str, Text]) -> str:
    hints = [str(elsewhere[number])] if number in elsewhere else []
    for entry in contents.values():
        if entry.printed and f"{number}.".startswith(f"{entry.printed}."):
            hints.append(
                f"the printed book's {number} is section {entry.number} here 书中 {number} 节对应 {entry.number}"
            )
    return f"unknown section {number!r}: {'; '.join(hints) or 'expected ' + ', '.join(contents)}"


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
        seeds=options.seeds if options.seeds is not None else entry.default_seeds(options.preset),
        jobs=options.jobs,
        device=options.device,
        out=options.out,
        data_dir=options.data_dir,
        visualdl=options.visualdl,
    )


def _run_parser(prog: str, entries: Sequence[Entry], add_help: bool = True) -> Parser:
    """The common options, and the settings of the only lesson, if it is one."""
    alone = entries[0] if len(entries) == 1 else None
    parser = Parser(
        prog=prog,
        add_help=add_help,
        usage=f"{prog} {alone.number if alone else '[SECTION ...]'} [OPTION ...]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=f"{alone.number} {alone.title}" if alone else _overview(entries),
    )
    add = parser.add_argument
    presets: dict[str, list[str]] = {}
    for entry in entries:
        for name in entry.presets:
            presets.setdefault(name, []).append(entry.number)
    choice = ", ".join(
        f"{name} (default)"
        if name == "quick"
        else name
        if len(numbers) == len(entries)
        else f"{name} ({', '.join(numbers)})"
        for name, numbers in presets.items()
    )
    add("--preset", default="quick", help=f"{choice}; book: the book's settings 书中设置")
    seeds = (
        ", ".join(f"{name} {alone.default_seeds(name)}" for name in alone.presets) if alone else "each section's own"
    )
    add("--seeds", type=whole, help=f"number of random seeds (随机种子数): {seeds}")
    add("--jobs", type=whole, default=runtime.usable_cores(), help="processes at a time (进程数), default %(default)s")
    add_device_and_out(parser)
    add_data_dir(parser)
    add("--lang", default="auto", choices=LANGUAGES, help="language of the terminal (终端语言), default: the locale's")
    add("--visualdl", action="store_true", help="also write logs for VisualDL (记录 VisualDL 日志); takes longer")
    if alone:
        _add_settings(parser, alone)
    return parser


def _overview(entries: Sequence[Entry]) -> str:
    lines = [f"  {entry.number:<6}{entry.title}" for entry in entries]
    example = entries[0].number
    return "\n".join(
        [
            "Run sections, all when none is named 运行各节实验，不指定则全部运行",
            *lines,
            f"The settings of a section 各节的设置: run {example} --help",
        ]
    )


def _add_settings(parser: Parser, entry: Entry) -> None:
    """An option for each of a lesson's settings, with its value in each preset; what it may be, the settings check."""
    group = parser.add_argument_group(
        f"settings of {entry.number}, with their defaults in each preset 本节设置及其默认值"
    )
    kinds = get_type_hints(type(entry.presets["quick"]))
    for field in fields(entry.presets["quick"]):
        option, kind, choices = _option(field.name), kinds[field.name], field.metadata["choices"]
        defaults = ", ".join(f"{name} {_show(getattr(preset, field.name))}" for name, preset in entry.presets.items())
        text = f"{field.metadata['help']}; {defaults}".replace("%", "%%")
        if kind is bool:
            group.add_argument(option, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=text)
        else:
            metavar = f"{{{','.join(choices)}}}" if choices else None
            group.add_argument(option, type=_CONVERTERS[kind], default=argparse.SUPPRESS, help=text, metavar=metavar)


def _finder(prog: str, contents: Mapping[str, Entry]) -> Parser:
    """Knows of every option whether a value follows, so that what is left over are the sections."""
    finder = _run_parser(prog, list(contents.values()), add_help=False)
    finder.add_argument("-h", "--help", action="store_true")
    for option, name in _options(contents).items():
        kind = get_type_hints(type(next(_presets_with(name, contents))))[name]
        action = {"action": argparse.BooleanOptionalAction} if kind is bool else {}
        finder.add_argument(option, dest=name, default=argparse.SUPPRESS, **action)  # type: ignore[arg-type]
    return finder


def _presets_with(name: str, contents: Mapping[str, Entry]) -> Iterator[Any]:
    return (entry.presets["quick"] for entry in contents.values() if _option(name) in _own(entry))


def _options(contents: Mapping[str, Entry]) -> dict[str, str]:
    """Option to name of every setting of every lesson."""
    return {option: name for entry in contents.values() for option, name in _own(entry).items()}


def _own(entry: Entry) -> dict[str, str]:
    """Option to name of the settings of a lesson."""
    return {_option(field.name): field.name for field in fields(entry.presets["quick"])}


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _show(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


# --- options that several commands share ---


def add_device_and_out(parser: argparse.ArgumentParser) -> None:
    """``--device`` and ``--out``."""
    parser.add_argument("--device", default="auto", help="auto (default), cpu, gpu or gpu:N")
    parser.add_argument("--out", type=folder, default="runs", help="folder of the results, default %(default)s/")


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """``--data-dir``."""
    parser.add_argument(
        "--data-dir", type=folder, default=DATA, help="folder of digit_sum/ and imdb/, default data/ of the project"
    )


# --- from words to values ---


def whole(text: str) -> int:
    """A whole number."""
    return _convert(text, int, "a whole number")


def folder(text: str) -> Path:
    """A folder, absolute; whether it is there is another question."""
    if not text.strip():
        raise argparse.ArgumentTypeError(f"{text!r}: expected a folder")
    return path(text)


def path(text: str) -> Path:
    """A file or folder, absolute."""
    return Path(text).absolute()


def _real(text: str) -> float:
    return _convert(text, float, "a number")


def _wholes(text: str) -> tuple[int, ...]:
    return _convert(text, lambda text: tuple(map(int, text.split(","))), "whole numbers separated by commas")


def _text(text: str) -> str:
    return _convert(text, lambda text: os.fsencode(text).decode(), "UTF-8")  # also where the locale is not UTF-8


def _convert(text: str, convert: Callable[[str], Any], expected: str) -> Any:
    try:
        return convert(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected {expected}") from None


_CONVERTERS: dict[Any, Callable[[str], Any]] = {int: whole, float: _real, str: _text, tuple[int, ...]: _wholes}
