/**
 * The few things every part of the page needs of the DOM.
 *
 * @module elements/dom
 */

/**
 * The element marked `data-part="name"`.
 * @template {Element} [T=HTMLElement]
 * @param {ParentNode} root
 * @param {string} name
 * @param {abstract new (...args: never[]) => T} [type] what it must be
 * @returns {T}
 * @throws {Error} when the page has no such part
 */
export function part(root, name, type = /** @type {any} */ (HTMLElement)) {
  const found = root.querySelector(`[data-part="${name}"]`);
  if (!(found instanceof type)) throw new Error(`The page has no part ${name}.`);
  return found;
}

/**
 * A new element with attributes, text and children. Text is always text, never markup.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {{text?: string} & Record<string, string>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, { text = '', ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...(text ? [text] : []), ...children);
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

/**
 * Ask for something: whoever shows these elements hears of it.
 * @param {Element} from
 * @param {string} name
 * @param {unknown} [detail]
 */
export function request(from, name, detail) {
  from.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
}

/**
 * Switch a button off or on. One that has the focus stays in reach until the focus moves on: it would
 * be lost, and a keyboard's user with it.
 * @param {HTMLButtonElement} button
 * @param {boolean} off
 */
export function setOff(button, off) {
  const kept = off && hasFocus(button);
  button.disabled = off && !kept;
  if (!kept) return button.removeAttribute('aria-disabled');
  if (button.hasAttribute('aria-disabled')) return;
  button.setAttribute('aria-disabled', 'true');
  button.addEventListener('blur', () => {
    const still = button.getAttribute('aria-disabled') === 'true';
    button.removeAttribute('aria-disabled');
    // Another window may have come forward: then the focus is still here.
    setOff(button, still);
  }, { once: true });
}

/**
 * Change what may take away the element that has the focus; the focus then goes to the first of
 * `places` that can have it.
 * @param {Element} box where it may be taken away
 * @param {() => void} change
 * @param {() => Iterable<HTMLElement | null>} places
 */
export function keepFocus(box, change, places) {
  const before = focusOf(box);
  const inside = before && box.contains(before);
  change();
  if (!inside || (before.isConnected && !before.closest('[hidden]'))) return;
  for (const place of places()) {
    place?.focus();
    if (place && hasFocus(place)) return;
  }
}

/** What has the focus in the tree that an element is in. @param {Element} element */
const focusOf = (element) => /** @type {Document | ShadowRoot} */ (element.getRootNode()).activeElement;

/** @param {Element} element */
const hasFocus = (element) => focusOf(element) === element;
