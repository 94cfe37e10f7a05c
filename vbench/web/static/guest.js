// @ts-check
// What a guest of a review link sees first: its takes by prompt, what was said of each, and the way to watch them.

import * as api from "./api.js";
import { Approvals } from "./approvals.js";
import { h, put } from "./dom.js";
import { DEFAULTS, toQuery } from "./link.js";
import { roundRobin } from "./selects.js";
import { seconds, t } from "./words.js";

/** @import { App } from "./app.js" */
/** @import { ClipFacts } from "../types/page.js" */

const AT_ONCE = 9;

/**
 * @param {App} app
 * @param {HTMLElement} element
 */
export async function open(app, element) {
  const { clips } = await api.get("clips");
  const approvals = new Approvals(app);
  /** @param {ClipFacts[]} takes */
  const watch = (takes) => app.go("compare", toQuery({ ...DEFAULTS, takes: takes.map((clip) => clip.id) }));
  const prompts = [...new Set(clips.map((clip) => clip.prompt_key))];
  const draw = () =>
    put(
      element,
      h(
        "div",
        { class: "guest-takes" },
        h("h1", {}, app.bench.name),
        h("p", { class: "hint" }, t("guest.about", { n: clips.length })),
        prompts.map((key) => {
          const takes = clips.filter((clip) => clip.prompt_key === key);
          return h(
            "section",
            {},
            h(
              "header",
              {},
              h("h2", {}, takes[0].prompt),
              takes.length > 1 &&
                h(
                  "button",
                  { type: "button", class: "primary", onclick: () => watch(roundRobin(takes, AT_ONCE)) },
                  t("guest.together", { n: Math.min(AT_ONCE, takes.length) }),
                ),
            ),
            h(
              "div",
              { class: "guest-cards" },
              takes.map((clip) =>
                h(
                  "article",
                  { class: "card" },
                  h(
                    "div",
                    { class: "card-top" },
                    h(
                      "button",
                      {
                        type: "button",
                        class: "card-frame",
                        "aria-label": t("wall.open", {
                          model: clip.model,
                          prompt: clip.prompt_id,
                          sample: clip.sample,
                        }),
                        onclick: () => watch([clip]),
                      },
                      h("img", { class: "poster", alt: "", loading: "lazy", src: clip.poster_url }),
                    ),
                    h(
                      "span",
                      { class: "card-facts" },
                      `${clip.n_notes ? `✎${clip.n_notes} ` : ""}${seconds(clip.duration_s)}${clip.has_audio ? " ♪" : ""}`,
                    ),
                  ),
                  h(
                    "div",
                    { class: "card-text" },
                    h("div", { class: "card-line" }, h("b", {}, clip.model)),
                    approvals.of(clip.id, { isSpelled: true }),
                  ),
                ),
              ),
            ),
          );
        }),
      ),
    );
  approvals.addEventListener("change", draw);
  await approvals.load();
  return {};
}
