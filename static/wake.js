/**
 * Keeps the screen lit while a call lasts: a phone that goes dark takes the microphone away.
 *
 * @module wake
 */

export class Wake {
  #wanted = false;
  /** @type {WakeLockSentinel | null} */
  #lock = null;
  /** One change at a time, or a lock could be lost from sight. @type {Promise<void>} */
  #turn = Promise.resolve();

  /** @param {AbortSignal} signal ends it */
  constructor(signal) {
    // The browser takes it back from a tab that is hidden.
    document.addEventListener('visibilitychange', () => this.hold(this.#wanted), { signal });
    signal.addEventListener('abort', () => this.hold(false), { once: true });
  }

  /** @param {boolean} wanted */
  hold(wanted) {
    this.#wanted = wanted;
    // Refused (a low battery, a site's policy): the call does without.
    this.#turn = this.#turn.then(() => this.#change()).catch(() => {});
  }

  async #change() {
    if (!this.#wanted) {
      await this.#lock?.release();
      this.#lock = null;
    } else if (!document.hidden && this.#lock?.released !== false) {
      this.#lock = (await navigator.wakeLock?.request('screen')) ?? null;
    }
  }
}
