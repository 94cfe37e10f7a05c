// @ts-check
// What the makers of tools say one may do with their clips: a sheet for one tool, and the answers to filter by.

import { h } from "./dom.js";
import { t } from "./words.js";

/** @import { App } from "./app.js" */
/** @import { ModelFacts, Option } from "../types/page.js" */

/** Answers on commercial use, as cards give them. */
export const ANSWERS = ["yes", "conditions", "no", "not stated"];

/** @returns {Option[]} */
export const answerOptions = () =>
  ANSWERS.map((answer) => /** @type {Option} */ ([answer, t("rights.commercialIs", { answer: answerWord(answer) })]));

/** @param {string} answer */
const answerWord = (answer) => t(`rights.answer.${answer.replace(" ", "_")}`);

/**
 * Whether a tool's card answers so on commercial use; every tool does where nothing is asked.
 * @param {ModelFacts} model
 * @param {string} answer
 */
export const passes = (model, answer) => !answer || model.rights.commercial_use?.answer === answer;

/**
 * The sheet of one tool.
 * @param {App} app
 * @param {ModelFacts} model
 */
export function showRights(app, model) {
  const rows = Object.entries(model.rights).map(([right, said]) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, t(`rights.${right}`)),
      h("td", {}, h("b", {}, answerWord(said.answer)), said.says && h("p", {}, said.says)),
      h(
        "td",
        { class: "unit" },
        /^https?:/.test(said.source)
          ? h("a", { href: said.source, target: "_blank", rel: "noreferrer noopener" }, new URL(said.source).host)
          : said.source,
        said.checked_on && ` ${said.checked_on}`,
      ),
    ),
  );
  app.ask(
    t("rights.of", { tool: model.name || model.id }),
    h("div", { class: "facts-scroll" }, h("table", { class: "facts rights" }, h("tbody", {}, rows))),
    h("p", { class: "hint" }, t("rights.notAdvice")),
  );
}

/**
 * A button that opens the sheet; nothing where the card is not at hand.
 * @param {App} app
 * @param {ModelFacts | undefined} model
 */
export function rightsButton(app, model) {
  if (!model || !Object.keys(model.rights).length) return null;
  return h(
    "button",
    {
      type: "button",
      class: "plain rights-button",
      "aria-label": t("rights.of", { tool: model.name || model.id }),
      onclick: (event) => {
        event.preventDefault();
        showRights(app, model);
      },
    },
    t("rights.short"),
  );
}
