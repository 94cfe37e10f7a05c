// @ts-check
// Export of chosen takes: asked for, watched until it is made, then downloaded.

import * as api from "./api.js";
import { choice, h } from "./dom.js";
import { num, t } from "./words.js";

/** @import { App } from "./app.js" */
/** @import { ClipFacts, ExportKind, Option } from "../types/page.js" */

/** @type {ExportKind[]} */
export const KINDS = [
  "zip",
  "otio",
  "fcpxml",
  "xmeml",
  "edl",
  "resolve",
  "side_by_side",
  "contact_png",
  "contact_pdf",
  "frames",
  "csv",
];
const TIMELINES = ["zip", "otio", "fcpxml", "xmeml", "edl", "resolve"];
const RATES = ["23.976", "24", "25", "29.97", "30", "50", "59.94", "60"];

/**
 * Ask what to export and do it.
 * @param {App} app
 * @param {readonly ClipFacts[]} clips
 * @param {number | null} [atS]
 * @param {string} [cut] name of the cut whose shots these are; empty: takes by themselves
 */
export function askExport(app, clips, atS = null, cut = "") {
  const which = t(cut ? "cut.shots" : "export.which", { n: clips.length });
  const status = h("p", { role: "status", class: "hint" }, which);
  const own = [...new Set(clips.map((clip) => num(clip.fps, 3)))].join(", ");
  const rate = choice(
    t("export.rate"),
    [["", t("export.rateOwn", { own })], ...RATES.map((fps) => /** @type {Option} */ ([fps, fps]))],
    "",
    () => {},
  );
  /** @param {ExportKind} kind */
  const run = async (kind) => {
    for (const button of buttons) button.disabled = true; // one at a time; the line above speaks of one
    status.textContent = t("export.making");
    const answer = await app.attempt(() =>
      exported(
        {
          ...(cut ? { clips: [], cut } : { clips: clips.map((clip) => clip.id), cut: "" }),
          kind,
          at_s: atS,
          rate: TIMELINES.includes(kind) && rate.value ? Number(rate.value) : null,
        },
        (progress) => {
          status.textContent = t("export.progress", { percent: Math.round(100 * progress) });
        },
      ),
    );
    for (const button of buttons) button.disabled = false;
    if (!answer) {
      status.textContent = t("export.failed");
      return;
    }
    h("a", { href: answer.url, download: answer.name }).click();
    status.textContent = t("export.done");
  };
  /** @type {HTMLButtonElement[]} */
  const buttons = KINDS.map((kind) =>
    h(
      "button",
      { type: "button", onclick: () => void run(kind) },
      h("b", {}, t(`export.${kind}`)),
      h("span", {}, t(`export.${kind}.about`)),
    ),
  );
  const line = h(
    "label",
    { class: "export-rate" },
    t("export.rate"),
    rate,
    h("span", { class: "unit" }, t("export.rateAbout")),
  );
  app.ask(t("export.title"), status, line, h("div", { class: "export-kinds" }, buttons));
}

/**
 * @param {{clips: string[], cut: string, kind: ExportKind, at_s: number | null, rate: number | null}} wish
 * @param {(share: number) => void} onprogress
 */
async function exported(wish, onprogress) {
  let task = await api.post("exports", wish);
  if (task instanceof Response) {
    // tables and timelines come at once
    const name = /filename="([^"]+)"/.exec(task.headers.get("content-disposition") ?? "")?.[1] ?? wish.kind;
    return { url: URL.createObjectURL(await task.blob()), name };
  }
  while (!task.result_url && ["waiting", "running"].includes(task.state)) {
    await new Promise((resolve) => {
      setTimeout(resolve, 500);
    });
    onprogress(task.progress ?? 0);
    task = await api.get(`tasks/${task.id}`);
  }
  if (!task.result_url) throw new api.ApiError(500, task.message || task.state);
  return { url: task.result_url, name: "" };
}
