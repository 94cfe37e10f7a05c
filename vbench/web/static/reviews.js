// @ts-check
// Links for guests: made for chosen takes, listed with what was said under them, copied, taken back.

import * as api from "./api.js";
import { choice, h, put } from "./dom.js";
import { t } from "./words.js";

/** @import { App } from "./app.js" */
/** @import { ClipFacts, ReviewFacts } from "../types/page.js" */

const DAYS = ["1", "3", "7", "14", "30", "90"];

/** @param {ReviewFacts} review */
const addressOf = (review) => new URL(review.path, location.href).href;

/**
 * Ask for a link to these takes, and show those there are.
 * @param {App} app
 * @param {readonly ClipFacts[]} clips
 */
export async function askReview(app, clips) {
  const kept = clips.filter((clip) => clip.state !== "reject");
  const made = h("div", { class: "review-made", role: "status" });
  const list = h("div", { class: "review-list" });
  const title = h("input", { maxlength: "200", value: app.bench.name });
  const password = h("input", {
    maxlength: "1000",
    minlength: "10",
    placeholder: t("review.passwordMade"),
    autocomplete: "off",
  });
  const blind = h("input", { type: "checkbox" });
  const days = choice(
    t("review.days"),
    DAYS.map((n) => [n, t("review.nDays", { n })]),
    "14",
    () => {},
  );
  const load = async () => {
    const { reviews, is_reachable: isReachable } = await api.get("reviews");
    put(
      list,
      !isReachable && h("p", { class: "hint" }, t("review.local")),
      reviews.length > 0 && h("h3", {}, t("review.there")),
      reviews.map((review) => row(app, review, load)),
    );
  };
  const form = h(
    "form",
    {
      class: "review-form",
      onsubmit: (event) => {
        event.preventDefault();
        void app.attempt(async () => {
          const review = await api.post("reviews", {
            clips: kept.map((clip) => clip.id),
            title: title.value,
            password: password.value,
            is_blind: blind.checked,
            days: Number(days.value),
          });
          put(made, told(app, review));
          await load();
        });
      },
    },
    h("p", {}, t("review.about", { n: kept.length })),
    h("label", {}, t("review.name"), title),
    h("label", {}, t("review.password"), password),
    h("label", {}, t("review.days"), days),
    h("label", { class: "check" }, blind, t("review.blind")),
    h("button", { type: "submit", class: "primary", disabled: kept.length === 0 }, t("review.make")),
  );
  app.ask(t("review.title"), form, made, list);
  await app.attempt(load);
}

/**
 * A new link with its password, which is told now and never again.
 * @param {App} app
 * @param {ReviewFacts} review
 */
function told(app, review) {
  const text = t("review.message", { url: addressOf(review), password: review.password });
  return [
    h("p", {}, t("review.once")),
    h("pre", { tabindex: "0" }, text),
    h("button", { type: "button", onclick: () => void copied(app, text) }, t("review.copy")),
  ];
}

/**
 * @param {App} app
 * @param {string} text
 */
async function copied(app, text) {
  try {
    await navigator.clipboard.writeText(text);
    app.toast(t("review.copied"));
  } catch {
    app.toast(t("review.notCopied"), "error");
  }
}

/**
 * @param {App} app
 * @param {ReviewFacts} review
 * @param {() => Promise<void>} changed
 */
function row(app, review, changed) {
  const isOpen = review.state === "open";
  const until = new Date(review.expires).toLocaleDateString(document.documentElement.lang);
  const facts = [
    isOpen ? t("review.until", { date: until }) : t(`review.${review.state}`),
    t("review.nTakes", { n: review.clips.length }),
    review.is_blind && t("review.isBlind"),
    review.n_notes > 0 && t("review.nNotes", { n: review.n_notes }),
    review.n_approved > 0 && t("review.nApproved", { n: review.n_approved }),
    review.n_changes > 0 && t("review.nChanges", { n: review.n_changes }),
  ].filter(Boolean);
  return h(
    "div",
    { class: `review-row${isOpen ? "" : " closed"}` },
    h("div", {}, h("b", {}, review.title), h("p", { class: "hint" }, facts.join(" · "))),
    isOpen && h("button", { type: "button", onclick: () => void copied(app, addressOf(review)) }, t("review.copyLink")),
    isOpen &&
      h(
        "button",
        {
          type: "button",
          onclick: () =>
            void app.attempt(async () => {
              await api.remove(`reviews/${review.token}`);
              await changed();
            }),
        },
        t("review.revoke"),
      ),
  );
}
