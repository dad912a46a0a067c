/**
 * A made-up conversation for the empty timeline, so that a person sees what the picture will be.
 *
 * @module timeline-sample
 */

import { initialView } from './view.js';

/** @typedef {import('./view.js').Caption} Caption */
/** @typedef {import('./timeline.js').Level} Level */

/** Milliseconds before "now": when each side spoke. */
const PERSON = /** @type {const} */ ([[25_000, 21_800], [13_400, 11_200], [5_200, 3_000]]);
const AGENT = /** @type {const} */ ([[21_200, 15_000], [10_700, 4_600], [2_400, 0]]);

/**
 * @returns {{view: import('./view.js').View, levels: Level[]}} a scene whose now is 0
 */
export function sampleScene() {
  const view = initialView();
  const captions = AGENT.map(([from, to], index) => agent(from - to, -from, index));
  const speaking = PERSON.map(([from, to]) => ({ startMs: -from, endMs: -to }));
  /** @type {Level[]} */
  const levels = [];
  for (let atMs = -25_000; atMs < 0; atMs += 100) {
    const wave = Math.abs(Math.sin(atMs / 310) * Math.sin(atMs / 97));
    /** @param {readonly (readonly [number, number])[]} spans */
    const on = (spans) => (spans.some(([from, to]) => atMs >= -from && atMs < -to) ? 0.02 + 0.4 * wave : 0);
    levels.push({ atMs, person: on(PERSON), agent: on(AGENT) });
  }
  return { view: { ...view, captions, speaking }, levels };
}

/** @param {number} heardMs @param {number} startedMs @param {number} number @returns {Caption} */
function agent(heardMs, startedMs, number) {
  const cut = number === 1;
  const words = [{ text: '', start_ms: 0, end_ms: heardMs + 2_000 }];
  const status = cut ? 'cut' : number === 2 ? 'playing' : 'done';
  return { key: `sample-${number}`, who: 'agent', number, words, status, typed: false, wordsHeard: 1, heardMs, heardAtMs: startedMs + heardMs, startedMs, cutBy: cut ? 'floor' : '' };
}
