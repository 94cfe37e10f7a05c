// @ts-check
// What a moment of a take says in plain words; how bad it is the server says. No document.

import { metricAbout, metricName, num, seconds, t } from "./words.js";

/** @import { EventFacts } from "../types/page.js" */

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
