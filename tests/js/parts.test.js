// Small parts: a dead microphone, a voice that is held back, a screen that stays lit, secrets, what is measured.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DeadMicrophone } from '../../static/dead-microphone.js';
import { LevelMeter } from '../../static/level.js';
import { Loudspeaker } from '../../static/loudspeaker.js';
import { connectionProblem } from '../../static/problems.js';
import { Access, fetchSecret } from '../../static/secrets.js';
import { Wake } from '../../static/wake.js';

/** @param {string} name @param {unknown} value */
function define(name, value) {
  Object.defineProperty(globalThis, name, { configurable: true, writable: true, value });
}

/** Let it hear this peak for so long. @param {DeadMicrophone} dead @param {number} peak @param {[number, number]} span @param {boolean} [on] @returns {number[]} when it told */
function hears(dead, peak, [from, to], on = true) {
  const told = [];
  for (let now = from; now < to; now += 100) if (dead.hears(peak, now, on)) told.push(now);
  return told;
}

test('a microphone that gives nothing is told once, counted from when it was listened to', () => {
  const dead = new DeadMicrophone();
  dead.begin();
  assert.deepEqual(hears(dead, 0, [0, 30_000], false), [], 'muted, or not connected yet');
  const told = hears(dead, 0, [30_000, 60_000]);
  assert.equal(told.length, 1);
  assert.ok((told[0] ?? 0) >= 37_000 && (told[0] ?? 0) <= 39_000, `${told}`);
});

test('one that was heard once is not dead, whatever follows; another one may be', () => {
  const dead = new DeadMicrophone();
  dead.begin();
  hears(dead, 0, [0, 5_000]);
  hears(dead, 0.01, [5_000, 5_100]);
  assert.deepEqual(hears(dead, 0, [5_100, 60_000]), []);
  dead.begin();
  assert.equal(hears(dead, 0, [60_000, 90_000]).length, 1);
});

test('a tab that slept did not listen', () => {
  const dead = new DeadMicrophone();
  dead.begin();
  dead.hears(0, 0, true);
  assert.equal(dead.hears(0, 600_000, true), false);
});

test('a voice that is held back is told once, until a gesture is enough', async () => {
  const document = new EventTarget();
  define('document', document);
  let allowed = false;
  const element = { srcObject: null, muted: false, pause() {}, async play() { if (!allowed) throw new DOMException('no', 'NotAllowedError'); } };
  /** @type {boolean[]} */
  const told = [];
  const loudspeaker = new Loudspeaker((blocked) => told.push(blocked), /** @type {any} */ (element));
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  await loudspeaker.play(/** @type {any} */ ({}));
  assert.deepEqual(told, [true]);
  document.dispatchEvent(new Event('keydown'));
  await settle();
  assert.deepEqual(told, [true], 'a key that is not enough');
  await loudspeaker.play(/** @type {any} */ ({}));
  assert.deepEqual(told, [true], 'another connection');
  allowed = true;
  document.dispatchEvent(new Event('pointerup'));
  await settle();
  assert.deepEqual(told, [true, false]);
  allowed = false;
  await loudspeaker.play(/** @type {any} */ ({}));
  await loudspeaker.play(null);
  assert.deepEqual(told, [true, false, true, false], 'the call is over');
});

test('the screen stays lit while a call lasts and is seen, and no longer', async () => {
  const document = Object.assign(new EventTarget(), { hidden: false });
  /** @type {{released: boolean, release: () => Promise<void>}[]} */
  const locks = [];
  const request = async () => {
    const lock = { released: false, release: async () => void (lock.released = true) };
    locks.push(lock);
    return lock;
  };
  define('document', document);
  define('navigator', { wakeLock: { request } });
  const held = () => locks.filter((lock) => !lock.released).length;
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const over = new AbortController();
  const wake = new Wake(over.signal);
  wake.hold(true);
  wake.hold(true);
  await settle();
  assert.deepEqual([locks.length, held()], [1, 1]);
  // The browser takes it away from a tab that is hidden.
  document.hidden = true;
  await locks[0]?.release();
  document.dispatchEvent(new Event('visibilitychange'));
  await settle();
  assert.equal(locks.length, 1);
  document.hidden = false;
  document.dispatchEvent(new Event('visibilitychange'));
  await settle();
  assert.deepEqual([locks.length, held()], [2, 1]);
  wake.hold(false);
  wake.hold(true);
  await settle();
  assert.equal(held(), 1);
  over.abort();
  await settle();
  assert.equal(held(), 0);
  define('navigator', { wakeLock: { request: () => Promise.reject(new DOMException('no', 'NotAllowedError')) } });
  const refused = new Wake(new AbortController().signal);
  refused.hold(true);
  await settle();
  refused.hold(false);
});

test('a network that is gone is no missing permission; an answer that is none is', async () => {
  const problem = async (/** @type {() => Promise<unknown>} */ asked) => connectionProblem(await asked().then(() => assert.fail('it was answered'), (error) => error));
  define('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
  const access = new Access('/page/access', []);
  assert.deepEqual([(await problem(() => access.secret(false))).code, (await problem(() => access.secret(false))).advice.length], ['unreachable', 1]);
  const ofSite = await problem(() => fetchSecret('https://shop.example/secret'));
  assert.deepEqual([ofSite.code, ofSite.retry], ['unreachable', true]);
  assert.match(String(ofSite.advice), /shop\.example/);
  define('fetch', async () => new Response('{}'));
  await assert.rejects(fetchSecret('/secret'), /gave no secret/);
});

test('who waits in line is lent a secret for a while; every other connection has a new one, and its servers', async () => {
  let asked = 0;
  define('fetch', async () => new Response(JSON.stringify({ secret: `ek_${(asked += 1)}`, ice_servers: [{ urls: `turn:${asked}` }] })));
  /** @type {RTCIceServer[]} */
  const servers = [];
  const access = new Access('/page/access', servers);
  assert.equal(await access.secret(true), 'ek_1');
  assert.equal(await access.secret(true), 'ek_1');
  assert.equal(await access.secret(false), 'ek_2');
  assert.deepEqual(servers, [{ urls: 'turn:2' }]);
});

test('what the browser lets nobody measure is not called silence, and is asked for after a click', () => {
  let resumed = 0;
  const audio = { state: 'suspended', resume: async () => void (resumed += 1) };
  const node = class { fftSize = 4; connect() {} disconnect() {} getFloatTimeDomainData(/** @type {Float32Array} */ samples) { samples.fill(0.5); } };
  define('AnalyserNode', node);
  define('MediaStreamAudioSourceNode', node);
  const activation = { hasBeenActive: false };
  define('navigator', { userActivation: activation });
  const meter = new LevelMeter(/** @type {any} */ (audio), /** @type {any} */ ({}));
  assert.deepEqual([meter.peak(), resumed], [null, 0]);
  activation.hasBeenActive = true;
  assert.deepEqual([meter.peak(), resumed], [null, 1]);
  audio.state = 'running';
  assert.deepEqual([meter.peak(), resumed], [0.5, 1]);
});
