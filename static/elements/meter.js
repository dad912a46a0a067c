/**
 * How loud a microphone is, told ten times a second while there is one.
 *
 * @module elements/meter
 */

import { LevelMeter } from '../level.js';

const EVERY_MS = 100;

export class Meter {
  /** @type {AudioContext | null} */
  #audio = null;
  /** @type {LevelMeter | null} */
  #level = null;
  #timer = 0;
  #onLevel;

  /** @param {(peak: number | null) => void} onLevel 0 to 1; null while it cannot be measured */
  constructor(onLevel) {
    this.#onLevel = onLevel;
  }

  /** @param {MediaStream | null} stream null ends it and frees all it held */
  listen(stream) {
    clearInterval(this.#timer);
    this.#level?.close();
    this.#level = null;
    void this.#audio?.close();
    this.#audio = null;
    this.#onLevel(null);
    if (!stream) return;
    this.#audio = new AudioContext();
    const level = new LevelMeter(this.#audio, stream);
    this.#level = level;
    this.#timer = setInterval(() => this.#onLevel(level.peak()), EVERY_MS);
  }
}
