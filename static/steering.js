/**
 * What a client may ask in the midst of a conversation, as messages of the dialect. Pure.
 *
 * @module steering
 */

/** @typedef {NonNullable<import('./events.js').AgentSay['policy']>} SayPolicy */
/** @typedef {NonNullable<import('./events.js').MemoryAppend['role']>} AppendRole */
/** @typedef {import('./events.js').ClientEvent} SteeringEvent */

/** Stop the answer under way or in the making; it is not given again. @returns {SteeringEvent} */
export const cancel = () => ({ type: 'agent.cancel' });
/** Fall silent in the midst of an answer, and go on listening. @returns {SteeringEvent} */
export const hold = () => ({ type: 'agent.hold' });
/** Go on where `hold` stopped. @returns {SteeringEvent} */
export const resume = () => ({ type: 'agent.resume' });
/** Answer what is there, now. @returns {SteeringEvent} */
export const answer = () => ({ type: 'agent.answer' });
/** The person's turn ends here (manual turns). @returns {SteeringEvent} */
export const commit = () => ({ type: 'turn.commit' });
/** Forget what the person said since the last turn. @returns {SteeringEvent} */
export const clear = () => ({ type: 'turn.clear' });

/**
 * Of an utterance only so much was heard.
 * @param {number} utterance
 * @param {number} heardMs
 * @returns {SteeringEvent}
 */
export const truncate = (utterance, heardMs) => ({ type: 'agent.truncate', utterance, heard_ms: Math.max(0, Math.round(heardMs)) });

/**
 * Say this, in these words.
 * @param {string} text
 * @param {{policy?: SayPolicy, priority?: number, say?: string}} [how] `now` speaks over everybody; `when_free` waits; `never_over_person` also stops at the person's first sound
 * @returns {SteeringEvent}
 * @throws {RangeError} when there is nothing to say
 */
export function say(text, how = {}) {
  if (!text.trim()) throw new RangeError('Give it something to say.');
  return { type: 'agent.say', text: text.trim(), ...how };
}

/**
 * Something it should know, unanswered.
 * @param {string} text
 * @param {AppendRole} [role]
 * @returns {SteeringEvent}
 * @throws {RangeError} when it is empty
 */
export function append(text, role = 'knowledge') {
  if (!text.trim()) throw new RangeError('Give it something to remember.');
  return { type: 'memory.append', text, role };
}

/** Change settings; what is not named stays. @param {import('./events.js').Settings} settings @returns {SteeringEvent} */
export const update = (settings) => ({ type: 'settings.update', settings });

/** @param {string} call @param {string} text @param {boolean} failed @returns {SteeringEvent} */
export const toolAnswer = (call, text, failed) => ({ type: 'tool.answer', call, text, failed });
