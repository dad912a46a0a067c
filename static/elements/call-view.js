/**
 * What `<counterpoint-call>` shows of a view, and what it asks for.
 *
 * Requests, as bubbling events inside the shadow tree: `call-start` `call-end` `call-stop`
 * `call-mute` `call-text` `retry` `cancel` `dismiss` `choose-microphone` `choose-loudspeaker` `sight-show`
 * `sight-hide`.
 *
 * @module elements/call-view
 */

import { meterPosition } from '../level.js';
import { captionsView } from './captions-view.js';
import { isActive } from './controls-view.js';
import { devicesView } from './devices-view.js';
import { make, onPress, part, setText } from './dom.js';
import { noticesView, problemView } from './problem-view.js';
import { sightView } from './sight-view.js';

/** @typedef {import('../view.js').View} View */
/** @typedef {Readonly<import('./strings.js').Strings>} Strings */

const COUNTDOWN_MS = 1000;

/** @param {Element} from @param {string} name @param {unknown} [detail] */
const request = (from, name, detail) => from.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));

/**
 * @param {ShadowRoot} root
 * @param {Strings} strings
 * @param {AbortSignal} signal ends its listeners and timers
 */
export function callView(root, strings, signal) {
  const problem = problemView(root, strings);
  const controls = controlsOf(root, strings, signal);
  const renderers = [controls.render, captionsView(root, signal, strings), noticesView(root, strings)];
  const sight = root.querySelector('[data-part=sight]') ? sightView(root, signal, strings) : null;
  if (sight) renderers.push(sight.render);
  const devices = devicesView(root, signal, strings);
  const countdown = new Countdown((view) => problem(view, performance.now()), signal);
  composer(root, signal);
  void devices.refresh();
  return {
    devices,
    sight,
    level: controls.level,
    /** @param {View} view */
    render(view) {
      for (const render of renderers) render(view);
      countdown.show(view);
    },
    /** @param {boolean} blocked whether the browser holds the sound back */
    blocked(blocked) {
      root.querySelector('[data-blocked]')?.remove();
      if (!blocked) return;
      const notice = make('div', { class: 'notice' }, make('p', { text: strings.blocked }));
      notice.dataset.blocked = '';
      part(root, 'notices', HTMLElement).append(notice);
    },
  };
}

/** Shows a view again each second while the next attempt is awaited. */
class Countdown {
  #show;
  #signal;
  #timer = 0;

  /** @param {(view: View) => void} show @param {AbortSignal} signal */
  constructor(show, signal) {
    this.#show = show;
    this.#signal = signal;
    signal.addEventListener('abort', () => clearInterval(this.#timer), { once: true });
  }

  /** @param {View} view */
  show(view) {
    clearInterval(this.#timer);
    this.#show(view);
    if (view.phase === 'waiting' && !this.#signal.aborted) this.#timer = setInterval(() => this.#show(view), COUNTDOWN_MS);
  }
}

/** @param {ShadowRoot} root @param {Strings} strings @param {AbortSignal} signal */
function controlsOf(root, strings, signal) {
  const [start, stop, mute] = /** @type {const} */ (['start', 'stop', 'mute']).map((name) => part(root, name, HTMLButtonElement));
  const [call, level, bar] = [part(root, 'start', HTMLElement).closest('.call'), part(root, 'level', HTMLElement), part(root, 'level-bar', HTMLElement)];
  const send = part(root, 'send', HTMLButtonElement);
  const [startText, status] = [part(root, 'start-text', HTMLElement), part(root, 'status-text', HTMLElement)];
  if (!start || !stop || !mute || !(call instanceof HTMLElement)) throw new Error('The call has lost its buttons.');
  onPress(start, () => request(start, start.dataset.does === 'end' ? 'call-end' : 'call-start'), signal);
  stop.addEventListener('click', () => request(stop, 'call-stop'), { signal });
  mute.addEventListener('click', () => request(mute, 'call-mute'), { signal });
  call.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') request(call, 'call-stop');
  }, { signal });
  return {
    /** @param {View} view */
    render(view) {
      const active = isActive(view.phase);
      call.dataset.phase = view.phase;
      setText(status, view.muted && view.phase === 'live' ? strings.muted : strings[`status-${view.phase}`]);
      start.dataset.does = active ? 'end' : 'start';
      setText(startText, active ? strings.hangUp : strings.start);
      // A button that has the focus must not be switched off under the keyboard's user.
      stop.disabled = !active && root.activeElement !== stop;
      send.disabled = view.phase !== 'live';
      mute.setAttribute('aria-pressed', String(view.muted));
    },
    /** @param {number} peak */
    level(peak) {
      const position = meterPosition(peak);
      bar.style.transform = `scaleX(${position.toFixed(3)})`;
      const shown = String(Math.round(position * 10) * 10);
      if (level.getAttribute('aria-valuenow') !== shown) level.setAttribute('aria-valuenow', shown);
    },
  };
}

/** @param {ShadowRoot} root @param {AbortSignal} signal */
function composer(root, signal) {
  const form = part(root, 'composer', HTMLFormElement);
  const input = part(root, 'typed', HTMLInputElement);
  const error = part(root, 'typed-error', HTMLElement);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!input.value.trim()) return;
    setText(error, '');
    request(form, 'call-text', {
      text: input.value,
      sent: (/** @type {boolean} */ sent) => sent && (input.value = ''),
      failed: (/** @type {string} */ why) => setText(error, why),
    });
  }, { signal });
}
