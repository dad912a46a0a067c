// The picture: where things stand, what overlaps, and the same in words.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { clock, describe, layOut, overlaps, personIntervals } from '../../static/timeline.js';
import { initialView } from '../../static/view.js';

/** @typedef {import('../../static/view.js').Caption} Caption */

/** @param {Partial<Caption>} fields @returns {Caption} */
const caption = (fields) => ({ key: 'k', who: 'agent', number: 0, words: [], status: 'done', typed: false, wordsHeard: 0, heardMs: 0, heardAtMs: null, startedMs: null, cutBy: '', ...fields });
/** An utterance heard without a pause. @param {number} startedMs @param {number} heardMs @param {Partial<Caption>} [fields] */
const heard = (startedMs, heardMs, fields = {}) => caption({ startedMs, heardMs, heardAtMs: startedMs + heardMs, ...fields });
/** @param {Partial<import('../../static/view.js').View>} fields */
const view = (fields) => ({ ...initialView(), ...fields });
/** @param {Partial<import('../../static/view.js').View>} fields @param {number} [nowMs] @param {import('../../static/timeline.js').Level[]} [levels] */
const picture = (fields, nowMs = 30_000, levels = []) => layOut({ view: view(fields), levels, nowMs, originMs: 0, width: 900, height: 200 });

// 900 px are 30 s: 30 px a second, and "now" stands at 86 %.
const NOW_X = 774;

test('what was said ten seconds ago stands 300 px left of now', () => {
  const { blocks, nowX } = picture({ speaking: [{ startMs: 20_000, endMs: 22_000 }] });
  assert.equal(nowX, NOW_X);
  assert.deepEqual(blocks.map((b) => [b.who, b.kind, Math.round(b.x), Math.round(b.width)]), [['person', 'speech', NOW_X - 300, 60]]);
});

test('an open stretch of speech reaches to now', () => {
  const [block] = picture({ speaking: [{ startMs: 29_000, endMs: null }] }).blocks;
  assert.ok(block);
  assert.equal(Math.round(block.x + block.width), NOW_X);
});

test('words and voice activity that belong together are one stretch; typed words are none', () => {
  const spoken = caption({ who: 'person', words: [{ text: 'a', start_ms: 1000, end_ms: 1200 }, { text: 'b', start_ms: 1400, end_ms: 1600 }, { text: 'c', start_ms: 4000, end_ms: 4200 }] });
  const typed = caption({ who: 'person', typed: true, startedMs: 9000, words: [{ text: 'd', start_ms: 9000, end_ms: 9900 }] });
  const shown = view({ captions: [spoken, typed], speaking: [{ startMs: 900, endMs: 1300 }] });
  assert.deepEqual(personIntervals(shown, 30_000), [{ startMs: 900, endMs: 1600 }, { startMs: 4000, endMs: 4200 }]);
  assert.equal(picture({ captions: [typed] }).typed.length, 1);
});

test('what is about to be said lies behind now, what was cut off is lost', () => {
  const words = [{ text: ' a', start_ms: 0, end_ms: 4000 }];
  const playing = picture({ captions: [heard(28_000, 2000, { status: 'playing', words })] });
  assert.deepEqual(playing.blocks.map((b) => [b.kind, Math.round(b.x), Math.round(b.width)]), [['heard', NOW_X - 60, 60], ['planned', NOW_X, 60]]);
  const cut = picture({ captions: [heard(20_000, 1000, { status: 'cut', words })] });
  assert.deepEqual(cut.blocks.map((b) => [b.kind, Math.round(b.width)]), [['heard', 30], ['lost', 90]]);
  assert.deepEqual(cut.cuts.map(Math.round), [NOW_X - 270]);
});

test('what was lost is not drawn over what came after it', () => {
  const words = [{ text: ' a', start_ms: 0, end_ms: 4000 }];
  const { blocks } = picture({ captions: [heard(20_000, 1000, { status: 'cut', words }), heard(22_000, 500)] });
  assert.deepEqual(blocks.map((b) => [b.kind, Math.round(b.width)]), [['heard', 30], ['lost', 30], ['heard', 15]]);
});

test('a playing utterance is not drawn on when reports stop coming', () => {
  const [block] = picture({ captions: [heard(10_000, 1000, { status: 'playing' })] }).blocks;
  assert.equal(Math.round(block?.width ?? 0), Math.round(30 * 1.7));
});

test('a voice that had to wait is drawn until when it was heard, not for as long as it was', () => {
  const words = [{ text: ' a', start_ms: 0, end_ms: 4000 }];
  const late = caption({ status: 'cut', startedMs: 10_000, heardMs: 3000, heardAtMs: 15_000, words });
  assert.deepEqual(picture({ captions: [late] }).blocks.map((b) => [b.kind, Math.round(b.width)]), [['heard', 150], ['lost', 30]]);
});

test('overlaps are where both were heard', () => {
  const table = [
    [[[0, 10]], [[5, 15]], [[5, 10]]],
    [[[0, 10]], [[10, 20]], []],
    [[[0, 10], [20, 30]], [[5, 25]], [[5, 10], [20, 25]]],
    [[], [[0, 5]], []],
  ];
  /** @param {number[][]} spans */
  const spans = (spans) => spans.map(([startMs = 0, endMs = 0]) => ({ startMs, endMs }));
  for (const [person = [], agent = [], both = []] of table) assert.deepEqual(overlaps(spans(person), spans(agent)), spans(both));
});

test('bars stand still on the clock while the picture scrolls, the loudest of their slot wins', () => {
  const levels = [{ atMs: 29_510, person: 0.1, agent: 0 }, { atMs: 29_560, person: 0.4, agent: 0 }, { atMs: 29_700, person: 0.2, agent: 0.3 }];
  const first = picture({ speaking: [{ startMs: 29_500, endMs: 29_600 }] }, 30_000, levels);
  const later = picture({ speaking: [{ startMs: 29_500, endMs: 29_600 }] }, 30_100, levels);
  assert.deepEqual(first.bars.filter((b) => b.who === 'person').map((b) => [b.level, b.voiced]), [[0.4, true], [0.2, false]]);
  assert.deepEqual(later.bars.map((b) => Math.round(b.x * 10)), first.bars.map((b) => Math.round((b.x - 3) * 10)));
});

test('ticks name the conversation’s time and leave room for "now"', () => {
  assert.deepEqual(picture({}).ticks.map((tick) => tick.label), ['0:05', '0:10', '0:15', '0:20', '0:25']);
  assert.deepEqual(picture({}, 2_000).ticks.map((tick) => tick.label), ['0:00']);
  assert.equal(clock(61_400), '1:01');
  assert.equal(clock(-5), '0:00');
});

test('old and future things are left out, and the picture is bounded whatever it is given', () => {
  const marks = Array.from({ length: 500 }, (_, n) => ({ atMs: n * 1000, decision: /** @type {const} */ ('take'), probability: 1 }));
  const levels = Array.from({ length: 5000 }, (_, n) => ({ atMs: n * 40, person: 1, agent: 1 }));
  const captions = Array.from({ length: 500 }, (_, n) => heard(n * 100, 90, { status: 'cut' }));
  const shown = picture({ marks, captions, speaking: [{ startMs: -90_000, endMs: -80_000 }] }, 100_000, levels);
  assert.ok(shown.marks.length <= 31 && shown.marks.every((mark) => mark.x >= 0 && mark.x <= 900));
  assert.ok(shown.bars.length <= 700);
  assert.ok(shown.blocks.every((block) => block.x + block.width > 0 && block.x < 900));
});

test('a narrow page shows fewer seconds, never less than twelve', () => {
  const at = (/** @type {number} */ width) => layOut({ view: view({ speaking: [{ startMs: 9_000, endMs: 10_000 }] }), levels: [], nowMs: 10_000, originMs: 0, width, height: 180 }).blocks[0]?.width;
  assert.equal(Math.round(at(320) ?? 0), Math.round(320 / 12));
  assert.equal(Math.round(at(600) ?? 0), 30);
});

test('the same in words', () => {
  const shown = view({
    speaking: [{ startMs: 1000, endMs: 3000 }, { startMs: 6000, endMs: 7000 }],
    captions: [heard(3500, 3000, { status: 'cut' })],
  });
  const { summary, rows } = describe(shown, 10_000, 0);
  assert.equal(summary, 'In the last 30 seconds you spoke 2 times (3 s), Counterpoint once (3 s). 1 overlap, 1 cut-off.');
  assert.deepEqual(rows, [
    { who: 'person', from: '0:01', seconds: '2.0', note: '' },
    { who: 'agent', from: '0:04', seconds: '3.0', note: 'cut off' },
    { who: 'person', from: '0:06', seconds: '1.0', note: 'while Counterpoint spoke' },
  ]);
  assert.equal(describe(view({}), 10_000, 0).summary, 'Nobody spoke in the last 30 seconds.');
});

test('what was seen stands where its picture was taken, and in words', () => {
  const seen = [{ atMs: 20_000, source: /** @type {const} */ ('camera'), what: 'object', label: 'cup', score: 0.9 }];
  assert.deepEqual(picture({ seen }).seen, [{ x: NOW_X - 300, label: 'cup' }]);
  const { rows } = describe(view({ seen }), 30_000, 0);
  assert.deepEqual(rows, [{ who: 'agent', from: '0:20', seconds: '0.0', note: 'saw: cup' }]);
});
