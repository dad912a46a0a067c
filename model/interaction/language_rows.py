"""The rows of Language: one decoder that reads, answers and forgets. Knows tokens, no text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import torch
from torch import Tensor

from model.engine.pieces import PAUSE
from model.interaction.foresight import agreed
from model.interaction.parts import Pieces
from model.interaction.row_memory import DEFAULT_SAMPLING, RowMemory
from model.nn.decoder import Look

__all__ = ["DEFAULT_SAMPLING", "LanguageRows"]

_CHUNK_TOKENS: Final = 64
_CANDIDATES: Final = 128
"""Of the likeliest tokens so many are looked at for one that fits."""


class LanguageRows(RowMemory):
    """A decoder that reads into its rows; what must be left alone while stands with `Language`."""

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

    def begin(self, row: int, prefix: Sequence[int]) -> Pieces[None]:
        """Empty the row, read the prefix and pin it.

        The prefix that was read last is kept where there is a spare row: most conversations begin
        alike, and a copy, which is the same to the bit, takes milliseconds instead of seconds. It
        pauses as often as reading does: a journal says where jobs paused, and its replay may read
        what was copied, or copy what was read.
        """
        self.reset(row)
        if self._spare and self._prefix == tuple(prefix):
            self.fork(self.rows, row)
            layers = self._decoder.config.num_hidden_layers
            for _ in range(-(-(len(prefix) - 1) // _CHUNK_TOKENS) * layers):
                yield PAUSE
            return
        yield from self.append(row, prefix)
        self.keep_prefix(row, prefix)

    def keep_prefix(self, row: int, prefix: Sequence[int]) -> None:
        """Pin the prefix, which is all that the row holds, and keep a copy in the spare row."""
        self.pin(row, len(prefix))
        if self._spare:
            self.fork(row, self.rows)
            self._prefix = tuple(prefix)

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
        if self._foresight is not None:
            self._foresee([row for row in rows if not self._foresight.knows(row)])
            return [self._say(row, self._foresight.take(row)) for row in rows]
        chosen, active, looks = self._together(rows)
        tokens = self._decoder.step(self._state, chosen, active, self.sampling, looks).tolist()
        for row in rows:
            self._lengths[row] += 1
        return tokens if looks else [tokens[row] for row in rows]

    def choose(
        self,
        row: int,
        fits: Callable[[int], bool],
        always: Sequence[int] = (),
        behind: Sequence[int] = (),
        ahead: Sequence[float] = (),
    ) -> Pieces[int]:
        """Append the likeliest token that fits, and return it; -1 when none does.

        Args:
            row: which.
            fits: asked of the likeliest tokens, the likeliest first, until one does.
            always: tokens that fit, however unlikely they are.
            behind: tokens that are appended first, in the same pass: it costs little more.
            ahead: nats by which another token must be likelier than each of the first of `always`.
        """
        rows, end = yield from self._read_on(row, behind)
        logits = rows[0]
        likely = logits.topk(min(_CANDIDATES, len(logits))).indices.tolist()
        found = next((token for token in likely if fits(token)), -1)
        among = [*always, *([found] if found >= 0 else [])]
        for token, nats in zip(always, ahead, strict=False):
            logits[token] += nats
        token = max(among, key=lambda one: float(logits[one]), default=-1)
        if token >= 0:
            self._put(row, end, [token])
        self._lengths[row] = end + (token >= 0)
        self._state.lengths[row] = self._lengths[row]
        self._state.spoken[row] = 0
        return token

    def begin_reply(self, row: int, ids: Sequence[int], earlier: Sequence[int] = ()) -> Pieces[int]:
        """Read tokens into a row that is not empty, and sample the next in the same pass: an
        `append` and a `next_tokens` in less time. What was said `earlier` to nearly the same is
        checked first: it decides when tokens are known, never which."""
        guess: list[int] = []
        if self._foresight is not None:
            guess = self._foresight.guess(row, self._lengths[row], ids, earlier)
        logits, end = yield from self._read_on(row, ids, guess)
        seed = self._state.seeds[row : row + 1]
        token, *more = agreed(logits, guess, [0], 0, seed, end, self.sampling)
        self._put(row, end, [token])
        if self._foresight is not None:
            self._foresight.keep(row, more, earlier)
        self._lengths[row] = end + 1
        self._state.lengths[row] = end + 1
        self._state.spoken[row] = 1
        return token

    def likelihood(self, row: int, ids: Sequence[int], scored: int) -> Pieces[float]:
        """How likely the last `scored` of these ids are behind the row and the ids before them:
        the sum of their logarithms. The row stays as it is; at most `draft` ids."""
        start = self._lengths[row]
        unread = [self._last_token(row), *ids][:-1]
        total = 0.0
        for at in range(0, len(unread), _CHUNK_TOKENS):
            chunk = unread[at : at + _CHUNK_TOKENS]
            x = yield from self._read(row, start - 1 + at, chunk)
            first = max(len(ids) - scored - at, 0)
            if first < len(chunk):
                shares = self._decoder.finish(x[0, first:]).log_softmax(-1)
                wanted = self._tensor(ids[at + first : at + len(chunk)])
                total += float(shares.gather(1, wanted.unsqueeze(1)).sum())
        return total

    def thought(self, row: int, start: int, end: int) -> Tensor:
        """What middle layers made of tokens of the row: see `Thoughts.mean`."""
        return self.thoughts.mean(row, start, end)

    # ---- inside --------------------------------------------------------------------------------

    def _foresee(self, rows: Sequence[int]) -> None:
        """Choose at least the next token of each of these rows."""
        assert self._foresight is not None
        if not rows:
            return
        ahead = self._foresight.count
        lengths = [self._lengths[row] for row in rows]
        for row, length in zip(rows, lengths, strict=True):
            self._written[row] = max(self._written[row], length + ahead)
        looks = tuple(self._look(r, at, self._lengths[r] + ahead) for at, r in enumerate(rows))
        self._foresight.look(rows, lengths, looks, self.sampling)

    def _read(self, row: int, position: int, chunk: list[int]) -> Pieces[Tensor]:
        """One pass over at most a chunk of tokens, with a pause after each layer; what the last
        layer gives, `[1, tokens, hidden]`."""
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
            self.thoughts.take(row, number, position, x[0])
            yield PAUSE
        return x

    def _read_on(
        self, row: int, ids: Sequence[int], guess: Sequence[int] = ()
    ) -> Pieces[tuple[Tensor, int]]:
        """Read the pending token, these and a guess; logits `[1 + len(guess), vocab]` behind these
        and behind each of the guess, and the position of the token behind these."""
        late = ids[-(_CHUNK_TOKENS - 1 - len(guess)) :]
        yield from self.append(row, ids[: len(ids) - len(late)])
        start = self._lengths[row]
        x = yield from self._read(row, start - 1, [self._last_token(row), *late, *guess])
        return self._decoder.finish(x[0, -1 - len(guess) :]), start + len(late)

    def _together(self, rows: Sequence[int]) -> tuple[Tensor, Tensor, tuple[Look, ...] | None]:
        """A batch: on the CPU these rows, each over its own slots; elsewhere all rows, masked."""
        if self._device.type == "cpu":
            looks = tuple(self._look(row, at, self._lengths[row]) for at, row in enumerate(rows))
            return self._tensor(rows), torch.ones(len(rows), dtype=torch.bool), looks
        active = torch.zeros(self._state.rows, dtype=torch.bool)
        active[list(rows)] = True
        return torch.arange(self._state.rows, device=self._device), active.to(self._device), None
