/**
 * What went wrong, in words a person can act on. Pure.
 *
 * @module problems
 */

/**
 * @typedef {object} Problem
 * @property {string} code stable name, for tests and for other pages
 * @property {string} title one line: what happened
 * @property {readonly string[]} advice what to do, most likely first
 * @property {boolean} retry whether trying again by itself makes sense
 * @property {number} retrySeconds the wait the server asked for; 0 = ours to choose
 * @property {number} [place] in the line before a full server; 1 is let in next
 * @property {number} [waitSeconds] an estimate, where there is one
 */
/** Where one stands in the line before a full server. @typedef {{ticket: string, place: number, wait_ms: number | null}} Queue */

/** @param {string} code @param {string} title @param {string[]} advice @param {boolean} [retry] @param {number} [retrySeconds] @returns {Problem} */
function problem(code, title, advice, retry = false, retrySeconds = 0) {
  return Object.freeze({ code, title, advice: Object.freeze(advice), retry, retrySeconds });
}

/** A refusal by the server, as the dialect words it. */
export class RefusedError extends Error {
  /**
   * @param {number} status HTTP status
   * @param {string} code the dialect's error code, empty if it gave none
   * @param {string} message
   * @param {number} retrySeconds of `Retry-After`, 0 if absent
   * @param {Queue | null} [queue]
   */
  constructor(status, code, message, retrySeconds, queue = null) {
    super(message);
    this.name = 'RefusedError';
    this.status = status;
    this.code = code;
    this.retrySeconds = retrySeconds;
    this.queue = queue;
  }
}

/** The media connection was not made in time, though the server answered. */
export class ConnectTimeoutError extends Error {
  constructor() {
    super('the media connection was not made in time');
    this.name = 'ConnectTimeoutError';
  }
}

/** A server gave no answer at all. */
export class UnreachableError extends Error {
  /** @param {string} [name] of another server than the one talked to */
  constructor(name = '') {
    super(name && `There was no answer from ${name}.`);
    this.name = 'UnreachableError';
  }
}

/** The page's own server gave no secret. */
export class SecretError extends Error {
  /** @param {unknown} cause */
  constructor(cause) {
    super(cause instanceof Error && cause.message ? cause.message : String(cause));
    this.name = 'SecretError';
  }
}

/** Why nobody can talk in this page, or null. @returns {Problem | null} */
export function here() {
  const { isSecureContext, RTCPeerConnection, location, navigator } = globalThis;
  // Of browsers that can make calls, those without `any` would hang at the first failure.
  const able = 'any' in AbortSignal && RTCPeerConnection;
  return placeProblem({ isSecureContext, mediaDevices: navigator.mediaDevices, RTCPeerConnection: able, host: location.host });
}

/**
 * The page cannot work here at all, or null when it can.
 * @param {{isSecureContext: boolean, mediaDevices: unknown, RTCPeerConnection: unknown, host: string}} place
 * @returns {Problem | null}
 */
export function placeProblem({ isSecureContext, mediaDevices, RTCPeerConnection, host }) {
  if (!isSecureContext) {
    return problem('insecure', 'This page was not served securely, so the browser will not lend it the microphone.', [
      'On the machine that runs the server, open http://localhost instead: browsers trust it without a certificate.',
      `From another machine, use https://${host} with a certificate on the server or on a proxy before it.`,
      'For a quick try, forward the port: ssh -L 8080:localhost:8080 SERVER, then open http://localhost:8080.',
    ]);
  }
  if (!RTCPeerConnection || !mediaDevices) {
    return problem('unsupported', 'This browser cannot make audio calls.', [
      'Use a current Chrome, Edge, Firefox or Safari.',
      'If calls are switched off by a policy or an extension, allow WebRTC for this page.',
    ]);
  }
  return null;
}

/** `during` a call that goes on. @type {Readonly<Record<string, (during: boolean) => Problem>>} */
const MICROPHONE = {
  NotAllowedError: () =>
    problem('microphone-denied', 'The microphone is not allowed for this page.', [
      'Click the icon beside the address and allow the microphone, then press Start again.',
      'If it is allowed there, allow it for the browser in the system’s privacy settings as well.',
    ]),
  NotFoundError: (during) =>
    problem('microphone-absent', 'No microphone was found.', [
      'Plug one in, or switch on a headset, then press Start again.',
      during ? 'Until then you can type.' : 'You can still read this page, but a conversation needs a microphone.',
    ]),
  NotReadableError: () =>
    problem('microphone-busy', 'The microphone is there, but it cannot be opened.', [
      'Close other programs that use it, such as a meeting, then press Start again.',
      'Unplugging it and plugging it in again often helps.',
    ]),
  OverconstrainedError: () =>
    problem('microphone-gone', 'The chosen microphone is no longer there.', [
      'Choose another one under Devices, then press Start again.',
    ]),
};

/**
 * @param {unknown} error what getUserMedia threw
 * @param {boolean} [during] a call that goes on: what is plugged in or allowed is used at once
 * @returns {Problem}
 */
export function microphoneProblem(error, during = false) {
  const found = microphoneFault(error, during);
  const advice = found.advice.map((text) => (during ? text.replace(', then press Start again', '') : text));
  return Object.freeze({ ...found, advice: Object.freeze(advice) });
}

/** @param {unknown} error @param {boolean} during @returns {Problem} */
function microphoneFault(error, during) {
  const name = error instanceof Error ? error.name : '';
  /** @type {Record<string, string>} */
  const older = { SecurityError: 'NotAllowedError', PermissionDeniedError: 'NotAllowedError', DevicesNotFoundError: 'NotFoundError', TrackStartError: 'NotReadableError', AbortError: 'NotReadableError' };
  const known = MICROPHONE[older[name] ?? name];
  if (known) return known(during);
  return problem('microphone-failed', 'The microphone could not be opened.', [
    name ? `The browser said: ${name}.` : 'The browser gave no reason.',
    'Choose another one under Devices, or reload the page.',
  ]);
}

/**
 * @param {unknown} error what making the connection threw
 * @returns {Problem}
 */
export function connectionProblem(error) {
  if (error instanceof RefusedError) return refusal(error);
  if (error instanceof SecretError) {
    return problem('secret-failed', 'This page could not get permission to talk.', [
      `What gives it the secret failed: ${error.message}`,
      'If it goes on, tell who runs this page.',
    ], true);
  }
  if (error instanceof ConnectTimeoutError) {
    return problem('no-media', 'The server answered, but no audio connection could be made.', [
      'A firewall between you and the server may block UDP; ask for its ports to be opened, or for a TURN server.',
      'On the server, `counterpoint doctor` checks addresses and ports.',
    ], true);
  }
  const silent = error instanceof UnreachableError;
  if (silent || error instanceof TypeError || (error instanceof DOMException && error.name === 'TimeoutError')) {
    return problem('unreachable', 'The server cannot be reached.', [
      'Check that it is running and that this computer is online.',
      ...(silent && error.message ? [error.message] : []),
    ], true);
  }
  return problem('failed', 'The connection could not be made.', [
    error instanceof Error && error.message ? error.message : 'Reload the page and try again.',
  ]);
}

/**
 * What the server itself says when it asks to be asked again, and what that is called here; a proxy
 * before it knows nothing of that.
 * @type {Readonly<Record<string, readonly [string, string, string]>>}
 */
const PATIENCE = {
  busy: ['busy', 'All places are taken.', 'The next free one is yours if you wait here.'],
  session_limit: ['busy', 'All places of this site are taken.', 'The next free one is yours if you wait here.'],
  rate_limited: ['rate-limited', 'This site asked too often of late.', 'It is tried again in a moment if you wait here.'],
  not_ready: ['not-ready', 'The model is still being loaded.', 'This takes some seconds after the server was started.'],
  shutting_down: ['shutting-down', 'The server is shutting down.', 'It takes no new conversations. If it is being restarted, wait here.'],
};

/** Whether a connection was not made because the server told us to wait. @param {unknown} error */
export const isToWait = (error) => error instanceof RefusedError && Object.hasOwn(PATIENCE, error.code);

/** @param {RefusedError} error @returns {Problem} */
function refusal(error) {
  const { code, message, status, retrySeconds, queue } = error;
  if (queue) return queued(queue, retrySeconds);
  const told = isToWait(error) && PATIENCE[code];
  if (told) return problem(told[0], told[1], [told[2]], true, retrySeconds);
  if (code === 'unauthorized') {
    return problem('unauthorized', 'The server does not let this page in.', ['Reload the page: what lets it in may have expired.', message || 'If that does not help, its owner must renew its key.']);
  }
  if (code === 'forbidden_origin') {
    return problem('forbidden-origin', 'The server does not let pages of this site in.', [message || 'Its owner must list this site in allowed_origins.']);
  }
  if (status >= 500 || status === 429) {
    return problem('server-error', 'The server could not take the call.', [message || `It answered with status ${status}.`], true, retrySeconds);
  }
  return problem('refused', 'The server refused the call.', [message || `It answered with status ${status}.`]);
}

/** @param {Queue} queue @param {number} retrySeconds @returns {Problem} */
function queued({ place, wait_ms: waitMs }, retrySeconds) {
  const wait = waitMs === null ? '' : ` About ${duration(waitMs / 1000)} to wait.`;
  const busy = problem('busy', 'All places are taken.', [`You are number ${place} in line.${wait} Stay here.`], true, retrySeconds);
  return Object.freeze({ ...busy, place, ...(waitMs === null ? {} : { waitSeconds: waitMs / 1000 }) });
}

/** @param {number} seconds */
function duration(seconds) {
  if (seconds < 90) return `${Math.max(10, Math.ceil(seconds / 10) * 10)} seconds`;
  return `${Math.ceil(seconds / 60)} minutes`;
}

/** @returns {Problem} */
export function lostProblem() {
  return problem('lost', 'The connection was lost and could not be made again.', [
    'Check the network, then press Start to begin anew.',
  ]);
}
