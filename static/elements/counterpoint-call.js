/**
 * `<counterpoint-call>`: a conversation in any page, by one script tag and one element.
 *
 *     <script type="module" src="https://talk.example/static/dist/counterpoint-call.min.js"></script>
 *     <counterpoint-call heading="Ask us"></counterpoint-call>
 *
 * The site's origin must stand in the server's `allowed_origins`. Removing the element ends the call;
 * nothing of it stays.
 *
 * Attributes: `server` (the script's own unless told), `secret` or `secret-url` (POSTed to, answers
 * `{"value": "ek_…"}`), `heading`, `instructions`, `voice`, `eagerness`, `greeting`, `lang`, `dir`,
 * `captions="off"`, `typing="off"`, `devices="off"`, `sight="on"` (camera and screen may be shown).
 *
 * Properties: `settings`, `tools`, `secret`, `iceServers`, `strings` (set before the call begins);
 * `conversation`, `view` (read).
 *
 * Methods: `start()`, `end()`, `stop()`, `mute(muted)`, `sendText(text)`.
 *
 * Events, bubbling and composed, `detail` as in `call.js`: `counterpoint-phase`,
 * `counterpoint-problem`, `counterpoint-event`, `counterpoint-view` (`{view}`).
 *
 * Slots: `heading`, `empty` (before anything was said), `footer`. Parts: `call heading status dot
 * problem notices controls start stop mute level devices captions turn person agent composer input
 * send sight`. CSS variables: see `call-style.js`.
 *
 * @module elements/counterpoint-call
 */

import { Conversation, HOME } from '../counterpoint.js';
import { fetchSecret } from '../secrets.js';
import { initialView } from '../view.js';
import { buildCall } from './call-parts.js';
import { callStyle } from './call-style.js';
import { Meter } from './meter.js';
import { ENGLISH } from './strings.js';
import { Talk } from './talk.js';

/** @typedef {import('../counterpoint.js').ConversationOptions} Options */
/** @typedef {Partial<import('./strings.js').Strings> & Record<string, string>} OwnStrings */

const TEXTS = /** @type {const} */ (['instructions', 'voice', 'greeting']);
const NOTHING = initialView();

export class CounterpointCall extends HTMLElement {
  /** Words for every element of the page that has no others. @type {OwnStrings} */
  static strings = {};

  /** @type {NonNullable<Options['settings']>} */
  settings = early(this, 'settings', {});
  /** @type {NonNullable<Options['tools']>} */
  tools = early(this, 'tools', []);
  /** @type {NonNullable<Options['secret']>} */
  secret = early(this, 'secret', '');
  /** @type {RTCIceServer[]} */
  iceServers = early(this, 'iceServers', []);
  /** @type {OwnStrings} */
  strings = early(this, 'strings', {});

  /** Ends with the element's stay in the page. @type {AbortController | null} */
  #stay = null;
  /** @type {Talk | null} */
  #talk = null;
  /** Before it stands in a page. */
  #muted = false;
  #meter = new Meter((peak) => this.#talk?.level(peak));

  constructor() {
    super();
    this.attachShadow({ mode: 'open' });
  }

  /** The conversation, from `start` on; also after it ended, for its record. */
  get conversation() {
    return this.#talk?.conversation ?? null;
  }

  /** Captions, phase, problem and numbers as `view.js` has them. */
  get view() {
    return this.#talk?.view ?? NOTHING;
  }

  connectedCallback() {
    // Moved within the page: the conversation goes on.
    if (this.#stay) return;
    this.#stay = new AbortController();
    this.#build(this.#stay.signal);
  }

  disconnectedCallback() {
    queueMicrotask(() => {
      if (!this.isConnected) this.#leave();
    });
  }

  /**
   * Begin the call. Best in answer to a click: browsers hold the sound back otherwise. Resolves when
   * the call is over.
   * @throws {TypeError} for an address or a tool that cannot be used
   */
  async start() {
    await this.#talk?.start();
  }

  /** Hang up. */
  end() {
    this.#talk?.end();
  }

  /** Silence the agent. */
  stop() {
    this.#talk?.stop();
  }

  /** @param {boolean} muted whether the microphone sends silence */
  mute(muted) {
    this.#muted = muted;
    this.#talk?.mute(muted);
  }

  /** @param {string} text @returns {boolean} whether it could be sent now @throws {RangeError} when it is empty or too long */
  sendText(text) {
    return this.conversation?.sendText(text) ?? false;
  }

  /** @returns {Options} */
  #options() {
    const settings = { ...this.settings };
    for (const name of TEXTS) {
      const text = this.getAttribute(name);
      if (text !== null) settings[name] = text;
    }
    const eagerness = Number.parseFloat(this.getAttribute('eagerness') ?? '');
    if (eagerness >= 0 && eagerness <= 1) settings.eagerness = eagerness;
    const { tools, iceServers } = this;
    return { server: this.getAttribute('server') ?? HOME, settings, tools, iceServers, secret: this.#secret() };
  }

  #secret() {
    const url = this.getAttribute('secret-url');
    return this.secret || this.getAttribute('secret') || (url === null ? '' : () => fetchSecret(url));
  }

  /** @param {AbortSignal} signal */
  #build(signal) {
    const root = /** @type {ShadowRoot} */ (this.shadowRoot);
    const strings = Object.freeze({ ...ENGLISH, ...CounterpointCall.strings, ...this.strings });
    root.adoptedStyleSheets = [callStyle()];
    root.replaceChildren(...buildCall(strings, this));
    this.#talk = new Talk({
      root,
      strings,
      make: () => new Conversation(this.#options()),
      listen: (conversation, ended) => this.#listen(conversation, ended),
      show: (view) => this.#show(view),
    }, signal);
    if (this.#muted) this.#talk.mute(true);
  }

  /** @param {Conversation} conversation @param {AbortSignal} signal */
  #listen(conversation, signal) {
    for (const name of /** @type {const} */ (['phase', 'problem', 'event'])) {
      conversation.on(name, (detail) => this.#emit(name, detail), { signal });
    }
    conversation.on('microphone', ({ stream }) => this.#meter.listen(stream), { signal });
  }

  /** @param {import('../view.js').View} view */
  #show(view) {
    this.dataset.phase = view.phase;
    this.#emit('view', { view });
  }

  #leave() {
    this.#stay?.abort();
    this.#meter.listen(null);
    this.#stay = this.#talk = null;
    this.#muted = false;
    delete this.dataset.phase;
    this.shadowRoot?.replaceChildren();
  }

  /** @param {string} name @param {unknown} detail */
  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(`counterpoint-${name}`, { detail, bubbles: true, composed: true }));
  }
}

/**
 * What a page set on the element before this script was there; class fields would write over it.
 * @template T
 * @param {any} element
 * @param {string} name
 * @param {T} fallback
 * @returns {T}
 */
const early = (element, name, fallback) => element[name] ?? fallback;

if (!customElements.get('counterpoint-call')) customElements.define('counterpoint-call', CounterpointCall);
