// @ts-check
// Files out of a drop: folders with all that lies in them, without what is hidden or is no clip.

/** @typedef {{file: File, path: string}} Dropped a file with its path in the folder that was dropped */

const CLIPS = /\.(mp4|m4v|mov|webm|mkv|avi|gif|webp|png|apng|mpg|mpeg|ts|wmv|flv|ogv|3gp)$/i;
const TABLES = /\.(csv|tsv)$/i;
const MOST_FILES = 5000;

/**
 * Whether a path may be a clip, or a table that says what clips cost.
 * @param {string} path
 */
export function isWanted(path) {
  const parts = path.split("/");
  return !parts.some((part) => part.startsWith(".") || part === "__MACOSX") && (CLIPS.test(path) || TABLES.test(path));
}

/**
 * All files of a drop, of folders too; `skipped` counts those that are no clips.
 * @param {DataTransfer | null} transfer
 * @returns {Promise<{files: Dropped[], skipped: number}>}
 */
export async function droppedFiles(transfer) {
  /** @type {Dropped[]} */
  const found = [];
  const entries = [...(transfer?.items ?? [])].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (entries.some((entry) => entry?.isDirectory)) {
    for (const entry of entries) if (entry) await walk(entry, "", found);
  } else for (const file of transfer?.files ?? []) found.push({ file, path: file.name });
  return sorted(found);
}

/**
 * Files of a picker, of one for folders too.
 * @param {FileList | null} files
 */
export function pickedFiles(files) {
  return sorted([...(files ?? [])].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
}

/** @param {Dropped[]} found */
function sorted(found) {
  const files = found.filter(({ path }) => isWanted(path));
  files.sort((a, b) => a.path.localeCompare(b.path, undefined, { numeric: true }));
  return { files, skipped: found.length - files.length };
}

/**
 * @param {FileSystemEntry} entry
 * @param {string} above
 * @param {Dropped[]} found
 */
async function walk(entry, above, found) {
  if (found.length >= MOST_FILES) return;
  const path = above ? `${above}/${entry.name}` : entry.name;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) =>
      /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject),
    );
    found.push({ file, path });
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return; // a browser hands out a hundred at a time
    for (const child of some) await walk(child, path, found);
  }
}

/**
 * What a table says of files: name of a file in lower case → dollars, credits.
 * @param {string} text
 * @returns {Map<string, {cost: number | null, credits: string}>}
 */
export function costsIn(text) {
  const lines = text
    .replace(/^\ufeff/, "")
    .split(/\r?\n/)
    .filter((line) => line.trim());
  const mark = (lines[0] ?? "").includes("\t") ? "\t" : (lines[0] ?? "").includes(";") ? ";" : ",";
  const cells = lines.map((line) => line.split(mark).map((cell) => cell.trim().replace(/^"(.*)"$/, "$1")));
  const head = (cells[0] ?? []).map((cell) => cell.toLowerCase());
  const at = (/** @type {RegExp} */ name) => head.findIndex((cell) => name.test(cell));
  const [file, cost, credits] = [at(/^(file|name|filename|clip)/), at(/^(cost|price|usd)/), at(/^credits?/)];
  const costs = new Map();
  if (file < 0) return costs;
  for (const row of cells.slice(1)) {
    const dollars = cost < 0 ? NaN : Number.parseFloat((row[cost] ?? "").replace(/[$\s]/g, ""));
    costs.set((row[file] ?? "").split("/").at(-1)?.toLowerCase(), {
      cost: Number.isFinite(dollars) && dollars >= 0 ? dollars : null,
      credits: credits < 0 ? "" : (row[credits] ?? ""),
    });
  }
  return costs;
}

/**
 * Numbers of takes, so that no two of one tool and prompt share one; the first keeps its own.
 * @template {{model: string, prompt_id: string, prompt: string, sample: number}} T
 * @param {readonly T[]} rows
 */
export function numberTakes(rows) {
  /** @type {Map<string, Set<number>>} */
  const taken = new Map();
  for (const row of rows) {
    const place = `${row.model}\n${row.prompt_id || row.prompt}`;
    const own = taken.get(place) ?? new Set();
    while (own.has(row.sample)) row.sample += 1;
    taken.set(place, own.add(row.sample));
  }
}
