// @ts-check
// Have tools make takes: what each can do here and what this click costs, before the click; beside it, one's own clips.

import * as api from "./api.js";
import { Bring } from "./bring.js";
import { choice, h, put } from "./dom.js";
import { pickPrompt, shelfName } from "./picker.js";
import { Pictures } from "./pictures.js";
import { answerOptions, passes, rightsButton } from "./rights.js";
import { money, seconds, t } from "./words.js";

/** @import { App } from "./app.js" */
/** @import { ChoiceFacts, ModelFacts, PlanFacts, Props } from "../types/page.js" */

const PLAN_AFTER_MS = 350;
/**
 * What a tool lacks in plain words; how it is come by stands on the hover, for whoever runs this bench.
 * @param {PlanFacts} plan
 */
const lackWords = (plan) =>
  plan.lacks.length ? [...new Set(plan.lacks)].map((kind) => t(`lack.${kind}`)).join(t("why.and")) : plan.reason;

/**
 * Id of the picked prompt as long as its text is as it was; an edited prompt is a new one.
 * @param {{id: string, text: string} | null} picked
 * @param {string} text
 */
export function pickedId(picked, text) {
  return picked && picked.text === text ? picked.id : "";
}

/**
 * How a tool is asked, in a line; what nobody knows is left out.
 * @param {PlanFacts} plan
 */
export function settingOf(plan) {
  return [
    plan.width && plan.height && `${plan.width} × ${plan.height}`,
    plan.seconds && seconds(plan.seconds),
    plan.fps && t("make.fps", { n: plan.fps }),
    plan.audio !== null && t(plan.audio ? "make.sound" : "make.silent"),
    plan.image_use,
    t("make.group", { letter: plan.comparable_group }),
  ]
    .filter(Boolean)
    .join(" · ");
}

/** What tools may differ in: a word, and the fields that say it. */
const COMPARED = /** @type {const} */ ([
  ["make.differSize", ["width", "height"]],
  ["make.differLength", ["seconds"]],
  ["make.differRate", ["fps"]],
  ["make.differSound", ["audio"]],
  ["make.differPictures", ["image_use"]],
]);

/** @param {readonly PlanFacts[]} plans */
const isAlike = (plans) => new Set(plans.map((plan) => plan.comparable_group)).size < 2;

/**
 * The words of what these tools are asked for differently.
 * @param {readonly PlanFacts[]} plans
 */
export function differing(plans) {
  return COMPARED.filter(
    ([, fields]) => new Set(plans.map((plan) => fields.map((field) => plan[field]).join(" "))).size > 1,
  ).map(([word]) => word);
}

class Generate {
  /** @type {ChoiceFacts | null} */ picked = null;
  /** @type {Map<string, PlanFacts>} */ plans = new Map();
  /** @type {ModelFacts[]} */ models;
  /** @type {Bring | undefined} */ bring;
  /** @type {HTMLTextAreaElement} */ promptBox;
  /** @type {HTMLElement} */ pickedNote;
  /** @type {HTMLInputElement} */ samples;
  /** @type {HTMLInputElement} */ length;
  /** @type {HTMLInputElement} */ ceiling;
  /** @type {HTMLInputElement} */ search;
  /** @type {HTMLElement} */ tools;
  /** @type {HTMLElement} */ keys;
  /** @type {HTMLElement} */ total;
  /** @type {Pictures} */ pictures;
  /** @type {number | undefined} */ timer;

  /**
   * @param {App} app
   * @param {HTMLElement} element
   * @param {string} query
   */
  constructor(app, element, query) {
    this.app = app;
    this.element = element;
    const wished = new URLSearchParams(query);
    this.text = wished.get("prompt") ?? "";
    this.ticked = new Set((wished.get("models") ?? "").split(",").filter(Boolean));
    this.mayBeUnpriced = false; // tools may be used although nobody knows their price
    this.withoutImage = false; // tools that do not take all pictures make takes without them
    this.isMatched = false; // the ticked tools are asked for what they share
    this.commercial = ""; // only tools whose makers answer so on commercial use
    this.turn = 0;
  }

  async open() {
    const { permissions: may, read_only: readOnly } = this.app.bench;
    const models = await api.get("models");
    this.models = models.filter((model) => model.in_catalog && model.status !== "retired");
    this.bring = new Bring(this.app, this.models);
    /** @param {string} word */
    const closed = (word) => h("p", { class: "hint closed" }, t(readOnly ? "bench.readOnly.about" : word));
    put(
      this.element,
      h(
        "div",
        { class: "page generate" },
        h("h1", {}, t("nav.generate")),
        h(
          "div",
          { class: "two" },
          h(
            "section",
            { class: "panel" },
            h("h2", {}, t("bring.title")),
            may.import === false ? closed("bring.closed") : this.bring.draw(),
          ),
          h(
            "section",
            { class: "panel" },
            h("h2", {}, t("make.title")),
            may.generate === false ? closed("make.closed") : this.#make(),
          ),
        ),
      ),
    );
    if (may.generate !== false) this.#plan();
  }

  #make() {
    const again = () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.#plan(), PLAN_AFTER_MS);
    };
    this.promptBox = h(
      "textarea",
      {
        rows: "4",
        maxlength: "10000",
        "aria-label": t("make.prompt"),
        placeholder: t("make.placeholder"),
        oninput: () => {
          this.#drawPicked();
          again();
        },
      },
      this.text,
    );
    const pick = h(
      "button",
      {
        type: "button",
        onclick: () =>
          pickPrompt(this.app, (prompt) => {
            this.picked = prompt;
            this.promptBox.value = prompt.text;
            this.#drawPicked();
            again();
          }),
      },
      t("make.pick"),
    );
    this.pickedNote = h("span", { class: "unit", role: "status" });
    /**
     * @param {string} label
     * @param {string} hint
     * @param {Props<HTMLInputElement>} props
     * @returns {[HTMLLabelElement, HTMLInputElement]}
     */
    const number = (label, hint, props) => {
      const input = h("input", { type: "number", oninput: again, ...props });
      return [h("label", {}, h("span", {}, t(label)), input, h("small", { class: "unit" }, t(hint))), input];
    };
    let takes;
    let length;
    let ceiling;
    [takes, this.samples] = number("make.samples", "make.samplesHint", { min: "1", max: "16", value: "1" });
    [length, this.length] = number("make.seconds", "make.secondsHint", {
      min: "0.5",
      step: "0.5",
      placeholder: t("make.default"),
    });
    [ceiling, this.ceiling] = number("make.ceiling", "make.ceilingHint", {
      min: "0",
      step: "0.5",
      placeholder: "$",
      oninput: () => this.#drawTotal(),
    });
    this.search = h("input", {
      type: "search",
      placeholder: t("make.find"),
      "aria-label": t("make.find"),
      oninput: () => this.#drawTools(),
    });
    this.pictures = new Pictures(again);
    /**
     * @param {string} word
     * @param {(on: boolean) => void} set
     */
    const tick = (word, set) =>
      h(
        "label",
        { class: "tick" },
        h("input", {
          type: "checkbox",
          onchange: (event) => {
            set(event.currentTarget.checked);
            again();
          },
        }),
        t(word),
      );
    const rights = choice(
      t("rights.filter"),
      [["", t("rights.filter")], ...answerOptions()],
      this.commercial,
      (answer) => {
        this.commercial = answer;
        this.#drawTools();
      },
    );
    this.tools = h("ul", { class: "tools" }, h("li", { class: "hint tools-note" }, t("make.asking")));
    this.keys = h("p", { class: "unit", hidden: true }, t("make.keys"));
    this.total = h("div", { class: "total" });
    return [
      this.promptBox,
      h("div", { class: "pick-line" }, pick, this.pickedNote),
      h("div", { class: "fields" }, takes, length, ceiling),
      this.pictures.draw(),
      tick("make.withoutImage", (on) => {
        this.withoutImage = on;
      }),
      tick("make.match", (on) => {
        this.isMatched = on;
      }),
      h("div", { class: "find-line" }, this.search, rights),
      this.tools,
      this.keys,
      this.total,
    ];
  }

  #drawPicked() {
    const id = pickedId(this.picked, this.promptBox.value);
    this.pickedNote.textContent = !this.picked
      ? ""
      : id
        ? t("make.picked", { suite: shelfName(this.picked.shelf), id })
        : t("make.edited");
  }

  /** @param {string[]} models */
  #wish(models) {
    const length = Number(this.length.value);
    const ceiling = this.ceiling.value === "" ? null : Number(this.ceiling.value);
    const prompt = this.promptBox.value.trim();
    return {
      prompt,
      prompt_id: pickedId(this.picked, prompt),
      models,
      samples: Math.max(1, Math.min(16, Math.round(Number(this.samples.value)) || 1)),
      seconds: length > 0 ? length : null,
      ...this.pictures.wish(),
      without_image: this.withoutImage,
      match: this.isMatched ? [...this.ticked] : [],
      max_cost: ceiling,
      allow_unpriced: this.mayBeUnpriced,
    };
  }

  /** What the click would cost for every tool; asked again whenever a wish changes, and only the last answer counts. */
  async #plan() {
    const turn = ++this.turn;
    const wish = this.#wish(this.models.map((model) => model.id));
    if (!wish.models.length) {
      put(this.tools, h("li", { class: "hint tools-note" }, t("make.noTools")));
      return;
    }
    const answer = await this.app.attempt(() => api.post("plan", { ...wish, prompt: wish.prompt || "…" }));
    if (turn !== this.turn || !answer) return;
    this.plans = new Map(answer.models.map((plan) => [plan.model, plan]));
    this.#drawTools();
  }

  /** Tools that can run come first; the others say what is missing. */
  #drawTools() {
    const words = this.search.value.toLowerCase();
    const shown = this.models.filter(
      (model) =>
        `${model.id} ${model.name} ${model.vendor}`.toLowerCase().includes(words) && passes(model, this.commercial),
    );
    const order = [...shown].sort(
      (a, b) => Number(this.plans.get(b.id)?.runnable ?? 0) - Number(this.plans.get(a.id)?.runnable ?? 0),
    );
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.model;
    const lacksKey = order.some((model) => this.plans.get(model.id)?.lacks.includes("key"));
    put(
      this.tools,
      order.length
        ? order.map((model) => this.#tool(model))
        : h("li", { class: "hint tools-note" }, t("make.noSuchTool")),
    );
    this.keys.hidden = !lacksKey;
    if (focused) [...this.tools.querySelectorAll("input")].find((box) => box.dataset.model === focused)?.focus();
    this.#drawTotal();
  }

  /** @param {ModelFacts} model */
  #tool(model) {
    const plan = this.plans.get(model.id);
    const isOff = plan && !plan.runnable;
    const box = h("input", {
      type: "checkbox",
      checked: this.ticked.has(model.id),
      disabled: isOff,
      dataset: { model: model.id },
      onchange: () => {
        if (box.checked) this.ticked.add(model.id);
        else this.ticked.delete(model.id);
        if (this.isMatched) void this.#plan();
        else this.#drawTotal();
      },
    });
    const price = !plan
      ? "…"
      : isOff
        ? ""
        : plan.is_billable
          ? plan.cost_usd === null
            ? t("make.unpriced")
            : money(plan.cost_usd)
          : t("make.free");
    return h(
      "li",
      {},
      h(
        "label",
        { class: isOff ? "off" : "" },
        box,
        h(
          "span",
          { class: "tool-name" },
          h("b", {}, model.name || model.id),
          h(
            "span",
            { class: "unit" },
            [
              model.vendor,
              model.country,
              plan?.seconds_estimate ? t("make.about", { time: seconds(plan.seconds_estimate) }) : "",
            ]
              .filter(Boolean)
              .join(" · "),
          ),
          plan?.runnable && h("span", { class: "unit asked" }, settingOf(plan)),
          isOff && h("span", { class: "reason", title: plan.reason }, lackWords(plan)),
          plan?.runnable && plan.warnings.length > 0 && h("span", { class: "reason" }, plan.warnings.join("; ")),
        ),
        h(
          "span",
          { class: "price" },
          price,
          plan?.price_checked_on &&
            !isOff &&
            h(
              "small",
              { class: plan.price_is_old ? "unit old" : "unit" },
              t(plan.price_is_old ? "make.priceOld" : "make.priceOf", { day: plan.price_checked_on }),
            ),
          rightsButton(this.app, model),
        ),
      ),
    );
  }

  #drawTotal() {
    const chosen = [...this.ticked].flatMap((id) => this.plans.get(id) ?? []).filter((plan) => plan.runnable);
    const cost = chosen.reduce((sum, plan) => sum + (plan.cost_usd ?? 0), 0);
    const unpriced = chosen.filter((plan) => plan.is_billable && plan.cost_usd === null).length;
    const jobs = chosen.reduce((sum, plan) => sum + plan.n_jobs, 0);
    const billable = chosen.some((plan) => plan.is_billable);
    const ceiling = this.ceiling.value === "" ? null : Number(this.ceiling.value);
    const stop = !this.promptBox.value.trim()
      ? t("make.needPrompt")
      : !chosen.length
        ? t("make.needTool")
        : billable && ceiling === null
          ? t("make.needCeiling")
          : unpriced && !this.mayBeUnpriced
            ? t("make.needUnpriced")
            : ceiling !== null && cost > ceiling
              ? t("make.overCeiling", { cost: money(cost), most: money(ceiling) })
              : "";
    const differences = isAlike(chosen)
      ? ""
      : t("make.notAlike", {
          what: differing(chosen)
            .map((word) => t(word))
            .join(", "),
        });
    put(
      this.total,
      differences && h("p", { class: "reason", role: "status" }, differences),
      chosen.length > 0 &&
        h(
          "p",
          {},
          h("b", {}, billable ? t("make.total", { n: jobs, cost: money(cost) }) : t("make.totalFree", { n: jobs })),
          unpriced > 0 && h("span", { class: "reason" }, ` ${t("make.unpricedToo", { n: unpriced })}`),
        ),
      unpriced > 0 &&
        h(
          "label",
          { class: "tick" },
          h("input", {
            type: "checkbox",
            checked: this.mayBeUnpriced,
            onchange: (event) => {
              this.mayBeUnpriced = event.currentTarget.checked;
              this.#drawTotal();
            },
          }),
          t("make.allowUnpriced"),
        ),
      h("p", { class: "hint", role: "status" }, stop),
      h(
        "button",
        {
          type: "button",
          class: "primary",
          disabled: stop !== "",
          onclick: (event) => void this.#start(event.currentTarget),
        },
        billable ? t("make.goFor", { cost: money(cost) }) : t("make.go"),
      ),
    );
  }

  /** @param {HTMLButtonElement} button */
  async #start(button) {
    button.disabled = true; // one click, one task
    const task = await this.app.attempt(() =>
      api.post("tasks", {
        kind: "generate",
        generate: this.#wish([...this.ticked].filter((id) => this.plans.get(id)?.runnable)),
      }),
    );
    if (task) this.app.go("runs");
    else this.#drawTotal();
  }

  close() {
    this.bring?.close();
    this.pictures?.close();
    clearTimeout(this.timer);
  }
}

/**
 * @param {App} app
 * @param {HTMLElement} element
 * @param {string} query
 */
export async function open(app, element, query) {
  const generate = new Generate(app, element, query);
  await generate.open();
  return generate;
}
