"""The command line: ``python -m chapter6`` lists the sections; ``--help`` tells what else there is."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from chapter6.contents import CORPORA, SECTIONS, TASKS
from chapter6.lab import cli
from chapter6.lab.settings import check_whole
from chapter6.lab.text import Text
from nndl.dataset import digit_sum
from nndl.error import SettingError

PROGRAM = "python -m chapter6"
GUIDE = Path(__file__).parent / "guide"
MOST_DIGITS = 10**6
"""k x L of DigitSum; a hundred times as many digits are written, 200 MB."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 2 bad input in one line, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    cli.carry_out(lambda: _command(words))


def _command(words: list[str]) -> None:
    if words[:1] == ["run"]:
        run_lessons(words[1:])
    elif words[:1] == ["predict"]:
        predict(words[1:])
    else:
        if words and words[0] in SECTIONS:
            raise SettingError(f"{words[0]}: a section is run by: {PROGRAM} run {' '.join(words)}")
        options = make_parser().parse_args(words)
        options.command(options)


def run_lessons(words: Sequence[str]) -> None:
    """Run the lessons asked for, in their order in the course; all is checked before the first starts."""
    runs, options = cli.read_run(words, f"{PROGRAM} run", SECTIONS)
    from chapter6.lab.execute import execute_all

    execute_all(runs, options.device, options.lang, SECTIONS, options.open)


def make_page(options: argparse.Namespace) -> None:
    """Make the page of all runs, without training anything."""
    from chapter6.lab import page, terminal

    terminal.begin(options.lang)
    page.make(options.out, SECTIONS, options.open)


def write_measurements(options: argparse.Namespace) -> None:
    """Write the pages of measurements from the records of all runs."""
    from chapter6.lab import measurements, terminal

    terminal.begin(options.lang)
    for path in measurements.write(options.out, SECTIONS, options.folder):
        _say(f"written: {path}", f"已写入：{path}")


def list_sections(options: argparse.Namespace) -> None:
    """Print number, title, printed number and what it shows of each section."""
    print("Chapter 6, recurrent neural networks 第 6 章 循环神经网络\n")
    for entry in SECTIONS.values():
        printed = f"  (printed 书中 {entry.printed})" if entry.printed else ""
        print(f"{entry.number}  {entry.title.en}  {entry.title.zh}{printed}")
        print(f"     {entry.shows.en}\n     {entry.shows.zh}")
    print(f"\n{PROGRAM} run 6.2        {PROGRAM} run 6.2 --help")


def make_digit_sum(options: argparse.Namespace) -> None:
    """Generate one length of DigitSum; a length that is there already is an error, and stays as it is."""
    check_whole("length", options.length, 3, digit_sum.MAX_LENGTH)
    check_whole("k", options.k, 1, 1000)
    if options.k * options.length > MOST_DIGITS:
        raise SettingError(f"k x length {options.k} x {options.length}: expected at most {MOST_DIGITS:,}")
    made = digit_sum.make(options.data_dir, options.length, options.k, options.seed)
    _say(f"made {made}", f"已生成 {made}")


def prepare_corpus(options: argparse.Namespace) -> None:
    """Fetch a corpus, or read it from a file or folder, and prepare it, once."""
    corpus = CORPORA[options.corpus]
    texts = corpus.texts
    _say(
        "reading takes some seconds, fetching before that as long as it takes",
        "请稍候：读取需数秒至数十秒，之前的下载时间视网络而定",
    )
    prepare = getattr(import_module(corpus.module), corpus.function)
    done = prepare(options.source, options.data_dir / options.corpus)
    sizes = ", ".join(f"{split} {number:,}" for split, number in done.sizes.items())
    en, zh = ("was prepared already", "此前已准备好") if done.was_there else ("prepared", "已准备")
    _say(f"{en}: {done.folder} ({sizes} {texts.en})", f"{zh}：{done.folder}（{texts.zh}数 {sizes}）")
    if done.replaced:
        _say(
            f"{done.replaced:,} {texts.en} hold bytes that are no text; those were replaced",
            f"{done.replaced:,} 条{texts.zh}含有无法解码的字节，已替换",
        )
    if not done.is_official:
        _say(
            f"these are not the official {texts.en}, to the letter: another edition, or a damaged copy",
            f"与官方{texts.zh}不完全一致：可能是另一版本，或文件已损坏",
        )


def lay_out_book(options: argparse.Namespace) -> None:
    """Lay out what the notebooks of the book's repository read."""
    from nndl.dataset import book, imdb

    reviews = options.data_dir / "imdb"
    made, there = book.write_book(options.folder, reviews)
    for en, zh, folders in (("made", "已生成", made), ("there already, left as it is", "已存在，保持不变", there)):
        if folders:
            names = ", ".join(str(folder.relative_to(options.folder)) for folder in folders)
            _say(f"{en}: {names}", f"{zh}：{names}")
    if imdb.is_prepared(reviews):
        _say(
            "the BiLSTM notebook reads ../dataset/imdb: in a notebook beside dataset/ write ./dataset/imdb",
            "双向 LSTM 的 notebook 若与 dataset/ 同级，请把其中的 ../dataset/imdb 改为 ./dataset/imdb",
        )
    else:
        _say(
            f"{reviews}: IMDB is not prepared, so dataset/imdb/ is left out; to get it: python -m chapter6 data imdb, "
            "then this again",
            f"{reviews}：未准备 IMDB，因此没有 dataset/imdb/；请先运行 python -m chapter6 data imdb，再次运行本命令",
        )


def predict(words: Sequence[str]) -> None:
    """Ask a trained model."""
    entry, asked = cli.read_asked(words, f"{PROGRAM} predict", TASKS)
    from chapter6.lab import terminal

    terminal.begin(asked.lang)
    import_module(entry.predicts.module).predict(asked)


def _say(en: str, zh: str) -> None:
    from chapter6.lab import terminal  # not for lists and help, which come at once

    terminal.say(Text(en, zh))


def make_parser() -> cli.Parser:
    """Of all commands; what ``run`` and ``predict`` take depends on the lesson, see :mod:`chapter6.lab.cli`."""
    parser = cli.Parser(prog=PROGRAM, description="Chapter 6, recurrent neural networks 第 6 章 循环神经网络")
    parser.set_defaults(command=list_sections)
    commands = parser.add_subparsers(metavar="{run,page,predict,data,measurements}")
    commands.add_parser("run", help="run sections 运行各节实验", add_help=False)
    _add_page(commands.add_parser("page", help="make the page of all runs 生成全部结果的网页"))
    commands.add_parser("predict", help="ask a trained model 让训练好的模型回答", add_help=False)
    _add_data(commands.add_parser("data", help="make or fetch data that are not there yet 生成或下载数据"))
    _add_measurements(commands.add_parser("measurements", help="all verdicts as Markdown 把全部结论写成 Markdown"))
    return parser


def _add_page(parser: cli.Parser) -> None:
    parser.set_defaults(command=make_page)
    cli.add_out(parser)
    cli.add_open(parser)
    cli.add_lang(parser)


def _add_measurements(parser: cli.Parser) -> None:
    parser.set_defaults(command=write_measurements)
    parser.add_argument(
        "folder",
        type=cli.folder,
        nargs="?",
        default=GUIDE,
        help="where both pages go 两个页面的目录, default %(default)s",
    )
    cli.add_out(parser)
    cli.add_lang(parser)


def _add_data(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(required=True, metavar=f"{{{','.join([*CORPORA, 'digit_sum', 'book'])}}}")
    for name, corpus in CORPORA.items():
        kind = kinds.add_parser(name, help=f"{corpus.title}: fetched, checked, prepared once")
        kind.set_defaults(command=prepare_corpus, corpus=name)
        kind.add_argument("--from", dest="source", type=cli.path, metavar="FILE_OR_FOLDER", help=corpus.source)
        cli.add_data_dir(kind)
    digits = kinds.add_parser("digit_sum", help="DigitSum (数字求和) of one length")
    digits.set_defaults(command=make_digit_sum)
    digits.add_argument("--length", type=cli.whole, required=True, help="sequence length L (序列长度), at least 3")
    digits.add_argument(
        "--k", type=cli.whole, default=digit_sum.TRAIN_K, help="training examples a pair, default %(default)s"
    )
    digits.add_argument("--seed", type=cli.whole, default=digit_sum.DATA_SEED, help="random seed, default %(default)s")
    cli.add_data_dir(digits)
    book = kinds.add_parser("book", help="the files that the book's own notebooks read 书中 notebook 所读的文件")
    book.set_defaults(command=lay_out_book)
    book.add_argument("folder", type=cli.folder, metavar="DIR", help="the folder of the notebooks (notebook 所在目录)")
    cli.add_data_dir(book)


if __name__ == "__main__":
    main()
