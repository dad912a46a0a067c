/**
 * Two write one text: the person by keyboard, the model by tools, both by voice, at the same time.
 *
 * @module writing
 */

import '../static/elements/counterpoint-call.js';

const call = /** @type {import('../static/elements/counterpoint-call.js').CounterpointCall} */ (document.querySelector('counterpoint-call'));
const text = /** @type {HTMLTextAreaElement} */ (document.querySelector('#text'));
const status = /** @type {HTMLElement} */ (document.querySelector('#status'));

/** The model is told of typing once it pauses for so long. */
const PAUSE_MS = 1500;
/** Of a longer text it is told the end: of what it is told and what a tool gives it reads some 500 words' beginning. */
const MAX_TOLD = 1500;

let typing = 0;
let told = '';
// Another call knows nothing of the text yet.
call.addEventListener('counterpoint-phase', (event) => {
  if (/** @type {CustomEvent} */ (event).detail.phase === 'asking') told = '';
});

/** Tell the model how the text stands, silently: it knows it and does not answer. */
function tell() {
  const now = text.value.slice(-MAX_TOLD);
  if (now === told || call.conversation?.phase !== 'live') return;
  if (call.conversation.append(`The text so far:\n${now || '(empty)'}`)) {
    told = now;
    status.textContent = 'It has read what you typed.';
  }
}

/**
 * Change the text beside the person's typing: the caret stays where they are.
 * @param {number} start @param {number} end @param {string} words
 */
function put(start, end, words) {
  const known = text.value.slice(-MAX_TOLD) === told;
  text.setRangeText(words, start, end, 'preserve');
  // It knows its own words; what the person typed meanwhile is still to be told.
  if (known) told = text.value.slice(-MAX_TOLD);
  text.scrollTop = text.scrollHeight;
  status.textContent = 'It wrote.';
}

/** @param {{words: string}} given */
function write({ words }) {
  const gap = text.value && !/\s$/.test(text.value) ? ' ' : '';
  put(text.value.length, text.value.length, gap + words);
  return 'It stands in the text.';
}

/** @param {{old: string, words: string}} given */
function replace({ old, words }) {
  const at = text.value.lastIndexOf(old);
  if (!old || at < 0) throw new RangeError(`“${old}” is not in the text.`);
  put(at, at + old.length, words);
  return 'It is replaced.';
}

text.addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(tell, PAUSE_MS);
});
call.addEventListener('counterpoint-phase', () => tell());

const WORDS = { type: 'string', description: 'the words themselves' };
call.settings = { instructions: 'You and the person write one text together. Put your sentences into it with your tools, and talk about it briefly.' };
call.tools = [
  {
    name: 'write',
    description: 'Write at the end of the text.',
    parameters: { type: 'object', properties: { words: WORDS }, required: ['words'] },
    run: (given) => write(/** @type {{words: string}} */ (given)),
  },
  {
    name: 'replace',
    description: 'Replace some words of the text, the last time they stand in it.',
    parameters: { type: 'object', properties: { old: { type: 'string' }, words: WORDS }, required: ['old', 'words'] },
    run: (given) => replace(/** @type {{old: string, words: string}} */ (given)),
  },
  { name: 'read', description: 'How the text stands now.', run: () => text.value.slice(-MAX_TOLD) || '(empty)' },
];
