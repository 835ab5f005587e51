"""Threads, CPU kernels, device and seeds: what a run stands on.

PaddlePaddle as installed computes with one thread, and on AMD processors its MKL library takes a slow path.
Two environment variables change both, but only if they are set before Paddle is loaded; ``import nndl`` sets
them. A variable that is already set wins, and ``NNDL_RUNTIME=off`` switches all of it off.
"""

import contextlib
import ctypes
import io
import multiprocessing
import os
import platform
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from functools import cache
from importlib import import_module, metadata
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from nndl import distributed
from nndl.error import DeviceError, SettingError

SWITCH = "NNDL_RUNTIME"
THREADS = "OMP_NUM_THREADS"
MKL_KERNELS = "MKL_DEBUG_CPU_TYPE"
C_LIBRARY = "GLIBC_TUNABLES"

chosen: dict[str, str] = {}
"""The variables that :func:`prepare` set in this process, with their values."""

_loaded_too_early = False


def usable_cores() -> int:
    """The number of cores this process may use: affinity and the cgroup's quota respected, at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, int(_cgroup_cores())))


def _cgroup_cores(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> float:
    """The CPU quota of the control group in cores, infinity where there is none (a large number)."""
    unlimited = float(sys.maxsize)
    try:
        group = own.read_text().strip().rpartition(":")[2].lstrip("/")
    except OSError:
        return unlimited
    quotas = [unlimited]
    for folder in {top / part for top in (root, root / "cpu") for part in (group, *Path(group).parents)}:
        try:  # cgroup v2: "quota period" or "max period"
            quota, period = (folder / "cpu.max").read_text().split()
        except (OSError, ValueError):
            try:  # cgroup v1: two files, -1 for no quota
                quota = (folder / "cpu.cfs_quota_us").read_text().strip()
                period = (folder / "cpu.cfs_period_us").read_text().strip()
            except OSError:
                continue
        if quota.isdigit() and int(quota) > 0:
            quotas.append(max(1.0, int(quota) / int(period)))
    return min(quotas)


@cache
def is_amd_with_avx2() -> bool:
    """Whether the processor is an AMD one with AVX2, the only kind that the MKL variable is for."""
    try:
        cpuinfo = Path("/proc/cpuinfo").read_text()
    except OSError:
        if sys.platform != "win32":
            return False
        avx2_feature = 40  # PF_AVX2_INSTRUCTIONS_AVAILABLE
        has_avx2 = ctypes.windll.kernel32.IsProcessorFeaturePresent(avx2_feature)  # type: ignore[attr-defined]
        return "AuthenticAMD" in platform.processor() and bool(has_avx2)
    return "AuthenticAMD" in cpuinfo and " avx2 " in cpuinfo


@cache
def paddle_ships_mkl() -> bool:
    """Whether the installed Paddle computes with the MKL library in its wheel (found without loading Paddle)."""
    spec = find_spec("paddle")
    if spec is None or spec.origin is None:
        return False
    return any(Path(spec.origin).parent.glob("libs/*mklml*"))


def prepare() -> None:
    """Set the variables that make Paddle fast here; called once by ``import nndl``."""
    if "paddle" not in sys.modules and _PaddleImport not in sys.meta_path:
        sys.meta_path.insert(0, _PaddleImport)
    global _loaded_too_early
    if os.environ.get(SWITCH) == "off":
        return
    _loaded_too_early = "paddle" in sys.modules
    if _loaded_too_early:
        return
    if not paddle_ships_mkl():  # with OpenBLAS, Paddle fails on more than one thread
        return
    wanted = {THREADS: str(max(1, usable_cores() // _together()))}
    if is_amd_with_avx2():
        wanted[MKL_KERNELS] = "5"
    for name, value in wanted.items():
        if name not in os.environ:
            os.environ[name] = chosen[name] = value


def _together() -> int:
    """How many processes train together and share the cores; an odd number is refused where it matters."""
    try:
        return distributed.world_size()
    except SettingError:
        return 1


def summary() -> str:
    """One line: what was chosen, by whom, and how to switch it off."""
    if os.environ.get(SWITCH) == "off":
        return f"nndl runtime: left as it is ({SWITCH}=off)"
    if _loaded_too_early:
        return "nndl runtime: Paddle was loaded first, so nothing could be set; import nndl before paddle to go faster"
    threads = os.environ.get(THREADS)
    if threads is None:
        return f"nndl runtime: this Paddle has no MKL library, left as it is; {usable_cores()} usable core(s)"
    by = "" if THREADS in chosen else f", {THREADS} was set"
    kernels = ""
    if MKL_KERNELS in chosen:
        kernels = f", fast kernels for AMD ({MKL_KERNELS}={chosen[MKL_KERNELS]})"
    return f"nndl runtime: {threads} thread(s) of {usable_cores()} usable core(s){by}{kernels}; {SWITCH}=off disables"


class _PaddleImport:
    """Sees to the import of Paddle, whoever asks for it first: says what :func:`prepare` chose, and keeps it quiet."""

    @classmethod
    def find_spec(cls, name: str, *_: object) -> ModuleSpec | None:
        if name != "paddle":
            return None
        spec = PathFinder.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module
            spec.loader.exec_module = lambda module: _quietly(execute, module)  # type: ignore[method-assign]
        return spec


def _quietly(execute: Callable[[ModuleType], None], paddle: ModuleType) -> None:
    """Paddle's import warns against more than one thread and of a missing ccache; neither is news to our readers."""
    _announce()
    said = io.StringIO()
    with contextlib.redirect_stderr(said), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="No ccache found")
        execute(paddle)
    for line in said.getvalue().splitlines():
        if "OMP_NUM_THREADS" not in line:
            print(line, file=sys.stderr)


def load_paddle() -> None:
    """Import Paddle if it is not there yet, saying once what :func:`prepare` chose for it."""
    if _loaded_too_early:
        _announce()
    import_module("paddle")


def start(device: str) -> None:
    """Load Paddle and choose the device: how a program begins that is not the user's own. See :func:`set_device`.

    Paddle takes SIGTERM over and prints a block about it; a program that is told to end just ends.
    """
    load_paddle()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    set_device(device)


def _announce() -> None:
    """Also which nndl this is: each chapter of the book has one."""
    if multiprocessing.parent_process() is None:
        say_once(f"{summary()}; nndl is {Path(__file__).parent}")


@cache
def say_once(line: str) -> None:
    """Tell the user something that is worth one line, and not more, a process."""
    print(line, file=sys.stderr)


def worker_environment(threads: int = 1) -> dict[str, str]:
    """The variables for a worker process that computes in so many threads; what the user chose stays.

    Large pages for large tensors save the C library of Linux most of the time it takes to get them from the kernel,
    an eighth of a training step on reviews. It reads its variable only when a process starts.
    """
    wanted = {THREADS: str(threads)}
    if os.environ.get(SWITCH) != "off":
        wanted[C_LIBRARY] = "glibc.malloc.hugetlb=1"
    return {name: value for name, value in wanted.items() if name not in os.environ or name in chosen}


def threads_of_worker(threads: int = 1) -> str:
    """In how many threads a worker process computes that is given so many: the user may have chosen another number."""
    return (os.environ | worker_environment(threads)).get(THREADS, "unset")


def set_device(device: str = "auto") -> str:
    """Choose the device for all that follows and return its Paddle name, such as ``"cpu"`` or ``"gpu:0"``.

    Args:
        device: "auto" (a GPU where Paddle and the machine have one, else the CPU), "cpu", "gpu" or "gpu:N".

    Raises:
        DeviceError: no such device, a Paddle built without GPU support, or no GPU in the machine.
    """
    import paddle

    kind, _, index = device.partition(":")
    if kind not in ("auto", "cpu", "gpu") or (index and not (kind == "gpu" and index.isascii() and index.isdecimal())):
        raise DeviceError(f"device {device!r}: expected auto, cpu, gpu or gpu:N")
    has_build = paddle.device.is_compiled_with_cuda()
    gpus = paddle.device.cuda.device_count() if has_build else 0
    if kind == "gpu":
        if not has_build:
            raise DeviceError(
                f"device {device!r}: this PaddlePaddle ({paddle.__version__}) is built for the CPU; "
                "install paddlepaddle-gpu or use --device cpu"
            )
        if int(index or 0) >= gpus:
            raise DeviceError(f"device {device!r}: PaddlePaddle sees {gpus} GPU(s) here; use --device cpu")
    paddle.device.set_device("cpu" if kind == "cpu" or gpus == 0 else f"gpu:{index or 0}")
    return paddle.device.get_device()


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and Paddle's random numbers (随机种子)."""
    import numpy
    import paddle

    random.seed(seed)
    numpy.random.seed(seed)
    paddle.seed(seed)


def describe() -> dict[str, object]:
    """The machine and the versions, as the record of a run keeps them. Loads Paddle."""
    import paddle

    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor_name(),
        "instruction_set": instruction_set(),
        "usable_cores": usable_cores(),
        "device": paddle.device.get_device(),
        "threads": os.environ.get(THREADS, "unset"),
        "threads_of_a_worker": threads_of_worker(),
        "mkl_kernels": os.environ.get(MKL_KERNELS, "unset"),
        "versions": {
            "paddlepaddle": paddle.__version__,  # the distribution may be called paddlepaddle-gpu
            **{name: metadata.version(name) for name in ("numpy", "matplotlib")},
        },
    }


INSTRUCTION_SETS = {"AVX-512": {"X86_V4", "AVX512F"}, "AVX2": {"X86_V3", "AVX2"}, "NEON": {"ASIMD", "NEON"}}
"""Those that matter for speed here, the best first, and what NumPy, of today and before 2.4, calls them."""


def instruction_set() -> str:
    """The best of :data:`INSTRUCTION_SETS` that this machine has, asked of NumPy, which knows every platform's."""
    import numpy

    simd = numpy.show_config(mode="dicts").get("SIMD Extensions", {})  # type: ignore[union-attr]
    there = {*simd.get("baseline", ()), *simd.get("found", ())}
    return next((name for name, features in INSTRUCTION_SETS.items() if there & features), "no AVX2, no NEON")


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
