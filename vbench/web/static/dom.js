// Elements without markup: every text that comes from outside becomes a text node, never HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else if (name in element && !(element instanceof SVGElement) && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An HTML element; `on…` props are listeners, strings become text nodes. */
export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** An SVG element. */
export function s(tag, props, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

const ICONS = {
  play: "M7 4.5v15l12.5-7.5z",
  pause: "M6.5 4.5h4v15h-4zM13.5 4.5h4v15h-4z",
  back: "M15.5 5v14L6 12zM18 5h2v14h-2z",
  forward: "M8.5 5v14L18 12zM4 5h2v14H4z",
  star: "M12 3.2l2.7 5.6 6.1.8-4.5 4.2 1.1 6.1L12 17l-5.4 2.9 1.1-6.1L3.2 9.6l6.1-.8z",
  cross: "M6 7.4 7.4 6 12 10.6 16.600 6 18 7.4 13.4 12 18 16.600 16.600 18 12 13.4 7.4 18 6 16.600 10.6 12z",
  sound:
    "M4 9.500v5h3.500L12 18.500v-13L7.500 9.500zM14.500 8.200v7.600c1.600-.6 2.700-2 2.700-3.800s-1.100-3.200-2.700-3.800zM14.500 4.400v1.900c2.700.7 4.600 3 4.600 5.700s-1.900 5-4.600 5.700v1.900c3.700-.8 6.500-3.900 6.500-7.600s-2.800-6.800-6.500-7.600z",
  mute: "M4 9.500v5h3.500L12 18.500v-13L7.500 9.500zM20.500 9.900l-1.400-1.400-2.100 2.100-2.100-2.100-1.400 1.400 2.100 2.100-2.100 2.100 1.400 1.400 2.100-2.100 2.100 2.100 1.400-1.400-2.100-2.100z",
  full: "M4 4h6v2H6v4H4zM14 4h6v6h-2V6h-4zM4 14h2v4h4v2H4zM18 14h2v6h-6v-2h4z",
  link: "M10.600 13.400a1 1 0 0 1 0-1.400l4.200-4.200a3 3 0 1 1 4.200 4.200l-2.100 2.100-1.400-1.400 2.100-2.100a1 1 0 0 0-1.400-1.400L12 13.400a1 1 0 0 1-1.400 0zM13.400 10.600a1 1 0 0 1 0 1.400l-4.200 4.200a3 3 0 1 1-4.200-4.200l2.100-2.100 1.400 1.400-2.100 2.100a1 1 0 0 0 1.400 1.400L12 10.600a1 1 0 0 1 1.400 0z",
  keyboard:
    "M3 6h18v12H3zm2 2v8h14V8zm1.500 1.500h2v1.500h-2zm3.200 0h2v1.500h-2zm3.200 0h2v1.500h-2zm3.200 0h2v1.500h-2zM8 13h8v1.500H8z",
  check: "M9.500 16.200 5.300 12l-1.400 1.400 5.600 5.600L20.500 8l-1.400-1.400z",
  zoom: "M10 4a6 6 0 1 0 3.700 10.700l4.600 4.600 1.400-1.400-4.600-4.600A6 6 0 0 0 10 4zm0 2a4 4 0 1 1 0 8 4 4 0 0 1 0-8z",
  download: "M11 4h2v8.200l3-3 1.400 1.400L12 16l-5.400-5.400L8 9.200l3 3zM5 18h14v2H5z",
  next: "M5 5v14l8.500-7zM13.500 5v14L22 12z",
};

/** A 24-unit icon; decoration only, so the control around it carries the name. */
export function icon(name) {
  return s(
    "svg",
    { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" },
    s("path", { d: ICONS[name] }),
  );
}

/** Replace all children. */
export function put(parent, ...children) {
  parent.replaceChildren(
    ...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return parent;
}

/** A `<select>` from [value, label] pairs. */
export function choice(label, options, value, onchange, props = {}) {
  const select = h(
    "select",
    { "aria-label": label, ...props, onchange: () => onchange(select.value) },
    options.map(([key, text]) => h("option", { value: key, selected: key === value }, text)),
  );
  return select;
}

/** A button with an icon, a name for screen readers, and the name as a tooltip. */
export function iconButton(name, label, onclick, props = {}) {
  return h(
    "button",
    { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...props },
    icon(name),
  );
}

/** A modal dialog with a heading; closes on Escape and on its own button. */
export function dialog(title, close, ...children) {
  const heading = h("h2", { id: `dialog-${Math.random().toString(36).slice(2)}` }, title);
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
