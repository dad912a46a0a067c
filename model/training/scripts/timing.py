"""When people speak: durations drawn from published distributions of human conversation.

Sources (what was taken):
    Stivers et al. 2009, PNAS 106(26): answers to questions in ten languages come 0-200 ms after
        them in the mode; mean 208 ms, English 236 ms.
    Heldner & Edlund 2010, J. Phonetics 38(4): some 40 % of changes of speaker in three corpora are
        overlaps, the rest gaps; the mode of all offsets near +0.2 s; long right tail.
    Levinson & Torreira 2015, Frontiers in Psychology 6:731: offsets in Switchboard; overlaps are
        frequent but short (median about 0.2 s), most are ends of turns or backchannels.
    Campione & Veronis 2002, Speech Prosody: silent pauses are log-normal; medians of spontaneous
        speech near half a second, with a heavy tail.
    Ward & Tsukahara 2000, J. Pragmatics 32(8): backchannels come about 0.7 s after a low pitch
        region begins, that is around the end of a phrase; some listeners give one every 5-10 s.
    Clark & Fox Tree 2002, Cognition 84(1): "uh" before short, "um" before longer delays.
    Shriberg 1994 (thesis), Bortfeld et al. 2001: some 6 disfluencies in 100 words.
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "answer_gap",
    "backchannel_delay",
    "floor_offset",
    "hesitation",
    "pause",
    "stop_delay",
    "thought",
    "transport_delay",
]

Generator = np.random.Generator


def _log_normal(generator: Generator, median: float, sigma: float) -> float:
    return float(median * np.exp(sigma * generator.normal()))


def floor_offset(generator: Generator) -> float:
    """Seconds from the end of what a person hears to their own next turn; negative: overlap.

    Median about 0.2 s, three in ten negative (fewer than Heldner & Edlund's 40 %, which counts
    backchannels, here drawn apart).
    """
    if generator.random() < 0.3:
        return -min(_log_normal(generator, 0.2, 0.6), 1.0)
    return min(_log_normal(generator, 0.3, 0.8), 4.0)


def thought(generator: Generator, chance: float) -> float:
    """Seconds in which a person thinks of what to say next: 0.5 to 12, each doubling alike; 0 for
    who knows it already."""
    if generator.random() >= chance:
        return 0.0
    return float(0.5 * 24.0 ** generator.random())


def answer_gap(generator: Generator, slow: float = 0.0, longest: float = 2.5) -> float:
    """Seconds from the end of the person's turn to our answer, in the conversations shown.

    In a share `slow` of all cases 1 s to `longest`: Language was slow, or nothing was decided.

    Not what is taught, which is to answer at once: late answers show Core what waiting looks like,
    and how late it would be.
    """
    if generator.random() < slow:
        return float(generator.uniform(1.0, longest))
    return float(np.clip(_log_normal(generator, 0.65, 0.6), 0.05, 2.5))


def pause(generator: Generator, least: float = 0.3, most: float = 2.4) -> float:
    """Length of a silent pause inside a turn; one in eight is a person thinking.

    Half of the others are as people's are (most of them short), half are of any length alike: by
    people's alone a silence of .9 s is an end with great odds, whatever was said before it, and a
    threshold that waits for the few long pauses is late everywhere else.
    """
    if generator.random() < 0.12:
        return float(min(generator.uniform(0.9, 2.4), most))
    if generator.random() < 0.5:
        return float(generator.uniform(least, min(most, 1.5)))
    return float(np.clip(_log_normal(generator, 0.6, 0.55), least, min(most, 1.5)))


def stop_delay(generator: Generator, slow: float = 0.0) -> float:
    """Seconds from the onset of an interruption until the interrupted voice stops.

    In a share `slow` of all cases 0.5 to 2 s: what being late looks like, and what it would cost.
    """
    if generator.random() < slow:
        return float(generator.uniform(0.5, 2.0))
    return float(np.clip(_log_normal(generator, 0.4, 0.45), 0.15, 1.5))


def hesitation(generator: Generator, onset: float) -> tuple[float, float]:
    """When, and for how many seconds, who hears a voice begin at `onset` holds their breath."""
    return onset + float(generator.uniform(0.12, 0.5)), float(generator.uniform(0.15, 0.4))


def backchannel_delay(generator: Generator) -> float:
    """Seconds from the end of a phrase to the listener's backchannel; some come early."""
    return float(np.clip(generator.normal(0.2, 0.18), -0.25, 0.7))


def transport_delay(generator: Generator) -> float:
    """Seconds by which the person hears what we sent later: network, buffers, loudspeaker."""
    return float(np.clip(_log_normal(generator, 0.12, 0.5), 0.04, 0.4))
