/**
 * The shape of what the page shows: its types, its bounds, its beginning, and the few small changes
 * that both reducers need. Pure.
 *
 * Every time in a view is in milliseconds of the *page's* clock (`performance.now()`), so that a
 * conversation that goes on over a new connection, whose session clock starts again, stays one
 * picture. Every array is bounded; the oldest entries leave first.
 *
 * @module view
 */

/** @typedef {import('./events.js').Word} Word */
/** @typedef {import('./problems.js').Problem} Problem */

/**
 * idle: nothing yet · asking: the browser asks for the microphone · connecting · live ·
 * reconnecting: the connection was lost, a new one is being made · waiting: the next attempt is
 * at `retryAtMs` · ended: hung up by either side · failed: see `problem`.
 * @typedef {'idle' | 'asking' | 'connecting' | 'live' | 'reconnecting' | 'waiting' | 'ended' | 'failed'} Phase
 */

/**
 * One turn of one side.
 * @typedef {object} Caption
 * @property {string} key unique on the page
 * @property {'person' | 'agent'} who
 * @property {number} number the segment or utterance
 * @property {Word[]} words a person's times are of the page's clock; the agent's count from its first sample
 * @property {'open' | 'playing' | 'done' | 'cut'} status open: a person still speaking, or planned and not begun
 * @property {boolean} typed
 * @property {number} wordsHeard of the agent's words; a person's are all heard
 * @property {number} heardMs how much of the utterance was heard
 * @property {number | null} heardAtMs when that much had been heard; later than `startedMs + heardMs` where the voice had to wait for the engine
 * @property {number | null} startedMs when the first sample was sent, or the first word began
 * @property {string} cutBy empty unless cut: `floor` `stop` `quiet` `engine` `lost`
 */

/** @typedef {{startMs: number, endMs: number | null}} Span */
/** @typedef {{atMs: number, decision: import('./events.js').Floor['decision'], probability: number}} Mark */
/** @typedef {{utterance: number, latencyMs: number}} Latency */
/** @typedef {{rttMs: number, lost: number, concealed: number, behindMs: number, queuedMs: number}} Health */
/** @typedef {import('./camera.js').Source} Source */
/** Something that was seen; `box`: left, top, width, height as shares of the picture. @typedef {{atMs: number, source: Source, what: string, label: string, score: number, box?: number[]}} Seen */
/** Whether the server looks, and what of it the person should know. @typedef {{state: import('./events.js').EyesState['state'], message: string}} Look */
/** @typedef {{id: number, kind: 'info' | 'warning' | 'error', code: string, text: string, detail: string}} Notice */

/**
 * @typedef {object} View
 * @property {Phase} phase
 * @property {Problem | null} problem
 * @property {number | null} retryAtMs
 * @property {string} endReason
 * @property {string} session
 * @property {Readonly<Record<string, string>>} parts
 * @property {boolean} muted
 * @property {readonly Caption[]} captions
 * @property {readonly Span[]} speaking when the person's voice was on, newest last
 * @property {readonly Mark[]} marks floor decisions, newest last
 * @property {readonly Latency[]} latencies newest last
 * @property {readonly Seen[]} seen newest last
 * @property {Readonly<Record<Source, Look>>} look
 * @property {Health | null} health
 * @property {readonly Notice[]} notices newest last
 * @property {string} personState
 * @property {string} floor the last decision; empty again once what it decided has begun
 * @property {number | null} clockOffsetMs page time of the session's 0
 * @property {number} epoch counts connections and engine restarts: numbers may start again
 * @property {number} nextId
 * @property {number} floorCuts times the person's voice cut the agent off
 */

export const LIMITS = Object.freeze({
  captions: 200,
  words: 2000,
  spans: 200,
  marks: 200,
  latencies: 20,
  seen: 200,
  notices: 9,
});

/** @type {View['look']} */
export const NOTHING_SEEN = Object.freeze({ camera: { state: 'off', message: '' }, screen: { state: 'off', message: '' } });

/** Whether a call is being made or held. @param {Phase} phase */
export const isActive = (phase) => !['idle', 'ended', 'failed'].includes(phase);

/** The view before anything happened. @returns {View} */
export function initialView() {
  return {
    phase: 'idle',
    problem: null,
    retryAtMs: null,
    endReason: '',
    session: '',
    parts: {},
    muted: false,
    captions: [],
    speaking: [],
    marks: [],
    latencies: [],
    seen: [],
    look: NOTHING_SEEN,
    health: null,
    notices: [],
    personState: 'silent',
    floor: '',
    clockOffsetMs: null,
    epoch: 0,
    nextId: 0,
    floorCuts: 0,
  };
}

/** @param {View} view @param {number} sessionMs */
export const pageMs = (view, sessionMs) => sessionMs + (view.clockOffsetMs ?? 0);

/**
 * @template T
 * @param {readonly T[]} list
 * @param {T} item
 * @param {number} limit
 * @returns {T[]}
 */
export function pushed(list, item, limit) {
  return [...list.slice(Math.max(0, list.length + 1 - limit)), item];
}

/**
 * @param {readonly Span[]} spans
 * @param {number} atMs
 * @returns {readonly Span[]}
 */
export function endSpan(spans, atMs) {
  const last = spans.at(-1);
  if (!last || last.endMs !== null) return spans;
  return [...spans.slice(0, -1), { startMs: last.startMs, endMs: Math.max(last.startMs, atMs) }];
}

/**
 * A notice replaces an earlier one of the same code.
 * @param {View} view
 * @param {Notice['kind']} kind
 * @param {string} code
 * @param {string} text
 * @param {string} [detail] which of its code's meanings, so that a site can word each
 * @returns {View}
 */
export function withNotice(view, kind, code, text, detail = '') {
  const others = view.notices.filter((notice) => notice.code !== code);
  const notice = { id: view.nextId, kind, code, text, detail };
  return { ...view, nextId: view.nextId + 1, notices: pushed(others, notice, LIMITS.notices) };
}
