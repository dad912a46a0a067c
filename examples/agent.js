/**
 * A task of half a minute as a tool: the conversation goes on meanwhile, and can stop it.
 *
 * @module agent
 */

import '../static/elements/counterpoint-call.js';

const call = /** @type {import('../static/elements/counterpoint-call.js').CounterpointCall} */ (document.querySelector('counterpoint-call'));
const status = /** @type {HTMLElement} */ (document.querySelector('#status'));
const progress = /** @type {HTMLProgressElement} */ (document.querySelector('#progress'));
const steps = /** @type {HTMLElement} */ (document.querySelector('#steps'));
const stopButton = /** @type {HTMLButtonElement} */ (document.querySelector('#stop'));

const STEPS = ['Look for sources', 'Read the first', 'Read the second', 'Compare them', 'Check the numbers', 'Write a summary'];
/** How long each takes; `?step-ms=500` is for the impatient. */
const STEP_MS = Number(new URLSearchParams(location.search).get('step-ms')) || 5000;

/** What is being done, if anything. @type {{topic: string, done: number, stop: AbortController} | null} */
let task = null;

/**
 * The tool. Its answer comes when it is done or stopped; nobody waits for it in silence.
 * @param {string} topic
 * @param {AbortSignal} over the call is over: hung up, or it took too long
 */
async function research(topic, over) {
  if (task) throw new Error(`I am busy with ${task.topic}; stop that first.`);
  const mine = (task = { topic, done: 0, stop: new AbortController() });
  steps.replaceChildren();
  stopButton.disabled = false;
  try {
    const stopped = AbortSignal.any([over, mine.stop.signal]);
    for (const step of STEPS) {
      say(`${topic}: ${step.toLowerCase()} …`);
      if (!(await pause(STEP_MS, stopped))) return say(`Stopped after ${mine.done} of ${STEPS.length} steps.`);
      mine.done += 1;
      progress.value = mine.done / STEPS.length;
      const item = document.createElement('li');
      item.textContent = step;
      steps.append(item);
      // It knows how far it is, should the person ask; it does not say so by itself.
      call.conversation?.append(`The research on ${topic} has finished step ${mine.done} of ${STEPS.length}: ${step}.`);
    }
    return say(`The research on ${topic} is done.`);
  } finally {
    task = null;
    progress.value = 0;
    stopButton.disabled = true;
  }
}

/** @param {string} text */
function say(text) {
  status.textContent = text;
  return text;
}

function stop() {
  if (!task) return 'Nothing is being done.';
  task.stop.abort();
  return `The research on ${task.topic} is stopped.`;
}

/** @param {number} ms @param {AbortSignal} signal @returns {Promise<boolean>} false when it was cut short */
function pause(ms, signal) {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(false);
    const timer = setTimeout(() => resolve(true), ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve(false);
    }, { once: true });
  });
}

stopButton.addEventListener('click', () => void stop());

call.settings = { instructions: 'You research what the person asks for with your tool, which takes a while. Talk with them meanwhile. When they want it to end, use stop_task.' };
call.tools = [
  {
    name: 'research',
    description: 'Find out about a topic. Takes half a minute.',
    parameters: { type: 'object', properties: { topic: { type: 'string' } }, required: ['topic'] },
    timeoutSeconds: 120,
    run: ({ topic }, signal) => research(String(topic).slice(0, 100), signal),
  },
  { name: 'stop_task', description: 'Stop the research that is under way.', run: stop },
];
