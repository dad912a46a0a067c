"""One self-contained HTML page and one Markdown text of a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from tests.bench.anchors import ANCHORS, ANSWER_ANCHORS, STOP_ANCHORS
from tests.bench.curves import curves, spots_of
from tests.bench.metrics.keys import KEYS
from tests.bench.metrics.overlap import stop_delay
from tests.bench.metrics.turns import answer_delay, asked
from tests.bench.pictures import COLOURS, distribution, timeline
from tests.bench.records import Record

__all__ = ["markdown", "page", "write_report"]

_MOST_TIMELINES: Final = 60

# Too many lines hide the ones that matter; the table has them all.
_LEFT_OUT: Final = ("silence.", "metronome.", "never_yield.", "always_yield.")

_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 1000px; margin: 2rem auto;
  padding: 0 1rem; }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto; }
td, th { border-bottom: 1px solid #8884; padding: 3px 8px; text-align: right; white-space: nowrap; }
td:first-child, th:first-child { text-align: left; }
td.anchor { text-align: left; font-style: italic; opacity: .75; white-space: normal; }
svg { width: 100%; background: #fff; color: #000; margin: 4px 0; }
.note { opacity: .8; }
.key { display: inline-block; margin-right: 1em; }
.key b { display: inline-block; width: .8em; height: .8em; margin-right: .3em; }
"""


def _targets(measures: Mapping[str, Any]) -> list[str]:
    """Ours first, then our page in a browser, rivals, baselines, nulls; each with its dot."""
    found: set[str] = set()
    for key in measures:
        if key.startswith("browser."):
            found.add("browser.")
        elif key.startswith(("null.", "baseline.", "rival.")):
            found.add(".".join(key.split(".")[:2]) + ".")
    order = ("browser", "rival", "baseline", "null")
    return ["", *sorted(found, key=lambda target: (order.index(target.split(".")[0]), target))]


def _cell(measure: Mapping[str, Any] | None) -> str:
    if measure is None:
        return ""
    if measure["value"] is None:
        return f"withheld (n={measure['n']})"
    interval = ""
    if measure["ci95"] is not None:
        interval = " [{:.3g}, {:.3g}]".format(*measure["ci95"])
    return f"{measure['value']:.3g}{interval} n={measure['n']}"


def _rows(measures: Mapping[str, Any], prefix: str) -> list[tuple[str, list[str]]]:
    """(key, a cell per target) of every key somebody has."""
    targets = _targets(measures)
    rows = []
    for key in (key for keys in KEYS.values() for key in keys):
        cells = [_cell(measures.get(f"{target}{prefix}{key}")) for target in targets]
        if any(cells):
            rows.append((key, cells))
    return rows


def _name(target: str) -> str:
    return target.rstrip(".") or "ours"


def _table(measures: Mapping[str, Any], prefix: str) -> str:
    heads = "".join(f"<th>{escape(_name(t))}</th>" for t in _targets(measures))
    body = "".join(
        f"<tr><td>{escape(key)}</td>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}"
        f'<td class="anchor">{escape(ANCHORS.get(key, ""))}</td></tr>'
        for key, cells in _rows(measures, prefix)
    )
    return (f"<table><tr><th></th>{heads}<th>anchor (published, other stimuli)</th></tr>"
            f"{body}</table>")  # fmt: skip


def _delays(records: Sequence[Record], kind: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for record in records:
        if record.log is None or record.target.removeprefix("null.") in _LEFT_OUT:
            continue
        turns = [turn for turn in record.log.labelled("turn") if asked(record.log, turn)]
        delays = (
            [answer_delay(record.log, turn) for turn in turns]
            if kind == "turn"
            else [stop_delay(record.log, label) for label in record.log.labelled("interruption")]
        )
        name = f"{_name(record.target)}{' human' if record.log.half == 'human' else ''}"
        found.setdefault(name, []).extend(d for d in delays if d is not None)
    return found


def _falls_short(measures: Mapping[str, Any]) -> list[str]:
    """The targets of issue C that this run misses, in words."""
    from tests.bench.metrics.machine import CORE as TARGETS

    missed = []
    for key, (sign, bound) in TARGETS.items():
        measure = measures.get(key)
        if measure is None:
            continue
        value = measure["value"]
        if value is None:
            missed.append(f"{key} is withheld: too few turns were answered")
        elif not (value <= bound if sign == "<=" else value >= bound):
            missed.append(f"{key} is {value:.3g}, wanted {sign} {bound:g}")
    return missed


_NOTES: Final = (
    "No latency without the false-action rate of the same run.",
    "Latencies are withheld when fewer than 95 % of turns were answered.",
    "Nulls run on the same stimuli without a network; 70 ms stand for the way there and back.",
    "Anchors were published by others on other stimuli: a sense of scale, not a comparison.",
    "Intervals are 95 %, resampled by clip: what was measured in one call is not independent.",
)


def _pictures(measures: Mapping[str, Any], records: Sequence[Record]) -> list[str]:
    targets = _targets(measures)
    parts: list[str] = []
    for half, name in (("", "synthetic half"), ("human.", "human half")):
        answers = spots_of(measures, targets, half, ("turn.latency_mean_s", "pause.takeover"))
        title = f"Answers, {name}: down and left is better"
        parts.append(
            curves(answers, ANSWER_ANCHORS, title, "mean turn latency, s", "share of pauses taken")
        )
    stops = spots_of(measures, targets, "", ("stop.latency_p50_s", "overlap.balance"))
    title = "Interruptions: up and left is better"
    parts.append(curves(stops, STOP_ANCHORS, title, "stop p50, s", "overlap balance B"))
    parts.append(distribution(_delays(records, "turn"), "Turn latency (content onset)"))
    parts.append(distribution(_delays(records, "stop"), "Interruption to our last voiced frame"))
    return parts


def _matched_rows(result: Mapping[str, Any]) -> list[list[str]]:
    rows: list[list[str]] = []
    for name, curve in result.get("matched", {}).items():
        cells = [name] + [
            _cell(curve[key])
            for key in ("takeover_at_our_latency", "latency_at_our_takeover_s", "balance",
                        "stop_p50_s")
        ]  # fmt: skip
        rows.append([*cells, "its curve ends before our latency" if curve["beyond"] else ""])
    return rows


_MATCHED_HEADS: Final = (
    "ours minus",
    "take-over at our latency",
    "latency at our take-over, s",
    "balance B, against its best",
    "stop p50, s, against the same",
    "",
)


def _load_rows(result: Mapping[str, Any]) -> list[list[str]]:
    """A row for each number of sessions, a cell for each of the floor's figures."""
    load: Mapping[str, Any] = result.get("load", {})
    numbers = sorted({key.split("load_")[0] + "load_" + key.split("load_")[1].split(".")[0]
                      for key in load})  # fmt: skip
    return [[number, *(_cell(load.get(f"{number}.{key}")) for key in _LOAD_KEYS)]
            for number in numbers]  # fmt: skip


_LOAD_KEYS: Final = ("turn.answered", "turn.latency_mean_s", "pause.takeover",
                     "stop.latency_p50_s", "stop.yielded", "overlap.balance")  # fmt: skip


def _plain_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _sections(result: Mapping[str, Any], measures: Mapping[str, Any]) -> list[str]:
    parts = ["<h2>Synthetic half</h2>", _table(measures, "")]
    if any("human." in key for key in measures):
        parts += ["<h2>Human half</h2>", _table(measures, "human.")]
    parts += [f'<p class="note">{escape(note)}</p>' for note in _NOTES]
    for target, count in result["unreached"].items():
        lost = f"{_name(target)}: in {count} clips something was not reached"
        why = "it did not speak long enough for the next event to fall on its speech"
        parts.append(f'<p class="note">{escape(f"{lost}: {why}")}.</p>')
    if rows := _matched_rows(result):
        parts += ["<h2>Against whole curves</h2>", _plain_table(_MATCHED_HEADS, rows)]
    if rows := _load_rows(result):
        parts += ["<h2>Load</h2>", _plain_table(("sessions", *_LOAD_KEYS), rows)]
    return parts


def page(result: Mapping[str, Any], records: Sequence[Record]) -> str:
    """The report as HTML; no script, no link to anywhere."""
    run, measures = result["run"], result["measures"]
    parts = [f"<h1>Counterpoint bench: {escape(run['suite'])}</h1>", _facts(result)]
    missed = _falls_short(measures)
    if missed:
        parts.append("<h2>What falls short</h2><ul>")
        parts += [f"<li>{escape(line)}</li>" for line in missed]
        parts.append("</ul>")
    parts += _sections(result, measures)
    parts += ["<h2>Latency and false actions</h2>", *_pictures(measures, records)]
    shown = [r for r in records if r.target == "" and r.log is not None][:_MOST_TIMELINES]
    if shown:
        keys = "".join(
            f'<span class="key"><b style="background:{colour}"></b>{escape(kind)}</span>'
            for kind, colour in COLOURS.items()
        )
        parts.append(f"<h2>Clips (first {len(shown)})</h2><p>{keys}</p>")
        parts += [timeline(record) for record in shown]
    if result["failed"]:
        parts.append("<h2>Calls that failed</h2><ul>")
        parts += [f"<li>{escape(line)}</li>" for line in result["failed"]]
        parts.append("</ul>")
    title = f"<title>Counterpoint bench: {escape(run['suite'])}</title>"
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8">{title}'
            f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n")  # fmt: skip


def _facts(result: Mapping[str, Any]) -> str:
    run, machine, calibration = result["run"], result["machine"], result["calibration"]
    commit = f"commit {run['commit'][:12]}, split {run['split']}, seed {run['seed']}"
    cores = f"{machine['cores']} cores, {machine['memory_gib']} GiB, load {machine['load']}"
    lines = [
        f"{commit}, {run['seconds']} s",
        f"{machine['processor']}, {cores}",
        "calibration: not done (the server is elsewhere)",
    ]
    if calibration is not None:
        lines[2] = (
            f"calibration: a delay of {calibration['known_seconds']:.3f} s recovered with an "
            f"error of {1000 * calibration['error_seconds']:.1f} ms; clock drift "
            f"{1e6 * calibration['drift']:.0f} ppm; arrivals within "
            f"{1000 * calibration['jitter_seconds']:.1f} ms (p95)"
        )
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def _markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return lines + [f"| {' | '.join(row)} |" for row in rows] + [""]


def markdown(result: Mapping[str, Any]) -> str:
    """The same figures as text."""
    run, measures, machine = result["run"], result["measures"], result["machine"]
    where = f"{machine['processor']}, {machine['cores']} cores, load {machine['load']}"
    what = f"Commit {run['commit'][:12]}, split {run['split']}, seed {run['seed']}"
    lines = [f"# Bench: {run['suite']}", "", f"{what}. {where}.", ""]
    missed = _falls_short(measures)
    lines += ["## What falls short", "", *(f"* {line}" for line in missed), ""] if missed else []
    for title, prefix in (("Synthetic half", ""), ("Human half", "human.")):
        rows = _rows(measures, prefix)
        if not rows:
            continue
        names = [_name(target) for target in _targets(measures)]
        table = [[key, *cells, ANCHORS.get(key, "")] for key, cells in rows]
        lines += [f"## {title}", ""]
        lines += _markdown_table(["", *names, "anchor (published elsewhere)"], table)
    if matched := _matched_rows(result):
        lines += ["## Against whole curves", "", *_markdown_table(_MATCHED_HEADS, matched)]
    if load := _load_rows(result):
        lines += ["## Load", "", *_markdown_table(("sessions", *_LOAD_KEYS), load)]
    for target, count in result["unreached"].items():
        lines.append(f"* {_name(target)}: in {count} clips something was not reached.")
    lines += [f"* {note}" for note in _NOTES]
    return "\n".join(lines) + "\n"


def write_report(
    html: Path, text: Path, result: Mapping[str, Any], records: Sequence[Record]
) -> None:
    """Write both."""
    html.write_text(page(result, records))
    text.write_text(markdown(result))
