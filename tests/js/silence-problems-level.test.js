// Small pure parts: when the voice may be heard again after a stop; what a person is told; loudness.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { meterPosition, peakOf } from '../../static/level.js';
import { ConnectTimeoutError, RefusedError, connectionProblem, microphoneProblem, placeProblem } from '../../static/problems.js';
import { Silence } from '../../static/silence.js';

test('a stop holds until the server confirmed it and began something new', () => {
  const silence = new Silence();
  assert.equal(silence.on, false);
  silence.begin(1);
  assert.equal(silence.started(), false, 'an utterance announced before the stop arrived stays mute');
  assert.equal(silence.on, true);
  silence.confirm(1);
  assert.equal(silence.on, true, 'confirmation alone lets nothing through');
  assert.equal(silence.started(), true);
  assert.equal(silence.on, false);
});

test('a second stop is not confirmed by the answer to the first', () => {
  const silence = new Silence();
  silence.begin(1);
  silence.begin(2);
  silence.confirm(1);
  assert.equal(silence.started(), false);
  silence.confirm(2);
  assert.equal(silence.started(), true);
});

test('without a stop nothing is held, and a cleared one is over', () => {
  const silence = new Silence();
  silence.confirm(5);
  assert.equal(silence.started(), false);
  silence.begin(6);
  silence.clear();
  assert.equal(silence.on, false);
});

const MICROPHONE = [
  ['NotAllowedError', 'microphone-denied'], ['SecurityError', 'microphone-denied'], ['NotFoundError', 'microphone-absent'],
  ['NotReadableError', 'microphone-busy'], ['AbortError', 'microphone-busy'], ['OverconstrainedError', 'microphone-gone'],
  ['SomethingElse', 'microphone-failed'],
];
for (const [name, code] of MICROPHONE) {
  test(`${name} says what to do`, () => {
    const problem = microphoneProblem(new DOMException('x', name));
    assert.equal(problem.code, code);
    assert.ok(problem.title.length > 10 && problem.advice.length > 0 && !problem.retry);
  });
}

const CONNECTION = /** @type {[unknown, string, boolean, number][]} */ ([
  [new RefusedError(503, 'busy', 'full', 7), 'busy', true, 7],
  [new RefusedError(503, 'not_ready', 'loading', 0), 'not-ready', true, 0],
  [new RefusedError(503, 'shutting_down', '', 3), 'shutting-down', true, 3],
  [new RefusedError(502, '', '', 0), 'server-error', true, 0],
  [new RefusedError(429, '', '', 9), 'server-error', true, 9],
  [new RefusedError(401, 'unauthorized', '', 0), 'unauthorized', false, 0],
  [new RefusedError(403, 'forbidden_origin', '', 0), 'forbidden-origin', false, 0],
  [new RefusedError(429, 'rate_limited', '', 6), 'rate-limited', true, 6],
  [new RefusedError(429, 'session_limit', '', 5), 'busy', true, 5],
  [new RefusedError(400, 'bad_offer', 'no audio', 0), 'refused', false, 0],
  [new TypeError('failed to fetch'), 'unreachable', true, 0],
  [new DOMException('x', 'TimeoutError'), 'unreachable', true, 0],
  [new ConnectTimeoutError(), 'no-media', true, 0],
  [new Error('odd'), 'failed', false, 0],
  ['not an error', 'failed', false, 0],
]);
for (const [error, code, retry, seconds] of CONNECTION) {
  test(`${error} is ${code}`, () => {
    const problem = connectionProblem(error);
    assert.deepEqual([problem.code, problem.retry, problem.retrySeconds], [code, retry, seconds]);
    assert.ok(problem.advice.length > 0);
  });
}

test('who waits in line is told the place and about how long', () => {
  /** @param {number | null} wait */
  const told = (wait) => connectionProblem(new RefusedError(503, 'busy', '', 3, { ticket: 't', place: 2, wait_ms: wait }));
  assert.deepEqual([told(null).code, told(null).retry, told(null).retrySeconds, told(null).place], ['busy', true, 3, 2]);
  assert.equal('waitSeconds' in told(null), false);
  assert.equal(told(61_000).waitSeconds, 61);
  assert.match(String(told(null).advice), /number 2 in line\. Stay/);
  assert.match(String(told(61_000).advice), /About 70 seconds/);
  assert.match(String(told(200_000).advice), /About 4 minutes/);
});

test('a page that is not served securely is told how to be', () => {
  const place = { isSecureContext: false, mediaDevices: undefined, RTCPeerConnection: class {}, host: '10.0.0.2:8080' };
  const problem = placeProblem(place);
  assert.equal(problem?.code, 'insecure');
  assert.match(String(problem?.advice), /localhost/);
  assert.match(String(problem?.advice), /https:\/\/10\.0\.0\.2:8080/);
  assert.equal(placeProblem({ ...place, isSecureContext: true })?.code, 'unsupported');
  assert.equal(placeProblem({ ...place, isSecureContext: true, mediaDevices: {} }), null);
});

test('loudness: peaks, and their place on a meter of 60 dB', () => {
  assert.equal(peakOf(new Float32Array([0, -0.5, 0.25])), 0.5);
  assert.equal(peakOf(new Float32Array([NaN, 3])), 1);
  assert.equal(peakOf(new Float32Array(0)), 0);
  const table = [[0, 0], [NaN, 0], [-1, 0], [0.0001, 0], [0.001, 0], [1, 1], [2, 1]];
  for (const [peak = 0, position = 0] of table) assert.ok(Math.abs(meterPosition(peak) - position) < 1e-9, `${peak}`);
  assert.ok(Math.abs(meterPosition(10 ** (-30 / 20)) - 0.5) < 1e-9);
});
