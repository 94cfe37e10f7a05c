// @ts-check
// Bring one's own clips: files or folders, sent one after the other, corrected in one table, then imported.

import * as api from "./api.js";
import { costsIn, droppedFiles, numberTakes, pickedFiles } from "./dropped.js";
import { h, iconButton, put } from "./dom.js";
import { pickPrompt } from "./picker.js";
import { bytes, sentenceOf, t } from "./words.js";

/** @import { App } from "./app.js" */
/** @import { Dropped } from "./dropped.js" */
/** @import { ChoiceFacts, ModelFacts, Props, UploadFacts } from "../types/page.js" */

/**
 * One file on its way in, and the row that shows it.
 * @typedef {object} Line
 * @property {File} file
 * @property {string} path in the folder that was dropped
 * @property {boolean} chosen what is typed into one chosen row goes to all
 * @property {"waiting" | "sending" | "failed" | "ready"} state
 * @property {number} share of it that is sent
 * @property {UploadFacts | null} facts
 * @property {string} error
 * @property {string} [drawn] the state that its element shows
 * @property {HTMLElement} [element]
 * @property {HTMLProgressElement} [bar]
 */

const MOST_CHOICES = 500;
/** What can be set in many rows at once. */
const SHARED = /** @type {const} */ (["model", "prompt_id", "prompt"]);

/**
 * Where a guess came from, as a sentence; empty where nothing was guessed.
 * @param {string} source
 * @param {readonly string[]} [choices]
 */
export function guessedFrom(source, choices = []) {
  if (source === "name") return t("bring.fromName");
  if (source === "folder") return t("bring.fromFolder");
  if (source === "words") return t("bring.fromWords");
  if (source.startsWith("tag:")) return t("bring.fromTag", { tag: source.slice(4) });
  return choices.length ? t("bring.couldBe", { choices: choices.join(", ") }) : "";
}

export class Bring {
  /** @type {Line[]} */ uploads = [];
  /** @type {ChoiceFacts[]} */ prompts = [];
  /** @type {ChoiceFacts[] | undefined} */ known;
  /** @type {HTMLElement} */ list;
  /** @type {HTMLElement | undefined} */ choices;
  /** @type {HTMLElement | undefined} */ head;
  /** @type {Line | undefined} */ lastTicked;
  /** Of the stills, which stand as long as the page. @type {string[]} */ urls = [];
  /** File in lower case → what a table says it cost. @type {Map<string, {cost: number | null, credits: string}>} */
  costs = new Map();

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
        void this.take(pickedFiles(picker.files));
        picker.value = "";
      },
    });
    /** @type {HTMLInputElement} */
    const folders = h("input", {
      type: "file",
      webkitdirectory: true,
      class: "sr-only",
      tabindex: "-1",
      "aria-label": t("bring.folder"),
      onchange: () => {
        void this.take(pickedFiles(folders.files));
        folders.value = "";
      },
    });
    const folder = h("button", { type: "button", onclick: () => folders.click() }, t("bring.folder"));
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
      event.stopPropagation();
      drop.classList.remove("over");
      void droppedFiles(event.dataTransfer).then((dropped) => this.take(dropped));
    });
    this.list = h("div", { class: "uploads" });
    const waiting = this.app.dropped;
    this.app.dropped = null;
    if (waiting) void this.take(waiting);
    return [drop, h("div", { class: "bring-more" }, folder, folders), this.list];
  }

  /**
   * One after the other, so that a folder of clips does not fill the line.
   * @param {{files: Dropped[], skipped: number}} dropped
   */
  async take({ files, skipped }) {
    const tables = files.filter(({ path }) => /\.(csv|tsv)$/i.test(path));
    for (const { file } of tables) for (const [name, row] of costsIn(await file.text())) this.costs.set(name, row);
    const clips = files.filter((one) => !tables.includes(one));
    const notes = [
      skipped && t("bring.skipped", { n: skipped }),
      tables.length && t("bring.costs", { n: this.costs.size }),
    ];
    for (const note of notes) if (note) this.app.toast(note);
    const lines = clips.map(
      ({ file, path }) =>
        /** @type {Line} */ ({ file, path, chosen: false, state: "waiting", share: 0, facts: null, error: "" }),
    );
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
          name: line.path,
          signal: this.abort.signal,
          onprogress: (share) => {
            line.share = share;
            line.bar?.setAttribute("value", String(share));
          },
        });
        line.error = line.facts.error;
        numberTakes(this.uploads.flatMap(({ facts }) => (facts && !facts.error ? [facts] : [])));
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
    const wanted = [this.#head(ready), ...this.uploads.flatMap((line) => line.element ?? [])];
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
    const shown = [this.choices, ...wanted];
    for (const child of [...this.list.children]) if (!shown.includes(child)) child.remove();
    for (const [at, child] of shown.entries())
      if (this.list.children[at] !== child) this.list.insertBefore(child, this.list.children[at] ?? null);
    if (confirm) this.list.append(confirm);
  }

  /** @param {Line} line */
  #line(line) {
    const remove = iconButton("cross", t("bring.leaveOut"), () => {
      this.uploads = this.uploads.filter((other) => other !== line);
      this.#redraw();
    });
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
    const same = this.#sameAs(line);
    const head = h(
      "div",
      { class: "upload-head" },
      h("b", { title: line.path }, line.file.name),
      h("span", { class: "unit" }, bytes(line.file.size)),
      same && h("span", { class: "upload-same" }, same),
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
    return h("div", { class: "upload ready" }, this.#tick(line), this.#still(line.file), head, this.#fields(line));
  }

  /**
   * Above the rows: all are chosen or none, and the first chosen row's tool and prompt go to the other chosen ones.
   * @param {readonly Line[]} ready
   */
  #head(ready) {
    const chosen = ready.filter((line) => line.chosen);
    this.head ??= h("div", { class: "uploads-head" });
    this.head.hidden = ready.length < 2;
    const all = h("input", {
      type: "checkbox",
      checked: ready.length > 0 && chosen.length === ready.length,
      onchange: (event) => {
        for (const line of ready) this.#choose(line, event.currentTarget.checked);
        this.#redraw();
      },
    });
    const fill = h(
      "button",
      { type: "button", disabled: chosen.length < 2, onclick: () => this.#fill(chosen) },
      t("bring.fill"),
    );
    const out = h(
      "button",
      {
        type: "button",
        disabled: !chosen.length,
        onclick: () => {
          this.uploads = this.uploads.filter((line) => !line.chosen);
          this.#redraw();
        },
      },
      t("bring.leaveOutN", { n: chosen.length }),
    );
    put(
      this.head,
      h("label", { class: "check" }, all, t("bring.all", { n: ready.length })),
      fill,
      out,
      h("span", { class: "hint" }, t("bring.many")),
    );
    return this.head;
  }

  /** @param {readonly Line[]} chosen */
  #fill([first, ...others]) {
    for (const line of others)
      for (const key of SHARED) if (line.facts && first.facts) line.facts[key] = first.facts[key];
    numberTakes(this.uploads.flatMap(({ facts }) => (facts && !facts.error ? [facts] : [])));
    for (const line of others) line.drawn = "";
    this.#redraw();
  }

  /**
   * @param {Line} line
   * @param {boolean} on
   */
  #choose(line, on) {
    line.chosen = on;
    const box = /** @type {HTMLInputElement | null | undefined} */ (line.element?.querySelector(".upload-tick input"));
    if (box) box.checked = on;
  }

  /** @param {Line} line */
  #tick(line) {
    return h(
      "label",
      { class: "upload-tick" },
      h("input", {
        type: "checkbox",
        checked: line.chosen,
        "aria-label": t("bring.choose", { file: line.file.name }),
        onclick: (event) => {
          const on = event.currentTarget.checked;
          const [from, to] = [this.lastTicked ?? line, line]
            .map((one) => this.uploads.indexOf(one))
            .sort((a, b) => a - b);
          if (event.shiftKey) for (const one of this.uploads.slice(from, to + 1)) this.#choose(one, on);
          this.#choose(line, on);
          this.lastTicked = line;
          this.#redraw();
        },
      }),
    );
  }

  /**
   * The first picture, out of the file that lies here; nothing is asked of the server for it.
   * @param {File} file
   */
  #still(file) {
    const url = URL.createObjectURL(file);
    this.urls.push(url);
    const isPicture = file.type.startsWith("image/") || /\.(webp|gif|a?png)$/i.test(file.name);
    const still = isPicture
      ? h("img", { src: url, alt: "" })
      : h("video", { src: `${url}#t=0.05`, preload: "metadata", tabindex: "-1" });
    if (still instanceof HTMLVideoElement) still.muted = true;
    return h("div", { class: "upload-still", "aria-hidden": "true" }, still);
  }

  /**
   * Where these very bytes are already: in the bench, or further up in the table.
   * @param {Line} line
   */
  #sameAs(line) {
    if (!line.facts?.sha256) return "";
    if (line.facts.same_as) return t("bring.inBench", { take: line.facts.same_as });
    const first = this.uploads.find((one) => one.facts?.sha256 === line.facts?.sha256);
    return first && first !== line ? t("bring.sameAs", { file: first.file.name }) : "";
  }

  /** @param {Line & {facts: UploadFacts | null}} line */
  #fields(line) {
    const facts = /** @type {UploadFacts} */ (line.facts);
    /**
     * What is typed into a chosen row goes to all chosen ones.
     * @param {typeof SHARED[number]} key
     */
    const spread = (key) => {
      if (!line.chosen) return;
      for (const other of this.uploads) {
        if (other === line || !other.chosen || !other.facts) continue;
        other.facts[key] = facts[key];
        const box = /** @type {HTMLInputElement | null | undefined} */ (
          other.element?.querySelector(`[name="${key}"]`)
        );
        if (box) box.value = facts[key];
      }
    };
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
        name: key,
        required: true,
        ...props,
        oninput: () => {
          if (key === "sample") facts.sample = Number(input.value);
          else {
            facts[key] = input.value.trim();
            hint.textContent = "";
            spread(key);
          }
        },
      });
      return h("label", {}, h("span", {}, t(label)), input, note && hint);
    };
    const words = h(
      "textarea",
      {
        rows: "1",
        name: "prompt",
        oninput: () => {
          facts.prompt = words.value;
          spread("prompt");
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
   * @param {Line & {facts: UploadFacts}} line
   */
  #confirmed({ file, facts }) {
    const paid = this.costs.get(file.name.toLowerCase());
    const prompt = this.#isKnown(facts.prompt_id) ? "" : facts.prompt;
    return {
      upload: facts.upload,
      model: facts.model,
      prompt_id: facts.prompt_id || prompt.trim().slice(0, 200),
      prompt,
      sample: facts.sample || 0,
      cost: paid?.cost ?? null,
      credits: paid?.credits ?? "",
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
    numberTakes(lines.flatMap(({ facts }) => facts ?? []));
    button.disabled = true; // one click, one task
    const task = await this.app.attempt(() =>
      api.post("uploads/confirm", {
        uploads: lines.flatMap((line) => (line.facts ? [this.#confirmed({ ...line, facts: line.facts })] : [])),
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
    for (const url of this.urls) URL.revokeObjectURL(url);
  }
}
