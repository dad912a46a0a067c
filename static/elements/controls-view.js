/**
 * Start and hang up, stop, mute, the microphone's level, what the call is doing.
 *
 * Requests, as bubbling events on the buttons: `call-start`, `call-end`, `call-stop`, `call-mute`.
 *
 * @module elements/controls-view
 */

import { meterPosition } from '../level.js';
import { onPress, part, setText } from './dom.js';

/** @typedef {import('../view.js').View} View */
/** @typedef {import('../view.js').Phase} Phase */

/** @type {Readonly<Record<Phase, string>>} */
const STATUS = {
  idle: 'Not connected',
  asking: 'Waiting for the microphone',
  connecting: 'Connecting',
  live: 'Connected',
  reconnecting: 'Connecting again',
  waiting: 'Waiting',
  ended: 'Ended',
  failed: 'Not connected',
};

/** @type {Readonly<Record<string, string>>} */
const DOING = { speaking: 'speaking', pausing: 'pausing', finished: '', acknowledging: 'listening along', elsewhere: 'talking to someone else', silent: '' };

/** Whether a call is being made or held. @param {Phase} phase */
export const isActive = (phase) => !['idle', 'ended', 'failed'].includes(phase);

/**
 * @param {ParentNode} root
 * @param {AbortSignal} signal ends its listeners
 * @returns {{render: (view: View) => void, level: (peak: number) => void}}
 */
export function controlsView(root, signal) {
  const start = part(root, 'start', HTMLButtonElement);
  const startText = part(root, 'start-text', HTMLElement);
  const stop = part(root, 'stop', HTMLButtonElement);
  const mute = part(root, 'mute', HTMLButtonElement);
  const level = part(root, 'level', HTMLElement);
  const bar = part(root, 'level-bar', HTMLElement);
  const status = part(root, 'status-text', HTMLElement);
  const send = part(root, 'send', HTMLButtonElement);
  const person = part(root, 'person-state', HTMLElement);
  const agent = part(root, 'agent-state', HTMLElement);
  const welcome = part(root, 'welcome', HTMLElement);

  /** @param {HTMLElement} from @param {() => string} name */
  const requests = (from, name) =>
    onPress(from, () => from.dispatchEvent(new CustomEvent(name(), { bubbles: true, composed: true })), signal);
  requests(start, () => (start.dataset.does === 'end' ? 'call-end' : 'call-start'));
  requests(stop, () => 'call-stop');
  requests(mute, () => 'call-mute');

  return {
    render(view) {
      const active = isActive(view.phase);
      document.body.dataset.phase = view.phase;
      setText(status, view.muted && view.phase === 'live' ? 'Connected, muted' : STATUS[view.phase]);
      start.dataset.does = active ? 'end' : 'start';
      setText(startText, active ? 'Hang up' : 'Start');
      // A button that has the focus must not be switched off under the keyboard's user.
      stop.disabled = !active && document.activeElement !== stop;
      send.disabled = view.phase !== 'live';
      mute.setAttribute('aria-pressed', String(view.muted));
      setText(person, view.muted ? 'muted' : (DOING[view.personState] ?? ''));
      const speaking = view.captions.some((caption) => caption.who === 'agent' && caption.status === 'playing');
      setText(agent, speaking ? 'speaking' : view.floor === 'take' && view.phase === 'live' ? 'about to speak' : '');
      welcome.hidden = active || view.captions.length > 0 || view.speaking.length > 0;
    },
    level(peak) {
      const position = meterPosition(peak);
      bar.style.transform = `scaleX(${position.toFixed(3)})`;
      const shown = Math.round(position * 10) * 10;
      if (level.getAttribute('aria-valuenow') !== String(shown)) level.setAttribute('aria-valuenow', String(shown));
    },
  };
}
