/**
 * The record of a conversation on the server: fetched or forgotten with its token.
 *
 * @module record
 */

import { refusedBy } from './peer.js';

const PATIENCE_MS = 10_000;

/** @typedef {import('./peer.js').Credentials} Credentials */

/**
 * @param {string} base
 * @param {Credentials} credentials
 * @param {'json' | 'vtt'} format
 * @returns {Promise<Blob>}
 * @throws {import('./problems.js').RefusedError | TypeError}
 */
export async function fetchRecord(base, credentials, format) {
  const response = await ask(base, credentials, `/record.${format}`, 'GET');
  if (!response.ok) throw await refusedBy(response);
  return response.blob();
}

/**
 * End the conversation and have the server forget it.
 * @param {string} base
 * @param {Credentials} credentials
 * @throws {import('./problems.js').RefusedError | TypeError} and then nothing was forgotten
 */
export async function forgetRecord(base, credentials) {
  const response = await ask(base, credentials, '', 'DELETE');
  // What the server does not know any more is forgotten already.
  if (!response.ok && response.status !== 404) throw await refusedBy(response);
}

/** @param {string} base @param {Credentials} credentials @param {string} path @param {string} method */
function ask(base, { session, token }, path, method) {
  return fetch(`${base}/api/sessions/${encodeURIComponent(session)}${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
}
