// What page and element show of a conversation and do when asked, in a document that a test holds; no browser, no server.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Conversation } from '../../static/conversation.js';
import { buildCall } from '../../static/elements/call-parts.js';
import { ENGLISH } from '../../static/elements/strings.js';
import { Talk } from '../../static/elements/talk.js';
import { Browser, gate, until } from './browser.js';
import { Root, openDocument } from './dom.js';

const BUILT_IN = { kind: 'audiooutput', deviceId: 'built-in', label: 'Built in' };
const HEADSET = { kind: 'audiooutput', deviceId: 'headset', label: 'Headset' };

/** A place on the screen. @param {import('node:test').TestContext} t */
function open(t) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const browser = new Browser();
  const root = new Root();
  root.append(...buildCall(ENGLISH, openDocument().createElement('counterpoint-call')));
  const voice = {
    /** @type {string[]} */ sinks: [],
    refuses: '',
    held: false,
    srcObject: null,
    pause() {},
    async play() { if (voice.held) throw new DOMException('no', 'NotAllowedError'); },
    async setSinkId(id) {
      if (id === voice.refuses && id) throw new DOMException('no', 'NotFoundError');
      voice.sinks.push(id);
    },
  };
  const over = new AbortController();
  const make = () => new Conversation({ server: 'http://server.example', play: /** @type {any} */ (voice) });
  const talk = new Talk({ root: /** @type {any} */ (root), strings: ENGLISH, make, listen() {}, show() {} }, over.signal);
  t.after(() => over.abort());
  const part = (/** @type {string} */ name) => root.querySelector(`[data-part=${name}]`);
  /** What a notice says. */
  const notice = (/** @type {string} */ code) => part('notices').querySelector(`[data-code=${code}]`)?.firstElementChild.textContent;
  return { browser, root, talk, over, voice, part, notice, until: (/** @type {string} */ phase) => until(() => part('call').dataset.phase === phase) };
}

/** @param {import('node:test').TestContext} t */
async function live(t) {
  const made = open(t);
  made.part('start').click();
  await made.until('live');
  return made;
}

/** The connection is lost, and the first attempt fails. @param {import('node:test').TestContext} t @param {ReturnType<typeof open>} made */
async function loseAndWait(t, made) {
  made.browser.unreachable = 1;
  made.browser.connection.lose();
  await made.until('reconnecting');
  t.mock.timers.tick(8_000);
  await made.until('waiting');
}

const press = (/** @type {any} */ on, /** @type {string} */ key, /** @type {object} */ more = {}) =>
  on.dispatchEvent(Object.assign(new Event('keydown', { bubbles: true }), { key, isComposing: false, ...more }));
const submit = (/** @type {any} */ form) => form.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }));

test('one button begins and hangs up, the others do what they say', async (t) => {
  const { browser, talk, part, until: becomes } = open(t);
  assert.deepEqual([part('start-text').textContent, part('stop').disabled, part('status-text').textContent], ['Start', true, 'Not connected']);
  part('mute').click();
  part('start').click();
  await becomes('live');
  assert.deepEqual([part('start-text').textContent, part('stop').disabled, part('status-text').textContent], ['Hang up', false, 'Connected, muted']);
  assert.equal(browser.microphones[0]?.enabled, false, 'muted before, muted in the call');
  part('mute').click();
  await until(() => part('status-text').textContent === 'Connected');
  assert.equal(part('mute').getAttribute('aria-pressed'), 'false');
  part('stop').click();
  assert.equal(browser.connection.channel.sent.at(-2)?.type, 'speech.stop');
  part('start').click();
  await becomes('ended');
  assert.equal(browser.microphones[0]?.readyState, 'ended');
  part('start').click();
  await becomes('live');
  assert.equal(talk.view.phase, 'live');
  assert.equal(browser.connections.length, 2);
});

test('taken off the screen it hangs up', async (t) => {
  const { browser, over } = await live(t);
  over.abort();
  assert.equal(browser.microphones[0]?.readyState, 'ended');
});

test('Escape silences, but not where it gives up a word or closes a dialog', async (t) => {
  const { browser, root, part } = await live(t);
  const stops = () => browser.connection.channel.sent.filter((one) => one.type === 'speech.stop').length;
  press(part('typed'), 'Escape', { isComposing: true });
  const dialog = document.createElement('dialog');
  dialog.setAttribute('open', '');
  root.append(dialog);
  press(part('mute'), 'Escape');
  assert.equal(stops(), 0);
  dialog.remove();
  press(part('mute'), 'Escape');
  assert.equal(stops(), 1);
});

// ---- typing

test('what cannot be sent is kept, and why is said: before a call, without a connection, too long', async (t) => {
  const made = open(t);
  const { part } = made;
  const type = (/** @type {string} */ text) => {
    part('typed').value = text;
    submit(part('composer'));
    return [part('typed-error').textContent, part('typed').value];
  };
  assert.equal(part('send').disabled, false, 'or Enter would do nothing');
  assert.equal(part('send').getAttribute('aria-disabled'), 'true');
  assert.deepEqual(type('hello'), [ENGLISH.notConnected, 'hello']);
  part('typed').dispatchEvent(new Event('input'));
  assert.equal(part('typed-error').textContent, '');
  part('start').click();
  await made.until('live');
  assert.equal(part('send').getAttribute('aria-disabled'), 'false');
  assert.deepEqual(type('hello'), ['', '']);
  assert.equal(made.browser.connection.channel.sent.at(-1)?.text, 'hello');
  const long = '語'.repeat(7_000);
  assert.deepEqual(type(long), [ENGLISH.tooLong, long]);
  await loseAndWait(t, made);
  assert.deepEqual(type('still there?'), [ENGLISH.notNow, 'still there?']);
});

// ---- the focus

test('who has just hung up by the keyboard keeps the focus, on what is off until it moves on', async (t) => {
  const { part, until: becomes } = await live(t);
  part('stop').focus();
  press(part('stop'), 'Escape');
  part('start').click();
  await becomes('ended');
  assert.deepEqual([part('stop').disabled, part('stop').getAttribute('aria-disabled')], [false, 'true']);
  // Another window came forward: the focus is still there when it is back.
  part('stop').dispatchEvent(new Event('blur'));
  assert.deepEqual([part('stop').disabled, part('stop').getAttribute('aria-disabled')], [false, 'true']);
  part('start').focus();
  assert.deepEqual([part('stop').disabled, part('stop').getAttribute('aria-disabled')], [true, null]);
  part('start').click();
  await becomes('live');
  assert.equal(part('stop').disabled, false);
});

test('it is not lost with the buttons of a problem that is over, nor does a second Enter hang up', async (t) => {
  const made = await live(t);
  const { browser, root, part } = made;
  await loseAndWait(t, made);
  const [again, cancel] = part('problem').querySelectorAll('button');
  again.focus();
  again.click();
  await made.until('live');
  assert.equal(part('problem').hidden, true);
  assert.equal(root.activeElement, part('stop'));
  await loseAndWait(t, made);
  cancel.focus();
  cancel.click();
  await made.until('ended');
  assert.equal(root.activeElement, part('start'));
  assert.equal(browser.offers.length, 4);
});

test('it goes on from a notice that is dismissed to the next', async (t) => {
  const { root, talk, part, notice } = await live(t);
  for (const code of ['one', 'two']) talk.tell({ type: 'notice', kind: 'info', code, text: code });
  await until(() => part('notices').childElementCount === 2);
  const [one, two] = part('notices').querySelectorAll('button');
  one.focus();
  one.click();
  await until(() => part('notices').childElementCount === 1);
  assert.deepEqual([root.activeElement, notice('one'), notice('two')], [two, undefined, 'two']);
  two.click();
  await until(() => part('notices').childElementCount === 0);
  assert.equal(root.activeElement, part('stop'));
});

// ---- what is read out

test('attempts are not read out one by one: the problem said it once', async (t) => {
  const made = await live(t);
  const { part } = made;
  const spoken = () => part('status').getAttribute('aria-live');
  assert.equal(spoken(), 'polite');
  made.browser.connection.lose();
  await made.until('reconnecting');
  assert.equal(spoken(), 'polite');
  made.browser.unreachable = 2;
  t.mock.timers.tick(8_000);
  await made.until('waiting');
  assert.equal(spoken(), 'off');
  const alert = part('problem').firstElementChild;
  const answered = gate();
  made.browser.answering = answered.opened;
  t.mock.timers.tick(8_000);
  await made.until('reconnecting');
  assert.equal(spoken(), 'off');
  answered.open();
  await made.until('waiting');
  assert.equal(part('problem').firstElementChild, alert, 'the alert is as it was');
  t.mock.timers.tick(8_000);
  await made.until('live');
  assert.equal(spoken(), 'polite');
});

test('of an answer that was cut off before its first word nothing is read out', async (t) => {
  const { browser, part } = await live(t);
  const words = [{ text: ' Well', start_ms: 0, end_ms: 100 }];
  for (const [utterance, heard] of [[0, 0], [1, 1]]) {
    browser.connection.tell('agent.words', { utterance, words });
    browser.connection.tell('agent.cut', { utterance, heard_ms: heard * 100, words_heard: heard, by: 'stop' });
  }
  await until(() => part('caption-list').childElementCount === 2);
  assert.equal(part('announcer').textContent, 'Counterpoint: Well (cut off)');
});

// ---- devices

test('a loudspeaker that is unplugged gives way to the browser’s choice, and is used again when it is back', async (t) => {
  const made = open(t);
  const { browser, voice, part } = made;
  browser.listed = [BUILT_IN, HEADSET];
  browser.devices.dispatchEvent(new Event('devicechange'));
  await until(() => part('loudspeaker').childElementCount === 3);
  part('loudspeaker').value = 'headset';
  part('loudspeaker').dispatchEvent(new Event('change'));
  part('start').click();
  await made.until('live');
  browser.connection.dispatchEvent(Object.assign(new Event('track'), { track: {} }));
  await until(() => voice.sinks.at(-1) === 'headset');
  browser.listed = [BUILT_IN];
  browser.devices.dispatchEvent(new Event('devicechange'));
  await until(() => voice.sinks.at(-1) === '');
  assert.equal(part('loudspeaker').value, '');
});

test('one that cannot be used is told, and the browser’s choice is really used', async (t) => {
  const { voice, part, notice } = await live(t);
  voice.refuses = 'broken';
  part('loudspeaker').value = 'broken';
  part('loudspeaker').dispatchEvent(new Event('change'));
  await until(() => voice.sinks.at(-1) === '');
  await until(() => notice('loudspeaker') === ENGLISH.loudspeakerFailed);
});

test('without a microphone a call goes on, and one may be tried again', async (t) => {
  const { browser, part } = await live(t);
  browser.plugged = false;
  browser.microphones[0]?.stop();
  browser.microphones[0]?.dispatchEvent(new Event('ended'));
  await until(() => part('problem').dataset.code === 'microphone-absent');
  const [again, cancel] = part('problem').querySelectorAll('button');
  assert.deepEqual([again.closest('[hidden]'), cancel.hidden], [null, true]);
  browser.plugged = true;
  again.click();
  await until(() => part('problem').hidden);
  assert.equal(browser.connection.microphone.track, browser.microphones[1]);
});

test('a microphone that gives nothing is told, but not while it is muted or cannot be measured', async (t) => {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const { talk, part, notice } = await live(t);
  const hear = (/** @type {number | null} */ peak) => {
    for (let n = 0; n < 100; n += 1) {
      now += 100;
      talk.level(peak);
    }
  };
  const told = () => notice('dead-microphone');
  hear(null);
  part('mute').click();
  await until(() => part('mute').getAttribute('aria-pressed') === 'true');
  hear(0);
  part('mute').click();
  await until(() => part('mute').getAttribute('aria-pressed') === 'false');
  assert.equal(told(), undefined);
  hear(0);
  await until(() => told() === ENGLISH.deadMicrophone);
});

test('a microphone that the system mutes is told until it is heard again, or another is chosen', async (t) => {
  const { browser, notice, talk } = await live(t);
  const told = () => notice('dead-microphone');
  const [first] = browser.microphones;
  assert.ok(first && 'onmute' in first);
  const track = /** @type {any} */ (first);
  track.onmute();
  await until(() => told() === ENGLISH.deadMicrophone);
  track.onunmute();
  await until(() => told() === undefined);
  track.onmute();
  await until(() => told() === ENGLISH.deadMicrophone);
  await talk.conversation?.useMicrophone('other');
  await until(() => told() === undefined);
});

test('a voice that the browser holds back is told until it is heard', async (t) => {
  const { browser, voice, notice } = await live(t);
  const told = () => notice('autoplay');
  voice.held = true;
  browser.connection.dispatchEvent(Object.assign(new Event('track'), { track: {} }));
  await until(() => told() === ENGLISH.blocked);
  voice.held = false;
  document.dispatchEvent(new Event('pointerup'));
  await until(() => told() === undefined);
});
