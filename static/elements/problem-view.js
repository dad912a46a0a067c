/**
 * What is wrong and what to do, and the notices that come and go.
 *
 * Requests: `call-retry` (now), `call-end` (stop trying), `notice-dismiss` with the notice's id.
 *
 * @module elements/problem-view
 */

import { isActive } from '../view.js';
import { keepFocus, make, part, request, setText } from './dom.js';

/** @typedef {import('../view.js').View} View */
/** @typedef {import('./strings.js').Strings} Strings */

/**
 * @param {ParentNode} root
 * @param {Readonly<Strings>} strings
 * @returns {(view: View, nowMs: number) => void}
 */
export function problemView(root, strings) {
  const box = part(root, 'problem');
  const row = waitingRow(strings);
  /** @type {View['problem']} */
  let shown = null;
  return (view, nowMs) => keepFocus(box, () => {
    box.hidden = view.problem === null;
    // Told again only when it says something else: an alert is read out each time it is filled.
    if (view.problem !== shown && !(view.problem && shown && sameWords(view.problem, shown))) fill(box, view.problem, row.line, strings);
    shown = view.problem;
    const waiting = view.phase === 'waiting' && view.retryAtMs !== null;
    box.toggleAttribute('data-retry', waiting);
    // They stay through an attempt: who has one of them in focus would lose it every few seconds.
    // In a call that is live it is the microphone that may be tried.
    row.line.hidden = !isActive(view.phase);
    row.cancel.hidden = view.phase === 'live';
    // Not announced each second: the sentence is outside what the alert reads again.
    setText(row.wait, waiting ? strings.tryingAgain.replace('{seconds}', String(Math.max(0, Math.ceil((Number(view.retryAtMs) - nowMs) / 1000)))) : '');
  }, () => harmless(root, view));
}

/** Where who had the focus on what went away may go on: a second Enter there ends no call. @param {ParentNode} root @param {View} view */
const harmless = (root, { phase }) => [part(root, isActive(phase) ? 'stop' : 'start', HTMLButtonElement)];

/** @param {NonNullable<View['problem']>} one @param {NonNullable<View['problem']>} other */
const sameWords = (one, other) => one.code === other.code && one.title === other.title && String(one.advice) === String(other.advice);

/** @param {Readonly<Strings>} strings */
function waitingRow(strings) {
  const wait = make('span', { class: 'wait', 'aria-live': 'off' });
  const again = make('button', { class: 'button small', type: 'button', text: strings.tryNow });
  const cancel = make('button', { class: 'button small quiet', type: 'button', text: strings.giveUp });
  again.addEventListener('click', () => request(again, 'call-retry'));
  cancel.addEventListener('click', () => request(cancel, 'call-end'));
  return { line: make('div', { class: 'row' }, again, cancel, wait), cancel, wait };
}

/** @param {HTMLElement} box @param {View['problem']} problem @param {HTMLElement} row @param {Readonly<Strings>} strings */
function fill(box, problem, row, strings) {
  if (!problem) return box.replaceChildren();
  box.dataset.code = problem.code;
  // A page's own words for a problem are one text: `problem-CODE` instead of title and advice.
  const words = /** @type {Record<string, string>} */ (strings);
  const own = (problem.place && words['problem-queued']?.replace('{place}', String(problem.place))) || words[`problem-${problem.code}`];
  for (const old of [...box.children]) if (old !== row) old.remove();
  if (row.parentNode !== box) box.append(row);
  row.before(
    make('h2', { text: own ?? problem.title }),
    make('ul', {}, ...(own ? [] : problem.advice).map((text) => make('li', { text }))),
  );
}

/**
 * @param {ParentNode} root
 * @param {Readonly<Strings>} strings
 * @returns {(view: View) => void}
 */
export function noticesView(root, strings) {
  const box = part(root, 'notices');
  /** @type {View['notices'] | null} */
  let shown = null;
  return (view) => {
    if (view.notices === shown) return;
    const kept = new Set(view.notices.map((notice) => String(notice.id)));
    keepFocus(box, () => {
      for (const old of box.querySelectorAll('[data-id]')) {
        if (old instanceof HTMLElement && !kept.has(old.dataset.id ?? '')) old.remove();
      }
    }, () => [box.querySelector('button'), ...harmless(root, view)]);
    for (const notice of view.notices) {
      if (box.querySelector(`[data-id="${notice.id}"]`)) continue;
      const close = make('button', { class: 'button small quiet', type: 'button', text: strings.dismiss });
      close.addEventListener('click', () => request(close, 'notice-dismiss', notice.id));
      const { id, kind, code, detail } = notice;
      const words = /** @type {Record<string, string>} */ (strings);
      const text = words[`notice-${code}-${detail}`] ?? words[`notice-${code}`] ?? notice.text;
      box.append(make('div', { class: 'notice', 'data-id': String(id), 'data-kind': kind, 'data-code': code }, make('p', { text }), close));
    }
    shown = view.notices;
  };
}
