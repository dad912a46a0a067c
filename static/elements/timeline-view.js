/**
 * The timeline on the page: a canvas that scrolls while a call lasts, and the same as text.
 *
 * @module elements/timeline-view
 */

import { sampleScene } from '../timeline-sample.js';
import { paint, paletteOf } from '../timeline-painter.js';
import { describe, layOut } from '../timeline.js';
import { make, part, setText } from './dom.js';

/** @typedef {import('../view.js').View} View */
/** @typedef {import('../timeline.js').Level} Level */

/** Thirty pictures a second look as smooth as sixty at this speed and cost half. */
const FRAME_MS = 33;
const STILL_FRAME_MS = 500;
const TEXT_MS = 3_000;

export class TimelineView {
  #canvas;
  #summary;
  #rows;
  #levels;
  #palette;
  /** @type {View | null} */
  #view = null;
  #originMs = 0;
  /** Page time at which the picture stands still; null while it scrolls. @type {number | null} */
  #frozenMs = 0;
  /** What is shown before the first call. @type {ReturnType<typeof sampleScene> | null} */
  #sample = sampleScene();
  #paintedMs = 0;
  #describedMs = 0;
  #frame = 0;

  /**
   * @param {ParentNode} root
   * @param {readonly Level[]} levels a live list, oldest first
   * @param {AbortSignal} signal ends its listeners and its loop
   */
  constructor(root, levels, signal) {
    this.#canvas = part(root, 'timeline', HTMLCanvasElement);
    this.#summary = part(root, 'timeline-summary');
    this.#rows = part(root, 'timeline-rows');
    this.#levels = levels;
    this.#palette = paletteOf(this.#canvas);
    const resized = new ResizeObserver(() => this.#paint(performance.now()));
    resized.observe(this.#canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#palette = paletteOf(this.#canvas);
      this.#paint(performance.now());
    }, { signal });
    signal.addEventListener('abort', () => {
      resized.disconnect();
      cancelAnimationFrame(this.#frame);
    }, { once: true });
  }

  /** The conversation's 0:00. @param {number} nowMs */
  begin(nowMs) {
    this.#originMs = nowMs;
    this.#sample = null;
    this.#frozenMs = null;
    if (!this.#frame) this.#loop(nowMs);
  }

  /** The call is over: the picture stands still. @param {number} nowMs */
  freeze(nowMs) {
    this.#frozenMs ??= nowMs;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#paint(nowMs);
    this.#describe(nowMs);
  }

  /** @param {View} view */
  render(view) {
    this.#view = view;
    if (this.#frozenMs === null) return;
    this.#paint(this.#frozenMs);
    this.#describe(this.#frozenMs);
  }

  /** @param {number} nowMs */
  #loop(nowMs) {
    this.#frame = requestAnimationFrame((at) => this.#loop(at));
    const pace = matchMedia('(prefers-reduced-motion: reduce)').matches ? STILL_FRAME_MS : FRAME_MS;
    if (nowMs - this.#paintedMs >= pace - 4) this.#paint(nowMs);
    if (nowMs - this.#describedMs >= TEXT_MS) this.#describe(nowMs);
  }

  /** @param {number} nowMs */
  #paint(nowMs) {
    this.#paintedMs = nowMs;
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const ink = this.#canvas.getContext('2d');
    if (!this.#view || !ink || width === 0) return;
    const ratio = Math.min(3, devicePixelRatio || 1);
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.#canvas.width !== wide || this.#canvas.height !== high) {
      this.#canvas.width = wide;
      this.#canvas.height = high;
    }
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    const shown = this.#sample ?? { view: this.#view, levels: this.#levels };
    const scene = { ...shown, nowMs: this.#frozenMs ?? nowMs, originMs: this.#originMs, width, height };
    paint(ink, layOut(scene), this.#palette);
  }

  /** @param {number} nowMs */
  #describe(nowMs) {
    this.#describedMs = nowMs;
    if (!this.#view || this.#sample) return;
    const { summary, rows } = describe(this.#view, this.#frozenMs ?? nowMs, this.#originMs);
    if (this.#canvas.getAttribute('aria-label') !== `Timeline: ${summary}`) this.#canvas.setAttribute('aria-label', `Timeline: ${summary}`);
    setText(this.#summary, summary);
    fill(this.#rows, rows.map(({ who, from, seconds, note }) => [who === 'person' ? 'You' : 'Counterpoint', from, seconds, note]));
  }
}

/**
 * Only what differs is changed: who reads the table meanwhile would lose their place.
 * @param {HTMLElement} body
 * @param {string[][]} rows
 */
function fill(body, rows) {
  while (body.children.length > rows.length) body.lastElementChild?.remove();
  rows.forEach((texts, index) => {
    const row = body.children[index] ?? body.appendChild(make('tr', {}, ...texts.map(() => make('td'))));
    texts.forEach((text, column) => setText(/** @type {Element} */ (row.children[column]), text));
  });
}
