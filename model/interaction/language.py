"""Language: rows of one decoder that read, answer, forget and fork, behind `LanguagePart`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from model.engine.pieces import PAUSE
from model.interaction.chat import ChatTokens, TextStream
from model.interaction.parts import BeyondWindow, Pieces
from model.interaction.prompt import DEFAULT_EXAMPLES, DEFAULT_INSTRUCTIONS
from model.nn.checkpoint import load_decoder
from model.nn.decoder import Decoder, Look
from model.nn.kv_cache import (
    DecoderState,
    first_visible,
    fork_row,
    new_state,
    oldest_kept,
    reset_row,
    slots,
)
from model.nn.sampling import Sampling

__all__ = ["BeyondWindow", "DEFAULT_SAMPLING", "Language"]

DEFAULT_SAMPLING: Final = Sampling(temperature=0.0, repetition_penalty=1.05)
"""The likeliest token: small models wander at higher temperatures; the penalty ends loops."""

_CHUNK_TOKENS: Final = 64
_SPAN_STEP: Final = 256


class Language:
    """A decoder, its tokenizer and the memory of its rows.

    Not for several threads at once. While an `append` is under way its row must be left alone;
    other rows may go on. An `append` that is abandoned never happened.
    """

    def __init__(
        self,
        decoder: Decoder,
        tokens: ChatTokens,
        state: DecoderState,
        sampling: Sampling = DEFAULT_SAMPLING,
        seed: int = 0,
    ) -> None:
        self.rows = state.rows
        self.tokens = tokens
        self.sampling = sampling
        self._decoder = decoder
        self._state = state
        self._seed = seed
        self._device = state.lengths.device
        # Mirrors of what the state holds, so that no question waits for the device; `_written`
        # is one past the last position ever written since the row was empty.
        self._lengths = [0] * state.rows
        self._written = [0] * state.rows
        self._pinned = [0] * state.rows
        state.seeds.fill_(seed)

    @classmethod
    def load(
        cls,
        folder: Path,
        rows: int,
        device: str = "auto",
        threads: int | None = None,
        *,
        seed: int = 0,
        window: int = 2048,
        draft: int = 256,
        weights: str = "int8",
    ) -> Language:
        """Load a converted part (`model/weights/README.md`).

        Args:
            folder: the part's folder.
            rows: how many texts are held at once.
            device: "cpu", "cuda", … or "auto": an accelerator where there is one.
            threads: torch's threads for the whole process; `None` leaves them.
            seed: of every row after a reset.
            window: how many tokens a token sees.
            draft: how many tokens can always be forgotten.
            weights: "int8" or "float32", the file that is read.

        Raises:
            FileNotFoundError: the part is not there or not converted.
            ValueError: it is of another format, or not a ChatML model.
        """
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        threads = threads or torch.get_num_threads()
        torch.set_num_threads(max(threads, os.cpu_count() or 1))  # Packing is most of the time.
        try:
            decoder = load_decoder(folder, device, weights)
        finally:
            torch.set_num_threads(threads)
        tokens = ChatTokens.from_file(folder / "tokenizer.json", decoder.config.end_token_ids)
        dtype = decoder.norm.dtype
        state = new_state(decoder.config, rows, window, draft, device, dtype)
        return cls(decoder, tokens, state, seed=seed)

    # ---- text ----------------------------------------------------------------------------------

    def encode(self, text: str) -> list[int]:
        """Token ids of plain text; special tokens in it are not special."""
        return self.tokens.encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of token ids, special tokens left out."""
        return self.tokens.decode(ids)

    def text_stream(self) -> TextStream:
        """Turns the tokens of one reply into text piece by piece."""
        return TextStream(self.tokens)

    def chat_prefix(self, instructions: str = "") -> list[int]:
        """What stands before a conversation; none or the default instructions add examples.

        Raises:
            ValueError: it would take more than half of the window.
        """
        usual = instructions in ("", DEFAULT_INSTRUCTIONS)
        examples = DEFAULT_EXAMPLES if usual else ()
        ids = self.tokens.prefix(instructions or DEFAULT_INSTRUCTIONS, examples)
        if len(ids) > self._state.window // 2:
            raise ValueError(
                f"the instructions are {len(ids)} tokens long, at most {self._state.window // 2} "
                "fit: shorten them"
            )
        return ids

    def person_turn(self, text: str) -> list[int]:
        """What the person said, whole."""
        return self.tokens.person_turn(text)

    def person_open(self, text: str) -> list[int]:
        """What the person has said so far; their turn is still open."""
        return self.tokens.person_open(text)

    def agent_open(self) -> list[int]:
        """What stands before a reply."""
        return self.tokens.agent_open()

    def agent_close(self, cut: bool) -> list[int]:
        """What stands after a reply; a mark before it when the person cut it off."""
        return self.tokens.agent_close(cut)

    def note(self, text: str) -> list[int]:
        """Something the model should know without having heard it."""
        return self.tokens.note(text)

    def is_end(self, token: int) -> bool:
        """Whether a sampled token ends the reply; it is no part of its text."""
        return self.tokens.is_end(token)

    # ---- rows ----------------------------------------------------------------------------------

    def length(self, row: int) -> int:
        """Committed tokens in the row."""
        return self._lengths[row]

    def held(self, row: int) -> list[int]:
        """The token ids that the row still sees, oldest first."""
        length, pinned = self._lengths[row], self._pinned[row]
        first = max(first_visible(length, pinned, self._state.window), pinned)
        at = torch.tensor([[*range(min(pinned, length)), *range(first, length)]])
        where = slots(at.to(self._device), self._state.pinned[row : row + 1], self._state.capacity)
        ids: list[int] = self._state.tokens[row, where[0]].tolist()
        return ids

    def append(self, row: int, ids: Sequence[int]) -> Pieces[None]:
        """Read tokens into a row; it may be cut after any layer.

        Raises:
            ValueError: an id is not of this vocabulary.
            RuntimeError: the row changed while it was being read into.
        """
        if not ids:
            return
        if min(ids) < 0 or max(ids) >= self._decoder.config.vocab_size:
            raise ValueError("token ids are not of this model's vocabulary")
        start = self._lengths[row]
        end = start + len(ids)
        known = [self._last_token(row)] if start else []
        unread = [*known, *ids][:-1]
        position = max(start - 1, 0)
        for at in range(0, len(unread), _CHUNK_TOKENS):
            chunk = unread[at : at + _CHUNK_TOKENS]
            yield from self._read(row, position + at, chunk)
            if self._lengths[row] != start:
                raise RuntimeError(f"row {row} changed while it was being read into")
        self._put(row, end - 1, [ids[-1]])
        self._lengths[row] = end
        self._state.lengths[row] = end
        self._state.spoken[row] = 0

    def next_tokens(self, rows: Sequence[int]) -> list[int]:
        """Sample one token for each row and append it; one batched step.

        A row's token does not depend on the other rows.
        """
        if not rows:
            return []
        if any(self._lengths[row] == 0 for row in rows) or len(set(rows)) != len(rows):
            raise ValueError("rows must be different and hold at least one token each")
        for row in rows:
            self._written[row] = max(self._written[row], self._lengths[row] + 1)
        chosen, active, looks = self._together(rows)
        tokens = self._decoder.step(self._state, chosen, active, self.sampling, looks).tolist()
        for row in rows:
            self._lengths[row] += 1
        return tokens if looks else [tokens[row] for row in rows]

    def finished_probability(self, row: int) -> float:
        """How likely the open turn in the row (see `person_open`) ends here, in [0, 1]."""
        if self._lengths[row] == 0:
            raise ValueError("the row is empty: append something first")
        chosen, active, looks = self._together([row])
        logits = self._decoder.logits(self._state, chosen, active, looks)
        shares = logits[0 if looks else row].softmax(-1)
        return float(shares[list(self._decoder.config.end_token_ids)].sum())

    def pin(self, row: int, length: int) -> None:
        """Keep the first `length` tokens of the row visible for ever.

        Raises:
            ValueError: the row is shorter, has already slid, or half of the window would go.
        """
        if length > self._lengths[row] or length > self._state.window // 2:
            raise ValueError("pin at most what the row holds and half of the window")
        if self._written[row] > self._state.capacity:
            raise ValueError("pin the prefix before the row outgrows its window")
        self._set_pinned(row, length)

    def seed(self, row: int, seed: int) -> None:
        """Set the row's noise, an int in [0, 2**32); a reset sets it back."""
        self._state.seeds[row] = seed

    def truncate(self, row: int, length: int) -> None:
        """Forget all tokens from `length` on.

        Raises:
            ValueError: the row is shorter than that.
            BeyondWindow: part of the window at `length` is overwritten. Going back by up to
                `draft` tokens from the longest the row ever was always works.
        """
        if not 0 <= length <= self._lengths[row]:
            raise ValueError(f"row {row} holds {self._lengths[row]} tokens, not {length}")
        if length <= self._pinned[row]:
            self._set_pinned(row, length)
            self._written[row] = length
        kept = oldest_kept(self._written[row], self._pinned[row], self._state.capacity)
        if first_visible(length, self._pinned[row], self._state.window) < kept:
            raise BeyondWindow(
                f"row {row} cannot go back to {length}: tokens before {kept} are overwritten; "
                "reset it and read the text again"
            )
        if length < self._lengths[row]:
            self._lengths[row] = length
            self._state.lengths[row] = length
            self._state.spoken[row] = 0

    def fork(self, source: int, target: int) -> None:
        """Make row `target` a copy of row `source`."""
        if source == target:
            return
        used = max(self._written[source], self._written[target])
        fork_row(self._state, source, target, used)
        for mirror in (self._lengths, self._written, self._pinned):
            mirror[target] = mirror[source]

    def reset(self, row: int) -> None:
        """Empty the row."""
        reset_row(self._state, row, self._written[row])
        self._state.seeds[row] = self._seed
        for mirror in (self._lengths, self._written, self._pinned):
            mirror[row] = 0

    # ---- inside --------------------------------------------------------------------------------

    def _read(self, row: int, position: int, chunk: list[int]) -> Pieces[None]:
        """One pass over at most a chunk of tokens, with a pause after each layer."""
        self._put(row, position, chunk)
        end = position + len(chunk)
        look = (self._look(row, 0, end),)
        x, reading = self._decoder.begin(
            self._state,
            self._tensor([chunk]),
            self._tensor([position]),
            self._tensor([row]),
            torch.ones(1, dtype=torch.bool, device=self._device),
            look,
        )
        for number in range(self._decoder.config.num_hidden_layers):
            x = self._decoder.layer(number, x, self._state, reading)
            yield PAUSE

    def _together(self, rows: Sequence[int]) -> tuple[Tensor, Tensor, tuple[Look, ...] | None]:
        """A batch: on the CPU these rows, each over its own slots; elsewhere all rows, masked."""
        if self._device.type == "cpu":
            looks = tuple(self._look(row, at, self._lengths[row]) for at, row in enumerate(rows))
            return self._tensor(rows), torch.ones(len(rows), dtype=torch.bool), looks
        active = torch.zeros(self.rows, dtype=torch.bool)
        active[list(rows)] = True
        return torch.arange(self.rows, device=self._device), active.to(self._device), None

    def _look(self, row: int, at: int, end: int) -> Look:
        """One row, place `at` of a batch, that holds `end` tokens."""
        state = self._state
        span = min(-(-end // _SPAN_STEP) * _SPAN_STEP, state.capacity)
        return Look(slice(at, at + 1), slice(row, row + 1), span, end > state.window)

    def _put(self, row: int, position: int, ids: list[int]) -> None:
        """Write ids at positions, beyond the row's length or what stands there already."""
        self._written[row] = max(self._written[row], position + len(ids))
        at = torch.arange(position, position + len(ids), device=self._device).unsqueeze(0)
        where = slots(at, self._state.pinned[row : row + 1], self._state.capacity)
        self._state.tokens[row, where[0]] = self._tensor(ids)

    def _last_token(self, row: int) -> int:
        at = self._tensor([[self._lengths[row] - 1]])
        where = slots(at, self._state.pinned[row : row + 1], self._state.capacity)
        return int(self._state.tokens[row, where[0, 0]])

    def _set_pinned(self, row: int, length: int) -> None:
        self._pinned[row] = length
        self._state.pinned[row] = length

    def _tensor(self, ints: Sequence[int] | Sequence[Sequence[int]]) -> Tensor:
        return torch.tensor(ints, dtype=torch.int64, device=self._device)
