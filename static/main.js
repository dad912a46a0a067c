/**
 * The page: a conversation in its place, and what only the page shows of it.
 *
 * `window.counterpoint` is for tests and the curious: read-only, it shows the current view, the
 * levels and the moments of silence; it changes nothing.
 *
 * @module main
 */

import { Conversation } from './counterpoint.js';
import { part, setText } from './elements/dom.js';
import { numbersView } from './elements/numbers-view.js';
import { recordView } from './elements/record-view.js';
import { stageView } from './elements/stage-view.js';
import { ENGLISH } from './elements/strings.js';
import { Talk } from './elements/talk.js';
import { TimelineView } from './elements/timeline-view.js';
import { here } from './problems.js';
import { Sampler } from './sampler.js';
import { Access } from './secrets.js';
import { isActive } from './view.js';

/** @typedef {import('./view.js').View} View */

class Page {
  #talk;
  #sampler;
  #timeline;

  /** @param {Document} root @param {AbortSignal} signal */
  constructor(root, signal) {
    this.#sampler = new Sampler((peak) => this.#talk.level(peak));
    this.#timeline = new TimelineView(root, this.#sampler.levels, signal);
    const record = recordView(root, () => this.#talk.conversation, () => this.#forgotten(), signal);
    const madeOf = part(root, 'made-of');
    const renderers = [
      stageView(root),
      numbersView(root),
      record,
      /** @param {View} view */ (view) => this.#timeline.render(view),
      /** @param {View} view */ (view) => setText(madeOf, partsText(view)),
    ];
    this.#talk = new Talk({
      root,
      strings: ENGLISH,
      make: maker(root, () => this.#talk.view),
      listen: (conversation, ended) => this.#listen(conversation, ended),
      show: (view) => renderers.forEach((render) => render(view)),
    }, signal);
    this.#tellPlace();
  }

  /** What tests may look at. */
  get spy() {
    const [talk, sampler] = [this.#talk, this.#sampler];
    return Object.freeze({
      get view() {
        return talk.view;
      },
      get levels() {
        return [...sampler.levels];
      },
      get silences() {
        return sampler.silences.map((entry) => ({ ...entry }));
      },
    });
  }

  /** Where nobody can talk, that is said before anybody tries. */
  #tellPlace() {
    const problem = here();
    this.#talk.tell({ type: 'problem', problem });
    this.#talk.tell({ type: 'phase', phase: problem ? 'failed' : 'idle', atMs: performance.now() });
  }

  /** @param {Conversation} conversation @param {AbortSignal} signal */
  #listen(conversation, signal) {
    conversation.on('phase', ({ phase }) => {
      const nowMs = performance.now();
      if (phase === 'asking') this.#begin(nowMs);
      if (!isActive(phase)) this.#over(nowMs);
    }, { signal });
    conversation.on('agent.cut', ({ by }) => this.#sampler.cut(by, performance.now()), { signal });
    conversation.on('silenced', ({ silenced }) => silenced && this.#sampler.cut('stop', performance.now()), { signal });
    conversation.on('microphone', ({ stream }) => this.#sampler.listen('person', stream), { signal });
    conversation.on('voice', ({ stream }) => this.#sampler.listen('agent', stream), { signal });
  }

  /** Still in answer to the click on Start, which lets sound be measured. @param {number} nowMs */
  #begin(nowMs) {
    this.#sampler.clear();
    this.#sampler.begin();
    this.#timeline.begin(nowMs);
  }

  /** @param {number} nowMs */
  #over(nowMs) {
    this.#sampler.end();
    this.#timeline.freeze(nowMs);
  }

  #forgotten() {
    this.#sampler.clear();
    this.#talk.tell({ type: 'forgotten' });
  }
}

/**
 * How a conversation with the page's own server begins.
 * @param {Document} root
 * @param {() => View} view
 * @returns {() => Conversation}
 */
function maker(root, view) {
  const [iceServers, path] = [iceServersOf(root), meta(root, 'access')];
  const access = new Access(path, iceServers);
  const secret = path ? () => access.secret(view().problem?.place !== undefined) : '';
  const play = part(root, 'voice', HTMLAudioElement);
  return () => new Conversation({ iceServers, secret, play });
}

/** TURN and STUN servers, where the operator configured any. @param {Document} root @returns {RTCIceServer[]} */
function iceServersOf(root) {
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
