"""The command line: ``python -m chapter6`` lists the sections; ``run``, ``data`` and ``--help`` tell the rest."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn, get_type_hints

from chapter6 import sec_6_2_srn_memory, sec_6_4_gradient_explosion, sec_6_5_lstm_memory
from chapter6.section import Record, Run, execute, notes, setting_fields
from nndl import runtime
from nndl.dataset import digit_sum
from nndl.error import NndlError, SettingError

MODULES = (sec_6_2_srn_memory, sec_6_4_gradient_explosion, sec_6_5_lstm_memory)
SECTIONS: dict[str, ModuleType] = {module.SECTION.number: module for module in MODULES}
DEFAULT_SEEDS = 3
INTERRUPTED = 130  # the shell's code for Ctrl-C


class _Parser(argparse.ArgumentParser):
    """Options written out in full, and one line for an error."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, **kwargs)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; --help tells what is possible\n")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 2 bad input in one line, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):  # where the terminal's encoding has no Chinese, a mark instead of a crash
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser(arguments).parse_args(arguments)
    try:
        options.command(options)
    except NndlError as error:
        sys.exit(_fail(str(error)))
    except BrokenPipeError:  # such as | head
        sys.stdout = None  # type: ignore[assignment]
        sys.exit(1)
    except MemoryError:
        sys.exit(_fail("not enough memory for these settings; choose smaller sizes, fewer seeds or fewer --jobs"))
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from here 已中断，再次运行同一命令即可继续", file=sys.stderr)
        sys.exit(INTERRUPTED)
    sys.exit(0)


def _fail(message: str) -> int:
    print(f"chapter6: {' '.join(message.split())}", file=sys.stderr)
    return 2


def list_sections(options: argparse.Namespace) -> None:
    """Print number, title, printed number and what it shows of each section."""
    print("Chapter 6, recurrent neural networks 第 6 章 循环神经网络\n")
    for module in SECTIONS.values():
        section = module.SECTION
        print(f"{section.number}  {section.title}  {section.title_zh}  (printed 书中 {section.printed})")
        print(f"     {section.shows}\n     {section.shows_zh}")
    print("\npython -m chapter6 run 6.2        python -m chapter6 run --help")


def run_sections(options: argparse.Namespace) -> None:
    """Run the sections asked for, in their order in the book; all settings are checked before the first starts."""
    for run in [_make_run(number, options) for number in SECTIONS if number in (options.sections or SECTIONS)]:
        module = SECTIONS[run.number]
        print(f"[{run.number}] {module.SECTION.title} {module.SECTION.title_zh}, preset {run.preset}")
        record = execute(module, run)
        print("\n", *module.numbers(record), sep="\n")
        _print_verdicts(record, run)


def make_digit_sum(options: argparse.Namespace) -> None:
    """Generate one length of DigitSum; a length that is there already is an error, and stays as it is."""
    print(f"made {digit_sum.write(options.data_dir, options.length, options.k, options.seed)}")


def _make_run(number: str, options: argparse.Namespace) -> Run:
    module = SECTIONS[number]
    if options.preset not in module.PRESETS:
        raise SettingError(f"preset {options.preset!r}: section {number} has {', '.join(module.PRESETS)}")
    own = {field.name for field in setting_fields(module)}
    changes = {name: value for name, value in vars(options).items() if name in own}
    return Run(
        number=number,
        preset=options.preset,
        settings=replace(module.PRESETS[options.preset], **changes),
        seeds=options.seeds,
        jobs=options.jobs,
        device=options.device,
        out=options.out.absolute(),
        data_dir=options.data_dir.absolute(),
    )


def _print_verdicts(record: Record, run: Run) -> None:
    print("\n## Verdicts 结论", *notes(SECTIONS[run.number], record), sep="\n")
    for claim in record.claims:
        print(f"{claim['verdict']:>13}: {claim['claim']} ({claim['measured']})")
    print(f"[{run.number}] {record.seconds:.0f} s; report and figures: {run.folder / 'report.md'}\n")


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m chapter6", description="Chapter 6, recurrent neural networks 第 6 章 循环神经网络")
    parser.set_defaults(command=list_sections)
    commands = parser.add_subparsers(metavar="{run,data}")
    named = [number for number in SECTIONS if number in arguments]
    _add_run(commands.add_parser("run", help="run sections 运行各节实验"), named or list(SECTIONS))
    _add_data(commands.add_parser("data", help="make data that are not there yet 生成数据"))
    return parser


def _add_run(parser: argparse.ArgumentParser, numbers: list[str]) -> None:
    parser.set_defaults(command=run_sections)
    add = parser.add_argument
    add("sections", nargs="*", metavar="SECTION", type=_section, help=f"{', '.join(SECTIONS)}; all when left out")
    add("--preset", default="quick", help="quick (under a minute, default) or book (the book's settings 书中设置)")
    add("--seeds", type=_whole, default=DEFAULT_SEEDS, help="number of random seeds (随机种子数), default %(default)s")
    add("--jobs", type=_whole, default=runtime.usable_cores(), help="processes at a time (进程数), default %(default)s")
    add("--device", default="auto", help="auto (default), cpu, gpu or gpu:N")
    add("--out", type=_folder, default=Path("runs"), help="folder of the results, default %(default)s/")
    _add_data_dir(parser)
    group = parser.add_argument_group(f"settings of {', '.join(numbers)}, with their defaults in each preset")
    for name, (kind, text) in _settings(numbers).items():
        group.add_argument(f"--{name.replace('_', '-')}", type=_converter(kind), default=argparse.SUPPRESS, help=text)


def _add_data(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(required=True, metavar="{digit_sum}")
    digits = kinds.add_parser("digit_sum", help="DigitSum (数字求和) of one length")
    digits.set_defaults(command=make_digit_sum)
    digits.add_argument("--length", type=_whole, required=True, help="sequence length L (序列长度), at least 3")
    digits.add_argument(
        "--k", type=_whole, default=digit_sum.TRAIN_K, help="training examples a pair, default %(default)s"
    )
    digits.add_argument("--seed", type=_whole, default=digit_sum.DATA_SEED, help="random seed, default %(default)s")
    _add_data_dir(digits)


def _add_data_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-dir", type=_folder, default=digit_sum.DEFAULT_ROOT, help="folder of DigitSum, default data/digit_sum/"
    )


def _settings(numbers: list[str]) -> dict[str, tuple[Any, str]]:
    """Name to type and help text of every setting of these sections."""
    found: dict[str, tuple[Any, str]] = {}
    for number in numbers:
        module = SECTIONS[number]
        hints = get_type_hints(module.Settings)
        for field in setting_fields(module):
            defaults = ", ".join(f"{name} {_show(getattr(p, field.name))}" for name, p in module.PRESETS.items())
            text = found.get(field.name, ("", field.metadata["help"]))[1]
            found[field.name] = (hints[field.name], f"{text}; {number}: {defaults}")
    return found


def _show(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _converter(kind: Any) -> Callable[[str], Any]:
    return {int: _whole, float: _real, tuple[int, ...]: _wholes}[kind]


def _whole(text: str) -> int:
    return _convert(text, int, "a whole number")


def _real(text: str) -> float:
    return _convert(text, float, "a number")


def _wholes(text: str) -> tuple[int, ...]:
    return _convert(text, lambda text: tuple(map(int, text.split(","))), "whole numbers separated by commas")


def _convert(text: str, convert: Callable[[str], Any], expected: str) -> Any:
    try:
        return convert(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected {expected}") from None


def _folder(text: str) -> Path:
    if not text.strip():
        raise argparse.ArgumentTypeError(f"{text!r}: expected a folder")
    return Path(text)


def _section(text: str) -> str:
    if text not in SECTIONS:
        raise argparse.ArgumentTypeError(f"unknown section {text!r}, expected {', '.join(SECTIONS)}")
    return text


if __name__ == "__main__":
    main()
