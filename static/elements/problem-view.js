/**
 * What is wrong and what to do, and the notices that come and go.
 *
 * Requests, as bubbling events: `retry` (now), `cancel` (stop trying), `dismiss` with the notice's id.
 *
 * @module elements/problem-view
 */

import { make, part, setText } from './dom.js';
import { ENGLISH } from './strings.js';

/** @typedef {import('../view.js').View} View */
/** @typedef {import('./strings.js').Strings} Strings */

/** @param {Element} from @param {string} name @param {unknown} [detail] */
const request = (from, name, detail) => from.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true, detail }));

/**
 * @param {ParentNode} root
 * @param {Readonly<Strings>} [strings]
 * @returns {(view: View, nowMs: number) => void}
 */
export function problemView(root, strings = ENGLISH) {
  const box = part(root, 'problem', HTMLElement);
  const row = waitingRow(strings);
  /** @type {View['problem']} */
  let shown = null;
  return (view, nowMs) => {
    box.hidden = view.problem === null;
    // Told again only when it says something else: an alert is read out each time it is filled.
    if (view.problem !== shown && !(view.problem && shown && sameWords(view.problem, shown))) fill(box, view.problem, row.line, strings);
    shown = view.problem;
    const waiting = view.phase === 'waiting' && view.retryAtMs !== null;
    box.toggleAttribute('data-retry', waiting);
    // They stay through an attempt: who has one of them in focus would lose it every few seconds.
    row.line.hidden = !['waiting', 'connecting', 'reconnecting'].includes(view.phase);
    // Not announced each second: the sentence is outside what the alert reads again.
    setText(row.wait, waiting ? strings.tryingAgain.replace('{seconds}', String(Math.max(0, Math.ceil((Number(view.retryAtMs) - nowMs) / 1000)))) : '');
  };
}

/** @param {NonNullable<View['problem']>} one @param {NonNullable<View['problem']>} other */
const sameWords = (one, other) => one.code === other.code && one.title === other.title && String(one.advice) === String(other.advice);

/** @param {Readonly<Strings>} strings */
function waitingRow(strings) {
  const wait = make('span', { class: 'wait' });
  const again = make('button', { class: 'button small', text: strings.tryNow });
  const cancel = make('button', { class: 'button small quiet', text: strings.giveUp });
  again.type = cancel.type = 'button';
  again.addEventListener('click', () => request(again, 'retry'));
  cancel.addEventListener('click', () => request(cancel, 'cancel'));
  wait.setAttribute('aria-live', 'off');
  return { line: make('div', { class: 'row' }, again, cancel, wait), wait };
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
 * @param {Readonly<Strings>} [strings]
 * @returns {(view: View) => void}
 */
export function noticesView(root, strings = ENGLISH) {
  const box = part(root, 'notices', HTMLElement);
  /** @type {View['notices'] | null} */
  let shown = null;
  return (view) => {
    if (view.notices === shown) return;
    const kept = new Set(view.notices.map((notice) => String(notice.id)));
    for (const old of box.querySelectorAll('[data-id]')) {
      if (old instanceof HTMLElement && !kept.has(old.dataset.id ?? '')) old.remove();
    }
    for (const notice of view.notices) {
      if (box.querySelector(`[data-id="${notice.id}"]`)) continue;
      const close = make('button', { class: 'button small quiet', text: strings.dismiss });
      close.type = 'button';
      close.addEventListener('click', () => request(close, 'dismiss', notice.id));
      const item = make('div', { class: 'notice' }, make('p', { text: /** @type {Record<string, string>} */ (strings)[`notice-${notice.code}`] ?? notice.text }), close);
      Object.assign(item.dataset, { id: String(notice.id), kind: notice.kind, code: notice.code });
      box.append(item);
    }
    shown = view.notices;
  };
}
