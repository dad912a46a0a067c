/**
 * The page: one call, one view, and the parts that show it.
 *
 * `window.counterpoint` is for tests and the curious: read-only, it shows the current view, the
 * levels and the moments of silence; it changes nothing.
 *
 * @module main
 */

import { initialView, reduce } from './call-state.js';
import { Call } from './call.js';
import { captionsView } from './elements/captions-view.js';
import { controlsView, isActive } from './elements/controls-view.js';
import { devicesView } from './elements/devices-view.js';
import { part, setText } from './elements/dom.js';
import { numbersView } from './elements/numbers-view.js';
import { noticesView, problemView } from './elements/problem-view.js';
import { recordView } from './elements/record-view.js';
import { sightView } from './elements/sight-view.js';
import { TimelineView } from './elements/timeline-view.js';
import { Loudspeaker } from './loudspeaker.js';
import { refusedBy } from './peer.js';
import { here } from './problems.js';
import { Sampler } from './sampler.js';

/** @typedef {import('./view.js').View} View */
/** @typedef {import('./call-state.js').Action} Action */

/** A microphone this quiet for this long gives nothing at all, not even a room's noise. */
const [DEAD_PEAK, DEAD_MS] = [1e-4, 8_000];
const FADED_MS = 40_000;
/** A secret lives two minutes; who waits in line need not ask for one each time. */
const [SECRET_MS, ACCESS_MS] = [60_000, 10_000];

class Page {
  /** @type {View} */
  #view = initialView();
  #call;
  #sampler;
  #timeline;
  #controls;
  #devices;
  #loudspeaker;
  #sight;
  #renderers;
  #queued = false;
  #beganMs = 0;
  #toldDead = false;

  /** @param {Document} root @param {AbortSignal} signal */
  constructor(root, signal) {
    const [servers, path] = [iceServers(root), meta(root, 'access')];
    const access = new Access(path, servers);
    const secret = path ? () => access.secret(this.#view.problem?.place !== undefined) : '';
    this.#call = new Call({ iceServers: servers, secret });
    this.#controls = controlsView(root, signal);
    this.#sampler = new Sampler((peak) => this.#controls.level(peak));
    this.#timeline = new TimelineView(root, this.#sampler.levels, signal);
    this.#devices = devicesView(root, signal);
    this.#loudspeaker = new Loudspeaker((blocked) => this.#blocked(blocked), part(root, 'voice', HTMLAudioElement));
    this.#sight = sightView(root, signal);
    const problem = problemView(root);
    const record = recordView(root, this.#call, () => this.#forgotten(), signal);
    const madeOf = part(root, 'made-of', HTMLElement);
    this.#renderers = [
      this.#controls.render,
      captionsView(root, signal),
      numbersView(root),
      noticesView(root),
      this.#sight.render,
      record,
      /** @param {View} view */ (view) => problem(view, performance.now()),
      /** @param {View} view */ (view) => this.#timeline.render(view),
      /** @param {View} view */ (view) => setText(madeOf, partsText(view)),
    ];
    this.#listenToCall(signal);
    this.#listenToPage(root, signal);
    this.#everySecond(signal);
    this.#checkPlace();
    void this.#devices.refresh();
  }

  /** What tests may look at. */
  get spy() {
    const [page, sampler] = [() => this.#view, this.#sampler];
    return Object.freeze({
      get view() {
        return page();
      },
      get levels() {
        return [...sampler.levels];
      },
      get silences() {
        return sampler.silences.map((entry) => ({ ...entry }));
      },
    });
  }

  /** @param {Action} action */
  #dispatch(action) {
    this.#view = reduce(this.#view, action);
    if (this.#queued) return;
    this.#queued = true;
    // One rendering for all that happens in this turn of the loop; also in a hidden tab, where
    // there are no animation frames.
    setTimeout(() => {
      this.#queued = false;
      for (const render of this.#renderers) render(this.#view);
    });
  }

  #checkPlace() {
    const problem = here();
    this.#dispatch(problem ? { type: 'problem', problem } : { type: 'phase', phase: 'idle', atMs: performance.now() });
    if (problem) this.#dispatch({ type: 'phase', phase: 'failed', atMs: performance.now() });
    return problem === null;
  }

  /** @param {AbortSignal} signal */
  #listenToCall(signal) {
    const call = this.#call;
    call.on('phase', ({ phase, retrySeconds, reason }) => {
      const atMs = performance.now();
      const retry = phase === 'waiting' ? { retryAtMs: atMs + retrySeconds * 1000 } : {};
      this.#dispatch({ type: 'phase', phase, atMs, reason, ...retry });
      if (!isActive(phase)) this.#over(atMs);
    }, { signal });
    call.on('problem', ({ problem }) => this.#dispatch({ type: 'problem', problem }), { signal });
    call.on('event', ({ event }) => {
      const receivedMs = performance.now();
      if (event.type === 'agent.cut') this.#sampler.cut(event.by, receivedMs);
      this.#dispatch({ type: 'event', event, receivedMs });
    }, { signal });
    call.on('microphone', ({ stream }) => {
      this.#sampler.listen('person', stream);
      if (stream) void this.#devices.refresh();
    }, { signal });
    call.on('shown', ({ source, stream }) => this.#sight.show(source, stream), { signal });
    call.on('voice', ({ stream }) => this.#play(stream), { signal });
    call.on('silenced', ({ silenced }) => this.#loudspeaker.silence(silenced), { signal });
  }

  /** @param {Document} root @param {AbortSignal} signal */
  #listenToPage(root, signal) {
    /** @type {Record<string, (detail: unknown) => void>} */
    const requests = {
      'call-start': () => void this.#start(),
      retry: () => this.#call.retry(),
      'call-end': () => this.#call.end(),
      cancel: () => this.#call.end(),
      'call-stop': () => this.#stop(),
      'call-mute': () => this.#mute(),
      dismiss: (id) => this.#dispatch({ type: 'dismiss', id: Number(id) }),
      'choose-microphone': (id) => void this.#call.useMicrophone(String(id)),
      'choose-loudspeaker': () => void this.#useLoudspeaker(),
      'sight-show': (source) => void this.#show(source === 'screen' ? 'screen' : 'camera'),
      'sight-hide': (source) => this.#call.sight.hide(source === 'screen' ? 'screen' : 'camera'),
    };
    for (const [name, act] of Object.entries(requests)) {
      root.addEventListener(name, (event) => act(/** @type {CustomEvent} */ (event).detail), { signal });
    }
    root.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !root.querySelector('dialog[open]')) this.#stop();
    }, { signal });
    root.defaultView?.addEventListener('pagehide', () => this.#call.end(), { signal });
    part(root, 'composer', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#type(part(root, 'typed', HTMLInputElement), part(root, 'typed-error', HTMLElement));
    }, { signal });
  }

  async #start() {
    if (!this.#checkPlace() || isActive(this.#call.phase)) return;
    this.#beganMs = performance.now();
    this.#toldDead = false;
    this.#sampler.clear();
    this.#sampler.begin();
    this.#timeline.begin(this.#beganMs);
    this.#dispatch({ type: 'begin' });
    await this.#call.start({ deviceId: this.#devices.microphone() });
  }

  #stop() {
    if (!isActive(this.#call.phase)) return;
    this.#sampler.cut('stop', performance.now());
    this.#call.stop();
  }

  #mute() {
    this.#call.mute(!this.#call.muted);
    this.#dispatch({ type: 'muted', muted: this.#call.muted });
  }

  /** @param {HTMLInputElement} input @param {HTMLElement} problem */
  #type(input, problem) {
    if (!input.value.trim()) return;
    try {
      const sent = this.#call.sendText(input.value);
      setText(problem, sent ? '' : 'Not connected: press Start first.');
      if (sent) input.value = '';
    } catch (error) {
      setText(problem, error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {MediaStream | null} stream */
  #play(stream) {
    this.#sampler.listen('agent', stream);
    if (stream) void this.#useLoudspeaker();
    void this.#loudspeaker.play(stream);
  }

  /** @param {boolean} blocked whether the browser holds the sound back */
  #blocked(blocked) {
    const told = this.#view.notices.find(({ code }) => code === 'autoplay');
    if (blocked) this.#dispatch({ type: 'notice', kind: 'warning', code: 'autoplay', text: 'The browser holds the sound back. Click anywhere on the page to hear it.' });
    else if (told) this.#dispatch({ type: 'dismiss', id: told.id });
  }

  async #useLoudspeaker() {
    try {
      await this.#loudspeaker.use(this.#devices.loudspeaker());
    } catch {
      this.#dispatch({ type: 'notice', kind: 'warning', code: 'loudspeaker', text: 'That loudspeaker cannot be used; the browser’s choice is used instead.' });
    }
  }

  /** @param {import('./camera.js').Source} source */
  async #show(source) {
    try {
      await this.#call.sight.show(source, this.#sight.camera());
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#dispatch({ type: 'notice', kind: 'warning', code: 'sight', text: `That could not be shown: ${why}` });
    }
  }

  /** @param {number} atMs */
  #over(atMs) {
    this.#sampler.end();
    this.#timeline.freeze(atMs);
  }

  #forgotten() {
    this.#sampler.clear();
    this.#dispatch({ type: 'forgotten' });
  }

  /** Countdowns, and a microphone that gives nothing. @param {AbortSignal} signal */
  #everySecond(signal) {
    const timer = setInterval(() => {
      if (this.#view.phase === 'waiting') this.#dispatch({ type: 'problem', problem: this.#view.problem });
      const old = performance.now() - this.#beganMs;
      const dead = this.#sampler.loudest < DEAD_PEAK && !this.#view.muted;
      if (this.#view.phase !== 'live' || !dead || old < DEAD_MS || old > FADED_MS) return;
      if (this.#toldDead) return;
      this.#toldDead = true;
      this.#dispatch({ type: 'notice', kind: 'warning', code: 'dead-microphone', text: 'Nothing at all comes from the microphone. Is it switched off, or is another one meant? See Devices.' });
    }, 1000);
    signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  }
}

/** What the server lends its own page: a secret and passwords of TURN servers, new ones for each connection. */
class Access {
  #path;
  #servers;
  #secret = '';
  #atMs = -Infinity;

  /** @param {string} path @param {RTCIceServer[]} servers which `Call` gives to each connection it makes */
  constructor(path, servers) {
    this.#path = path;
    this.#servers = servers;
  }

  /**
   * @param {boolean} waiting whether it is for another question in the line before a full server
   * @returns {Promise<string>}
   */
  async secret(waiting) {
    if (waiting && performance.now() - this.#atMs < SECRET_MS) return this.#secret;
    const response = await fetch(this.#path, { method: 'POST', signal: AbortSignal.timeout(ACCESS_MS) });
    if (!response.ok) throw await refusedBy(response);
    const { secret, ice_servers: servers } = await response.json();
    this.#secret = String(secret);
    this.#atMs = performance.now();
    // In place: the connection under way has the old ones, and every later one has these.
    this.#servers.splice(0, this.#servers.length, ...servers);
    return this.#secret;
  }
}

/** TURN and STUN servers, where the operator configured any. @param {Document} root @returns {RTCIceServer[]} */
function iceServers(root) {
  try {
    const servers = JSON.parse(meta(root, 'ice-servers') || '[]');
    return Array.isArray(servers) ? servers : [];
  } catch {
    return [];
  }
}

/** What the server told the page. @param {Document} root @param {string} name */
const meta = (root, name) => root.querySelector(`meta[name="counterpoint-${name}"]`)?.getAttribute('content') ?? '';

/** @param {View} view */
function partsText({ parts }) {
  const names = Object.entries(parts).map(([name, text]) => `${name}: ${text}`);
  return names.length ? `Made of ${names.join(' · ')}` : '';
}

const page = new Page(document, new AbortController().signal);
Object.defineProperty(window, 'counterpoint', { value: page.spy, writable: false });
