/**
 * A conversation: microphone, connection, reconnection, events, silence on request. No DOM; a page,
 * a component or a test listens to its events (`CustomEvent`s; `CallEvents` has their `detail`) and
 * calls its methods.
 *
 * @module call
 */

import { Sight } from './camera.js';
import { Microphone, watchMicrophones } from './microphone.js';
import { openPeer, sleep } from './peer.js';
import { RefusedError, connectionProblem, here, isToWait, lostProblem, microphoneProblem } from './problems.js';
import { fetchRecord, forgetRecord } from './record.js';
import { RECONNECT_ATTEMPTS, STEADY_MS, waitSeconds } from './retries.js';
import { KnownSettings } from './settings.js';
import { Silence } from './silence.js';
import { ping, sessionEnd, speechStop, textSend } from './protocol.js';

/** @typedef {import('./view.js').Phase} Phase */
/** @typedef {import('./problems.js').Problem} Problem */
/** @typedef {import('./peer.js').Peer} Peer */
/**
 * @typedef {object} CallEvents
 * @property {{phase: Phase, retrySeconds: number, reason: string}} phase what the call is doing
 * @property {{problem: Problem | null}} problem what went wrong, or null when it is over
 * @property {{event: import('./events.js').ServerEvent}} event one event of the dialect
 * @property {{stream: MediaStream | null}} microphone the stream in use, or null
 * @property {{stream: MediaStream | null}} voice the agent's voice as a stream to be played, or null
 * @property {{silenced: boolean}} silenced whether the agent's voice is muted because `stop()` was called
 * @property {{source: import('./camera.js').Source, stream: MediaStream | null}} shown what of the person can be seen; see `sight`
 */
/**
 * @typedef {object} CallOptions
 * @property {string} [base] address of the server; empty = the page's own
 * @property {import('./events.js').Settings} [settings]
 * @property {RTCIceServer[]} [iceServers]
 * @property {import('./peer.js').Secret} [secret] what lets this page in, where the server asks for it
 */
/** How long the server may take to confirm a stop before its next words are let through anyway. */
const STOP_CONFIRM_MS = 1_000;
const GOODBYE_MS = 200;

export class Call extends EventTarget {
  #options;
  #settings;
  /** @type {Phase} */
  #phase = 'idle';
  /** One run from `start` to its end; aborting it ends everything the run began. @type {AbortController | null} */
  #run = null;
  /** @type {Peer | null} */
  #peer = null;
  #microphone = new Microphone();
  /** @type {MediaStreamTrack | null} */
  #voice = null;
  /** @type {import('./peer.js').Credentials} */
  #credentials = { session: '', token: '' };
  /** Of the line before a full server. */ #ticket = '';
  /** Ends the wait for the next attempt. @type {AbortController | null} */ #waiting = null;
  #silence = new Silence();

  /** @param {CallOptions} [options] */
  constructor({ base = '', settings = {}, iceServers = [], secret = '' } = {}) {
    super();
    this.#options = { base, iceServers, secret };
    this.#settings = new KnownSettings(settings);
    /** Camera and screen. */
    this.sight = new Sight(this, (source) => this.#peer?.video(source));
  }

  get phase() { return this.#phase; }
  get muted() { return this.#microphone.muted; }
  /** Whether there is a record that can be fetched or forgotten. */
  get hasRecord() { return this.#credentials.token !== ''; }

  /**
   * @template {keyof CallEvents} Name
   * @param {Name} name
   * @param {(detail: CallEvents[Name]) => void} listener
   * @param {AddEventListenerOptions} [options]
   * @returns {() => void} ends the listening
   */
  on(name, listener, options) {
    /** @param {Event} event */
    const told = (event) => listener(/** @type {CustomEvent} */ (event).detail);
    this.addEventListener(name, told, options);
    return () => this.removeEventListener(name, told);
  }

  /**
   * Ask for the microphone, connect, and stay connected. Resolves when the call is over.
   * @param {{deviceId?: string}} [choice]
   */
  async start({ deviceId = '' } = {}) {
    if (this.#run) return;
    const run = new AbortController();
    this.#run = run;
    this.#credentials = { session: '', token: '' };
    this.#settings.begin();
    this.#emit('problem', { problem: null });
    const wrong = here();
    if (wrong) return this.#fail(wrong);
    watchMicrophones(() => this.#retryMicrophone(), run.signal);
    globalThis.addEventListener?.('online', () => this.retry(), { signal: run.signal });
    this.#setPhase('asking');
    try {
      if (!(await this.#openMicrophone(deviceId, run.signal))) return;
    } catch (error) {
      return this.#isOver(run.signal) ? undefined : this.#fail(microphoneProblem(error));
    }
    await this.#stayConnected(run.signal);
  }

  /** Silence the agent: here at once, on the server as soon as it hears of it. */
  stop() {
    const signal = this.#run?.signal;
    if (!signal) return;
    const mark = performance.now();
    this.#silence.begin(mark);
    this.#applySilence();
    const sent = this.#peer?.send(speechStop()) && this.#peer.send(ping(mark));
    sleep(sent ? STOP_CONFIRM_MS : 0, signal).then(() => this.#silence.confirm(mark), () => {});
  }

  /** @param {boolean} muted whether the microphone sends silence instead of sound */
  mute(muted) { this.#microphone.mute(muted); }

  /**
   * Say something by keyboard.
   * @param {string} text
   * @returns {boolean} whether it could be sent now
   * @throws {RangeError} when it is empty or too long
   */
  sendText(text) { return this.send(textSend(text)); }

  /** Send an event of the dialect. @param {import('./events.js').ClientEvent} event @returns {boolean} whether it could be sent now */
  send(event) {
    return this.#peer?.send(this.#settings.ask(event)) ?? false;
  }

  /**
   * Change the microphone during a call; before one, `start` is told which.
   * @param {string | null} deviceId null = the one chosen last or, where it is not there, any other
   */
  async useMicrophone(deviceId) {
    const signal = this.#run?.signal;
    if (!signal) return;
    try {
      if (!(await this.#openMicrophone(deviceId, signal))) return;
      await this.#sendMicrophone();
      // In a live call nothing but the microphone can be wrong.
      if (this.#phase === 'live') this.#emit('problem', { problem: null });
    } catch (error) {
      this.#tellMicrophone(error, signal);
    }
  }

  /** While it waits for the next attempt: make it now. The same for a microphone that is missing. */
  retry() {
    this.#waiting?.abort();
    this.#retryMicrophone();
  }

  /** Hang up. The microphone is off when this returns; the server is told in passing. */
  end() { if (this.#run) this.#finish('ended', 'hung up'); }

  /** The record of this conversation, also after it ended. @param {'json' | 'vtt'} format */
  record(format) { return fetchRecord(this.#options.base, this.#credentials, format); }

  /** End the conversation and have the server forget it. When this throws, nothing was forgotten. */
  async forget() {
    await forgetRecord(this.#options.base, this.#credentials);
    this.end();
    this.#credentials = { session: '', token: '' };
  }

  #retryMicrophone() { if (this.#microphone.missing) void this.useMicrophone(null); }

  /** @param {string | null} deviceId @param {AbortSignal} signal @returns {Promise<boolean>} false when the call is over */
  async #openMicrophone(deviceId, signal) {
    const stream = await this.#microphone.open(deviceId, () => !this.#isOver(signal));
    if (this.#isOver(signal)) return false;
    if (!stream) return true; // Another was chosen meanwhile, and told of.
    // Unplugged: the browser may have another one.
    stream.getAudioTracks()[0]?.addEventListener('ended', () => void this.useMicrophone(null), { signal });
    this.#emit('microphone', { stream });
    return true;
  }

  async #sendMicrophone() {
    const { track } = this.#microphone;
    if (track) await this.#peer?.useMicrophone(track);
  }

  /** @param {unknown} error @param {AbortSignal} signal */
  #tellMicrophone(error, signal) {
    if (!this.#isOver(signal)) this.#emit('problem', { problem: microphoneProblem(error, true) });
  }

  /** A call that was hung up lives on for a moment, to say so; it must not touch the next one. @param {AbortSignal} signal */
  #isOver(signal) { return this.#run?.signal !== signal; }

  /** @param {AbortSignal} signal */
  async #stayConnected(signal) {
    // Failures in a row since a connection was there; connections in a row that did not last.
    let [attempt, brief] = [0, 0];
    this.#setPhase('connecting');
    while (!this.#isOver(signal)) {
      try {
        this.#peer = await this.#connect(signal);
        const since = performance.now();
        this.#setPhase('live');
        this.#emit('problem', { problem: null });
        // Another one may have been opened while there was no peer to be given it, or be missing still.
        if (this.#microphone.missing) this.#retryMicrophone();
        else this.#sendMicrophone().catch((error) => this.#tellMicrophone(error, signal));
        const closing = await this.#peer.closed;
        if (this.#isOver(signal)) return;
        if (closing.kind === 'ended') return this.#finish('ended', closing.reason);
        attempt = brief = performance.now() - since > STEADY_MS ? 0 : brief + 1;
        if (brief >= RECONNECT_ATTEMPTS) return this.#fail(lostProblem());
        this.#leavePeer();
        this.#setPhase('reconnecting');
        if (attempt > 0) await sleep(waitSeconds(attempt) * 1000, signal);
      } catch (error) {
        if (this.#isOver(signal)) return;
        // Who is told to wait has not failed, however long it takes.
        if (!isToWait(error)) attempt += 1;
        if (!(await this.#wait(error, attempt, signal))) return;
      }
    }
  }

  /** @param {AbortSignal} signal */
  async #connect(signal) {
    const { track: microphone } = this.#microphone;
    if (!microphone) throw new DOMException('There is no microphone.', 'NotFoundError');
    const peer = await openPeer({
      ...this.#options,
      settings: this.#settings.offered(),
      microphone,
      resume: this.#credentials.token,
      ticket: this.#ticket,
      signal,
      onEvent: (event) => this.#isOver(signal) || this.#receive(event),
      onTrack: (track) => this.#play(track),
    });
    this.#credentials = peer.credentials;
    return peer;
  }

  /**
   * After a failed attempt: wait for the next one, or give up.
   * @param {unknown} error
   * @param {number} attempt
   * @param {AbortSignal} signal
   * @returns {Promise<boolean>} whether to try again
   */
  async #wait(error, attempt, signal) {
    const problem = connectionProblem(error);
    const { token } = this.#credentials;
    if (error instanceof RefusedError && error.queue) this.#ticket = error.queue.ticket;
    if (token && problem.code === 'refused') {
      // Perhaps because of the token: begin anew rather than never. A server in trouble is another
      // matter: it may still know the conversation when it is well again.
      this.#credentials = { session: '', token: '' };
      return true;
    }
    if (!problem.retry || (token && attempt > RECONNECT_ATTEMPTS)) {
      this.#fail(problem.retry ? lostProblem() : problem);
      return false;
    }
    const retrySeconds = problem.retrySeconds || waitSeconds(attempt);
    this.#emit('problem', { problem });
    this.#setPhase('waiting', { retrySeconds });
    const waiting = (this.#waiting = new AbortController());
    await sleep(retrySeconds * 1000, AbortSignal.any([signal, waiting.signal])).catch(() => {});
    if (this.#isOver(signal)) return false;
    this.#setPhase(token ? 'reconnecting' : 'connecting');
    return true;
  }

  /** @param {import('./events.js').ServerEvent} event */
  #receive(event) {
    this.#settings.receive(event);
    if (event.type === 'pong') this.#silence.confirm(event.sent_ms);
    if (event.type === 'agent.started' && this.#silence.started()) this.#applySilence();
    this.#emit('event', { event });
  }

  /** @param {MediaStreamTrack} track */
  #play(track) {
    this.#voice = track;
    this.#applySilence();
    this.#emit('voice', { stream: new MediaStream([track]) });
  }

  #applySilence() {
    const silenced = this.#silence.on;
    // A disabled track is silent from the next sample on, whatever the jitter buffer still holds.
    if (this.#voice) this.#voice.enabled = !silenced;
    this.#emit('silenced', { silenced });
  }

  #leavePeer() {
    this.#peer?.close();
    this.#peer = null;
    this.#voice = null;
    this.#silence.clear();
    this.#emit('voice', { stream: null });
  }

  /** @param {Problem} problem */
  #fail(problem) {
    this.#emit('problem', { problem });
    this.#finish('failed', problem.code);
  }

  /** @param {'ended' | 'failed'} phase @param {string} reason */
  #finish(phase, reason) {
    const [run, peer] = [this.#run, this.#peer];
    this.#run = null;
    this.#peer = null;
    this.#microphone.close();
    if (this.#voice) this.#voice.enabled = false;
    this.#voice = null;
    this.#silence.clear();
    // The word of farewell needs a moment to leave; everything else stops now. Then one turn more:
    // Chromium never frees a connection closed between a change of state and the event telling it.
    if (peer?.send(sessionEnd())) setTimeout(() => setTimeout(() => run?.abort()), GOODBYE_MS);
    else run?.abort();
    this.#emit('microphone', { stream: null });
    this.#emit('voice', { stream: null });
    this.#setPhase(phase, { reason });
  }

  /** @param {Phase} phase @param {{retrySeconds?: number, reason?: string}} [more] */
  #setPhase(phase, { retrySeconds = 0, reason = '' } = {}) {
    this.#phase = phase;
    this.#emit('phase', { phase, retrySeconds, reason });
  }

  /**
   * @template {keyof CallEvents} Name
   * @param {Name} name
   * @param {CallEvents[Name]} detail
   */
  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
