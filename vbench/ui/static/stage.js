// How the takes lie on the stage: side by side or stacked (wipe, overlay, difference, blink), zoomed and panned as one.

import { h } from "./dom.js";
import { t } from "./words.js";

const MAX_ZOOM = 16;
const LOUPE_ZOOM = 4;
const TILE_LINE = 30; // pixels of a tile's line of text, as in the style

/** Columns that show n pictures of an aspect, each over a line of text, as large as possible in a box. */
export function bestColumns(n, aspect, width, height, lineHeight = 0) {
  let best = { columns: 1, tileWidth: 0 };
  for (let columns = 1; columns <= n; columns += 1) {
    const rows = Math.ceil(n / columns);
    const tileWidth = Math.min(width / columns, (height / rows - lineHeight) * aspect);
    if (tileWidth > best.tileWidth * 1.001) best = { columns, tileWidth };
  }
  return best.columns;
}

/** Keep a panned picture over its frame: x and y are shares of its size, 0 the middle. */
export function clampPan(zoom, x, y) {
  const most = (zoom - 1) / 2;
  return { x: Math.max(-most, Math.min(most, x)), y: Math.max(-most, Math.min(most, y)) };
}

/** Zoom so that the point under the pointer (shares of the frame from its middle) stays where it is. */
export function zoomAt(view, factor, px, py) {
  const zoom = Math.max(1, Math.min(MAX_ZOOM, view.zoom * factor));
  const scale = zoom / view.zoom;
  return { zoom, ...clampPan(zoom, px - (px - view.x) * scale, py - (py - view.y) * scale) };
}

export class Stage extends EventTarget {
  constructor(player) {
    super();
    this.player = player;
    this.mode = "grid";
    this.a = 0;
    this.b = 1;
    this.gain = 4;
    this.mix = 0.5;
    this.wipe = 0.5;
    this.view = { zoom: 1, x: 0, y: 0 };
    this.only = null;
    this.loupe = false;
    this.blinkHz = 2;
    this.divider = h("div", {
      class: "divider", role: "slider", tabindex: "0", "aria-label": t("player.divider"), "aria-valuemin": 0, "aria-valuemax": 100,
      onkeydown: (event) => this.#dividerKey(event),
    });
    this.element = h("div", { class: "stage", role: "group", "aria-label": t("player.stage") }, this.divider);
    this.#pointer();
    this.#observer = new ResizeObserver(() => this.#arrange());
    this.#observer.observe(this.element);
    this.#onTakes = () => this.#mount();
    player.addEventListener("takes", this.#onTakes);
  }

  #observer;
  #onTakes;
  #blinkTimer = 0;
  #pointers = new Map();
  #pinch = null;

  close() {
    this.#observer.disconnect();
    this.player.removeEventListener("takes", this.#onTakes);
    clearInterval(this.#blinkTimer);
  }

  #mount() {
    this.element.replaceChildren(...this.player.takes.map((take) => take.element), this.divider);
    this.only = null;
    this.draw();
  }

  set(values) {
    Object.assign(this, values);
    this.draw();
    this.dispatchEvent(new Event("change"));
  }

  draw() {
    const { element, player } = this;
    const n = player.takes.length;
    const mode = n < 2 ? "grid" : this.mode;
    element.dataset.mode = mode;
    element.style.setProperty("--wipe", `${this.wipe * 100}%`);
    element.style.setProperty("--mix", this.mix);
    element.style.setProperty("--gain", this.gain);
    element.style.setProperty("--zoom", this.view.zoom);
    element.style.setProperty("--x", `${this.view.x * 100}%`);
    element.style.setProperty("--y", `${this.view.y * 100}%`);
    element.classList.toggle("zoomed", this.view.zoom > 1);
    element.classList.toggle("loupe", this.loupe);
    this.divider.hidden = mode !== "wipe";
    this.divider.setAttribute("aria-valuenow", Math.round(this.wipe * 100));
    const stacked = mode !== "grid";
    player.takes.forEach((take, index) => {
      const role = !stacked ? "" : index === this.a ? "a" : index === this.b ? "b" : "off";
      take.element.dataset.role = role;
      take.element.classList.toggle("away", !stacked && this.only !== null && this.only !== index);
    });
    if (stacked && player.takes[this.a]) {
      const { clip } = player.takes[this.a];
      element.style.setProperty("--stack-aspect", `${clip.width || 16} / ${clip.height || 9}`);
      element.style.setProperty("--stack-ratio", (clip.width || 16) / (clip.height || 9));
    }
    clearInterval(this.#blinkTimer);
    if (mode === "blink") this.#blink();
    else element.classList.remove("blink-b");
    this.#arrange();
  }

  /** At most three changes a second unless asked for more; none by itself where motion is not wanted. */
  #blink() {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    this.#blinkTimer = setInterval(() => this.element.classList.toggle("blink-b"), 1000 / this.blinkHz);
  }

  blinkOnce() {
    clearInterval(this.#blinkTimer);
    this.element.classList.toggle("blink-b");
  }

  #arrange() {
    const shown = this.only === null ? this.player.takes.length : 1;
    if (!shown) return;
    const { clientWidth: width, clientHeight: height } = this.element;
    const aspects = this.player.takes.map(({ clip }) => (clip.width || 16) / (clip.height || 9));
    const aspect = [...aspects].sort((x, y) => x - y)[aspects.length >> 1];
    const columns = this.element.dataset.mode === "grid" ? bestColumns(shown, aspect, width, height, TILE_LINE) : 1;
    this.element.style.setProperty("--columns", columns);
    this.element.style.setProperty("--rows", Math.ceil(shown / columns));
    this.#placeDivider();
  }

  #placeDivider() {
    const frame = this.element.querySelector('.tile[data-role="a"] .tile-frame');
    if (!frame || this.divider.hidden) return;
    const box = frame.getBoundingClientRect();
    const stage = this.element.getBoundingClientRect();
    this.divider.style.setProperty("left", `${box.left - stage.left + box.width * this.wipe}px`);
    this.divider.style.setProperty("top", `${box.top - stage.top}px`);
    this.divider.style.setProperty("height", `${box.height}px`);
  }

  #dividerKey(event) {
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.set({ wipe: Math.max(0, Math.min(1, this.wipe + step)) });
  }

  /** The frame under a point, and where in it the point is, in shares from its middle. */
  #at(event) {
    const tile = event.target.closest?.(".tile") ?? this.element.querySelector(".tile:not([data-role=off])");
    const box = tile?.querySelector(".tile-frame").getBoundingClientRect();
    if (!box?.width) return null;
    return { px: (event.clientX - box.left) / box.width - 0.5, py: (event.clientY - box.top) / box.height - 0.5, box };
  }

  #pointer() {
    const { element } = this;
    element.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.altKey && this.view.zoom === 1 && !document.fullscreenElement && !element.classList.contains("wheel")) return;
      const at = this.#at(event);
      if (!at) return;
      event.preventDefault();
      this.set({ view: zoomAt(this.view, Math.exp(-event.deltaY * 0.002), at.px, at.py) });
    }, { passive: false });
    element.addEventListener("pointerdown", (event) => {
      if (event.target.closest("button")) return;
      this.#pointers.set(event.pointerId, event);
      if (this.mode === "wipe" && (event.target === this.divider || this.view.zoom === 1)) this.#pinch = { kind: "wipe" };
      else this.#pinch = { kind: "pan", view: this.view, moved: false };
      if (this.#pinch.kind === "wipe") this.#wipeTo(event);
      if (this.#pinch.kind === "wipe" || this.view.zoom > 1) element.setPointerCapture(event.pointerId);
    });
    element.addEventListener("pointermove", (event) => this.#move(event));
    for (const kind of ["pointerup", "pointercancel"]) {
      element.addEventListener(kind, (event) => { this.#pointers.delete(event.pointerId); this.#pinch = null; });
    }
    element.addEventListener("dblclick", (event) => {
      const at = this.#at(event);
      if (at) this.set({ view: this.view.zoom > 1 ? { zoom: 1, x: 0, y: 0 } : zoomAt(this.view, 3, at.px, at.py) });
    });
  }

  #wipeTo(event) {
    const box = (this.element.querySelector('.tile[data-role="a"] .tile-frame') ?? this.element).getBoundingClientRect();
    this.set({ wipe: Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) });
  }

  #move(event) {
    if (this.loupe && this.#pointers.size === 0) {
      const at = this.#at(event);
      if (at) this.set({ view: { zoom: LOUPE_ZOOM, ...clampPan(LOUPE_ZOOM, -at.px * LOUPE_ZOOM + at.px, -at.py * LOUPE_ZOOM + at.py) } });
      return;
    }
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    if (this.#pointers.size === 2) this.#pinchTo(event, before);
    else if (this.#pinch?.kind === "wipe") this.#wipeTo(event);
    else if (this.view.zoom > 1) {
      const at = this.#at(before);
      if (at) {
        const x = this.view.x + (event.clientX - before.clientX) / at.box.width;
        const y = this.view.y + (event.clientY - before.clientY) / at.box.height;
        this.set({ view: { zoom: this.view.zoom, ...clampPan(this.view.zoom, x, y) } });
      }
    }
    this.#pointers.set(event.pointerId, event);
  }

  #pinchTo(event, before) {
    const other = [...this.#pointers.values()].find((pointer) => pointer.pointerId !== event.pointerId);
    const distance = (p) => Math.hypot(p.clientX - other.clientX, p.clientY - other.clientY) || 1;
    const at = this.#at(event);
    if (at) this.set({ view: zoomAt(this.view, distance(event) / distance(before), at.px, at.py) });
  }
}
