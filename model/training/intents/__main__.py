"""`python -m model.training.intents`: fit the probe that tells requests of the eyes from the rest.

    python -m model.training.intents --language language-0.5b        # some twenty minutes

Which templates are fitted on and which are held out, how slots are filled and in what conversation
a sentence is said are drawn from the seed. What Language makes of the sentences is kept beside the
output while it is worked on, so that a run that was killed goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.interaction.intent import INTENTS, SHIPPED, Intent, Intents
from model.interaction.language import Language
from model.training.intents.fit import fitted, judged, owned, saved, wanted
from model.training.intents.sentences import Sentence, gather, held_out
from model.training.intents.states import A_CONTEXT, contexts, states
from model.weights.store import folder

__all__ = ["main"]

DECAYS: Final = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
LAYER_SHARES: Final = (1 / 3, 1 / 2)
"""How far up the layers are that are read: see docs/eyes.md for others."""


def _name(intent: Intent) -> str:
    named = f"{intent.which} {intent.kind} {intent.way}".strip()
    return named if intent.what == "watch" else intent.what


def _states(language: Language, sentences: Sequence[Sentence], seed: int, path: Path) -> Tensor:
    """States of all sentences, kept context by context."""
    known = load_file(path)["states"] if path.is_file() else None
    done = 0 if known is None else len(known)
    found = [] if known is None else [known]
    places = contexts(sentences, seed)
    for at in range(0, len(sentences), A_CONTEXT):
        some = sentences[at : at + A_CONTEXT]
        if at < done:
            next(places)
            continue
        found.append(states(language, some, places))
        sys.stderr.write(f"\r{at + len(some)} of {len(sentences)} sentences read")
        sys.stderr.flush()
        save_file({"states": torch.cat(found)}, path)
    sys.stderr.write("\n")
    return torch.cat(found)


def _told(probe: Intents, x: Tensor, sentences: Sequence[Sentence]) -> dict[str, Any]:
    """How well held-out sentences are judged, and which are not."""
    found = judged(probe, x).argmax(1).tolist()
    right: Counter[str] = Counter()
    wrong = []
    for place, one in zip(found, sentences, strict=True):
        right[_name(one.intent)] += INTENTS[place] == one.intent
        if INTENTS[place] != one.intent:
            wrong.append(f"{one.text} | {_name(one.intent)} | {_name(INTENTS[place])}")
    every = Counter(_name(one.intent) for one in sentences)
    watches = [
        (state, one) for state, one in zip(x, sentences, strict=True) if one.intent.what == "watch"
    ]
    own = [one.text for state, one in watches if (probe.own(state) > 0.5) != one.own]
    return {
        "right": sum(right.values()) / len(sentences),
        "by_intent": {name: f"{right[name]} of {every[name]}" for name in sorted(every)},
        "own_words": f"{len(watches) - len(own)} of {len(watches)}",
        "wrong": wrong,
        "own_words_wrong": own,
    }


def main(words: Sequence[str] | None = None) -> int:
    """Fit, and write the probe with a card beside it."""
    parser = argparse.ArgumentParser(prog="python -m model.training.intents", description=__doc__)
    parser.add_argument("--language", default="language-0.5b")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--layers", type=int, nargs="+", help="by default a third and half up")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    chosen = parser.parse_args(words)
    language = Language.load(folder(chosen.language), rows=1, threads=chosen.threads)
    usual = (round(language.layers * share) - 1 for share in LAYER_SHARES)
    language.thoughts.layers = tuple(chosen.layers or usual)
    sentences = gather(chosen.seed)
    texts = json.dumps([language.thoughts.layers, chosen.seed, [one.text for one in sentences]])
    made_of = hashlib.sha256(texts.encode()).hexdigest()[:12]
    chosen.out.mkdir(parents=True, exist_ok=True)
    kept = chosen.out / f"{chosen.language}.states-{made_of}.partial"
    with torch.inference_mode():
        x = _states(language, sentences, chosen.seed, kept)
    fit_on, apart = held_out(sentences, chosen.seed)
    place = {id(one): number for number, one in enumerate(sentences)}
    on, off = (torch.tensor([place[id(one)] for one in some]) for some in (fit_on, apart))
    probes = {
        decay: fitted(x[on].clone(), wanted(fit_on), owned(fit_on), language.thoughts.layers, decay)
        for decay in DECAYS
    }
    losses = {
        decay: float(torch.nn.functional.nll_loss(judged(one, x[off]).log(), wanted(apart)))
        for decay, one in probes.items()
    }
    best = min(losses, key=lambda decay: losses[decay])
    card = {
        "language": chosen.language,
        "layers": language.thoughts.layers,
        "seed": chosen.seed,
        "decay": best,
        "sentences": len(sentences),
        "held_out": len(apart),
        "data": made_of,
        "held_out_loss": losses,
        **_told(probes[best], x[off], apart),
    }
    # What is told is of templates that were held out; what is shipped has read them, too.
    layers = language.thoughts.layers
    whole = fitted(x.clone(), wanted(sentences), owned(sentences), layers, best)
    saved(whole, chosen.out / f"{chosen.language}.safetensors", {"data": made_of})
    text = json.dumps(card, indent=1, ensure_ascii=False)
    (chosen.out / f"{chosen.language}.json").write_text(text + "\n", "utf-8")
    kept.unlink()
    sys.stdout.write(f"{card['right']:.3f} of {len(apart)} held out are judged rightly\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
