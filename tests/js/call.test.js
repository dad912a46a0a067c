// A call keeps its microphone, its settings and its patience over connections that are lost; no browser, no server.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Conversation, connect } from '../../static/conversation.js';
import { RECONNECT_ATTEMPTS, STEADY_MS } from '../../static/retries.js';
import { Browser, gate, until } from './browser.js';

/**
 * A call that is being made.
 * @param {import('node:test').TestContext} t
 * @param {import('../../static/conversation.js').ConversationOptions} [options]
 */
function calling(t, options = {}) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const browser = new Browser();
  const call = new Conversation({ server: 'http://server.example', play: false, ...options });
  /** @type {string[]} */
  const problems = [];
  call.on('problem', ({ problem }) => problem && problems.push(problem.code));
  t.after(() => call.end());
  void call.start();
  return { browser, call, problems };
}

/** @param {import('node:test').TestContext} t @param {import('../../static/conversation.js').ConversationOptions} [options] */
async function live(t, options) {
  const made = calling(t, options);
  await until(() => made.call.phase === 'live');
  return made;
}

/**
 * The connection is lost, and made again.
 * @param {import('node:test').TestContext} t
 * @param {{browser: Browser, call: Conversation}} made
 */
async function lose(t, { browser, call }) {
  browser.connection.lose();
  await until(() => call.phase === 'reconnecting');
  t.mock.timers.tick(8_000);
  await until(() => call.phase === 'live');
}

// ---- the microphone

test('a microphone chosen while the connection is made is the one that is sent', async (t) => {
  const { browser, call } = calling(t);
  const answered = gate();
  browser.answering = answered.opened;
  await until(() => browser.offers.length === 1);
  await call.useMicrophone('another');
  answered.open();
  await until(() => call.phase === 'live');
  const [first, second] = browser.microphones;
  assert.deepEqual([first?.readyState, second?.readyState], ['ended', 'live']);
  await until(() => browser.connection.microphone.track === second);
});

test('one that ends while the connection is made again is replaced', async (t) => {
  const { browser, call } = await live(t);
  const answered = gate();
  browser.answering = answered.opened;
  browser.connection.lose();
  await until(() => call.phase === 'reconnecting');
  t.mock.timers.tick(8_000);
  await until(() => browser.offers.length === 2);
  browser.microphones[0]?.dispatchEvent(new Event('ended'));
  await until(() => browser.microphones.length === 2);
  answered.open();
  await until(() => call.phase === 'live');
  await until(() => browser.connection.microphone.track === browser.microphones[1]);
  assert.equal(browser.microphones[1]?.readyState, 'live');
});

test('one that the connection does not take is told', async (t) => {
  const { browser, call, problems } = calling(t);
  const answered = gate();
  browser.answering = answered.opened;
  await until(() => browser.offers.length === 1);
  await call.useMicrophone('another');
  browser.connection.microphone.replaceTrack = () => Promise.reject(new DOMException('no', 'InvalidStateError'));
  answered.open();
  await until(() => problems.length > 0);
  assert.deepEqual([problems, call.phase], [['microphone-failed'], 'live']);
});

test('one that the browser gives after hanging up is closed, while the server is told goodbye', async (t) => {
  const { browser, call } = await live(t);
  const given = gate();
  browser.opening = given.opened;
  /** @type {(MediaStream | null)[]} */
  const told = [];
  call.on('microphone', ({ stream }) => told.push(stream));
  const changing = call.useMicrophone('another');
  call.end();
  given.open();
  await changing;
  assert.deepEqual([browser.connection.channel.sent.at(-1)?.type, browser.connection.connectionState], ['session.end', 'new']);
  assert.deepEqual(browser.microphones.map((one) => one.readyState), ['ended', 'ended']);
  assert.deepEqual(told, [null]);
});

test('nor does it become the microphone of the next call', async (t) => {
  const { browser, call } = await live(t);
  const given = gate();
  browser.opening = given.opened;
  const changing = call.useMicrophone('another');
  call.end();
  browser.opening = Promise.resolve();
  void call.start();
  await until(() => call.phase === 'live');
  given.open();
  await changing;
  assert.deepEqual(browser.microphones.map((one) => one.readyState), ['ended', 'live', 'ended']);
  assert.equal(browser.connection.microphone.track, browser.microphones[1]);
});

test('of two that were chosen quickly the last one is used, whichever the browser gives last', async (t) => {
  const { browser, call } = await live(t);
  const slow = gate();
  browser.opening = slow.opened;
  const first = call.useMicrophone('slow');
  browser.opening = Promise.resolve();
  await call.useMicrophone('quick');
  const [, quick] = browser.microphones;
  slow.open();
  await first;
  assert.deepEqual(browser.microphones.map((track) => track.readyState), ['ended', 'live', 'ended']);
  assert.equal(browser.connection.microphone.track, quick);
});

test('one that is unplugged is told, and used again when it is back', async (t) => {
  const { browser, call } = await live(t);
  /** @type {(import('../../static/problems.js').Problem | null)[]} */
  const told = [];
  call.on('problem', ({ problem }) => told.push(problem));
  browser.plugged = false;
  browser.microphones[0]?.stop();
  browser.microphones[0]?.dispatchEvent(new Event('ended'));
  await until(() => told.length === 1);
  assert.equal(told[0]?.code, 'microphone-absent');
  assert.ok(!told[0].advice.join().includes('Start'));
  browser.plugged = true;
  browser.devices.dispatchEvent(new Event('devicechange'));
  await until(() => told.length === 2);
  assert.equal(told[1], null);
  assert.equal(browser.connection.microphone.track, browser.microphones[1]);
  browser.devices.dispatchEvent(new Event('devicechange'));
  await until(() => browser.microphones.length === 2);
});

test('one chosen while the browser still asks for the first is the one a call begins with', async (t) => {
  const slow = gate();
  const { browser, call } = calling(t);
  browser.opening = slow.opened;
  call.end();
  void call.start();
  browser.opening = Promise.resolve();
  await call.useMicrophone('remembered');
  slow.open();
  await until(() => call.phase === 'live');
  const used = browser.microphones.filter((one) => one.readyState === 'live');
  assert.deepEqual(used, [browser.connection.microphone.track]);
});

test('without one a lost connection is made again, and it is still missing; meanwhile the server is told we are there', async (t) => {
  const { browser, call } = await live(t);
  /** @type {(string | undefined)[]} */
  const told = [];
  call.on('problem', ({ problem }) => told.push(problem?.code));
  browser.plugged = false;
  browser.microphones[0]?.stop();
  browser.microphones[0]?.dispatchEvent(new Event('ended'));
  await until(() => told.length === 1);
  const pings = () => browser.connection.channel.sent.filter((one) => one.type === 'ping').length;
  for (let n = 1; n <= 3; n += 1) {
    t.mock.timers.tick(500);
    await until(() => pings() >= n);
  }
  await lose(t, { browser, call });
  await until(() => told.at(-1) === 'microphone-absent');
});

test('who has the microphone muted by the system gives signs of life, and no others do', async (t) => {
  const { browser } = await live(t);
  const pings = () => browser.connection.channel.sent.filter((one) => one.type === 'ping').length;
  const poll = async (/** @type {boolean} */ muted) => {
    const track = browser.connection.microphone.track;
    assert.ok(track);
    track.muted = muted;
    const before = pings();
    t.mock.timers.tick(500);
    for (let n = 0; n < 20; n += 1) await null;
    return pings() - before;
  };
  assert.deepEqual([await poll(false), await poll(true), await poll(true)], [0, 1, 1]);
});

// ---- connections that do not last

test('who lost the connection to a server that is full waits in line for as long as it takes', async (t) => {
  const { browser, call, problems } = await live(t);
  browser.refusals = RECONNECT_ATTEMPTS + 5;
  browser.connection.lose();
  await until(() => call.phase === 'reconnecting');
  t.mock.timers.tick(8_000);
  for (let left = browser.refusals - 1; left >= 0; left -= 1) {
    await until(() => browser.refusals === left && call.phase === 'waiting');
    t.mock.timers.tick(3_000);
  }
  await until(() => call.phase === 'live');
  assert.equal(browser.offers.at(-1)?.resume, 'token');
  assert.deepEqual(new Set(problems), new Set(['busy']));
});

test('a proxy that asks to wait for a server that is gone is not waited for without end', async (t) => {
  const { browser, call, problems } = await live(t);
  browser.orphaned = Infinity;
  browser.connection.lose();
  await until(() => call.phase === 'reconnecting');
  t.mock.timers.tick(8_000);
  for (let attempt = 1; attempt < RECONNECT_ATTEMPTS; attempt += 1) {
    await until(() => browser.offers.length === 1 + attempt && call.phase === 'waiting');
    t.mock.timers.tick(3_000);
  }
  await until(() => call.phase === 'failed');
  assert.equal(problems.at(-1), 'lost');
});

test('where nobody can talk a call fails and says why', async (t) => {
  const { call, problems, browser } = await live(t);
  call.end();
  Object.defineProperty(globalThis, 'isSecureContext', { value: false, configurable: true });
  await call.start();
  assert.deepEqual([call.phase, problems.at(-1)], ['failed', 'insecure']);
  assert.equal(browser.microphones.length, 1);
});

test('a browser without AbortSignal.any is told so before the microphone is asked for', async (t) => {
  const { browser, call, problems } = await live(t);
  call.end();
  const { any } = AbortSignal;
  t.after(() => Object.assign(AbortSignal, { any }));
  delete (/** @type {any} */ (AbortSignal).any);
  await call.start();
  assert.deepEqual([call.phase, problems.at(-1), browser.microphones.length], ['failed', 'unsupported', 1]);
});

test('who does not wait for the next attempt goes on with the same conversation', async (t) => {
  const { browser, call } = await live(t);
  browser.unreachable = 1;
  browser.connection.lose();
  await until(() => call.phase === 'reconnecting');
  t.mock.timers.tick(8_000);
  await until(() => call.phase === 'waiting');
  call.retry();
  await until(() => call.phase === 'live');
  assert.equal(browser.offers.at(-1)?.resume, 'token');
  assert.equal(browser.microphones.length, 1);
  call.retry();
  assert.equal(call.phase, 'live');
});

test('a promise of a connection is not kept for ever by a server that does not answer', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const browser = new Browser();
  browser.unreachable = Infinity;
  const connected = connect({ server: 'http://server.example', play: false });
  let over = false;
  const failed = connected.catch((error) => error).finally(() => (over = true));
  for (let turn = 0; turn < 2_000 && !over; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    t.mock.timers.tick(1_000);
  }
  assert.equal((await failed).problem.code, 'unreachable');
  assert.equal(browser.offers.length, RECONNECT_ATTEMPTS + 1);
  assert.equal(browser.microphones[0]?.readyState, 'ended');
});

test('and may be given up before', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const browser = new Browser();
  const never = gate();
  browser.answering = never.opened;
  const giveUp = new AbortController();
  const connected = connect({ server: 'http://server.example', play: false, signal: giveUp.signal });
  await until(() => browser.offers.length === 1);
  giveUp.abort();
  await assert.rejects(connected, { name: 'ConversationError' });
  assert.equal(browser.microphones[0]?.readyState, 'ended');
  never.open();
});

test('a secret that cannot be had for a moment costs an attempt, and is named', async (t) => {
  let failures = 0;
  const { browser, call, problems } = await live(t, {
    secret: () => {
      if (failures-- > 0) throw new Error('HTTP 503');
      return 'ek_1';
    },
  });
  failures = 1;
  browser.connection.lose();
  await until(() => call.phase === 'reconnecting');
  t.mock.timers.tick(8_000);
  await until(() => call.phase === 'waiting');
  assert.deepEqual(problems, ['secret-failed']);
  t.mock.timers.tick(60_000);
  await until(() => call.phase === 'live');
  assert.equal(browser.offers.at(-1)?.resume, 'token');
});

// ---- tools

test('an answer of a tool is something, and fits into a message', async (t) => {
  /** @type {any} */
  let gives = '';
  const { browser } = await live(t, { tools: [{ name: 'price', run: () => gives }] });
  const answers = () => browser.connection.channel.sent.filter((one) => one.type === 'tool.answer');
  for (const [given, text] of [['', 'done'], [' ', 'done'], [new Error(''), 'It failed.'], ['\u{1F600}'.repeat(9_000), null]]) {
    gives = given instanceof Error ? Promise.reject(given) : given;
    const before = answers().length;
    browser.connection.tell('tool.call', { call: `c${before}`, name: 'price', arguments: {}, timeout_ms: 1000 });
    await until(() => answers().length === before + 1);
    const answer = answers().at(-1) ?? {};
    if (text) assert.equal(answer.text, text);
    assert.ok(new TextEncoder().encode(JSON.stringify(answer)).length <= 16 * 1024);
    assert.ok(answer.text.isWellFormed());
  }
});

test('a call of a tool that the settings declare is the page’s to answer', async (t) => {
  const { browser, call } = await live(t, { tools: [{ name: 'price', run: () => '1' }] });
  call.update({ tools: [{ name: 'other', description: '', parameters: { type: 'object' }, timeout_ms: 1000 }] });
  browser.connection.tell('tool.call', { call: 'c1', name: 'other', arguments: {}, timeout_ms: 1000 });
  browser.connection.tell('tool.call', { call: 'c2', name: 'price', arguments: {}, timeout_ms: 1000 });
  const answers = () => browser.connection.channel.sent.filter((one) => one.type === 'tool.answer');
  await until(() => answers().length > 0);
  assert.deepEqual(answers().map((one) => one.call), ['c2']);
});

test('a connection that comes up and dies at once is not made for ever', async (t) => {
  const made = await live(t);
  for (let brief = 1; brief < RECONNECT_ATTEMPTS; brief += 1) await lose(t, made);
  made.browser.connection.lose();
  await until(() => made.call.phase === 'failed');
  assert.deepEqual(made.problems, ['lost']);
  assert.equal(made.browser.connections.length, RECONNECT_ATTEMPTS);
  assert.equal(made.browser.microphones[0]?.readyState, 'ended');
});

test('one that lasted lets the count begin anew', async (t) => {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const made = await live(t);
  for (let brief = 1; brief < RECONNECT_ATTEMPTS; brief += 1) await lose(t, made);
  now += STEADY_MS + 1;
  await lose(t, made);
  for (let brief = 1; brief < RECONNECT_ATTEMPTS; brief += 1) await lose(t, made);
  assert.deepEqual(made.problems, []);
  made.browser.connection.lose();
  await until(() => made.call.phase === 'failed');
  assert.equal(made.browser.connections.length, 2 * RECONNECT_ATTEMPTS);
});

test('who had to wait for the first connection is as patient after it', async (t) => {
  const { browser, call } = calling(t);
  browser.refusals = RECONNECT_ATTEMPTS + 2;
  for (let left = browser.refusals - 1; left >= 0; left -= 1) {
    await until(() => browser.refusals === left && call.phase === 'waiting');
    t.mock.timers.tick(3_000);
  }
  await until(() => call.phase === 'live');
  browser.refusals = 1;
  browser.connection.lose();
  await until(() => call.phase === 'reconnecting');
  t.mock.timers.tick(8_000);
  await until(() => browser.refusals === 0 && call.phase === 'waiting');
  t.mock.timers.tick(3_000);
  await until(() => call.phase === 'live');
  assert.equal(browser.offers.at(-1)?.resume, 'token');
});

// ---- settings

const FIRST = { instructions: 'Be brief.', greeting: 'Hello.' };
/** All of them, as the server tells them. */
const NOW = { ...FIRST, voice: '', eagerness: 0.5, backchannels: true, manual_turns: false, tools: ['price'], tool_choice: 'auto' };
const PRICE = { name: 'price', description: 'Tells a price.', run: () => '1' };

/** Ask for settings; what the server then names as the cause. @param {{browser: Browser, call: Conversation}} made @param {any} settings */
function update({ browser, call }, settings) {
  assert.ok(call.update(settings));
  return browser.connection.channel.sent.at(-1)?.event_id;
}

test('settings that the server took are named again, those that it refused are not', async (t) => {
  const made = await live(t, { settings: FIRST, tools: [PRICE] });
  const { browser } = made;
  const { tools, ...first } = browser.offers[0]?.settings;
  assert.deepEqual(first, FIRST);
  assert.deepEqual(tools.map((/** @type {any} */ tool) => tool.name), ['price']);
  const [taken, refused] = [update(made, { eagerness: 0.9 }), update(made, { eagerness: 7 })];
  browser.connection.tell('settings.changed', { settings: { ...NOW, eagerness: 0.9 }, event_id: taken });
  browser.connection.tell('error', { code: 'bad_field', message: 'too eager', event_id: refused });
  await lose(t, made);
  assert.deepEqual([browser.offers[1]?.resume, browser.offers[1]?.settings], ['token', { ...NOW, eagerness: 0.9, tools }]);
});

test('tools, which the server tells by name, are declared whole, as they were when it took them', async (t) => {
  const made = await live(t, { tools: [PRICE] });
  const { connection, offers } = made.browser;
  const tools = ['current_time', { name: 'price', description: 'Tells a price in pounds.' }];
  const settings = { ...NOW, tools: ['current_time', 'price'] };
  connection.tell('settings.changed', { settings, event_id: update(made, { tools }) });
  connection.tell('error', { code: 'bad_field', message: 'no', event_id: update(made, { tools: [{ name: 'price', description: 'Refused.' }] }) });
  connection.tell('settings.changed', { settings, event_id: update(made, { eagerness: 0.5 }) });
  await lose(t, made);
  assert.deepEqual(offers[1]?.settings.tools, tools);
});

test('another call begins with the first settings', async (t) => {
  const made = await live(t, { settings: FIRST });
  const { browser, call } = made;
  browser.connection.tell('settings.changed', { settings: { ...NOW, tools: [] }, event_id: update(made, { voice: '' }) });
  call.end();
  void call.start();
  await until(() => call.phase === 'live');
  assert.deepEqual([browser.offers[1]?.resume, browser.offers[1]?.settings], [undefined, FIRST]);
});
