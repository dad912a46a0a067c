/**
 * What the page and `<counterpoint-call>` alike show of a view, and what they ask for.
 *
 * Requests, as bubbling events: those of the views below, and `call-text` with what was typed.
 *
 * @module elements/call-view
 */

import { captionsView } from './captions-view.js';
import { controlsView } from './controls-view.js';
import { devicesView } from './devices-view.js';
import { part, request, setText } from './dom.js';
import { noticesView, problemView } from './problem-view.js';
import { sightView } from './sight-view.js';

/** @typedef {import('../view.js').View} View */
/** What was typed; `told` is called with what is wrong, or with nothing when it was sent. @typedef {{text: string, told: (fault: string) => void}} Typed */

const COUNTDOWN_MS = 1000;

/**
 * @param {ParentNode} root
 * @param {AbortSignal} signal ends its listeners and timers
 * @param {Readonly<import('./strings.js').Strings>} strings
 */
export function callView(root, signal, strings) {
  const problem = problemView(root, strings);
  const controls = controlsView(root, signal, strings);
  const renderers = [controls.render, captionsView(root, signal, strings), noticesView(root, strings), composerView(root, signal)];
  const sight = root.querySelector('[data-part=sight]') ? sightView(root, signal, strings) : null;
  if (sight) renderers.push(sight.render);
  const devices = devicesView(root, signal, strings);
  const countdown = new Countdown((view) => problem(view, performance.now()), signal);
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

/** @param {ParentNode} root @param {AbortSignal} signal @returns {(view: View) => void} */
function composerView(root, signal) {
  const form = part(root, 'composer', HTMLFormElement);
  const input = part(root, 'typed', HTMLInputElement);
  const send = part(root, 'send', HTMLButtonElement);
  const fault = part(root, 'typed-error');
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!input.value.trim()) return;
    request(form, 'call-text', /** @type {Typed} */ ({
      text: input.value,
      told(why) {
        setText(fault, why);
        if (!why) input.value = '';
      },
    }));
  }, { signal });
  input.addEventListener('input', () => setText(fault, ''), { signal });
  // Off by its looks alone: with a button that is disabled, Enter would do nothing and say nothing.
  send.disabled = false;
  return ({ phase }) => send.setAttribute('aria-disabled', String(phase !== 'live'));
}
