"""libopus through ctypes: round trips, error correction, concealment, nonsense."""

from __future__ import annotations

import contextlib

import numpy as np
import numpy.typing as npt
import pytest

from server.webrtc.opus import OpusDecoder, OpusEncoder, OpusError, packet_samples_48k

Audio = npt.NDArray[np.float32]


def voice(seconds: float, rate: int) -> Audio:
    """Something like a voice: a gliding buzz whose loudness comes and goes."""
    t = np.arange(int(seconds * rate)) / rate
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    buzz = sum(np.sin(n * phase) / n for n in range(1, 12))
    return (0.2 * buzz * (0.55 + 0.45 * np.sin(2 * np.pi * 3 * t))).astype(np.float32)


def encode(audio: Audio, rate: int, **settings: int) -> list[bytes]:
    encoder = OpusEncoder(rate, **settings)
    return [encoder.encode(f) for f in audio.reshape(-1, encoder.frame_samples)]


def error_db(reference: Audio, got: Audio) -> float:
    """Signal to error in dB at the best alignment within 20 ms."""
    best = -99.0
    for shift in range(0, 400):
        a, b = reference[: len(reference) - shift], got[shift:]
        error = float(np.sum((a - b) ** 2))
        best = max(best, 10 * np.log10(float(np.sum(a**2)) / max(error, 1e-12)))
    return best


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
def test_what_goes_in_comes_out_at_16_khz(rate: int) -> None:
    packets = encode(voice(1.0, rate), rate)
    decoder = OpusDecoder(16_000)
    heard = np.concatenate([decoder.decode(p) for p in packets])
    assert heard.shape == (16_000,)
    assert (
        error_db(voice(1.0, 16_000)[3200:], heard[3200:]) > 4
    )  # Opus cuts lows, which turns phases


def test_int16_and_float_frames_say_the_same() -> None:
    audio = voice(0.5, 24_000)
    floats = encode(audio, 24_000)
    encoder = OpusEncoder(24_000)
    shorts = [
        encoder.encode((f * 32767).astype(np.int16))
        for f in audio.reshape(-1, encoder.frame_samples)
    ]
    decoders = [OpusDecoder(16_000), OpusDecoder(16_000)]
    a, b = (
        np.concatenate([d.decode(p) for p in packets])
        for d, packets in zip(decoders, (floats, shorts), strict=True)
    )
    assert error_db(a, b) > 20


def test_a_lost_packet_is_rebuilt_better_than_guessed_and_guessed_better_than_left_out() -> None:
    audio = voice(4.0, 24_000)
    packets = encode(audio, 24_000, loss_percent=20)
    lost = set(range(20, 195, 9))
    whole = OpusDecoder(16_000)
    reference = [whole.decode(p) for p in packets]

    def hear(how: str) -> float:
        decoder = OpusDecoder(16_000)
        heard = []
        for i, payload in enumerate(packets):
            if i not in lost:
                heard.append(decoder.decode(payload))
            elif how == "rebuild":
                heard.append(decoder.rebuild(packets[i + 1], 320))
            elif how == "conceal":
                heard.append(decoder.conceal(320))
            else:
                heard.append(np.zeros(320, np.float32))
        want = np.concatenate([reference[i] for i in sorted(lost)])
        got = np.concatenate([heard[i] for i in sorted(lost)])
        return float(10 * np.log10(np.sum(want**2) / np.sum((want - got) ** 2)))

    rebuilt, guessed, nothing = hear("rebuild"), hear("conceal"), hear("nothing")
    assert rebuilt > guessed + 3
    assert guessed > nothing


def test_every_length_of_concealment_is_exact() -> None:
    decoder = OpusDecoder(16_000)
    decoder.decode(encode(voice(0.02, 16_000), 16_000)[0])
    for length in (40, 160, 320, 960, 1920):
        assert decoder.conceal(length).shape == (length,)


def test_header_lengths_agree_with_libopus() -> None:
    packets = encode(voice(0.1, 48_000), 48_000)
    assert {packet_samples_48k(p) for p in packets} == {960}
    decoder = OpusDecoder(48_000)
    for config in range(32):
        for code, tail in ((0, b"\0" * 8), (1, b"\0" * 8), (3, b"\x02" + b"\0" * 8)):
            payload = bytes([config << 3 | code]) + tail
            expected = packet_samples_48k(payload)
            assert expected > 0
            assert len(decoder.decode(payload)) == expected


@pytest.mark.parametrize(
    "payload", [b"", b"\x03", b"\x03\x00", b"\x0b\x3f" + b"\0" * 10, b"\xff" * 3]
)
def test_nonsense_is_an_error_or_sound_but_never_a_crash(payload: bytes) -> None:
    decoder = OpusDecoder(16_000)
    try:
        sound = decoder.decode(payload)
    except OpusError:
        return
    assert np.isfinite(sound).all()


def test_random_bytes_never_crash() -> None:
    dice = np.random.default_rng(1)
    decoder = OpusDecoder(16_000)
    for _ in range(2000):
        payload = dice.bytes(int(dice.integers(1, 200)))
        with contextlib.suppress(OpusError):
            assert len(decoder.decode(payload)) <= 1920
        with contextlib.suppress(OpusError):
            assert len(decoder.rebuild(payload, 320)) == 320


def test_not_a_number_is_forgotten() -> None:
    encoder = OpusEncoder(24_000)
    encoder.encode(np.full(480, np.nan, np.float32))
    audio = voice(0.4, 24_000)
    decoder = OpusDecoder(16_000)
    heard = np.concatenate([decoder.decode(encoder.encode(f)) for f in audio.reshape(-1, 480)])
    assert np.isfinite(heard).all()
    assert np.abs(heard[3200:]).max() > 0.05


def test_a_frame_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="480"):
        OpusEncoder(24_000).encode(np.zeros(960, np.float32))


def test_a_rate_opus_does_not_know_is_refused() -> None:
    with pytest.raises(OpusError, match="44100"):
        OpusEncoder(44_100)
