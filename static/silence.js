/**
 * When the agent's voice is muted at the page and when it may be heard again. Pure.
 *
 * A stop mutes at once. What the server had already sent must not be heard any more; what it says
 * after it obeyed must be. The data channel is ordered, so a ping sent right behind the stop
 * divides the two: its answer *confirms* the stop, and the first utterance started after that is
 * let through.
 *
 * @module silence
 */
export class Silence {
  /** @type {{mark: number, confirmed: boolean} | null} */
  #held = null;

  /** Whether the voice is muted. */
  get on() {
    return this.#held !== null;
  }

  /** @param {number} mark the number the ping behind the stop carries */
  begin(mark) {
    this.#held = { mark, confirmed: false };
  }

  /**
   * The server answered that ping, or will not in time.
   * @param {number} mark an earlier stop's mark confirms nothing
   */
  confirm(mark) {
    if (this.#held?.mark === mark) this.#held.confirmed = true;
  }

  /** An utterance began. @returns {boolean} whether that ended the silence */
  started() {
    if (!this.#held?.confirmed) return false;
    this.#held = null;
    return true;
  }

  /** The voice that was muted is gone. */
  clear() {
    this.#held = null;
  }
}
