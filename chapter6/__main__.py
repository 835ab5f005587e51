"""The command line: ``python -m chapter6`` lists the sections; ``run``, ``data`` and ``--help`` tell the rest."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn, get_type_hints

from chapter6.contents import SECTIONS
from chapter6.lab import interruption, report
from chapter6.lab.claim import CHINESE
from chapter6.lab.execute import execute, start
from chapter6.lab.lesson import DEFAULT_SEEDS, Lesson, Run
from chapter6.lab.record import Record
from chapter6.lab.settings import check_whole
from nndl import distributed, runtime
from nndl.dataset import DATA, digit_sum
from nndl.error import NndlError, SettingError

MOST_DIGITS = 10**6
"""k x L of DigitSum; a hundred times as many digits are written, 200 MB."""


class _Parser(argparse.ArgumentParser):
    """Options written out in full, and one line for an error."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, **kwargs)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {_line(message)}; --help tells what is possible\n")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 2 bad input in one line, 130 interrupted."""
    _prepare_streams()
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    with interruption.raising():
        try:
            _run(arguments)
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


def _run(arguments: list[str]) -> None:
    try:
        os.getcwd()
    except OSError:
        raise SettingError("the folder you are in is gone; change to another") from None
    parser = _parser(arguments)
    if odd := [argument for argument in arguments if re.fullmatch(r"--[a-z-]+=--", argument)]:
        parser.error(f"{odd[0]}: expected a value")  # argparse fails on it
    options = parser.parse_args(arguments)
    options.command(options)


def _fail(message: str) -> int:
    print(f"chapter6: {_line(message)}", file=sys.stderr)
    return 2


def _line(message: str) -> str:
    """One line, not too long to be read."""
    line = " ".join(message.split())
    return line if len(line) <= 600 else f"{line[:400]} ... {line[-200:]}"


def list_sections(options: argparse.Namespace) -> None:
    """Print number, title, printed number and what it shows of each section."""
    print("Chapter 6, recurrent neural networks 第 6 章 循环神经网络\n")
    for entry in SECTIONS.values():
        print(f"{entry.number}  {entry.title.en}  {entry.title.zh}  (printed 书中 {entry.printed})")
        print(f"     {entry.shows.en}\n     {entry.shows.zh}")
    print("\npython -m chapter6 run 6.2        python -m chapter6 run --help")


def run_sections(options: argparse.Namespace) -> None:
    """Run the sections asked for, in their order in the book; all settings are checked before the first starts."""
    runs = [_make_run(number, options) for number in SECTIONS if number in (options.sections or SECTIONS)]
    start(options.device)
    lessons: list[Lesson] = [import_module(run.entry.module).LESSON for run in runs]
    alone = [run.number for run, lesson in zip(runs, lessons, strict=True) if not lesson.data_parallel]
    if distributed.world_size() > 1 and alone:
        raise SettingError(f"section {', '.join(alone)}: trains many small models, not one by several processes")
    for run, lesson in zip(runs, lessons, strict=True):
        lesson.check_data(run)
    for run, lesson in zip(runs, lessons, strict=True):
        if distributed.rank():
            lesson.run(run)  # with the first process, which alone writes and reports
            continue
        print(f"[{run.number}] {run.entry.title}, preset {run.preset}")
        record = execute(lesson, run)
        _print_verdicts(record, run)


def make_digit_sum(options: argparse.Namespace) -> None:
    """Generate one length of DigitSum; a length that is there already is an error, and stays as it is."""
    check_whole("length", options.length, 3, digit_sum.MAX_LENGTH)
    check_whole("k", options.k, 1, 1000)
    if options.k * options.length > MOST_DIGITS:
        raise SettingError(f"k x length {options.k} x {options.length}: expected at most {MOST_DIGITS:,}")
    root = options.data_dir / "digit_sum"
    print(f"made {digit_sum.write(root, options.length, options.k, options.seed)}")


def prepare_imdb(options: argparse.Namespace) -> None:
    """Fetch IMDB, or read it from a file or folder, and prepare it, once."""
    from nndl.dataset import imdb

    print("reading and tokenising takes some ten seconds, fetching before that as long as it takes 请稍候", flush=True)
    done = imdb.prepare(options.source, options.data_dir / "imdb")
    sizes = ", ".join(f"{split} {number:,}" for split, number in done.sizes.items())
    print(f"{'was prepared already' if done.was_there else 'prepared'} 已准备: {done.folder} ({sizes} reviews)")
    if done.replaced:
        print(f"{done.replaced:,} reviews hold bytes that are no text; those were replaced")
    if not done.is_official:
        print(
            "these are not the official reviews, to the letter: another edition, or a damaged copy 与官方影评不完全一致"
        )


def lay_out_book(options: argparse.Namespace) -> None:
    """Lay out what the notebooks of the book's repository read."""
    from nndl.dataset import book, imdb

    reviews = options.data_dir / "imdb"
    made, there = book.write_book(options.folder, reviews)
    for what, folders in (("made 已生成", made), ("there already, left as it is 已存在，保持不变", there)):
        if folders:
            print(f"{what}: {', '.join(str(folder.relative_to(options.folder)) for folder in folders)}")
    if imdb.is_prepared(reviews):
        print(
            "the BiLSTM notebook reads ../dataset/imdb: in a notebook beside dataset/ write ./dataset/imdb "
            "双向 LSTM 的 notebook 若与 dataset/ 同级，请把其中的 ../dataset/imdb 改为 ./dataset/imdb"
        )
    else:
        print(
            f"{reviews}: IMDB is not prepared, so dataset/imdb/ is left out; to get it: python -m chapter6 data imdb, "
            "then this again 未准备 IMDB，准备好后再次运行本命令"
        )


def predict_labels(options: argparse.Namespace) -> None:
    """Label reviews with a trained model."""
    from chapter6.sec_6_7_predict import predict

    if options.reviews and options.file:
        raise SettingError("predict: expected reviews or --file, not both")
    predict(options.reviews, options.file, options.model, options.out, options.device)


def _make_run(number: str, options: argparse.Namespace) -> Run:
    entry = SECTIONS[number]
    if options.preset not in entry.presets:
        raise SettingError(f"preset {options.preset!r}: section {number} has {', '.join(entry.presets)}")
    preset = entry.presets[options.preset]
    own = {field.name for field in fields(preset)}
    changes = {name: value for name, value in vars(options).items() if name in own}
    try:
        settings = replace(preset, **changes)
    except SettingError as error:
        raise SettingError(f"section {number}: {error}") from None
    return Run(
        entry=entry,
        preset=options.preset,
        settings=settings,
        seeds=options.seeds if options.seeds is not None else entry.default_seeds(options.preset),
        jobs=options.jobs,
        device=options.device,
        out=options.out,
        data_dir=options.data_dir,
    )


def _print_verdicts(record: Record, run: Run) -> None:
    print("\n## Verdicts 结论", *report.notes(run.entry, record), sep="\n")
    for claim in record.claims:
        print(f"{claim['verdict']:>13}: {claim['claim']} ({claim['measured']})")
        print(f"{'':>15}{CHINESE[claim['verdict']]}：{claim['claim_zh']}")
    print(f"[{run.number}] {record.seconds:.0f} s; report and figures: {run.folder / 'report.md'}\n")


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m chapter6", description="Chapter 6, recurrent neural networks 第 6 章 循环神经网络")
    parser.set_defaults(command=list_sections)
    commands = parser.add_subparsers(metavar="{run,predict,data}")
    _add_run(commands.add_parser("run", help="run sections 运行各节实验"), _named(arguments) or list(SECTIONS))
    _add_predict(commands.add_parser("predict", help="label reviews with the model of 6.7 预测影评的情感"))
    _add_data(commands.add_parser("data", help="make or fetch data that are not there yet 生成或下载数据"))
    return parser


def _named(arguments: Sequence[str]) -> list[str]:
    """The sections asked for: their numbers, where they are not the value of an option."""
    places = [word for before, word in pairwise(["", *arguments]) if not re.fullmatch(r"--(?!help)[a-z-]+", before)]
    return [number for number in SECTIONS if number in places]


def _add_run(parser: argparse.ArgumentParser, numbers: list[str]) -> None:
    parser.set_defaults(command=run_sections)
    add = parser.add_argument
    add("sections", nargs="*", metavar="SECTION", type=_section, help=f"{', '.join(SECTIONS)}; all when left out")
    add(
        "--preset",
        default="quick",
        help="quick (under a minute, default), book (the book's settings 书中设置); 6.7 also best (our recipe)",
    )
    add("--seeds", type=_whole, help=f"number of random seeds (随机种子数), default {DEFAULT_SEEDS}, 2 for 6.7 and 6.8")
    add("--jobs", type=_whole, default=runtime.usable_cores(), help="processes at a time (进程数), default %(default)s")
    _add_device_and_out(parser)
    _add_data_dir(parser)
    group = parser.add_argument_group(f"settings of {', '.join(numbers)}, with their defaults in each preset")
    for name, (kind, text, choices) in _settings(numbers).items():
        option = f"--{name.replace('_', '-')}"
        group.add_argument(option, type=_converter(kind), choices=choices, default=argparse.SUPPRESS, help=text)


def _add_device_and_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", help="auto (default), cpu, gpu or gpu:N")
    parser.add_argument("--out", type=_folder, default="runs", help="folder of the results, default %(default)s/")


def _add_predict(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=predict_labels)
    add = parser.add_argument
    add("reviews", nargs="*", metavar="REVIEW", help="a review (影评); none: from --file, or the standard input")
    add("--file", type=_path, help="UTF-8, one review a line 每行一条影评")
    add("--model", type=_folder, help="folder of a trained model; default: the best that section 6.7 left in --out")
    _add_device_and_out(parser)


def _add_data(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(required=True, metavar="{imdb,digit_sum,book}")
    reviews = kinds.add_parser("imdb", help="IMDB (影评): fetched, checked, prepared once")
    reviews.set_defaults(command=prepare_imdb)
    reviews.add_argument(
        "--from", dest="source", type=_path, metavar="FILE_OR_FOLDER", help="an archive or an extracted aclImdb folder"
    )
    _add_data_dir(reviews)
    digits = kinds.add_parser("digit_sum", help="DigitSum (数字求和) of one length")
    digits.set_defaults(command=make_digit_sum)
    digits.add_argument("--length", type=_whole, required=True, help="sequence length L (序列长度), at least 3")
    digits.add_argument(
        "--k", type=_whole, default=digit_sum.TRAIN_K, help="training examples a pair, default %(default)s"
    )
    digits.add_argument("--seed", type=_whole, default=digit_sum.DATA_SEED, help="random seed, default %(default)s")
    _add_data_dir(digits)
    book = kinds.add_parser("book", help="the files that the book's own notebooks read 书中 notebook 所读的文件")
    book.set_defaults(command=lay_out_book)
    book.add_argument("folder", type=_folder, metavar="DIR", help="the folder of the notebooks (notebook 所在目录)")
    _add_data_dir(book)


def _add_data_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-dir", type=_folder, default=DATA, help="folder of digit_sum/ and imdb/, default data/ of the project"
    )


def _settings(numbers: list[str]) -> dict[str, tuple[Any, str, tuple[str, ...] | None]]:
    """Name to type, help text and choices of every setting of these sections."""
    found: dict[str, tuple[Any, str, tuple[str, ...] | None]] = {}
    for number in numbers:
        presets = SECTIONS[number].presets
        kind = type(presets["quick"])
        hints = get_type_hints(kind)
        for field in fields(kind):
            defaults = ", ".join(f"{name} {_show(getattr(p, field.name))}" for name, p in presets.items())
            text = found[field.name][1] if field.name in found else field.metadata["help"]
            found[field.name] = (hints[field.name], f"{text}; {number}: {defaults}", field.metadata["choices"] or None)
    return found


def _show(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _converter(kind: Any) -> Callable[[str], Any]:
    return {int: _whole, float: _real, str: _text, tuple[int, ...]: _wholes}[kind]


def _whole(text: str) -> int:
    return _convert(text, int, "a whole number")


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


def _folder(text: str) -> Path:
    if not text.strip():
        raise argparse.ArgumentTypeError(f"{text!r}: expected a folder")
    return _path(text)


def _path(text: str) -> Path:
    return Path(text).absolute()


def _section(text: str) -> str:
    if text not in SECTIONS:
        raise argparse.ArgumentTypeError(f"unknown section {text!r}, expected {', '.join(SECTIONS)}")
    return text


if __name__ == "__main__":
    main()
