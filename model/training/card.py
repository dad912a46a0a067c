"""The model card of a checkpoint, in words, from its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["card"]


def card(recipe: Mapping[str, Any], found: Mapping[str, Any], weights: int, size_bytes: int) -> str:
    """Markdown.

    Args:
        recipe: of the run, as exported.
        found: the report on dev.
        weights: how many there are.
        size_bytes: of the file.
    """
    return f"""# Core

The always-on part of Counterpoint: a causal transformer that reads all streams of a conversation,
one token per 100 ms, and says what to do with the floor: listen, take, hold, yield, backchannel.
Trained from scratch in this project; nothing else takes turns.

{_rows(_facts(recipe, found, weights, size_bytes))}
{_note(recipe)}
Made again with `counterpoint train core` and `recipe.json`; killed and resumed it gives the same
bits on the same machine.

## Measured on dev

{found["conversations"]} synthesised conversations, {found["minutes"]:.0f} minutes; voices, noises,
rooms and words are others than in training. The operating point was chosen on the same
conversations: at most {recipe["most_wrong"]:.0%} of the pauses taken and nearly all turns answered,
or what comes nearest to it{_by_hand(recipe)}.
Delays are of the decision alone; what is heard is later by the network and by the time a phrase
takes to begin. The bench's test split decides; these numbers do not.

{_rows(_measured(found))}

## What it is not

* Trained on synthesisers, never on a person: the melody of real hesitation is unknown to it.
* English only; the sound of other languages was never heard.
* It reads what Ears hears: with another recogniser the words' delays and the encoder's states are
  others, and it must be trained again.
* It tells nobody who speaks, and keeps nothing but its window.
"""


def _note(recipe: Mapping[str, Any]) -> str:
    return f"\n{recipe['note']}\n" if recipe.get("note") else ""


def _by_hand(recipe: Mapping[str, Any]) -> str:
    named = recipe.get("by_hand")
    return f"; {', '.join(named)} by hand" if named else ""


def _facts(
    recipe: Mapping[str, Any], found: Mapping[str, Any], weights: int, size_bytes: int
) -> list[tuple[str, Any, Any]]:
    training, data, point = recipe["training"], recipe["data"], found["point"]
    network = training["network"]
    shape = (
        f"{network['layers']} layers, width {network['width']}, {network['heads']} heads, "
        f"window {network['window']} micro-turns ({network['window'] / 10:.1f} s)"
    )
    trained = (
        f"{recipe['steps_done']} of {recipe['steps']} steps of {training['batch']} × "
        f"{training['length']} micro-turns, seed {recipe['seed']}, {training['precision']}"
    )
    for other in recipe.get("mean_with", ()):
        trained += f"; mean with {other['steps_done']} steps of seed {other['seed']}"
    parts = recipe.get("joined", {}).get("parts", ())
    if len(parts) > 1:
        trained += f"; that and {len(parts) - 1} more joined (`recipe.json`)"
    made = f"torch {recipe['torch']}, {recipe['threads']} thread(s), commit {recipe['commit'][:12]}"
    beside = f", with {', '.join(data['parts'])}" if data["parts"] else ""
    shards = (
        f"shards {data['first']} to {data['last']} ({data['shards']}) of synthesised "
        f"conversations{beside}; `model/training/DATA.md`"
    )
    acts = ", ".join(f"{name} {value:.3f}" for name, value in point.items())
    size = f"{weights / 1e6:.2f} million, {recipe['stored']}, {size_bytes / 1e6:.1f} MB"
    return [
        ("weights", size, ""),
        ("shape", shape, ""),
        ("streams", ", ".join(network["streams"]), ""),
        ("trained", trained, ""),
        ("made by", made, ""),
        ("data", shards, ""),
        ("acts from", acts, ""),
        ("licence", "Apache-2.0, as the project", ""),
    ]


def _measured(found: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    turn, pause, stop = found["turn"], found["pause"], found["stop"]
    overlap, short, wrong = found["overlap"], found["backchannel"], found["wrong"]
    matched = found["matched"]
    return [
        ("turn latency, mean / p50", f"{turn['latency_mean_s']} / {turn['latency_p50_s']} s",
         turn["n"]),
        ("turns answered within 3 s", turn["answered"], turn["n"]),
        ("turn latency with 3 s for the others", f"{turn.get('latency_all_s')} s", turn["n"]),
        ("pause take-over", pause["takeover"], pause["n"]),
        ("… where the words so far are no whole thought", pause["takeover_clear"], ""),
        ("mean latency where 5 % / 15 % of the pauses are taken",
         f"{matched['latency_at_0.05']} / {matched['latency_at_0.15']} s", ""),
        ("interruption, decision p50", f"{stop['latency_p50_s']} s", stop["n"]),
        ("interruptions yielded within 2 s", stop["yielded"], stop["n"]),
        ("balance B", overlap["balance"], overlap["n"]),
        ("backchannel F1, gain over the best metronome",
         f"{short['f1']}, {short['f1_gain']}", short["n"]),
        ("turns' ends that get a backchannel", short["misplaced"], turn["n"]),
        ("stretches of speech taken over", wrong["speaking"], ""),
        ("takes in silence, a minute", wrong["silence_per_minute"], ""),
        ("yields to nothing, a minute of ours", wrong["holding_per_minute"], ""),
    ]  # fmt: skip


def _rows(rows: Sequence[tuple[str, Any, Any]]) -> str:
    """A table; the last column is left out where it is empty."""
    counted = any(count != "" for _, _, count in rows)
    lines = ["| | | n |", "|---|---|---|"] if counted else ["| | |", "|---|---|"]
    for name, value, count in rows:
        lines.append(f"| {name} | {value} |" + (f" {count} |" if counted else ""))
    return "\n".join(lines)
