// @ts-check
// One task as a card: what it is for, how far it is, and the way to its takes.

import * as api from "./api.js";
import { h } from "./dom.js";
import { num, t } from "./words.js";

/** @import { App } from "./app.js" */
/** @import { TaskFacts } from "../types/page.js" */

const BUSY = ["waiting", "running"];
const MOST_TAKES = 9;

/** @param {Pick<TaskFacts, "state">} task */
export const isBusy = (task) => BUSY.includes(task.state);

/**
 * Words of the link to the wall that shows what a task made; empty where it made nothing to see.
 * @param {Pick<TaskFacts, "takes" | "prompts" | "models">} task
 */
export function wallQuery(task) {
  if (!task.takes.length) return "";
  const query = new URLSearchParams();
  if (task.prompts.length === 1) query.set("prompt", task.prompts[0]);
  else if (task.models.length === 1) query.set("model", task.models[0]);
  return query.toString();
}

/**
 * "2 of 4 takes", while it is under way or fell short; nothing where there are none to wait for.
 * @param {Pick<TaskFacts, "takes" | "n_takes" | "state">} task
 */
export function howMany(task) {
  if (!task.n_takes || (task.takes.length === task.n_takes && task.state === "done")) return "";
  return t("run.takesOf", { n: num(task.takes.length, 0), of: num(task.n_takes, 0) });
}

/**
 * Links to the takes that are there: on the wall, and side by side.
 * @param {TaskFacts} task
 * @param {App} app
 */
function toTakes(task, app) {
  const shown = task.takes.slice(0, MOST_TAKES);
  const links = [
    app.link("", wallQuery(task), t("run.onWall")),
    app.link(
      "compare",
      `takes=${shown.join(",")}`,
      shown.length > 1 ? t("run.compare", { n: shown.length }) : t("run.watch"),
    ),
  ];
  for (const link of links) link.className = "button";
  return links;
}

/**
 * @param {TaskFacts} task
 * @param {{app: App, mayCancel: boolean, refresh: () => Promise<void>}} page
 */
export function taskCard(task, { app, mayCancel, refresh }) {
  const busy = isBusy(task);
  const cancel = () =>
    void app.attempt(async () => {
      await api.post(`tasks/${task.id}/cancel`, {});
      await refresh();
    });
  const created = new Date(task.created);
  return h(
    "article",
    { class: `task ${task.state}` },
    h(
      "div",
      { class: "task-line" },
      h("b", {}, t(`task.${task.kind}`)),
      h("span", { class: `state ${task.state}` }, t(`state.${task.state}`)),
      h(
        "time",
        { class: "unit", datetime: task.created },
        Number.isNaN(created.getTime()) ? task.created : created.toLocaleString(document.documentElement.lang),
      ),
      h("span", { class: "grow" }),
      task.takes.length > 0 && toTakes(task, app),
      busy &&
        mayCancel &&
        h("button", { type: "button", dataset: { key: `cancel ${task.id}` }, onclick: cancel }, t("run.cancel")),
      task.result_url && h("a", { class: "button", href: task.result_url, download: "" }, t("run.download")),
    ),
    task.about && h("p", { class: "clamp", title: task.about }, task.about),
    task.models.length > 0 &&
      h(
        "p",
        { class: "unit" },
        [task.models.slice(0, 6).join(", ") + (task.models.length > 6 ? " …" : ""), howMany(task)]
          .filter(Boolean)
          .join(" · "),
      ),
    busy && h("progress", { max: "1", value: String(task.progress), "aria-label": t(`task.${task.kind}`) }),
    task.message && h("p", { class: task.state === "failed" ? "failure" : "hint" }, task.message),
    busy && !task.worker_alive && h("p", { class: "failure" }, t("run.noWorker")),
  );
}
