/**
 * The module's inside: a call that is heard, steered, and lends its page's tools. What a page may use
 * of it, and what each thing means, stands in `counterpoint.d.ts`, which tsc holds against this.
 *
 * @module conversation
 */

import { Call } from './call.js';
import { Loudspeaker } from './loudspeaker.js';
import { listDevices } from './microphone.js';
import { here } from './problems.js';
import { RECONNECT_ATTEMPTS } from './retries.js';
import * as steering from './steering.js';
import { Tools } from './tools.js';

export { here };

/** The server this file came from. */
export const HOME = new URL(import.meta.url).origin;

/** @typedef {import('./problems.js').Problem} Problem */
/** @typedef {import('./events.js').ServerEvent} ServerEvent */
/** @typedef {{[Type in ServerEvent['type']]: Extract<ServerEvent, {type: Type}>}} ByType */
/** @typedef {import('./call.js').CallEvents & ByType & {blocked: {blocked: boolean}}} ConversationEvents */
/**
 * @typedef {object} ConversationOptions
 * @property {string} [server] its address; the one this file came from unless told
 * @property {import('./peer.js').Secret} [secret] a short-lived secret, or a function that gets one from your own server; never a key
 * @property {import('./events.js').Settings} [settings]
 * @property {readonly import('./tools.js').Tool[]} [tools] functions of this page that the model may use
 * @property {RTCIceServer[]} [iceServers]
 * @property {boolean | HTMLAudioElement} [play] false if you play the `voice` yourself; or what plays it
 */

/** The conversation could not be begun; `problem` says what to do. */
export class ConversationError extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super([problem.title, ...problem.advice].join(' '));
    this.name = 'ConversationError';
    this.problem = problem;
  }
}

/** One conversation: it connects, stays connected, is heard, and does what it is told. */
export class Conversation extends Call {
  #tools;
  #loudspeaker;

  /**
   * @param {ConversationOptions} [options]
   * @throws {TypeError} for an address or a tool that cannot be used
   */
  constructor({ server = HOME, settings = {}, tools = [], play = true, secret = '', iceServers = [] } = {}) {
    const own = new Tools(tools, (event) => this.send(event));
    const lent = own.declared.length ? { tools: [...(settings.tools ?? []), ...own.declared] } : {};
    super({ base: address(server), settings: { ...settings, ...lent }, secret, iceServers });
    this.#tools = own;
    const blocked = (/** @type {boolean} */ held) => this.dispatchEvent(new CustomEvent('blocked', { detail: { blocked: held } }));
    this.#loudspeaker = new Loudspeaker(blocked, typeof play === 'boolean' ? undefined : play);
    this.on('event', ({ event }) => {
      this.#tools.receive(event);
      this.dispatchEvent(new CustomEvent(event.type, { detail: event }));
    });
    this.on('phase', ({ phase }) => {
      if (phase !== 'live') this.#tools.stop();
    });
    if (!play) return;
    this.on('voice', ({ stream }) => void this.#loudspeaker.play(stream));
    this.on('silenced', ({ silenced }) => this.#loudspeaker.silence(silenced));
  }

  /**
   * Hear of something; `call.js` and docs/dialect.md list what there is.
   * @template {keyof ConversationEvents} Name
   * @param {Name} name
   * @param {(detail: ConversationEvents[Name]) => void} listener
   * @param {AddEventListenerOptions} [options]
   * @returns {() => void} ends the listening
   * @override
   */
  on(name, listener, options) {
    return super.on(/** @type {any} */ (name), /** @type {any} */ (listener), options);
  }

  /**
   * Begin, and wait until both sides can talk. Afterwards it stays connected by itself.
   * @param {{deviceId?: string}} [choice]
   * @returns {Promise<void>}
   * @throws {ConversationError}
   */
  connect(choice = {}) {
    const done = new AbortController();
    const { signal } = done;
    /** @type {Promise<void>} */
    const connected = new Promise((resolve, reject) => {
      /** @type {Problem | null} */
      let known = here();
      if (known) return reject(new ConversationError(known));
      if (this.phase === 'live') return resolve();
      let missed = 0;
      this.on('problem', ({ problem }) => (known = problem), { signal });
      this.on('phase', ({ phase }) => {
        if (phase === 'live') resolve();
        if (phase === 'failed' || phase === 'ended') reject(new ConversationError(known ?? HUNG_UP));
        // A server that answers has a line, or is not ready yet; one that does not may never do.
        if (phase === 'waiting' && UNANSWERED.has(known?.code ?? '') && (missed += 1) > RECONNECT_ATTEMPTS) this.end();
      }, { signal });
      void this.start(choice);
    });
    return connected.finally(() => done.abort());
  }

  /** What can be chosen; labels come once the microphone was allowed. */
  devices() {
    return listDevices(navigator.mediaDevices);
  }

  /** @param {string} deviceId empty = the browser's choice @throws {DOMException} when it cannot be used */
  useLoudspeaker(deviceId) {
    return this.#loudspeaker.use(deviceId);
  }

  /**
   * Have this said, in these words. The `agent.saying` event tells what became of it.
   * @param {string} text
   * @param {{policy?: steering.SayPolicy, priority?: number, say?: string}} [how]
   * @returns {boolean} whether it could be sent now, here and below
   */
  say(text, how) {
    return this.send(steering.say(text, how));
  }

  /** Something it should know; it is not answered. @param {string} text @param {steering.AppendRole} [role] */
  append(text, role) {
    return this.send(steering.append(text, role));
  }

  /** Stop the answer under way or in the making; it is not given again. */
  cancel() {
    return this.send(steering.cancel());
  }

  /** Fall silent in the midst of an answer and go on listening. */
  hold() {
    return this.send(steering.hold());
  }

  /** Go on where `hold` stopped. */
  resume() {
    return this.send(steering.resume());
  }

  /** Of an utterance only so much was heard. @param {number} utterance @param {number} heardMs */
  truncate(utterance, heardMs) {
    return this.send(steering.truncate(utterance, heardMs));
  }

  /** Answer what is there, now. */
  answer() {
    return this.send(steering.answer());
  }

  /** With `manual_turns`: the person's turn ends here. */
  commit() {
    return this.send(steering.commit());
  }

  /** Forget what the person said since the last turn. */
  clear() {
    return this.send(steering.clear());
  }

  /** Change settings; what is not named stays. What the server took holds after a reconnection too. @param {import('./events.js').Settings} settings */
  update(settings) {
    return this.send(steering.update(settings));
  }
}

/**
 * A conversation that is connected.
 * @param {ConversationOptions & {deviceId?: string, signal?: AbortSignal}} [options] the signal gives up before it is
 * @returns {Promise<Conversation>}
 * @throws {ConversationError} it says what is wrong and what to do
 */
export async function connect({ deviceId = '', signal, ...options } = {}) {
  const conversation = new Conversation(options);
  const end = () => conversation.end();
  const connected = conversation.connect({ deviceId });
  signal?.addEventListener('abort', end);
  if (signal?.aborted) end();
  await connected.finally(() => signal?.removeEventListener('abort', end));
  return conversation;
}

/** Problems of a server that gave no answer, or of the proxy before it. */
const UNANSWERED = new Set(['unreachable', 'no-media', 'secret-failed', 'server-error']);

/** @type {Problem} */
const HUNG_UP = Object.freeze({ code: 'ended', title: 'It was hung up.', advice: Object.freeze([]), retry: false, retrySeconds: 0 });

/** @param {string} server */
function address(server) {
  return new URL(server, globalThis.location?.href).href.replace(/\/+$/, '');
}
