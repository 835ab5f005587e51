"""Mel features against the formula written out, and WAV files that are not what they must be."""

import io
import struct
import wave
from contextlib import suppress

from nndl.dataset import audio
from nndl.error import DataError

import numpy as np
import pytest


def wav(samples: np.ndarray, channels: int = 1, width: int = 2, rate: int = audio.RATE) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((channels, width, rate, 0, "NONE", ""))
        out.writeframes(samples.astype(f"<i{width}").tobytes())
    return file.getvalue()


SOUND = (np.sin(np.arange(2000) * 0.3) * 20_000).astype("int16")


def formula(x: np.ndarray) -> np.ndarray:
    """Each frame, each frequency, each band by itself."""
    N, H, M = audio.WINDOW, audio.HOP, audio.NUM_MELS
    mel_of = lambda f: 2595 * np.log10(1 + f / 700)  # noqa: E731
    peaks = [700 * (10 ** (mel_of(4000) * m / (M + 1) / 2595) - 1) for m in range(M + 2)]
    frames = []
    for start in range(0, len(x) - N + 1, H):
        w = [0.5 - 0.5 * np.cos(2 * np.pi * n / (N - 1)) for n in range(N)]
        part = x[start : start + N] * w
        power = [abs(sum(part * np.exp(-2j * np.pi * k * np.arange(N) / N))) ** 2 for k in range(N // 2 + 1)]
        row = []
        for m in range(1, M + 1):
            total = 0.0
            for k, value in enumerate(power):
                f = k * 8000 / N
                if peaks[m - 1] < f <= peaks[m]:
                    total += value * (f - peaks[m - 1]) / (peaks[m] - peaks[m - 1])
                elif peaks[m] < f < peaks[m + 1]:
                    total += value * (peaks[m + 1] - f) / (peaks[m + 1] - peaks[m])
            row.append(np.log(total + 1e-8))
        frames.append(row)
    X = np.array(frames)
    return (X - X.mean(axis=0)) / X.std(axis=0)


def test_log_mel_is_the_formula() -> None:
    x = np.random.default_rng(0).normal(size=900) * 0.1
    found = audio.log_mel(x)
    assert found.shape == (audio.frames_of(900), audio.NUM_MELS) == (5, 32)
    assert np.abs(found - formula(x)).max() < 1e-3


def test_every_band_hears_something_and_a_tone_its_own() -> None:
    assert (audio.mel_bands().sum(axis=1) > 0).all()
    low, high = (
        (np.abs(np.fft.rfft(np.sin(2 * np.pi * f * np.arange(256) / 8000))) ** 2 @ audio.mel_bands().T).argmax()
        for f in (300, 3000)
    )
    assert low < high


def test_loudness_makes_no_difference_and_silence_is_no_error() -> None:
    x = np.random.default_rng(0).normal(size=4000) * 0.1
    assert np.abs(audio.log_mel(x) - audio.log_mel(5 * x)).max() < 1e-3
    assert np.isfinite(audio.log_mel(np.zeros(1000))).all()


def test_read() -> None:
    assert np.array_equal(audio.read_wav(wav(SOUND), "a.wav"), SOUND)


GOOD = wav(SOUND)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no WAV file"),
        (b"RIFF", "no WAV file"),
        (b"ID3 this is another kind of sound" * 20, "no WAV file"),
        (GOOD[:30], "no WAV file"),
        (GOOD[:-2], "truncated, 1,999 samples of 2,000"),
        (GOOD[:-1001], "truncated"),
        (GOOD[:40] + struct.pack("<I", 2**31) + GOOD[44:], r"truncated|no WAV"),
        (wav(SOUND, channels=2), "2 channels, expected 1"),
        (wav(SOUND // 256, width=1), "8 bits, expected 16"),
        (wav(SOUND, rate=44_100), "44,100 samples a second, expected 8,000"),
        (wav(SOUND[:255]), "255 samples, expected at least 256"),
        (wav(SOUND[:0]), "0 samples"),
        (GOOD[:20] + struct.pack("<H", 3) + GOOD[22:], "no WAV file"),  # numbers of another kind
        (GOOD[:22] + struct.pack("<H", 0) + GOOD[24:], "no WAV file"),  # no channel
    ],
)
def test_no_such_sound(content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said) as error:
        audio.read_wav(content, "a.wav")
    assert str(error.value).startswith("a.wav: ")
    assert "\n" not in str(error.value)


def test_damaged_headers_are_an_error_of_ours_or_a_sound() -> None:
    rng = np.random.default_rng(0)
    for _ in range(400):
        content = bytearray(GOOD)
        content[rng.integers(44)] = rng.integers(256)
        with suppress(DataError):
            assert len(audio.read_wav(bytes(content), "a.wav")) <= len(SOUND)
