"""One self-contained HTML page and one Markdown text of a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from tests.bench.metrics.keys import KEYS
from tests.bench.metrics.overlap import stop_delay
from tests.bench.metrics.turns import answer_delay
from tests.bench.pictures import distribution, scatter, timeline
from tests.bench.records import Record

__all__ = ["ANCHORS", "markdown", "page", "write_report"]

ANCHORS: Final[Mapping[str, str]] = {
    "turn.latency_mean_s": "0.40 TML-Interaction-Small; 0.57-0.94 Gemini live; 1.18-1.63 "
    "GPT-Realtime-2; 0.07 PersonaPlex (takes 58-66 % of pauses)",
    "pause.takeover": "0.01-0.12 GPT-Realtime at 1.47 s; none below 0.5 s under 0.20",
    "stop.latency_p50_s": "0.41 gpt-realtime-1.5",
    "stop.yielded": "1.00 gpt-realtime-1.5",
    "overlap.balance": "0.78 best cascade; 0.73 best native; 0.53 gpt-realtime-1.5",
    "backchannel.takeover": "0.327 PersonaPlex",
    "transport.round_trip_ms": "187 stock aiortc",
}
"""Published elsewhere, on other stimuli: a sense of scale, never a comparison."""

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
"""


def _targets(measures: Mapping[str, Any]) -> list[str]:
    """Ours first, then the others; each with its dot."""
    found: set[str] = set()
    for key in measures:
        if key.startswith(("null.", "baseline.", "rival.")):
            found.add(".".join(key.split(".")[:2]) + ".")
    return ["", *sorted(found)]


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
        delays = (
            [answer_delay(record.log, label) for label in record.log.labelled("turn")]
            if kind == "turn"
            else [stop_delay(record.log, label) for label in record.log.labelled("interruption")]
        )
        name = f"{_name(record.target)}{' human' if record.log.half == 'human' else ''}"
        found.setdefault(name, []).extend(d for d in delays if d is not None)
    return found


def _points(measures: Mapping[str, Any], across: str, up: str) -> dict[str, tuple[float, float]]:
    points = {}
    for target in _targets(measures):
        for prefix in ("", "human."):
            x, y = (measures.get(f"{target}{prefix}{key}", {}).get("value") for key in (across, up))
            if x is not None and y is not None:
                points[f"{_name(target)}{' human' if prefix else ''}"] = (float(x), float(y))
    return points


def _falls_short(measures: Mapping[str, Any]) -> list[str]:
    """The targets of issue C that this run misses, in words."""
    from tests.bench.metrics.machine import TARGETS

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
)


def page(result: Mapping[str, Any], records: Sequence[Record]) -> str:
    """The report as HTML; no script, no link to anywhere."""
    run, measures = result["run"], result["measures"]
    parts = [f"<h1>Counterpoint bench: {escape(run['suite'])}</h1>", _facts(result)]
    missed = _falls_short(measures)
    if missed:
        parts.append("<h2>What falls short</h2><ul>")
        parts += [f"<li>{escape(line)}</li>" for line in missed]
        parts.append("</ul>")
    parts += ["<h2>Synthetic half</h2>", _table(measures, "")]
    if any("human." in key for key in measures):
        parts += ["<h2>Human half</h2>", _table(measures, "human.")]
    parts += [f'<p class="note">{escape(note)}</p>' for note in _NOTES]
    for target, count in result["unreached"].items():
        lost = f"{_name(target)}: {count} clips of stop and overlap not reached"
        why = "it did not speak long enough for the event to fall on its speech"
        parts.append(f'<p class="note">{escape(f"{lost}: {why}")}.</p>')
    parts.append("<h2>Latency and false actions</h2>")
    answers = _points(measures, "turn.latency_mean_s", "pause.takeover")
    stops = _points(measures, "stop.latency_p50_s", "overlap.balance")
    parts.append(scatter(answers, "Answers", "mean turn latency, s", "pauses taken"))
    parts.append(scatter(stops, "Interruptions", "stop p50, s", "balance B"))
    parts.append(distribution(_delays(records, "turn"), "Turn latency (content onset)"))
    parts.append(distribution(_delays(records, "stop"), "Interruption to our last voiced frame"))
    shown = [r for r in records if r.target == "" and r.log is not None][:_MOST_TIMELINES]
    if shown:
        parts.append(f"<h2>Clips (first {len(shown)})</h2>")
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
        lines += [f"## {title}", "", f"| | {' | '.join(names)} | anchor (published elsewhere) |"]
        lines.append(f"|---|{'---|' * (len(names) + 1)}")
        lines += [
            f"| {key} | {' | '.join(cells)} | {ANCHORS.get(key, '')} |" for key, cells in rows
        ]
        lines.append("")
    for target, count in result["unreached"].items():
        lines.append(f"* {_name(target)}: {count} clips of stop and overlap were not reached.")
    lines += [f"* {note}" for note in _NOTES]
    return "\n".join(lines) + "\n"


def write_report(
    html: Path, text: Path, result: Mapping[str, Any], records: Sequence[Record]
) -> None:
    """Write both."""
    html.write_text(page(result, records))
    text.write_text(markdown(result))
