"""Language's own belief about what a person has said so far: is it a whole thought, is it all?

The only definition of the streams `belief` and `message`; live and in training the same. A small
decoder reads the words so far, as Ears tells them and as they are revised, as the open turn of a
person in a chat that has shown it some whole utterances. The belief is the share of its next token
that would end the utterance: a mark that ends a sentence, a new line, or the end of the turn. It is
spread by its usual value (`EVEN`), so that small shares can be told apart.

Of five forms measured on 424 silences of dev (ends against pauses, 0.4 s after the last voice, late
and wrong words included) this one was best, AUC .781; without examples .779, a list of lines .766,
the end of the turn alone instead of all marks .648.

What ends as a sentence may be the first of a story. So the decoder is shown a full stop behind the
words, too, and the share of the end of the turn behind it is the stream `message`: whether whoever
says that has said all. On 60 each of training's sentences it tells the first one of a story from
other statements with an area of .81 (from questions .98), where the share of the full stop itself
has .55.

Update rule. Every hypothesis of Ears with words in it is judged; what it shares with the one before
is not read again. The result enters when it is ready, not before the next micro-turn, and holds,
with growing age, until the next. When a segment of speech is closed (`hearing.closed`) the row is
reset, and from the micro-turn in which its last words are told there is no belief. What the person
was told before does not count, nor how long ago it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import torch
from torch import Tensor

from model.engine.pieces import PAUSE
from model.interaction.chat import ChatTokens
from model.interaction.parts import Pieces
from model.nn.checkpoint import load_decoder
from model.nn.decoder import Decoder, Look
from model.nn.kv_cache import fork_row, new_state

__all__ = ["EVEN", "EXAMPLES", "INSTRUCTIONS", "Belief", "Opinion", "plain", "spread"]

INSTRUCTIONS: Final = "You listen to a person and answer when they are done."

EXAMPLES: Final = (
    "What is the weather going to be like in the afternoon?",
    "Yes, please.",
    "Um, I was looking for the, uh, the train that leaves after lunch.",
    "Could you turn the music down a little?",
    "My sister is visiting us next week, and I have not tidied up yet.",
    "If it is not too much trouble, I would like to hear it once more.",
    "Okay, thanks.",
)
"""Whole utterances with what speech has: fillers, clauses before the main one, short answers."""

EVEN: Final = 0.08
"""A share of the next token that speaks for neither; it becomes a belief of one half."""

PART_WORDS: Final = 48
"""Of a long turn the last one or two parts of so many words are read, cut where parts begin."""

WINDOW_TOKENS: Final = 448
DRAFT_TOKENS: Final = 64

_ANSWER: Final = "All right."
_MARKS: Final = ".?!"
_NOT_SAID: Final = " .,;:?!…-–—\"'"
_SPAN_STEP: Final = 64


def plain(words: Sequence[str]) -> str:
    """The text that is judged: recognised words without what stands behind the last of them.

    Ears ends whatever it has with a full stop or dots; that is no opinion of the person's.
    """
    first = max(len(words) // PART_WORDS - 1, 0) * PART_WORDS
    return " ".join(word.strip() for word in words[first:]).rstrip(_NOT_SAID)


def spread(share: float) -> float:
    """The belief of a share of the next token, both in [0, 1]: odds against `EVEN`, not against 1.

    Raises:
        ValueError: not a share.
    """
    if not 0.0 <= share <= 1.0 + 1e-4:
        raise ValueError(f"{share} is no share of a whole")
    share = min(share, 1.0)
    return share / (share + EVEN)


class Opinion(NamedTuple):
    """About a text, both in [0, 1].

    Attributes:
        finished: that it is a whole thought; the stream `belief`.
        message: that nothing more is said if it is; the stream `message`.
    """

    finished: float
    message: float


class Belief:
    """Rows of a decoder, each reading one person's words. Not for several threads at once.

    A judgement that is abandoned between its pieces never happened.

    Args:
        decoder: reads; see `load`.
        tokens: of its vocabulary.
        ends: ids of the tokens that end an utterance, see `ending_tokens`.
        rows: how many persons are listened to.
    """

    def __init__(
        self, decoder: Decoder, tokens: ChatTokens, ends: Sequence[int], rows: int
    ) -> None:
        device = decoder.norm.device
        self.rows = rows
        self._decoder = decoder
        self._tokens = tokens
        self._state = new_state(
            decoder.config, rows, WINDOW_TOKENS, DRAFT_TOKENS, device, decoder.norm.dtype
        )
        self._ends = torch.tensor(ends, device=device)
        self._over = torch.tensor(list(decoder.config.end_token_ids), device=device)
        self._stop = tokens.encode(".")
        shown = [(example, _ANSWER) for example in EXAMPLES]
        self._opening = [*tokens.prefix(INSTRUCTIONS, shown), *tokens.person_open("")]
        self._held: list[list[int]] = [[] for _ in range(rows)]
        self._shares: list[tuple[float, float] | None] = [None] * rows
        self._open()

    @classmethod
    def load(cls, folder: Path, rows: int, device: str = "auto") -> Belief:
        """Load a converted part, `language-135m` (`model/weights/README.md`).

        Raises:
            FileNotFoundError: the part is not there or not converted.
        """
        from tokenizers import Tokenizer

        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        decoder = load_decoder(folder, device)
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        ends = ending_tokens(tokenizer.get_vocab(), decoder.config.end_token_ids)
        return cls(decoder, ChatTokens(tokenizer, decoder.config.end_token_ids), ends, rows)

    def reset(self, row: int) -> None:
        """Nothing has been said in the row: its segment was closed, or it is another stream's."""
        self._held[row] = list(self._opening)
        self._shares[row] = None

    def judge(self, rows: Sequence[int], texts: Sequence[str]) -> Pieces[list[Opinion]]:
        """What is to be thought of texts (see `plain`), each in a row of its own.

        It may be cut after any layer. What a row's last text and this one begin with alike is not
        read again. Live one row is judged at a time, which keeps replays bitwise.

        Raises:
            ValueError: rows and texts do not match, a row is named twice, or a text is empty.
        """
        if len(rows) != len(texts) or len(set(rows)) != len(rows) or not all(texts):
            raise ValueError("give every row, once, a text with something in it")
        wanted = [[*self._opening, *self._read_as(text)] for text in texts]
        todo = [
            place
            for place, row in enumerate(rows)
            if self._shares[row] is None or self._held[row] != wanted[place]
        ]
        if self._fits([rows[i] for i in todo], [wanted[i] for i in todo]):
            yield from self._read([rows[i] for i in todo], [wanted[i] for i in todo])
        else:
            for place in todo:
                yield from self._read([rows[place]], [wanted[place]])
        found = [self._shares[row] or (0.0, 0.0) for row in rows]
        return [Opinion(spread(share), min(over, 1.0)) for share, over in found]

    # ---- inside --------------------------------------------------------------------------------

    def _read_as(self, text: str) -> list[int]:
        ids = self._tokens.encode(text)
        # Letters of no language can take a token each: what is read stays bounded.
        room = WINDOW_TOKENS - len(self._opening) - len(self._stop)
        return [*ids[-room:], *self._stop]

    def _open(self) -> None:
        """Read the opening once, and copy it to all rows: they begin bitwise alike."""
        for _ in self._read([0], [self._opening]):
            pass
        for row in range(1, self.rows):
            fork_row(self._state, 0, row, len(self._opening))
        for row in range(self.rows):
            self.reset(row)

    def _starts(self, rows: Sequence[int], wanted: Sequence[list[int]]) -> list[int]:
        """The first token of each row that must be read: at least the last of its text."""
        pairs, last = zip(rows, wanted, strict=True), 1 + len(self._stop)
        return [min(_shared(self._held[row], ids), len(ids) - last) for row, ids in pairs]

    def _fits(self, rows: Sequence[int], wanted: Sequence[list[int]]) -> bool:
        """Whether all can be read together: the filling of the short ones needs room, too."""
        starts = self._starts(rows, wanted)
        width = max(
            (len(ids) - start for ids, start in zip(wanted, starts, strict=True)), default=0
        )
        return bool(rows) and max(starts) + width <= self._state.capacity

    def _read(self, rows: Sequence[int], wanted: Sequence[list[int]]) -> Pieces[None]:
        starts = self._starts(rows, wanted)
        for row, ids, start in zip(rows, wanted, starts, strict=True):
            # From here on whatever lies behind is being overwritten.
            self._held[row], self._shares[row] = ids[:start], None
        fresh = [ids[start:] for ids, start in zip(wanted, starts, strict=True)]
        width = max(map(len, fresh))
        # Shorter ones are filled up; nothing looks ahead, and the filling is written over.
        filled = [ids + ids[-1:] * (width - len(ids)) for ids in fresh]
        with torch.inference_mode():
            where = self._tensor(rows)
            x, reading = self._decoder.begin(
                self._state,
                self._tensor(filled),
                self._tensor(starts),
                where,
                torch.ones_like(where, dtype=torch.bool),
                self._looks(rows, max(starts) + width),
            )
        for number in range(self._decoder.config.num_hidden_layers):
            with torch.inference_mode():
                x = self._decoder.layer(number, x, self._state, reading)
            yield PAUSE
        shares = self._shares_of(x, [len(ids) - 1 for ids in fresh])
        for row, ids, share in zip(rows, wanted, shares, strict=True):
            self._held[row], self._shares[row] = ids, share

    @torch.inference_mode()
    def _shares_of(self, x: Tensor, last: Sequence[int]) -> list[tuple[float, float]]:
        """Of each row of `[rows, tokens, …]`: the share of the ending tokens before the full stop,
        which token `last` is, and of the end of the turn behind it."""
        place = self._tensor(last)
        each = torch.arange(len(last), device=x.device)
        behind = torch.cat([x[each, place - len(self._stop)], x[each, place]])
        before, after = self._decoder.finish(behind).softmax(-1).chunk(2)
        ended, over = before[:, self._ends].sum(-1), after[:, self._over].sum(-1)
        return list(zip(ended.tolist(), over.tolist(), strict=True))

    def _looks(self, rows: Sequence[int], end: int) -> tuple[Look, ...]:
        span = min(-(-end // _SPAN_STEP) * _SPAN_STEP, self._state.capacity)
        first = rows[0]
        if list(rows) == list(range(first, first + len(rows))):
            batch = slice(0, len(rows))
            return (Look(batch, slice(first, first + len(rows)), span, False),)
        return tuple(
            Look(slice(at, at + 1), slice(row, row + 1), span, False) for at, row in enumerate(rows)
        )

    def _tensor(self, ints: Sequence[int] | Sequence[Sequence[int]]) -> Tensor:
        return torch.tensor(ints, dtype=torch.int64, device=self._ends.device)


def ending_tokens(vocabulary: dict[str, int], end_ids: Sequence[int]) -> list[int]:
    """Ids of tokens that end an utterance, of a byte-level vocabulary; dots that trail off do not.

    A mark must end the sentence: what goes on behind it (".com", ".5") does not count.
    """
    found = set(end_ids)
    for text, number in vocabulary.items():
        ends = text[0] in _MARKS and text[1:2] != "." and not any(map(str.isalnum, text[1:]))
        if ends or text[0] == "Ċ":  # How these vocabularies write a new line.
            found.add(number)
    return sorted(found)


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
