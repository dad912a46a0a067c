/**
 * Start and hang up, stop, mute, the microphone's level, what the call is doing.
 *
 * Requests: `call-start` `call-end` `call-stop` `call-mute`.
 *
 * @module elements/controls-view
 */

import { meterPosition } from '../level.js';
import { isActive } from '../view.js';
import { onPress, part, request, setOff, setText } from './dom.js';

/** @typedef {import('../view.js').View} View */

/**
 * @param {ParentNode} root
 * @param {AbortSignal} signal ends its listeners
 * @param {Readonly<import('./strings.js').Strings>} strings
 * @returns {{render: (view: View) => void, level: (peak: number) => void}}
 */
export function controlsView(root, signal, strings) {
  const call = part(root, 'call');
  const start = part(root, 'start', HTMLButtonElement);
  const startText = part(root, 'start-text');
  const stop = part(root, 'stop', HTMLButtonElement);
  const mute = part(root, 'mute', HTMLButtonElement);
  const level = part(root, 'level');
  const bar = part(root, 'level-bar');
  const status = part(root, 'status');
  const statusText = part(root, 'status-text');

  onPress(start, () => request(start, start.dataset.does === 'end' ? 'call-end' : 'call-start'), signal);
  onPress(mute, () => request(mute, 'call-mute'), signal);
  // Each time it is pressed: what begins to speak between two clicks is meant by the second.
  stop.addEventListener('click', () => request(stop, 'call-stop'), { signal });
  call.addEventListener('keydown', (event) => {
    // Escape also gives up a word that an input method composes, and closes a dialog.
    if (event.key === 'Escape' && !event.isComposing && !root.querySelector('dialog[open]')) request(call, 'call-stop');
  }, { signal });

  return {
    render(view) {
      const active = isActive(view.phase);
      call.dataset.phase = view.phase;
      // Attempt after attempt it says "waiting", "connecting": the problem told why, once.
      status.setAttribute('aria-live', active && view.problem?.retry ? 'off' : 'polite');
      setText(statusText, view.muted && view.phase === 'live' ? strings.muted : strings[`status-${view.phase}`]);
      start.dataset.does = active ? 'end' : 'start';
      setText(startText, active ? strings.hangUp : strings.start);
      setOff(stop, !active);
      mute.setAttribute('aria-pressed', String(view.muted));
    },
    level(peak) {
      const position = meterPosition(peak);
      bar.style.transform = `scaleX(${position.toFixed(3)})`;
      const shown = String(Math.round(position * 10) * 10);
      if (level.getAttribute('aria-valuenow') !== shown) level.setAttribute('aria-valuenow', shown);
    },
  };
}
