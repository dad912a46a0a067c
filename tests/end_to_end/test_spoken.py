"""What a person has of the whole path: heard, answered aloud, interrupted, obeyed, remembered.

Real recordings, the real server and the real model (its small decoder) over a real peer
connection; what we say is judged by another project's recogniser.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial

import pytest

from tests.end_to_end.served import Served
from tests.end_to_end.spoken import RATE, SMALL, Answer, Event, Said, Talk, model_server, spoken
from tests.speech.checker import transcribe
from tests.speech.recordings import Recording, human_recordings
from tests.speech.wer import normalised, word_error_rate
from tests.steady import undisturbed

pytestmark = [pytest.mark.weights, pytest.mark.timeout(180)]

MOST_OF_A_SPEAKER = 5
FINAL_SECONDS = 12.0
"""A word behind a pause that was answered too soon waits for its own answer, if not longer."""
FAVOURITE = "My favourite fruit is the mango."
STORY = "Please tell me a story about a dragon."
AT_LENGTH = {
    "settings": {"instructions": "You are a storyteller. Tell long stories with many details."}
}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """One server with the small decoder for all tests here."""
    with model_server(*SMALL) as running:
        yield running


def clips() -> list[Recording]:
    """Everything people say in 2 to 8 seconds, at most five recordings of one speaker."""
    found: list[Recording] = []
    for recording in human_recordings():
        of_speaker = sum(other.speaker == recording.speaker for other in found)
        if 2.0 <= recording.duration_seconds <= 8.0 and of_speaker < MOST_OF_A_SPEAKER:
            found.append(recording)
    return found


async def recognised(served: Served, recordings: list[Recording]) -> dict[str, float]:
    """Say one after the other in one conversation; the word error rate of each."""
    rates: dict[str, float] = {}
    async with served.call(rate=RATE) as caller:
        talk = Talk(caller)
        await talk.begin()
        for recording in recordings:
            said = talk.say(recording.audio)
            await talk.starts(said)
            await talk.fall_silent()
            read = partial(talk.read, said.since)
            assert await talk.until(read, FINAL_SECONDS), recording.name
            heard = talk.heard_person(said.since)
            rates[recording.name] = word_error_rate(recording.text, heard)
            await asyncio.sleep(0.3)
    return rates


async def test_people_are_understood(served: Served) -> None:
    """Fourteen recordings of five people, in two conversations at once."""
    people = clips()
    assert len(people) >= 10 and len({one.speaker for one in people}) >= 3
    rates: dict[str, float] = {}
    for part in await asyncio.gather(*(recognised(served, people[n::2]) for n in range(2))):
        rates |= part
    print({name: round(rate, 3) for name, rate in sorted(rates.items())})
    assert sum(rates.values()) / len(rates) <= 0.12, rates


async def ask(talk: Talk, question: str) -> Answer:
    answer = await talk.answer(talk.say(spoken(question)))
    assert answer is not None, talk.caller.events[-20:]
    return answer


async def test_the_answer_is_heard_as_the_captions_say(served: Served) -> None:
    """Two conversations at once; each hears its own answer, whole."""
    questions = ("Where do penguins live?", "Why is the sky blue?")
    async with served.call(rate=RATE) as one, served.call(rate=RATE) as other:
        talks = Talk(one), Talk(other)
        for talk in talks:
            await talk.begin()
        await asyncio.sleep(1.0)  # calls that connect at once lose packets of their first moment
        answers = await asyncio.gather(*map(ask, talks, questions))
        rates = []
        for talk, answer, question in zip(talks, answers, questions, strict=True):
            assert word_error_rate(question, talk.heard_person(0)) == 0.0
            assert not answer.cut and answer.text == answer.said
            sound = talk.sound(answer.began - 0.1, answer.ended + 0.2)
            heard = await asyncio.to_thread(transcribe, sound)
            rates.append(word_error_rate(answer.text, heard))
            print(f"{answer.text!r}\n{heard!r}\n{rates[-1]:.3f}")
    assert sum(rates) / len(rates) <= 0.2, rates


async def remembered(talk: Talk, utterance: int) -> Event:
    return await talk.caller.wait_for(
        "agent.remembered", 10.0, where=lambda event: event["utterance"] == utterance
    )


async def heard_words(talk: Talk, words: int, since: int) -> int:
    """Wait until so many words of an utterance that began later were heard; its number."""
    progress = await talk.caller.wait_for(
        "agent.heard", 30.0, since=since, where=lambda event: event["words_heard"] >= words
    )
    number: int = progress["utterance"]
    return number


async def assert_cut_everywhere(served: Served, talk: Talk, number: int) -> Answer:
    """Record, captions and Language's memory end at the same word; the text is the same."""
    memory = await remembered(talk, number)
    answer = talk.utterance(number)
    assert answer.cut and memory["cut"]
    turn = next(t for t in await talk.record(served) if t.get("utterance") == number)
    assert turn["cut"]
    in_record = sum(word["heard"] for word in turn["words"])
    in_memory = memory["text"].split()
    print(answer.words_heard, in_record, len(in_memory), repr(memory["text"]))
    assert abs(in_record - answer.words_heard) <= 1
    assert abs(len(in_memory) - len(answer.text.split())) <= 1
    shorter = min(len(in_memory), len(answer.text.split()))
    assert in_memory[:shorter] == answer.text.split()[:shorter]
    return answer


@pytest.mark.timeout(600)
@undisturbed
async def test_who_interrupts_is_given_the_floor(served: Served) -> None:
    """A person speaks into the answer: it falls silent, and everything agrees on where."""
    interruption = next(r for r in human_recordings() if r.name == "austen-0930")
    async with served.call(rate=RATE, extra=AT_LENGTH) as caller:
        talk = Talk(caller)
        await talk.begin()
        talk.say(spoken(STORY))
        number = await heard_words(talk, 5, 0)
        said = talk.say(interruption.audio)
        cut = await caller.wait_for(
            "agent.cut", 10.0, where=lambda event: event["utterance"] == number
        )
        assert cut["by"] == "floor"
        answer = await assert_cut_everywhere(served, talk, number)
        # It was cut while the person spoke, and there was silence until they had finished.
        assert answer.ended < said.end + 1.0
        started = await talk.starts(said)
        assert started is not None
        loud = talk.loud_times(answer.ended + 0.5)
        assert not [at for at in loud if at < talk.arrival(started) - 0.1]
        # What was audible lasted as long as what counts as heard.
        first = talk.loud_times(answer.began - 0.2)[0]
        last = max(at for at in talk.loud_times(first) if at < answer.ended + 0.5)
        assert abs((last - first) - cut["heard_ms"] / 1000) <= 0.4
        words = talk.heard_person(said.since)
        assert word_error_rate(interruption.text, words) <= 0.25, words


@pytest.mark.timeout(600)
@undisturbed
async def test_the_stop_button_is_obeyed(served: Served) -> None:
    async with served.call(rate=RATE, extra=AT_LENGTH) as caller:
        talk = Talk(caller)
        await talk.begin()
        talk.type(STORY)
        number = await heard_words(talk, 3, 0)
        caller.send({"type": "speech.stop"})
        cut = await caller.wait_for("agent.cut", 5.0)
        assert (cut["utterance"], cut["by"]) == (number, "stop")
        answer = await assert_cut_everywhere(served, talk, number)
        await asyncio.sleep(1.5)
        assert not [at for at in talk.loud_times(answer.ended) if at > answer.ended + 0.5]


async def test_be_quiet_is_obeyed(served: Served) -> None:
    async with served.call(rate=RATE, extra=AT_LENGTH) as caller:
        talk = Talk(caller)
        await talk.begin()
        talk.type(STORY)
        number = await heard_words(talk, 3, 0)
        said = talk.say(spoken("Be quiet, please."))
        cut = await caller.wait_for("agent.cut", 10.0, since=said.since)
        assert cut["utterance"] == number and cut["by"] in ("quiet", "floor")
        await assert_cut_everywhere(served, talk, number)
        # And nothing more is said until somebody speaks again.
        assert await talk.starts(said, 4.0) is None
        assert "quiet" in normalised(talk.heard_person(said.since))


async def test_goodbye_ends_the_conversation(served: Served) -> None:
    async with served.call(rate=RATE) as caller:
        talk = Talk(caller)
        await talk.begin()
        talk.say(spoken("Thank you, goodbye!"))
        assert (await caller.wait_for("session.ending", 20.0))["reason"] == "goodbye"
        ended = await caller.wait_for("session.ended", 15.0)
        assert ended["reason"] == "goodbye"
        farewell = talk.events("agent.done")
        assert farewell and "oodbye" in "".join(talk.captions(farewell[-1]["utterance"]))


async def test_who_comes_back_is_remembered(served: Served) -> None:
    """Typed words are answered aloud; after a vanished peer the model knows what was said."""
    async with served.call(rate=RATE) as caller:
        talk = Talk(caller)
        await talk.begin()
        answer = await talk.answer(talk.type(FAVOURITE))
        assert answer is not None and talk.loud_times(answer.began - 0.1)
        before = [(turn["who"], turn["text"]) for turn in await talk.record(served)]
        assert before == [
            ("person", FAVOURITE),
            ("agent", answer.text),
        ]
        await caller.vanish()
        token = caller.answer["resume_token"]
    async with served.call(rate=RATE, extra={"resume": token}) as caller:
        talk = Talk(caller)
        started = await talk.begin()
        assert started["resumed"]
        assert [(turn["who"], turn["text"]) for turn in started["turns"]] == before
        said: Said = talk.say(spoken("What is my favourite fruit?"))
        again = await talk.answer(said)
        assert again is not None and "mango" in again.text.lower(), again
        assert again.utterance > answer.utterance
        assert len(await talk.record(served)) == 4
