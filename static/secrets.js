/**
 * What lets a page in, where a server asks for it: lent by the page's own server, for each connection.
 *
 * @module secrets
 */

import { refusedBy } from './peer.js';
import { UnreachableError } from './problems.js';

const PATIENCE_MS = 10_000;
/** Our own page's secret lives two minutes; who waits in line need not ask for one each time. */
const SECRET_MS = 60_000;

/** @param {string} url @param {string} [name] what to call it where it gives no answer @returns {Promise<Response>} @throws {UnreachableError} */
async function ask(url, name = '') {
  try {
    return await fetch(url, { method: 'POST', signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch {
    throw new UnreachableError(name);
  }
}

/**
 * Of a site's own server.
 * @param {string} url
 * @returns {Promise<string>}
 * @throws {UnreachableError | TypeError}
 */
export async function fetchSecret(url) {
  const response = await ask(url, url);
  const body = response.ok ? await response.json() : null;
  if (typeof body?.value !== 'string') throw new TypeError(`${url} gave no secret: {"value": "ek_…"} is expected.`);
  return body.value;
}

/** What the server lends its own page: a secret and passwords of TURN servers, new ones for each connection. */
export class Access {
  #path;
  #servers;
  #secret = '';
  #atMs = -Infinity;

  /** @param {string} path @param {RTCIceServer[]} servers which `Call` gives to each connection it makes */
  constructor(path, servers) {
    this.#path = path;
    this.#servers = servers;
  }

  /**
   * @param {boolean} waiting whether it is for another question in the line before a full server
   * @returns {Promise<string>}
   * @throws {UnreachableError | import('./problems.js').RefusedError}
   */
  async secret(waiting) {
    if (waiting && performance.now() - this.#atMs < SECRET_MS) return this.#secret;
    const response = await ask(this.#path);
    if (!response.ok) throw await refusedBy(response);
    const { secret, ice_servers: servers } = await response.json();
    this.#secret = String(secret);
    this.#atMs = performance.now();
    // In place: the connection under way has the old ones, and every later one has these.
    this.#servers.splice(0, this.#servers.length, ...servers);
    return this.#secret;
  }
}
