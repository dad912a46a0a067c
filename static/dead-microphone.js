/**
 * Notices a microphone that gives nothing at all, not even a room's noise. Pure.
 *
 * @module dead-microphone
 */

/** A microphone this quiet for so long is switched off, or another one is meant. */
const [DEAD_PEAK, DEAD_MS] = [1e-4, 8_000];
/** A tab in the background measures once a second. */
const LONGEST_STEP_MS = 1_000;

export class DeadMicrophone {
  #open = false;
  #listenedMs = 0;
  #atMs = 0;

  /** Another one is used from now on. */
  begin() {
    this.#open = true;
    this.#listenedMs = 0;
  }

  /**
   * @param {number} peak 0 to 1, measured just now
   * @param {number} nowMs
   * @param {boolean} listening whether there should be something to be heard: not while it is muted
   * @returns {boolean} true once, when it has given nothing for too long
   */
  hears(peak, nowMs, listening) {
    const stepMs = Math.min(LONGEST_STEP_MS, nowMs - this.#atMs);
    this.#atMs = nowMs;
    if (!this.#open || !listening) return false;
    this.#listenedMs += stepMs;
    if (peak < DEAD_PEAK && this.#listenedMs < DEAD_MS) return false;
    this.#open = false;
    return peak < DEAD_PEAK;
  }
}
