"""The errors a user can cause, each one line that names the fault and says what to do.

Every class is also the built-in exception a Python programmer would expect. The command line turns any of
them into that one line and exit code 2.
"""


class NndlError(Exception):
    """Base of all errors below."""


class DataError(NndlError, ValueError):
    """A data file or an example that is not what it must be."""


class NotPreparedError(DataError):
    """A corpus that has to be fetched and prepared first."""


class DownloadError(NndlError, ConnectionError):
    """A file that could not be fetched, or is not the one expected."""


class SettingError(NndlError, ValueError):
    """A setting or an argument out of its range."""


class CheckpointError(NndlError, ValueError):
    """A file that is no checkpoint, is damaged, or belongs to another model."""


class DeviceError(NndlError, RuntimeError):
    """A device that this installation or this machine does not have."""


class BuildError(NndlError, RuntimeError):
    """A compiled operator that this machine cannot have."""


class PackageError(NndlError, ImportError):
    """A package that is not installed."""


class DivergedError(NndlError, FloatingPointError):
    """A training loss that became NaN or infinite."""


class WorkerError(NndlError, RuntimeError):
    """A worker process that was killed or ran out of memory."""


class OutputError(NndlError, OSError):
    """A folder or file that cannot be written."""
