/**
 * The few things every part of the page needs of the DOM.
 *
 * @module elements/dom
 */

/**
 * The element marked `data-part="name"`.
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} name
 * @param {abstract new (...args: never[]) => T} type what it must be
 * @returns {T}
 * @throws {Error} when the page has no such part
 */
export function part(root, name, type) {
  const found = root.querySelector(`[data-part="${name}"]`);
  if (!(found instanceof type)) throw new Error(`The page has no part ${name}.`);
  return found;
}

/**
 * A new element with text, classes and children. Text is always text, never markup.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {{class?: string, text?: string}} [properties]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  if (properties.class) element.className = properties.class;
  if (properties.text !== undefined) element.textContent = properties.text;
  element.append(...children);
  return element;
}

/** Change text only when it differs, so that assistive technology is not woken for nothing. @param {Element} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Act on a button once for each time it is meant: neither for the second click of a double one nor
 * for a key that is held down, which would take back at once what the first began.
 * @param {HTMLElement} button
 * @param {() => void} act
 * @param {AbortSignal} signal ends the listening
 */
export function onPress(button, act, signal) {
  button.addEventListener('click', ({ detail }) => detail > 1 || act(), { signal });
  button.addEventListener('keydown', (event) => event.repeat && event.key === 'Enter' && event.preventDefault(), { signal });
}
