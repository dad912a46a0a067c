"""The voice: the contract, and that what is heard is what its words say, when they say it."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Sequence
from typing import Final

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from model.interaction.parts import Spoken, Voice
from model.interaction.voice import HibariVoice, append_silence
from model.messages import Audio
from model.timebase import HEARING_RATE, SPEAKING_RATE
from tests.model.interaction.voice_contract import check_spoken, check_voice, rendered
from tests.speech.checker import transcribe
from tests.speech.wer import Errors, count_errors

SENTENCES: Final = (
    "The weather in London is mild today, with a light breeze from the west.",
    "You can boil the potatoes for twenty minutes before you add the butter.",
    "My favorite planet is Saturn because of its beautiful rings.",
    "If you turn left at the church, you will see the library on your right.",
    "The meeting was moved to Thursday afternoon, so please bring your notes.",
    "Water freezes at zero degrees and boils at one hundred degrees.",
    "She walked along the river until the sun went down behind the hills.",
    "A good night's sleep helps you remember what you learned during the day.",
    "There are seven days in a week and twelve months in a year.",
    "Could you tell me a little more about what you are looking for?",
    "I think the second option is better, because it costs less money.",
    "The train to Manchester leaves from platform four at half past nine.",
    "Honey never spoils, which is why jars from ancient tombs can still be eaten.",
    "He bought a dozen eggs, a loaf of bread, and a bottle of milk.",
    "Light travels faster than sound, so you see the flash before you hear the thunder.",
    "The children built a castle out of sand and decorated it with shells.",
    "Please remember to lock the door when you leave the office tonight.",
    "An octopus has three hearts and can change the color of its skin.",
    "Paris is the capital of France, and Madrid is the capital of Spain.",
    "Let me know if you would like another recipe or a different story.",
)

PAUSED: Final = (
    "Take two, try ten, keep both, turn back, come closer.",
    "Play cards, call Peter, bring tea, count down, drink up.",
    "Paris, Tokyo, Berlin, Cairo, Dublin, Prague, Tunis.",
    "Table, bottle, carpet, curtain, doorbell, pillow, garden.",
)
"""Words after commas that begin with a burst, so that their onsets can be seen in the audio."""


@pytest.fixture(scope="module")
def voice() -> HibariVoice:
    return HibariVoice.load()


def _errors(references: Sequence[str], audios: Sequence[Audio]) -> Errors:
    """What the recogniser mishears; it takes as long for a word as for 30 s, so it gets many."""
    errors = Errors()
    batch: list[Audio] = []
    texts: list[str] = []
    for text, audio in zip(references, audios, strict=True):
        slow = resample_poly(audio, 2, 3).astype(np.float32)
        if sum(map(len, batch)) + len(slow) > 24 * HEARING_RATE:
            errors += count_errors(" ".join(texts), transcribe(np.concatenate(batch)))
            batch, texts = [], []
        batch += [slow, np.zeros(HEARING_RATE // 2, np.float32)]
        texts.append(text)
    return errors + count_errors(" ".join(texts), transcribe(np.concatenate(batch)))


@pytest.mark.timeout(60)
def test_keeps_the_contract_of_a_voice(voice: Voice) -> None:
    check_voice(voice)


def test_loads_and_speaks_without_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the voice opened a socket")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert len(rendered(HibariVoice.load().render("Nobody is called.")).audio)


def test_is_deterministic(voice: HibariVoice) -> None:
    text = "The same words again, but long enough not to be kept."
    one, two = (rendered(voice.render(text)) for _ in range(2))
    assert one is not two
    np.testing.assert_array_equal(one.audio, two.audio)
    assert one.words == two.words


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=st.text(max_size=60))
def test_any_text_is_survived(voice: HibariVoice, text: str) -> None:
    check_spoken(text, rendered(voice.render(text)))


@pytest.mark.timeout(60)
def test_an_independent_recogniser_understands_it(voice: HibariVoice) -> None:
    audios = [rendered(voice.render(sentence)).audio for sentence in SENTENCES]
    errors = _errors(SENTENCES, audios)
    assert errors.words > 200
    assert errors.rate <= 0.05


def test_phrases_are_equally_loud(voice: HibariVoice) -> None:
    phrases = ("Hello.", "Mm-hm.", "Okay, sure.", *SENTENCES[:4])
    loudness = []
    for phrase in phrases:
        audio = rendered(voice.render(phrase)).audio
        loudness.append(float(np.sqrt(np.mean(np.square(audio[np.abs(audio) > 0.01])))))
    assert 20 * np.log10(max(loudness) / min(loudness)) <= 3.0


def _onset_after_pause(audio: Audio, after: float, before: float) -> float | None:
    """Where sound begins after the longest quiet between two times, in seconds."""
    window = 120
    first, last = int(after * SPEAKING_RATE) // window, int(before * SPEAKING_RATE) // window
    part = audio[first * window : last * window].reshape(-1, window)
    quiet = np.sqrt(np.mean(np.square(part), axis=1)) < 0.012
    runs = [(key, len(list(group))) for key, group in itertools.groupby(quiet)]
    places = np.cumsum([0, *(length for _, length in runs)])
    length, end = max((n, places[i + 1]) for i, (key, n) in enumerate(runs) if key)
    return (first + int(end)) * window / SPEAKING_RATE if length >= 8 else None


def test_words_after_a_pause_begin_when_they_are_heard(voice: HibariVoice) -> None:
    """The truth is in the audio: a burst of sound after the quiet of a comma."""
    errors = []
    for phrase in PAUSED:
        spoken = rendered(voice.render(phrase))
        for earlier, word in itertools.pairwise(spoken.words):
            if not earlier.text.endswith(","):
                continue
            middle = (earlier.start_seconds + earlier.end_seconds) / 2
            until = (word.start_seconds + word.end_seconds) / 2
            onset = _onset_after_pause(spoken.audio, middle, until)
            if onset is not None:
                errors.append(word.start_seconds - onset)
    assert len(errors) >= 12
    assert np.max(np.abs(errors)) <= 0.08, np.round(errors, 3)
    assert np.abs(np.mean(errors)) <= 0.03


def _misheard(phrases: Sequence[tuple[Spoken, int]], shift_seconds: float) -> int:
    """Words misheard when each audio is cut in two where a word begins, or beside it."""
    # All first parts, then all second ones: side by side they would mend each other.
    halves: tuple[list[tuple[str, Audio]], list[tuple[str, Audio]]] = ([], [])
    for spoken, cut in phrases:
        place = int((spoken.words[cut].start_seconds + shift_seconds) * SPEAKING_RATE)
        halves[0].append(("".join(w.text for w in spoken.words[:cut]), spoken.audio[:place]))
        halves[1].append(("".join(w.text for w in spoken.words[cut:]), spoken.audio[place:]))
    total = 0
    for half in halves:
        errors = _errors([text for text, _ in half], [audio for _, audio in half])
        total += errors.substituted + errors.deleted + errors.inserted
    return total


@pytest.mark.timeout(60)
def test_audio_cut_at_a_word_has_the_words_before_it(voice: HibariVoice) -> None:
    """What an interruption stands on. Cut a tenth of a second beside, more words are broken."""
    cuts = (5, 4, 7, 6, 4, 3, 5, 6, 3, 7)
    phrases = [
        (rendered(voice.render(sentence)), cut)
        for sentence, cut in zip(SENTENCES[1::2], cuts, strict=True)
    ]
    at, early, late = (_misheard(phrases, shift) for shift in (0.0, -0.12, 0.12))
    assert at <= 0.1 * sum(len(spoken.words) for spoken, _ in phrases)
    assert at < early and at < late


def test_a_word_spoken_as_several_has_the_time_of_all(voice: HibariVoice) -> None:
    spoken = rendered(voice.render("It costs $250 now."))
    assert [word.text for word in spoken.words] == ["It", " costs", " $250", " now."]
    lengths = [word.end_seconds - word.start_seconds for word in spoken.words]
    assert lengths[2] > 2 * max(lengths[0], lengths[1])


def test_a_word_that_is_not_spoken_has_no_length_where_it_stands(voice: HibariVoice) -> None:
    spoken = rendered(voice.render("Hello 😀 there."))
    hello, face, there = spoken.words
    assert face.start_seconds == face.end_seconds == hello.end_seconds <= there.start_seconds
    assert there.end_seconds > there.start_seconds


def test_sentences_of_a_phrase_are_set_apart(voice: HibariVoice) -> None:
    spoken = rendered(voice.render("I see. Tell me more."))
    gap = spoken.words[2].start_seconds - spoken.words[1].end_seconds
    assert 0.2 <= gap <= 0.4


def test_appended_silence_changes_no_time(voice: HibariVoice) -> None:
    spoken = rendered(voice.render("And then,"))
    longer = append_silence(spoken, 0.12)
    assert len(longer.audio) - len(spoken.audio) == 2_880
    assert longer.words == spoken.words
    np.testing.assert_array_equal(longer.audio[: len(spoken.audio)], spoken.audio)


def test_short_phrases_are_kept_and_their_number_is_bounded(voice: HibariVoice) -> None:
    first = rendered(voice.render("Mm-hm."))
    assert rendered(voice.render("Mm-hm.")) is first
    with pytest.raises(ValueError, match="read-only"):
        first.audio[:] = 0.0
    for number in range(70):
        rendered(voice.render(f"{number}"))
    again = rendered(voice.render("Mm-hm."))
    assert again is not first
    np.testing.assert_array_equal(again.audio, first.audio)


@pytest.mark.bench
def test_speed(voice: HibariVoice) -> None:
    """Seconds of work for each second of speech, on one thread, and the longest piece."""
    heard = 0.0
    pieces: list[float] = []
    for sentence in SENTENCES:
        work = voice.render(sentence)
        over = False
        while not over:
            began = time.perf_counter()
            try:
                next(work)
            except StopIteration as end:
                heard += len(end.value.audio) / SPEAKING_RATE
                over = True
            pieces.append(time.perf_counter() - began)
    spent = sum(pieces)
    print(f"rtf {spent / heard:.4f}, longest piece {max(pieces) * 1e3:.0f} ms, {heard:.0f} s")
    assert spent < 0.2 * heard


def test_another_network_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.interaction.voice._SHA256", "0" * 64)
    with pytest.raises(RuntimeError, match="hibari-tts==0.2.1"):
        HibariVoice.load()
