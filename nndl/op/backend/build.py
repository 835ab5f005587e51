"""Compiles our native operator, once: ``python -m nndl.op.backend.build``, or at its first use.

It needs a C++17 compiler and nothing else: Paddle's wheel brings its headers, nothing is downloaded. The library is
kept in the user's cache folder under a name that says what it was made of: source, compiler, flags, which Paddle, and
the instructions of this processor; another processor, which may lack some, gets a library of its own.

A library is code that runs in this process. So the folder is the user's alone, where nobody else can leave one, and a
check sum beside the library tells a damaged one, which would end the process; such a library is compiled again.
"""

import hashlib
import os
import platform
import shlex
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from nndl.error import BuildError
from nndl.file import check_sum, open_regular, replacing
from nndl.runtime import say_once

from filelock import FileLock, Timeout

SOURCE = Path(__file__).with_name("cpp")
UNITS = {"layer.cc": ["-O2", "-fvisibility=hidden"], "operator.cc": ["-O1"]}  # one computes, one reads Paddle's headers
FLAGS = ["-std=c++17", "-fPIC", "-ffp-contract=fast", "-w"]
FLAGS += ["-DPADDLE_WITH_CUSTOM_KERNEL", "-D_GLIBCXX_USE_CXX11_ABI=1"]
OPENMP = [] if sys.platform == "darwin" else ["-fopenmp"]  # Apple's compiler has none
THIS_PROCESSOR = "-mcpu=native" if platform.machine().lower() in ("aarch64", "arm64") else "-march=native"
LIBRARIES = ("libphi_core.so", "libcommon.so")  # what the operator needs of Paddle
WHOLE = "libpaddle.so"  # serves where Paddle is in one piece, but takes the linker two seconds
THREADS = "libiomp5.so"  # the OpenMP of Paddle: a second one, such as the compiler's, would start threads of its own
COMPILERS = ("c++", "g++", "clang++")
SECONDS_TO_COMPILE = 300


@cache
def library(real: str = "float") -> Path:
    """The compiled operator; compiles it where that has not been done yet, which takes a few seconds.

    Args:
        real: what it computes with, "float" or "double".

    Raises:
        BuildError: an old Paddle, no compiler, a cache folder that cannot be written, or the compiler's own error.
    """
    from nndl import paddle_versions

    if too_old := paddle_versions.why_not():
        raise BuildError(too_old)
    compiling = [*_compiling(), f"-DREAL={real}", f"-DNNDL_OPERATOR=nndl_cells_{real}"]
    linking = _linking()
    name = f"cells-{real}-{_fingerprint(compiling + linking)}.so"
    try:
        path = _private_folder() / name
        if not _is_sound(path):
            with FileLock(path.with_suffix(".lock"), timeout=SECONDS_TO_COMPILE):  # others wait for the first
                if not _is_sound(path):
                    if path.exists():
                        say_once(f"nndl: {path} is damaged or was open to others; it is compiled again")
                    _build(compiling, linking, path)
    except (OSError, RuntimeError, Timeout) as error:
        if isinstance(error, BuildError):
            raise
        raise BuildError(f"{name}: cannot be kept ({error}); XDG_CACHE_HOME names another cache folder") from None
    return path


def _compiling() -> list[str]:
    """The command that compiles one unit, but for its name and its own flags."""
    import paddle

    include = Path(paddle.sysconfig.get_include())
    folders = [f"-I{folder}" for folder in (include, include / "third_party")]
    return [*_compiler(), *FLAGS, *OPENMP, THIS_PROCESSOR, *folders]


def _linking() -> list[str]:
    """What follows the compiled units in the command that links them."""
    import paddle

    if sys.platform == "darwin":  # its linker finds Paddle in the process
        return ["-undefined", "dynamic_lookup"]
    libs = Path(paddle.sysconfig.get_lib())
    folders = [libs, libs.parent / "base"]
    options = [option for folder in folders for option in (f"-L{folder}", f"-Wl,-rpath,{folder}")]
    there = {name for name in (*LIBRARIES, THREADS) if any((folder / name).exists() for folder in folders)}
    needed = [*(LIBRARIES if there.issuperset(LIBRARIES) else [WHOLE]), *there.intersection([THREADS])]
    return [*options, *OPENMP, "-Wl,--as-needed", *(f"-l:{name}" for name in needed)]


def _compiler() -> list[str]:
    given = os.environ.get("CXX", "")
    try:
        wanted = shlex.split(given)
    except ValueError as error:
        raise BuildError(f"CXX is {given!a}: {error}") from None
    for candidate in [wanted] if wanted else [[name] for name in COMPILERS]:
        found = shutil.which(candidate[0])
        if found:
            return [found, *candidate[1:]]
    missing = given.strip().encode(errors="backslashreplace").decode() or ", ".join(COMPILERS)
    raise BuildError(f"no C++ compiler found ({missing:.80}); CXX names another")


def _private_folder() -> Path:
    """The cache folder, made where it is missing; this user's, and closed to all others."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nndl"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = folder.resolve(strict=True)
    if _belongs_to_another(folder.lstat()):
        raise BuildError(f"{folder} belongs to another user; XDG_CACHE_HOME names another cache folder")
    if folder.lstat().st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def _belongs_to_another(status: os.stat_result) -> bool:
    return hasattr(os, "geteuid") and status.st_uid != os.geteuid()


def _is_sound(path: Path) -> bool:
    """Whether a library is there as it was compiled, and nobody else could have written it."""
    try:
        status = path.lstat()
        ours = stat.S_ISREG(status.st_mode) and not status.st_mode & 0o022 and not _belongs_to_another(status)
        with open_regular(_sum_file(path)) as sum_file:  # a pipe would be waited for
            return ours and sum_file.read(100).decode().strip() == check_sum(path)
    except (OSError, ValueError):
        return False


def _sum_file(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _fingerprint(command: list[str]) -> str:
    """Of all that the library is made of."""
    import paddle

    # what the compiler defines here: its version, and which instructions this processor has
    macros = _run([*_compiler(), *FLAGS, THIS_PROCESSOR, "-E", "-dM", "-xc++", "-"]).stdout.encode()
    parts = [repr((command, UNITS)).encode(), macros, paddle.__version__.encode(), str(paddle.version.commit).encode()]
    parts += [path.read_bytes() for path in sorted(SOURCE.iterdir()) if path.is_file()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _build(compiling: list[str], linking: list[str], path: Path) -> None:
    with replacing(path) as temporary:
        objects = [temporary.with_name(f"{unit}.o") for unit in UNITS]
        commands = [[*compiling, *UNITS[unit], "-c", str(SOURCE / unit)] for unit in UNITS]
        with ThreadPoolExecutor() as at_once:  # a core each
            list(at_once.map(_make, commands, objects))
        _make([*_compiler(), "-shared", *map(str, objects), *linking], temporary)
        temporary.chmod(0o700)
        with replacing(_sum_file(path)) as sum_file:  # before the library: without one it is of no use
            sum_file.write_text(check_sum(temporary))


def _make(command: list[str], path: Path) -> None:
    done = _run([*command, "-o", str(path)])
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines() or ["?"]
        raise BuildError(f"{command[0]} ended with {done.returncode}: {said[0]}")
    if not path.is_file():
        raise BuildError(f"{command[0]} ended without an error and without a result")


def _run(command: list[str]) -> subprocess.CompletedProcess:
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS_TO_COMPILE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BuildError(f"{command[0]}: did not end within {SECONDS_TO_COMPILE} s") from None
    except (OSError, ValueError) as error:
        raise BuildError(f"{command[0]!a} cannot be run ({error})") from None


def main() -> int:
    """The command line: says where the library is, or why there is none (exit code 2)."""
    try:
        path = library()
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
