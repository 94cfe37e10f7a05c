// @ts-check
// Work under way and what became of it: progress, refusals and failures with their reasons, and trying again.

import * as api from "./api.js";
import { choice, h, put } from "./dom.js";
import { isBusy, taskCard } from "./tasks.js";
import { metricName, money, num, seconds, sentenceOf, t } from "./words.js";

/** @import { App } from "./app.js" */
/** @import { FailureFacts, JobFacts, JobList, Option, StepFacts, TaskFacts } from "../types/page.js" */

const LIVE_MS = 1500;
const IDLE_MS = 6000;
const TICK_MS = 1000;
const SHOWN_TASKS = 40;
const OPEN = ["planned", "submitting", "submitted", "running"];

/**
 * Ids of jobs that can be tried again: ended, and the newest of their place; `jobs` come newest first.
 * @param {readonly Pick<JobFacts, "id" | "model" | "prompt_id" | "prompt" | "sample" | "state">[]} jobs
 */
export function retryable(jobs) {
  const seen = new Set();
  return new Set(
    jobs
      .filter((job) => {
        const place = JSON.stringify([job.model, job.prompt_id, job.prompt, job.sample]);
        const isNewest = !seen.has(place);
        seen.add(place);
        return isNewest && !OPEN.includes(job.state) && job.state !== "succeeded";
      })
      .map((job) => job.id),
  );
}

/**
 * A clip that the tool has made and that never arrived: it is asked for again, and nothing is sent or paid.
 * @param {Pick<JobFacts, "reason" | "submitted_at">} job
 */
export function isFetchedOnly(job) {
  return ["download_failed", "timeout_local"].includes(job.reason) && Boolean(job.submitted_at);
}

/**
 * What the click agrees to: the price that was shown, and for an unknown outcome that it may be paid twice.
 * @param {Pick<JobFacts, "is_billable" | "estimate_usd">} job
 * @param {boolean} understood
 */
export function retryBody(job, understood) {
  const isUnpriced = job.is_billable && job.estimate_usd === null;
  return { max_cost: job.is_billable ? job.estimate_usd : null, allow_unpriced: isUnpriced, understood };
}

/**
 * Controls that are found again after all is drawn anew.
 * @param {HTMLElement} element
 */
const keyed = (element) => [.../** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll("[data-key]"))];

class Runs {
  /** @type {HTMLElement} */ tasks;
  /** @type {HTMLElement} */ jobs;
  /** @type {HTMLElement} */ failures;
  drawn = "";
  live = false;
  lost = false;
  /** @type {number | undefined} */ timer;
  /** @type {number | undefined} */ ticking;

  /**
   * @param {App} app
   * @param {HTMLElement} element
   * @param {string} query
   */
  constructor(app, element, query) {
    this.app = app;
    this.element = element;
    this.state = new URLSearchParams(query).get("state") ?? "";
    this.abort = new AbortController();
  }

  async open() {
    this.tasks = h("div", { class: "tasks" });
    this.jobs = h("div", { class: "jobs" });
    this.failures = h("div", { class: "failures" });
    const may = this.app.bench.permissions;
    const score =
      may.generate !== false &&
      h(
        "button",
        {
          type: "button",
          onclick: () =>
            void this.app.attempt(async () => {
              await api.post("tasks", { kind: "score", score: { preset: "offline" } });
              await this.#refresh();
            }),
        },
        t("run.score"),
      );
    put(
      this.element,
      h(
        "div",
        { class: "page runs" },
        h(
          "header",
          { class: "page-head" },
          h("div", {}, h("h1", {}, t("nav.runs")), h("p", { class: "hint" }, t("run.about"))),
          h("div", { class: "actions" }, score),
        ),
        h("section", {}, h("h2", {}, t("run.tasks")), this.tasks),
        h("section", {}, h("h2", {}, t("run.jobs")), this.jobs),
        h("section", {}, h("h2", {}, t("run.failures")), this.failures),
      ),
    );
    await this.#refresh();
    this.ticking = setInterval(() => this.#tick(), TICK_MS);
    this.#again();
  }

  #again() {
    const live = this.live ? LIVE_MS : IDLE_MS;
    this.timer = setTimeout(async () => {
      if (!document.hidden) {
        try {
          await this.#refresh();
          this.lost = false;
        } catch (error) {
          if (api.isAborted(error)) return;
          if (!this.lost) this.app.toast(sentenceOf(error), "error");
          this.lost = true;
        }
      }
      if (!this.abort.signal.aborted) this.#again();
    }, live);
  }

  async #refresh() {
    const { signal } = this.abort;
    const [tasks, jobs, failures, steps] = await Promise.all([
      api.get("tasks", {}, signal),
      api.get("jobs", { state: this.state, limit: 200 }, signal),
      api.get("failures", {}, signal),
      api.get("steps", {}, signal),
    ]);
    this.live = tasks.some(isBusy) || OPEN.some((state) => jobs.states[state]);
    const same = JSON.stringify([tasks, jobs, failures, steps]);
    if (same !== this.drawn) {
      // nothing moves under the pointer for nothing
      this.drawn = same;
      const key = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.key;
      this.#drawTasks(tasks);
      this.#drawJobs(
        jobs,
        steps,
        tasks.some((task) => isBusy(task) && ["generate", "retry"].includes(task.kind)),
      );
      this.#drawFailures(failures);
      if (key)
        keyed(this.element)
          .find((control) => control.dataset.key === key)
          ?.focus({ preventScroll: true });
    }
    this.#tick();
  }

  /** Seconds since a job was sent go on between two answers of the server. */
  #tick() {
    /** @type {NodeListOf<HTMLElement>} */
    const clocks = this.jobs.querySelectorAll("[data-since]");
    for (const clock of clocks) {
      const sinceMs = Date.now() - Date.parse(clock.dataset.since ?? "");
      clock.textContent = seconds(Math.max(0, Math.round(sinceMs / 1000)));
    }
  }

  /** @param {readonly TaskFacts[]} tasks */
  #drawTasks(tasks) {
    const mayCancel = this.app.bench.permissions.generate !== false;
    put(
      this.tasks,
      tasks.length
        ? tasks
            .slice(0, SHOWN_TASKS)
            .map((task) => taskCard(task, { app: this.app, mayCancel, refresh: () => this.#refresh() }))
        : h("p", { class: "hint" }, t("run.noTasks")),
    );
  }

  /**
   * @param {JobList} answer
   * @param {Record<string, StepFacts>} steps
   * @param {boolean} isAsked
   */
  #drawJobs({ states, jobs }, steps, isAsked) {
    const names = Object.keys(states);
    if (!names.length) {
      put(this.jobs, h("p", { class: "hint" }, t(isAsked ? "run.soon" : "run.noJobs")));
      return;
    }
    const again = retryable(jobs);
    put(
      this.jobs,
      h(
        "div",
        { class: "state-row" },
        choice(
          t("run.state"),
          [
            ["", t("run.allStates")],
            ...names.map((name) => /** @type {Option} */ ([name, `${t(`state.${name}`)} (${states[name]})`])),
          ],
          this.state,
          (value) => {
            this.state = value;
            this.drawn = "";
            void this.app.attempt(() => this.#refresh());
          },
        ),
        h(
          "div",
          { class: "state-bar", "aria-hidden": "true" },
          names.map((name) =>
            h("span", { class: name, style: { "flex-grow": String(states[name]) }, title: `${name}: ${states[name]}` }),
          ),
        ),
      ),
      h(
        "div",
        { class: "facts-scroll", tabindex: "0", role: "region", "aria-label": t("run.jobs") },
        h(
          "table",
          { class: "board" },
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              ["run.tool", "wall.prompt", "run.state", "run.why", "fact.cost", "run.what"].map((word) =>
                h("th", { scope: "col" }, t(word)),
              ),
            ),
          ),
          h(
            "tbody",
            {},
            jobs.map((job) =>
              h(
                "tr",
                {},
                h("td", {}, h("b", {}, job.model)),
                h(
                  "td",
                  {},
                  `${job.prompt_id} · ${job.sample}`,
                  h("div", { class: "unit clamp", title: job.prompt }, job.prompt),
                ),
                h(
                  "td",
                  {},
                  h("span", { class: `state ${job.state}` }, t(`state.${job.state}`)),
                  OPEN.includes(job.state) && this.#step(job, steps[job.id]),
                ),
                h(
                  "td",
                  { class: "why" },
                  [job.reason && t(`reason.${job.reason}`), job.message || steps[job.id]?.message]
                    .filter(Boolean)
                    .join(": "),
                ),
                h("td", {}, price(job)),
                h(
                  "td",
                  {},
                  job.clip
                    ? this.app.link("compare", `takes=${job.clip}`, t("run.watch"))
                    : again.has(job.id) && this.#retry(job),
                ),
              ),
            ),
          ),
        ),
      ),
    );
  }

  /**
   * How far a job is, where its tool says so; else for how long it has been at it.
   * @param {JobFacts} job
   * @param {StepFacts | undefined} step
   */
  #step(job, step) {
    const since = job.submitted_at ?? job.submitting_at;
    return h(
      "div",
      { class: "step" },
      step &&
        typeof step.progress === "number" &&
        h("progress", { max: "1", value: String(step.progress), "aria-label": `${job.model} ${job.prompt_id}` }),
      since && h("span", { class: "unit", dataset: { since } }),
    );
  }

  /**
   * One click with its price on it; where nobody knows the outcome of the first attempt, a question before it.
   * @param {JobFacts} job
   */
  #retry(job) {
    const may = this.app.bench.permissions;
    const cost = isFetchedOnly(job)
      ? t("run.noCost")
      : !job.is_billable
        ? t("make.free")
        : job.estimate_usd === null
          ? t("make.unpriced")
          : money(job.estimate_usd);
    return (
      may.generate !== false && [
        h(
          "button",
          {
            type: "button",
            dataset: { key: `retry ${job.id}` },
            onclick: (event) => void this.#tryAgain(job, event.currentTarget),
          },
          t("run.retry", { price: cost }),
        ),
        job.is_billable &&
          !isFetchedOnly(job) &&
          h("div", { class: "unit" }, t("run.whyAgain"), job.is_asked_first && ` ${t("run.askedFirst")}`),
      ]
    );
  }

  /**
   * @param {JobFacts} job
   * @param {HTMLButtonElement} button
   */
  async #tryAgain(job, button) {
    const isUnknown = job.state === "outcome_unknown";
    if (isUnknown && !globalThis.confirm(t("run.paidTwice", { model: job.model }))) return;
    button.disabled = true; // one click, one task
    const task = await this.app.attempt(() => api.post(`jobs/${job.id}/retry`, retryBody(job, isUnknown)));
    if (task) await this.app.attempt(() => this.#refresh());
    else button.disabled = false;
  }

  /** @param {readonly FailureFacts[]} failures */
  #drawFailures(failures) {
    if (!failures.length) {
      put(this.failures, h("p", { class: "hint" }, t("run.noFailures")));
      return;
    }
    /** @type {Map<string, FailureFacts[]>} */
    const kinds = new Map();
    for (const failure of failures) {
      const message = failure.message.replace(/^clip [0-9a-f]{16}: /, ""); // one line for one reason, however many clips
      const key = JSON.stringify([failure.stage, failure.metric, message]);
      kinds.set(key, [...(kinds.get(key) ?? []), { ...failure, message }]);
    }
    const rows = [...kinds.values()].sort((a, b) => b.length - a.length).slice(0, 200);
    put(
      this.failures,
      h(
        "table",
        { class: "board" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["run.stage", "board.metric", "run.why", "run.count"].map((word) => h("th", { scope: "col" }, t(word))),
          ),
        ),
        h(
          "tbody",
          {},
          rows.map((same) =>
            h(
              "tr",
              {},
              h("td", {}, t(`stage.${same[0].stage}`)),
              h("td", {}, same[0].metric ? metricName(same[0].metric) : "–"),
              h("td", { class: "why" }, same[0].message),
              h(
                "td",
                {},
                num(same.length, 0),
                " ",
                same[0].stage === "score" &&
                  /^[0-9a-f]{16}$/.test(same[0].subject) &&
                  this.app.link(
                    "compare",
                    `takes=${[...new Set(same.map((failure) => failure.subject))].slice(0, 9).join(",")}`,
                    t("run.watch"),
                  ),
              ),
            ),
          ),
        ),
      ),
    );
  }

  close() {
    this.abort.abort();
    clearTimeout(this.timer);
    clearInterval(this.ticking);
  }
}

/**
 * What it did cost; until that is known, about what it will.
 * @param {JobFacts} job
 */
function price(job) {
  if (!job.is_billable) return t("run.noCost");
  if (job.cost_usd !== null) return money(job.cost_usd);
  return job.estimate_usd === null ? "–" : t("run.aboutCost", { cost: money(job.estimate_usd) });
}

/**
 * @param {App} app
 * @param {HTMLElement} element
 * @param {string} query
 */
export async function open(app, element, query) {
  const runs = new Runs(app, element, query);
  await runs.open();
  return runs;
}
