"""The ears on real people's speech: what is recognised, when it was said, what is not invented."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
import torch
from scipy.signal import resample_poly

from model.interaction.ears import MoonshineEars, is_loop, is_speech, listen, still_expected
from model.interaction.segment import LONGEST_SECONDS, Segment
from model.interaction.voice import HibariVoice
from model.messages import Audio
from model.timebase import HEARING_BLOCK_SAMPLES, HEARING_RATE, samples
from model.weights.store import folder
from tests.model.interaction.ears_contract import check_ears, errors_of, noises, recognised, said
from tests.model.interaction.voice_contract import rendered
from tests.speech.recordings import Recording, human_recordings, long_reading
from tests.speech.wer import Errors, count_errors, normalised

pytestmark = pytest.mark.weights

HELD_OUT = (
    "Yesterday my uncle painted his garden fence bright yellow.",
    "Is there a pharmacy open near the station after nine?",
    "Seventeen people came to the meeting, and most of them stayed until the end.",
    "I am not sure that I understand the question.",
)
"""None of them was among the sentences by which the heads were chosen."""


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Layers this small gain nothing from a second thread, and wait long for a busy one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def ears() -> MoonshineEars:
    return MoonshineEars.load(folder("ears"), device="cpu")


@cache
def recordings() -> dict[str, Recording]:
    return {recording.name: recording for recording in human_recordings()}


@pytest.mark.timeout(60)
def test_contract() -> None:
    recording = recordings()["austen-0930"]
    check_ears(ears(), recording.audio, recording.text)


@pytest.mark.timeout(60)
def test_people_are_understood() -> None:
    """Word error rate over all recordings at most 12 %, fed whole."""
    total = Errors()
    for recording in recordings().values():
        errors = errors_of(ears(), recording.audio, recording.text)
        print(f"{recording.name:28} {recording.speaker:10} {errors.rate:.2f}")
        total += errors
    print(f"{len(recordings())} recordings, word error rate {total.rate:.3f}")
    assert len(recordings()) >= 10
    assert len({recording.speaker for recording in recordings().values()}) >= 3
    assert total.rate <= 0.12


@pytest.mark.timeout(60)
def test_words_have_true_times() -> None:
    """Against a voice that knows its words' times: 0.1 s on average, the last end too."""
    voice = HibariVoice.load()
    before = samples(0.3, HEARING_RATE)
    starts: list[float] = []
    ends: list[float] = []
    lasts: list[float] = []
    for text in HELD_OUT:
        spoken = rendered(voice.render(text))
        audio = resample_poly(spoken.audio, 2, 3).astype(np.float32)
        words = recognised(ears().transcribe(np.pad(audio, (before, before)) + _room(len(audio))))
        assert normalised(said(words)) == normalised(text)
        true = [word for word in spoken.words if normalised(word.text)]
        starts += [
            a.start_seconds - b.start_seconds - 0.3 for a, b in zip(words, true, strict=True)
        ]
        ends += [a.end_seconds - b.end_seconds - 0.3 for a, b in zip(words, true, strict=True)]
        lasts.append(ends[-1])
    for name, errors in (("starts", starts), ("ends", ends), ("last ends", lasts)):
        mean, bias = float(np.mean(np.abs(errors))), float(np.mean(errors))
        print(f"{name}: {len(errors)} words, mean error {mean:.3f} s, bias {bias:+.3f} s")
        assert mean <= 0.1, name


def test_end_of_the_last_word_is_where_the_voice_ends() -> None:
    """Silence after people's speech is not the last word's; its end moves with the audio."""
    recording = recordings()["austen-0920"]
    audio = recording.audio
    plain = recognised(ears().transcribe(audio))[-1].end_seconds
    longer = np.concatenate((np.zeros(8_000, np.float32), audio, np.zeros(32_000, np.float32)))
    moved = recognised(ears().transcribe(longer))[-1].end_seconds
    assert moved - plain == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("level", [0.1, 1.0])
def test_nothing_is_made_of_noise(level: float) -> None:
    """Also at other levels than the contract's."""
    for name, noise in noises().items():
        assert said(recognised(ears().transcribe(noise * np.float32(level)))) == "", name


def test_quiet_speech_is_heard() -> None:
    """40 dB down, as from a microphone without gain control."""
    recording = recordings()["vm-nobox"]
    assert errors_of(ears(), recording.audio * np.float32(0.01), recording.text).rate <= 0.1


@pytest.mark.timeout(60)
def test_a_long_reading_in_a_growing_segment() -> None:
    """44 s with a partial every 1.2 s: bounded audio, settled words stay, few errors."""
    reading = long_reading()
    audio = np.concatenate((np.zeros(4_800, np.float32), reading.audio))
    segment = Segment.begin(audio[:0], 0.0)
    for start in range(0, len(audio), HEARING_BLOCK_SAMPLES):
        segment = segment.add(audio[start : start + HEARING_BLOCK_SAMPLES])
        if start // HEARING_BLOCK_SAMPLES % 12 == 11:
            settled = segment.settled
            assert len(segment.audio) <= samples(LONGEST_SECONDS, HEARING_RATE)
            words = recognised(ears().transcribe(segment.audio, segment.guess))
            segment = segment.recognised(words, segment)
            assert segment.settled[: len(settled)] == settled
    segment = heard_out(segment)
    errors = count_errors(reading.text, said(segment.words))
    whole = heard_out(Segment.begin(audio, 0.0))
    at_once = count_errors(reading.text, said(whole.words))
    print(f"word error rate grown {errors.rate:.3f}, at once {at_once.rate:.3f}")
    assert errors.rate <= 0.12
    assert at_once.rate <= 0.12
    starts = [word.start_seconds for word in segment.words]
    assert starts == sorted(starts)
    assert segment.words[-1].end_seconds == pytest.approx(whole.words[-1].end_seconds, abs=0.1)


def test_encoder_states() -> None:
    """One state every 24 ms, of the width the configuration says; none for next to nothing."""
    audio = recordings()["cards-001"].audio
    pieces = ears().encode(audio)
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            states = end.value
            break
    frames = round(len(audio) / HEARING_RATE / ears().hop_seconds)
    assert abs(states.shape[0] - frames) <= 3
    assert states.shape[1] == 288
    assert bool(states.isfinite().all())
    with pytest.raises(StopIteration) as nothing:
        next(ears().encode(np.zeros(100, np.float32)))
    assert nothing.value.value.shape == (0, 288)


@pytest.mark.timeout(60)
def test_int8_hears_as_well_as_float32() -> None:
    exact = MoonshineEars.load(folder("ears"), device="cpu", precision="float32")
    errors = {"int8": Errors(), "float32": Errors()}
    for recording in list(recordings().values())[::2]:
        for name, network in (("int8", ears()), ("float32", exact)):
            errors[name] += errors_of(network, recording.audio, recording.text)
    print({name: f"{total.rate:.3f}" for name, total in errors.items()})
    assert errors["int8"].rate <= errors["float32"].rate + 0.03


def test_bad_input(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(ValueError, match="mono"):
        recognised(ears().transcribe(np.zeros((2, 16_000), np.float32)))
    with pytest.raises(FileNotFoundError, match="weights fetch --only ears"):
        MoonshineEars.load(tmp_path_factory.mktemp("empty"))
    with pytest.raises(ValueError, match="float32 or int8"):
        MoonshineEars.load(folder("ears"), precision="int4")
    broken = recordings()["cards-001"].audio.copy()
    broken[5_000] = np.nan
    assert recognised(ears().transcribe(broken)) == ()


@pytest.mark.parametrize(
    ("tokens", "loops"),
    [
        ([], False),
        ([1, 2, 3, 4, 5, 6], False),
        ([5, 5, 5, 5, 5], False),
        ([5, 5, 5, 5, 5, 5], True),
        ([9, 1, 2, 3] + [1, 2, 3] * 3, True),
        ([1, 2, 3] * 3, False),
    ],
)
def test_loops(tokens: list[int], loops: bool) -> None:
    assert is_loop(tokens) is loops


@pytest.mark.parametrize(
    ("expected", "fresh", "next_ones"),
    [
        ([], [7], []),
        ([1, 2, 3], [1, 2, 3, 4], []),
        ([1, 2, 3, 4], [1, 9], [3, 4]),
        ([1, 2, 3, 4], [9], [2, 3, 4]),
        ([1, 2, 3, 4], [3], [4]),
        ([1, 2, 3, 4, 5, 6, 7], [1, 7], [3, 4, 5, 6, 7]),
    ],
)
def test_what_is_still_expected(
    expected: list[int], fresh: list[int], next_ones: list[int]
) -> None:
    assert still_expected(expected, fresh) == next_ones


@pytest.mark.parametrize(
    ("text", "log_probability", "speech"),
    [
        (" Ten of clubs.", -0.2, True),
        (" You", -0.01, False),
        (" You!", -0.2, True),
        (" Thank you for watching!", -0.5, False),
        (" Thank you for watching!", -0.1, True),
        (" I'm going to show you.", -1.3, False),
        (" ตัว", -0.1, False),
        (" Café.", -0.1, True),
        ("", 0.0, False),
    ],
)
def test_what_counts_as_speech(text: str, log_probability: float, speech: bool) -> None:
    assert is_speech(text, [log_probability] * 3) is speech


def heard_out(segment: Segment) -> Segment:
    """The segment with all of its audio recognised."""
    pieces = listen(ears(), segment)
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            found: Segment = end.value
            return found


def _room(length: int) -> Audio:
    noise = np.random.default_rng(0).standard_normal(length + 2 * samples(0.3, HEARING_RATE))
    return (noise * 0.0005).astype(np.float32)
