// The view is what the events say, on the page's clock, and never grows without end.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { LIMITS, initialView, reduce } from '../../static/call-state.js';
import { splitCaption } from '../../static/elements/captions-view.js';

/** @typedef {import('../../static/view.js').View} View */

/** A conversation whose session clock began at page time 1000. */
function conversation() {
  let view = reduce(initialView(), { type: 'phase', phase: 'live', atMs: 1000 });
  /** @param {string} type @param {object} fields @param {number} [atMs] @param {number} [delayMs] */
  const on = (type, fields, atMs = 0, delayMs = 0) => {
    const event = /** @type {import('../../static/events.js').ServerEvent} */ (/** @type {unknown} */ ({ type, seq: 0, at_ms: atMs, ...fields }));
    view = reduce(view, { type: 'event', event, receivedMs: 1000 + atMs + delayMs });
    return view;
  };
  /** @param {import('../../static/call-state.js').Action} action */
  const act = (action) => (view = reduce(view, action));
  on('session.started', { session: 's', dialect: 1, resumed: false, parts: {}, turns: [] });
  return { on, act, get view() { return view; } };
}

/** @param {...string} texts */
const words = (...texts) => texts.map((text, index) => ({ text, start_ms: index * 300, end_ms: index * 300 + 300 }));

test('partial words replace one another, the final ones stay, on the page’s clock', () => {
  const c = conversation();
  c.on('person.words', { segment: 0, words: words('hell'), final: false, typed: false }, 400);
  c.on('person.words', { segment: 0, words: words('hello', 'you'), final: true, typed: false }, 900);
  c.on('person.words', { segment: 1, words: words('next'), final: false, typed: false }, 1500);
  const [first, second] = c.view.captions;
  assert.equal(c.view.captions.length, 2);
  assert.deepEqual(first?.words.map((w) => w.text), ['hello', 'you']);
  assert.equal(first?.status, 'done');
  assert.equal(first?.words[1]?.start_ms, 1300);
  assert.equal(second?.status, 'open');
});

test('a segment that turns out to hold no words disappears', () => {
  const c = conversation();
  c.on('person.words', { segment: 0, words: words('uh'), final: false, typed: false });
  c.on('person.words', { segment: 0, words: [], final: true, typed: false });
  assert.equal(c.view.captions.length, 0);
});

test('the agent’s words move from coming to heard, and a cut leaves the rest struck out', () => {
  const c = conversation();
  c.on('agent.words', { utterance: 0, words: words(' One', ' two') }, 100);
  assert.deepEqual(c.view.captions.map((one) => one.status), ['open']);
  c.on('agent.started', { utterance: 0 }, 200);
  c.on('agent.words', { utterance: 0, words: words(' three', ' four') }, 300);
  c.on('agent.heard', { utterance: 0, heard_ms: 400, words_heard: 1 }, 600);
  assert.deepEqual(splitCaption(/** @type {any} */ (c.view.captions[0])), { heard: 'One', rest: 'two three four' });
  c.on('agent.cut', { utterance: 0, heard_ms: 700, words_heard: 2, by: 'floor' }, 900);
  const [cut] = c.view.captions;
  assert.ok(cut);
  assert.deepEqual([cut.status, cut.cutBy, cut.startedMs, cut.heardMs, cut.heardAtMs], ['cut', 'floor', 1200, 700, 1900]);
  assert.deepEqual(splitCaption(cut), { heard: 'One two', rest: 'three four' });
  c.on('agent.words', { utterance: 0, words: words(' five') }, 1000);
  assert.equal(c.view.captions[0], cut, 'words that were under way when it was cut change nothing');
});

test('a cut that comes long after the last sound does not move it', () => {
  const c = conversation();
  c.on('agent.started', { utterance: 0 }, 200);
  c.on('agent.heard', { utterance: 0, heard_ms: 400, words_heard: 1 }, 600);
  c.on('agent.cut', { utterance: 0, heard_ms: 400, words_heard: 1, by: 'floor' }, 5000);
  assert.equal(c.view.captions[0]?.heardAtMs, 1600);
});

test('an utterance heard to its end shows all its words as heard', () => {
  const c = conversation();
  c.on('agent.words', { utterance: 4, words: words(' All', ' of', ' it.') });
  c.on('agent.started', { utterance: 4 });
  c.on('agent.done', { utterance: 4, heard_ms: 900, words_heard: 3 }, 900);
  assert.deepEqual(splitCaption(/** @type {any} */ (c.view.captions[0])), { heard: 'All of it.', rest: '' });
});

test('progress of an utterance nobody heard of makes no caption', () => {
  const c = conversation();
  for (const type of ['agent.heard', 'agent.done', 'agent.cut']) c.on(type, { utterance: 9, heard_ms: 1, words_heard: 0, by: 'stop' });
  assert.equal(c.view.captions.length, 0);
});

test('a late event moves no time: the smallest delay seen gives the clock', () => {
  const c = conversation();
  c.on('agent.started', { utterance: 0 }, 500, 800);
  assert.equal(c.view.captions[0]?.startedMs, 1501, 'the clock may creep by 1 ms an event');
});

test('a lost connection closes what was open; the next one counts from 0 again without mixing', () => {
  const c = conversation();
  c.on('agent.words', { utterance: 0, words: words(' One', ' two') });
  c.on('agent.started', { utterance: 0 });
  c.on('agent.heard', { utterance: 0, heard_ms: 300, words_heard: 1 });
  c.on('person.words', { segment: 0, words: words('well'), final: false, typed: false });
  c.on('person.state', { state: 'speaking', probability: 1 });
  c.act({ type: 'phase', phase: 'reconnecting', atMs: 5000 });
  assert.deepEqual(c.view.captions.map((one) => [one.status, one.cutBy]), [['cut', 'lost'], ['done', '']]);
  assert.deepEqual(c.view.speaking.map((span) => span.endMs), [5000]);
  assert.ok((c.view.speaking[0]?.startMs ?? 0) > 0 && (c.view.speaking[0]?.startMs ?? 0) < 5000);
  c.act({ type: 'phase', phase: 'live', atMs: 6000 });
  c.on('session.started', { session: 's', dialect: 1, resumed: true, parts: {}, turns: [{ who: 'agent', text: 'One', cut: true }] }, 0, 5000);
  c.on('agent.words', { utterance: 0, words: words(' Again') }, 100, 5000);
  assert.equal(c.view.captions.length, 3, 'remembered turns are on the page already');
  assert.equal(c.view.captions[0]?.words.length, 2);
  assert.equal(c.view.notices.at(-1)?.code, 'resumed');
});

test('what was being said when the person hung up was cut off, by no fault', () => {
  const c = conversation();
  c.on('agent.words', { utterance: 0, words: words(' One', ' two') });
  c.on('agent.started', { utterance: 0 });
  c.act({ type: 'phase', phase: 'ended', atMs: 5000, reason: 'hung up' });
  assert.deepEqual(c.view.captions.map((one) => [one.status, one.cutBy]), [['cut', '']]);
});

test('what stood with a connection that is gone does not stand with the next', () => {
  for (const act of [
    (/** @type {any} */ c) => c.act({ type: 'phase', phase: 'ended', atMs: 1, reason: 'hung up' }),
    (/** @type {any} */ c) => c.on('session.started', { session: 's', dialect: 1, resumed: true, parts: {}, turns: [] }),
  ]) {
    const c = conversation();
    c.on('engine', { state: 'slow', message: '' });
    c.on('listeners', { count: 1, hear_person: true });
    act(c);
    assert.deepEqual(c.view.notices.map((notice) => notice.code), []);
  }
});

test('a server that no longer remembers is said to', () => {
  const c = conversation();
  c.on('person.words', { segment: 0, words: words('well'), final: true, typed: false });
  c.on('session.started', { session: 't', dialect: 1, resumed: false, parts: {}, turns: [] });
  assert.equal(c.view.notices.at(-1)?.code, 'restarted');
});

test('a resumed conversation on a fresh page shows its remembered turns', () => {
  const c = conversation();
  const turns = [{ who: 'person', text: 'Hello there', cut: false }, { who: 'agent', text: 'Good day', cut: true }];
  c.on('session.started', { session: 's', dialect: 1, resumed: true, parts: {}, turns });
  assert.deepEqual(c.view.captions.map((one) => [one.who, one.status, one.words.map((w) => w.text).join('')]), [
    ['person', 'done', 'Hello there'], ['agent', 'cut', 'Good day'],
  ]);
});

test('a restarted engine: told, then numbers may begin again', () => {
  const c = conversation();
  c.on('agent.words', { utterance: 0, words: words(' One') });
  c.on('agent.started', { utterance: 0 });
  c.on('engine', { state: 'restarting', message: '' });
  assert.equal(c.view.notices.at(-1)?.kind, 'error');
  c.on('agent.cut', { utterance: 0, heard_ms: 200, words_heard: 0, by: 'engine' });
  assert.equal(c.view.captions[0]?.cutBy, 'engine');
  c.on('engine', { state: 'ready', message: '' });
  assert.equal(c.view.notices.length, 0);
  c.on('agent.words', { utterance: 0, words: words(' New') });
  assert.equal(c.view.captions.length, 2);
});

test('a ready engine at the beginning changes nothing that is open', () => {
  const c = conversation();
  c.on('person.words', { segment: 0, words: words('well'), final: false, typed: false });
  const before = c.view.captions;
  c.on('engine', { state: 'ready', message: '' });
  assert.equal(c.view.captions, before);
});

test('being cut off twice at the start suggests headphones, once', () => {
  const c = conversation();
  for (let utterance = 0; utterance < 4; utterance += 1) {
    c.on('agent.started', { utterance });
    c.on('agent.cut', { utterance, heard_ms: 100, words_heard: 0, by: 'floor' });
    const told = c.view.notices.some((notice) => notice.code === 'headphones');
    assert.equal(told, utterance === 1, `after ${utterance + 1}`);
    c.act({ type: 'dismiss', id: c.view.notices.at(-1)?.id ?? -1 });
  }
});

test('a call that the server ended says why', () => {
  const c = conversation();
  c.on('session.ending', { reason: 'shutdown', in_ms: 3000 });
  assert.match(String(c.view.notices.at(-1)?.text), /about to end/);
  c.act({ type: 'phase', phase: 'ended', atMs: 9000, reason: 'shutdown' });
  assert.deepEqual(c.view.notices.map((notice) => notice.text), ['The server was shut down. Press Start when it is back.']);
  c.act({ type: 'begin' });
  c.act({ type: 'phase', phase: 'ended', atMs: 9000, reason: 'hung up' });
  assert.equal(c.view.notices.length, 0);
});

test('the decision to speak is over when the voice begins', () => {
  const c = conversation();
  c.on('floor', { decision: 'take', probability: 1 });
  assert.equal(c.view.floor, 'take');
  c.on('agent.started', { utterance: 0 });
  assert.equal(c.view.floor, '');
});

test('voice activity makes spans; pausing ends one', () => {
  const c = conversation();
  for (const [state, atMs] of /** @type {[string, number][]} */ ([['speaking', 100], ['acknowledging', 200], ['pausing', 700], ['finished', 800], ['speaking', 900]])) {
    c.on('person.state', { state, probability: 1 }, atMs);
  }
  assert.deepEqual(c.view.speaking.map((span) => [Math.round(span.startMs / 100), span.endMs && Math.round(span.endMs / 100)]), [[11, 17], [19, null]]);
});

test('everything is bounded', () => {
  const c = conversation();
  for (let n = 0; n < 1000; n += 1) {
    c.on('person.words', { segment: n, words: words('a'), final: true, typed: false }, n);
    c.on('person.state', { state: n % 2 ? 'silent' : 'speaking', probability: 1 }, n);
    c.on('agent.words', { utterance: 0, words: words(' a', ' b', ' c') }, n);
    c.on('floor', { decision: 'take', probability: 1 }, n);
    c.on('latency', { utterance: n, latency_ms: n }, n);
    c.on('error', { code: `c${n}`, message: 'x', fatal: false }, n);
  }
  const { captions, speaking, marks, latencies, notices } = c.view;
  assert.deepEqual(
    [captions.length, speaking.length, marks.length, latencies.length, notices.length],
    [LIMITS.captions, LIMITS.spans, LIMITS.marks, LIMITS.latencies, LIMITS.notices],
  );
  assert.ok(captions.every((caption) => caption.words.length <= LIMITS.words));
  assert.equal(latencies.at(-1)?.latencyMs, 999);
});

test('the person is told as long as others listen in', () => {
  const c = conversation();
  c.on('listeners', { count: 2, hear_person: true }, 0);
  c.on('listeners', { count: 1, hear_person: false }, 1);
  assert.deepEqual(c.view.notices.map((notice) => notice.text), ['Somebody else listens to this conversation.']);
  c.on('listeners', { count: 0, hear_person: false }, 2);
  assert.equal(c.view.notices.length, 0);
});

test('a view is never changed, and a reducer never throws on any order of events', () => {
  const types = ['agent.words', 'agent.started', 'agent.heard', 'agent.done', 'agent.cut', 'person.words', 'session.started'];
  let seed = 7;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const c = conversation();
  for (let n = 0; n < 3000; n += 1) {
    const before = JSON.stringify(c.view);
    const old = c.view;
    const type = types[Math.floor(random() * types.length)] ?? '';
    const fields = { utterance: Math.floor(random() * 4), segment: Math.floor(random() * 4), words: words(' a', ' b').slice(Math.floor(random() * 3)), final: random() < 0.5, typed: false, heard_ms: 10, words_heard: Math.floor(random() * 9), by: 'stop', session: 's', resumed: random() < 0.5, parts: {}, turns: [] };
    c.on(type, fields, n);
    if (n % 50 === 0) assert.equal(JSON.stringify(old), before);
  }
  assert.ok(c.view.captions.length <= LIMITS.captions);
});

test('beginning again and forgetting empty the page but keep mute', () => {
  const c = conversation();
  c.on('person.words', { segment: 0, words: words('well'), final: true, typed: false });
  c.act({ type: 'muted', muted: true });
  c.act({ type: 'forgotten' });
  assert.deepEqual([c.view.captions.length, c.view.muted, c.view.notices[0]?.code], [0, true, 'forgotten']);
  c.act({ type: 'begin' });
  assert.deepEqual([c.view.phase, c.view.notices.length, c.view.muted], ['idle', 0, true]);
});

test('what is seen is kept on the page’s clock, bounded; a lost connection looks at nothing', () => {
  const c = conversation();
  c.on('eyes.state', { source: 'camera', state: 'dark', message: 'Black.' });
  assert.deepEqual(c.view.look.camera, { state: 'dark', message: 'Black.' });
  assert.equal(c.view.look.screen.state, 'off');
  for (let n = 0; n <= LIMITS.seen; n += 1) {
    c.on('eyes.seen', { source: 'camera', what: 'count', label: String(n), score: 1, seen_ms: n * 10 }, n * 10 + 300);
  }
  assert.equal(c.view.seen.length, LIMITS.seen);
  assert.deepEqual(c.view.seen.at(-1), { atMs: 1000 + LIMITS.seen * 10, source: 'camera', what: 'count', label: String(LIMITS.seen), score: 1 });
  c.act({ type: 'phase', phase: 'reconnecting', atMs: 9000 });
  assert.equal(c.view.look.camera.state, 'off');
});
