/**
 * A voice assistant: functions of this page as tools of the model.
 *
 * @module assistant
 */

import '../static/elements/counterpoint-call.js';

const call = /** @type {import('../static/elements/counterpoint-call.js').CounterpointCall} */ (document.querySelector('counterpoint-call'));
const timers = /** @type {HTMLElement} */ (document.querySelector('#timers'));
const list = /** @type {HTMLElement} */ (document.querySelector('#list'));
const MAX_SECONDS = 3600;
const MAX_ITEMS = 100;

/** @param {HTMLElement} where @param {string} text */
function show(where, text) {
  const item = document.createElement('li');
  item.textContent = text;
  where.append(item);
  return item;
}

/** @param {{label?: string, seconds: number}} given */
function setTimer({ label = 'timer', seconds }) {
  if (!(seconds > 0 && seconds <= MAX_SECONDS)) throw new RangeError(`A timer runs 1 to ${MAX_SECONDS} seconds.`);
  if (timers.childElementCount >= MAX_ITEMS) throw new RangeError('Too many timers run.');
  const item = show(timers, `${label}: ${seconds} s`);
  setTimeout(() => {
    item.remove();
    // Its own words, when neither of us speaks; the person may interrupt them.
    call.conversation?.say(`Your ${label} is over.`);
  }, seconds * 1000);
  return `The ${label} is set.`;
}

/** @param {{item: string}} given */
function addItem({ item }) {
  if (list.childElementCount >= MAX_ITEMS) throw new RangeError('The list is full.');
  show(list, item.slice(0, 200));
  return `${item} is on the list.`;
}

const readList = () => [...list.children].map((item) => item.textContent).join(', ') || 'The list is empty.';

call.settings = { instructions: 'You are a helpful assistant. Use your tools. Answer in one short sentence.' };
call.tools = [
  {
    name: 'set_timer',
    description: 'Set a timer that tells the person when it is over.',
    parameters: { type: 'object', properties: { seconds: { type: 'number' }, label: { type: 'string' } }, required: ['seconds'] },
    run: (given) => setTimer(/** @type {{seconds: number}} */ (given)),
  },
  {
    name: 'add_to_list',
    description: 'Put something on the shopping list.',
    parameters: { type: 'object', properties: { item: { type: 'string' } }, required: ['item'] },
    run: (given) => addItem(/** @type {{item: string}} */ (given)),
  },
  { name: 'read_list', description: 'What is on the shopping list.', run: readList },
];
