"""One self-contained HTML page and one Markdown text of a result, with its pictures beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final

from tests.bench import machines, tables
from tests.bench.anchors import ANSWER_ANCHORS, STOP_ANCHORS
from tests.bench.curves import curves, over_sessions, spots_of
from tests.bench.distributions import answers, distribution, stops
from tests.bench.judging import (
    falls_short,
    in_words,
    of_curves,
    of_variants,
    too_few,
    variants_of,
)
from tests.bench.metrics.activity import ClipLog
from tests.bench.metrics.overlap import untold
from tests.bench.pictures import COLOURS, standalone, timeline
from tests.bench.records import Record
from tests.bench.sides import name_of
from tests.bench.tables import Table, targets_of

__all__ = ["markdown", "page", "pictures", "write_report"]

_MOST_TIMELINES: Final = 60

Result = Mapping[str, Any]

_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 1000px; margin: 2rem auto;
  padding: 0 1rem; }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto; }
td, th { border-bottom: 1px solid #8884; padding: 3px 8px; text-align: right; white-space: nowrap; }
td:first-child, th:first-child { text-align: left; }
td:last-child { text-align: left; white-space: normal; min-width: 20em; }
svg { width: 100%; background: #fff; color: #000; margin: 4px 0; }
.note { opacity: .8; }
.key { display: inline-block; margin-right: 1em; }
.key b { display: inline-block; width: .8em; height: .8em; margin-right: .3em; }
"""

_OF_STOPS: Final = (
    "A stop is told by events where there are any: an utterance that was cut has stopped, however "
    "soon another begins; a gap inside one that goes on is no stop, however long. Of a target that "
    "tells of no utterances, a silence of 0.5 s is a stop."
)
_OF_EVENTS: Final = (
    "Where what was said ends by itself 1.0 s behind the onset of an event, or later, it was not "
    "stopped for it: an interruption was not yielded to, another was talked through. Of what asks "
    "for nothing a stop is wrong until 1.0 s behind its end."
)
_OF_MONOLOGUES: Final = (
    "Signs of listening are measured behind synthetic monologues alone: of people there is one "
    "reading of 44 s, which gives no interval."
)
_NOTES: Final = (
    "No latency without the false-action rate of the same run.",
    "Latencies are withheld when fewer than 95 % of turns were answered.",
    "Nulls run on the same stimuli without a network; 70 ms stand for the way there and back.",
    "Nulls are told what an event is, so as to be what they are called: B = .50 is by definition.",
    "Anchors were published by others on other stimuli: a sense of scale, not a comparison.",
    _OF_STOPS,
    _OF_EVENTS,
    _OF_MONOLOGUES,
    "Intervals are 95 %, resampled by clip: what was measured in one call is not independent.",
    "In the human half clips that play one recording are drawn together.",
    "They do not cover the choice of voices: the human half's clips are of a few speakers.",
)
_OF_RIVALS: Final = (
    "pipecat tells when it starts and stops to speak, but no words: its fillers count as content, "
    "and a short sound of it is short by its length alone. turn.filler_latency_mean_s compares "
    "like with like."
)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture; `name` is that of its file."""

    name: str
    title: str
    svg: str


def pictures(result: Result, records: Sequence[Record]) -> list[Picture]:
    """Those of the run, without the ones that would be empty."""
    measures: Mapping[str, Any] = result["measures"]
    targets = targets_of(measures)
    found: list[Picture] = []
    for half, prefix in (("synthetic", ""), ("human", "human.")):
        answer = ("turn.latency_mean_s", "pause.takeover")
        title = f"Answers, {half} half: down and left is better"
        across, up = "mean turn latency, s", "share of pauses taken"
        spots = spots_of(measures, targets, prefix, answer)
        absent = _absent(measures, set(targets) - set(spots), prefix)
        drawn = curves(spots, ANSWER_ANCHORS, title, across, up, absent)
        found.append(Picture(f"answers-{half}", title, drawn))
    spots = spots_of(measures, targets, "", ("stop.latency_p50_s", "overlap.balance"))
    title = "Interruptions: up and left is better"
    drawn = curves(spots, STOP_ANCHORS, title, "stop p50, s", "overlap balance B")
    found.append(Picture("stops", title, drawn))
    for half in ("synthetic", "human"):
        title = f"Turn latency (content onset), {half} half: share of all turns"
        drawn = distribution(answers(records, half), title)
        found.append(Picture(f"latency-{half}", title, drawn))
        title = f"Interruption to the last voiced frame, {half} half: share of all interruptions"
        drawn = distribution(stops(records, half), title)
        found.append(Picture(f"stop-latency-{half}", title, drawn))
    load = tables.by_sessions(result)
    for name, (keys, up) in _LOADED.items():
        title = f"Over the number of sessions: {name}"
        found.append(Picture(f"load-{name}", title, over_sessions(load, keys, title, up)))
    return [picture for picture in found if picture.svg]


_LOADED: Final = {
    "latencies": (("turn.latency_mean_s", "stop.latency_p50_s"), "seconds"),
    "shares": (
        ("turn.answered", "pause.takeover", "stop.yielded", "overlap.balance",
         "backchannel.takeover"), "share",
    ),
}  # fmt: skip


def _absent(measures: Mapping[str, Any], targets: set[str], prefix: str) -> list[str]:
    """Those without a latency in a half, with the share of turns they answered."""
    shares = {one: measures.get(f"{one}{prefix}turn.answered") for one in targets}
    return [
        f"{name_of(one)} (answered {share['value']:.0%} of turns: no latency)"
        for one, share in sorted(shares.items())
        if share and share["value"] is not None and not one.startswith("null.")
    ]


def _figures(result: Result) -> list[Table]:
    every = [tables.figures(result["measures"], half) for half in ("synthetic", "human")]
    return [table for table in every if table.rows]


def _further(result: Result) -> list[Table]:
    """What stands behind the figures."""
    every = (tables.matched(result), tables.paired(result), tables.load(result),
             tables.failed(result), tables.by_machine(result), tables.sittings(result))  # fmt: skip
    return [table for table in every if table.rows]


def _notes(result: Result, records: Sequence[Record]) -> list[str]:
    rival = any(target.startswith("rival.") for target in targets_of(result["measures"]))
    told = [*_NOTES, _OF_RIVALS if rival else "", tables.speakers(records)]
    short = ", ".join(f"{name_of(t)} in {n}" for t, n in result["unreached"].items())
    why = "it did not speak long enough for the next event to fall on its speech"
    cost = result["measures"].get("capacity.cpu_seconds_per_minute")
    if cost and cost["value"] is not None:
        told.append(f"An hour of a session costs {cost['value'] / 60:.2f} hours of a core.")
    told.append(f"Clips in which something was not reached, since {why}: {short}." if short else "")
    told.append(_left_out(records))
    return [line for line in told if line]


def _left_out(records: Sequence[Record]) -> str:
    """How many events count for no metric, of each target that has such."""
    logs: dict[str, list[ClipLog]] = {}
    for record in records:
        if record.log is not None and not record.target.startswith("null."):
            logs.setdefault(record.target, []).append(record.log)
    told = {name_of(target): untold(of) for target, of in logs.items()}
    each = ", ".join(f"{name} {stops} and {others}" for name, (stops, others) in told.items()
                     if stops or others)  # fmt: skip
    return f"{_UNTOLD} {each}." if each else ""


_UNTOLD: Final = (
    "Interruptions, and things that ask for nothing, that are left out, since what was said had "
    "come to its own end within 1.0 s of them, and nobody knows what would have followed:"
)


def _facts(result: Result) -> list[str]:
    run, machine = result["run"], result["machine"]
    what = f"Commit {run['commit'][:12]}, split {run['split']}, seed {run['seed']}"
    where = " and ".join(machines.places(result.get("sittings") or [result]))
    told = [f"{what}, n {run.get('n', '?')}; {where}."]
    if run.get("clips", 0) < run.get("planned", 0):
        so_far = "those that all targets have played so far; the run is not over"
        told.insert(0, f"PARTIAL: {run['clips']} of {run['planned']} clips, {so_far}.")
    if load := result.get("conditions"):
        busy = f"load while they were played: p50 {load['load_p50']}, p95 {load['load_p95']}"
        late = f"{load['unsteady']} in which the client itself was late"
        told.append(f"{load['clips']} calls; {busy}; {late}.")
        if (apart := load.get("vad_ms")) is not None:
            other = "an independent voice activity detector"
            told.append(
                f"Onsets of the agent: ours and those of {other} {apart} ms apart (median)."
            )
    settings = [f"{name} {', '.join(run[name])}" for name in ("engine", "variant", "baseline")
                if run.get(name)]  # fmt: skip
    told += [f"Settings: {'; '.join(settings)}."] if settings else []
    checkpoint = run.get("checkpoint") or {}
    told += [f"Checkpoint {checkpoint['sha256'][:12]}."] if checkpoint else []
    versions = machine.get("versions") or {}
    told += [f"Versions: {', '.join(f'{k} {v}' for k, v in versions.items())}."] if versions else []
    known = result.get("parts") or {}
    shown = ("ours", *variants_of(result))
    for name, said in known.items():
        for parts in said if name in shown else ():
            told.append(f"{name_of(name)}: {'; '.join(f'{k}: {v}' for k, v in parts.items())}.")
    told += [_KIN] if _are_kin(known, shown) else []
    told += [f"{name}: {json.dumps(said)}" for name, said in (result.get("rivals") or {}).items()]
    return told


_KIN: Final = (
    "Ours has the floor that the baselines have, with the thresholds it is shipped with: against "
    "their curves it is one setting of the same rules."
)


def _are_kin(parts: Mapping[str, Sequence[Mapping[str, str]]], ours: Sequence[str]) -> bool:
    """Whether a baseline, variants apart, has the floor of ours."""
    floors = [one.get("floor", "") for one in parts.get("ours", ())]
    theirs = [one.get("floor", "") for name, said in parts.items() for one in said
              if name.startswith("baseline.") and name not in ours]  # fmt: skip
    return not {floor for floor in floors if floor}.isdisjoint(theirs)


def _few(result: Result) -> list[str]:
    if result["run"]["suite"] != "all":
        return []
    targets = [one for one in targets_of(result["measures"])
               if not one.startswith(("null.", "browser."))]  # fmt: skip
    return too_few(result["measures"], targets)


def _lists(result: Result) -> list[tuple[str, list[str]]]:
    """What is said before any figure, by heading."""
    every = [
        ("What falls short", falls_short(result["measures"])),
        *((f"What falls short of {name}", lines) for name, lines in of_variants(result)),
        ("Not measured", [*tables.lost(result), *_few(result)]),
        ("Against whole curves, in words", of_curves(result)),
        ("Beside a rival at its point", in_words(result)),
    ]
    return [(title, lines) for title, lines in every if lines]


def _html_table(table: Table) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in table.heads)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows
    )
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in table.notes)
    return f"<h2>{escape(table.title)}</h2><table><tr>{head}</tr>{body}</table>{notes}"


def _timelines(records: Sequence[Record]) -> list[str]:
    shown = [r for r in records if r.target == "" and r.log is not None][:_MOST_TIMELINES]
    if not shown:
        return []
    keys = "".join(
        f'<span class="key"><b style="background:{colour}"></b>{escape(kind)}</span>'
        for kind, colour in COLOURS.items()
    )
    return [f"<h2>Clips (first {len(shown)})</h2><p>{keys}</p>", *map(timeline, shown)]


def page(result: Result, records: Sequence[Record]) -> str:
    """The report as HTML; no script, no link to anywhere."""
    title = escape(f"Counterpoint bench: {result['run']['suite']}")
    parts = [f"<h1>{title}</h1>", *(f"<p>{escape(line)}</p>" for line in _facts(result))]
    for heading, lines in _lists(result):
        listed = "".join(f"<li>{escape(line)}</li>" for line in lines)
        parts.append(f"<h2>{escape(heading)}</h2><ul>{listed}</ul>")
    parts += map(_html_table, _figures(result))
    parts += [f'<p class="note">{escape(note)}</p>' for note in _notes(result, records)]
    parts += map(_html_table, _further(result))
    parts.append("<h2>Latency and false actions</h2>")
    parts += [picture.svg for picture in pictures(result, records)]
    parts += _timelines(records)
    whole = (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
             f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n")  # fmt: skip
    return _named(result, whole)


def _plain(cell: str) -> str:
    return " ".join(re.sub("<(?=[a-zA-Z/])", "&lt;", cell.replace("|", "/")).split())


def _text_table(table: Table) -> list[str]:
    lines = [f"## {table.title}", "", f"| {' | '.join(table.heads)} |",
             f"|{'---|' * len(table.heads)}"]  # fmt: skip
    lines += [f"| {' | '.join(map(_plain, row))} |" for row in table.rows]
    return [*lines, "", *(f"* {note}" for note in table.notes), *([""] if table.notes else [])]


def markdown(
    result: Result, records: Sequence[Record] = (), links: Mapping[str, str] | None = None
) -> str:
    """The same figures as text.

    Args:
        result: as the command line makes it.
        records: of its clips.
        links: of pictures: a title, and where the file is.
    """
    lines = [
        f"# Bench: {result['run']['suite']}",
        "",
        *(f"{_plain(one)}\n" for one in _facts(result)),
    ]
    for heading, told in _lists(result):
        lines += [f"## {heading}", "", *(f"* {_plain(line)}" for line in told), ""]
    for table in _figures(result):
        lines += _text_table(table)
    lines += [*(f"* {note}" for note in _notes(result, records)), ""]
    for table in _further(result):
        lines += _text_table(table)
    for title, place in (links or {}).items():
        lines += [f"![{title}]({place})", ""]
    return _named(result, "\n".join(lines).rstrip() + "\n")


def _named(result: Result, text: str) -> str:
    """With variants of ours called so: their keys are among the baselines'."""
    for one in result["run"].get("variant") or ():
        name = one.partition("=")[0]
        text = re.sub(rf"baseline\.{re.escape(name)}\b", f"variant.{name}", text)
    return text


def write_report(html: Path, text: Path, result: Result, records: Sequence[Record]) -> None:
    """Write both, and every picture as a file beside the text, linked from it."""
    links: dict[str, str] = {}
    for picture in pictures(result, records):
        place = text.with_name(f"{text.stem}-{picture.name}.svg")
        place.write_text(_named(result, standalone(picture.svg)))
        links[picture.title] = place.name
    html.write_text(page(result, records))
    text.write_text(markdown(result, records, links))
