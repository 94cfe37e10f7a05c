// @ts-check
// Elements without markup: every text that comes from outside becomes a text node, never HTML.

/** @import { Child, Option, Props } from "../types/page.js" */

const SVG = "http://www.w3.org/2000/svg";

/**
 * What there is of some children, in one list.
 * @param {readonly Child[]} children
 */
function nodesOf(children) {
  const flat = /** @type {(Node | string | false | null | undefined)[]} */ (children.flat(3));
  return flat.filter((child) => child !== null && child !== undefined && child !== false);
}

/**
 * @template {HTMLElement | SVGElement} E
 * @param {E} element
 * @param {Record<string, any> | null | undefined} props
 * @param {readonly Child[]} children
 * @returns {E}
 */
function fill(element, props, children) {
  const settable = /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (element));
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "style")
      for (const [key, text] of Object.entries(value)) element.style.setProperty(key, String(text));
    else if (name in element && !(element instanceof SVGElement) && typeof value !== "string") settable[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...nodesOf(children));
  return element;
}

/**
 * An HTML element; `on…` props are listeners, strings become text nodes.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Props<HTMLElementTagNameMap[K]> | null} [props]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

/**
 * An SVG element.
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Props<SVGElementTagNameMap[K]> | null} [props]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function s(tag, props, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

const ICONS = {
  play: "M7 4.5v15l12.5-7.5z",
  pause: "M6.5 4.5h4v15h-4zM13.5 4.5h4v15h-4z",
  back: "M15.5 5v14L6 12zM18 5h2v14h-2z",
  forward: "M8.5 5v14L18 12zM4 5h2v14H4z",
  star: "M12 3.2l2.7 5.6 6.1.8-4.5 4.2 1.1 6.1L12 17l-5.4 2.9 1.1-6.1L3.2 9.6l6.1-.8z",
  cross: "M6 7.4 7.4 6 12 10.6 16.6 6 18 7.4 13.4 12 18 16.6 16.6 18 12 13.4 7.4 18 6 16.6 10.6 12z",
  sound: [
    "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5z",
    "M14.5 8.2v7.6c1.6-.6 2.7-2 2.7-3.8s-1.1-3.2-2.7-3.8z",
    "M14.5 4.4v1.9c2.7.7 4.6 3 4.6 5.7s-1.9 5-4.6 5.7v1.9c3.7-.8 6.5-3.9 6.5-7.6s-2.8-6.8-6.5-7.6z",
  ].join(""),
  mute: [
    "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5z",
    "M20.5 9.9l-1.4-1.4-2.1 2.1-2.1-2.1-1.4 1.4 2.1 2.1-2.1 2.1 1.4 1.4 2.1-2.1 2.1 2.1 1.4-1.4-2.1-2.1z",
  ].join(""),
  full: "M4 4h6v2H6v4H4zM14 4h6v6h-2V6h-4zM4 14h2v4h4v2H4zM18 14h2v6h-6v-2h4z",
  link: [
    "M10.6 13.4a1 1 0 0 1 0-1.4l4.2-4.2a3 3 0 1 1 4.2 4.2l-2.1 2.1-1.4-1.4 2.1-2.1a1 1 0 0 0-1.4-1.4L12 13.4a1 1 0 0 1-1.4 0z",
    "M13.4 10.6a1 1 0 0 1 0 1.4l-4.2 4.2a3 3 0 1 1-4.2-4.2l2.1-2.1 1.4 1.4-2.1 2.1a1 1 0 0 0 1.4 1.4L12 10.6a1 1 0 0 1 1.4 0z",
  ].join(""),
  keyboard: [
    "M3 6h18v12H3zm2 2v8h14V8zm1.5 1.5h2v1.5h-2zm3.2 0h2v1.5h-2zm3.2 0h2v1.5h-2zm3.2 0h2v1.5h-2z",
    "M8 13h8v1.5H8z",
  ].join(""),
  check: "M9.5 16.2 5.3 12l-1.4 1.4 5.6 5.6L20.5 8l-1.4-1.4z",
  zoom: "M10 4a6 6 0 1 0 3.7 10.7l4.6 4.6 1.4-1.4-4.6-4.6A6 6 0 0 0 10 4zm0 2a4 4 0 1 1 0 8 4 4 0 0 1 0-8z",
  download: "M11 4h2v8.2l3-3 1.4 1.4L12 16l-5.4-5.4L8 9.2l3 3zM5 18h14v2H5z",
  share:
    "M17 3a3 3 0 1 1-2.2 5L9.4 11a3 3 0 0 1 0 2l5.4 3a3 3 0 1 1-.9 1.8l-5.4-3a3 3 0 1 1 0-5.6l5.4-3A3 3 0 0 1 17 3z",
  next: "M5 5v14l8.5-7zM13.5 5v14L22 12z",
};

/**
 * What an event happened on.
 * @param {Event} event
 */
export function targetOf(event) {
  return /** @type {Element} */ (event.target);
}

/**
 * A 24-unit icon; decoration only, so the control around it carries the name.
 * @param {keyof typeof ICONS} name
 */
export function icon(name) {
  return s(
    "svg",
    { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" },
    s("path", { d: ICONS[name] }),
  );
}

/**
 * Replace all children.
 * @template {Element} E
 * @param {E} parent
 * @param {...Child} children
 * @returns {E}
 */
export function put(parent, ...children) {
  parent.replaceChildren(...nodesOf(children));
  return parent;
}

/**
 * A `<select>` from [value, label] pairs.
 * @param {string} label
 * @param {readonly Option[]} options
 * @param {string} value
 * @param {(value: string) => unknown} onchange
 * @param {Props<HTMLSelectElement>} [props]
 * @returns {HTMLSelectElement}
 */
export function choice(label, options, value, onchange, props = {}) {
  /** @type {HTMLSelectElement} */
  const select = h(
    "select",
    { "aria-label": label, ...props, onchange: () => onchange(select.value) },
    options.map(([key, text]) => h("option", { value: key, selected: key === value }, text)),
  );
  return select;
}

/**
 * A button with an icon, a name for screen readers, and the name as a tooltip.
 * @param {keyof typeof ICONS} name
 * @param {string} label
 * @param {Props<HTMLButtonElement>["onclick"]} onclick
 * @param {Props<HTMLButtonElement>} [props]
 * @returns {HTMLButtonElement}
 */
export function iconButton(name, label, onclick, props = {}) {
  return h(
    "button",
    { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...props },
    icon(name),
  );
}

/**
 * A modal dialog with a heading; closes on Escape and on its own button.
 * @param {string} title
 * @param {string} close
 * @param {...Child} children
 * @returns {HTMLDialogElement}
 */
export function dialog(title, close, ...children) {
  const heading = h("h2", { id: `dialog-${Math.random().toString(36).slice(2)}` }, title);
  /** @type {HTMLDialogElement} */
  const element = h(
    "dialog",
    { class: "dialog", "aria-labelledby": heading.id, onclose: () => element.remove() },
    h(
      "header",
      {},
      heading,
      iconButton("cross", close, () => element.close()),
    ),
    ...children,
  );
  return element;
}
