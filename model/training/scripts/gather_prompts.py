"""What the language model is shown when it writes sentences for training, and about what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["KINDS", "SHOWN", "TOPICS"]

KINDS: Final[Mapping[str, str]] = {
    "questions": (
        "You write what people ask aloud, in everyday spoken English. For a topic, write "
        "six different short questions, one a line, each starting in another way."
    ),
    "requests": (
        "You write what people ask others to do, in everyday spoken English. For a topic, "
        "write six different short requests, one a line, each starting in another way."
    ),
    "statements": (
        "You write what people tell about their own lives, in everyday spoken English. For "
        "a topic, write six different short sentences, one a line, each starting in another "
        "way."
    ),
    "long_turns": (
        "You write long sentences as people say them, in everyday spoken English. For a "
        "topic, write five different long sentences of two or three clauses, one a line."
    ),
    "answers": (
        "You write what a helpful friend replies, in everyday spoken English. For a topic, "
        "write six different short pieces of advice or knowledge, one a line."
    ),
}

SHOWN: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "questions": {
        "candles": (
            "How long does a candle like that burn?",
            "Are they safe next to a curtain?",
            "What makes the blue ones smell so strong?",
            "Should I trim the wick every time?",
            "Which shop still sells beeswax ones?",
            "Is there a trick to get wax off a table?",
        ),
        "neighbours": (
            "Who lives above us now?",
            "Do you think the music bothers them?",
            "When is it all right to use a drill?",
            "Has anybody seen the man from number five?",
            "Could their dog have dug that hole?",
            "Why did they paint the fence twice?",
        ),
    },
    "requests": {
        "candles": (
            "Order a dozen white candles for me.",
            "Tell me which ones burn the longest.",
            "Remind me to blow them out at eleven.",
            "Please explain how wax is made.",
            "Help me find a holder for this tall one.",
            "Look up the price of the big red ones.",
        ),
        "neighbours": (
            "Write a friendly note to the people upstairs.",
            "Let me know when the noise stops.",
            "Find out who owns the grey car.",
            "Invite the whole floor for Friday.",
            "Give me a polite way to complain.",
            "Please keep an eye on their parcels.",
        ),
    },
    "statements": {
        "candles": (
            "I lit the last one yesterday.",
            "My mother used to make her own.",
            "There is wax all over the carpet.",
            "The smell always gives me a headache.",
            "We never had electric light in the cabin.",
            "This one has been burning since noon.",
        ),
        "neighbours": (
            "They moved in three weeks ago.",
            "Nobody on our floor says hello.",
            "The boy next door plays the drums.",
            "I gave her the spare key.",
            "Our wall is as thin as paper.",
            "Somebody took my bike again.",
        ),
    },
    "long_turns": {
        "candles": (
            (
                "When the power went out last winter, we sat around one candle and told "
                "stories until it was light."
            ),
            (
                "I would buy the expensive ones, but they burn just as quickly as those from "
                "the supermarket."
            ),
            (
                "Do you know a way to clean the glass, because I have tried hot water and it "
                "did nothing?"
            ),
            (
                "If you leave it in the window for too long, the sun bends it until it looks "
                "like a banana."
            ),
            ("My brother says the smell goes away, although I can still notice it after a week."),
        ),
        "neighbours": (
            (
                "The woman who lives below us came up last night and asked whether we had "
                "moved the piano."
            ),
            ("Every time I take out the rubbish, he is already standing there and wants to talk."),
            (
                "Should I ring the bell and say something, or is it better to wait until they "
                "notice?"
            ),
            (
                "We thought the flat was empty, so you can imagine how we jumped when the "
                "radio started."
            ),
            "Although they are very kind, I would never leave them alone with the cat.",
        ),
    },
    "answers": {
        "candles": (
            "Cut the wick before you light it again.",
            "A cold one drips less, so put it in the fridge first.",
            "Most of the smell comes from the wick, not from the wax.",
            "Keep it away from the window and it will burn evenly.",
            "Beeswax is dearer, but it lasts twice as long.",
            "I would put a plate under it, just in case.",
        ),
        "neighbours": (
            "I would talk to them before you write anything.",
            "A small gift often helps more than a complaint.",
            "In most houses drilling is fine until the evening.",
            "Perhaps they do not know how thin the walls are.",
            "You could ask the owner who is responsible for the stairs.",
            "That sounds tiring, but it may get better soon.",
        ),
    },
}

TOPICS: Final = (
    "gardening", "breakfast", "a long train journey", "the dentist", "learning to drive", "rain",
    "a birthday cake", "an old sofa", "moving house", "homework", "a lost wallet", "camping",
    "the school run", "a new phone", "soup", "the stars", "a noisy fridge", "running shoes",
    "a letter from the bank", "dogs", "teeth", "a job interview", "painting a wall",
    "jigsaw puzzles", "the gym", "flying", "a wedding speech", "bread", "a broken window",
    "spiders", "coffee", "a bus that never comes", "singing in a choir", "snow", "a flat tyre",
    "grandparents", "sleep", "the news", "chess", "a rented car", "cutting hair", "museums",
    "a bad cold", "tea", "bicycles", "learning Spanish", "a computer that is slow",
    "saving money", "fishing", "apples", "dancing", "a forgotten password", "the sea", "cats",
    "a film with a sad end", "board games", "onions", "a leaking tap", "maps", "an alarm clock",
    "birds", "writing a diary", "taxes", "picnics", "the moon", "a crying baby",
    "hospital visits", "horses", "knees that hurt", "a broken zip", "mushrooms",
    "a surprise party", "the office", "colleagues", "trains in winter", "the library",
    "shopping lists", "cheese", "a cracked screen", "photographs", "football", "the opera",
    "honey", "an early flight", "the garage", "a stubborn child", "second hand clothes",
    "earache", "rivers", "a power cut", "the lift", "umbrellas", "history lessons",
    "a hole in the roof", "keys", "clouds", "rice", "a speech at work", "swimming lessons",
    "the post office", "allergies", "lemons", "radio", "old friends", "a parking ticket", "eggs",
    "the dishwasher", "hiking boots", "whales", "glasses", "a delayed parcel", "recycling",
    "the piano", "sunburn", "potatoes", "a blind date", "insurance", "ants in the kitchen",
    "the night shift", "learning to cook", "a visit from the parents", "thunder",
    "the village fair", "sewing", "a long queue", "doctors", "beans", "winter coats",
    "a heavy suitcase", "elections", "castles", "music lessons", "the internet", "wasps",
    "stairs",
)  # fmt: skip
