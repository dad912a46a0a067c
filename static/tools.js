/**
 * Tools of the page that the model may use: declared in the offer, run here when it asks. No DOM.
 *
 * @module tools
 */

import { MAX_MESSAGE_BYTES } from './protocol.js';
import { toolAnswer } from './steering.js';

const MAX_ANSWER_CHARACTERS = 8_000;
const NAME = /^[\w-]{1,64}$/;

/** @typedef {import('./events.js').Tool} ToolSpec */
/**
 * @typedef {object} Tool
 * @property {string} name letters, digits, `_` and `-`, at most 64
 * @property {string} [description] when to use it and what it gives
 * @property {Record<string, unknown>} [parameters] JSON Schema of an object
 * @property {number} [timeoutSeconds] 30 unless told; the model is told when it takes longer
 * @property {(given: Record<string, any>, signal: AbortSignal) => unknown} run gives text, anything JSON can say, or a promise of one; what it throws is told to the model
 */

export class Tools {
  /** @type {Map<string, Tool>} */
  #tools = new Map();
  /** Calls under way. @type {Map<string, AbortController>} */
  #running = new Map();
  #send;

  /**
   * @param {readonly Tool[]} tools
   * @param {(event: import('./events.js').ClientEvent) => unknown} send
   * @throws {TypeError} for a tool that has no usable name or cannot be run, or two of one name
   */
  constructor(tools, send) {
    this.#send = send;
    for (const tool of tools) {
      if (!NAME.test(tool.name)) throw new TypeError(`A tool needs a name of letters, digits, _ and -, not “${tool.name}”.`);
      if (typeof tool.run !== 'function') throw new TypeError(`The tool ${tool.name} needs a function run.`);
      if (this.#tools.has(tool.name)) throw new TypeError(`There are two tools ${tool.name}.`);
      this.#tools.set(tool.name, tool);
    }
  }

  /** As the offer declares them. @returns {ToolSpec[]} */
  get declared() {
    return [...this.#tools.values()].map(({ name, description = '', parameters = { type: 'object' }, timeoutSeconds = 30 }) => ({
      name, description, parameters, timeout_ms: Math.round(timeoutSeconds * 1000),
    }));
  }

  /**
   * Take part in the conversation: run what is asked for, give up what is over.
   * @param {import('./events.js').ServerEvent} event
   */
  receive(event) {
    if (event.type === 'tool.call') void this.#run(event);
    if (event.type === 'tool.ended') this.#over(event.call, 'answered or too late');
  }

  /** Give up everything under way. */
  stop() {
    for (const call of [...this.#running.keys()]) this.#over(call, 'the call is over');
  }

  /** @param {import('./events.js').ToolCall} asked */
  async #run({ call, name, arguments: given }) {
    const tool = this.#tools.get(name);
    if (!tool) return; // Declared in the settings: the page answers it by itself.
    const abort = new AbortController();
    this.#running.set(call, abort);
    let [text, failed] = ['', false];
    try {
      text = asText(await tool.run(given, abort.signal));
    } catch (error) {
      [text, failed] = [error instanceof Error ? error.message : String(error), true];
    }
    if (abort.signal.aborted) return;
    this.#running.delete(call);
    this.#send(shortened(call, text.trim() || (failed ? 'It failed.' : 'done'), failed));
  }

  /** @param {string} call @param {string} why */
  #over(call, why) {
    this.#running.get(call)?.abort(new DOMException(why, 'AbortError'));
    this.#running.delete(call);
  }
}

/**
 * The answer, or of a longer one the beginning: letters outside ASCII take more room than one byte.
 * @param {string} call
 * @param {string} text
 * @param {boolean} failed
 */
function shortened(call, text, failed) {
  let kept = text.slice(0, MAX_ANSWER_CHARACTERS);
  const answer = () => toolAnswer(call, kept.replace(/[\uD800-\uDBFF]$/, ''), failed);
  while (new TextEncoder().encode(JSON.stringify(answer())).length > MAX_MESSAGE_BYTES) kept = kept.slice(0, (kept.length * 3) >> 2);
  return answer();
}

/** @param {unknown} value */
function asText(value) {
  if (typeof value === 'string') return value;
  return JSON.stringify(value ?? 'done') ?? String(value);
}
