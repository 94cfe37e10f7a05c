// Bring one's own clips, or have tools make some: what each can do here and what this click costs, before the click.

import * as api from "./api.js";
import { choice, h, put } from "./dom.js";
import { bytes, money, seconds, t } from "./words.js";

const PLAN_AFTER_MS = 350;

class Generate {
  constructor(app, element, query) {
    this.app = app;
    this.element = element;
    const asked = new URLSearchParams(query);
    this.text = asked.get("prompt") ?? "";
    this.ticked = new Set((asked.get("models") ?? "").split(",").filter(Boolean));
    this.uploads = [];
    this.abort = new AbortController();
    this.plans = new Map();
    this.turn = 0;
  }

  async open() {
    const may = this.app.bench.permissions ?? {};
    const [models, prompts] = await Promise.all([api.get("models"), api.get("prompts")]);
    this.models = (models.models ?? models).filter((model) => model.in_catalog && model.status !== "retired");
    this.prompts = prompts.prompts ?? prompts;
    const closed = (word) => h("p", { class: "hint closed" }, t(word));
    put(this.element, h("div", { class: "page generate" }, h("h1", {}, t("nav.generate")),
      h("div", { class: "two" },
        h("section", { class: "panel" }, h("h2", {}, t("bring.title")), may.import === false ? closed("bring.closed") : this.#bring()),
        h("section", { class: "panel" }, h("h2", {}, t("make.title")), may.generate === false ? closed("make.closed") : this.#make()))));
    if (may.generate !== false) this.#plan();
  }

  // --- one's own clips ---------------------------------------------------------------------------------------------

  #bring() {
    const picker = h("input", { type: "file", multiple: true, accept: "video/*,image/gif,image/webp,.mkv,.mov,.webm,.mp4", class: "sr-only", id: "vb-files", onchange: () => void this.#take([...picker.files]) });
    const drop = h("label", { class: "drop", for: "vb-files" }, h("b", {}, t("bring.drop")), h("span", { class: "hint" }, t("bring.guess")), picker);
    for (const kind of ["dragover", "dragenter"]) drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
    drop.addEventListener("dragleave", () => drop.classList.remove("over"));
    drop.addEventListener("drop", (event) => { event.preventDefault(); drop.classList.remove("over"); void this.#take([...event.dataTransfer.files]); });
    this.uploadList = h("div", { class: "uploads" });
    return [drop, this.uploadList];
  }

  /** One after the other, so that a folder of clips does not fill the line. */
  async #take(files) {
    const lines = files.map((file) => ({ file, state: "waiting", share: 0, facts: null, error: "" }));
    this.uploads.push(...lines);
    this.#drawUploads();
    const most = this.app.bench.max_upload_bytes;
    for (const line of lines) {
      try {
        if (most && line.file.size > most) throw new api.ApiError(413, t("bring.tooLarge", { most: bytes(most) }));
        line.state = "sending";
        line.facts = await api.upload(line.file, { signal: this.abort.signal, onprogress: (share) => { line.share = share; line.bar?.setAttribute("value", String(share)); } });
        line.error = line.facts.error;
      } catch (error) {
        if (error.name === "AbortError") return;
        line.error = error.message === "offline" ? t("error.offline") : error.message;
      }
      line.state = line.error ? "failed" : "ready";
      this.#drawUploads();
    }
  }

  #drawUploads() {
    const field = (line, key, label, props) => h("label", {}, h("span", {}, t(label)), h("input", { value: String(line.facts[key] ?? ""), required: true, ...props, oninput: (event) => { line.facts[key] = event.target.value.trim(); } }));
    const known = this.models.map((model) => model.id);
    const ready = this.uploads.filter((line) => line.state === "ready");
    put(this.uploadList,
      h("datalist", { id: "vb-models" }, known.map((id) => h("option", { value: id }))),
      h("datalist", { id: "vb-prompts" }, this.prompts.map((prompt) => h("option", { value: prompt.id }, prompt.text.slice(0, 80)))),
      this.uploads.map((line) => {
        const remove = h("button", { type: "button", onclick: () => { this.uploads = this.uploads.filter((other) => other !== line); this.#drawUploads(); } }, t("bring.leaveOut"));
        const head = h("div", { class: "upload-head" }, h("b", {}, line.file.name), h("span", { class: "unit" }, bytes(line.file.size)), remove);
        if (line.state === "failed") return h("div", { class: "upload failed" }, head, h("p", { class: "failure" }, line.error));
        if (line.state !== "ready") { line.bar = h("progress", { max: "1", value: String(line.share), "aria-label": line.file.name }); return h("div", { class: "upload" }, head, line.bar); }
        const words = h("textarea", { rows: "2", oninput: (event) => { line.facts.prompt = event.target.value; } }, line.facts.prompt ?? "");
        const text = h("label", { class: "whole" }, h("span", {}, t("bring.promptText")), words);
        const id = field(line, "prompt_id", "bring.promptId", { list: "vb-prompts" });
        const show = () => { text.hidden = this.#isKnown(line); words.required = !text.hidden; };
        id.querySelector("input").addEventListener("input", show);
        show();
        return h("div", { class: "upload" }, head, h("div", { class: "fields" }, field(line, "model", "bring.model", { list: "vb-models" }), id, field(line, "sample", "bring.sample", { type: "number", min: "0", max: "9999" }), text), line.facts.why && h("p", { class: "unit" }, line.facts.why));
      }),
      ready.length > 0 && h("button", { type: "button", class: "primary", onclick: (event) => void this.#confirm(ready, event.currentTarget) }, t("bring.confirm", { n: ready.length })));
  }

  /** A prompt that its id alone names; of two with one id the text tells which. */
  #isKnown(line) {
    return this.prompts.filter((prompt) => prompt.id === line.facts.prompt_id).length === 1;
  }

  async #confirm(lines, button) {
    const wrong = this.uploadList.querySelector(":is(input, textarea):invalid");
    if (wrong) { wrong.reportValidity(); return; } // the browser points at the field and says what it wants
    button.disabled = true; // one click, one task
    const task = await this.app.attempt(() => api.post("uploads/confirm", {
      uploads: lines.map((line) => [line, line.facts]).map(([line, facts]) => ({ upload: facts.upload, model: facts.model, prompt_id: facts.prompt_id, prompt: this.#isKnown(line) ? "" : facts.prompt ?? "", sample: Number(facts.sample) || 0 })), score: true,
    }));
    if (!task) { button.disabled = false; return; }
    this.uploads = this.uploads.filter((line) => !lines.includes(line));
    this.app.toast(t("bring.started"));
    this.app.go("runs");
  }

  // --- having some made --------------------------------------------------------------------------------------------

  #make() {
    const again = () => { clearTimeout(this.timer); this.timer = setTimeout(() => this.#plan(), PLAN_AFTER_MS); };
    this.promptBox = h("textarea", { rows: "4", maxlength: "10000", "aria-label": t("make.prompt"), placeholder: t("make.placeholder"), oninput: again }, this.text);
    const pick = choice(t("make.pick"), [["", t("make.pick")], ...this.prompts.map((prompt) => [prompt.key ?? prompt.id, `${prompt.id} · ${prompt.text.slice(0, 60)}`])], "", (key) => {
      const prompt = this.prompts.find((one) => (one.key ?? one.id) === key);
      if (prompt) { this.promptBox.value = prompt.text; again(); }
    });
    const number = (label, props) => { const input = h("input", { type: "number", oninput: again, ...props }); return [h("label", {}, h("span", {}, t(label)), input), input]; };
    let takes; let length; let ceiling;
    [takes, this.samples] = number("make.samples", { min: "1", max: "16", value: "1" });
    [length, this.length] = number("make.seconds", { min: "0.5", step: "0.5", placeholder: t("make.default") });
    [ceiling, this.ceiling] = number("make.ceiling", { min: "0", step: "0.5", placeholder: "$" });
    this.ceiling.removeEventListener("input", again);
    this.ceiling.addEventListener("input", () => this.#drawTotal());
    this.search = h("input", { type: "search", placeholder: t("make.find"), "aria-label": t("make.find"), oninput: () => this.#drawTools() });
    this.tools = h("ul", { class: "tools" });
    this.total = h("div", { class: "total" });
    return [this.prompts.length > 0 && pick, this.promptBox, h("div", { class: "fields" }, takes, length, ceiling), this.search, this.tools, this.total];
  }

  #wish(models) {
    const length = Number(this.length.value);
    const ceiling = this.ceiling.value === "" ? null : Number(this.ceiling.value);
    const prompt = this.promptBox.value.trim();
    return { prompt, models, samples: Math.max(1, Math.min(16, Math.round(Number(this.samples.value)) || 1)), seconds: length > 0 ? length : null, max_cost: ceiling };
  }

  /** What the click would cost for every tool; asked again whenever a wish changes, and only the last answer counts. */
  async #plan() {
    const turn = ++this.turn;
    const wish = this.#wish(this.models.map((model) => model.id).slice(0, 60));
    if (!wish.models.length) { put(this.tools, h("li", { class: "hint" }, t("make.noTools"))); return; }
    const answer = await this.app.attempt(() => api.post("plan", { ...wish, prompt: wish.prompt || "…" }));
    if (turn !== this.turn || !answer) return;
    this.plans = new Map(answer.models.map((plan) => [plan.model, plan]));
    this.#drawTools();
  }

  #drawTools() {
    const words = this.search.value.toLowerCase();
    const shown = this.models.filter((model) => `${model.id} ${model.name} ${model.vendor}`.toLowerCase().includes(words));
    const order = [...shown].sort((a, b) => Number(this.plans.get(b.id)?.runnable ?? 0) - Number(this.plans.get(a.id)?.runnable ?? 0));
    put(this.tools, order.map((model) => {
      const plan = this.plans.get(model.id);
      const box = h("input", { type: "checkbox", checked: this.ticked.has(model.id), disabled: plan && !plan.runnable, onchange: () => { if (box.checked) this.ticked.add(model.id); else this.ticked.delete(model.id); this.#drawTotal(); } });
      const price = !plan ? "…" : !plan.runnable ? "" : plan.is_billable ? (plan.cost_usd === null ? t("make.unpriced") : money(plan.cost_usd)) : t("make.free");
      return h("li", {}, h("label", { class: plan && !plan.runnable ? "off" : "" }, box,
        h("span", { class: "tool-name" }, h("b", {}, model.name || model.id), h("span", { class: "unit" }, [model.vendor, model.country, plan?.seconds_estimate ? t("make.about", { time: seconds(plan.seconds_estimate) }) : ""].filter(Boolean).join(" · ")),
          plan && !plan.runnable && h("span", { class: "reason" }, plan.reason), plan?.runnable && plan.warnings.length > 0 && h("span", { class: "reason" }, plan.warnings.join("; "))),
        h("span", { class: "price" }, price)));
    }));
    this.#drawTotal();
  }

  #drawTotal() {
    const chosen = [...this.ticked].map((id) => this.plans.get(id)).filter((plan) => plan?.runnable);
    const cost = chosen.reduce((sum, plan) => sum + (plan.cost_usd ?? 0), 0);
    const unpriced = chosen.filter((plan) => plan.is_billable && plan.cost_usd === null).length;
    const jobs = chosen.reduce((sum, plan) => sum + plan.n_jobs, 0);
    const billable = chosen.some((plan) => plan.is_billable);
    const ceiling = this.ceiling.value === "" ? null : Number(this.ceiling.value);
    const stop = !this.promptBox.value.trim() ? t("make.needPrompt") : !chosen.length ? t("make.needTool")
      : billable && ceiling === null ? t("make.needCeiling") : ceiling !== null && cost > ceiling ? t("make.overCeiling", { cost: money(cost), most: money(ceiling) }) : "";
    put(this.total,
      h("p", {}, h("b", {}, billable ? t("make.total", { n: jobs, cost: money(cost) }) : t("make.totalFree", { n: jobs })), unpriced > 0 && h("span", { class: "reason" }, ` ${t("make.unpricedToo", { n: unpriced })}`)),
      h("p", { class: "hint", role: "status" }, stop),
      h("button", { type: "button", class: "primary", disabled: stop !== "", onclick: (event) => void this.#start(event.currentTarget) }, billable ? t("make.goFor", { cost: money(cost) }) : t("make.go")));
  }

  async #start(button) {
    button.disabled = true; // one click, one task
    const task = await this.app.attempt(() => api.post("tasks", { kind: "generate", generate: this.#wish([...this.ticked].filter((id) => this.plans.get(id)?.runnable)) }));
    if (task) this.app.go("runs");
    else this.#drawTotal();
  }

  close() {
    this.abort.abort();
    clearTimeout(this.timer);
  }
}

export async function open(app, element, query) {
  const generate = new Generate(app, element, query);
  await generate.open();
  return generate;
}
