/**
 * The inside of `<counterpoint-call>`: its elements, once, with the names the views look for
 * (`data-part`) and those a site may style (`part`).
 *
 * @module elements/call-parts
 */

import { make } from './dom.js';

/** @typedef {Readonly<import('./strings.js').Strings>} Strings */

/**
 * @param {Strings} strings
 * @param {Element} host its attributes say what is left out
 * @returns {HTMLElement[]}
 */
export function buildCall(strings, host) {
  const off = (/** @type {string} */ name) => host.getAttribute(name) === 'off';
  const captions = captionsPart(strings);
  captions.hidden = off('captions');
  const composer = composerPart(strings);
  composer.hidden = off('typing');
  const sight = host.getAttribute('sight') === 'on' ? [sightPart(strings)] : [];
  const call = named(make('section', { class: 'call' },
    headPart(host.getAttribute('heading') ?? ''),
    named(make('div', { class: 'notices' }), { 'data-part': 'notices', part: 'notices', 'aria-live': 'polite' }),
    named(make('section', { class: 'problem' }), { 'data-part': 'problem', part: 'problem', role: 'alert', hidden: '' }),
    captions,
    controlsPart(strings, off('devices')),
    ...sight,
    composer,
    make('slot', {}),
  ), { part: 'call', 'aria-label': host.getAttribute('heading') || strings.label });
  call.lastElementChild?.setAttribute('name', 'footer');
  return [call];
}

/** @template {Element} T @param {T} element @param {Record<string, string>} attributes @returns {T} */
function named(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** @param {string} heading */
function headPart(heading) {
  const slot = named(make('slot', {}, named(make('p', { class: 'heading', text: heading }), { part: 'heading' })), { name: 'heading' });
  const dot = named(make('span', { class: 'dot' }), { part: 'dot', 'aria-hidden': 'true' });
  const text = named(make('span'), { 'data-part': 'status-text' });
  return make('header', { class: 'head' }, slot, named(make('p', { class: 'status' }, dot, text), { part: 'status', role: 'status' }));
}

/** @param {Strings} strings */
function captionsPart(strings) {
  const empty = named(make('div', { class: 'empty' }, named(make('slot', { text: strings.empty }), { name: 'empty' })), { 'data-part': 'captions-empty' });
  const scroller = named(make('div', { class: 'scroller' }, empty, named(make('ol'), { 'data-part': 'caption-list' })), {
    'data-part': 'captions', part: 'captions', tabindex: '0', role: 'region', 'aria-label': strings.captions,
  });
  const announcer = named(make('div', { class: 'unseen' }), { 'data-part': 'announcer', role: 'log', 'aria-live': 'polite', 'aria-label': strings.finishedTurns });
  return make('div', { class: 'captions' }, scroller, announcer);
}

/** @param {Strings} strings */
function sightPart(strings) {
  return named(make('section', { class: 'sight' }), { 'data-part': 'sight', part: 'sight', 'aria-label': strings.sight });
}

/** @param {string} name @param {string} text @param {string} [glyph] */
function button(name, text, glyph = name) {
  const mark = named(make('span', { class: `glyph glyph-${glyph}` }), { 'aria-hidden': 'true' });
  const label = named(make('span', { text }), { 'data-part': `${name}-text` });
  return named(make('button', { class: 'button' }, mark, label), { type: 'button', 'data-part': name, part: `button ${name}` });
}

/** @param {Strings} strings @param {boolean} fixed whether the devices are not for the person to choose */
function controlsPart(strings, fixed) {
  const start = button('start', strings.start);
  start.classList.add('primary');
  const stop = named(button('stop', strings.stop), { title: strings.stopTitle, 'aria-keyshortcuts': 'Escape', disabled: '' });
  const mute = named(button('mute', strings.mute), { 'aria-pressed': 'false' });
  const level = named(make('div', { class: 'level' }, named(make('span'), { 'data-part': 'level-bar' })), {
    'data-part': 'level', part: 'level', role: 'meter', 'aria-label': strings.level, 'aria-valuemin': '0', 'aria-valuemax': '100', 'aria-valuenow': '0',
  });
  const devices = devicesPart(strings);
  devices.hidden = fixed;
  return named(make('div', { class: 'controls' }, start, stop, mute, level, devices), { part: 'controls' });
}

/** @param {Strings} strings */
function devicesPart(strings) {
  const microphone = choice('microphone', strings.microphone, strings.anyDevice);
  const loudspeaker = named(choice('loudspeaker', strings.loudspeaker, strings.anyDevice), { 'data-part': 'loudspeaker-row' });
  const summary = named(make('summary', { class: 'button', text: strings.devices }), { part: 'button devices' });
  return make('details', { class: 'devices' }, summary, named(make('div', { class: 'sheet' }, microphone, loudspeaker), { part: 'sheet' }));
}

/** @param {string} name @param {string} text @param {string} anyDevice */
function choice(name, text, anyDevice) {
  const option = named(make('option', { text: anyDevice }), { value: '' });
  const select = named(make('select', {}, option), { id: name, 'data-part': name });
  return make('div', {}, named(make('label', { text }), { for: name }), select);
}

/** @param {Strings} strings */
function composerPart(strings) {
  const label = named(make('label', { class: 'unseen', text: strings.type }), { for: 'typed' });
  const input = named(make('input'), {
    id: 'typed', type: 'text', maxlength: '8000', placeholder: strings.type, enterkeyhint: 'send', dir: 'auto',
    'data-part': 'typed', part: 'input', 'aria-describedby': 'typed-error',
  });
  const send = named(make('button', { class: 'button', text: strings.send }), { type: 'submit', 'data-part': 'send', part: 'button send', disabled: '' });
  const error = named(make('p', { class: 'field-error' }), { id: 'typed-error', role: 'status', 'data-part': 'typed-error' });
  return named(make('form', { class: 'composer' }, label, input, send, error), { 'data-part': 'composer', part: 'composer', autocomplete: 'off' });
}
