// What the views need of a document, in a test's hands: elements, attributes, events that bubble, a focus.

/** @param {string} selector tag and attributes, as the views ask for them */
function matcher(selector) {
  const [, tag = '', rest = ''] = /^([a-z]*)(.*)$/.exec(selector) ?? [];
  const wanted = [...rest.matchAll(/\[([\w-]+)(?:="?([^"\]]*)"?)?\]/g)];
  return (/** @type {Element} */ one) =>
    (!tag || one.tag === tag) &&
    wanted.every(([, name = '', value]) => (value === undefined ? one.hasAttribute(name) : one.getAttribute(name) === value));
}

/** What has children: an element, or the root of a tree. */
class Parent extends EventTarget {
  /** @type {(Element | string)[]} */
  nodes = [];
  /** @type {Parent | null} */
  parent = null;
  activeElement = null;

  get children() { return this.nodes.filter((node) => typeof node !== 'string'); }
  get childElementCount() { return this.children.length; }
  get firstElementChild() { return this.children[0] ?? null; }
  get lastElementChild() { return this.children.at(-1) ?? null; }
  append(...nodes) {
    for (const node of nodes) {
      if (typeof node !== 'string') {
        node.remove();
        node.parent = this;
      }
      this.nodes.push(node);
    }
  }
  appendChild(node) {
    this.append(node);
    return node;
  }
  replaceChildren(...nodes) {
    for (const child of this.children) child.remove();
    this.nodes = [];
    this.append(...nodes);
  }
  get textContent() { return this.nodes.map((node) => (typeof node === 'string' ? node : node.textContent)).join(''); }
  set textContent(text) { this.replaceChildren(text); }
  querySelectorAll(selector) {
    const fits = matcher(selector);
    return this.children.flatMap((child) => [...(fits(child) ? [child] : []), ...child.querySelectorAll(selector)]);
  }
  querySelector(selector) { return this.querySelectorAll(selector)[0] ?? null; }
  getRootNode() { return this.parent?.getRootNode() ?? this; }
  contains(other) {
    for (let one = other; one; one = one.parent) if (one === this) return true;
    return false;
  }
  dispatchEvent(event) {
    super.dispatchEvent(event);
    if (event.bubbles && !event.cancelBubble) this.parent?.dispatchEvent(event);
    return !event.defaultPrevented;
  }
}

class Element extends Parent {
  #attributes = new Map();
  style = {};
  classList = { toggle() {} };

  constructor(tag) {
    super();
    this.tag = tag;
  }
  getAttribute(name) { return this.#attributes.get(name) ?? null; }
  setAttribute(name, value) { this.#attributes.set(name, String(value)); }
  hasAttribute(name) { return this.#attributes.has(name); }
  removeAttribute(name) { this.#attributes.delete(name); }
  toggleAttribute(name, on) { on ? this.setAttribute(name, '') : this.removeAttribute(name); }
  get dataset() {
    return new Proxy({}, {
      get: (_, name) => this.getAttribute(`data-${String(name)}`) ?? undefined,
      set: (_, name, value) => (this.setAttribute(`data-${String(name)}`, value), true),
    });
  }
  get isConnected() { return this.getRootNode() instanceof Root; }
  closest(selector) {
    const fits = matcher(selector);
    for (let one = this; one instanceof Element; one = one.parent) if (fits(one)) return one;
    return null;
  }
  remove() {
    if (!this.parent) return;
    this.parent.nodes = this.parent.nodes.filter((node) => node !== this);
    this.parent = null;
  }
  before(...nodes) {
    const { parent } = this;
    const after = parent.nodes.slice(parent.nodes.indexOf(this));
    parent.nodes = parent.nodes.slice(0, parent.nodes.indexOf(this));
    parent.append(...nodes);
    parent.nodes.push(...after);
  }
  focus() {
    const root = this.getRootNode();
    if (this.disabled || this.closest('[hidden]')) return;
    const before = root.activeElement;
    root.activeElement = this;
    before?.dispatchEvent(new Event('blur'));
  }
  click() {
    if (!this.disabled) this.dispatchEvent(Object.assign(new Event('click', { bubbles: true }), { detail: 1 }));
  }
}
for (const name of ['hidden', 'disabled']) {
  Object.defineProperty(Element.prototype, name, {
    get() { return this.hasAttribute(name); },
    set(on) { this.toggleAttribute(name, on); },
  });
}
for (const name of ['id', 'value']) {
  Object.defineProperty(Element.prototype, name, {
    get() { return this.getAttribute(name) ?? ''; },
    set(value) { this.setAttribute(name, value); },
  });
}

/** The shadow tree of an element in the page. */
export class Root extends Parent {}

const TAGS = /** @type {Record<string, string>} */ ({
  button: 'HTMLButtonElement', form: 'HTMLFormElement', input: 'HTMLInputElement', ol: 'HTMLOListElement', select: 'HTMLSelectElement',
});

/** Put a document where the views look for it. */
export function openDocument() {
  /** @type {Record<string, typeof Element>} */
  const made = {};
  for (const name of ['HTMLMediaElement', ...Object.values(TAGS)]) made[name] = class extends Element {};
  Object.assign(made.HTMLMediaElement.prototype, { setSinkId() {} });
  const document = Object.assign(new Root(), {
    hidden: false,
    createElement: (tag) => new (made[TAGS[tag] ?? ''] ?? Element)(tag),
  });
  Object.assign(globalThis, made, {
    document,
    Node: Parent,
    HTMLElement: Element,
    ResizeObserver: class { observe() {} disconnect() {} },
    window: new EventTarget(),
  });
  return document;
}
