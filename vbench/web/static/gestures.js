// @ts-check
// Pointer, wheel and fingers on the stage: pan, pinch, the loupe, the line of the wipe. What they mean is in numbers.

/** @import { Stage } from "./stage.js" */
/** @import { Point, Zoomed } from "../types/page.js" */

import { targetOf } from "./dom.js";

const MAX_ZOOM = 16;
const LOUPE_ZOOM = 4;

/**
 * Keep a panned picture over its frame: x and y are shares of its size, 0 the middle.
 * @param {number} zoom
 * @param {number} x
 * @param {number} y
 */
export function clampPan(zoom, x, y) {
  const most = (zoom - 1) / 2;
  return { x: Math.max(-most, Math.min(most, x)), y: Math.max(-most, Math.min(most, y)) };
}

/**
 * Zoom so that the point under the pointer (shares of the frame from its middle) stays where it is.
 * @param {Zoomed} view
 * @param {number} factor
 * @param {number} px
 * @param {number} py
 * @returns {Zoomed}
 */
export function zoomAt(view, factor, px, py) {
  const zoom = Math.max(1, Math.min(MAX_ZOOM, view.zoom * factor));
  const scale = zoom / view.zoom;
  return { zoom, ...clampPan(zoom, px - (px - view.x) * scale, py - (py - view.y) * scale) };
}

/**
 * The view after two fingers went from two points to two others: what was between them stays between them.
 * @param {Zoomed} view
 * @param {[Point, Point]} before
 * @param {[Point, Point]} after
 * @returns {Zoomed}
 */
export function pinched(view, before, after) {
  /** @param {[Point, Point]} fingers */
  const apart = ([p, q]) => Math.hypot(p.px - q.px, p.py - q.py) || 1e-3;
  /**
   * @param {[Point, Point]} fingers
   * @returns {[x: number, y: number]}
   */
  const between = ([p, q]) => [(p.px + q.px) / 2, (p.py + q.py) / 2];
  const [[x0, y0], [x1, y1]] = [between(before), between(after)];
  const { zoom, x, y } = zoomAt(view, apart(after) / apart(before), x0, y0);
  return { zoom, ...clampPan(zoom, x + x1 - x0, y + y1 - y0) };
}

/**
 * The view of a loupe: the point under the pointer, enlarged where it is.
 * @param {number} px
 * @param {number} py
 */
export function loupeAt(px, py) {
  return zoomAt({ zoom: 1, x: 0, y: 0 }, LOUPE_ZOOM, px, py);
}

/** Turns what hands do on a stage into its view and its wipe. */
export class Gestures {
  #stage;
  /** @type {Map<number, Point>} */
  #pointers = new Map(); // pointer id → where it last was, in shares of the frame it went down on
  /** @type {Element | null} */
  #frame = null; // the picture that a pointer went down on: captured events no longer tell
  #wiping = false;

  /** @param {Stage} stage */
  constructor(stage) {
    this.#stage = stage;
    const { element } = stage;
    element.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    element.addEventListener("pointerdown", (event) => this.#down(event));
    element.addEventListener("pointermove", (event) => this.#move(event));
    for (const kind of /** @type {const} */ (["pointerup", "pointercancel"]))
      element.addEventListener(kind, (event) => this.#up(event));
    element.addEventListener(
      "touchmove",
      (event) => {
        if (event.touches.length > 1) event.preventDefault();
      },
      { passive: false },
    ); // two fingers pinch, they do not scroll
    element.addEventListener("dblclick", (event) => {
      const at = this.#at(event, this.#frameOf(event));
      if (at)
        stage.set({
          loupe: false,
          view: stage.view.zoom > 1 ? { zoom: 1, x: 0, y: 0 } : zoomAt(stage.view, 3, at.px, at.py),
        });
    });
  }

  /** @param {MouseEvent} event */
  #frameOf(event) {
    const tile = targetOf(event).closest?.(".tile") ?? this.#stage.element.querySelector(".tile:not([data-role=off])");
    return tile?.querySelector(".tile-frame") ?? null;
  }

  /**
   * Where an event is in a picture, in shares from its middle.
   * @param {MouseEvent} event
   * @param {Element | null} frame
   * @returns {Point | null}
   */
  #at(event, frame) {
    const box = frame?.getBoundingClientRect();
    if (!box?.width) return null;
    return { px: (event.clientX - box.left) / box.width - 0.5, py: (event.clientY - box.top) / box.height - 0.5 };
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    const stage = this.#stage;
    if (!event.ctrlKey && !event.altKey && stage.view.zoom === 1 && !document.fullscreenElement) return;
    const at = this.#at(event, this.#frameOf(event));
    if (!at) return;
    event.preventDefault();
    stage.set({ view: zoomAt(stage.view, Math.exp(-event.deltaY * 0.002), at.px, at.py) });
  }

  /** @param {PointerEvent} event */
  #down(event) {
    const stage = this.#stage;
    if (targetOf(event).closest("button") || event.button > 0) return;
    if (this.#pointers.size === 0) this.#frame = this.#frameOf(event);
    const at = this.#at(event, this.#frame);
    if (!at) return;
    this.#pointers.set(event.pointerId, at);
    this.#wiping =
      this.#pointers.size === 1 &&
      stage.mode === "wipe" &&
      !stage.loupe &&
      (event.target === stage.divider || stage.view.zoom === 1);
    if (this.#wiping) this.#wipe(at);
    else if (stage.loupe && this.#pointers.size === 1) stage.set({ view: loupeAt(at.px, at.py) });
    if (this.#wiping || stage.view.zoom > 1 || this.#pointers.size > 1)
      stage.element.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  #up(event) {
    this.#pointers.delete(event.pointerId);
    this.#wiping = false;
  }

  /** @param {Point} at */
  #wipe({ px }) {
    this.#stage.set({ wipe: Math.max(0, Math.min(1, px + 0.5)) });
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const stage = this.#stage;
    const before = this.#pointers.get(event.pointerId);
    const at = this.#at(event, before ? this.#frame : this.#frameOf(event));
    if (!at) return;
    if (!before) {
      if (stage.loupe && event.pointerType !== "touch") stage.set({ view: loupeAt(at.px, at.py) });
      return;
    }
    this.#pointers.set(event.pointerId, at);
    if (this.#pointers.size > 1) {
      const [other] = [...this.#pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      stage.set({ loupe: false, view: pinched(stage.view, [before, other], [at, other]) });
    } else if (this.#wiping) this.#wipe(at);
    else if (stage.loupe) stage.set({ view: loupeAt(at.px, at.py) });
    else if (stage.view.zoom > 1) {
      const { zoom, x, y } = stage.view;
      stage.set({ view: { zoom, ...clampPan(zoom, x + at.px - before.px, y + at.py - before.py) } });
    }
  }
}
