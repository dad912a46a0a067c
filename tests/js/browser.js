// What a call needs of a browser and of a server, in a test's hands. Time stands still unless a test moves it.
import assert from 'node:assert/strict';

export class Track extends EventTarget {
  enabled = true;
  muted = false;
  readyState = 'live';
  stop() {
    this.readyState = 'ended';
  }
}

class Stream {
  #track = new Track();
  getTracks() { return [this.#track]; }
  getAudioTracks() { return [this.#track]; }
}

class Channel extends EventTarget {
  readyState = 'connecting';
  /** What the page sent. @type {Record<string, any>[]} */
  sent = [];
  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 'closed';
  }
}

class Sender {
  /** @param {unknown} given */
  constructor(given) {
    this.track = given instanceof Track ? given : null;
  }
  /** @param {Track | null} track */
  async replaceTrack(track) {
    this.track = track;
  }
}

class Connection extends EventTarget {
  connectionState = 'new';
  localDescription = { type: 'offer', sdp: 'an offer' };
  channel = new Channel();
  /** Of the microphone, and of the pictures. @type {Sender[]} */
  senders = [];

  createDataChannel() { return this.channel; }
  /** @param {unknown} given */
  addTransceiver(given) {
    const sender = new Sender(given);
    this.senders.push(sender);
    return { sender };
  }
  async setLocalDescription() {
    setImmediate(() => this.dispatchEvent(new Event('icecandidate')));
  }
  async setRemoteDescription() {
    this.channel.readyState = 'open';
  }
  async getStats() { return new Map(); }
  close() {
    this.connectionState = 'closed';
  }

  get microphone() {
    const [sender] = this.senders;
    assert.ok(sender);
    return sender;
  }
  /** The server says something. @param {string} type @param {object} fields */
  tell(type, fields) {
    this.channel.dispatchEvent(new MessageEvent('message', { data: JSON.stringify({ type, seq: 0, at_ms: 0, ...fields }) }));
  }
  /** The network is gone. */
  lose() {
    this.connectionState = 'failed';
    this.dispatchEvent(new Event('connectionstatechange'));
  }
}

export class Browser {
  /** @type {Connection[]} */
  connections = [];
  /** What was asked of the server. @type {Record<string, any>[]} */
  offers = [];
  /** @type {Track[]} */
  microphones = [];
  /** What the next offers, and the next microphones, wait for. */
  answering = Promise.resolve();
  opening = Promise.resolve();
  /** So many of the next offers find the server full, a proxy without one, or nothing. */
  refusals = 0;
  orphaned = 0;
  unreachable = 0;
  /** Whether there is a microphone, and what else the browser says instead of opening it. */
  plugged = true;
  fault = '';
  /** What there is to choose from; a microphone must be among them if no other will do. @type {{kind: string, deviceId: string, label: string}[]} */
  listed = [];
  /** Of the microphone, and of the network: both tell of a change. */
  permission = new EventTarget();
  network = new EventTarget();

  constructor() {
    const browser = this;
    define('RTCPeerConnection', class extends Connection {
      constructor() {
        super();
        browser.connections.push(this);
      }
    });
    define('RTCRtpSender', class {});
    define('isSecureContext', true);
    define('location', new URL('http://server.example'));
    define('Audio', class { pause() {} });
    define('MediaStream', class {});
    this.devices = Object.assign(new EventTarget(), {
      /** @param {any} wanted */
      getUserMedia: (wanted) => browser.#open(wanted.audio?.deviceId ?? {}),
      enumerateDevices: async () => browser.listed,
    });
    define('navigator', { mediaDevices: this.devices, permissions: { query: async () => browser.permission } });
    define('addEventListener', this.network.addEventListener.bind(this.network));
    /** @param {string} url @param {{body: string}} init */
    define('fetch', (url, { body }) => browser.#answer(JSON.parse(body)));
  }

  /** The connection that was begun last. */
  get connection() {
    const connection = this.connections.at(-1);
    assert.ok(connection);
    return connection;
  }

  /** @param {{exact?: string}} wanted */
  async #open({ exact }) {
    const stream = new Stream();
    await this.opening;
    if (!this.plugged) throw new DOMException('none', 'NotFoundError');
    if (this.fault) throw new DOMException('no', this.fault);
    if (exact && this.listed.length && !this.listed.some((one) => one.deviceId === exact)) throw new DOMException('gone', 'OverconstrainedError');
    this.microphones.push(stream.getAudioTracks()[0]);
    return stream;
  }

  /** @param {Record<string, any>} offer */
  async #answer(offer) {
    this.offers.push(offer);
    await this.answering;
    if (this.unreachable > 0) {
      this.unreachable -= 1;
      throw new TypeError('Failed to fetch');
    }
    if (this.orphaned > 0) {
      this.orphaned -= 1;
      return new Response('<h1>503</h1>', { status: 503, headers: { 'Retry-After': '3' } });
    }
    if (this.refusals > 0) {
      this.refusals -= 1;
      return new Response(JSON.stringify({ error: { code: 'busy', message: 'full' } }), { status: 503, headers: { 'Retry-After': '3' } });
    }
    const answer = { sdp: 'an answer', type: 'answer', session: 's', resume_token: 'token', dialect: 1 };
    return new Response(JSON.stringify(answer), { status: 201 });
  }
}

/** What is waited for, and what ends the waiting. */
export function gate() {
  /** @type {() => void} */
  let open = () => {};
  /** @type {Promise<void>} */
  const opened = new Promise((resolve) => (open = resolve));
  return { opened, open };
}

/** Wait for what needs no time. @param {() => boolean} holds */
export async function until(holds) {
  for (let turn = 0; turn < 1000 && !holds(); turn += 1) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(holds(), `it did not come about: ${holds}`);
}

/** @param {string} name @param {unknown} value */
function define(name, value) {
  Object.defineProperty(globalThis, name, { configurable: true, writable: true, value });
}
