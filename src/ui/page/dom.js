/**
 * Elements are made here, and data enters the page as text alone.
 *
 * @typedef {Node | string | undefined | false} Child
 */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | boolean | undefined | ((event: Event) => void)>} [attributes] a function listens
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  setAll(made, attributes);
  made.append(...children.filter((child) => child !== undefined && child !== false));
  return made;
}

/**
 * @param {string} tag
 * @param {Record<string, string>} [attributes]
 * @param {...Child} children
 */
export function svgElement(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  setAll(made, attributes);
  made.append(...children.filter((child) => child !== undefined && child !== false));
  return made;
}

/**
 * @param {Element} made
 * @param {Record<string, string | boolean | undefined | ((event: Event) => void)>} attributes
 */
function setAll(made, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, '');
    else if (value !== undefined && value !== false) made.setAttribute(name, value);
  }
}

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`The page has no ${id}.`);
  return found;
}

/**
 * Leaves the text alone where it is the same, so that neither a selection nor a screen reader is disturbed.
 * @param {Element} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Puts these children in the place of those before. What had the focus and stays keeps it.
 * @param {Element} parent
 * @param {readonly Node[]} children
 */
export function setChildren(parent, children) {
  const same =
    children.length === parent.childNodes.length &&
    children.every((child, at) => child === parent.childNodes[at]);
  if (same) return;
  const focused = document.activeElement;
  parent.replaceChildren(...children);
  if (focused instanceof HTMLElement && focused.isConnected && document.activeElement !== focused)
    focused.focus();
}

/**
 * Says something to a screen reader, once.
 * @param {string} text
 */
export function announce(text) {
  const announcer = byId('announcer', HTMLElement);
  announcer.textContent = '';
  // A text that is the same as before is said again only where it was gone in between.
  requestAnimationFrame(() => (announcer.textContent = text));
}
