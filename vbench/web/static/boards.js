// @ts-check
// Who is better, by how much, and how sure that is: the leaderboard, plots, and the clips behind a number.

import * as api from "./api.js";
import { groups, inOrder, intervalCell, legend, radar, scaled, scatter, standsAlone } from "./charts.js";
import { choice, h, icon, put } from "./dom.js";
import { answerOptions, rightsButton } from "./rights.js";
import { metricAbout, metricName, money, num, seconds, t } from "./words.js";

/** @import { App } from "./app.js" */
/** @import { BestOfFacts, BoardAnswer, BoardRow, ColumnFacts, MetricInfo } from "../types/page.js" */
/** @import { ModelFacts, Option, RatingsAnswer, TrustFacts } from "../types/page.js" */

const FILTERS = ["tag", "access", "licence", "country", "status", "commercial", "resolution"];
/** All that a link to a board may carry. */
const ALL_FILTERS = [...FILTERS, "by", "seconds", "whole"];
/**
 * How numbers of a column are written; those that need more than their value are in `#cell`.
 * @type {Record<string, (value: any) => string>}
 */
const WRITTEN = {
  mean: (value) => (value === null ? "–" : num(value)),
  number: (value) => num(value),
  whole: (value) => num(value, 0),
  share: (value) => (value === null ? "–" : `${num(100 * value, 0)} %`),
  seconds,
  usd: money,
};
/**
 * A value that is its own text in a list.
 * @param {string} value
 * @returns {Option}
 */
const twice = (value) => [value, value];
const DOWNLOADS = ["json", "csv", "md"];

/** Columns that are left out where every tool has none or zero there: imported clips cost nothing and keep nobody waiting. */
const MAY_BE_SILENT = new Set(["n_not_as_asked", "latency_s", "cost_usd"]);

const MOST_REASONS = 2;

/**
 * A value as a cell of a CSV; text that a spreadsheet would run as a formula is made text by an apostrophe.
 * @param {unknown} value
 */
export function csvCell(value) {
  if (value === null || value === undefined) return "";
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

class Boards {
  /** @type {BoardAnswer} */ board;
  /** @type {RatingsAnswer} */ ratings;
  /** @type {BestOfFacts[]} */ bestOf = [];
  /** @type {ModelFacts[]} */ models;

  /**
   * @param {App} app
   * @param {HTMLElement} element
   * @param {string} query
   */
  constructor(app, element, query) {
    this.app = app;
    this.element = element;
    this.query = new URLSearchParams(query);
    this.hidden = new Set();
    /** @type {ColumnFacts[] | undefined} */
    this.known = undefined;
  }

  /** Of the table: those that have something to say of this board. */
  get columns() {
    return (this.known ?? []).filter(
      ({ key }) => !MAY_BE_SILENT.has(key) || this.board.rows.some((row) => Reflect.get(row, key)),
    );
  }

  get metric() {
    const names = Object.keys(this.board.metrics);
    const wished = this.query.get("metric") ?? "";
    return names.includes(wished) ? wished : names[0];
  }

  async open() {
    const filters = Object.fromEntries(ALL_FILTERS.map((key) => [key, this.query.get(key) ?? ""]));
    [this.board, this.known, this.ratings, this.bestOf, this.models] = await Promise.all([
      api.get("board", filters),
      this.known ?? api.get("board/columns"),
      api.get("ratings"),
      api.get("best-of"),
      this.models ?? api.get("models"),
    ]);
    const isFiltered = Object.values(filters).some(Boolean);
    if (!this.board.rows.length && !isFiltered) {
      const score = h(
        "button",
        {
          type: "button",
          class: "primary",
          onclick: () =>
            void this.app.attempt(async () => {
              await api.post("tasks", { kind: "score", score: { preset: "offline" } });
              this.app.go("runs");
            }),
        },
        t("board.score"),
      );
      put(
        this.element,
        this.app.empty(
          t("board.emptyTitle"),
          t("board.emptyText"),
          this.app.bench.counts.clips > 0 && this.app.bench.permissions.generate && score,
          this.app.link("", "", t("compare.toWall")),
        ),
      );
      return;
    }
    this.draw();
  }

  /** @param {Record<string, string>} values */
  #set(values) {
    for (const [key, value] of Object.entries(values)) {
      if (value) this.query.set(key, value);
      else this.query.delete(key);
    }
    this.app.remember("boards", this.query.toString());
    history.replaceState(null, "", this.app.href("boards", this.query.toString()));
  }

  /** @param {Record<string, string>} values */
  #filter(values) {
    this.#set(values);
    void this.app.attempt(() => this.open());
  }

  draw() {
    const { metrics } = this.board;
    const names = Object.keys(metrics);
    if (!names.length) {
      put(this.element, h("div", { class: "page" }, this.#filterBar(), h("p", { class: "hint" }, t("board.noRows"))));
      return;
    }
    const info = metrics[this.metric];
    const better = info.higher_is_better ? "board.higher" : "board.lower";
    const direction = info.higher_is_better === null ? "board.neutral" : better;
    const tabs = h(
      "nav",
      { class: "metric-list", "aria-label": t("board.metric") },
      [...new Set(names.map((name) => metrics[name].group))].map((group) =>
        h(
          "div",
          { class: "metric-group" },
          h("span", { class: "unit" }, t(`group.${group}`)),
          names
            .filter((name) => metrics[name].group === group)
            .map((name) =>
              h(
                "button",
                {
                  type: "button",
                  "aria-current": name === this.metric ? "true" : undefined,
                  onclick: () => {
                    this.#set({ metric: name });
                    this.draw();
                  },
                },
                metricName(name),
              ),
            ),
        ),
      ),
    );
    const rows = this.#rows(this.metric);
    put(
      this.element,
      h(
        "div",
        { class: "page boards" },
        h(
          "header",
          { class: "page-head" },
          h("div", {}, h("h1", {}, t("board.title")), h("p", { class: "hint" }, t("board.about"))),
          this.#downloads(),
        ),
        this.#filterBar(),
        this.board.notes.length > 0 &&
          h(
            "ul",
            { class: "board-notes" },
            this.board.notes.map((note) => h("li", {}, note)),
          ),
        h(
          "div",
          { class: "board-grid" },
          tabs,
          h(
            "div",
            { class: "board-main" },
            h(
              "h2",
              {},
              metricName(this.metric),
              h("span", { class: "unit" }, ` ${info.unit} · ${t(direction)} · v${info.version}`),
            ),
            h("p", { class: "hint" }, metricAbout(this.metric, info.about)),
            this.#blocks(rows, info),
            h(
              "section",
              { class: "plots" },
              this.#against("cost_usd", t("board.cost"), money, rows, info),
              this.#against("latency_s", t("board.latency"), seconds, rows, info),
              this.#radar(),
            ),
            this.#bestOf(),
            this.#votes(),
          ),
        ),
      ),
    );
  }

  /** @param {string} key */
  #isCount(key) {
    return this.columns.some((column) => column.key === key && ["whole", "clips"].includes(column.format));
  }

  /** @param {string} metric */
  #rows(metric) {
    const info = this.board.metrics[metric];
    const key = /** @type {keyof BoardRow} */ (this.query.get("sort") ?? "mean");
    const sign = key === "mean" ? (info.higher_is_better === false ? 1 : -1) : this.#isCount(key) ? -1 : 1;
    const turn = this.query.get("turn") ? -1 : 1;
    const rows = this.board.rows.filter((row) => row.metric === metric);
    return rows.sort(inOrder(key, sign === turn ? 1 : -1));
  }

  /**
   * One table, or one for each tag where the board is broken down.
   * @param {BoardRow[]} rows
   * @param {MetricInfo} info
   */
  #blocks(rows, info) {
    const tags = [...new Set(rows.map((row) => row.tag))];
    const known = rows.flatMap((row) => [row.ci_low ?? row.mean, row.ci_high ?? row.mean]).filter((v) => v !== null);
    const low = Math.min(...known);
    const high = Math.max(...known);
    const pad = (high - low) * 0.06 || Math.abs(high) * 0.02 || 1;
    return tags.map((tag) => [
      tag && h("h3", { class: "tag-head" }, tag),
      this.#table(
        rows.filter((row) => row.tag === tag),
        info,
        [low - pad, high + pad],
      ),
    ]);
  }

  /**
   * @param {BoardRow[]} rows
   * @param {MetricInfo} info
   * @param {number[]} scale
   */
  #table(rows, info, scale) {
    const byMean =
      (this.query.get("sort") ?? "mean") === "mean" && !this.query.get("turn") && info.higher_is_better !== null;
    const group = byMean ? groups(rows) : rows.map(() => -1);
    const head = this.columns.map(({ key, word, title, is_sortable }) => {
      const on = is_sortable && (this.query.get("sort") ?? "mean") === key;
      const text = word ? t(word) : title;
      return h(
        "th",
        {
          scope: "col",
          class: `col-${key}`,
          "aria-sort": on ? (this.query.get("turn") ? "descending" : "ascending") : undefined,
        },
        is_sortable
          ? h(
              "button",
              {
                type: "button",
                class: "sort",
                onclick: () => {
                  this.#set({ sort: key, turn: on && !this.query.get("turn") ? "1" : "" });
                  this.draw();
                },
              },
              text,
              on ? (this.query.get("turn") ? " ↑" : " ↓") : "",
            )
          : text,
      );
    });
    return h(
      "div",
      { class: "facts-scroll", tabindex: "0", role: "region", "aria-label": t("board.title") },
      h(
        "table",
        { class: "board" },
        h("thead", {}, h("tr", {}, head)),
        h(
          "tbody",
          {},
          rows.map((row, index) => {
            const first = group[index] >= 0 && group[index] !== group[index - 1];
            const isLine = byMean && index > 0 && standsAlone(row) && !standsAlone(rows[index - 1]);
            const size = group.filter((number) => number === group[index]).length;
            return h(
              "tr",
              { class: `${(first && index > 0) || isLine ? "group-start " : ""}${group[index] === 0 ? "top" : ""}` },
              this.columns.map((column) =>
                h("td", { class: `col-${column.key}` }, this.#cell(column, row, { scale, tied: first ? size : 0 })),
              ),
            );
          }),
        ),
      ),
    );
  }

  /**
   * What a column says of a row; `tied`: how many rows share the place that begins here.
   * @param {ColumnFacts} column
   * @param {BoardRow} row
   * @param {{ scale: any, tied: number }} place
   */
  #cell({ key, format }, row, { scale, tied }) {
    if (format === "tool") return this.#tool(row);
    if (format === "clips") return this.#completion(row);
    if (format === "interval")
      return row.mean === null ? h("span", { class: "hint" }, t("board.unmeasured")) : intervalCell(row, scale);
    if (format === "rank") {
      const { rank_low: low, rank_high: high } = row;
      return [
        low === null ? "–" : low === high ? String(low) : `${low}–${high}`,
        tied > 1 && h("span", { class: "tie", title: t("board.tieAbout") }, t("board.tie", { n: tied })),
      ];
    }
    const write = WRITTEN[format];
    const value = row[/** @type {keyof BoardRow} */ (key)];
    return write ? write(value) : String(value ?? "–");
  }

  /** @param {BoardRow} row */
  #tool(row) {
    const facts = this.board.models[row.model] ?? {};
    const small = [
      facts.vendor,
      facts.country,
      facts.status && facts.status !== "active" ? t(`status.${facts.status}`) : "",
    ]
      .filter(Boolean)
      .join(" · ");
    const card = this.models.find((model) => model.id === row.model.split("@")[0]);
    return [
      h(
        "button",
        {
          type: "button",
          class: "tool",
          title: t("board.drill"),
          onclick: () => void this.app.attempt(() => this.#drill(row)),
        },
        h("b", {}, row.model),
        small && h("span", { class: "unit" }, small),
      ),
      this.#why(row),
      rightsButton(this.app, card),
    ];
  }

  /**
   * What breaks in a tool's takes, in a sentence; under the headline and its parts alone.
   * @param {BoardRow} row
   */
  #why(row) {
    const reasons = this.board.reasons[row.model];
    if (!reasons || this.board.metrics[row.metric].group !== "overall") return null;
    const words = reasons.slice(0, MOST_REASONS).map(({ kind, n, of }) => t(`why.${kind}`, { n, of }));
    return h("span", { class: "unit why" }, words.length ? words.join(t("why.and")) : t("why.none"));
  }

  /** @param {BoardRow} row */
  #completion(row) {
    const counted = /** @type {[n: number, word: string][]} */ ([
      [row.n_refused, "board.refused"],
      [row.n_failed, "board.failed"],
      [row.n_unmeasured, "board.notMeasured"],
    ]);
    const parts = counted.filter(([n]) => n > 0);
    const asked = row.n_clips + row.n_failed + row.n_refused;
    return [
      asked > row.n_clips ? t("board.of", { n: num(row.n_clips, 0), of: num(asked, 0) }) : num(row.n_clips, 0),
      parts.length > 0 && h("span", { class: "unit" }, ` · ${parts.map(([n, word]) => t(word, { n })).join(", ")}`),
    ];
  }

  /**
   * The clips behind a number, worst first, each a link to the player.
   * @param {BoardRow} row
   */
  async #drill(row) {
    const clips = await api.get("board/drill", { metric: row.metric, model: row.model });
    const unit = this.board.metrics[row.metric].unit;
    const element = this.app.ask(
      `${row.model} · ${metricName(row.metric)}`,
      h("p", { class: "hint" }, t("board.drillAbout")),
      h(
        "table",
        { class: "drill" },
        h(
          "tbody",
          {},
          clips.slice(0, 500).map((clip) =>
            h(
              "tr",
              {},
              h(
                "td",
                {},
                h(
                  "a",
                  {
                    href: this.app.href("compare", `takes=${clip.clip}&metrics=${row.metric}`),
                    onclick: (event) => {
                      event.preventDefault();
                      element.close();
                      this.app.go("compare", `takes=${clip.clip}&metrics=${row.metric}`);
                    },
                  },
                  `${clip.prompt_id} · ${clip.sample}`,
                ),
                h("div", { class: "unit clamp" }, clip.prompt),
              ),
              h(
                "td",
                { class: "number" },
                clip.value === null ? h("span", { class: "failure" }, clip.failure) : `${num(clip.value)} ${unit}`,
              ),
            ),
          ),
        ),
      ),
    );
  }

  #filterBar() {
    const models = this.models.filter((model) => model.n_clips > 0);
    /** @param {(model: ModelFacts) => string | string[]} read */
    const unique = (read) => [...new Set(models.flatMap(read).filter(Boolean))].sort().map(twice);
    const facets = [...new Set(this.board.tags.map((tag) => tag.split(":")[0]))];
    /** @type {Record<string, Option[]>} */
    const options = {
      tag: this.board.tags.map(twice),
      access: [
        ["open", t("board.open")],
        ["hosted", t("board.hosted")],
      ],
      licence: unique((model) => model.licence),
      country: unique((model) => model.country),
      status: [
        ["active", t("status.active")],
        ["deprecated", t("status.deprecated")],
        ["retired", t("status.retired")],
      ],
      commercial: answerOptions(),
      resolution: unique((model) => model.resolutions),
    };
    const active = ALL_FILTERS.some((key) => this.query.get(key));
    return h(
      "div",
      { class: "filters", role: "group", "aria-label": t("board.filters") },
      FILTERS.filter((key) => options[key].length).map((key) =>
        choice(t(`filter.${key}`), [["", t(`filter.${key}`)], ...options[key]], this.query.get(key) ?? "", (value) =>
          this.#filter({ [key]: value }),
        ),
      ),
      h(
        "label",
        { class: "inline" },
        t("filter.seconds"),
        h("input", {
          type: "number",
          min: "0.1",
          step: "0.1",
          value: this.query.get("seconds") ?? "",
          onchange: (event) => this.#filter({ seconds: event.currentTarget.value }),
        }),
      ),
      facets.length > 0 &&
        choice(
          t("filter.by"),
          [
            ["", t("filter.by")],
            ...facets.map((facet) => /** @type {Option} */ ([facet, t("filter.byFacet", { facet })])),
          ],
          this.query.get("by") ?? "",
          (value) => this.#filter({ by: value }),
        ),
      choice(
        t("filter.whole"),
        [
          ["", t("filter.whole")],
          ["only", t("filter.wholeOnly")],
        ],
        this.query.get("whole") ?? "",
        (value) => this.#filter({ whole: value }),
      ),
      active &&
        h(
          "button",
          {
            type: "button",
            onclick: () => this.#filter(Object.fromEntries(ALL_FILTERS.map((key) => [key, ""]))),
          },
          t("filter.clear"),
        ),
    );
  }

  #downloads() {
    const rows = () => this.board.rows;
    const columns = Object.keys(rows()[0] ?? {});
    /** @type {Record<string, () => string>} */
    const make = {
      json: () => JSON.stringify({ schema: this.board.schema, rows: rows() }, null, 1),
      csv: () =>
        [
          columns.join(","),
          ...rows().map((row) => columns.map((column) => csvCell(Reflect.get(row, column))).join(",")),
        ].join("\n"),
      md: () =>
        [
          `| ${columns.join(" | ")} |`,
          `|${columns.map(() => "---").join("|")}|`,
          ...rows().map(
            (row) =>
              `| ${columns.map((column) => String(Reflect.get(row, column) ?? "").replaceAll("|", "\\|")).join(" | ")} |`,
          ),
        ].join("\n"),
    };
    return h(
      "div",
      { class: "actions" },
      DOWNLOADS.map((kind) =>
        h(
          "button",
          {
            type: "button",
            onclick: () => {
              const url = URL.createObjectURL(new Blob([make[kind]()], { type: "text/plain" }));
              h("a", { href: url, download: `board.${kind}` }).click();
              setTimeout(() => URL.revokeObjectURL(url), 1000);
            },
          },
          icon("download"),
          kind.toUpperCase(),
        ),
      ),
    );
  }

  /**
   * @param {"cost_usd" | "latency_s"} key
   * @param {string} label
   * @param {(value: number) => string} format
   * @param {BoardRow[]} rows
   * @param {MetricInfo} info
   */
  #against(key, label, format, rows, info) {
    const points = rows
      .filter((row) => row.tag === rows[0].tag && row.mean !== null && row[key] !== null)
      .map((row) => ({
        name: row.model,
        x: row[key] ?? NaN,
        y: row.mean ?? NaN,
        low: row.ci_low,
        high: row.ci_high,
        row,
      }));
    return h(
      "figure",
      { class: "plot-box" },
      h("h2", {}, t("board.against", { metric: metricName(this.metric), what: label.toLowerCase() })),
      new Set(points.map((point) => point.x)).size > 1 && info.higher_is_better !== null
        ? scatter(points, {
            xLabel: label,
            yLabel: metricName(this.metric),
            higherIsBetter: info.higher_is_better,
            format,
            onclick: (point) => void this.app.attempt(() => this.#drill(point.row)),
          })
        : h("p", { class: "hint" }, t(info.higher_is_better === null ? "board.neutralPlot" : "board.tooFew")),
    );
  }

  /** Each tool's mean standing in each group of measures, 0 the worst here and 1 the best. */
  #radar() {
    const models = [...new Set(this.board.rows.map((row) => row.model))];
    /** @type {Map<string, number[][]>} */
    const sums = new Map(); // group → per model [sum, n]
    for (const [name, info] of Object.entries(this.board.metrics)) {
      if (info.higher_is_better === null || info.group === "overall") continue;
      const mean = new Map(
        this.board.rows
          .filter((row) => row.metric === name && row.tag === (this.board.rows[0]?.tag ?? ""))
          .map((row) => [row.model, row.mean]),
      );
      const shares = scaled(
        models.map((model) => mean.get(model) ?? NaN),
        info.higher_is_better,
      );
      const group = sums.get(info.group) ?? models.map(() => [0, 0]);
      shares.forEach((share, index) => {
        if (share !== null) {
          group[index][0] += share;
          group[index][1] += 1;
        }
      });
      sums.set(info.group, group);
    }
    const axes = [...sums.keys()].filter((axis) => sums.get(axis)?.some(([, n]) => n > 0));
    const box = h("figure", { class: "plot-box whole-row" }, h("h2", {}, t("board.radar")));
    if (axes.length < 3) {
      box.append(h("p", { class: "hint" }, t("board.radarFew")));
      return box;
    }
    const series = models.map((name, index) => ({
      name,
      values: axes.map((axis) => {
        const [sum, n] = sums.get(axis)?.[index] ?? [0, 0];
        return n ? sum / n : null;
      }),
    }));
    const draw = () =>
      put(
        box,
        h("h2", {}, t("board.radar")),
        h(
          "div",
          { class: "radar-row" },
          radar(
            axes.map((axis) => t(`group.${axis}`)),
            series.map((tool) => ({ ...tool, hidden: this.hidden.has(tool.name) })),
          ),
          legend(models, this.hidden, (name) => {
            if (!this.hidden.delete(name)) this.hidden.add(name);
            draw();
          }),
        ),
        h("p", { class: "hint" }, t("board.radarAbout")),
      );
    draw();
    return box;
  }

  #bestOf() {
    if (!this.bestOf.length) return null;
    /** @type {Map<string, BestOfFacts[]>} */
    const tools = new Map();
    for (const point of this.bestOf) tools.set(point.model, [...(tools.get(point.model) ?? []), point]);
    const most = Math.max(...this.bestOf.map((point) => point.n));
    const percent = (/** @type {number} */ share) => `${Math.round(100 * share)} %`;
    const header = Array.from({ length: most }, (_, n) => h("th", { scope: "col", class: "number" }, num(n + 1, 0)));
    return h(
      "section",
      { class: "votes-board" },
      h("h2", {}, t("best.title")),
      h("p", { class: "hint" }, t("best.about")),
      h(
        "div",
        { class: "facts-scroll" },
        h(
          "table",
          { class: "board best-of" },
          h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("board.model")), header)),
          h(
            "tbody",
            {},
            [...tools].map(([model, points]) =>
              h(
                "tr",
                {},
                h("th", { scope: "row" }, model),
                points.map((point) =>
                  h(
                    "td",
                    {
                      class: "number",
                      style: { "--share": point.share },
                      title: t("best.cell", {
                        n: point.n,
                        model,
                        share: percent(point.share),
                        low: point.low === null ? "–" : percent(point.low),
                        high: point.high === null ? "–" : percent(point.high),
                        prompts: point.n_prompts,
                      }),
                    },
                    percent(point.share),
                  ),
                ),
              ),
            ),
          ),
        ),
      ),
    );
  }

  #votes() {
    const { ratings, facts } = this.ratings;
    const box = h("section", { class: "votes-board" }, h("h2", {}, t("board.votes")));
    if (!ratings?.length) {
      box.append(h("p", { class: "hint" }, t("board.noVotes")), this.app.link("arena", "", t("board.toArena")));
      return box;
    }
    const known = ratings.flatMap((row) => [row.low ?? row.rating, row.high ?? row.rating]);
    const pad = (Math.max(...known) - Math.min(...known)) * 0.06 || 10;
    const scale = [Math.min(...known) - pad, Math.max(...known) + pad];
    box.append(
      h(
        "p",
        { class: "hint" },
        t("board.votesAbout", {
          n: facts.n_counted ?? facts.n_votes,
          voters: facts.n_voters,
          prompts: facts.n_prompts,
        }),
        facts.n_excluded ? ` ${t("board.votesExcluded", { n: facts.n_excluded })}` : "",
        facts.connected === false ? ` ${t("board.unconnected")}` : "",
      ),
      h(
        "table",
        { class: "board" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["board.model", "board.rating", "board.col.interval", "board.nVotes"].map((word) =>
              h("th", { scope: "col" }, t(word)),
            ),
          ),
        ),
        h(
          "tbody",
          {},
          [...ratings]
            .sort((a, b) => b.rating - a.rating)
            .map((row) =>
              h(
                "tr",
                {},
                h("td", {}, h("b", {}, row.tool)),
                h("td", { class: "col-mean" }, num(row.rating, 0)),
                h(
                  "td",
                  { class: "col-interval" },
                  intervalCell({ mean: row.rating, ci_low: row.low, ci_high: row.high }, scale),
                ),
                h("td", {}, num(row.n_votes, 0)),
              ),
            ),
        ),
      ),
      this.#trust(),
    );
    return box;
  }

  /** How well measures predict votes, all or the visitor's own, as they are when it is looked at. */
  #trust() {
    const rows = h("div");
    const own = h("input", { type: "checkbox", onchange: () => void this.app.attempt(draw) });
    const draw = async () => {
      const found = await api.get("votes/metrics", own.checked ? { own: true } : {});
      const cells = (/** @type {TrustFacts} */ row) => [
        h("td", {}, row.metric),
        h("td", { class: "col-mean" }, `${num(100 * row.share, 0)} %`),
        h(
          "td",
          { class: "col-interval" },
          intervalCell({ mean: row.share, ci_low: row.low, ci_high: row.high }, [0, 1]),
        ),
        h("td", {}, num(row.n_votes, 0)),
        h("td", {}, t(`board.trust.${row.verdict}`)),
      ];
      const heads = ["board.metric", "board.trustShare", "board.col.interval", "board.nVotes", "board.trustVerdict"];
      put(
        rows,
        found.length === 0
          ? h("p", { class: "hint" }, t("board.trustNone"))
          : h(
              "table",
              { class: "board" },
              h(
                "thead",
                {},
                h(
                  "tr",
                  {},
                  heads.map((word) => h("th", { scope: "col" }, t(word))),
                ),
              ),
              h(
                "tbody",
                {},
                found.map((row) => h("tr", {}, cells(row))),
              ),
            ),
      );
    };
    void this.app.attempt(draw);
    return h(
      "section",
      { class: "trust" },
      h("h3", {}, t("board.trust")),
      h("p", { class: "hint" }, t("board.trustAbout")),
      h("label", {}, own, ` ${t("board.trustOwn")}`),
      rows,
    );
  }
}

/**
 * @param {App} app
 * @param {HTMLElement} element
 * @param {string} query
 */
export async function open(app, element, query) {
  const boards = new Boards(app, element, query);
  await boards.open();
  return boards;
}
