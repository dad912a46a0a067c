/**
 * The captions: both sides word by word, what is about to be said, what was cut off. A screen
 * reader is told finished turns only (`announcer`), for words that come one by one would drown it.
 *
 * @module elements/captions-view
 */

import { make, part } from './dom.js';

/** @typedef {import('../view.js').View} View */
/** @typedef {import('../view.js').Caption} Caption */
/** @typedef {import('./strings.js').Strings} Strings */

const ANNOUNCEMENTS_KEPT = 12;
/** This near to the end counts as reading along. */
const FOLLOW_PIXELS = 48;

/**
 * @param {ParentNode} root
 * @param {AbortSignal} signal ends its listeners
 * @param {Readonly<Strings>} strings
 * @returns {(view: View) => void} renders a view
 */
export function captionsView(root, signal, strings) {
  const list = part(root, 'caption-list', HTMLOListElement);
  const scroller = part(root, 'captions');
  const empty = part(root, 'captions-empty');
  const announcer = part(root, 'announcer');
  /** @type {Map<string, {item: HTMLLIElement, caption: Caption}>} */
  const shown = new Map();
  let follow = true;
  const toEnd = () => {
    if (follow) scroller.scrollTop = scroller.scrollHeight;
  };
  scroller.addEventListener('scroll', () => {
    follow = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < FOLLOW_PIXELS;
  }, { signal, passive: true });
  const resized = new ResizeObserver(toEnd);
  for (const element of [scroller, list]) resized.observe(element);
  signal.addEventListener('abort', () => resized.disconnect(), { once: true });

  return (view) => {
    const visible = view.captions.filter((caption) => caption.words.length > 0);
    empty.hidden = visible.length > 0;
    // Forgotten, or begun anew: what was read aloud goes as well.
    if (visible.length === 0) announcer.replaceChildren();
    const keys = new Set(visible.map((caption) => caption.key));
    for (const [key, { item }] of shown) {
      if (keys.has(key)) continue;
      item.remove();
      shown.delete(key);
    }
    for (const caption of visible) {
      const before = shown.get(caption.key);
      if (before?.caption === caption) continue;
      const item = before?.item ?? list.appendChild(make('li', { class: 'turn' }));
      renderTurn(item, caption, strings);
      if (isFinished(caption) && !(before && isFinished(before.caption))) announce(announcer, caption, strings);
      shown.set(caption.key, { item, caption });
    }
    toEnd();
  };
}

/** @param {Caption} caption */
const isFinished = (caption) => caption.status === 'done' || caption.status === 'cut';

/** @param {Caption} caption */
export function splitCaption(caption) {
  const count = caption.who === 'person' || caption.status === 'done' ? caption.words.length : caption.wordsHeard;
  const separator = caption.who === 'person' ? ' ' : '';
  /** @param {typeof caption.words} words */
  const join = (words) => words.map((word) => word.text).join(separator).trim();
  return { heard: join(caption.words.slice(0, count)), rest: join(caption.words.slice(count)) };
}

/** @param {HTMLLIElement} item @param {Caption} caption @param {Readonly<Strings>} strings */
function renderTurn(item, caption, strings) {
  item.setAttribute('part', `turn ${caption.who}`);
  item.dataset.who = caption.who;
  item.dataset.status = caption.status;
  const { heard, rest } = splitCaption(caption);
  const said = make('p', { class: 'said' });
  said.dir = 'auto';
  if (heard) said.append(make('span', { class: 'heard', text: heard }));
  if (heard && rest) said.append(' ');
  if (rest && caption.status === 'cut') {
    said.append(make('span', { class: 'unseen', text: ` (${strings.cutOffNotHeard}: ` }), make('s', { text: rest }), make('span', { class: 'unseen', text: ')' }));
  } else if (rest) {
    said.append(make('span', { class: 'coming', text: rest }));
  }
  const badge = caption.typed ? strings.typed : caption.status === 'cut' ? (/** @type {Record<string, string>} */ (strings)[`cut-${caption.cutBy}`] ?? strings.cutOff) : '';
  if (badge) said.append(' ', make('span', { class: 'badge', text: badge }));
  item.replaceChildren(make('p', { class: 'who', text: strings[caption.who] }), said);
}

/** @param {HTMLElement} announcer @param {Caption} caption @param {Readonly<Strings>} strings */
function announce(announcer, caption, strings) {
  const { heard } = splitCaption(caption);
  // Cut off before its first word: who listens need not hear of it.
  if (!heard) return;
  const cut = caption.status === 'cut' ? ` (${strings.cutOff})` : '';
  announcer.append(make('p', { text: `${strings[caption.who]}: ${heard}${cut}` }));
  while (announcer.childElementCount > ANNOUNCEMENTS_KEPT) announcer.firstElementChild?.remove();
}
