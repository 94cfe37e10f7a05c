// @ts-check
// Beside the takes: what was asked, what came, what it cost, and every score with the interval of its tool.

import { h, s } from "./dom.js";
import { bytes, metricAbout, metricName, money, namesUnder, num, seconds, t } from "./words.js";

/** @import { ClipFacts, ScoreFacts } from "../types/page.js" */

/** @type {[word: string, read: (clip: ClipFacts) => string][]} */
const ROWS = [
  ["fact.size", (c) => `${c.width} × ${c.height}`],
  ["fact.fps", (c) => `${num(c.fps, 3)}${c.is_vfr ? ` ${t("fact.vfr")}` : ""}`],
  ["fact.length", (c) => t("fact.lengthValue", { s: num(c.duration_s, 2), n: c.n_frames })],
  ["fact.sound", (c) => (c.has_audio ? t("yes") : t("no"))],
  ["fact.codec", (c) => [c.codec, c.container, c.size_bytes ? bytes(c.size_bytes) : ""].filter(Boolean).join(" · ")],
  ["fact.seed", (c) => (c.seed === null || c.seed === undefined ? "–" : String(c.seed))],
  ["fact.latency", (c) => seconds(c.latency_s)],
  ["fact.cost", (c) => `${money(c.cost_usd)}${c.cost_source === "estimated" ? ` ${t("fact.estimated")}` : ""}`],
  ["fact.licence", (c) => c.licence || "–"],
];
/** @typedef {Record<string, ScoreFacts>} Scores */

/**
 * Index of the best finite value, or -1 where there is no better (neutral metric, one value, a tie).
 * @param {readonly number[]} values
 * @param {boolean | null | undefined} higherIsBetter
 * @returns {number}
 */
export function best(values, higherIsBetter) {
  const known = values.map((value, index) => [value, index]).filter(([value]) => Number.isFinite(value));
  if (higherIsBetter === null || higherIsBetter === undefined || known.length < 2) return -1;
  const sorted = known.sort(([a], [b]) => (higherIsBetter ? b - a : a - b));
  return sorted[0][0] === sorted[1][0] ? -1 : sorted[0][1];
}

/**
 * Where the take lies against its tool: the interval as a line, the mean as a tick, the take as a dot.
 * @param {ScoreFacts} score
 * @param {readonly number[]} range
 */
function whisker(score, [low, high]) {
  if (score.tool_mean === null || score.tool_mean === undefined || !(high > low)) return null;
  /** @param {number | null} value */
  const x = (value) => 2 + (((value ?? 0) - low) / (high - low)) * 76;
  const words = t("fact.tool", { mean: num(score.tool_mean), low: num(score.ci_low), high: num(score.ci_high) });
  return s(
    "svg",
    { viewBox: "0 0 80 10", class: "whisker", role: "img", "aria-label": words },
    s("title", {}, words),
    score.ci_low !== null &&
      s("line", { x1: x(score.ci_low), x2: x(score.ci_high), y1: 5, y2: 5, class: "whisker-line" }),
    s("line", { x1: x(score.tool_mean), x2: x(score.tool_mean), y1: 1.5, y2: 8.5, class: "whisker-mean" }),
    s("circle", { cx: x(score.value), cy: 5, r: 2.6, class: "whisker-dot" }),
  );
}

/**
 * @param {string} metric
 * @param {readonly Scores[]} columns
 */
function scoreRow(metric, columns) {
  const any = /** @type {Scores} */ (columns.find((column) => column?.[metric]))[metric];
  const values = columns.map((column) => column?.[metric]?.value ?? NaN);
  const winner = best(values, any.higher_is_better);
  const spread = columns
    .flatMap((column) => {
      const score = column?.[metric];
      return score ? [score.value, score.tool_mean, score.ci_low, score.ci_high] : [];
    })
    .filter((value) => value !== null);
  const scale = [Math.min(...spread), Math.max(...spread)];
  const arrow = any.higher_is_better === null ? "" : any.higher_is_better ? " ↑" : " ↓";
  return h(
    "tr",
    {},
    h(
      "th",
      { scope: "row", title: metricAbout(metric, any.about) },
      metricName(metric),
      h("span", { class: "unit" }, `${any.unit}${arrow}`),
    ),
    columns.map((column, index) => {
      const score = column?.[metric];
      if (!score) return h("td", { class: "none" }, "–");
      if (score.value === null) {
        const word = score.applies ? "fact.failed" : "fact.notApplicable";
        return h("td", { class: score.applies ? "failure" : "none", title: score.failure }, t(word));
      }
      return h(
        "td",
        { class: index === winner ? "best" : "" },
        h("span", { class: "value" }, num(score.value)),
        whisker(score, scale),
      );
    }),
  );
}

/** Groups whose measures are shown; the others say only their name, and the sum of each stands under Overall. */
const opened = new Set(["overall", "selects"]);

/**
 * The rows of a group under a heading that folds them away.
 * @param {string} group
 * @param {string[]} names
 * @param {readonly Scores[]} scores
 * @param {number} span columns of the table
 */
function foldedGroup(group, names, scores, span) {
  const rows = names.map((metric) => scoreRow(metric, scores));
  const show = () => {
    const isOpen = opened.has(group);
    button.setAttribute("aria-expanded", String(isOpen));
    for (const row of rows) row.hidden = !isOpen;
  };
  const button = h(
    "button",
    {
      type: "button",
      onclick: () => {
        if (!opened.delete(group)) opened.add(group);
        show();
      },
    },
    t(`group.${group}`),
    h("span", { class: "unit" }, t("fact.more", { n: names.length })),
  );
  show();
  return [h("tr", { class: "group" }, h("th", { scope: "colgroup", colspan: span }, button)), rows];
}

/**
 * A table with a column per take.
 * @param {readonly ClipFacts[]} clips
 * @param {readonly Scores[]} scores per take
 */
export function factTable(clips, scores) {
  const metrics = [...new Set(scores.flatMap((column) => Object.keys(column ?? {})))];
  /** @param {string} metric */
  const groupOf = (metric) => scores.find((column) => column?.[metric])?.[metric].group ?? "";
  const groups = namesUnder("group."); // in the order of the words, `other` the last
  const span = clips.length + 1;
  const isOnePrompt = new Set(clips.map((clip) => clip.prompt_key ?? clip.prompt)).size === 1;
  /**
   * @param {string} label
   * @param {(clip: ClipFacts) => string | undefined} read
   */
  const text = (label, read) =>
    clips.some(read) &&
    h(
      "tr",
      { class: "long" },
      h("th", { scope: "row" }, t(label)),
      clips.map((clip) => h("td", {}, read(clip) || "–")),
    );
  const known = ROWS.filter(([, read]) => clips.some((clip) => !["–", ""].includes(read(clip))));
  return h(
    "div",
    { class: "facts-scroll", tabindex: "0", role: "region", "aria-label": t("fact.title") },
    h(
      "table",
      { class: "facts" },
      h("caption", { class: "sr-only" }, t("fact.title")),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, h("span", { class: "sr-only" }, t("fact.what"))),
          clips.map((clip, index) =>
            h(
              "th",
              { scope: "col", style: { "--take": `var(--take-${index + 1})` } },
              h("span", { class: "swatch" }, String(index + 1)),
              h("span", { class: "name" }, clip.model),
              h("span", { class: "unit" }, `${clip.prompt_id} · ${clip.sample}`),
            ),
          ),
        ),
      ),
      h(
        "tbody",
        {},
        groups.map((group) => {
          const names = metrics.filter(
            (metric) => (groups.includes(groupOf(metric)) ? groupOf(metric) : "other") === group,
          );
          return names.length ? foldedGroup(group, names, scores, span) : null;
        }),
        h("tr", { class: "group" }, h("th", { scope: "colgroup", colspan: span }, t("fact.delivery"))),
        known.map(([label, read]) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, t(label)),
            clips.map((clip) => h("td", {}, read(clip))),
          ),
        ),
        text("fact.warnings", (clip) => clip.warnings?.join("; ")),
        isOnePrompt
          ? h(
              "tr",
              { class: "long" },
              h("th", { scope: "row" }, t("fact.prompt")),
              h("td", { colspan: clips.length }, clips[0].prompt),
            )
          : text("fact.prompt", (clip) => clip.prompt),
        text("fact.promptSent", (clip) =>
          clip.prompt_sent && clip.prompt_sent !== clip.prompt ? clip.prompt_sent : "",
        ),
      ),
    ),
  );
}
