"""What is obeyed, and what only sounds like it."""

from __future__ import annotations

import pytest

from server.policy import Policy

QUIET = [
    "stop",
    "Stop!",
    "STOP. STOP. STOP.",
    "Be quiet.",
    "Please be quiet now.",
    "Oh, just shut up, please.",
    "Could you stop talking?",
    "Okay, that’s enough, stop talking, thank you.",
    "hush",
]
GOODBYE = [
    "goodbye",
    "Good bye!",
    "Bye-bye.",
    "Okay, thanks, bye.",
    "Thank you very much, goodbye!",
    "I have to go now bye",
    "That was the bus, bye!",
    "Goodbye for now.",
    "Bye, have a nice day.",
    "Alright then, see you tomorrow, bye bye.",
    "Good-bye.",
    "Alright then, thank you so much for all of your help today, goodbye.",
    "I think that is everything I wanted to know for today. Thanks. Bye.",
    "There is so much that I never knew about dinosaurs and birds. Okay thanks bye",
    "Thank you for the answer, goodbye.",
]
NEITHER = [
    "",
    "   ",
    "?!",
    "Don't stop now, tell me about goodbye letters.",
    "Don't stop.",
    "Where does the bus stop?",
    "Stop me if you have heard this one.",
    "Can you stop the music",
    "The library is a quiet place",
    "How do I get my kids to be quiet?",
    "How do you say goodbye",
    "What does goodbye mean?",
    "She said bye.",
    "And then she said, goodbye.",
    "How do you say, goodbye?",
    "What does it mean when someone says, goodbye?",
    "Translate this: goodbye.",
    "The song is called, Bye Bye Bye.",
    "Please repeat after me, goodbye.",
    "The answer is, goodbye.",
    "How would you say it to somebody whom you will never see again in your life, goodbye?",
    "a goodbye letter",
    "Goodbye letters are hard to write.",
    "Bye bye birdie is a musical from nineteen sixty.",
    "I would like to buy a by-election guide.",
    "stop it there and then please tell me why it was so quiet in here",
]


@pytest.mark.parametrize("text", QUIET)
def test_quiet(text: str) -> None:
    assert Policy().on_heard(text, typed=False, final=True, speaking=True) == "quiet"
    assert Policy().on_heard(text, typed=True, final=True, speaking=False) == "quiet"


@pytest.mark.parametrize("text", GOODBYE)
def test_goodbye(text: str) -> None:
    assert Policy().on_heard(text, typed=False, final=True, speaking=False) == "goodbye"


@pytest.mark.parametrize("text", NEITHER)
def test_neither(text: str) -> None:
    assert Policy().on_heard(text, typed=False, final=True, speaking=True) is None


@pytest.mark.parametrize(
    ("text", "speaking", "command"),
    [
        ("stop", True, "quiet"),
        ("stop", False, None),  # it may become "stop the bus"
        ("stop talking", False, "quiet"),
        ("be quiet", False, "quiet"),
        ("be", True, None),
        ("goodbye", True, None),  # not urgent: wait until it is certain
    ],
)
def test_before_the_words_are_final(text: str, speaking: bool, command: str | None) -> None:
    assert Policy().on_heard(text, typed=False, final=False, speaking=speaking) == command


def test_long_text_costs_nothing_and_is_nothing() -> None:
    assert Policy().on_heard("stop " * 3000, typed=True, final=True, speaking=True) is None


def test_phrases_pass() -> None:
    assert Policy().before_spoken(" Hello.") == " Hello."
