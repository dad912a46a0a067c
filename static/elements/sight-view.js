/**
 * Camera and screen: two switches, the own picture, and what was seen in it, drawn on request.
 *
 * Requests: `sight-show` and `sight-hide`, with the source.
 *
 * @module elements/sight-view
 */

import { listDevices } from '../microphone.js';
import { offer } from './devices-view.js';
import { make, part, request, setOff, setText } from './dom.js';

/** @typedef {import('../view.js').View} View */
/** @typedef {import('../camera.js').Source} Source */
/** @typedef {Readonly<import('./strings.js').Strings>} Strings */

/** What was seen is drawn so long; seen again, it stays. */
const BOX_MS = 3_000;
const SOURCES = /** @type {const} */ (['camera', 'screen']);

/**
 * @param {ParentNode} root has a part `sight`, to be filled
 * @param {AbortSignal} signal ends its listeners
 * @param {Strings} strings
 */
export function sightView(root, signal, strings) {
  const status = make('p', { class: 'looking', role: 'status' });
  const lines = { camera: new Line('camera', strings, signal), screen: new Line('screen', strings, signal) };
  const camera = make('select', { 'aria-label': strings.camera, 'data-part': 'camera', hidden: '' });
  const draw = make('input', { type: 'checkbox', 'data-part': 'draw-boxes' });
  const drawing = make('label', { class: 'draw', hidden: '' }, draw, strings.drawBoxes);
  part(root, 'sight').append(
    status, make('div', { class: 'switches' }, lines.camera.button, lines.screen.button), camera, lines.camera.frame, lines.screen.frame, drawing,
  );
  /** @type {View | null} */
  let shown = null;
  /** @param {View} view */
  const render = (view) => {
    shown = view;
    const looking = SOURCES.filter((source) => ['looking', 'limited', 'still'].includes(view.look[source].state));
    const words = /** @type {Record<string, string>} */ (strings);
    const told = SOURCES.map((source) => {
      const { state, message } = view.look[source];
      return message && (words[`look-${state}`] ?? message);
    }).filter(Boolean).join(' ');
    const what = looking.map((source) => strings[source]).join(', ');
    setText(status, [what ? strings.looksAt.replace('{what}', what) : strings.seesNothing, told].filter(Boolean).join(' '));
    status.dataset.looking = String(looking.length > 0);
    for (const source of SOURCES) {
      setOff(lines[source].button, view.phase !== 'live' && !lines[source].shows);
      lines[source].boxes(draw.checked ? view : null);
    }
  };
  draw.addEventListener('change', () => shown && render(shown), { signal });
  camera.addEventListener('change', () => lines.camera.ask('sight-show'), { signal });
  return {
    render,
    /** Which camera was chosen. */
    camera: () => camera.value,
    /** @param {Source} source @param {MediaStream | null} stream what is shown now */
    show(source, stream) {
      lines[source].show(stream);
      drawing.hidden = !lines.camera.shows && !lines.screen.shows;
      if (source === 'camera') void choose(camera, stream, strings);
      if (shown) render(shown);
    },
  };
}

/** One source: its switch, its picture, its boxes. */
class Line {
  shows = false;
  #mirrored = false;
  #source;
  #video;
  #boxes = make('div', { class: 'boxes' });

  /** @param {Source} source @param {Strings} strings @param {AbortSignal} signal */
  constructor(source, strings, signal) {
    this.#source = source;
    const [show, own] = source === 'camera' ? [strings.showCamera, strings.ownCamera] : [strings.showScreen, strings.ownScreen];
    this.button = make('button', { class: 'button small', type: 'button', 'data-part': `show-${source}`, 'aria-pressed': 'false', disabled: '', text: show });
    // Browsers of phones can show no screen.
    this.button.hidden = source === 'screen' && !navigator.mediaDevices?.getDisplayMedia;
    this.button.addEventListener('click', () => this.ask(this.shows ? 'sight-hide' : 'sight-show'), { signal });
    this.#video = make('video', { 'aria-label': own });
    this.#video.muted = this.#video.playsInline = this.#video.autoplay = true;
    this.frame = make('div', { class: 'own', 'data-part': `own-${source}`, hidden: '' }, this.#video, this.#boxes);
    signal.addEventListener('abort', () => this.show(null), { once: true });
  }

  /** @param {'sight-show' | 'sight-hide'} name */
  ask(name) {
    if (!this.button.hasAttribute('aria-disabled')) request(this.button, name, this.#source);
  }

  /** @param {MediaStream | null} stream */
  show(stream) {
    this.shows = stream !== null;
    this.button.setAttribute('aria-pressed', String(this.shows));
    this.frame.hidden = !this.shows;
    // As in a mirror, but what a phone's other camera shows is to be read.
    this.#mirrored = this.#source === 'camera' && stream?.getVideoTracks()[0]?.getSettings().facingMode !== 'environment';
    this.#video.classList.toggle('mirrored', this.#mirrored);
    this.#video.srcObject = stream;
    if (!stream) this.#boxes.replaceChildren();
  }

  /** @param {View | null} view null draws nothing */
  boxes(view) {
    const recent = performance.now() - BOX_MS;
    const seen = view?.seen.filter((one) => one.source === this.#source && one.box && one.atMs > recent) ?? [];
    // Of the same thing the newest.
    const newest = new Map(seen.map((one) => [`${one.what} ${one.label}`, one]));
    this.#boxes.replaceChildren(...[...newest.values()].map(({ box = [], label }) => this.#box(box, label)));
  }

  /** @param {number[]} box @param {string} label */
  #box([left = 0, top = 0, width = 0, height = 0], label) {
    const drawn = make('div', { class: 'box' }, make('span', { text: label }));
    const from = this.#mirrored ? 1 - left - width : left;
    for (const [side, value] of Object.entries({ left: from, top, width, height })) {
      drawn.style.setProperty(side, `${(value * 100).toFixed(1)}%`);
    }
    return drawn;
  }
}

/** Labels are known once a camera was allowed. @param {HTMLSelectElement} select @param {MediaStream | null} stream @param {Strings} strings */
async function choose(select, stream, strings) {
  if (!stream) return;
  const { cameras } = await listDevices(navigator.mediaDevices, strings);
  const used = stream.getVideoTracks()[0]?.getSettings().deviceId ?? '';
  offer(select, cameras, strings.anyDevice);
  select.value = used;
  select.hidden = cameras.length < 2;
}
