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
  const heading = host.getAttribute('heading') ?? '';
  return [
    make('section', named('call', { 'aria-label': heading || strings.label }),
      headPart(heading),
      make('div', named('notices', { 'aria-live': 'polite' })),
      make('section', named('problem', { role: 'alert', hidden: '' })),
      captions,
      controlsPart(strings, off('devices')),
      ...sight,
      composer,
      make('slot', { name: 'footer' }),
    ),
  ];
}

/** What the views and a site know by one name. @param {string} name @param {Record<string, string>} [more] */
const named = (name, more) => ({ class: name, 'data-part': name, part: name, ...more });

/** @param {string} heading */
function headPart(heading) {
  return make('header', { class: 'head' },
    make('slot', { name: 'heading' }, make('p', { class: 'heading', part: 'heading', text: heading })),
    make('p', named('status', { role: 'status' }),
      make('span', { class: 'dot', part: 'dot', 'aria-hidden': 'true' }),
      make('span', { 'data-part': 'status-text' }),
    ),
  );
}

/** @param {Strings} strings */
function captionsPart(strings) {
  return make('div', { class: 'captions' },
    make('div', named('captions', { class: 'scroller', tabindex: '0', role: 'region', 'aria-label': strings.captions }),
      make('div', { class: 'empty', 'data-part': 'captions-empty' }, make('slot', { name: 'empty', text: strings.empty })),
      make('ol', { 'data-part': 'caption-list' }),
    ),
    make('div', { class: 'unseen', 'data-part': 'announcer', role: 'log', 'aria-live': 'polite', 'aria-label': strings.finishedTurns }),
  );
}

/** @param {Strings} strings */
const sightPart = (strings) => make('section', named('sight', { 'aria-label': strings.sight }));

/** @param {string} name @param {string} text @param {Record<string, string>} [more] */
function button(name, text, more) {
  return make('button', named(name, { class: 'button', part: `button ${name}`, type: 'button', ...more }),
    make('span', { class: `glyph glyph-${name}`, 'aria-hidden': 'true' }),
    make('span', { 'data-part': `${name}-text`, text }),
  );
}

/** @param {Strings} strings @param {boolean} fixed whether the devices are not for the person to choose */
function controlsPart(strings, fixed) {
  const devices = devicesPart(strings);
  devices.hidden = fixed;
  return make('div', { class: 'controls', part: 'controls' },
    button('start', strings.start, { class: 'button primary' }),
    button('stop', strings.stop, { title: strings.stopTitle, 'aria-keyshortcuts': 'Escape', disabled: '' }),
    button('mute', strings.mute, { 'aria-pressed': 'false' }),
    make('div', named('level', { role: 'meter', 'aria-label': strings.level, 'aria-valuemin': '0', 'aria-valuemax': '100', 'aria-valuenow': '0' }),
      make('span', { 'data-part': 'level-bar' }),
    ),
    devices,
  );
}

/** @param {Strings} strings */
function devicesPart(strings) {
  return make('details', { class: 'devices' },
    make('summary', { class: 'button', part: 'button devices', text: strings.devices }),
    make('div', { class: 'sheet', part: 'sheet' },
      choice('microphone', strings.microphone, strings.anyDevice),
      choice('loudspeaker', strings.loudspeaker, strings.anyDevice),
    ),
  );
}

/** @param {'microphone' | 'loudspeaker'} name @param {string} text @param {string} anyDevice */
function choice(name, text, anyDevice) {
  return make('div', { 'data-part': `${name}-row` },
    make('label', { for: name, text }),
    make('select', { id: name, 'data-part': name }, make('option', { value: '', text: anyDevice })),
  );
}

/** @param {Strings} strings */
function composerPart(strings) {
  return make('form', named('composer', { autocomplete: 'off' }),
    make('label', { class: 'unseen', for: 'typed', text: strings.type }),
    make('input', {
      id: 'typed', type: 'text', maxlength: '8000', placeholder: strings.type, enterkeyhint: 'send', dir: 'auto',
      'data-part': 'typed', part: 'input', 'aria-describedby': 'typed-error',
    }),
    make('button', named('send', { class: 'button', part: 'button send', type: 'submit', text: strings.send })),
    make('p', { class: 'field-error', id: 'typed-error', role: 'status', 'data-part': 'typed-error' }),
  );
}
