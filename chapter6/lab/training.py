"""Trainings: what each is set by, how one is fitted, and many of them at a time."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import nndl
from chapter6.lab import progress, result, terminal
from chapter6.lab.jobs import spread
from chapter6.lab.lesson import Run
from chapter6.lab.reach import code_of
from chapter6.lab.record import Results
from chapter6.lab.text import Text, same
from chapter6.lab.watch import watchers
from nndl import distributed
from nndl.error import DivergedError
from nndl.lock import holding


@dataclass(frozen=True, eq=False)
class Training:
    """One training, and all that its result depends on: settings, data, code, versions and machine.

    What it is set by is found by name: ``training.length``, ``training.learning_rate``, ``training.seed``.

    Args:
        train: called as ``train(training, folder)``, returns the result, plain values; a function of a module, for
            other processes call it. Leaves the model in ``folder/best.pdparams``. In the result are ``dev_accuracy``
            and ``test_accuracy``, or another of :data:`result.KINDS`; and ``diverged``, see :func:`fit`.
        name: readable, such as "SRN-L10-seed0".
        values: what it is set by, plain values, the seed among them; its result holds them.
        data: the folder of the data; what counts is its content.
        data_mark: changes with the content of the data.
        threads: of the process that trains; their number can change the last digit of a sum.
        make: a class or function of a module that ``train`` is handed, such as one of many cells: where ``train`` took
            it from a table, another line there would be another code, and all would be trained anew.
    """

    train: Callable[["Training", Path], dict[str, Any]]
    name: str
    values: Mapping[str, Any]
    data: Path
    data_mark: str
    threads: int = 1
    make: Callable[..., Any] | None = None

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("values", {})
        if name not in values:
            raise AttributeError(f"a training is not set by {name!r}, but by {', '.join(values)}")
        return values[name]

    @cached_property
    def folder_name(self) -> str:
        """Its name with a fingerprint: other settings, data, code or machine give another one."""
        parts = [
            json.dumps(dict(self.values), sort_keys=True),
            self.data_mark,
            nndl.runtime.threads_of_worker(self.threads),
            code_of(self.train, train_one, *([self.make] if self.make else [])),
            _machine(),
        ]
        return f"{self.name}-{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:8]}"


def mark_of(files: Iterable[Path]) -> str:
    """The mark of data that are files: their content, in this order."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


@cache
def _machine() -> str:
    """What else decides the last digit: a reader who changes any of it must not be shown the old result."""
    described = nndl.runtime.describe()
    return json.dumps({name: described[name] for name in ("device", "processor", "mkl_kernels", "versions")})


_watchers: list["nndl.Callback"] = []
"""Of the training under way: :func:`train_one` sets them, so what watches is no part of the code that trains."""


def fit(
    runner: "nndl.RunnerV3",
    train_loader: Sequence,
    dev_loader: Sequence,
    folder: Path,
    *,
    num_epochs: int,
    eval_steps: int,
    callbacks: Sequence["nndl.Callback"] = (),
    checkpoint_steps: int = 2000,
) -> dict[str, Any]:
    """``runner.train(train_loader, dev_loader, num_epochs=..., eval_steps=...)``, and what an experiment needs besides.

    The best model on the dev set is kept in ``folder`` and is the runner's in the end. An interrupted training goes
    on where it stopped, from its state of at most ``checkpoint_steps`` steps ago; 0 where callbacks gather something,
    which is no part of that state: such a training starts anew. A loss that becomes NaN or infinite is a result.

    Returns the curves, ``train_losses`` [(step, mean loss of the epoch)], ``dev_losses`` [(step, loss)], ``dev_scores``
    and ``last_loss``; and ``diverged``: how, or "".
    """
    error = ""
    try:
        runner.train(
            train_loader,
            dev_loader,
            num_epochs=num_epochs,
            eval_steps=eval_steps,
            log_steps=0,
            save_path=folder / result.MODEL,
            callbacks=[*callbacks, *_watchers],
            checkpoint_path=folder / result.STATE if checkpoint_steps else None,
            checkpoint_steps=checkpoint_steps or 1,
        )
    except DivergedError as diverged:
        error = str(diverged)
    distributed.wait_for_all()
    if runner.dev_scores:
        runner.load_model(folder / result.MODEL)
    return _curves(runner, len(train_loader)) | {"diverged": _divergence(runner, error)}


def _curves(runner: "nndl.RunnerV3", steps_per_epoch: int) -> dict[str, Any]:
    ends = [(n + 1) * steps_per_epoch - 1 for n in range(len(runner.train_epoch_losses))]
    return {
        "train_losses": list(zip(ends, runner.train_epoch_losses, strict=True)),
        "last_loss": runner.train_step_losses[-1][1],
        "dev_losses": runner.dev_losses,
        "dev_scores": runner.dev_scores,
    }


def _divergence(runner: "nndl.RunnerV3", error: str) -> str:
    """How a training diverged: its error, or a dev loss that is no number, after a last step that went too far."""
    odd = [f"the dev loss became {loss} at step {step}" for step, loss in runner.dev_losses if not isfinite(loss)]
    return error or (f"{odd[0]}; what usually helps: a lower learning rate" if odd else "")


def on_all_cores(wanted: Sequence[Training]) -> list[Training]:
    """The same, with several threads each where there are more cores than trainings; whatever the number of jobs."""
    threads = max(1, nndl.runtime.usable_cores() // len(wanted))
    return [replace(training, threads=threads) for training in wanted]


def train_all(run: Run, wanted: Sequence[Training], also_in: Sequence[Path] = (), may_diverge: bool = False) -> Results:
    """Train what is not there yet, ``run.jobs`` at a time, and return all results in the order asked for.

    Several runs may do so in one folder at a time: they share the trainings, and all get all results.

    Args:
        run: where the models go, ``run.folder/checkpoints/<name>``.
        wanted: the trainings.
        also_in: other checkpoint folders to take finished trainings from.
        may_diverge: whether a loss that became NaN or infinite is a result like any other.

    Raises:
        CheckpointError: what an earlier training left is damaged; found before anything is trained.
        DivergedError: a training diverged, and it may not.
    """
    results = find_finished(run, wanted, also_in)
    _say_what_is_there(run, wanted, results)
    pieces = [_piece(run, training) for training in wanted if training not in results]
    missing = pieces
    for may_wait in (False, True):
        items, missing = missing, []
        if not items:
            break
        if may_wait:
            terminal.say_of(
                run.number,
                f"another run trains {len(items)} of them here; waiting for it",
                f"另一个运行正在训练其中 {len(items)} 个，等待其完成",
            )
        under_way = progress.trainings(len(items))
        (threads,) = {piece.training.threads for piece in items}  # one pool of processes: all have as many
        for piece, found in spread(partial(_work, may_wait=may_wait), items, run.jobs, run.device, threads):
            under_way.finish(piece.training.name)
            if found is None:
                missing.append(piece)
            else:
                outcome = _outcome(found)
                terminal.say_of(
                    run.number, f"{piece.training.name}: {outcome.en}", f"{piece.training.name}：{outcome.zh}"
                )
    distributed.wait_for_all()
    results |= {piece.training: _with_folder(result.load(piece.folder), piece.folder) for piece in pieces}
    _trained_here.update(piece.folder for piece in pieces)
    for training in wanted:
        if results[training]["diverged"] and not may_diverge:
            raise DivergedError(f"{training.name}: {results[training]['diverged']}")
    return Results(results[training] for training in wanted)


class _Piece(NamedTuple):
    """A training, its folder, and the folder of its log for VisualDL, if one is wanted."""

    training: Training
    folder: Path
    log: Path | None


def _piece(run: Run, training: Training) -> _Piece:
    name = training.folder_name
    return _Piece(training, run.folder / "checkpoints" / name, run.log_folder / name if run.visualdl else None)


_trained_here = set[Path]()
"""By this very command: such a training was not done already."""


def _say_what_is_there(run: Run, wanted: Sequence[Training], results: Mapping[Training, dict[str, Any]]) -> None:
    """How many of the trainings an earlier command has done, and how many another section."""
    folders = [Path(found["folder"]) for found in results.values()]
    own = [folder for folder in folders if folder.is_relative_to(run.folder)]
    if earlier := len(set(own) - _trained_here):
        of = f"{earlier} of {len(wanted)} trainings are"
        terminal.say_of(
            run.number,
            f"{of} done already, same settings and code",
            f"{len(wanted)} 个训练中有 {earlier} 个已完成（设置与代码相同），不再重复",
        )
    taken = [folder.relative_to(run.out).parts[0] for folder in folders if folder not in own]
    for number, count in sorted(Counter(taken).items()):
        terminal.say_of(
            run.number,
            f"{count} of {len(wanted)} trainings are taken from {number}",
            f"{len(wanted)} 个训练中有 {count} 个取自 {number}",
        )
    if run.visualdl and results:
        terminal.say_of(
            run.number,
            "trainings that are not repeated write no log for VisualDL; another --out repeats them",
            "不重复的训练没有 VisualDL 日志；换一个 --out 可重新训练",
        )


def find_finished(run: Run, wanted: Sequence[Training], also_in: Sequence[Path] = ()) -> dict[Training, dict[str, Any]]:
    """The results of the trainings that are done. Raises CheckpointError for a damaged one."""
    results = {}
    for training in wanted:
        for place in (run.folder / "checkpoints", *also_in):
            folder = place / training.folder_name
            if training not in results and (found := _agreed(folder)) is not None:
                result.check_settings(folder, found, training.values)
                results[training] = _with_folder(found, folder)
    return results


def _agreed(folder: Path) -> dict[str, Any] | None:
    """What is finished; of processes that train together the first decides, for one may look too early."""
    found = result.finished(folder) if distributed.rank() == 0 else None
    return (found or result.load(folder)) if distributed.agree(found is not None) else None


def _with_folder(found: dict[str, Any], folder: Path) -> dict[str, Any]:
    return found | {"folder": str(folder)}


def _work(piece: _Piece, may_wait: bool) -> dict[str, Any] | None:
    """Train, unless another run has done it or, where this one may not wait, is at it: then there is no result yet."""
    with holding(piece.folder, may_wait) if distributed.rank() == 0 else nullcontext(True) as is_ours:
        if not distributed.agree(is_ours):
            return None
        watching = watchers(piece.training.name, piece.log)
        return _agreed(piece.folder) or train_one(piece.training, piece.folder, watching)


def train_one(training: Training, folder: Path, watching: Sequence["nndl.Callback"] = ()) -> dict[str, Any]:
    """One training: seeded, timed, its result written into ``folder``."""
    start = time.perf_counter()
    result.begin(folder)
    nndl.runtime.seed_everything(training.seed)
    _watchers[:] = watching
    try:
        outcome = training.train(training, folder)
    finally:
        _watchers.clear()
    if other := [name for name, value in training.values.items() if outcome.get(name, value) != value]:
        raise ValueError(f"{training.name}: its result says {other[0]!r}, which is a setting; choose another name")
    found = {**training.values, **outcome}
    found["seconds"] = round(time.perf_counter() - start, 2)
    result.write(folder, found)
    return found


def _outcome(found: dict[str, Any]) -> Text:
    if found["diverged"]:
        return same(found["diverged"])
    kind = result.kind_of(found)
    dev, test, seconds = (found[name] for name in (f"dev_{kind}", f"test_{kind}", "seconds"))
    dev, test = (f"{value:.2g}" if kind == "error" else f"{value:.2f}" for value in (dev, test))
    return Text(f"dev {dev}, test {test} ({seconds:.1f} s)", f"验证集 {dev}，测试集 {test}（{seconds:.1f} 秒）")
