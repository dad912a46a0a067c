/**
 * A conversation: microphone, connection, reconnection, events, silence on request. No DOM; a page,
 * a component or a test listens to its events and calls its methods.
 *
 * Events (all `CustomEvent`s; their `detail` is typed in `CallEvents`):
 * - `phase`: what the call is doing
 * - `problem`: what went wrong, or null when it is over
 * - `event`: one event of the dialect
 * - `microphone`: the stream in use, or null
 * - `voice`: the agent's voice as a stream to be played, or null
 * - `silenced`: whether the agent's voice is muted because `stop()` was called
 * - `shown`: what of the person can be seen; see `sight`
 *
 * @module call
 */

import { Sight } from './camera.js';
import { closeMicrophone, openMicrophone } from './microphone.js';
import { openPeer, sleep } from './peer.js';
import { RefusedError, connectionProblem, lostProblem, microphoneProblem } from './problems.js';
import { fetchRecord, forgetRecord } from './record.js';
import { RECONNECT_ATTEMPTS, STEADY_MS, waitSeconds } from './retries.js';
import { Silence } from './silence.js';
import { ping, sessionEnd, speechStop, textSend } from './protocol.js';

/** @typedef {import('./view.js').Phase} Phase */
/** @typedef {import('./problems.js').Problem} Problem */
/** @typedef {import('./peer.js').Peer} Peer */
/**
 * @typedef {object} CallEvents
 * @property {{phase: Phase, retrySeconds: number, reason: string}} phase
 * @property {{problem: Problem | null}} problem
 * @property {{event: import('./events.js').ServerEvent}} event
 * @property {{stream: MediaStream | null}} microphone
 * @property {{stream: MediaStream | null}} voice
 * @property {{silenced: boolean}} silenced
 * @property {{source: import('./camera.js').Source, stream: MediaStream | null}} shown
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
  /** @type {Phase} */
  #phase = 'idle';
  #muted = false;
  /** One run from `start` to its end; aborting it ends everything the run began. @type {AbortController | null} */
  #run = null;
  /** @type {Peer | null} */
  #peer = null;
  /** @type {MediaStream | null} */
  #microphone = null;
  /** @type {MediaStreamTrack | null} */
  #voice = null;
  /** @type {import('./peer.js').Credentials} */
  #credentials = { session: '', token: '' };
  /** Of the line before a full server. */ #ticket = '';
  #silence = new Silence();

  /** @param {CallOptions} [options] */
  constructor({ base = '', settings = {}, iceServers = [], secret = '' } = {}) {
    super();
    this.#options = { base, settings, iceServers, secret };
    /** Camera and screen. */
    this.sight = new Sight(this, (source) => this.#peer?.video(source));
  }

  get phase() { return this.#phase; }
  get muted() { return this.#muted; }
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
    this.#emit('problem', { problem: null });
    this.#setPhase('asking');
    if (!(await this.#takeMicrophone(deviceId, run.signal))) return;
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
  mute(muted) {
    this.#muted = muted;
    for (const track of this.#microphone?.getAudioTracks() ?? []) track.enabled = !muted;
  }

  /**
   * Say something by keyboard.
   * @param {string} text
   * @returns {boolean} whether it could be sent now
   * @throws {RangeError} when it is empty or too long
   */
  sendText(text) { return this.send(textSend(text)); }

  /** Send an event of the dialect. @param {import('./events.js').ClientEvent} event @returns {boolean} whether it could be sent now */
  send(event) {
    return this.#peer?.send(event) ?? false;
  }

  /**
   * Change the microphone during a call.
   * @param {string} deviceId
   */
  async useMicrophone(deviceId) {
    const signal = this.#run?.signal;
    if (!signal) return;
    try {
      await this.#openMicrophone(deviceId, signal);
      const track = this.#microphone?.getAudioTracks()[0];
      if (track) await this.#peer?.useMicrophone(track);
    } catch (error) {
      if (!signal.aborted) this.#emit('problem', { problem: microphoneProblem(error) });
    }
  }

  /** Hang up. The microphone is off when this returns; the server is told in passing. */
  end() {
    if (this.#run) this.#finish('ended', 'hung up');
  }

  /**
   * The record of this conversation, also after it ended.
   * @param {'json' | 'vtt'} format
   */
  record(format) {
    return fetchRecord(this.#options.base, this.#credentials, format);
  }

  /** End the conversation and have the server forget it. When this throws, nothing was forgotten. */
  async forget() {
    await forgetRecord(this.#options.base, this.#credentials);
    this.end();
    this.#credentials = { session: '', token: '' };
  }

  /**
   * @param {string} deviceId
   * @param {AbortSignal} signal
   * @returns {Promise<boolean>} false when the call is over
   */
  async #takeMicrophone(deviceId, signal) {
    try {
      await this.#openMicrophone(deviceId, signal);
      return true;
    } catch (error) {
      if (!signal.aborted) this.#fail(microphoneProblem(error));
      return false;
    }
  }

  /** @param {string} deviceId @param {AbortSignal} signal */
  async #openMicrophone(deviceId, signal) {
    const stream = await openMicrophone(navigator.mediaDevices, deviceId);
    if (signal.aborted) {
      closeMicrophone(stream);
      throw signal.reason;
    }
    // Now, not before it was asked for: another change may have been quicker.
    closeMicrophone(this.#microphone);
    this.#microphone = stream;
    this.mute(this.#muted);
    // Unplugged: fall back to whatever the browser thinks best.
    stream.getAudioTracks()[0]?.addEventListener('ended', () => void this.useMicrophone(''), { signal });
    this.#emit('microphone', { stream });
  }

  /** @param {AbortSignal} signal */
  async #stayConnected(signal) {
    // A call that was hung up lives on for a moment, to say so; it must not touch the next one.
    const over = () => this.#run?.signal !== signal;
    let attempt = 0;
    this.#setPhase('connecting');
    while (!over()) {
      try {
        this.#peer = await this.#connect(signal);
        const since = performance.now();
        this.#setPhase('live');
        this.#emit('problem', { problem: null });
        const closing = await this.#peer.closed;
        if (over()) return;
        if (closing.kind === 'ended') return this.#finish('ended', closing.reason);
        attempt = performance.now() - since > STEADY_MS ? 0 : attempt + 1;
        this.#leavePeer();
        this.#setPhase('reconnecting');
        if (attempt > 0) await sleep(waitSeconds(attempt) * 1000, signal);
      } catch (error) {
        if (over()) return;
        if (!(await this.#wait(error, (attempt += 1), signal))) return;
      }
    }
  }

  /** @param {AbortSignal} signal */
  async #connect(signal) {
    const microphone = this.#microphone?.getAudioTracks()[0];
    if (!microphone) throw new DOMException('There is no microphone.', 'NotFoundError');
    const peer = await openPeer({
      ...this.#options,
      microphone,
      resume: this.#credentials.token,
      ticket: this.#ticket,
      signal,
      onEvent: (event) => this.#run?.signal === signal && this.#receive(event),
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
      this.#fail(token ? lostProblem() : problem);
      return false;
    }
    const retrySeconds = problem.retrySeconds || waitSeconds(attempt);
    this.#emit('problem', { problem });
    this.#setPhase('waiting', { retrySeconds });
    try {
      await sleep(retrySeconds * 1000, signal);
    } catch {
      return false;
    }
    this.#setPhase(token ? 'reconnecting' : 'connecting');
    return true;
  }

  /** @param {import('./events.js').ServerEvent} event */
  #receive(event) {
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
    closeMicrophone(this.#microphone);
    this.#microphone = null;
    if (this.#voice) this.#voice.enabled = false;
    this.#voice = null;
    this.#silence.clear();
    // The word of farewell needs a moment to leave; everything else stops now.
    if (peer?.send(sessionEnd())) setTimeout(() => run?.abort(), GOODBYE_MS);
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
