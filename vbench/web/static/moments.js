// @ts-check
// What a moment of a take says in plain words, and how bad it is; which moments are worth a mark at all. No document.

import { metricAbout, metricName, num, seconds, t } from "./words.js";

/** @import { EventFacts } from "../types/page.js" */

/** @typedef {1 | 2 | 3} Severity slight, clear, bad */

/** Likeness of neighbours below which a change is slight, clear, bad; from the first on nothing is wrong. */
const UNLIKE = [0.97, 0.9, 0.7];
/** Seconds from which a still picture is clearly, badly so. */
const FROZEN_S = [0.5, 1];
const BLACK_S = [0.1, 0.5];
/** A worst moment so near to a cut or to black is that cut, and told once. */
const SAME_S = 0.1;

/**
 * How bad a moment is; 0: nothing is wrong.
 * @param {Pick<EventFacts, "kind" | "value" | "start_s" | "end_s">} event
 * @returns {0 | Severity}
 */
export function severityOf({ kind, value, start_s: start, end_s: end }) {
  /** @param {number} amount @param {readonly number[]} steps @returns {Severity} */
  const above = (amount, [clear, bad]) => (amount >= bad ? 3 : amount >= clear ? 2 : 1);
  if (kind === "worst") {
    const [slight, clear, bad] = UNLIKE;
    return value >= slight ? 0 : value >= clear ? 1 : value >= bad ? 2 : 3;
  }
  if (kind === "freeze") return above(end - start, FROZEN_S);
  if (kind === "black") return above(end - start, BLACK_S);
  if (kind === "defect") return above(value, [0.34, 0.67]);
  return kind === "cut" ? 2 : 1;
}

/**
 * The moments of a take that are worth a mark: none where nothing is wrong, and one where two measures saw the same.
 * @template {Pick<EventFacts, "kind" | "value" | "start_s" | "end_s">} E
 * @param {readonly E[]} events
 * @returns {E[]}
 */
export function telling(events) {
  const breaks = events.filter(({ kind }) => kind === "cut" || kind === "black");
  return events.filter(
    (event) =>
      severityOf(event) > 0 &&
      (event.kind !== "worst" ||
        !breaks.some((other) => event.start_s <= other.end_s + SAME_S && other.start_s <= event.end_s + SAME_S)),
  );
}

/**
 * What happens, as a filmmaker would say it: "the subject changes shape".
 * @param {Pick<EventFacts, "kind" | "metric" | "value" | "start_s" | "end_s">} event
 */
export function spoken({ kind, metric, start_s: start, end_s: end }) {
  const length = seconds(end - start);
  if (kind === "worst") return t(metric.startsWith("temporal") ? "moment.shape" : "moment.look");
  if (kind === "defect") return t("moment.defect", { kind: t(`defect.${metric.split(" ")[0]}`) });
  return t(`moment.${kind}`, { length });
}

/**
 * Which measure says so, for a hover: its name and its number.
 * @param {Pick<EventFacts, "kind" | "metric" | "value">} event
 */
export function source({ kind, metric, value }) {
  if (kind === "defect") return metric;
  return `${metricName(metric)} ${num(value)} (${metricAbout(metric)})`;
}
