/**
 * The picture of both voices: who spoke when, where they overlapped, what was decided, where the
 * agent was cut off. Pure: from a view to shapes in CSS pixels, and to words for those who do not
 * see the picture. `timeline-painter.js` draws the shapes.
 *
 * @module timeline
 */

/** @typedef {import('./view.js').View} View */
/** @typedef {import('./view.js').Caption} Caption */
/** @typedef {'person' | 'agent'} Who */
/** @typedef {{startMs: number, endMs: number}} Interval */
/** Loudness of both sides at one moment, 0 to 1. @typedef {{atMs: number, person: number, agent: number}} Level */
/**
 * speech: a person's · heard: what was heard of the agent · planned: about to be said · lost: what
 * was cut off.
 * @typedef {{who: Who, kind: 'speech' | 'heard' | 'planned' | 'lost', x: number, width: number}} Block
 */
/** @typedef {{x: number, decision: import('./events.js').Floor['decision'], probability: number}} DecisionMark */
/**
 * @typedef {object} Picture
 * @property {number} width
 * @property {number} height
 * @property {{person: Lane, agent: Lane}} lanes
 * @property {number} nowX
 * @property {Block[]} blocks
 * @property {{who: Who, x: number, level: number, voiced: boolean}[]} bars
 * @property {{x: number, width: number}[]} overlaps
 * @property {DecisionMark[]} marks
 * @property {number[]} cuts where the agent was cut off
 * @property {number[]} typed where something was typed
 * @property {{x: number, label: string}[]} seen where something was seen
 * @property {{x: number, label: string}[]} ticks
 */
/** @typedef {{top: number, height: number}} Lane */

/** Bounds of what one picture may hold; a page that was asleep cannot make it large. */
export const LEVELS_KEPT = 900;
const MAX_BARS = 700;
/** More turns than any picture's half minute holds. */
const RECENT_CAPTIONS = 60;
const TICK_MS = 5_000;
const BAR_MS = 100;
/** Words closer than this belong to one stretch of speech. */
const JOIN_MS = 350;
/** The agent's report of what was heard comes every 200 ms; longer without one it is not drawn on. */
const HEARD_STALE_MS = 700;
const PIXELS_PER_SECOND = 30;
const [MIN_SECONDS, MAX_SECONDS] = [12, 32];
const AHEAD = 0.14;

/**
 * @param {object} scene
 * @param {View} scene.view
 * @param {readonly Level[]} scene.levels oldest first
 * @param {number} scene.nowMs page time at the "now" line
 * @param {number} scene.originMs page time called 0:00
 * @param {number} scene.width CSS pixels
 * @param {number} scene.height CSS pixels
 * @returns {Picture}
 */
export function layOut({ view, levels, nowMs, originMs, width, height }) {
  const seconds = Math.min(MAX_SECONDS, Math.max(MIN_SECONDS, width / PIXELS_PER_SECOND));
  const scale = width / (seconds * 1000);
  const nowX = Math.round(width * (1 - AHEAD));
  const fromMs = nowMs - nowX / scale;
  const toMs = fromMs + width / scale;
  /** @param {number} ms */
  const x = (ms) => (ms - fromMs) * scale;
  /** @param {Interval} span */
  const inside = (span) => span.endMs > fromMs && span.startMs < toMs;
  const person = personIntervals(view, nowMs).filter(inside);
  const agent = agentIntervals(view, nowMs).filter((entry) => inside({ startMs: entry.startMs, endMs: entry.lostMs }));
  const place = { x, inside };
  return {
    width,
    height,
    lanes: lanesOf(height),
    nowX,
    blocks: [...person.map((span) => blockOf('person', 'speech', span, x)), ...agent.flatMap((entry, index) => agentBlocks(entry, agent[index + 1], x))],
    bars: bars(levels, place, { person, agent }),
    overlaps: overlaps(person, agent).filter(inside).map((span) => ({ x: x(span.startMs), width: (span.endMs - span.startMs) * scale })),
    marks: view.marks.filter((mark) => mark.atMs > fromMs && mark.atMs < toMs).map((mark) => ({ x: x(mark.atMs), decision: mark.decision, probability: mark.probability })),
    cuts: agent.filter((entry) => entry.cut && entry.endMs > fromMs).map((entry) => x(entry.endMs)),
    typed: view.captions.filter((caption) => caption.typed && caption.startedMs !== null && caption.startedMs > fromMs).map((caption) => x(Number(caption.startedMs))),
    seen: view.seen.filter((one) => one.atMs > fromMs && one.atMs < toMs).map((one) => ({ x: x(one.atMs), label: one.label })),
    // The word "now" has its own place.
    ticks: ticks(fromMs, nowMs, originMs, x).filter((tick) => nowX - tick.x > 34),
  };
}

/** @param {number} height @returns {{person: Lane, agent: Lane}} */
function lanesOf(height) {
  const [middle, foot] = [30, 22];
  const lane = (height - middle - foot) / 2;
  return { person: { top: 0, height: lane }, agent: { top: lane + middle, height: lane } };
}

/** @param {Who} who @param {Block['kind']} kind @param {Interval} span @param {(ms: number) => number} x @returns {Block} */
function blockOf(who, kind, span, x) {
  return { who, kind, x: x(span.startMs), width: Math.max(3, x(span.endMs) - x(span.startMs)) };
}

/**
 * When the person spoke: where the server heard a voice, and where there are words.
 * @param {View} view
 * @param {number} nowMs
 * @returns {Interval[]} in order, not touching
 */
export function personIntervals(view, nowMs) {
  /** @type {Interval[]} */
  const spans = view.speaking.map((span) => ({ startMs: span.startMs, endMs: span.endMs ?? nowMs }));
  for (const caption of view.captions.slice(-RECENT_CAPTIONS)) {
    if (caption.who !== 'person' || caption.typed) continue;
    for (const word of caption.words) {
      if (word.end_ms > word.start_ms) spans.push({ startMs: word.start_ms, endMs: word.end_ms });
    }
  }
  return joined(spans);
}

/**
 * @param {Interval[]} spans
 * @returns {Interval[]}
 */
function joined(spans) {
  /** @type {Interval[]} */
  const out = [];
  for (const span of spans.toSorted((a, b) => a.startMs - b.startMs)) {
    const last = out.at(-1);
    if (last && span.startMs - last.endMs < JOIN_MS) last.endMs = Math.max(last.endMs, span.endMs);
    else out.push({ ...span });
  }
  return out;
}

/**
 * When the agent was heard, and until when it would have been (`lostMs`) or will be.
 * @typedef {Interval & {lostMs: number, cut: boolean, playing: boolean, caption: Caption}} AgentInterval
 */

/**
 * @param {View} view
 * @param {number} nowMs
 * @returns {AgentInterval[]} in the order they were said
 */
export function agentIntervals(view, nowMs) {
  /** @type {AgentInterval[]} */
  const out = [];
  for (const caption of view.captions.slice(-RECENT_CAPTIONS)) {
    if (caption.who !== 'agent' || caption.startedMs === null) continue;
    const startMs = caption.startedMs;
    const playing = caption.status === 'playing';
    const reported = Math.max(startMs, caption.heardAtMs ?? startMs);
    const endMs = playing ? Math.max(reported, Math.min(nowMs, reported + HEARD_STALE_MS)) : reported;
    const unheardMs = caption.status === 'done' ? 0 : (caption.words.at(-1)?.end_ms ?? 0) - caption.heardMs;
    out.push({ startMs, endMs, lostMs: Math.max(endMs, reported + unheardMs), cut: caption.status === 'cut', playing, caption });
  }
  return out.sort((a, b) => a.startMs - b.startMs);
}

/**
 * @param {AgentInterval} entry
 * @param {AgentInterval | undefined} next what was cut off is not drawn over what came after
 * @param {(ms: number) => number} x
 * @returns {Block[]}
 */
function agentBlocks(entry, next, x) {
  const out = [blockOf('agent', 'heard', entry, x)];
  const rest = { startMs: entry.endMs, endMs: Math.min(entry.lostMs, next?.startMs ?? Infinity) };
  if (rest.endMs - rest.startMs > 30) out.push(blockOf('agent', entry.cut ? 'lost' : 'planned', rest, x));
  return out;
}

/**
 * Where both were heard at once.
 * @param {readonly Interval[]} person in order
 * @param {readonly Interval[]} agent in order
 * @returns {Interval[]}
 */
export function overlaps(person, agent) {
  /** @type {Interval[]} */
  const out = [];
  for (const [a, b] of person.flatMap((p) => agent.map((q) => /** @type {const} */ ([p, q])))) {
    const span = { startMs: Math.max(a.startMs, b.startMs), endMs: Math.min(a.endMs, b.endMs) };
    if (span.endMs > span.startMs) out.push(span);
  }
  return out;
}

/**
 * One bar for each 100 ms and side, at fixed places of the page's clock so that they do not shimmer
 * while the picture scrolls.
 * @param {readonly Level[]} levels
 * @param {{x: (ms: number) => number, inside: (span: Interval) => boolean}} place
 * @param {{person: readonly Interval[], agent: readonly Interval[]}} voiced
 * @returns {Picture['bars']}
 */
function bars(levels, { x, inside }, voiced) {
  /** @type {Map<number, {person: number, agent: number}>} */
  const slots = new Map();
  for (const level of levels) {
    const slot = Math.floor(level.atMs / BAR_MS);
    if (!inside({ startMs: slot * BAR_MS, endMs: (slot + 1) * BAR_MS })) continue;
    const loudest = slots.get(slot) ?? { person: 0, agent: 0 };
    slots.set(slot, { person: Math.max(loudest.person, level.person), agent: Math.max(loudest.agent, level.agent) });
  }
  /** @type {Picture['bars']} */
  const out = [];
  for (const [slot, level] of [...slots].slice(-MAX_BARS / 2)) {
    const middle = (slot + 0.5) * BAR_MS;
    for (const who of /** @type {const} */ (['person', 'agent'])) {
      const on = voiced[who].some((span) => middle >= span.startMs && middle <= span.endMs);
      out.push({ who, x: x(middle), level: level[who], voiced: on });
    }
  }
  return out;
}

/** @param {number} fromMs @param {number} nowMs @param {number} originMs @param {(ms: number) => number} x */
function ticks(fromMs, nowMs, originMs, x) {
  const out = [];
  const first = Math.max(0, Math.ceil((fromMs - originMs) / TICK_MS));
  for (let n = first; originMs + n * TICK_MS <= nowMs; n += 1) {
    out.push({ x: x(originMs + n * TICK_MS), label: clock(n * TICK_MS) });
  }
  return out;
}

/** Minutes and seconds. @param {number} ms */
export function clock(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/**
 * The picture in words: one sentence, and a row for each stretch of speech.
 * @param {View} view
 * @param {number} nowMs
 * @param {number} originMs
 * @param {number} [windowMs] how far back the sentence looks
 * @returns {{summary: string, rows: {who: Who, from: string, seconds: string, note: string}[]}}
 */
export function describe(view, nowMs, originMs, windowMs = 30_000) {
  /** @param {Interval} span */
  const recent = (span) => span.endMs > nowMs - windowMs;
  const person = personIntervals(view, nowMs).filter(recent);
  const agent = agentIntervals(view, nowMs).filter(recent);
  const both = overlaps(person, agent);
  const cuts = agent.filter((entry) => entry.cut).length;
  const summary = person.length + agent.length === 0
    ? 'Nobody spoke in the last 30 seconds.'
    : `In the last 30 seconds you spoke ${times(person)}, Counterpoint ${times(agent)}. ${count(both.length, 'overlap')}, ${count(cuts, 'cut-off')}.`;
  /** @param {Who} who @param {Interval} span @param {string} note */
  const row = (who, span, note) => ({ who, startMs: span.startMs, from: clock(span.startMs - originMs), seconds: ((span.endMs - span.startMs) / 1000).toFixed(1), note });
  const rows = [
    ...person.map((span) => row('person', span, overlaps([span], agent).length ? 'while Counterpoint spoke' : '')),
    ...view.seen.filter((one) => one.atMs > nowMs - windowMs).map((one) => row('agent', { startMs: one.atMs, endMs: one.atMs }, `saw: ${one.label}`)),
    ...agent.map((entry) => row('agent', entry, entry.cut ? 'cut off' : entry.playing ? 'speaking now' : '')),
  ];
  return { summary, rows: rows.sort((a, b) => a.startMs - b.startMs).map(({ startMs: _, ...rest }) => rest) };
}

/** @param {readonly Interval[]} spans */
function times(spans) {
  const seconds = spans.reduce((sum, span) => sum + span.endMs - span.startMs, 0) / 1000;
  return `${spans.length === 1 ? 'once' : `${spans.length} times`} (${seconds.toFixed(0)} s)`;
}

/** @param {number} n @param {string} word */
const count = (n, word) => `${n === 0 ? 'No' : n} ${word}${n === 1 ? '' : 's'}`;
