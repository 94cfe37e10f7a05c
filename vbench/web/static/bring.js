// @ts-check
// Bring one's own clips: dropped or chosen, sent one after the other, corrected by hand, then imported.

import * as api from "./api.js";
import { h } from "./dom.js";
import { pickPrompt } from "./picker.js";
import { bytes, sentenceOf, t } from "./words.js";

/** @import { App } from "./app.js" */
/** @import { ChoiceFacts, ModelFacts, Props, UploadFacts } from "../types/page.js" */

/**
 * One file on its way in, and the row that shows it.
 * @typedef {object} Line
 * @property {File} file
 * @property {"waiting" | "sending" | "failed" | "ready"} state
 * @property {number} share of it that is sent
 * @property {UploadFacts | null} facts
 * @property {string} error
 * @property {string} [drawn] the state that its element shows
 * @property {HTMLElement} [element]
 * @property {HTMLProgressElement} [bar]
 */

const MOST_CHOICES = 500;

/**
 * Where a guess came from, as a sentence; empty where nothing was guessed.
 * @param {string} source
 * @param {readonly string[]} [choices]
 */
export function guessedFrom(source, choices = []) {
  if (source === "name") return t("bring.fromName");
  if (source.startsWith("tag:")) return t("bring.fromTag", { tag: source.slice(4) });
  return choices.length ? t("bring.couldBe", { choices: choices.join(", ") }) : "";
}

export class Bring {
  /** @type {Line[]} */ uploads = [];
  /** @type {ChoiceFacts[]} */ prompts = [];
  /** @type {ChoiceFacts[] | undefined} */ known;
  /** @type {HTMLElement} */ list;
  /** @type {HTMLElement | undefined} */ choices;

  /**
   * @param {App} app
   * @param {readonly ModelFacts[]} models
   */
  constructor(app, models) {
    this.app = app;
    this.models = models;
    this.abort = new AbortController();
  }

  /** The area to drop clips on, and the table of what was dropped. */
  draw() {
    /** @type {HTMLInputElement} */
    const picker = h("input", {
      type: "file",
      multiple: true,
      accept: "video/*,image/gif,image/webp,image/png,.mkv,.mov,.webm,.mp4",
      class: "sr-only",
      id: "vb-files",
      onchange: () => {
        void this.#take([...(picker.files ?? [])]);
        picker.value = "";
      },
    });
    const drop = h(
      "label",
      { class: "drop", for: "vb-files" },
      h("b", {}, t("bring.drop")),
      h("span", { class: "hint" }, t("bring.guess")),
      picker,
    );
    for (const kind of ["dragover", "dragenter"])
      drop.addEventListener(kind, (event) => {
        event.preventDefault();
        drop.classList.add("over");
      });
    drop.addEventListener("dragleave", () => drop.classList.remove("over"));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      void this.#take([...(event.dataTransfer?.files ?? [])]);
    });
    this.list = h("div", { class: "uploads" });
    return [drop, this.list];
  }

  /**
   * One after the other, so that a folder of clips does not fill the line.
   * @param {File[]} files
   */
  async #take(files) {
    /** @type {Line[]} */
    const lines = files.map((file) => ({ file, state: "waiting", share: 0, facts: null, error: "" }));
    this.uploads.push(...lines);
    this.#redraw();
    if (!this.prompts.length)
      this.prompts = (await this.app.attempt(() => api.get("choices", { limit: MOST_CHOICES })))?.prompts ?? [];
    const most = this.app.bench.max_upload_bytes;
    for (const line of lines) {
      if (!this.uploads.includes(line)) continue; // left out meanwhile
      try {
        if (most && line.file.size > most) throw new api.ApiError(413, t("bring.tooLarge", { most: bytes(most) }));
        line.state = "sending";
        line.facts = await api.upload(line.file, {
          signal: this.abort.signal,
          onprogress: (share) => {
            line.share = share;
            line.bar?.setAttribute("value", String(share));
          },
        });
        line.error = line.facts.error;
      } catch (error) {
        if (api.isAborted(error)) return;
        line.error = sentenceOf(error);
      }
      line.state = line.error ? "failed" : "ready";
      this.#redraw();
    }
  }

  /** Lines are made once, so that what is being typed into one stays while others arrive. */
  #redraw() {
    const ready = this.uploads.filter((line) => line.state === "ready");
    for (const line of this.uploads) {
      if (line.drawn === line.state) continue;
      line.drawn = line.state;
      const fresh = this.#line(line);
      line.element?.replaceWith(fresh);
      line.element = fresh;
    }
    const confirm =
      ready.length > 0 &&
      h(
        "button",
        { type: "button", class: "primary", onclick: (event) => void this.#confirm(ready, event.currentTarget) },
        t("bring.confirm", { n: ready.length }),
      );
    if (!this.choices?.isConnected || this.known !== this.prompts) {
      this.known = this.prompts;
      this.choices = h(
        "div",
        { hidden: true },
        h(
          "datalist",
          { id: "vb-models" },
          this.models.map((model) => h("option", { value: model.id })),
        ),
        h(
          "datalist",
          { id: "vb-prompts" },
          this.prompts.map((prompt) => h("option", { value: prompt.id }, prompt.text.slice(0, 80))),
        ),
      );
    }
    /** @type {Element[]} */
    const wanted = [this.choices, ...this.uploads.flatMap((line) => line.element ?? [])];
    for (const child of [...this.list.children]) if (!wanted.includes(child)) child.remove();
    for (const [at, child] of wanted.entries())
      if (this.list.children[at] !== child) this.list.insertBefore(child, this.list.children[at] ?? null);
    if (confirm) this.list.append(confirm);
  }

  /** @param {Line} line */
  #line(line) {
    const remove = h(
      "button",
      {
        type: "button",
        onclick: () => {
          this.uploads = this.uploads.filter((other) => other !== line);
          this.#redraw();
        },
      },
      t("bring.leaveOut"),
    );
    const pick =
      line.state === "ready" &&
      h(
        "button",
        {
          type: "button",
          onclick: () =>
            pickPrompt(this.app, (prompt) => {
              Object.assign(line.facts ?? {}, {
                prompt_id: prompt.id,
                prompt: prompt.text,
                prompt_from: "",
                prompts: [],
              });
              line.drawn = "";
              this.#redraw();
            }),
        },
        t("make.pick"),
      );
    const head = h(
      "div",
      { class: "upload-head" },
      h("b", {}, line.file.name),
      h("span", { class: "unit" }, bytes(line.file.size)),
      h("span", { class: "grow" }),
      pick,
      remove,
    );
    if (line.state === "failed")
      return h("div", { class: "upload failed" }, head, h("p", { class: "failure" }, line.error));
    if (line.state !== "ready" || !line.facts) {
      line.bar = h("progress", { max: "1", value: String(line.share), "aria-label": line.file.name });
      return h("div", { class: "upload" }, head, line.bar);
    }
    return h("div", { class: "upload" }, head, this.#fields(line.facts));
  }

  /** @param {UploadFacts} facts */
  #fields(facts) {
    /**
     * @param {"model" | "prompt_id" | "sample"} key
     * @param {string} label
     * @param {string} note
     * @param {Props<HTMLInputElement>} props
     */
    const field = (key, label, note, props) => {
      const hint = h("small", { class: "unit" }, note);
      /** @type {HTMLInputElement} */
      const input = h("input", {
        value: String(facts[key] ?? ""),
        required: true,
        ...props,
        oninput: () => {
          if (key === "sample") facts.sample = Number(input.value);
          else {
            facts[key] = input.value.trim();
            hint.textContent = "";
          }
        },
      });
      return h("label", {}, h("span", {}, t(label)), input, note && hint);
    };
    const words = h(
      "textarea",
      {
        rows: "2",
        oninput: () => {
          facts.prompt = words.value;
          show();
        },
      },
      facts.prompt,
    );
    const text = h("label", { class: "whole" }, h("span", {}, t("bring.promptText")), words);
    const id = field("prompt_id", "bring.promptId", guessedFrom(facts.prompt_from, facts.prompts), {
      list: "vb-prompts",
      placeholder: t("bring.idFromText"),
    });
    const idBox = /** @type {HTMLInputElement} */ (id.querySelector("input"));
    const show = () => {
      text.hidden = this.#isKnown(facts.prompt_id);
      words.required = !text.hidden;
      idBox.required = !words.value.trim();
    };
    idBox.addEventListener("input", show);
    show();
    return h(
      "div",
      { class: "fields" },
      field("model", "bring.model", guessedFrom(facts.model_from, facts.models), { list: "vb-models" }),
      id,
      field("sample", "bring.sample", t("bring.sampleHint"), { type: "number", min: "0", max: "9999" }),
      text,
    );
  }

  /**
   * A prompt that its id alone names; of two with one id the text tells which.
   * @param {string} id
   */
  #isKnown(id) {
    return new Set(this.prompts.filter((prompt) => prompt.id === id).map((prompt) => prompt.text)).size === 1;
  }

  /**
   * As a person confirms it; a new prompt without an id is called after its text.
   * @param {UploadFacts} facts
   */
  #confirmed(facts) {
    const prompt = this.#isKnown(facts.prompt_id) ? "" : facts.prompt;
    return {
      upload: facts.upload,
      model: facts.model,
      prompt_id: facts.prompt_id || prompt.trim().slice(0, 200),
      prompt,
      sample: facts.sample || 0,
    };
  }

  /**
   * @param {readonly Line[]} lines
   * @param {HTMLButtonElement} button
   */
  async #confirm(lines, button) {
    const wrong = /** @type {HTMLInputElement | null} */ (this.list.querySelector(":is(input, textarea):invalid"));
    if (wrong) {
      wrong.reportValidity(); // the browser points at the field and says what it wants
      return;
    }
    button.disabled = true; // one click, one task
    const task = await this.app.attempt(() =>
      api.post("uploads/confirm", {
        uploads: lines.flatMap(({ facts }) => (facts ? [this.#confirmed(facts)] : [])),
        score: true,
      }),
    );
    if (!task) {
      button.disabled = false;
      return;
    }
    this.uploads = this.uploads.filter((line) => !lines.includes(line));
    this.app.toast(t("bring.started"));
    this.app.go("runs");
  }

  close() {
    this.abort.abort();
  }
}
