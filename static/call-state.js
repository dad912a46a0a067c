/**
 * What the page shows, as a pure function of what happened: `reduce(view, action)`.
 *
 * @module call-state
 */

import { agentHeard, agentStarted, agentWords, closeOpen, personWords, rememberTurn } from './captions.js';
import { LIMITS, NOTHING_SEEN, endSpan, initialView, pageMs, pushed, withNotice } from './view.js';

export { LIMITS, initialView };

/** @typedef {import('./events.js').ServerEvent} ServerEvent */
/** @typedef {import('./problems.js').Problem} Problem */
/** @typedef {import('./view.js').View} View */
/** @typedef {import('./view.js').Notice} Notice */
/** @typedef {import('./view.js').Phase} Phase */

/**
 * @typedef {{type: 'event', event: ServerEvent, receivedMs: number}
 *   | {type: 'phase', phase: Phase, atMs: number, retryAtMs?: number, reason?: string}
 *   | {type: 'problem', problem: Problem | null}
 *   | {type: 'muted', muted: boolean}
 *   | {type: 'notice', kind: Notice['kind'], code: string, text: string}
 *   | {type: 'dismiss', id: number}
 *   | {type: 'retract', code: string}
 *   | {type: 'begin'}
 *   | {type: 'forgotten'}} Action
 */

/**
 * The view after `action`. Never changes `view`; parts that did not change keep their identity.
 * @param {View} view
 * @param {Action} action
 * @returns {View}
 */
export function reduce(view, action) {
  switch (action.type) {
    case 'event':
      return reduceEvent(withClock(view, action.event, action.receivedMs), action.event);
    case 'phase':
      return reducePhase(view, action);
    case 'problem':
      return { ...view, problem: action.problem };
    case 'muted':
      return { ...view, muted: action.muted };
    case 'notice':
      return withNotice(view, action.kind, action.code, action.text);
    case 'dismiss':
      return { ...view, notices: view.notices.filter((notice) => notice.id !== action.id) };
    case 'retract': // It no longer holds.
      return without(view, action.code);
    case 'begin':
      return { ...initialView(), muted: view.muted, epoch: view.epoch + 1, nextId: view.nextId };
    case 'forgotten':
      return withNotice(
        { ...initialView(), phase: view.phase, muted: view.muted, epoch: view.epoch + 1, nextId: view.nextId },
        'info',
        'forgotten',
        'The record was deleted from the server and from this page.',
      );
  }
}

/**
 * The offset between the session's clock and the page's is the smallest seen, because delay only
 * ever adds; it may creep up by 1 ms an event, so that a slow drift of clocks is followed.
 * @param {View} view
 * @param {ServerEvent} event
 * @param {number} receivedMs
 * @returns {View}
 */
function withClock(view, event, receivedMs) {
  const seen = receivedMs - event.at_ms;
  const fresh = view.clockOffsetMs === null || event.type === 'session.started';
  return { ...view, clockOffsetMs: fresh ? seen : Math.min(seen, Number(view.clockOffsetMs) + 1) };
}

/**
 * @param {View} view
 * @param {Extract<Action, {type: 'phase'}>} action
 * @returns {View}
 */
function reducePhase(view, action) {
  const over = ['reconnecting', 'ended', 'failed'].includes(action.phase);
  const closed = over ? closeOpen(withoutStanding(view), action.atMs, action.phase === 'ended' ? '' : 'lost') : view;
  const ended = action.phase === 'ended' ? ENDED[action.reason ?? ''] : undefined;
  const base = ended ? withNotice(closed, 'info', 'ending', ended, action.reason) : closed;
  return {
    ...base,
    phase: action.phase,
    retryAtMs: action.retryAtMs ?? null,
    endReason: action.phase === 'ended' ? (action.reason ?? '') : view.endReason,
    problem: action.phase === 'live' ? null : view.problem,
    health: action.phase === 'live' ? base.health : null,
    look: action.phase === 'live' ? base.look : NOTHING_SEEN,
  };
}

/**
 * @param {View} view
 * @param {ServerEvent} event
 * @returns {View}
 */
function reduceEvent(view, event) {
  switch (event.type) {
    case 'session.started':
      return startSession(view, event);
    case 'session.ending':
      return withNotice(view, 'warning', 'ending', ENDINGS[event.reason] ?? 'The conversation is about to end.', event.reason);
    case 'session.ended':
      return { ...view, endReason: event.reason };
    case 'person.words':
      return personWords(view, event);
    case 'person.state':
      return personState(view, event.state, pageMs(view, event.at_ms));
    case 'agent.words':
      return agentWords(view, event);
    case 'agent.started':
      return { ...agentStarted(view, event), floor: '' };
    case 'agent.heard':
    case 'agent.done':
      return agentHeard(view, event);
    case 'agent.cut':
      return hintAtEcho(agentHeard(view, event), event.by);
    case 'floor': {
      const mark = { atMs: pageMs(view, event.at_ms), decision: event.decision, probability: event.probability };
      return { ...view, floor: event.decision, marks: pushed(view.marks, mark, LIMITS.marks) };
    }
    case 'latency': {
      const latency = { utterance: event.utterance, latencyMs: event.latency_ms };
      return { ...view, latencies: pushed(view.latencies, latency, LIMITS.latencies) };
    }
    case 'engine':
      return engineState(view, event);
    case 'eyes.seen': {
      const { source, what, label, score, box } = event;
      const seen = { atMs: pageMs(view, event.seen_ms), source, what, label, score, ...(box ? { box } : {}) };
      return { ...view, seen: pushed(view.seen, seen, LIMITS.seen) };
    }
    case 'eyes.state':
      return { ...view, look: { ...view.look, [event.source]: { state: event.state, message: event.message } } };
    case 'health':
      return {
        ...view,
        health: {
          rttMs: event.rtt_ms,
          lost: event.lost,
          concealed: event.concealed,
          behindMs: event.behind_ms,
          queuedMs: event.queued_ms,
        },
      };
    case 'listeners':
      return listeners(view, event);
    case 'error':
      return withNotice(view, 'error', `error-${event.code}`, event.message || `The server reported ${event.code}.`);
    case 'agent.remembered': // for tests and tools; the captions show what was heard
    case 'agent.complete':
    case 'agent.held':
    case 'agent.saying':
    case 'eyes.wanted': // see camera.js
    case 'settings.changed':
    case 'tool.call':
    case 'tool.ended':
    case 'pong':
      return view;
  }
}

/** What the person is told before the server hangs up. @type {Readonly<Record<string, string>>} */
const ENDINGS = {
  shutdown: 'The server is shutting down; this conversation is about to end.',
  goodbye: 'Goodbye. The conversation is about to end.',
  idle: 'Nobody has spoken for a while; the conversation is about to end.',
  replaced: 'The conversation goes on in another connection.',
  limit: 'The longest time for one conversation is almost over.',
};

/** What the person is told after the server hung up. @type {Readonly<Record<string, string>>} */
const ENDED = {
  shutdown: 'The server was shut down. Press Start when it is back.',
  goodbye: 'Goodbye.',
  idle: 'Nobody spoke for a while, so the conversation was ended. Press Start for another one.',
  replaced: 'The conversation went on in another connection.',
  limit: 'The longest time for one conversation is over. Press Start for another one.',
  internal: 'Something failed on the server and the conversation was ended. Press Start for another one.',
  too_fast: 'The server ended the conversation because this page sent too much at once.',
};

/**
 * @param {View} view
 * @param {import('./events.js').SessionStarted} event
 * @returns {View}
 */
function startSession(view, event) {
  const next = { ...withoutStanding(view), session: event.session, parts: event.parts, epoch: view.epoch + 1 };
  if (view.captions.length > 0) {
    if (event.resumed) return withNotice(next, 'info', 'resumed', 'Connected again. The conversation goes on.');
    return withNotice(next, 'warning', 'restarted', 'Connected again, but the server no longer remembers what was said.');
  }
  return event.turns.slice(-LIMITS.captions).reduce(rememberTurn, next);
}

/**
 * @param {View} view
 * @param {string} state
 * @param {number} atMs
 * @returns {View}
 */
function personState(view, state, atMs) {
  const voiced = state === 'speaking' || state === 'acknowledging';
  const on = view.speaking.at(-1)?.endMs === null;
  let speaking = view.speaking;
  if (voiced && !on) speaking = pushed(speaking, { startMs: atMs, endMs: null }, LIMITS.spans);
  if (!voiced && on) speaking = endSpan(speaking, atMs);
  return { ...view, personState: state, speaking };
}

/**
 * Being cut off twice early on is what a loudspeaker heard by the microphone looks like.
 * @param {View} view
 * @param {string} by
 * @returns {View}
 */
function hintAtEcho(view, by) {
  if (by !== 'floor') return view;
  const next = { ...view, floorCuts: view.floorCuts + 1 };
  if (next.floorCuts !== 2 || next.captions.length > 8) return next;
  return withNotice(next, 'info', 'headphones', 'If it stops although you said nothing, it is hearing itself: wear headphones or turn the loudspeaker down.');
}

/** Notices that stand for as long as the server says so. */
const STANDING = ['listeners', 'engine'];

/** What stood with one connection does not stand with the next. @param {View} view @returns {View} */
function withoutStanding(view) {
  return without(view, ...STANDING);
}

/** @param {View} view @param {string[]} codes of notices @returns {View} */
function without(view, ...codes) {
  const notices = view.notices.filter((notice) => !codes.includes(notice.code));
  return notices.length === view.notices.length ? view : { ...view, notices };
}

/**
 * The person is told as long as somebody listens in.
 * @param {View} view
 * @param {import('./events.js').Listeners} event
 * @returns {View}
 */
function listeners(view, event) {
  const rest = without(view, 'listeners');
  if (event.count === 0) return rest;
  const who = event.count === 1 ? 'Somebody else listens' : `${event.count} others listen`;
  return withNotice(rest, 'warning', 'listeners', `${who} to this conversation${event.hear_person ? ', to you too' : ''}.`, event.hear_person ? 'person' : '');
}

/**
 * @param {View} view
 * @param {import('./events.js').EngineState} event
 * @returns {View}
 */
function engineState(view, event) {
  const before = view.notices.find((notice) => notice.code === 'engine');
  if (event.state === 'ready') {
    const rest = { ...view, notices: view.notices.filter((notice) => notice !== before) };
    // A new engine may number its utterances from 0 again; all cuts of the old one were told by now.
    return before?.kind === 'error' ? closeOpen(rest, pageMs(view, event.at_ms), 'lost') : rest;
  }
  const restarting = event.state === 'restarting';
  const text = event.message || (restarting ? 'The engine stopped and is starting again. Nothing that was said is lost.' : 'The engine cannot keep up; answers will be late.');
  return withNotice(view, restarting ? 'error' : 'warning', 'engine', text, event.state);
}
