"""Language: rows of one decoder that read, answer, forget and fork, behind `LanguagePart`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch

from model.interaction.chat import ChatTokens, TextStream
from model.interaction.foresight import NO_HABITS, Habits
from model.interaction.language_rows import DEFAULT_SAMPLING, LanguageRows
from model.interaction.parts import BeyondWindow
from model.interaction.prompt import DEFAULT_EXAMPLES, DEFAULT_INSTRUCTIONS
from model.nn.checkpoint import load_decoder
from model.nn.decoder import Decoder
from model.nn.kv_cache import DecoderState, new_state
from model.nn.sampling import Sampling

__all__ = ["BeyondWindow", "DEFAULT_SAMPLING", "Language"]


class Language(LanguageRows):
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
        spare: bool = False,
        habits: Habits = NO_HABITS,
    ) -> None:
        super().__init__(decoder, state, sampling, seed, spare, habits)
        self.tokens = tokens

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
        state = new_state(decoder.config, rows + 1, window, draft, device, dtype)
        habits = Habits.of(folder.name)
        return cls(decoder, tokens, state, seed=seed, spare=True, habits=habits)

    @property
    def layers(self) -> int:
        """How many layers the decoder has."""
        return self._decoder.config.num_hidden_layers

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

    def tool_call(self, name: str, arguments: str) -> list[int]:
        """That a tool was asked for."""
        return self.tokens.note(f"You asked the tool {name} with {arguments}.")

    def tool_answer(self, name: str, text: str, failed: bool, tell: bool) -> list[int]:
        """What a tool answered, or why it did not, for the model to `tell` now or just to know."""
        what = "could not answer" if failed else "answered"
        told = " Tell the person in a sentence." if tell else ""
        return self.tokens.note(f"The tool {name} {what}: {text}{told}")

    def is_end(self, token: int) -> bool:
        """Whether a sampled token ends the reply; it is no part of its text."""
        return self.tokens.is_end(token)
