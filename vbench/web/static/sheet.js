// @ts-check
// The shot sheet: what each prompt asks against each take, who says so and where to look; a click opens the moment.

import * as api from "./api.js";
import { choice, h, put } from "./dom.js";
import { DEFAULTS, toQuery } from "./link.js";
import { num, seconds, t } from "./words.js";

/** @import { App } from "./app.js" */
/** @import { AnswerFacts, Option, SheetFacts, SheetPrompt, SheetRow, SheetTake } from "../types/page.js" */

/** @typedef {SheetRow["verdicts"][number]} Verdict */

/** @type {Record<Verdict, string>} */
export const MARKS = { seen: "✓", not_seen: "✕", unsure: "?", failed: "!", open: "·" };
/** Before the eye is there: tables are built as they come near the window. */
const NEAR = "900px";

/**
 * The rows that a choice of the visitor leaves.
 * @param {readonly SheetRow[]} rows
 * @param {{kind: string, onlyDoubtful: boolean}} wanted
 */
export function chosenRows(rows, { kind, onlyDoubtful }) {
  return rows.filter(
    (row) =>
      (!kind || row.kind === kind) &&
      (!onlyDoubtful || row.verdicts.some((verdict) => verdict !== "seen" && verdict !== "open")),
  );
}

/**
 * The name of a take's column: its tool, and the sample where the tool has several.
 * @param {readonly SheetTake[]} takes
 * @param {SheetTake} take
 */
export function takeName(takes, take) {
  const isOne = takes.filter((other) => other.model === take.model).length === 1;
  return isOne ? take.model : `${take.model} #${take.sample}`;
}

class ShotSheet {
  /** @type {SheetFacts} */ facts;
  /** @type {HTMLElement} */ tables;
  /** @type {HTMLDialogElement | undefined} */ dialog;

  /**
   * @param {App} app
   * @param {HTMLElement} element
   * @param {string} query
   */
  constructor(app, element, query) {
    this.app = app;
    this.element = element;
    const words = new URLSearchParams(query);
    this.prompt = words.get("prompt") ?? "";
    this.kind = words.get("kind") ?? "";
    this.onlyDoubtful = words.has("doubtful");
    this.watcher = new IntersectionObserver((entries) => this.#near(entries), { rootMargin: NEAR });
    /** @type {Map<Element, () => void>} */
    this.waiting = new Map();
  }

  /** A button that has answered what can be answered free. */
  #check() {
    const ask = () =>
      void this.app.attempt(async () => {
        await api.post("tasks", { kind: "judge" });
        this.app.go("runs");
      });
    return h("button", { type: "button", class: "primary", onclick: ask }, t("sheet.check"));
  }

  async open() {
    this.facts = await api.get("sheet");
    const prompts = this.facts.prompts.filter((prompt) => prompt.rows.length);
    if (!prompts.length) {
      const what = this.app.bench.counts.clips > 0 ? "nothingAsked" : "empty";
      put(this.element, this.app.empty(t(`sheet.${what}Title`), t(`sheet.${what}Text`)));
      return;
    }
    this.tables = h("div", { class: "sheet-tables" });
    const kinds = [...new Set(prompts.flatMap((prompt) => prompt.rows.map((row) => row.kind)))];
    /** @type {Option[]} */
    const promptOptions = [["", t("sheet.allPrompts")], ...prompts.map((p) => /** @type {Option} */ ([p.id, p.id]))];
    /** @type {Option[]} */
    const kindOptions = [
      ["", t("sheet.allKinds")],
      ...kinds.map((kind) => /** @type {Option} */ ([kind, t(`sheet.kind.${kind}`)])),
    ];
    put(
      this.element,
      h(
        "div",
        { class: "page sheet" },
        h(
          "header",
          { class: "page-head" },
          h("div", {}, h("h1", {}, t("nav.sheet")), h("p", { class: "hint" }, t("sheet.about"))),
        ),
        this.facts.distrusted.length > 0 &&
          h("p", { class: "sheet-warning" }, t("sheet.distrusted", { names: this.facts.distrusted.join(", ") })),
        this.#summary(),
        h(
          "div",
          { class: "toolbar" },
          choice(t("sheet.prompt"), promptOptions, this.prompt, (value) => this.#choose({ prompt: value })),
          choice(t("sheet.kind"), kindOptions, this.kind, (value) => this.#choose({ kind: value })),
          h(
            "label",
            { class: "check" },
            h("input", {
              type: "checkbox",
              checked: this.onlyDoubtful,
              onchange: (event) =>
                this.#choose({ onlyDoubtful: /** @type {HTMLInputElement} */ (event.target).checked }),
            }),
            t("sheet.only"),
          ),
          this.app.bench.permissions.generate &&
            prompts.some((prompt) => prompt.rows.some((row) => row.verdicts.includes("open"))) &&
            this.#check(),
        ),
        this.tables,
      ),
    );
    this.#draw();
  }

  /** @param {{prompt?: string, kind?: string, onlyDoubtful?: boolean}} change */
  #choose(change) {
    Object.assign(this, change);
    const query = new URLSearchParams();
    if (this.prompt) query.set("prompt", this.prompt);
    if (this.kind) query.set("kind", this.kind);
    if (this.onlyDoubtful) query.set("doubtful", "1");
    history.replaceState(null, "", this.app.href("sheet", query.toString()));
    this.app.remember("sheet", query.toString());
    this.#draw();
  }

  #summary() {
    const kinds = /** @type {const} */ (["seen", "not_seen", "unsure", "failed"]);
    return h(
      "div",
      { class: "table-scroll" },
      h(
        "table",
        { class: "sheet-shares" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            [t("sheet.tool"), t("sheet.share"), ""].map((head) => h("th", { scope: "col" }, head)),
          ),
        ),
        h(
          "tbody",
          {},
          Object.entries(this.facts.shares).map(([tool, share]) => {
            const words = share.n
              ? kinds.map((kind) => `${t(`sheet.${kind}`)} ${num(100 * share[kind], 0)} %`)
              : [t("sheet.nobody")];
            const bar = kinds.map((kind) => h("span", { class: `bar-${kind}`, style: { "flex-grow": share[kind] } }));
            return h(
              "tr",
              {},
              h("th", { scope: "row" }, tool),
              h("td", {}, h("div", { class: "share-bar", role: "img", "aria-label": words.join(", ") }, bar)),
              h(
                "td",
                { class: "share-words" },
                share.n > 0 && `${t("sheet.seen")} ${num(100 * share.seen, 0)} % · `,
                t("sheet.n", { n: num(share.n, 0), open: num(share.open, 0) }),
              ),
            );
          }),
        ),
      ),
    );
  }

  #draw() {
    this.watcher.disconnect();
    this.waiting.clear();
    const shown = this.facts.prompts
      .filter((prompt) => !this.prompt || prompt.id === this.prompt)
      .map((prompt) => ({ prompt, rows: chosenRows(prompt.rows, this) }))
      .filter(({ rows }) => rows.length);
    put(
      this.tables,
      shown.map(({ prompt, rows }) => {
        const place = h("div", {
          class: "table-scroll",
          tabindex: "0",
          style: { "min-height": `${rows.length * 37 + 60}px` },
        });
        const section = h(
          "section",
          { class: "sheet-prompt", "aria-label": prompt.id },
          h("h2", {}, prompt.id),
          h("p", { class: "hint" }, prompt.text),
          place,
        );
        this.waiting.set(section, () => put(place, this.#table(prompt, rows)));
        this.watcher.observe(section);
        return section;
      }),
    );
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #near(entries) {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      this.watcher.unobserve(target);
      this.waiting.get(target)?.();
      this.waiting.delete(target);
    }
  }

  /**
   * @param {SheetPrompt} prompt
   * @param {readonly SheetRow[]} rows
   */
  #table(prompt, rows) {
    const names = prompt.takes.map((take) => takeName(prompt.takes, take));
    return h(
      "table",
      { class: "sheet-table" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, t("sheet.asked")),
          names.map((name) => h("th", { scope: "col" }, name)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map((row) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, row.text, h("span", { class: "sheet-kind" }, t(`sheet.kind.${row.kind}`))),
            prompt.takes.map((_, index) => h("td", {}, this.#cell(prompt, row, index, names[index]))),
          ),
        ),
      ),
    );
  }

  /**
   * @param {SheetPrompt} prompt
   * @param {SheetRow} row
   * @param {number} index of the take
   * @param {string} tool
   */
  #cell(prompt, row, index, tool) {
    const verdict = row.verdicts[index];
    const own = row.overruled[index];
    const facts = { tool, verdict: t(`sheet.${verdict}`), by: row.by[index] || "–", own: own ? t(`sheet.${own}`) : "" };
    const label = t(own ? "sheet.cellOverruled" : "sheet.cell", facts);
    /** @type {HTMLButtonElement} */
    const button = h(
      "button",
      {
        type: "button",
        class: `verdict ${verdict}`,
        "aria-label": label,
        title: label,
        onclick: () => void this.app.attempt(() => this.#show(prompt, row, index, tool, button)),
      },
      h("span", { "aria-hidden": "true" }, MARKS[verdict]),
      own && h("span", { class: `own ${own}`, "aria-hidden": "true" }, MARKS[own]),
    );
    return button;
  }

  /**
   * @param {SheetPrompt} prompt
   * @param {SheetRow} row
   * @param {number} index
   * @param {string} tool
   * @param {HTMLButtonElement} button
   */
  async #show(prompt, row, index, tool, button) {
    const { clip } = prompt.takes[index];
    /** @type {AnswerFacts[]} */
    const answers = await api.get("sheet/answers", { clip, question: row.question });
    const body = h(
      "div",
      { class: "sheet-answers wide" },
      h("p", { class: "sheet-question" }, row.text),
      answers.length ? answers.map((answer) => this.#answer(answer, clip)) : h("p", {}, t("sheet.nobody")),
      this.app.bench.permissions.annotate !== false && this.#own(prompt, row, index, tool, button),
    );
    this.dialog = this.app.ask(tool, body);
  }

  /**
   * @param {AnswerFacts} answer
   * @param {string} clip
   */
  #answer(answer, clip) {
    const verdict = /** @type {Verdict} */ (answer.verdict);
    const when = answer.t_s === null ? "" : t("sheet.at", { t: seconds(answer.t_s) });
    const query = toQuery({ ...DEFAULTS, takes: [clip], timeS: answer.t_s ?? 0 });
    return h(
      "div",
      { class: "sheet-answer" },
      h(
        "p",
        {},
        h("strong", { class: `verdict-word ${verdict}` }, `${MARKS[verdict]} ${t(`sheet.${verdict}`)}`),
        ` ${t("sheet.by", { by: answer.by })} ${when}`,
      ),
      answer.reason && h("p", { class: "hint" }, answer.reason),
      answer.was && h("p", { class: "hint" }, t("sheet.was", { verdict: t(`sheet.${answer.was}`) })),
      !answer.trusted && h("p", { class: "sheet-warning" }, t("sheet.untrusted")),
      h(
        "p",
        { class: "hint" },
        answer.frames.length > 0 && `${t("sheet.frames", { n: answer.frames.length })} · `,
        this.app.link("compare", query, t("sheet.watch")),
      ),
    );
  }

  /**
   * @param {SheetPrompt} prompt
   * @param {SheetRow} row
   * @param {number} index
   * @param {string} tool
   * @param {HTMLButtonElement} button
   */
  #own(prompt, row, index, tool, button) {
    /** @param {"seen" | "not_seen" | ""} verdict */
    const say = (verdict) =>
      this.app.attempt(async () => {
        const { clip } = prompt.takes[index];
        await api.put("sheet/overrule", { clip, question: row.question, verdict, note: "" });
        row.overruled[index] = verdict;
        const fresh = this.#cell(prompt, row, index, tool);
        button.replaceWith(fresh);
        this.dialog?.close();
        fresh.focus();
      });
    return h(
      "div",
      { class: "sheet-own" },
      h("h2", {}, t("sheet.own")),
      h("p", { class: "hint" }, t("sheet.ownHint")),
      h(
        "div",
        { class: "actions" },
        /** @type {const} */ (["seen", "not_seen"]).map((verdict) =>
          h(
            "button",
            {
              type: "button",
              "aria-pressed": String(row.overruled[index] === verdict),
              onclick: () => void say(verdict),
            },
            `${MARKS[verdict]} ${t(`sheet.${verdict}`)}`,
          ),
        ),
        row.overruled[index] && h("button", { type: "button", onclick: () => void say("") }, t("sheet.clear")),
      ),
    );
  }

  close() {
    this.watcher.disconnect();
  }
}

/**
 * @param {App} app
 * @param {HTMLElement} element
 * @param {string} query
 */
export async function open(app, element, query) {
  const view = new ShotSheet(app, element, query);
  await view.open();
  return view;
}
