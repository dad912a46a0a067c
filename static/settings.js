/**
 * The settings of the next offer: those the page began with, and what the server took on since. Pure.
 *
 * @module settings
 */

/** @typedef {import('./events.js').Settings} Settings */
/** @typedef {import('./events.js').ClientEvent} ClientEvent */
/** @typedef {import('./events.js').ServerEvent} ServerEvent */

export class KnownSettings {
  #first;
  /** @type {Settings} */
  #now;
  /** The page's own by their names, by which alone the server tells of them. @type {Map<string, import('./events.js').Tool>} */
  #tools = new Map();
  /** Updates that were sent and not answered, by their names. @type {Map<string, Settings>} */
  #asked = new Map();
  #names = 0;

  /** @param {Settings} first */
  constructor(first) {
    this.#first = first;
    this.#now = first;
    this.#learn(first);
  }

  /** Those of an offer that is about to be made. */
  offered() {
    // What was sent on an earlier connection is not answered on this one.
    this.#asked.clear();
    return this.#now;
  }

  /** Another conversation begins: with the first ones again. */
  begin() {
    this.#now = this.#first;
    this.#learn(this.#first);
  }

  /**
   * Something is about to be sent. An update gets a name, since only by that it is known whether the
   * server took it: one that it refused would have the next offer refused.
   * @param {ClientEvent} event
   * @returns {ClientEvent} what to send
   */
  ask(event) {
    if (event.type !== 'settings.update') return event;
    this.#names += 1;
    const named = { event_id: `update-${this.#names}`, ...event };
    this.#asked.set(named.event_id, event.settings);
    return named;
  }

  /** @param {ServerEvent} event */
  receive(event) {
    if (event.type === 'error' && event.event_id) this.#asked.delete(event.event_id);
    if (event.type === 'settings.changed') this.#changed(event);
  }

  /** @param {import('./events.js').SettingsChanged} event */
  #changed({ settings: { tools, ...rest }, event_id: name = '' }) {
    this.#learn(this.#asked.get(name) ?? {});
    this.#asked.delete(name);
    const declared = Array.isArray(tools) ? { tools: tools.map((tool) => this.#tools.get(tool) ?? tool) } : {};
    this.#now = { ...this.#now, ...rest, ...declared };
  }

  /** @param {Settings} settings */
  #learn({ tools = [] }) {
    for (const tool of tools) if (typeof tool !== 'string') this.#tools.set(tool.name, tool);
  }
}
