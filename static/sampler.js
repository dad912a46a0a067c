/**
 * How loud both sides are over time, for the level meter and the timeline, and when the agent's
 * voice fell silent after it was cut. Uses WebAudio, no DOM.
 *
 * @module sampler
 */

import { LevelMeter, SILENCE } from './level.js';
import { LEVELS_KEPT } from './timeline.js';

const TICK_MS = 20;
const KEEP_EVERY = 2;
const SILENCES_KEPT = 20;

/**
 * An interruption: when the page learned of it (or was asked for it), and when the voice was silent.
 * @typedef {{by: string, atMs: number, silentMs: number | null}} Silenced
 */

export class Sampler {
  /** Newest last, one each 40 ms, bounded. @type {import('./timeline.js').Level[]} */
  levels = [];
  /** Newest last, bounded. @type {Silenced[]} */
  silences = [];
  /** @type {AudioContext | null} */
  #audio = null;
  /** @type {{person: LevelMeter | null, agent: LevelMeter | null}} */
  #meters = { person: null, agent: null };
  #onLevel;
  #timer = 0;
  #ticks = 0;

  /** @param {(peak: number | null) => void} onLevel told the microphone's level about 25 times a second; null while it cannot be measured */
  constructor(onLevel) {
    this.#onLevel = onLevel;
  }

  /** Must be called in answer to a click, or the browser keeps the audio suspended. */
  begin() {
    this.end();
    this.#audio = new AudioContext({ latencyHint: 'interactive' });
    this.#timer = setInterval(() => this.#tick(performance.now()), TICK_MS);
  }

  end() {
    clearInterval(this.#timer);
    this.listen('person', null);
    this.listen('agent', null);
    void this.#audio?.close();
    this.#audio = null;
    this.#onLevel(null);
  }

  /** @param {'person' | 'agent'} who @param {MediaStream | null} stream */
  listen(who, stream) {
    this.#meters[who]?.close();
    this.#meters[who] = this.#audio && stream ? new LevelMeter(this.#audio, stream) : null;
  }

  /** The agent was cut off just now. @param {string} by @param {number} nowMs */
  cut(by, nowMs) {
    if (this.silences.at(-1)?.silentMs === null) return;
    this.silences.push({ by, atMs: nowMs, silentMs: null });
    this.silences.splice(0, this.silences.length - SILENCES_KEPT);
  }

  clear() {
    this.levels.length = 0;
    this.silences.length = 0;
  }

  /** @param {number} nowMs */
  #tick(nowMs) {
    const person = this.#meters.person?.peak() ?? null;
    const agent = this.#meters.agent?.peak() ?? 0;
    const pending = this.silences.at(-1);
    if (pending?.silentMs === null && agent < SILENCE) pending.silentMs = nowMs;
    this.#ticks += 1;
    if (this.#ticks % KEEP_EVERY) return;
    this.levels.push({ atMs: nowMs, person: person ?? 0, agent });
    if (this.levels.length > LEVELS_KEPT) this.levels.splice(0, this.levels.length - LEVELS_KEPT);
    this.#onLevel(person);
  }
}
