/**
 * One WebRTC connection to the server, from offer to end. No DOM, no retries: when it is over it
 * is thrown away, and `Call` makes another one (aiortc cannot restart ICE; a new connection takes
 * less time than a restart would).
 *
 * @module peer
 */

import { CHANNEL_LABEL, isObject, parseServerEvent, ping } from './protocol.js';
import { ConnectTimeoutError, RefusedError, SecretError, UnreachableError } from './problems.js';

/** How long the offer waits for a first candidate; the server learns the rest from the checks. */
const CANDIDATE_MS = 100;
const CONNECT_MS = 10_000;
/** The server sends a packet every 20 ms, in silence too. */
const RTP_POLL_MS = 500;
const RTP_POLLS_LOST = 4;

/** @typedef {{session: string, token: string}} Credentials */
/** A key or short-lived secret, or what gives one for each connection. @typedef {string | (() => string | Promise<string>)} Secret */
/**
 * Why a connection is over: `lost` can be made again; `ended` was the server's decision.
 * @typedef {{kind: 'lost' | 'ended', reason: string}} Closing
 */
/**
 * @typedef {object} PeerOptions
 * @property {string} base address of the server, empty = the page's own
 * @property {MediaStreamTrack} microphone
 * @property {RTCIceServer[]} iceServers
 * @property {string} resume token of the conversation to go on with, or empty
 * @property {string} ticket of the line before a full server, or empty
 * @property {Secret} [secret]
 * @property {import('./events.js').Settings} settings
 * @property {AbortSignal} signal aborts the attempt and closes the connection
 * @property {(event: import('./events.js').ServerEvent) => void} onEvent
 * @property {(track: MediaStreamTrack) => void} onTrack the agent's voice
 */

/**
 * Connect. Resolves when the connection is up and the data channel open.
 * @param {PeerOptions} options
 * @returns {Promise<Peer>}
 * @throws {RefusedError | ConnectTimeoutError | TypeError | DOMException} see problems.js
 */
export async function openPeer(options) {
  const peer = new Peer(options);
  try {
    await peer.connect();
    return peer;
  } catch (error) {
    peer.close();
    throw error;
  }
}

export class Peer {
  /** @type {Credentials} */
  credentials = { session: '', token: '' };
  /** Resolves once, when the connection is over for another reason than `close()`. @type {Promise<Closing>} */
  closed;
  #options;
  #connection;
  #channel;
  #sender;
  /** @type {Record<import('./camera.js').Source, RTCRtpSender>} */
  #videos;
  #abort = new AbortController();
  /** @type {(closing: Closing) => void} */
  #over = () => {};

  /** @param {PeerOptions} options */
  constructor(options) {
    this.#options = options;
    this.closed = new Promise((resolve) => (this.#over = resolve));
    this.#connection = new RTCPeerConnection({ iceServers: options.iceServers });
    this.#channel = this.#connection.createDataChannel(CHANNEL_LABEL, { ordered: true });
    this.#sender = this.#connection.addTransceiver(options.microphone, { direction: 'sendrecv' }).sender;
    this.#videos = { camera: videoLine(this.#connection), screen: videoLine(this.#connection) };
    options.signal.addEventListener('abort', () => this.close(), { signal: this.#abort.signal });
  }

  async connect() {
    const { signal } = this.#abort;
    this.#listen();
    await this.#connection.setLocalDescription();
    await firstCandidate(this.#connection, signal);
    const answer = await postOffer(this.#options, this.#connection.localDescription?.sdp ?? '', signal);
    this.credentials = { session: answer.session, token: answer.token };
    await this.#connection.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
    await this.#opened();
    this.#watchAudio();
  }

  /** @param {import('./events.js').ClientEvent} event @returns {boolean} whether it was sent */
  send(event) {
    if (this.#channel.readyState !== 'open') return false;
    this.#channel.send(JSON.stringify(event));
    return true;
  }

  /** @param {MediaStreamTrack} track */
  async useMicrophone(track) {
    if (track !== this.#sender.track) await this.#sender.replaceTrack(track);
  }

  /** What sends the picture, if any. @param {import('./camera.js').Source} source */
  video(source) {
    return this.#videos[source];
  }

  /** Close now. Every listener and timer of this connection ends with it. */
  close() {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort(new DOMException('The connection was closed.', 'AbortError'));
    this.#channel.close();
    this.#connection.close();
  }

  #listen() {
    const { signal } = this.#abort;
    const { onEvent, onTrack } = this.#options;
    let reason = '';
    this.#connection.addEventListener('track', ({ track }) => onTrack(track), { signal });
    this.#channel.addEventListener('message', ({ data }) => {
      const { event, fault } = parseServerEvent(data);
      if (!event) return console.debug('counterpoint: ignored a message:', fault);
      if (event.type === 'session.ended') reason = event.reason;
      onEvent(event);
      // "vanished" is what the server thought of us while nothing came through.
      if (event.type === 'session.ended') this.#over({ kind: reason === 'vanished' ? 'lost' : 'ended', reason });
    }, { signal });
    this.#channel.addEventListener('close', () => this.#over({ kind: reason ? 'ended' : 'lost', reason: reason || 'channel' }), { signal });
    this.#connection.addEventListener('connectionstatechange', () => {
      const state = this.#connection.connectionState;
      if (state === 'disconnected' || state === 'failed') this.#over({ kind: 'lost', reason: state });
    }, { signal });
  }

  async #opened() {
    if (this.#channel.readyState === 'open') return;
    const { signal } = this.#abort;
    /** @type {Promise<void>} */
    const open = new Promise((resolve) => this.#channel.addEventListener('open', () => resolve(), { signal, once: true }));
    const lost = this.closed.then(() => {
      throw new ConnectTimeoutError();
    });
    const late = sleep(CONNECT_MS, signal).then(() => {
      throw new ConnectTimeoutError();
    });
    await Promise.race([open, lost, late]);
  }

  /**
   * Without a packet for 2 s the connection is lost, long before the browser says so. Polls are
   * counted rather than seconds, because a sleeping computer polls not at all. The server thinks the
   * same of us, so who has lost the microphone, or whose system has muted it (which in Safari ends the packets
   * too), gives signs of life.
   */
  async #watchAudio() {
    const { signal } = this.#abort;
    let [received, still] = [-1, 0];
    try {
      while (still < RTP_POLLS_LOST) {
        await sleep(RTP_POLL_MS, signal);
        const { track } = this.#sender;
        if (!track || track.muted || track.readyState === 'ended') this.send(ping(performance.now()));
        const now = await packetsReceived(this.#connection);
        still = now === received ? still + 1 : 0;
        received = now;
      }
      this.#over({ kind: 'lost', reason: 'no audio' });
    } catch {
      // Closed meanwhile: nobody waits for an answer.
    }
  }
}

/** Room for a picture, negotiated before there is one, with the codecs the server reads. @param {RTCPeerConnection} connection */
function videoLine(connection) {
  const line = connection.addTransceiver('video', { direction: 'sendonly' });
  const codecs = RTCRtpSender.getCapabilities?.('video')?.codecs ?? [];
  line.setCodecPreferences?.(codecs.filter((codec) => /vp8|h264/i.test(codec.mimeType)));
  return line.sender;
}

/** @param {RTCPeerConnection} connection @returns {Promise<number>} */
async function packetsReceived(connection) {
  let packets = 0;
  for (const report of (await connection.getStats()).values()) {
    if (report.type === 'inbound-rtp' && report.kind === 'audio') packets += report.packetsReceived ?? 0;
  }
  return packets;
}

/** @param {RTCPeerConnection} connection @param {AbortSignal} signal */
async function firstCandidate(connection, signal) {
  /** @type {Promise<void>} */
  const candidate = new Promise((resolve) => {
    connection.addEventListener('icecandidate', () => resolve(), { signal, once: true });
  });
  await Promise.race([candidate, sleep(CANDIDATE_MS, signal)]);
}

/**
 * @param {PeerOptions} options
 * @param {string} sdp
 * @param {AbortSignal} signal
 * @returns {Promise<Credentials & {sdp: string}>}
 */
async function postOffer({ base, resume, ticket, settings, secret = '' }, sdp, signal) {
  // Asked for each time: a short-lived one may be too old when the connection is made again.
  const shown = typeof secret === 'function' ? await given(secret) : secret;
  const response = await fetch(`${base}/api/offer`, {
    method: 'POST',
    // Without a secret no such header at all: an empty one would be refused.
    headers: { 'Content-Type': 'application/json', ...(shown ? { Authorization: `Bearer ${shown}` } : {}) },
    body: JSON.stringify({ sdp, type: 'offer', settings, wait: ticket || true, ...(resume ? { resume } : {}) }),
    signal: AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS)]),
  });
  if (!response.ok) throw await refusedBy(response);
  const answer = /** @type {unknown} */ (await response.json());
  if (!isObject(answer) || typeof answer.sdp !== 'string' || typeof answer.session !== 'string') {
    throw new RefusedError(response.status, 'bad_answer', 'The server’s answer was not understood.', 0);
  }
  return { sdp: answer.sdp, session: answer.session, token: String(answer.resume_token ?? '') };
}

/** @param {() => string | Promise<string>} secret @returns {Promise<string>} */
async function given(secret) {
  try {
    return await secret();
  } catch (error) {
    // A network that is gone is no matter of permission.
    throw error instanceof RefusedError || error instanceof UnreachableError ? error : new SecretError(error);
  }
}

/**
 * The dialect's error of a response; one that is not in its form (a proxy's page) keeps its status.
 * @param {Response} response
 * @returns {Promise<RefusedError>}
 */
export async function refusedBy(response) {
  const body = /** @type {unknown} */ (await response.json().catch(() => null));
  const error = isObject(body) && isObject(body.error) ? body.error : {};
  const wait = Number(response.headers.get('Retry-After'));
  return new RefusedError(
    response.status,
    typeof error.code === 'string' ? error.code : '',
    typeof error.message === 'string' ? error.message : '',
    Number.isFinite(wait) && wait > 0 ? Math.min(wait, 60) : 0,
    isObject(error.queue) ? /** @type {import('./problems.js').Queue} */ (error.queue) : null,
  );
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>} rejects with the signal's reason when aborted
 */
export function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    /** @type {() => void} */
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}
