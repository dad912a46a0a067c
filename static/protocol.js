/**
 * The Counterpoint dialect, version 1 (docs/events.md): what the server sends is checked, what a
 * client sends is built. The types are those of `events.d.ts`. Pure: no DOM, no network, no clock.
 *
 * @module protocol
 */

export const CHANNEL_LABEL = 'counterpoint';
/** Longest message either side sends, in UTF-16 units here and bytes on the wire. */
export const MAX_MESSAGE_BYTES = 16 * 1024;

/** @typedef {import('./events.js').ServerEvent} ServerEvent */
/** @typedef {import('./events.js').ClientEvent} ClientEvent */
/** @typedef {import('./events.js').Word} Word */

/** @typedef {{event: ServerEvent, fault?: undefined} | {event?: undefined, fault: string}} Parsed */

/**
 * A field's check: returns the value to keep, undefined when it is not acceptable, ABSENT when it
 * may be missing and is.
 * @typedef {(value: unknown) => unknown} Check
 */

const ABSENT = Symbol('absent');

export const TOO_LONG = 'That text is too long to send at once. Send it in parts of less than 16 KiB.';
const MAX_WORDS = 2000;
const MAX_WORD_CHARACTERS = 200;
const MAX_TEXT_CHARACTERS = 16 * 1024;

/** @type {Check} */
const text = (value) => (typeof value === 'string' ? value.slice(0, MAX_TEXT_CHARACTERS) : undefined);
/** @type {Check} */
const number = (value) => (typeof value === 'number' && Number.isFinite(value) ? value : undefined);
/** @type {Check} */
const count = (value) => (Number.isSafeInteger(value) && Number(value) >= 0 ? value : undefined);
/** @type {Check} */
const flag = (value) => (typeof value === 'boolean' ? value : undefined);
/** @type {Check} */
const share = (value) => (number(value) === undefined ? undefined : Math.min(1, Math.max(0, Number(value))));
/** @type {(...allowed: string[]) => Check} */
const oneOf = (...allowed) => (value) => (typeof value === 'string' && allowed.includes(value) ? value : undefined);
/** @type {(check: Check, fallback?: unknown) => Check} */
const optional = (check, fallback = ABSENT) => (value) => (value === undefined || value === null ? fallback : check(value));

/** @type {Check} */
function words(value) {
  if (!Array.isArray(value)) return undefined;
  /** @type {Word[]} */
  const kept = [];
  for (const word of value.slice(0, MAX_WORDS)) {
    if (!isObject(word) || typeof word.text !== 'string') return undefined;
    const start = number(word.start_ms);
    const end = number(word.end_ms);
    if (start === undefined || end === undefined) return undefined;
    const startMs = Number(start);
    kept.push({
      text: word.text.slice(0, MAX_WORD_CHARACTERS),
      start_ms: startMs,
      end_ms: Math.max(startMs, Number(end)),
    });
  }
  return kept;
}

/** @type {Check} */
function turns(value) {
  if (!Array.isArray(value)) return undefined;
  return value
    .filter((turn) => isObject(turn) && typeof turn.text === 'string' && (turn.who === 'person' || turn.who === 'agent'))
    .slice(-MAX_WORDS)
    .map((turn) => ({ who: turn.who, text: text(turn.text), cut: turn.cut === true }));
}

/** @type {Check} */
function names(value) {
  if (!isObject(value)) return undefined;
  const pairs = Object.entries(value).filter((pair) => typeof pair[1] === 'string');
  return Object.fromEntries(pairs.slice(0, 32));
}

/** The request that an event is about: not worth losing the event for. @type {Check} */
const named = (value) => (typeof value === 'string' ? text(value) : ABSENT);
const source = oneOf('camera', 'screen');
/** @type {Check} */
const box = (value) => (Array.isArray(value) && value.length === 4 && value.every((one) => one >= 0 && one <= 1) ? value : undefined);
/** @type {Check} */
const record = (value) => (isObject(value) ? value : undefined);

const heard = { utterance: count, heard_ms: number, words_heard: count };

/** A reader for every event: tsc misses one that has none. @satisfies {Record<ServerEvent['type'], Record<string, Check>>} */
const SERVER_EVENTS = {
  'session.started': {
    session: text,
    dialect: number,
    resumed: optional(flag, false),
    parts: optional(names, {}),
    turns: optional(turns, []),
  },
  'session.ending': { reason: text, in_ms: optional(number, 0) },
  'session.ended': { reason: text },
  'person.words': { segment: count, words, final: flag, typed: optional(flag, false) },
  'person.state': {
    state: oneOf('speaking', 'pausing', 'finished', 'acknowledging', 'elsewhere', 'silent'),
    probability: optional(share, 1),
  },
  'agent.words': { utterance: count, words },
  'agent.started': { utterance: count },
  'agent.heard': heard,
  'agent.done': heard,
  'agent.cut': { ...heard, by: oneOf('floor', 'stop', 'quiet', 'engine', 'client') },
  'agent.remembered': { utterance: count, text, cut: flag },
  floor: {
    decision: oneOf('listen', 'take', 'hold', 'yield', 'backchannel'),
    probability: optional(share, 1),
  },
  latency: { utterance: count, latency_ms: number },
  engine: { state: oneOf('ready', 'restarting', 'slow'), message: optional(text, '') },
  health: {
    rtt_ms: optional(number, 0),
    lost: optional(share, 0),
    concealed: optional(share, 0),
    behind_ms: optional(number, 0),
    queued_ms: optional(number, 0),
  },
  pong: { sent_ms: number },
  'agent.complete': { utterance: count, length_ms: number, limited: optional(flag) },
  'agent.held': { held: flag },
  'agent.saying': { say: text, state: oneOf('began', 'dropped'), utterance: optional(count) },
  'settings.changed': { settings: record, event_id: named },
  'eyes.wanted': { source, frames_a_second: number, width: count, height: count },
  'eyes.state': { source, state: oneOf('off', 'waiting', 'looking', 'limited', 'dark', 'still', 'stalled', 'unusable', 'absent'), message: optional(text, '') },
  'eyes.seen': { source, what: text, label: text, score: share, seen_ms: number, box: optional(box) },
  listeners: { count, hear_person: flag },
  'tool.call': { call: text, name: text, arguments: optional(record, {}) },
  'tool.ended': { call: text, failed: flag, text: optional(text, '') },
  error: { code: text, message: optional(text, ''), fatal: optional(flag, false), event_id: named },
};

/**
 * Read one message of the data channel.
 *
 * Unknown fields are dropped; unknown types and bad fields come back as a `fault` that says what
 * was wrong, never as an exception, so that one bad message cannot end a conversation.
 *
 * @param {unknown} message what the channel delivered
 * @returns {Parsed}
 */
export function parseServerEvent(message) {
  if (typeof message !== 'string') return { fault: 'the message is not text' };
  /** @type {unknown} */
  let value;
  try {
    value = JSON.parse(message);
  } catch {
    return { fault: 'the message is not JSON' };
  }
  if (!isObject(value) || typeof value.type !== 'string') return { fault: 'the message has no type' };
  const fields = Object.hasOwn(SERVER_EVENTS, value.type) ? SERVER_EVENTS[/** @type {ServerEvent['type']} */ (value.type)] : undefined;
  if (!fields) return { fault: `unknown type ${value.type.slice(0, 64)}` };
  /** @type {Record<string, unknown>} */
  const event = { type: value.type, seq: number(value.seq) ?? -1, at_ms: number(value.at_ms) ?? 0 };
  for (const [name, check] of Object.entries(fields)) {
    const kept = check(value[name]);
    if (kept === undefined) return { fault: `${value.type}: bad field ${name}` };
    if (kept !== ABSENT) event[name] = kept;
  }
  return { event: /** @type {ServerEvent} */ (/** @type {unknown} */ (event)) };
}

/**
 * Typed words for the model.
 * @param {string} typed
 * @param {string} [eventId] named by an error this event causes
 * @returns {ClientEvent}
 * @throws {RangeError} when the text is empty or the message would be over 16 KiB
 */
export function textSend(typed, eventId) {
  const trimmed = typed.trim();
  if (!trimmed) throw new RangeError('Type something first.');
  /** @type {ClientEvent} */
  const event = eventId === undefined ? { type: 'text.send', text: trimmed } : { type: 'text.send', text: trimmed, event_id: eventId };
  if (new TextEncoder().encode(JSON.stringify(event)).length > MAX_MESSAGE_BYTES) {
    throw new RangeError(TOO_LONG);
  }
  return event;
}

/** Fall silent now. @returns {ClientEvent} */
export const speechStop = () => ({ type: 'speech.stop' });
/** Hang up. @returns {ClientEvent} */
export const sessionEnd = () => ({ type: 'session.end' });
/** Answered by a `pong` with the same number. @param {number} sentMs @returns {ClientEvent} */
export const ping = (sentMs) => ({ type: 'ping', sent_ms: sentMs });

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
export function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
