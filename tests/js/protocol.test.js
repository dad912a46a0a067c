// Every event of docs/dialect.md is read; whatever else arrives is a fault with a reason, never an exception.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { MAX_MESSAGE_BYTES, parseServerEvent, ping, sessionEnd, speechStop, textSend } from '../../static/protocol.js';

const word = { text: 'hello', start_ms: 10, end_ms: 300 };
/** Every event of the schema; tests/architecture holds that none is missing. @type {Record<string, any>[]} */
const FIXTURES = JSON.parse(readFileSync(new URL('../fixtures/counterpoint.json', import.meta.url), 'utf8')).server;
/** One of each type. @type {Record<string, Record<string, any>>} */
const GOOD = Object.fromEntries(FIXTURES.toReversed().map(({ type, seq, at_ms, ...fields }) => [type, fields]));

test('the fixtures are of many types', () => {
  assert.ok(Object.keys(GOOD).length > 20);
});

for (const fixture of FIXTURES) {
  test(`fixture ${fixture.seq}, ${fixture.type}, is read whole`, () => {
    const { event, fault } = parseServerEvent(JSON.stringify(fixture));
    assert.equal(fault, undefined);
    assert.deepEqual({ ...event, ...fixture }, { ...event });
  });
}

for (const [type, fields] of Object.entries(GOOD)) {
  test(`${type} is read whole, and unknown fields are dropped`, () => {
    const { event, fault } = parseServerEvent(JSON.stringify({ type, seq: 7, at_ms: 1200, ...fields, later: 1 }));
    assert.equal(fault, undefined);
    assert.deepEqual({ ...event }, { type, seq: 7, at_ms: 1200, ...fields });
  });

  test(`${type} without one of its fields, or with a wrong one, is a fault or a default`, () => {
    for (const name of Object.keys(fields)) {
      const wrong = JSON.stringify({ type, seq: 7, at_ms: 1200, ...fields, [name]: { not: 'this' } });
      const { event, fault } = parseServerEvent(wrong);
      if (['event_id', 'parts', 'settings', 'arguments'].includes(name)) assert.ok(event, name);
      else assert.match(String(fault), new RegExp(`${type.replace('.', '\\.')}: bad field ${name}`));
    }
  });
}

const GARBAGE = [
  ['nothing', ''], ['not JSON', '{'], ['a number', '3'], ['null', 'null'], ['a list', '[]'], ['no type', '{}'],
  ['a type that is not text', '{"type":3}'], ['an unknown type', '{"type":"agent.sneezed"}'],
  ['a name every object has', '{"type":"constructor"}'], ['the prototype', '{"type":"__proto__"}'],
  ['words that are none', '{"type":"agent.words","utterance":1,"words":[3]}'],
  ['a negative utterance', '{"type":"agent.started","utterance":-1}'],
  ['a fractional utterance', '{"type":"agent.started","utterance":1.5}'],
  ['a huge number', '{"type":"latency","utterance":1,"latency_ms":1e999}'],
];
for (const [name, message] of GARBAGE) {
  test(`${name} is a fault`, () => {
    const { event, fault } = parseServerEvent(message);
    assert.equal(event, undefined);
    assert.ok(fault && fault.length < 200);
  });
}

test('what is not text is a fault', () => {
  for (const value of [new ArrayBuffer(8), null, undefined, 3, {}]) assert.ok(parseServerEvent(value).fault);
});

test('of words without end the first are kept', () => {
  const said = parseServerEvent(JSON.stringify({ type: 'agent.words', utterance: 1, words: Array(2001).fill(word) })).event;
  assert.ok(said?.type === 'agent.words');
  assert.equal(said.words.length, 2000);
});

test('what was dropped before it began has no utterance', () => {
  const { event } = parseServerEvent('{"type":"agent.saying","say":"a","state":"dropped"}');
  assert.ok(event?.type === 'agent.saying' && !('utterance' in event));
});

test('long texts are cut, shares are clamped, times run forward', () => {
  const words = [{ text: 'x'.repeat(5000), start_ms: 500, end_ms: 100 }];
  const said = parseServerEvent(JSON.stringify({ type: 'agent.words', utterance: 1, words })).event;
  assert.ok(said?.type === 'agent.words');
  assert.equal(said.words[0]?.text.length, 200);
  assert.equal(said.words[0]?.end_ms, 500);
  const floor = parseServerEvent('{"type":"floor","decision":"take","probability":7}').event;
  assert.ok(floor?.type === 'floor');
  assert.equal(floor.probability, 1);
});

test('what a client sends', () => {
  assert.deepEqual(textSend('  hello '), { type: 'text.send', text: 'hello' });
  assert.deepEqual(textSend('hello', 'e1'), { type: 'text.send', text: 'hello', event_id: 'e1' });
  assert.deepEqual(speechStop(), { type: 'speech.stop' });
  assert.deepEqual(sessionEnd(), { type: 'session.end' });
  assert.deepEqual(ping(3.5), { type: 'ping', sent_ms: 3.5 });
  assert.throws(() => textSend('   '), RangeError);
  const room = MAX_MESSAGE_BYTES - JSON.stringify({ type: 'text.send', text: '' }).length;
  assert.equal(textSend('x'.repeat(room)).type, 'text.send');
  assert.throws(() => textSend('x'.repeat(room + 1)), /16 KiB/);
  assert.throws(() => textSend('€'.repeat(room / 2)), /16 KiB/);
});
