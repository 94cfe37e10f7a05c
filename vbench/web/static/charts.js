// @ts-check
// Plots of the boards as SVG: intervals, quality against cost or latency with the Pareto front, a radar of groups.

import { h, s } from "./dom.js";
import { placeLabels } from "./labels.js";
import { num, t } from "./words.js";

/** @import { PlotPoint, Series } from "../types/page.js" */

/**
 * Round numbers that cover a range, about `n` of them.
 * @param {number} low
 * @param {number} high
 * @param {number} [n]
 */
export function ticks(low, high, n = 5) {
  if (!(high > low)) return [low];
  const raw = (high - low) / n;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((size) => size >= raw) ?? 10 * power;
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/**
 * Points that no other beats on both axes: lower `x` (cost) and better `y`.
 * @returns {number[]} indices, by x
 * @param {readonly {x: number, y: number}[]} points
 * @param {boolean} higherIsBetter
 */
export function paretoFront(points, higherIsBetter) {
  const order = points
    .map((_, index) => index)
    .sort(
      (a, b) => points[a].x - points[b].x || (higherIsBetter ? points[b].y - points[a].y : points[a].y - points[b].y),
    );
  const front = [];
  let best = higherIsBetter ? -Infinity : Infinity;
  for (const index of order) {
    const { y } = points[index];
    if (higherIsBetter ? y > best : y < best) {
      front.push(index);
      best = y;
    }
  }
  return front;
}

/**
 * Groups on a board: a row belongs with the leader of its group as long as it may hold the leader's rank.
 * Chains do not count: what cannot be told from the second may well be worse than the first.
 * @param {{rank_low: number | null, rank_high: number | null}[]} rows best first
 * @returns {number[]} group number per row, from 0; -1 where there is no rank
 */
export function groups(rows) {
  let group = -1;
  let leaderWorst = 0;
  return rows.map((row) => {
    if (row.rank_low === null || row.rank_high === null) return -1;
    if (row.rank_low > leaderWorst) {
      group += 1;
      leaderWorst = row.rank_high;
    }
    return Math.max(0, group);
  });
}

/**
 * Whether a tool has too few prompts to be compared; such rows stand below a line of their own.
 * @param {{ verdict: string }} row
 */
export const standsAlone = (row) => row.verdict === "too few prompts";

/**
 * The order of two rows of a board by one of their values: those without it last. By their means, tools with too few
 * prompts come after the others, whatever their means are.
 * @template {{ verdict: string }} R
 * @param {keyof R & string} key
 * @param {1 | -1} direction 1: small ones first
 * @returns {(a: R, b: R) => number}
 */
export function inOrder(key, direction) {
  return (a, b) => {
    const [x, y] = [a[key], b[key]];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    if (key === "mean" && standsAlone(a) !== standsAlone(b)) return Number(standsAlone(a)) - Number(standsAlone(b));
    return direction * (typeof x === "string" ? x.localeCompare(String(y)) : Number(x) - Number(y));
  };
}

/**
 * Values of each row between 0 and 1 over all rows, better is more; 0.5 where all are equal.
 * @param {readonly number[]} values
 * @param {boolean | null} higherIsBetter
 */
export function scaled(values, higherIsBetter) {
  const known = values.filter(Number.isFinite);
  const low = Math.min(...known);
  const high = Math.max(...known);
  return values.map((value) => {
    if (!Number.isFinite(value)) return null;
    if (high === low) return 0.5;
    const share = (value - low) / (high - low);
    return higherIsBetter === false ? 1 - share : share;
  });
}

/**
 * A line with its interval inside a table cell, on a scale shared by all rows.
 * @param {{mean: number | null, ci_low: number | null, ci_high: number | null}} row
 * @param {readonly number[]} scale
 */
export function intervalCell(row, [low, high]) {
  /** @param {number | null} value */
  const x = (value) => `${(100 * ((value ?? 0) - low)) / (high - low || 1)}%`;
  const label = t("board.interval", { mean: num(row.mean), low: num(row.ci_low), high: num(row.ci_high) });
  return s(
    "svg",
    { class: "interval", role: "img", "aria-label": label, width: "100%", height: "22" },
    s("title", {}, label),
    row.ci_low !== null && s("line", { x1: x(row.ci_low), x2: x(row.ci_high), y1: 11, y2: 11, class: "interval-line" }),
    row.ci_low !== null &&
      [row.ci_low, row.ci_high].map((end) =>
        s("line", { x1: x(end), x2: x(end), y1: 6, y2: 16, class: "interval-line" }),
      ),
    s("circle", { cx: x(row.mean), cy: 11, r: 4.5, class: "interval-dot" }),
  );
}

/**
 * Quality against cost or latency. `points`: {name, x, y, low, high}.
 * @template {PlotPoint} P
 * @param {readonly P[]} points
 * @param {object} options
 * @param {string} options.xLabel
 * @param {string} options.yLabel
 * @param {boolean} options.higherIsBetter
 * @param {(point: P) => void} [options.onclick]
 * @param {(value: number) => string} [options.format] of a cost or a latency
 */
export function scatter(points, { xLabel, yLabel, higherIsBetter, onclick, format = num }) {
  const [width, height, left, bottom, top, right] = [480, 320, 58, 44, 16, 20];
  const xs = points.map((point) => point.x);
  const ys = points.flatMap((point) => [point.y, point.low ?? point.y, point.high ?? point.y]);
  /**
   * @param {number} low
   * @param {number} high
   */
  const pad = (low, high) => (high > low ? (high - low) * 0.08 : Math.abs(high) * 0.1 || 1);
  const [xLow, xHigh] = [Math.min(...xs), Math.max(...xs)];
  /** @type {[low: number, high: number]} */
  const xRange =
    xLow > xHigh / 2 ? [xLow - pad(xLow, xHigh) * 2, xHigh + pad(xLow, xHigh) * 2] : [0, xHigh * 1.12 || 1];
  /** @type {[low: number, high: number]} */
  const yRange = [
    Math.min(...ys) - pad(Math.min(...ys), Math.max(...ys)),
    Math.max(...ys) + pad(Math.min(...ys), Math.max(...ys)),
  ];
  /** @param {number} value */
  const x = (value) => left + ((value - xRange[0]) / (xRange[1] - xRange[0])) * (width - left - right);
  /** @param {number} value */
  const y = (value) => height - bottom - ((value - yRange[0]) / (yRange[1] - yRange[0])) * (height - bottom - top);
  const front = paretoFront(points, higherIsBetter);
  const corners = front.flatMap((index, place) => {
    const at = [x(points[index].x), y(points[index].y)];
    return place === 0 ? [at] : [[at[0], y(points[front[place - 1]].y)], at];
  });
  const onFront = new Set(front);
  const byWeight = points.map((_, index) => index).sort((a, b) => Number(onFront.has(b)) - Number(onFront.has(a)));
  const boxes = placeLabels(
    byWeight.map((index) => {
      const { x: px, y: py, low, high, name } = points[index];
      return { x: x(px), y: y(py), yLow: y(low ?? py), yHigh: y(high ?? py), name };
    }),
    { left, right: width + right, top: 0, bottom: height - bottom },
    corners.slice(1).map(([cx, cy], place) => {
      const [bx, by] = corners[place];
      return {
        left: Math.min(bx, cx) - 1,
        right: Math.max(bx, cx) + 1,
        top: Math.min(by, cy) - 1,
        bottom: Math.max(by, cy) + 1,
      };
    }),
  );
  const boxOf = new Map(byWeight.map((index, place) => [index, boxes[place]]));
  const told = points.map((point) => `${point.name} ${num(point.y)} (${format(point.x)})`).join("; ");
  const label = `${yLabel} / ${xLabel}: ${told}`;
  return s(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, class: "plot", role: "img", "aria-label": label },
    ticks(...yRange).map((value) => [
      s("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "grid-line" }),
      s("text", { x: left - 8, y: y(value) + 4, class: "tick end" }, num(value)),
    ]),
    ticks(...xRange).map((value) =>
      s("text", { x: x(value), y: height - bottom + 18, class: "tick middle" }, format(value)),
    ),
    s("text", { x: (left + width) / 2, y: height - 6, class: "axis middle" }, xLabel),
    s(
      "text",
      { transform: `translate(14 ${height / 2 - 10}) rotate(-90)`, class: "axis middle" },
      `${yLabel} ${higherIsBetter === false ? "↓" : "↑"}`,
    ),
    s("polyline", { points: corners.map((corner) => corner.join(",")).join(" "), class: "front" }),
    points.map((point, index) => {
      const [cx, cy, box] = [x(point.x), y(point.y), boxOf.get(index)];
      return s(
        "g",
        { class: `point${onFront.has(index) ? " on-front" : ""}`, onclick: () => onclick?.(point) },
        s("title", {}, `${point.name}: ${num(point.y)}, ${format(point.x)}`),
        point.low !== null &&
          point.low !== undefined &&
          s("line", { x1: cx, x2: cx, y1: y(point.low), y2: y(point.high ?? point.y), class: "interval-line" }),
        box &&
          Math.abs((box.top + box.bottom) / 2 - cy) > 8 &&
          s("line", {
            x1: cx,
            y1: cy,
            x2: Math.max(box.left, Math.min(box.right, cx)),
            y2: box.top > cy ? box.top : box.bottom,
            class: "leader",
          }),
        s("circle", { cx, cy, r: 5.5 }),
        box && s("text", { x: box.left + 1, y: (box.top + box.bottom) / 2 + 4, class: "point-name" }, point.name),
      );
    }),
  );
}

/**
 * A radar: `axes` names, `series` {name, values (0 to 1 or null)}.
 * @param {readonly string[]} axes
 * @param {readonly Series[]} series
 */
export function radar(axes, series) {
  const [size, radius] = [360, 118];
  const centre = size / 2;
  /**
   * @param {number} index
   * @param {number} share
   */
  const at = (index, share) => {
    const angle = (index / axes.length) * 2 * Math.PI - Math.PI / 2;
    return [centre + Math.cos(angle) * radius * share, centre + Math.sin(angle) * radius * share];
  };
  /** @param {number} share */
  const ring = (share) =>
    axes
      .map((_, index) =>
        at(index, share)
          .map((v) => v.toFixed(1))
          .join(","),
      )
      .join(" ");
  /** @param {number | null} share */
  const percent = (share) => (share === null ? "–" : Math.round(share * 100));
  const label = series
    .filter((tool) => !tool.hidden)
    .map((tool) => `${tool.name}: ${axes.map((axis, index) => `${axis} ${percent(tool.values[index])}`).join(", ")}`)
    .join("; ");
  return s(
    "svg",
    { viewBox: `0 0 ${size} ${size}`, class: "plot radar", role: "img", "aria-label": label },
    [0.25, 0.5, 0.75, 1].map((share) => s("polygon", { points: ring(share), class: "grid-line ring" })),
    axes.map((axis, index) => {
      const [x, y] = at(index, 1);
      const [tx, ty] = at(index, 1.16);
      const anchor = Math.abs(tx - centre) < 8 ? "middle" : tx > centre ? "" : "end";
      return [
        s("line", { x1: centre, y1: centre, x2: x, y2: y, class: "grid-line" }),
        s("text", { x: tx, y: ty + 4, class: `tick ${anchor}` }, axis),
      ];
    }),
    series.map(
      (tool, number) =>
        !tool.hidden &&
        s("polygon", {
          class: "radar-area",
          style: { "--take": `var(--take-${(number % 9) + 1})` },
          points: axes
            .flatMap((_, index) => {
              const share = tool.values[index];
              return share === null
                ? []
                : at(index, 0.06 + 0.94 * share)
                    .map((v) => v.toFixed(1))
                    .join(",");
            })
            .join(" "),
        }),
    ),
  );
}

/**
 * Names and colours of a plot's series; a press shows or hides one.
 * @param {readonly string[]} names
 * @param {Set<string>} hidden
 * @param {(name: string) => void} onchange
 */
export function legend(names, hidden, onchange) {
  return h(
    "div",
    { class: "legend" },
    names.map((name, index) =>
      h(
        "button",
        {
          type: "button",
          class: "chip",
          "aria-pressed": String(!hidden.has(name)),
          style: { "--take": `var(--take-${(index % 9) + 1})` },
          onclick: () => onchange(name),
        },
        h("span", { class: "dot" }),
        name,
      ),
    ),
  );
}
