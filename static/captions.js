/**
 * The captions of both sides: who said what, and how much of it was heard. Pure.
 *
 * @module captions
 */

import { LIMITS, endSpan, pageMs, pushed } from './view.js';

/** @typedef {import('./view.js').View} View */
/** @typedef {import('./view.js').Caption} Caption */

/**
 * The connection is gone: nothing that was open will ever be finished by an event.
 * @param {View} view
 * @param {number} atMs
 * @param {'lost' | ''} cutBy what cut off what was being said; empty where it was hung up
 * @returns {View}
 */
export function closeOpen(view, atMs, cutBy) {
  const captions = view.captions.map((caption) => {
    if (caption.status === 'done' || caption.status === 'cut') return caption;
    if (caption.who === 'person') return { ...caption, status: /** @type {const} */ ('done') };
    return { ...caption, status: /** @type {const} */ ('cut'), cutBy };
  });
  return { ...view, captions, speaking: endSpan(view.speaking, atMs), personState: 'silent', epoch: view.epoch + 1 };
}

/**
 * A turn of before this page was opened: it has words but no times.
 * @param {View} view
 * @param {import('./events.js').Turn} turn
 * @returns {View}
 */
export function rememberTurn(view, turn) {
  const [next, blank] = newCaption(view, turn.who, -1);
  const words = turn.text.split(/(?=\s)/).slice(0, LIMITS.words).map((text) => ({ text, start_ms: 0, end_ms: 0 }));
  const caption = { ...blank, words, wordsHeard: words.length, status: turn.cut ? 'cut' : 'done' };
  return { ...next, captions: pushed(next.captions, /** @type {Caption} */ (caption), LIMITS.captions) };
}

/**
 * @param {View} view
 * @param {'person' | 'agent'} who
 * @param {number} number
 * @returns {[View, Caption]}
 */
function newCaption(view, who, number) {
  /** @type {Caption} */
  const caption = {
    key: `${view.epoch}-${who}-${number}-${view.nextId}`,
    who,
    number,
    words: [],
    status: 'open',
    typed: false,
    wordsHeard: 0,
    heardMs: 0,
    heardAtMs: null,
    startedMs: null,
    cutBy: '',
  };
  return [{ ...view, nextId: view.nextId + 1 }, caption];
}

/**
 * Index of this epoch's caption with that number, or -1. Numbers of earlier epochs are someone else's.
 * @param {View} view
 * @param {'person' | 'agent'} who
 * @param {number} number
 */
function indexOf(view, who, number) {
  const prefix = `${view.epoch}-${who}-${number}-`;
  return view.captions.findLastIndex((caption) => caption.key.startsWith(prefix));
}

/**
 * @param {View} view
 * @param {import('./events.js').PersonWords} event
 * @returns {View}
 */
export function personWords(view, event) {
  const index = indexOf(view, 'person', event.segment);
  if (index < 0 && event.words.length === 0) return view;
  const [next, blank] = index < 0 ? newCaption(view, 'person', event.segment) : [view, view.captions[index]];
  const words = event.words.map((word) => ({
    text: word.text,
    start_ms: pageMs(view, word.start_ms),
    end_ms: pageMs(view, word.end_ms),
  }));
  const caption = /** @type {Caption} */ ({
    ...blank,
    words,
    typed: event.typed,
    startedMs: words[0]?.start_ms ?? null,
    status: event.final ? 'done' : 'open',
  });
  if (index < 0) return { ...next, captions: pushed(next.captions, caption, LIMITS.captions) };
  const captions = words.length || !event.final ? next.captions.with(index, caption) : next.captions.toSpliced(index, 1);
  return { ...next, captions };
}

/**
 * @param {View} view
 * @param {import('./events.js').AgentWords} event
 * @returns {View}
 */
export function agentWords(view, event) {
  return changeAgent(view, event.utterance, (caption) => ({
    ...caption,
    words: [...caption.words, ...event.words].slice(0, LIMITS.words),
  }));
}

/**
 * @param {View} view
 * @param {import('./events.js').AgentStarted} event
 * @returns {View}
 */
export function agentStarted(view, event) {
  return changeAgent(view, event.utterance, (caption) => ({
    ...caption,
    status: 'playing',
    startedMs: pageMs(view, event.at_ms),
  }));
}

/**
 * Change the caption of an utterance, made on first mention. One that was cut or heard to its end
 * is never changed again: words that were still under way when it was cut will not be heard.
 * @param {View} view
 * @param {number} utterance
 * @param {(caption: Caption) => Caption} change
 * @param {boolean} [create] whether a first mention makes a caption
 * @returns {View}
 */
function changeAgent(view, utterance, change, create = true) {
  const index = indexOf(view, 'agent', utterance);
  if (index < 0 && !create) return view;
  if (index < 0) {
    const [next, caption] = newCaption(view, 'agent', utterance);
    return { ...next, captions: pushed(next.captions, change(caption), LIMITS.captions) };
  }
  const caption = /** @type {Caption} */ (view.captions[index]);
  if (caption.status === 'done' || caption.status === 'cut') return view;
  return { ...view, captions: view.captions.with(index, change(caption)) };
}

/**
 * @param {View} view
 * @param {import('./events.js').AgentHeard | import('./events.js').AgentDone | import('./events.js').AgentCut} event
 * @returns {View}
 */
export function agentHeard(view, event) {
  /** @type {(caption: Caption) => Caption} */
  const change = (caption) => ({
    ...caption,
    status: event.type === 'agent.cut' ? 'cut' : event.type === 'agent.done' ? 'done' : 'playing',
    startedMs: caption.startedMs ?? pageMs(view, event.at_ms) - event.heard_ms,
    heardMs: event.heard_ms,
    heardAtMs: event.heard_ms > caption.heardMs ? pageMs(view, event.at_ms) : caption.heardAtMs,
    wordsHeard: event.words_heard,
    cutBy: event.type === 'agent.cut' ? event.by : '',
  });
  return changeAgent(view, event.utterance, change, false);
}
