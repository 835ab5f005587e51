"""Threads, kernels, device, seeds. Where the order of imports matters, in a process of its own."""

import json
import os
import platform
import random
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from nndl import runtime
from nndl.error import DeviceError

import numpy as np
import paddle
import pytest

VARIABLES = (runtime.SWITCH, runtime.THREADS, runtime.MKL_KERNELS)
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

# --- cores ---


def files(root, contents):
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


V1 = {"cpu/cpu.cfs_quota_us": "150000\n", "cpu/cpu.cfs_period_us": "100000\n"}


@pytest.mark.parametrize(
    ("contents", "cores"),
    [
        pytest.param({"cpu.max": "250000 100000\n"}, 2.5, id="v2"),
        pytest.param({"cpu.max": "50000 100000\n"}, 1, id="v2, half a core"),
        pytest.param({"cpu.max": "max 100000\n"}, None, id="v2, no quota"),
        pytest.param({"our/group/cpu.max": "300000 100000\n"}, 3, id="v2, our group"),
        pytest.param({"cpu.max": "max 100000\n", "our/group/cpu.max": "300000 100000\n"}, 3, id="v2, both"),
        pytest.param({"cpu.max": "200000 100000\n", "our/group/cpu.max": "300000 100000\n"}, 2, id="v2, the least"),
        pytest.param({"our/cpu.max": "200000 100000\n", "our/group/cpu.max": "max 100000\n"}, 2, id="v2, the parent's"),
        pytest.param(V1, 1.5, id="v1"),
        pytest.param(V1 | {"cpu/cpu.cfs_quota_us": "-1\n"}, None, id="v1, no quota"),
        pytest.param({f"cpu/our/group/{Path(name).name}": text for name, text in V1.items()}, 1.5, id="v1, our group"),
        pytest.param({"cpu/cpu.cfs_quota_us": "150000\n"}, None, id="v1, half of the files"),
        pytest.param({"cpu.max": "nonsense\n"}, None, id="nonsense"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_the_quota_of_the_control_group(tmp_path, contents, cores):
    files(tmp_path / "root", contents)
    files(tmp_path, {"own": "0::/our/group\n"})
    found = runtime._cgroup_cores(tmp_path / "root", tmp_path / "own")
    assert found == cores if cores else found >= 1_000_000


def test_without_control_groups_there_is_no_quota(tmp_path):
    assert runtime._cgroup_cores(tmp_path, tmp_path / "missing") >= 1_000_000


@pytest.mark.parametrize(
    ("affinity", "quota", "cores"), [(8, 2.5, 2), (2, 7.0, 2), (4, float(sys.maxsize), 4), (3, 1.0, 1)]
)
def test_usable_cores_are_the_lesser_of_affinity_and_quota(monkeypatch, affinity, quota, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(affinity)), raising=False)
    monkeypatch.setattr(runtime, "_cgroup_cores", lambda: quota)
    assert runtime.usable_cores() == cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_usable_cores_follow_the_real_affinity():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert runtime.usable_cores() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert 1 <= runtime.usable_cores() <= len(before)


# --- what prepare sets ---


@pytest.fixture
def fresh(monkeypatch):
    """As in a process that has just started, on an AMD machine with six cores and a Paddle with MKL."""
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # so that it is put back, even if it was not set
        monkeypatch.delenv(name)
    monkeypatch.delitem(sys.modules, "paddle")
    monkeypatch.setattr(runtime, "chosen", {})
    monkeypatch.setattr(runtime, "_loaded_too_early", False)
    monkeypatch.setattr(runtime, "usable_cores", lambda: 6)
    monkeypatch.setattr(runtime, "is_amd_with_avx2", lambda: True)
    monkeypatch.setattr(runtime, "paddle_ships_mkl", lambda: True)
    return monkeypatch


def environment():
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


@pytest.mark.usefixtures("fresh")
def test_prepare_sets_threads_and_kernels():
    runtime.prepare()
    assert environment() == runtime.chosen == {"OMP_NUM_THREADS": "6", "MKL_DEBUG_CPU_TYPE": "5"}
    assert "6 thread(s) of 6 usable core(s), fast kernels for AMD" in runtime.summary()
    assert "NNDL_RUNTIME=off disables" in runtime.summary()


def test_other_processors_keep_their_kernels(fresh):
    fresh.setattr(runtime, "is_amd_with_avx2", lambda: False)
    runtime.prepare()
    assert environment() == {"OMP_NUM_THREADS": "6"}
    assert "AMD" not in runtime.summary()


def test_a_variable_that_is_set_wins(fresh):
    fresh.setenv("OMP_NUM_THREADS", "3")
    runtime.prepare()
    assert environment() == {"OMP_NUM_THREADS": "3", "MKL_DEBUG_CPU_TYPE": "5"}
    assert "3 thread(s) of 6 usable core(s), OMP_NUM_THREADS was set" in runtime.summary()


def test_without_mkl_nothing_is_set(fresh):
    fresh.setattr(runtime, "paddle_ships_mkl", lambda: False)
    runtime.prepare()
    assert environment() == runtime.chosen == {}
    assert "None" not in runtime.summary()


def test_the_switch_leaves_all_as_it_is(fresh):
    fresh.setenv("NNDL_RUNTIME", "off")
    runtime.prepare()
    assert environment() == {"NNDL_RUNTIME": "off"}
    assert "off" in runtime.summary()


def test_after_paddle_it_is_too_late(fresh):
    fresh.setitem(sys.modules, "paddle", paddle)
    runtime.prepare()
    assert environment() == {}
    assert "Paddle was loaded first" in runtime.summary()


@pytest.mark.usefixtures("fresh")
def test_workers_compute_in_one_thread_unless_the_user_chose(monkeypatch):
    runtime.prepare()
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    large_pages = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
    assert runtime.worker_environment() == {"OMP_NUM_THREADS": "1"} | large_pages
    runtime.chosen.clear()
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert runtime.worker_environment() == large_pages
    monkeypatch.setenv("NNDL_RUNTIME", "off")
    assert runtime.worker_environment() == {}


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        ("vendor_id\t: AuthenticAMD\nflags\t: sse avx avx2 fma\n", True),
        ("vendor_id\t: AuthenticAMD\nflags\t: sse avx fma\n", False),
        ("vendor_id\t: GenuineIntel\nflags\t: sse avx avx2 fma\n", False),
    ],
)
def test_which_processors_are_meant(monkeypatch, cpuinfo, expected):
    monkeypatch.setattr(Path, "read_text", lambda _: cpuinfo)
    assert runtime.is_amd_with_avx2.__wrapped__() is expected


@pytest.mark.parametrize(("library", "expected"), [("libmklml_intel.so", True), ("libopenblas.so", False)])
def test_mkl_is_found_without_loading_paddle(monkeypatch, tmp_path, library, expected):
    files(tmp_path / "paddle", {"__init__.py": "raise ImportError('must not be loaded')", f"libs/{library}": ""})
    monkeypatch.delitem(sys.modules, "paddle")
    monkeypatch.syspath_prepend(tmp_path)
    assert runtime.paddle_ships_mkl.__wrapped__() is expected


# --- loading Paddle, in processes of their own ---


def python(code, *paths, **variables):
    """Run a program where none of the variables is set; returns what it printed and its errors."""
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    environment |= {"PYTHONPATH": os.pathsep.join(map(str, paths))} | variables
    root = Path(runtime.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr.splitlines()


@pytest.fixture
def imitation(tmp_path):
    """A folder with a package that warns as Paddle does, and also has something to say that matters."""
    warnings = ["WARNING: OMP_NUM_THREADS set to 2, not 1. The speed ...", "a real problem"]
    lines = ["import sys", *(f"print({line!r}, file=sys.stderr)" for line in warnings)]
    files(tmp_path / "paddle", {"__init__.py": "\n".join(lines), "libs/libmklml_intel.so": ""})
    return tmp_path


LOAD = "import nndl\nnndl.runtime.load_paddle()\nnndl.runtime.load_paddle()\n"


def test_importing_nndl_loads_nothing_but_sets_the_variables():
    code = (
        "import nndl, sys, os\n"
        "print([name for name in ('paddle', 'numpy', 'matplotlib') if name in sys.modules])\n"
        "print(os.environ.get('OMP_NUM_THREADS'))"
    )
    said, errors = python(code)
    expected = str(runtime.usable_cores()) if runtime.paddle_ships_mkl() else None
    assert said.splitlines() == ["[]", str(expected)]
    assert errors == []


@pytest.mark.parametrize(
    "code", ["from nndl import RunnerV3, Accuracy", "from nndl.op import LSTM", "from nndl import checkpoint"]
)
def test_the_real_paddle_is_announced_and_its_warnings_are_not_shown(code):
    _, errors = python(code, OMP_NUM_THREADS="2")
    assert len(errors) == 1
    assert errors[0].startswith("nndl runtime: 2 thread(s)")


def test_the_announcement_comes_once_and_only_the_idle_warning_is_dropped(imitation):
    said, (announcement, *others) = python(LOAD, imitation)
    assert said == ""
    assert announcement.startswith("nndl runtime: ")
    assert others == ["a real problem"]


def test_workers_are_silent(imitation):
    files(imitation, {"worker.py": "import nndl\ndef work():\n    nndl.runtime.load_paddle()\n"})
    code = (
        f"{LOAD}from multiprocessing import get_context\nfrom worker import work\n"
        "if __name__ == '__main__':\n"
        "    worker = get_context('spawn').Process(target=work)\n"
        "    worker.start(), worker.join()\n"
        "    assert worker.exitcode == 0"
    )
    _, errors = python(code, imitation)
    assert [line.startswith("nndl runtime: ") for line in errors].count(True) == 1
    assert errors.count("a real problem") == 2  # the worker did load it


def test_paddle_loaded_first_is_announced(imitation):
    _, errors = python(f"import paddle\n{LOAD}import os; assert 'OMP_NUM_THREADS' not in os.environ", imitation)
    (announcement,) = [line for line in errors if line.startswith("nndl runtime")]
    assert "Paddle was loaded first" in announcement


def test_the_switch_is_announced(imitation):
    _, errors = python(f"{LOAD}import os; assert 'OMP_NUM_THREADS' not in os.environ", imitation, NNDL_RUNTIME="off")
    assert errors[0].startswith("nndl runtime: left as it is (NNDL_RUNTIME=off)")


# --- device, seeds, description ---


@pytest.fixture
def gpus(monkeypatch):
    """Pretend that Paddle sees so many GPUs, or, for None, is built for the CPU; returns the devices that are set."""
    devices = []

    def pretend(count):
        monkeypatch.setattr(paddle.device, "is_compiled_with_cuda", lambda: count is not None)
        monkeypatch.setattr(paddle.device.cuda, "device_count", lambda: count)
        monkeypatch.setattr(paddle.device, "set_device", devices.append)
        return devices

    return pretend


@pytest.mark.parametrize("device", ["tpu", "gpu:x", "gpu:-1", "cpu:0", "auto:0", "", "GPU", "gpu:0:1"])
@pytest.mark.parametrize("count", [None, 2])
def test_a_device_that_is_none(gpus, device, count):
    gpus(count)
    with pytest.raises(DeviceError, match=r"expected auto, cpu, gpu or gpu:N"):
        runtime.set_device(device)


@pytest.mark.parametrize("device", ["gpu", "gpu:0"])
def test_a_gpu_with_a_paddle_for_the_cpu(gpus, device):
    gpus(None)
    with pytest.raises(DeviceError, match=f"{device}.*is built for the CPU; install paddlepaddle-gpu"):
        runtime.set_device(device)


@pytest.mark.parametrize(("device", "count"), [("gpu", 0), ("gpu:2", 2)])
def test_a_gpu_that_is_not_there(gpus, device, count):
    gpus(count)
    with pytest.raises(DeviceError, match=f"sees {count} GPU"):
        runtime.set_device(device)


@pytest.mark.parametrize(
    ("device", "count", "chosen"),
    [
        ("auto", None, "cpu"),
        ("auto", 0, "cpu"),
        ("auto", 2, "gpu:0"),
        ("cpu", 2, "cpu"),
        ("gpu", 2, "gpu:0"),
        ("gpu:1", 2, "gpu:1"),
    ],
)
def test_the_device_that_is_chosen(gpus, device, count, chosen):
    devices = gpus(count)
    runtime.set_device(device)
    assert devices == [chosen]


def test_the_cpu_is_really_set():
    assert runtime.set_device("cpu") == paddle.device.get_device() == "cpu"


def draws():
    return random.random(), np.random.rand(), paddle.rand([1]).item()


def test_a_seed_seeds_all_three_generators():
    runtime.seed_everything(3)
    first = draws()
    runtime.seed_everything(3)
    assert draws() == first
    runtime.seed_everything(4)
    assert all(new != old for new, old in zip(draws(), first, strict=True))


def test_the_description_is_plain_and_true():
    description = runtime.describe()
    assert json.loads(json.dumps(description)) == description
    assert description["python"] == platform.python_version()
    assert description["usable_cores"] == runtime.usable_cores()
    assert description["threads"] == os.environ.get("OMP_NUM_THREADS", "unset")
    assert description["device"] == paddle.device.get_device()
    assert description["versions"]["numpy"] == np.__version__
    assert description["versions"]["paddlepaddle"] == paddle.__version__
    assert description["processor"]
    assert description["instruction_set"]


@pytest.mark.parametrize(
    ("simd", "expected"),
    [
        ({"baseline": ["X86_V2"], "found": ["X86_V3"], "not found": ["X86_V4"]}, "AVX2"),
        ({"baseline": ["X86_V2"], "found": ["X86_V3", "X86_V4"]}, "AVX-512"),
        ({"baseline": ["SSE", "SSE2"], "found": ["AVX2", "AVX512F"]}, "AVX-512"),
        ({"baseline": ["NEON", "ASIMD"], "found": []}, "NEON"),
        ({"baseline": ["X86_V2"]}, "no AVX2, no NEON"),
    ],
)
def test_the_instruction_set(monkeypatch, simd, expected):
    monkeypatch.setattr(np, "show_config", lambda mode: {"SIMD Extensions": simd})
    assert runtime.instruction_set() == expected


def test_the_description_knows_the_paddle_for_gpus(monkeypatch):
    version = metadata.version

    def installed(name):
        if name == "paddlepaddle":  # the distribution is called paddlepaddle-gpu there
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", installed)
    assert paddle.__version__ in runtime.describe()["versions"].values()
