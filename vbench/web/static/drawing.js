// @ts-check
// Arrows, ellipses and lines drawn on a picture, kept as points in shares of its width and height.

import { put, s } from "./dom.js";

/** @import { Shape } from "../types/page.js" */
/** @import { Take } from "./take.js" */

/** @type {Shape["kind"][]} */
export const TOOLS = ["line", "arrow", "ellipse"];
const NEAR = 0.004; // points of a stroke that lie nearer say nothing more
const HEAD = 0.045;

/**
 * Strokes of a shape in shares of the picture; an arrow's head is as long on every picture.
 * @param {Shape} shape
 * @param {number} aspect width / height of the picture
 * @returns {[number, number][][]}
 */
export function strokes({ kind, points }, aspect) {
  const [from, to] = [points[0], points[points.length - 1]];
  if (kind === "line") return [points];
  if (kind === "ellipse") {
    const [cx, cy, rx, ry] = [
      (from[0] + to[0]) / 2,
      (from[1] + to[1]) / 2,
      (to[0] - from[0]) / 2,
      (to[1] - from[1]) / 2,
    ];
    /** @type {[number, number][]} */
    const round = Array.from({ length: 49 }, (_, n) => {
      const angle = (n / 48) * 2 * Math.PI;
      return [cx + rx * Math.cos(angle), cy + ry * Math.sin(angle)];
    });
    return [round];
  }
  const angle = Math.atan2(to[1] - from[1], (to[0] - from[0]) * aspect);
  /** @type {(turn: number) => [number, number]} */
  const barb = (turn) => [to[0] - (HEAD * Math.cos(angle + turn)) / aspect, to[1] - HEAD * Math.sin(angle + turn)];
  return [
    [from, to],
    [barb(0.5), to, barb(-0.5)],
  ];
}

/** The layer over one take's picture: what is drawn there, and a hand that draws more. */
export class Drawing {
  /** @type {Shape[]} */ shapes = [];
  /** @type {Shape["kind"]} */ tool = "line";

  /** @param {Take} take */
  constructor(take) {
    this.take = take;
    this.element = s("svg", {
      class: "drawing",
      viewBox: "0 0 1 1",
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    });
    take.frame.append(this.element);
  }

  /**
   * Show shapes that lie here already.
   * @param {readonly Shape[]} shapes
   */
  show(shapes) {
    this.shapes = [...shapes];
    this.draw();
  }

  draw() {
    put(
      this.element,
      this.shapes.flatMap((shape) =>
        strokes(shape, this.take.aspect).map((points) =>
          s("polyline", { points: points.map((point) => point.join(",")).join(" "), class: "drawn" }),
        ),
      ),
    );
  }

  /** Take the hand's strokes from now on. */
  begin() {
    this.element.classList.add("open");
    /** @param {PointerEvent} event @returns {[number, number]} */
    const at = (event) => {
      const box = this.element.getBoundingClientRect();
      /** @param {number} share */
      const short = (share) => Math.round(share * 1e4) / 1e4;
      return [short((event.clientX - box.left) / box.width), short((event.clientY - box.top) / box.height)];
    };
    /** @type {Shape | null} */
    let shape = null;
    this.element.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      event.preventDefault();
      this.element.setPointerCapture(event.pointerId);
      shape = { kind: this.tool, points: [at(event), at(event)] };
      this.shapes.push(shape);
    });
    this.element.addEventListener("pointermove", (event) => {
      if (!shape) return;
      event.stopPropagation();
      const point = at(event);
      const last = shape.points[shape.points.length - 1];
      if (shape.kind !== "line") shape.points[1] = point;
      else if (Math.hypot(point[0] - last[0], point[1] - last[1]) > NEAR && shape.points.length < 1000)
        shape.points.push(point);
      this.draw();
    });
    for (const kind of ["pointerup", "pointercancel", "click"])
      this.element.addEventListener(kind, (event) => {
        event.stopPropagation();
        shape = null;
      });
  }

  remove() {
    this.element.remove();
  }
}
