"""Packages that may be missing where this project was installed alone: one line says what to install, and for what."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from nndl.error import PackageError

BASIS = {
    "paddle": "paddlepaddle",
    **{name: name for name in ("numpy", "matplotlib", "scipy", "rich", "filelock", "tqdm")},
}
"""What every lesson needs: what is imported, and what it is installed as."""


def check_basis() -> None:
    """Before anything is trained. Raises PackageError where a package of :data:`BASIS` is missing."""
    check(BASIS, "every lesson")


def check(packages: dict[str, str], who: str) -> None:
    """Whether packages, such as :data:`BASIS`, are there, without loading them. Raises PackageError."""
    if missing := [package for name, package in packages.items() if find_spec(name) is None]:
        raise PackageError(f"{who} needs {', '.join(missing)}: pip install {' '.join(missing)} 缺少软件包，请安装")


@contextmanager
def needed(package: str, what_for: str) -> Iterator[None]:
    """Stands around an import: the package, as it is installed, and what needs it.

    Raises:
        PackageError: it cannot be imported.

    Example:
        >>> with needed("scikit-learn", "the handwritten digits"):
        ...     from sklearn.datasets import load_digits
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise PackageError(f"{what_for}: {error}; run: pip install {package} 缺少软件包，请安装") from None
