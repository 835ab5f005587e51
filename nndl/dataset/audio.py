"""Sound as numbers: WAV files read with care, and the logarithm of their mel spectrum (对数梅尔谱). Needs no Paddle."""

import io
import wave
from functools import cache

from nndl.error import DataError

import numpy as np

RATE = 8_000
"""Samples a second (采样率)."""
WINDOW, HOP, FFT = 256, 160, 256
"""Samples of a frame (帧), 32 ms, and from one frame to the next, 20 ms; FFT is the length of the transform."""
NUM_MELS = 32
"""Bands, M of the network."""
FLOOR = 1e-8
"""Added to the power of a band before the logarithm: silence has one, too."""


def read_wav(content: bytes, name: str) -> np.ndarray:
    """The samples of a WAV file, int16 [N]: mono, 16 bits, :data:`RATE` samples a second.

    Nothing that the header says is believed: the samples are those that are there.

    Args:
        content: of the whole file.
        name: what a message calls it.

    Raises:
        DataError: no such WAV file, or one with fewer samples than its header says; names the fault.
    """
    try:
        with wave.open(io.BytesIO(content)) as file:
            channels, width, rate, announced = file.getparams()[:4]
            samples = file.readframes(announced)
    except (wave.Error, EOFError, ValueError, OverflowError, MemoryError, RuntimeError) as error:
        raise DataError(
            f"{name}: no WAV file, or a damaged one ({str(error) or 'it ends too early'}); {_ADVICE}"
        ) from None
    for found, expected, what in ((channels, 1, "channels"), (8 * width, 16, "bits"), (rate, RATE, "samples a second")):
        if found != expected:
            raise DataError(f"{name}: {found:,} {what}, expected {expected:,}; {_ADVICE}")
    if len(samples) != 2 * announced:
        raise DataError(f"{name}: truncated, {len(samples) // 2:,} samples of {announced:,}; fetch or record it again")
    if announced < WINDOW:
        raise DataError(f"{name}: {announced:,} samples, expected at least {WINDOW}, {WINDOW / RATE * 1000:.0f} ms")
    return np.frombuffer(samples, dtype="<i2")


_ADVICE = f"save it as WAV, mono, 16 bits, {RATE:,} samples a second"


def log_mel(samples: np.ndarray) -> np.ndarray:
    r"""The features of a sound: for each frame the logarithm of the power in each mel band, float32 [T, NUM_MELS].

    .. math:: X_{t,m} = \ln\Big(\sum_k \Lambda_{m,k} \, \Big|\sum_n w_n x_{tH+n} e^{-2\pi i k n / N}\Big|^2
              + \varepsilon\Big)

    with the Hann window w and triangles :math:`\Lambda` that stand evenly on the mel scale
    :math:`2595 \log_{10}(1 + f / 700)`; then, of each sound by itself, less the mean of each band over its frames and
    divided by its standard deviation (倒谱均值方差归一化): so a microphone or a loud voice makes less of a difference.

    Args:
        samples: float or int16 [N], N at least :data:`WINDOW`; T = 1 + (N - WINDOW) // HOP.
    """
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), FFT)) ** 2
    X = np.log(power @ mel_bands().T + FLOOR)
    return ((X - X.mean(axis=0)) / (X.std(axis=0) + 1e-5)).astype("float32")


def frames_of(samples: int) -> int:
    """How many frames :func:`log_mel` has of so many samples."""
    return 1 + (samples - WINDOW) // HOP


@cache
def mel_bands() -> np.ndarray:
    """Triangles, float64 [NUM_MELS, FFT // 2 + 1]: each rises from the peak before and falls to the next."""
    mel = np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), NUM_MELS + 2)
    peaks = 700 * (10 ** (mel / 2595) - 1)
    f = np.arange(FFT // 2 + 1) * RATE / FFT
    before, own, after = peaks[:-2, None], peaks[1:-1, None], peaks[2:, None]
    return np.clip(np.minimum((f - before) / (own - before), (after - f) / (after - own)), 0, None)
