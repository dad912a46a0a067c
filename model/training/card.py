"""The model card of a checkpoint, in words, from its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from model.training.hesitating import MOST_FALTERED

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
{_again(recipe)}

## Measured on dev

{found["conversations"]} synthesised conversations, {found["minutes"]:.0f} minutes; voices, noises,
rooms and words are others than in training{_known_voices(recipe)}.
{_chosen(recipe)}
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


def _again(recipe: Mapping[str, Any]) -> str:
    """How these weights are made again, if they can be from shards."""
    if "joined" in recipe:
        return ("Made by `counterpoint train join` of the checkpoints that `recipe.json` names by "
                "their digests, and made again from them alone.")  # fmt: skip
    how = ("`counterpoint train core --config recipe.json`, its seed, its steps and the same shards"
           f"{_begun(recipe)}")  # fmt: skip
    bits = "killed and resumed a run gives the same bits on the same machine"
    if recipe.get("mean_with"):
        return (f"The mean of {1 + len(recipe['mean_with'])} runs (`counterpoint train export "
                f"--and`). The first is made again with {how}; the others' configurations are in "
                f"`mean_with` of that file. Of each {bits}.")  # fmt: skip
    return f"Made again with {how}, to step {recipe['steps_done']}; {bits}."


def _begun(recipe: Mapping[str, Any]) -> str:
    digest = recipe.get("begun_with")
    return f", begun with the weights of digest {digest[:12]} (`--begin-with`)" if digest else ""


def _chosen(recipe: Mapping[str, Any]) -> str:
    """By which rule each threshold was set."""
    by_hand = recipe.get("by_hand", ())
    rules = {
        "take": "`take` has the least mean delay, with 3 s for turns that are not answered, where "
        f"at most {recipe['most_wrong']:.0%} of the pauses are taken; where no threshold is within "
        "that, the fewest are",
        "yielding": "`yielding` is the quickest within .01 of the best balance",
        "hesitating": "`hesitating` is the lowest at which we falter at no more than "
        f"{MOST_FALTERED:.0%} of what is rightly talked through and hardly ever for nothing, if it "
        "silences us sooner",
        "backchannel": "`backchannel` has the best F1 less the share of turns' ends that get one",
    }
    told = [rule for name, rule in rules.items() if name not in by_hand]
    where = (
        ["Where it acts was chosen on the same conversations: " + "; ".join(told)] if told else []
    )
    where += [f"By hand: {', '.join(by_hand)}"] if by_hand else []
    return f"{'. '.join(where)}."


def _known_voices(recipe: Mapping[str, Any]) -> str:
    """Held-out voices that a checkpoint from before they were held out was trained on."""
    splits = {one.get("split") for one in recipe.get("dev", {}).values()}
    others = (*recipe.get("mean_with", ()), *recipe.get("joined", {}).get("parts", ()))
    goes_on = any("begun_with" in one for one in (recipe, *others))
    if "dev-natural" not in splits or not goes_on:
        return ""
    return (
        "; but it goes on from other weights, and the checkpoints up to the fourth were trained on "
        "the four voices of `dev-natural` (`model/training/DATA.md`): it may know them"
    )


def _shards(recipe: Mapping[str, Any]) -> str:
    """How a folder's shards were made, as far as it is written down."""
    named = [f"{name} {recipe[name]}" for name in ("recipe", "split", "seed") if name in recipe]
    if refresh := recipe.get("refresh"):
        named.append(f"encoder asked every {refresh} micro-turns")
    elif refresh == 0:
        named.append("encoder absent")
    return ", ".join(named)


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
    made_so = f"; {told}" if (told := _shards(data.get("recipe", {}))) else ""
    shards = (
        f"shards {data['first']} to {data['last']} ({data['shards']}) of synthesised "
        f"conversations{beside}{made_so}; `model/training/DATA.md`"
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
        *_behind_ours(found),
        ("pause take-over", pause["takeover"], pause["n"]),
        ("… where the words so far are no whole thought", pause["takeover_clear"], ""),
        ("mean latency where 5 % / 15 % of the pauses are taken",
         f"{matched['latency_at_0.05']} / {matched['latency_at_0.15']} s", ""),
        ("interruption, decision p50", f"{stop['latency_p50_s']} s", stop["n"]),
        ("interruptions yielded within 2 s", stop["yielded"], stop["n"]),
        *_hesitation(found),
        ("balance B", overlap["balance"], overlap["n"]),
        ("backchannel F1, gain over the best metronome",
         f"{short['f1']}, {short['f1_gain']}", short["n"]),
        ("turns' ends that get a backchannel", short["misplaced"], turn["n"]),
        *_told(short),
        ("stretches of speech taken over", wrong["speaking"], ""),
        ("takes in silence, a minute", wrong["silence_per_minute"], ""),
        ("yields to nothing, a minute of ours", wrong["holding_per_minute"], ""),
    ]  # fmt: skip


def _told(short: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Of what is told sentence after sentence."""
    if not short.get("stories"):
        return []
    return [("stories taken over between two sentences", short["takeover"], short["stories"])]


def _hesitation(found: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Where the voice may stand still."""
    held = found.get("hesitation")
    if held is None or found["point"].get("hesitating", 1.0) >= 1.0:
        return []
    return [
        ("interruption, silent p50 with hesitations / without",
         f"{held['silent_p50_s']} / {held['without_p50_s']} s", ""),
        ("talked through with a hesitation", held["faltered"], ""),
        ("hesitations for nothing, a minute of ours", held["a_minute"], ""),
    ]  # fmt: skip


def _behind_ours(found: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """The same by how long we had been silent, and of short turns."""
    return [
        (f"… begun {one['behind']} behind our voice / of these up to 2 s long",
         f"{one['latency_all_s']} / {one['brief']['latency_all_s']} s",
         f"{one['n']} / {one['brief']['n']}")
        for one in found.get("behind_ours", ())
    ]  # fmt: skip


def _rows(rows: Sequence[tuple[str, Any, Any]]) -> str:
    """A table; the last column is left out where it is empty."""
    counted = any(count != "" for _, _, count in rows)
    lines = ["| | | n |", "|---|---|---|"] if counted else ["| | |", "|---|---|"]
    for name, value, count in rows:
        lines.append(f"| {name} | {value} |" + (f" {count} |" if counted else ""))
    return "\n".join(lines)
