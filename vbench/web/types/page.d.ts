// What the page's scripts pass to each other. Browsers never ask for this file: it is read by `tsc` alone.

import type { components, paths } from "./api.js";
import type { App } from "../static/app.js";

// --- the server's answers ------------------------------------------------------------------------------------------

type Schemas = components["schemas"];
export type BenchFacts = Schemas["BenchFacts"];
export type ChoiceFacts = Schemas["ChoiceFacts"];
export type ChoiceList = Schemas["ChoiceList"];
export type ClipFacts = Schemas["ClipFacts"];
export type ClipList = Schemas["ClipList"];
export type CutFacts = Schemas["CutFacts"];
export type JoinFacts = Schemas["JoinFacts"];
export type ShotFacts = Schemas["ShotFacts"];
export type EventFacts = Schemas["EventFacts"];
export type GenerateArgs = Schemas["GenerateArgs"];
export type ModelFacts = Schemas["ModelFacts"];
export type ApprovalFacts = Schemas["ApprovalFacts"];
export type ApprovalState = ApprovalFacts["state"];
export type ReviewFacts = Schemas["ReviewFacts"];
export type NoteFacts = Schemas["NoteFacts"];
export type PairFacts = Schemas["PairFacts"];
/** The server leaves out no field, also where it has a default. */
export type PictureFacts = Required<Schemas["PictureFacts"]>;
export type PlanFacts = Schemas["PlanFacts"];
export type PromptFacts = Schemas["PromptFacts"];
export type RatingFacts = Schemas["RatingFacts"];
export type Reveal = Schemas["Reveal"];
export type ScoreFacts = Schemas["ScoreFacts"];
export type ColumnFacts = Schemas["ColumnFacts"];
export type ShelfFacts = Schemas["ShelfFacts"];
export type AnswerFacts = Schemas["AnswerFacts"];
export type SheetFacts = Schemas["SheetFacts"];
export type SheetPrompt = Schemas["SheetPrompt"];
export type SheetRow = Schemas["SheetRow"];
export type SheetTake = Schemas["SheetTake"];
export type ShownFacts = Schemas["ShownFacts"];
export type SideFacts = Schemas["SideFacts"];
export type StepFacts = Schemas["StepFacts"];
export type TaskFacts = Schemas["TaskFacts"];
export type TimelineFacts = Schemas["TimelineFacts"];
export type TrustFacts = Schemas["TrustFacts"];
/** The server leaves out no field, also where it has a default. */
export type UploadFacts = Required<Schemas["UploadFacts"]>;
export type Outcome = Schemas["NewVote"]["outcome"];
export type ExportKind = Schemas["NewExport"]["kind"];

export type SelectState = ClipFacts["state"];
export type RejectReason = ClipFacts["reason"];
export type BestOfFacts = Schemas["BestOfFacts"];
export type Shape = Schemas["Shape"];
/** What is decided about a take. */
export type Choice = Pick<ClipFacts, "stars" | "state" | "reason" | "ranges">;

// The schema leaves the next ones open: they are rows of tables.

export interface BoardRow {
  model: string;
  metric: string;
  /** Empty: over all prompts. */
  tag: string;
  mean: number | null;
  ci_low: number | null;
  ci_high: number | null;
  n_prompts: number;
  n_clips: number;
  n_failed: number;
  n_refused: number;
  n_not_applicable: number;
  n_unmeasured: number;
  n_not_as_asked: number;
  latency_s: number | null;
  cost_usd: number | null;
  unit: string;
  higher_is_better: boolean | null;
  rank_low: number | null;
  rank_high: number | null;
  versus: string;
  win_rate: number | null;
  p_value: number | null;
  verdict: string;
}

export interface MetricInfo {
  version: number;
  unit: string;
  higher_is_better: boolean | null;
  group: string;
  about: string;
}

export interface BoardAnswer {
  schema: string;
  rows: BoardRow[];
  metrics: Record<string, MetricInfo>;
  notes: string[];
  models: Record<string, ModelFacts>;
  tags: string[];
  reasons: Record<string, Schemas["ReasonFacts"][]>;
}

export interface DrillRow {
  clip: string;
  prompt_id: string;
  prompt: string;
  sample: number;
  value: number | null;
  failure: string;
}

export interface RatingsAnswer {
  ratings: RatingFacts[];
  facts: {
    n_votes: number;
    n_counted?: number;
    n_excluded?: number;
    n_voters: number;
    n_prompts: number;
    connected: boolean;
    sampling: string;
  };
}

export interface JobFacts {
  id: string;
  model: string;
  prompt_id: string;
  prompt: string;
  sample: number;
  state: string;
  reason: string;
  message: string;
  clip: string | null;
  is_billable: boolean;
  estimate_usd: number | null;
  cost_usd: number | null;
  is_asked_first: boolean;
  submitting_at: string | null;
  submitted_at: string | null;
}

export interface JobList {
  states: Record<string, number>;
  jobs: JobFacts[];
}

export interface FailureFacts {
  stage: string;
  subject: string;
  code: string;
  message: string;
  metric: string;
}

/** Strip of stills of a clip. */
export interface SpriteShape {
  columns: number;
  rows: number;
  n: number;
  width: number;
  height: number;
  t_s?: number[];
}

interface OpenAnswers {
  "/api/v1/board": BoardAnswer;
  "/api/v1/board/drill": DrillRow[];
  "/api/v1/ratings": RatingsAnswer;
  "/api/v1/jobs": JobList;
  "/api/v1/failures": FailureFacts[];
  /** Tables and timelines come at once. */
  "/api/v1/exports": TaskFacts | Response;
}

// --- which answer belongs to which address -------------------------------------------------------------------------

export type Verb = "get" | "post" | "put" | "delete";
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type Filled<P extends string> = P extends `${infer Head}{${string}}${infer Tail}`
  ? `${Head}${string}${Filled<Tail>}`
  : P;
type WithoutQuery<P extends string> = P extends `${infer Head}?${string}` ? Head : P;
/** The described path that an address such as `clips/${id}/scores` means. */
type Described<P extends string> = {
  [K in keyof paths & string]: Same<Filled<K>, `/api/v1/${WithoutQuery<P>}`> extends true ? K : never;
}[keyof paths & string];
type Operation<V extends Verb, P extends string> =
  Described<P> extends infer K extends keyof paths ? paths[K][V] : never;
type Json<T> = T extends { content: { "application/json": infer J } } ? J : never;
type Good<R> = { [S in keyof R]: S extends 200 | 201 | 202 ? Json<R[S]> : never }[keyof R];

/** What an address answers; `never` where the server has no such address. */
export type Answer<V extends Verb, P extends string> = P extends unknown
  ? Described<P> extends infer K extends keyof OpenAnswers
    ? OpenAnswers[K]
    : Operation<V, P> extends { responses: infer R }
      ? Good<R>
      : never
  : never;
/** What may stand in the query; a value that is empty is left out. */
export type QueryOf<P extends string> =
  Operation<"get", P> extends { parameters: { query?: infer Q } }
    ? [NonNullable<Q>] extends [never]
      ? Record<string, never>
      : { [K in keyof NonNullable<Q>]?: string | number | boolean | null }
    : Record<string, never>;
/** What an address takes. */
export type Body<V extends Verb, P extends string> =
  Operation<V, P> extends { requestBody: infer R }
    ? Json<R>
    : Operation<V, P> extends { responses: unknown }
      ? object
      : never;

// --- elements ------------------------------------------------------------------------------------------------------

/** Children; strings become text nodes, and what is nothing is left out. */
export type Child = Node | string | false | null | undefined | readonly Child[];
type Listeners<E> = {
  [K in keyof HTMLElementEventMap as `on${K}`]?: (event: HTMLElementEventMap[K] & { currentTarget: E }) => unknown;
};
/** Attributes, properties, and `on…` listeners. */
export type Props<E = Element> = Listeners<E> & {
  class?: string;
  style?: Record<string, string | number>;
  dataset?: Record<string, string | number>;
} & Record<string, unknown>;
/** Value and text of an `<option>`. */
export type Option = readonly [value: string, text: string];

// --- the page and its views ----------------------------------------------------------------------------------------

/** One view; `close` is called when it is left. */
export interface View {
  open(): Promise<unknown>;
  close?(): void;
  /** Where it has steps of its own; else what was decided about takes is undone. */
  undo?(): void;
  redo?(): void;
}
/** What each view's script has. */
export interface ViewModule {
  open(app: App, element: HTMLElement, query: string): Promise<View>;
}
export type ToastKind = "info" | "error";

// --- the player ----------------------------------------------------------------------------------------------------

export type Mode = "grid" | "wipe" | "overlay" | "difference" | "blink";
export type Align = "time" | "frame" | "percent";
export type Ending = "shortest" | "hold" | "loop";
export type Scale = "most" | "all" | "own";

/** How far a stage is zoomed, and where it is panned to in shares of the frame. */
export interface Zoomed {
  zoom: number;
  x: number;
  y: number;
}
/** A point in shares of the frame from its middle. */
export interface Point {
  px: number;
  py: number;
}
/** What the clock needs to know of a take. */
export interface Timed {
  fps: number;
  nFrames: number;
  durationS: number;
  offsetS: number;
  speed: number;
}
/** What a take is made from: a clip, or one side of a blind pair. */
export type Shown = Pick<
  ClipFacts,
  | "id"
  | "model"
  | "url"
  | "proxy_url"
  | "width"
  | "height"
  | "fps"
  | "n_frames"
  | "duration_s"
  | "has_audio"
  | "missing"
> &
  Partial<ClipFacts>;
export type Curve = TimelineFacts;
/** An event of a take at a time of the clock. */
export interface Moment {
  timeS: number;
  take: number;
  event: EventFacts;
}
/** A comparison as its link carries it. */
export interface CompareState {
  takes: string[];
  mode: Mode;
  timeS: number;
  inS: number | null;
  outS: number | null;
  rate: number;
  align: Align;
  ending: Ending;
  looping: boolean;
  offsets: number[];
  a: number;
  b: number;
  gain: number;
  mix: number;
  wipe: number;
  zoom: number;
  x: number;
  y: number;
  metrics: string[];
  scale: Scale;
  solo: number | null;
  only: number | null;
}
/** [keys, command, word] */
export type KeyRow = readonly [keys: readonly string[], command: string, word: string];

// --- pixels --------------------------------------------------------------------------------------------------------

export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}
export interface Named {
  x: number;
  y: number;
  yLow?: number;
  yHigh?: number;
  name: string;
}
/** A point of a plot of quality against cost or latency. */
export interface PlotPoint {
  name: string;
  x: number;
  y: number;
  low?: number | null;
  high?: number | null;
}
export interface Series {
  name: string;
  values: (number | null)[];
  hidden?: boolean;
}

/** A page as the shell names it: `PageEntry.for_script` of `vbench/web/pages.py`. */
export interface PageEntry {
  path: string;
  word: string;
  room: "dark" | "light";
  script: string;
  needs: string;
}
