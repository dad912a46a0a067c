/**
 * The choice of microphone and loudspeaker, kept between visits.
 *
 * Requests: `choose-microphone`, `choose-loudspeaker`, with the device's id.
 *
 * @module elements/devices-view
 */

import { listDevices } from '../microphone.js';
import { make, part, request } from './dom.js';

/** @typedef {import('../microphone.js').Device} Device */

/**
 * @param {ParentNode} root
 * @param {AbortSignal} signal ends its listeners
 * @param {Readonly<import('./strings.js').Strings>} strings
 * @returns {{refresh: () => Promise<void>, microphone: () => string, loudspeaker: () => string}}
 */
export function devicesView(root, signal, strings) {
  const microphone = part(root, 'microphone', HTMLSelectElement);
  const loudspeaker = part(root, 'loudspeaker', HTMLSelectElement);
  part(root, 'loudspeaker-row').hidden = !('setSinkId' in HTMLMediaElement.prototype);
  const sheet = microphone.closest('details');
  for (const select of [microphone, loudspeaker]) {
    select.addEventListener('change', () => {
      remember(select.id, select.value);
      choose(select);
    }, { signal });
  }
  sheet?.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !sheet.open) return;
    event.stopPropagation();
    sheet.open = false;
    sheet.querySelector('summary')?.focus();
  }, { signal });
  // Left open it would cover what the keyboard comes to next.
  sheet?.addEventListener('focusout', ({ relatedTarget: next }) => {
    if (next instanceof Node && !sheet.contains(next)) sheet.open = false;
  }, { signal });
  document.addEventListener('pointerdown', (event) => {
    if (sheet?.open && !event.composedPath().includes(sheet)) sheet.open = false;
  }, { signal });

  const refresh = async () => {
    if (!navigator.mediaDevices) return;
    const { microphones, loudspeakers } = await listDevices(navigator.mediaDevices, strings);
    fill(microphone, microphones, strings.anyDevice);
    fill(loudspeaker, loudspeakers, strings.anyDevice);
  };
  navigator.mediaDevices?.addEventListener('devicechange', () => void refresh(), { signal });
  return { refresh, microphone: () => microphone.value, loudspeaker: () => loudspeaker.value };
}

/** @param {HTMLSelectElement} select @param {Device[]} devices @param {string} anyDevice */
function fill(select, devices, anyDevice) {
  const [before, wanted] = [select.value, select.value || recall(select.id)];
  offer(select, devices, anyDevice);
  select.value = devices.some(({ id }) => id === wanted) ? wanted : '';
  // What is shown is what is used: a choice of an earlier visit, known only now that devices have
  // names, or one that was unplugged, where a loudspeaker would fall silent.
  if (before !== select.value) choose(select);
}

/** @param {HTMLSelectElement} select @param {Device[]} devices @param {string} anyDevice */
export function offer(select, devices, anyDevice) {
  const all = [{ id: '', label: anyDevice }, ...devices];
  select.replaceChildren(...all.map(({ id, label }) => make('option', { value: id, text: label })));
}

/** @param {HTMLSelectElement} select */
const choose = (select) => request(select, `choose-${select.id}`, select.value);

/** Storage may be forbidden; the choice then lasts as long as the page. @param {string} key @param {string} value */
function remember(key, value) {
  try {
    localStorage.setItem(`counterpoint.${key}`, value);
  } catch {
    // See above.
  }
}

/** @param {string} key */
function recall(key) {
  try {
    return localStorage.getItem(`counterpoint.${key}`) ?? '';
  } catch {
    return '';
  }
}
