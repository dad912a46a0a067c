/**
 * What is wrong and what to do, and the notices that come and go.
 *
 * Requests, as bubbling events: `retry` (now), `cancel` (stop trying), `dismiss` with the notice's id.
 *
 * @module elements/problem-view
 */

import { make, part, setText } from './dom.js';

/** @typedef {import('../view.js').View} View */

/** @param {Element} from @param {string} name @param {unknown} [detail] */
const request = (from, name, detail) => from.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true, detail }));

/**
 * @param {ParentNode} root
 * @returns {(view: View, nowMs: number) => void}
 */
export function problemView(root) {
  const box = part(root, 'problem', HTMLElement);
  const wait = make('span', { class: 'wait' });
  /** @type {View['problem']} */
  let shown = null;
  return (view, nowMs) => {
    box.hidden = view.problem === null;
    if (view.problem !== shown) {
      shown = view.problem;
      fill(box, shown, wait);
    }
    const waiting = view.phase === 'waiting' && view.retryAtMs !== null;
    box.toggleAttribute('data-retry', waiting);
    for (const button of box.querySelectorAll('button')) button.hidden = !waiting;
    // Not announced each second: the sentence is outside what the alert reads again.
    setText(wait, waiting ? `Trying again in ${Math.max(0, Math.ceil((Number(view.retryAtMs) - nowMs) / 1000))} s` : '');
  };
}

/** @param {HTMLElement} box @param {View['problem']} problem @param {HTMLElement} wait */
function fill(box, problem, wait) {
  if (!problem) return box.replaceChildren();
  box.dataset.code = problem.code;
  const again = make('button', { class: 'button small', text: 'Try now' });
  const cancel = make('button', { class: 'button small quiet', text: 'Give up' });
  again.type = cancel.type = 'button';
  again.addEventListener('click', () => request(again, 'retry'));
  cancel.addEventListener('click', () => request(cancel, 'cancel'));
  wait.setAttribute('aria-live', 'off');
  box.replaceChildren(
    make('h2', { text: problem.title }),
    make('ul', {}, ...problem.advice.map((text) => make('li', { text }))),
    make('div', { class: 'row' }, again, cancel, wait),
  );
}

/**
 * @param {ParentNode} root
 * @returns {(view: View) => void}
 */
export function noticesView(root) {
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
      const close = make('button', { class: 'button small quiet', text: 'Dismiss' });
      close.type = 'button';
      close.addEventListener('click', () => request(close, 'dismiss', notice.id));
      const item = make('div', { class: 'notice' }, make('p', { text: notice.text }), close);
      Object.assign(item.dataset, { id: String(notice.id), kind: notice.kind, code: notice.code });
      box.append(item);
    }
    shown = view.notices;
  };
}
