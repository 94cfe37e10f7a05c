// @ts-check
// Export of chosen takes: asked for, watched until it is made, then downloaded.

import * as api from "./api.js";
import { h } from "./dom.js";
import { t } from "./words.js";

/** @import { App } from "./app.js" */
/** @import { ClipFacts, ExportKind } from "../types/page.js" */

/** @type {ExportKind[]} */
export const KINDS = ["zip", "side_by_side", "contact_png", "contact_pdf", "frames", "otio", "edl", "csv"];

/**
 * Ask what to export and do it.
 * @param {App} app
 * @param {readonly ClipFacts[]} clips
 * @param {number | null} [atS]
 */
export function askExport(app, clips, atS = null) {
  const status = h("p", { role: "status", class: "hint" }, t("export.which", { n: clips.length }));
  /** @param {ExportKind} kind */
  const run = async (kind) => {
    for (const button of buttons) button.disabled = true; // one at a time; the line above speaks of one
    status.textContent = t("export.making");
    const answer = await app.attempt(() =>
      exported(
        clips.map((clip) => clip.id),
        kind,
        atS,
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
  app.ask(t("export.title"), status, h("div", { class: "export-kinds" }, buttons));
}

/**
 * @param {string[]} clips
 * @param {ExportKind} kind
 * @param {number | null} atS
 * @param {(share: number) => void} onprogress
 */
async function exported(clips, kind, atS, onprogress) {
  let task = await api.post(
    "exports",
    kind === "frames" && atS !== null ? { clips, kind, at_s: atS } : { clips, kind },
  );
  if (task instanceof Response) {
    // tables and timelines come at once
    const name = /filename="([^"]+)"/.exec(task.headers.get("content-disposition") ?? "")?.[1] ?? kind;
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
