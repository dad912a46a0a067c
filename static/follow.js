/**
 * A conversation as one picture: `call-state.js` fed with everything a call tells. No DOM.
 *
 * @module follow
 */

import { initialView, reduce } from './call-state.js';

/** @typedef {import('./view.js').View} View */
/** @typedef {import('./call-state.js').Action} Action */
/** @typedef {(action: Action) => void} Tell */

/**
 * One picture of all that it is told, from one call to the next.
 * @param {(view: View) => void} onView called once for all that happens in one turn of the loop
 * @param {AbortSignal} signal ends it
 * @returns {Tell}
 */
export function picture(onView, signal) {
  let view = initialView();
  let queued = false;
  return (action) => {
    if (signal.aborted) return;
    view = reduce(view, action);
    if (queued) return;
    queued = true;
    // Not in a frame of animation: a hidden tab has none.
    queueMicrotask(() => {
      queued = false;
      if (!signal.aborted) onView(view);
    });
  };
}

/**
 * @param {Pick<import('./call.js').Call, 'on'>} call
 * @param {Tell} tell
 * @param {AbortSignal} signal ends it
 */
export function follow(call, tell, signal) {
  call.on('phase', ({ phase, retrySeconds, reason }) => {
    const atMs = performance.now();
    const retry = phase === 'waiting' ? { retryAtMs: atMs + retrySeconds * 1000 } : {};
    if (phase === 'asking') tell({ type: 'begin' });
    tell({ type: 'phase', phase, atMs, reason, ...retry });
  }, { signal });
  call.on('problem', ({ problem }) => tell({ type: 'problem', problem }), { signal });
  call.on('event', ({ event }) => tell({ type: 'event', event, receivedMs: performance.now() }), { signal });
}
