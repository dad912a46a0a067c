/**
 * A conversation and its place on the screen: what people ask for there is done, what it tells is
 * shown. The page has one of these, and every `<counterpoint-call>`.
 *
 * @module elements/talk
 */

import { DeadMicrophone } from '../dead-microphone.js';
import { follow, picture } from '../follow.js';
import { initialView, isActive } from '../view.js';
import { Wake } from '../wake.js';
import { callView } from './call-view.js';

/** @typedef {import('../view.js').View} View */
/** @typedef {import('../counterpoint.js').Conversation} Conversation */
/**
 * What only one place has.
 * @typedef {object} Place
 * @property {Document | ShadowRoot} root has the parts that `callView` shows
 * @property {Readonly<import('./strings.js').Strings>} strings
 * @property {() => Conversation} make one that is about to begin
 * @property {(conversation: Conversation, signal: AbortSignal) => void} listen hears of one until the next begins
 * @property {(view: View) => void} show called when the view changed
 */

export class Talk {
  /** From `start` on; also after it ended, for its record. @type {Conversation | null} */
  conversation = null;
  view = initialView();
  /** Tells the view what the conversation does not. */
  tell;
  #place;
  #shown;
  #wake;
  /** Ends with one conversation's place on the screen. */
  #hearing = new AbortController();
  /** Also before a conversation, and from one to the next. */
  #muted = false;
  #dead = new DeadMicrophone();

  /** @param {Place} place @param {AbortSignal} signal hangs up, and ends all listeners and timers */
  constructor(place, signal) {
    this.#place = place;
    this.#shown = callView(place.root, signal, place.strings);
    this.#wake = new Wake(signal);
    this.tell = picture((view) => this.#show(view), signal);
    this.#shown.render(this.view);
    this.#obey(signal);
    window.addEventListener('pagehide', () => this.end(), { signal });
    signal.addEventListener('abort', () => {
      this.end();
      this.#hearing.abort();
    }, { once: true });
  }

  /**
   * Begin the call. Resolves when it is over.
   * @throws {TypeError} for an address or a tool that cannot be used
   */
  async start() {
    if (isActive(this.conversation?.phase ?? 'idle')) return;
    const conversation = this.#place.make();
    this.#hearing.abort();
    this.#hearing = new AbortController();
    this.conversation = conversation;
    this.#hear(conversation, this.#hearing.signal);
    await conversation.start({ deviceId: this.#shown.devices.microphone() });
  }

  end() {
    this.conversation?.end();
  }

  stop() {
    this.conversation?.stop();
  }

  /** @param {boolean} muted whether the microphone sends silence */
  mute(muted) {
    this.#muted = muted;
    this.conversation?.mute(muted);
    this.tell({ type: 'muted', muted });
  }

  /** How loud the microphone is just now. @param {number | null} peak 0 to 1; null where nobody can tell */
  level(peak) {
    this.#shown.level(peak ?? 0);
    const { phase, muted, problem } = this.view;
    const listening = peak !== null && phase === 'live' && !muted && !problem;
    if (this.#dead.hears(peak ?? 0, performance.now(), listening)) this.#warn('dead-microphone', this.#place.strings.deadMicrophone);
  }

  /** @param {View} view */
  #show(view) {
    this.view = view;
    this.#shown.render(view);
    this.#place.show(view);
  }

  /** @param {AbortSignal} signal */
  #obey(signal) {
    /** @type {Record<string, (detail: any) => void>} */
    const requests = {
      'call-start': () => void this.start(),
      'call-end': () => this.end(),
      'call-stop': () => this.stop(),
      'call-mute': () => this.mute(!this.#muted),
      'call-text': ({ text, told }) => told(this.#type(text)),
      'call-retry': () => this.conversation?.retry(),
      'notice-dismiss': (id) => this.tell({ type: 'dismiss', id }),
      'choose-microphone': (id) => void this.conversation?.useMicrophone(id),
      'choose-loudspeaker': () => void this.#useLoudspeaker(),
      'sight-show': (source) => void this.#look(source),
      'sight-hide': (source) => this.conversation?.sight.hide(source),
    };
    for (const [name, act] of Object.entries(requests)) {
      this.#place.root.addEventListener(name, (event) => act(/** @type {CustomEvent} */ (event).detail), { signal });
    }
  }

  /** @param {Conversation} conversation @param {AbortSignal} signal */
  #hear(conversation, signal) {
    follow(conversation, this.tell, signal);
    conversation.mute(this.#muted);
    conversation.on('phase', ({ phase }) => this.#wake.hold(isActive(phase)), { signal });
    conversation.on('microphone', ({ stream }) => {
      this.#dead.begin();
      this.tell({ type: 'retract', code: 'dead-microphone' });
      const track = stream?.getAudioTracks()[0];
      if (!track) return;
      track.onmute = () => this.#warn('dead-microphone', this.#place.strings.deadMicrophone);
      track.onunmute = () => this.tell({ type: 'retract', code: 'dead-microphone' });
      void this.#shown.devices.refresh();
    }, { signal });
    conversation.on('voice', ({ stream }) => void (stream && this.#useLoudspeaker()), { signal });
    conversation.on('shown', ({ source, stream }) => this.#shown.sight?.show(source, stream), { signal });
    conversation.on('blocked', ({ blocked }) => {
      if (blocked) this.#warn('autoplay', this.#place.strings.blocked);
      else this.tell({ type: 'retract', code: 'autoplay' });
    }, { signal });
    this.#place.listen(conversation, signal);
  }

  /** @param {string} text @returns {string} what is wrong, or nothing when it was sent */
  #type(text) {
    const { notNow, notConnected, tooLong } = this.#place.strings;
    try {
      if (this.conversation?.sendText(text)) return '';
    } catch {
      return tooLong;
    }
    return isActive(this.view.phase) ? notNow : notConnected;
  }

  async #useLoudspeaker() {
    try {
      await this.conversation?.useLoudspeaker(this.#shown.devices.loudspeaker());
    } catch {
      this.#warn('loudspeaker', this.#place.strings.loudspeakerFailed);
      await this.conversation?.useLoudspeaker('').catch(() => {});
    }
  }

  /** @param {import('../camera.js').Source} source */
  async #look(source) {
    try {
      await this.conversation?.sight.show(source, this.#shown.sight?.camera() ?? '');
    } catch (error) {
      this.#warn('sight', this.#place.strings.sightFailed.replace('{why}', error instanceof Error ? error.message : String(error)));
    }
  }

  /** @param {string} code @param {string} text */
  #warn(code, text) {
    this.tell({ type: 'notice', kind: 'warning', code, text });
  }
}
