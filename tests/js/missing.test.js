// A microphone that is unplugged, refused or busy in a call, and a network that comes back.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Conversation } from '../../static/conversation.js';
import { Browser, until } from './browser.js';

const HEADSET = { kind: 'audioinput', deviceId: 'headset', label: 'Headset' };
const BUILT_IN = { kind: 'audioinput', deviceId: 'built-in', label: 'Built in' };

/** @param {import('node:test').TestContext} t */
async function live(t) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const browser = new Browser();
  browser.listed = [HEADSET, BUILT_IN];
  const call = new Conversation({ server: 'http://server.example', play: false });
  /** @type {(import('../../static/problems.js').Problem | null)[]} */
  const told = [];
  t.after(() => call.end());
  void call.start({ deviceId: 'headset' });
  await until(() => call.phase === 'live');
  call.on('problem', ({ problem }) => told.push(problem));
  return { browser, call, told, codes: () => told.map((one) => one?.code) };
}

/** @param {Browser} browser */
function pull(browser) {
  browser.microphones.at(-1)?.stop();
  browser.microphones.at(-1)?.dispatchEvent(new Event('ended'));
}

for (const order of ['ended first', 'devicechange first']) {
  test(`a headset that is unplugged gives way to what else there is: ${order}`, async (t) => {
    const { browser, codes } = await live(t);
    browser.listed = [BUILT_IN];
    browser.microphones[0]?.stop();
    const signs = [() => browser.microphones[0]?.dispatchEvent(new Event('ended')), () => browser.devices.dispatchEvent(new Event('devicechange'))];
    for (const tell of order === 'ended first' ? signs : signs.reverse()) tell();
    await until(() => browser.microphones.at(-1)?.readyState === 'live' && browser.connection.microphone.track === browser.microphones.at(-1));
    assert.deepEqual(codes().filter(Boolean), []);
    const lit = browser.microphones.filter((one) => one.readyState === 'live');
    assert.equal(lit.length, 1, 'no other one stays open');
  });
}

test('one that is allowed again is used at once', async (t) => {
  const { browser, told, codes } = await live(t);
  browser.fault = 'NotAllowedError';
  pull(browser);
  await until(() => told.length === 1);
  assert.deepEqual(codes(), ['microphone-denied']);
  browser.fault = '';
  browser.permission.dispatchEvent(new Event('change'));
  await until(() => told.length === 2);
  assert.equal(told[1], null);
  assert.equal(browser.connection.microphone.track, browser.microphones.at(-1));
});

test('one that another program holds may be tried again; what works is left alone', async (t) => {
  const { browser, call, told, codes } = await live(t);
  call.retry();
  assert.equal(browser.microphones.length, 1);
  browser.fault = 'NotReadableError';
  await call.useMicrophone('built-in');
  assert.deepEqual(codes(), ['microphone-busy']);
  assert.equal(browser.microphones[0]?.readyState, 'live', 'the one before is heard meanwhile');
  browser.fault = '';
  call.retry();
  await until(() => told.length === 2);
  assert.equal(told[1], null);
  assert.deepEqual(browser.microphones.map((one) => one.readyState), ['ended', 'live']);
});

test('who has none in a call is not told to read the page, but that typing works', async (t) => {
  const { browser, told } = await live(t);
  browser.plugged = false;
  pull(browser);
  await until(() => told.length === 1);
  assert.match(String(told[0]?.advice), /type/);
  assert.doesNotMatch(String(told[0]?.advice), /Start|read this page/);
});

test('when the network is back the next attempt is not waited for', async (t) => {
  const { browser, call } = await live(t);
  browser.unreachable = 1;
  browser.connection.lose();
  await until(() => call.phase === 'reconnecting');
  t.mock.timers.tick(8_000);
  await until(() => call.phase === 'waiting');
  browser.network.dispatchEvent(new Event('online'));
  await until(() => call.phase === 'live');
  assert.equal(browser.offers.at(-1)?.resume, 'token');
});
