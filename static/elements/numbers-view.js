/**
 * Answer times (the last one large, the others as bars) and the health of the connection.
 *
 * @module elements/numbers-view
 */

import { make, part, setText } from './dom.js';

/** @typedef {import('../view.js').View} View */
/** @typedef {import('../view.js').Health} Health */

const SVG = 'http://www.w3.org/2000/svg';
const [CHART_WIDTH, CHART_HEIGHT, BAR_STEP] = [200, 44, 10];

/**
 * @param {ParentNode} root
 * @returns {(view: View) => void}
 */
export function numbersView(root) {
  const last = part(root, 'latency-last');
  const note = part(root, 'latency-note');
  const chart = part(root, 'latency-chart', SVGElement);
  const verdict = part(root, 'health-verdict');
  const fields = ['rtt', 'lost', 'concealed', 'behind'].map((name) => part(root, `health-${name}`));
  /** @type {View['latencies'] | null} */
  let drawn = null;
  return (view) => {
    if (view.latencies !== drawn) {
      drawn = view.latencies;
      renderLatency(drawn.map((entry) => entry.latencyMs), last, note, chart);
    }
    setText(verdict, verdictOf(view));
    healthTexts(view.health).forEach((text, index) => fields[index] && setText(fields[index], text));
  };
}

/** @param {number[]} all @param {HTMLElement} last @param {HTMLElement} note @param {SVGElement} chart */
function renderLatency(all, last, note, chart) {
  const newest = all.at(-1);
  if (newest === undefined) {
    setText(last, '–');
    setText(note, 'From your last sound to its first, as the server saw it.');
    chart.replaceChildren();
    return;
  }
  last.replaceChildren((newest / 1000).toFixed(2), make('small', { text: 's' }));
  const middle = median(all);
  setText(note, all.length > 1 ? `Median of the last ${all.length}: ${(middle / 1000).toFixed(2)} s` : 'From your last sound to its first, as the server saw it.');
  chart.setAttribute('aria-label', `The last ${all.length} answer times in seconds: ${all.map((ms) => (ms / 1000).toFixed(2)).join(', ')}`);
  const tallest = Math.max(1000, ...all);
  chart.replaceChildren(
    ...all.map((ms, index) => {
      const height = Math.max(2, (CHART_HEIGHT * Math.max(0, ms)) / tallest);
      const x = CHART_WIDTH - (all.length - index) * BAR_STEP;
      return shape('rect', { x, y: CHART_HEIGHT - height, width: BAR_STEP - 4, height, rx: 2, class: index === all.length - 1 ? 'new' : 'old' });
    }),
  );
}

/** @param {string} tag @param {Record<string, string | number>} attributes */
function shape(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/** @param {number[]} values @returns {number} of an even count, the upper one of the middle two */
function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** @param {View} view */
function verdictOf({ phase, health }) {
  if (phase === 'reconnecting') return 'Lost; connecting again';
  if (phase !== 'live') return 'Not connected';
  if (!health) return 'Connected';
  if (health.behindMs > 400) return 'The engine cannot keep up';
  if (health.lost > 0.05 || health.rttMs > 400) return 'Poor';
  if (health.lost > 0.01 || health.rttMs > 200) return 'Fair';
  return 'Good';
}

/** @param {Health | null} health @returns {string[]} round trip, lost, rebuilt, behind */
function healthTexts(health) {
  if (!health) return ['–', '–', '–', '–'];
  /** @param {number} share */
  const percent = (share) => `${(share * 100).toFixed(1)} %`;
  return [`${Math.round(health.rttMs)} ms`, percent(health.lost), percent(health.concealed), `${Math.round(health.behindMs)} ms`];
}
