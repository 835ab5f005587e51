"""Compiles the operator around oneDNN, once: ``python -m nndl.op.build``, or at its first use.

It needs a C++17 compiler and a Paddle whose wheel brings oneDNN along (Linux on x86). The library is kept in the
user's cache folder under a name that says what it was made of: source, compiler, flags, and which Paddle. Nothing is
downloaded, and no Python headers are needed.
"""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout

from nndl.error import BuildError
from nndl.file import replacing

SOURCE = Path(__file__).with_name("native") / "lstm.cc"
THREADS = "libiomp5.so"  # the OpenMP of Paddle and its oneDNN: a second one would start threads of its own
ONEDNN = "libdnnl.so.3"  # the 3 is the version of the C interface that native/onednn.h declares
FLAGS = ["-O2", "-std=c++17", "-shared", "-fPIC", "-fopenmp", "-Wl,--as-needed", "-w"]
FLAGS += ["-DPADDLE_WITH_CUSTOM_KERNEL", "-D_GLIBCXX_USE_CXX11_ABI=1"]
LIBRARIES = ("libpaddle.so", "libphi.so", "libphi_core.so", "libcommon.so", ONEDNN, THREADS)
COMPILERS = ("c++", "g++", "clang++")
SECONDS_TO_COMPILE = 300


@cache
def library() -> Path:
    """The compiled operator; compiles it where that has not been done yet, which takes a few seconds.

    Raises:
        BuildError: no compiler, no oneDNN in the installed Paddle, a cache folder that cannot be written, or the
            compiler's own error.
    """
    command = _command()
    path = _cache_folder() / f"lstm-{_fingerprint(command)}.so"
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_suffix(".lock"), timeout=SECONDS_TO_COMPILE):  # others wait for the first
                if not path.exists():
                    _compile(command, path)
        except (OSError, Timeout) as error:
            raise BuildError(
                f"{path}: cannot be written ({error}); XDG_CACHE_HOME names another cache folder"
            ) from None
    return path


def _command() -> list[str]:
    import paddle

    include, libs = Path(paddle.sysconfig.get_include()), Path(paddle.sysconfig.get_lib())
    if not (libs / ONEDNN).exists():
        raise BuildError(f"{libs}: this Paddle comes without oneDNN ({ONEDNN})")
    folders = [libs, libs.parent / "base"]
    return [
        *_compiler(),
        *FLAGS,
        *(f"-I{folder}" for folder in (include, include / "third_party")),
        str(SOURCE),
        *(option for folder in folders for option in (f"-L{folder}", f"-Wl,-rpath,{folder}")),
        *(f"-l:{name}" for name in LIBRARIES),
    ]


def _compiler() -> list[str]:
    wanted = shlex.split(os.environ.get("CXX", ""))
    for candidate in [wanted] if wanted else [[name] for name in COMPILERS]:
        found = shutil.which(candidate[0])
        if found:
            return [found, *candidate[1:]]
    raise BuildError(f"no C++ compiler found ({' '.join(wanted) or ', '.join(COMPILERS)}); CXX names another")


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nndl"


def _fingerprint(command: list[str]) -> str:
    """Of all that the library is made of."""
    import paddle

    version = subprocess.run([command[0], "--version"], capture_output=True, check=False).stdout
    parts = [repr(command).encode(), version, paddle.__version__.encode(), str(paddle.version.commit).encode()]
    parts += [path.read_bytes() for path in sorted(SOURCE.parent.iterdir()) if path.is_file()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _compile(command: list[str], path: Path) -> None:
    with replacing(path) as temporary:
        try:
            done = subprocess.run(
                [*command, "-o", str(temporary)],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SECONDS_TO_COMPILE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BuildError(f"{command[0]}: did not end within {SECONDS_TO_COMPILE} s") from None
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines() or ["?"]
            raise BuildError(f"{command[0]} ended with {done.returncode}: {said[0]}")


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
