/**
 * A conversation as one picture: `call-state.js` fed with everything a call tells. No DOM.
 *
 * @module follow
 */

import { initialView, reduce } from './call-state.js';

/** @typedef {import('./view.js').View} View */
/** @typedef {import('./call-state.js').Action} Action */

/**
 * @param {Pick<import('./call.js').Call, 'on'>} call
 * @param {(view: View) => void} onView called once for all that happens in one turn of the loop
 * @param {AbortSignal} signal ends it
 * @returns {(action: Action) => void} tells it what the call does not
 */
export function follow(call, onView, signal) {
  let view = initialView();
  let queued = false;
  /** @param {Action} action */
  const dispatch = (action) => {
    if (signal.aborted) return;
    view = reduce(view, action);
    if (queued) return;
    queued = true;
    queueMicrotask(() => {
      queued = false;
      if (!signal.aborted) onView(view);
    });
  };
  call.on('phase', ({ phase, retrySeconds, reason }) => {
    const atMs = performance.now();
    const retry = phase === 'waiting' ? { retryAtMs: atMs + retrySeconds * 1000 } : {};
    if (phase === 'asking') dispatch({ type: 'begin' });
    dispatch({ type: 'phase', phase, atMs, reason, ...retry });
  }, { signal });
  call.on('problem', ({ problem }) => dispatch({ type: 'problem', problem }), { signal });
  call.on('event', ({ event }) => dispatch({ type: 'event', event, receivedMs: performance.now() }), { signal });
  return dispatch;
}
