/**
 * The agent's voice, made audible by an audio element.
 *
 * @module loudspeaker
 */

export class Loudspeaker {
  #element;
  #onBlocked;
  /** Ends the waiting for a click. @type {AbortController | null} */
  #waiting = null;

  /**
   * @param {(blocked: boolean) => void} onBlocked told when the browser holds the sound back until somebody clicks, and when it no longer does
   * @param {HTMLAudioElement} [element] one that is in no document unless told
   */
  constructor(onBlocked, element = new Audio()) {
    this.#onBlocked = onBlocked;
    this.#element = element;
    this.#element.autoplay = true;
  }

  /** @param {MediaStream | null} stream null ends it */
  async play(stream) {
    this.#element.srcObject = stream;
    if (!stream) {
      this.#unblock();
      return this.#element.pause();
    }
    try {
      await this.#element.play();
      if (this.#element.srcObject === stream) this.#unblock();
    } catch (error) {
      if (this.#element.srcObject === stream && error instanceof DOMException && error.name === 'NotAllowedError') this.#wait();
    }
  }

  /** @param {boolean} silent */
  silence(silent) {
    this.#element.muted = silent;
  }

  /**
   * @param {string} deviceId empty = the browser's choice
   * @throws {DOMException} when it cannot be used
   */
  async use(deviceId) {
    if ('setSinkId' in this.#element) await this.#element.setSinkId(deviceId);
  }

  #wait() {
    // Not every key is enough for the browser: it is still held back, and that was told.
    if (this.#waiting) return;
    this.#waiting = new AbortController();
    this.#onBlocked(true);
    const again = () => void this.play(/** @type {MediaStream | null} */ (this.#element.srcObject));
    // A finger's touch counts as a gesture when it is lifted.
    for (const name of ['pointerdown', 'pointerup', 'keydown']) document.addEventListener(name, again, { signal: this.#waiting.signal });
  }

  #unblock() {
    if (!this.#waiting) return;
    this.#waiting.abort();
    this.#waiting = null;
    this.#onBlocked(false);
  }
}
