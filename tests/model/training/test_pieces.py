"""The pieces of the renderer: pauses, Opus, rooms, voices, timing, what Ears would tell."""

from __future__ import annotations

import numpy as np
import pytest

from model.timebase import HEARING_RATE
from model.training.render.bodies import TICS, tic
from model.training.render.cast import ROOMS, VOICES
from model.training.render.noises import NOISE_MAKERS, _any_tilt
from model.training.render.opus import bursts, through_opus
from model.training.render.parts import PersonPart, voiced_spans
from model.training.render.rooms import Room, in_room
from model.training.render.speech import Persona, say
from model.training.render.splice import closed, with_pauses
from model.training.scripts import timing
from model.training.scripts.writer import Writer

TEXT = "When the train is late, I usually walk home along the river, don't you?"


def persona(number: int) -> Persona:
    voice = VOICES["train"][number]
    factor = voice.engine != "espeak"
    return Persona(voice, 1.0, 1.0 if factor else 50.0, 1.0 if factor else 165.0)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 20])
def test_words_have_the_written_texts_and_rising_times(number: int) -> None:
    said = say(persona(number), TEXT)
    assert said.text == TEXT
    times = [t for word in said.words for t in (word.start_seconds, word.end_seconds)]
    assert all(a <= b + 1e-6 for a, b in zip(times, times[1:], strict=False))
    assert 0 <= times[0] < 0.2 and times[-1] <= len(said.audio) / HEARING_RATE
    assert times[-1] > len(said.audio) / HEARING_RATE - 0.4


@pytest.mark.parametrize("number", [0, 2, 4])
def test_a_pause_is_as_long_as_asked_and_later_words_move(number: int) -> None:
    said = say(persona(number), TEXT)
    paused, spans = with_pauses(np.random.default_rng(1), said, [(4, 0.5), (7, 1.0)])
    assert [round((b - a) / HEARING_RATE, 3) for a, b in spans] == [0.5, 1.0]
    assert len(paused.audio) == len(said.audio) + round(1.5 * HEARING_RATE)
    assert paused.words[-1].start_seconds == pytest.approx(said.words[-1].start_seconds + 1.5)
    assert paused.words[3].start_seconds == said.words[3].start_seconds
    for first, last in spans:
        inside = np.sqrt(np.mean(paused.audio[first:last] ** 2))
        assert inside < 0.1 * np.sqrt(np.mean(paused.audio**2))


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 20])
def test_the_quiet_behind_an_end_is_that_of_pauses_and_lasts_longer(number: int) -> None:
    """Within 6 dB; and it is no voice, so that the end stays where it was."""
    said = say(persona(number), TEXT)
    whole = closed(np.random.default_rng(1), said.audio)
    paused, ((first, last),) = with_pauses(np.random.default_rng(1), said, [(5, 1.0)])
    pause = 20 * np.log10(np.sqrt(np.mean(paused.audio[first:last] ** 2)) + 1e-6)
    tail = whole[len(said.audio) :]
    assert 2.4 < len(tail) / HEARING_RATE <= 3.01
    for part in np.array_split(tail, 4):
        assert 20 * np.log10(np.sqrt(np.mean(part**2)) + 1e-6) == pytest.approx(pause, abs=6.0)
    ends = [voiced_spans(audio)[-1][1] for audio in (said.audio, whole)]
    assert abs(ends[0] - ends[1]) <= HEARING_RATE // 50


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 20])
def test_a_short_word_is_over_where_it_was_said_not_where_its_closing_ends(number: int) -> None:
    """A word is less than a twentieth of itself with its closing, or little more."""
    for text in ("Yes.", "Why?", "okay", ""):
        # Without a text a quarter of a second out of a sentence.
        audio = say(persona(number), text or TEXT).audio[: None if text else HEARING_RATE // 4]
        whole = closed(np.random.default_rng(1), audio)
        part = PersonPart("backchannel", 1600, whole, spoken=len(audio))
        assert part.voiced == tuple((a + 1600, b + 1600) for a, b in voiced_spans(audio))
        assert 1600 < part.last <= 1600 + len(audio)


def test_no_sample_jumps_at_a_seam() -> None:
    said = say(persona(2), TEXT)
    paused, spans = with_pauses(np.random.default_rng(1), said, [(2, 0.4), (9, 0.6)])
    steps = np.abs(np.diff(paused.audio))
    usual = np.quantile(np.abs(np.diff(said.audio)), 0.995)
    for place in (edge for span in spans for edge in span):
        assert steps[place - 3 : place + 3].max() <= usual


def test_opus_keeps_time_and_conceals_what_is_lost() -> None:
    audio = say(persona(0), TEXT).audio
    audio = audio[: len(audio) // 320 * 320]
    whole = through_opus(audio, [False] * (len(audio) // 320))
    assert len(whole) == len(audio)
    shifts = range(-40, 41)
    likeness = [float(np.dot(np.roll(whole, -shift), audio)) for shift in shifts]
    assert abs(list(shifts)[int(np.argmax(likeness))]) <= 4
    lost = bursts(np.random.default_rng(2), len(audio) // 320, 0.1, 2.0)
    holed = through_opus(audio, lost)
    assert any(lost) and not np.array_equal(holed, whole)
    gone = np.repeat(lost, 320)
    assert np.sqrt(np.mean(holed[gone] ** 2)) > 0.2 * np.sqrt(np.mean(whole[gone] ** 2))


def test_losses_have_the_share_and_length_asked_for() -> None:
    lost = np.array(bursts(np.random.default_rng(3), 200_000, 0.08, 2.5))
    assert lost.mean() == pytest.approx(0.08, rel=0.1)
    runs = np.flatnonzero(np.diff(np.concatenate(([0], lost.astype(int), [0]))))
    assert np.mean(runs[1::2] - runs[::2]) == pytest.approx(2.5, rel=0.1)


def test_a_room_keeps_the_onset_and_decays() -> None:
    generator = np.random.default_rng(4)
    response = Room(generator, ROOMS["train"]).response(generator, (0.3, 0.9))
    assert response[0] == 1.0
    early, late = np.sum(response[:1600] ** 2), np.sum(response[3200:] ** 2)
    assert late < 0.1 * early
    click = np.zeros(8000, np.float32)
    click[1000] = 1.0
    heard = in_room(click, response)
    assert len(heard) == len(click) and np.abs(heard[:990]).max() < 1e-4


@pytest.mark.parametrize("name", sorted(NOISE_MAKERS))
def test_noises_have_unit_loudness_and_length(name: str) -> None:
    speech = say(persona(2), TEXT).audio
    noise = NOISE_MAKERS[name](np.random.default_rng(5), 48_000, speech)
    assert noise.shape == (48_000,) and noise.dtype == np.float32
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(1.0, abs=0.05)


def test_no_tilt_of_training_is_one_of_dev_or_of_the_bench() -> None:
    generator = np.random.default_rng(9)
    tilts = np.array([_any_tilt(generator) for _ in range(2000)])
    for kept, apart in ((1.0, 0.2), (1.5, 0.1), (2.0, 0.5)):
        assert np.abs(tilts - kept).min() >= apart - 1e-9
    assert tilts.min() < -0.4 and ((tilts > 1.2) & (tilts < 1.4)).mean() > 0.08


@pytest.mark.parametrize("kind", TICS)
def test_tics_sound_and_differ(kind: str) -> None:
    generator = np.random.default_rng(6)
    one, other = tic(generator, kind, -24.0), tic(generator, kind, -24.0)
    assert np.isfinite(one).all() and 0.005 < np.abs(one).max() < 1.5
    assert len(one) != len(other) or not np.array_equal(one, other)


def test_offsets_are_as_people_have_them() -> None:
    generator = np.random.default_rng(7)
    offsets = np.array([timing.floor_offset(generator) for _ in range(4000)])
    assert 0.12 < np.median(offsets) < 0.27
    assert 0.25 < (offsets < 0).mean() < 0.35
    pauses = np.array([timing.pause(generator) for _ in range(4000)])
    assert pauses.min() >= 0.3 and pauses.max() <= 2.4 and 0.7 < np.median(pauses) < 0.95
    # People's are short: 0.6 s and less in half of them, which half of these are not drawn by.
    assert 0.25 < (pauses < 0.6).mean() < 0.45
    assert 0.04 < (pauses > 1.5).mean() < 0.12


def test_who_reads_aloud_pauses_at_commas_and_says_no_um() -> None:
    writer = Writer(np.random.default_rng(9), "train")
    text = "By noon, when the fog had lifted, we saw the coast, and nobody spoke."
    lines = [writer._read(text) for _ in range(300)]
    assert {line.text for line in lines} == {text}
    at = [place for line in lines for place, _ in line.pauses]
    commas = [i for i, word in enumerate(text.split()) if word[-1] == ","]
    assert all(100 < at.count(place) < 240 for place in commas)
    assert 20 < sum(place not in commas for place in at) < 100


def test_pauses_stand_between_words() -> None:
    writer = Writer(np.random.default_rng(8), "train")
    lines = [writer.turn() for _ in range(500)]
    assert sum(bool(line.pauses) for line in lines) > 120
    for line in lines:
        count = len(line.text.split())
        assert all(0 <= place < count - 1 for place, _ in line.pauses), line
        assert "{" not in line.text
