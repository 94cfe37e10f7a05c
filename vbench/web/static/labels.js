// @ts-check
// Where the names of a plot's points go, so that none lies over another, a point, an interval or a line; numbers only.

/** @import { Box, Named } from "../types/page.js" */

const HIGH = 13;
const LETTER = 6.7; // widest mean of a letter at 12 px

/**
 * @param {Box} a
 * @param {Box} b
 */
const crosses = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
/**
 * @param {number} x
 * @param {number} y
 * @param {number} half
 * @returns {Box}
 */
const around = (x, y, half) => ({ left: x - half, right: x + half, top: y - half, bottom: y + half });

/**
 * Boxes that a name may take: beside its point first, then around it, then further off.
 * @param {Named} point
 */
function* places({ x, y, name }) {
  const wide = name.length * LETTER + 2;
  /**
   * @param {number} left
   * @param {number} middle
   * @returns {Box}
   */
  const box = (left, middle) => ({ left, right: left + wide, top: middle - HIGH / 2, bottom: middle + HIGH / 2 });
  for (const away of [0, 14, 28, 42]) {
    for (const up of away ? [-away, away] : [0]) {
      yield box(x + 9, y + up);
      yield box(x - 9 - wide, y + up);
    }
    const clear = HIGH + away;
    for (const middle of [y - clear, y + clear]) yield box(x - wide / 2, middle);
  }
}

/**
 * Squared distance from a point to a box.
 * @param {{x: number, y: number}} point
 * @param {Box} box
 */
function apart({ x, y }, box) {
  const [dx, dy] = [Math.max(box.left - x, 0, x - box.right), Math.max(box.top - y, 0, y - box.bottom)];
  return dx * dx + dy * dy;
}

/**
 * A box for each name, or null where none is free: a hover tells it. Rather nearer to its own point than to another.
 * @param {{x: number, y: number, yLow?: number, yHigh?: number, name: string}[]} points in pixels; more important first
 * @param {{left: number, right: number, top: number, bottom: number}} bounds
 * @param {{left: number, right: number, top: number, bottom: number}[]} taken boxes that stay free: the segments of a line
 */
export function placeLabels(points, bounds, taken = []) {
  const used = [
    ...taken,
    ...points.flatMap(({ x, y, yLow, yHigh }) => [
      around(x, y, 6.5),
      { left: x - 2, right: x + 2, top: Math.min(y, yHigh ?? y), bottom: Math.max(y, yLow ?? y) },
    ]),
  ];
  return points.map((point) => {
    const free = [...places(point)].filter(
      (box) =>
        box.left >= bounds.left &&
        box.right <= bounds.right &&
        box.top >= bounds.top &&
        box.bottom <= bounds.bottom &&
        !used.some((other) => crosses(box, other)),
    );
    const box =
      free.find((place) => points.every((other) => apart(point, place) <= apart(other, place))) ?? free[0] ?? null;
    if (box) used.push(box);
    return box;
  });
}
