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
import { follow } from '../follow.js';
import { initialView } from '../view.js';
import { buildCall } from './call-parts.js';
import { callStyle } from './call-style.js';
import { callView } from './call-view.js';
import { isActive } from './controls-view.js';
import { Meter } from './meter.js';
import { ENGLISH } from './strings.js';

/** @typedef {import('../call-state.js').Action} Action */
/** @typedef {import('../counterpoint.js').ConversationOptions} Options */
/** @typedef {Partial<import('./strings.js').Strings> & Record<string, string>} OwnStrings */

const TEXTS = /** @type {const} */ (['instructions', 'voice', 'greeting']);

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
  /** Ends with one conversation's place on the screen. @type {AbortController | null} */
  #talk = null;
  /** @type {Conversation | null} */
  #conversation = null;
  /** @type {ReturnType<typeof callView> | null} */
  #shown = null;
  /** @type {(action: Action) => void} */
  #tell = () => {};
  #view = initialView();
  /** Also before a conversation, and from one to the next. */ #muted = false;
  #meter = new Meter((peak) => this.#shown?.level(peak));

  constructor() {
    super();
    this.attachShadow({ mode: 'open' });
  }

  /** The conversation, from `start` on; also after it ended, for its record. */
  get conversation() {
    return this.#conversation;
  }

  /** Captions, phase, problem and numbers as `view.js` has them. */
  get view() {
    return this.#view;
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
    if (!this.#stay || isActive(this.#conversation?.phase ?? 'idle')) return;
    const conversation = new Conversation(this.#options());
    this.#talk?.abort();
    this.#talk = new AbortController();
    this.#conversation = conversation;
    this.#listen(conversation, this.#talk.signal);
    await this.#conversation.start({ deviceId: this.#shown?.devices.microphone() ?? '' });
  }

  /** Hang up. */
  end() {
    this.#conversation?.end();
  }

  /** Silence the agent. */
  stop() {
    this.#conversation?.stop();
  }

  /** @param {boolean} muted whether the microphone sends silence */
  mute(muted) {
    this.#muted = muted;
    if (!this.#conversation) return this.#render({ ...this.#view, muted });
    this.#conversation.mute(muted);
    this.#tell({ type: 'muted', muted });
  }

  /** @param {string} text @returns {boolean} whether it could be sent now @throws {RangeError} when it is empty or too long */
  sendText(text) {
    return this.#conversation?.sendText(text) ?? false;
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

  get #words() {
    return { ...ENGLISH, ...CounterpointCall.strings, ...this.strings };
  }

  #secret() {
    const url = this.getAttribute('secret-url');
    return this.secret || this.getAttribute('secret') || (url === null ? '' : () => fetchSecret(url));
  }

  /** @param {AbortSignal} signal */
  #build(signal) {
    const root = /** @type {ShadowRoot} */ (this.shadowRoot);
    const strings = Object.freeze(this.#words);
    root.adoptedStyleSheets = [callStyle()];
    root.replaceChildren(...buildCall(strings, this));
    this.#shown = callView(root, strings, signal);
    this.#shown.render(this.#view);
    this.#request(root, signal);
    window.addEventListener('pagehide', () => this.end(), { signal });
  }

  /** @param {ShadowRoot} root @param {AbortSignal} signal */
  #request(root, signal) {
    /** @type {Record<string, (detail: any) => void>} */
    const requests = {
      'call-start': () => void this.start(),
      'call-end': () => this.end(),
      'call-stop': () => this.stop(),
      'call-mute': () => this.mute(!this.#muted),
      'call-text': ({ text, sent, failed }) => this.#type(text, sent, failed),
      retry: () => this.#conversation?.retry(),
      cancel: () => this.end(),
      dismiss: (id) => this.#tell({ type: 'dismiss', id: Number(id) }),
      'choose-microphone': (id) => void this.#conversation?.useMicrophone(String(id)),
      'choose-loudspeaker': () => void this.#useLoudspeaker(),
      'sight-show': (source) => void this.#show(source),
      'sight-hide': (source) => this.#conversation?.sight.hide(source),
    };
    for (const [name, act] of Object.entries(requests)) {
      root.addEventListener(name, (event) => {
        event.stopPropagation();
        act(/** @type {CustomEvent} */ (event).detail);
      }, { signal });
    }
  }

  /** @param {string} text @param {(now: boolean) => void} sent @param {(why: string) => void} failed */
  #type(text, sent, failed) {
    try {
      sent(this.sendText(text));
    } catch {
      failed(this.#words.tooLong);
    }
  }

  /** @param {Conversation} conversation @param {AbortSignal} signal */
  #listen(conversation, signal) {
    this.#tell = follow(conversation, (view) => this.#render(view), signal);
    conversation.mute(this.#muted);
    this.#tell({ type: 'muted', muted: this.#muted });
    for (const name of /** @type {const} */ (['phase', 'problem', 'event'])) {
      conversation.on(name, (detail) => this.#emit(name, detail), { signal });
    }
    conversation.on('microphone', ({ stream }) => {
      this.#meter.listen(stream);
      if (stream) void this.#shown?.devices.refresh();
    }, { signal });
    conversation.on('voice', ({ stream }) => void (stream && this.#useLoudspeaker()), { signal });
    conversation.on('shown', ({ source, stream }) => this.#shown?.sight?.show(source, stream), { signal });
    conversation.on('blocked', ({ blocked }) => this.#shown?.blocked(blocked), { signal });
  }

  /** @param {import('../view.js').View} view */
  #render(view) {
    this.#view = view;
    this.dataset.phase = view.phase;
    this.#shown?.render(view);
    this.#emit('view', { view });
  }

  async #useLoudspeaker() {
    const id = this.#shown?.devices.loudspeaker() ?? '';
    try {
      await this.#conversation?.useLoudspeaker(id);
    } catch {
      this.#tell({ type: 'notice', kind: 'warning', code: 'loudspeaker', text: this.#words.loudspeakerFailed });
    }
  }

  /** @param {import('../camera.js').Source} source */
  async #show(source) {
    try {
      await this.#conversation?.sight.show(source, this.#shown?.sight?.camera() ?? '');
    } catch (error) {
      const text = this.#words.sightFailed.replace('{why}', error instanceof Error ? error.message : String(error));
      this.#tell({ type: 'notice', kind: 'warning', code: 'sight', text });
    }
  }

  #leave() {
    this.end();
    this.#meter.listen(null);
    this.#talk?.abort();
    this.#stay?.abort();
    this.#stay = this.#talk = this.#conversation = this.#shown = null;
    this.#tell = () => {};
    this.#view = initialView();
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

/** @param {string} url @returns {Promise<string>} */
async function fetchSecret(url) {
  const response = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(10_000) });
  const body = response.ok ? await response.json() : null;
  if (typeof body?.value !== 'string') throw new TypeError(`${url} gave no secret: {"value": "ek_…"} is expected.`);
  return body.value;
}

if (!customElements.get('counterpoint-call')) customElements.define('counterpoint-call', CounterpointCall);
