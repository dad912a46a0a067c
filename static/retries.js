/**
 * When a connection that failed is tried again. Pure.
 *
 * @module retries
 */

/** A connection that lived shorter than this counts as a failed attempt. */
export const STEADY_MS = 5_000;
/** Attempts after a loss before the person is asked; with the waits below about a minute. */
export const RECONNECT_ATTEMPTS = 10;
const RETRY_SECONDS = [0, 1, 2, 4, 8];

/** How long to wait after so many failed attempts, in seconds. @param {number} attempt */
export const waitSeconds = (attempt) => RETRY_SECONDS[Math.min(attempt, RETRY_SECONDS.length - 1)] ?? 8;
