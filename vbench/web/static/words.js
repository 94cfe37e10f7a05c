// @ts-check
// The page's words, from the table that Gradio's I18n hands to the browser.

/** @type {Record<string, string>} */
let table = {};
/** @type {Record<string, string>} */
let fallback = {};
let locale = "en";

/**
 * Locales in the table that suit a list of wishes such as ["zh-TW", "en-GB"]; English where none does.
 * @param {readonly string[]} wishes
 * @param {readonly string[]} known
 * @returns {string}
 */
export function pickLocale(wishes, known) {
  for (const wish of wishes) {
    const exact = known.find((name) => name.toLowerCase() === wish.toLowerCase());
    const near = known.find((name) => name.split("-")[0].toLowerCase() === wish.split("-")[0].toLowerCase());
    const fit = exact ?? near;
    if (fit) return fit;
  }
  return "en";
}

/**
 * @param {Record<string, Record<string, string>>} translations
 * @param {readonly string[]} wishes
 */
export function setWords(translations, wishes) {
  locale = pickLocale(wishes, Object.keys(translations));
  fallback = translations.en ?? {};
  table = translations[locale] ?? fallback;
  return locale;
}

export function currentLocale() {
  return locale;
}

/**
 * The sentence of a key in the page's language, with {names} filled in.
 * @param {string} key
 * @param {Record<string, unknown>} [values]
 */
export function t(key, values = {}) {
  const text = table[key] ?? fallback[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** What counts of defects begin with: `defects_per_min_melting`. */
const DEFECTS = "defects_per_min";

/**
 * A metric as people call it; its own name where nobody gave it another, as those of plug-ins.
 * @param {string} metric
 */
export function metricName(metric) {
  const kind = metric.startsWith(`${DEFECTS}_`) ? metric.slice(DEFECTS.length + 1) : "";
  if (metric === DEFECTS) return t("defects.all");
  if (kind) return t("defects.kind", { kind: t(`defect.${kind}`) });
  const key = `metric.${metric}`;
  return table[key] ?? fallback[key] ?? metric.replaceAll("_", " ");
}

/**
 * What a metric is, in the page's language, with its own name.
 * @param {string} metric
 * @param {string} [about] as it says of itself
 */
export function metricAbout(metric, about = "") {
  return [table[`about.${metric}`] ?? about, metric].filter(Boolean).join(" · ");
}

/**
 * What went wrong, as a sentence for a person.
 * @param {unknown} error
 */
export function sentenceOf(error) {
  const message = error instanceof Error ? error.message : String(error);
  return message === "offline" ? t("error.offline") : message;
}

/**
 * What follows a prefix in the keys of the table, in its order: the list that its sentences are about.
 * @param {string} prefix
 */
export function namesUnder(prefix) {
  return Object.keys(fallback)
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length));
}

/**
 * A number as people of this language write it.
 * @param {number | null | undefined} value
 * @param {number} [digits]
 */
export function num(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const decimals =
    size !== 0 && size < 0.001 ? 5 : size >= 100 ? Math.min(digits, 1) : size >= 10 ? Math.min(digits, 2) : digits;
  return new Intl.NumberFormat(locale, { maximumFractionDigits: decimals }).format(value);
}

/** @param {number | null | undefined} value */
export function money(value) {
  return value === null || value === undefined
    ? "–"
    : new Intl.NumberFormat(locale, {
        style: "currency",
        currency: "USD",
        maximumFractionDigits: value < 1 ? 3 : 2,
      }).format(value);
}

/** @param {number | null | undefined} value */
export function seconds(value) {
  return value === null || value === undefined ? "–" : t("unit.seconds", { n: num(value, value < 10 ? 2 : 1) });
}

/** @param {number | null | undefined} value */
export function bytes(value) {
  if (!value) return "–";
  const step = Math.min(3, Math.floor(Math.log10(value) / 3));
  return `${num(value / 1000 ** step, 1)} ${["B", "kB", "MB", "GB"][step]}`;
}
