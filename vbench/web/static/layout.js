// @ts-check
// Where takes lie side by side, as large as the stage allows: equally high in rows, or where their shapes differ packed
// by area; numbers only.

export const GAP = 4;
/** Pixels of a take's line of text below its picture. */
export const LINE = 30;
/** Pixels of a take's text beside its picture. */
export const SIDE = 184; // seven buttons of a rating in one line
const NARROWEST = 120; // a take's number, name and counter need this much
const NARROW_STAGE = 640;
const MIXED = 1.15; // shapes that differ by less are taken for one
const FAIR = 1.6;
const WORTH_IT = 1.08;

/** @typedef {{left: number, top: number, width: number, height: number, pictureWidth: number, pictureHeight: number}} Tile */
/** @typedef {{heads: "below" | "beside", rows: number, height: number, tiles: Tile[]}} Laid height: of all rows together */

/**
 * All ways to break n takes, in their order, into rows: lists of row lengths.
 * @param {number} n
 * @returns {number[][]}
 */
function breaks(n) {
  if (n === 0) return [[]];
  return Array.from({ length: n }, (_, first) => breaks(n - first - 1).map((rest) => [first + 1, ...rest])).flat();
}

/**
 * The largest height at which all rows fit, by halving.
 * @param {number[][]} rows
 * @param {number} width
 * @param {number} height
 * @param {{line: number, side: number}} space
 */
function tallest(rows, width, height, { line, side }) {
  const room = (height - GAP * (rows.length - 1)) / rows.length - line;
  /**
   * @param {number[]} row
   * @param {number} h
   */
  const wide = (row, h) => row.reduce((sum, aspect) => sum + tileWidth(aspect, h, side), GAP * (row.length - 1));
  let [low, high] = [0, Math.max(0, room)];
  for (let turn = 0; turn < 24; turn += 1) {
    const middle = turn === 0 ? high : (low + high) / 2;
    if (rows.every((row) => wide(row, middle) <= width)) low = middle;
    else high = middle;
  }
  return low;
}

/**
 * @param {number} aspect
 * @param {number} height
 * @param {number} side
 */
function tileWidth(aspect, height, side) {
  return side ? aspect * height + side : Math.max(aspect * height, NARROWEST);
}

/**
 * @param {number[]} aspects
 * @param {number} width
 * @param {number} height
 * @param {"below" | "beside"} heads
 */
function arranged(aspects, width, height, heads) {
  const space = heads === "beside" ? { line: 0, side: SIDE } : { line: LINE, side: 0 };
  /** @type {{picture: number, rows: number[][]}} */
  let best = { picture: -1, rows: [] };
  for (const lengths of breaks(aspects.length).sort((a, b) => a.length - b.length)) {
    let first = 0;
    const rows = lengths.map((length) => {
      first += length;
      return aspects.slice(first - length, first);
    });
    const picture = tallest(rows, width, height, space);
    if (picture > best.picture * 1.001) best = { picture, rows };
  }
  return { ...best, ...space, heads };
}

/**
 * Where takes of these aspects (width / height) look largest, on a stage of so many pixels.
 * Takes of one shape are equally high, in rows; text goes beside them where that makes them larger. Of different shapes
 * they are packed where that shows clearly more of all of them.
 * @returns {Laid}
 * @param {number[]} aspects
 * @param {number} width
 * @param {number} height
 */
export function layout(aspects, width, height) {
  const inRows = rowLayout(aspects, width, height);
  const isMixed = Math.max(...aspects) > MIXED * Math.min(...aspects);
  const packed = isMixed ? packedLayout(aspects, width, height) : null;
  return packed && worth(packed.tiles) > WORTH_IT * worth(inRows.tiles) ? packed : inRows;
}

/**
 * How much is seen of all takes: a picture that is much larger than the smallest one counts no more than `FAIR` times it.
 * @param {Tile[]} tiles
 */
function worth(tiles) {
  const areas = tiles.map((tile) => tile.pictureWidth * tile.pictureHeight);
  const most = FAIR * Math.min(...areas);
  return areas.reduce((sum, area) => sum + Math.min(area, most), 0);
}

/**
 * A way to lay takes: one, several beside each other, or several above each other. Its width is `a` times its height
 * plus `b`, whatever the height.
 * @typedef {{a: number, b: number, beside?: boolean, parts?: Packing[]}} Packing
 */

/**
 * All ways to lay a run of takes in their order, by halves; of those of nearly the same shape one.
 * @param {readonly number[]} aspects
 * @returns {Packing[]}
 */
function packings(aspects) {
  /** @type {Map<string, Packing[]>} */
  const known = new Map();
  /** @type {(from: number, to: number) => Packing[]} */
  const of = (from, to) => {
    const key = `${from} ${to}`;
    const before = known.get(key);
    if (before) return before;
    if (to - from === 1) return [{ a: aspects[from], b: -aspects[from] * LINE }];
    /** @type {Map<number, Packing>} */
    const shapes = new Map();
    for (let middle = from + 1; middle < to; middle += 1)
      for (const first of of(from, middle))
        for (const second of of(middle, to)) {
          const parts = [first, second];
          const harmonic = 1 / (1 / first.a + 1 / second.a);
          const above = { a: harmonic, b: harmonic * (first.b / first.a + second.b / second.a - GAP), parts };
          for (const way of [{ a: first.a + second.a, b: first.b + second.b + GAP, beside: true, parts }, above]) {
            const bin = Math.round(Math.log(way.a) * 12);
            if (!shapes.has(bin)) shapes.set(bin, way);
          }
        }
    const ways = [...shapes.values()];
    known.set(key, ways);
    return ways;
  };
  return of(0, aspects.length);
}

/**
 * @param {Packing} way
 * @param {number} left
 * @param {number} top
 * @param {number} height
 * @param {Tile[]} tiles
 */
function place(way, left, top, height, tiles) {
  const width = way.a * height + way.b;
  if (!way.parts) {
    const pictureHeight = Math.floor(height) - LINE;
    const pictureWidth = Math.floor(way.a * pictureHeight);
    const box = { left: Math.floor(left), top: Math.floor(top), width: pictureWidth, height: Math.floor(height) };
    tiles.push({ ...box, pictureWidth, pictureHeight });
    return;
  }
  let [x, y] = [left, top];
  for (const part of way.parts) {
    const own = way.beside ? height : (width - part.b) / part.a;
    place(part, x, y, own, tiles);
    if (way.beside) x += part.a * own + part.b + GAP;
    else y += own + GAP;
  }
}

/**
 * The packing in which most is seen; null where none leaves each take room for its line of text.
 * @param {number[]} aspects
 * @param {number} width
 * @param {number} height
 * @returns {Laid | null}
 */
function packedLayout(aspects, width, height) {
  /** @type {Laid | null} */
  let best = null;
  for (const way of packings(aspects)) {
    const high = Math.min(height, (width - way.b) / way.a);
    if (!(high > LINE)) continue;
    /** @type {Tile[]} */
    const tiles = [];
    place(way, (width - way.a * high - way.b) / 2, (height - high) / 2, high, tiles);
    if (tiles.some((tile) => tile.pictureHeight < 40 || tile.pictureWidth < NARROWEST)) continue;
    if (!best || worth(tiles) > worth(best.tiles)) best = { heads: "below", rows: 1, height: Math.ceil(high), tiles };
  }
  return best;
}

/**
 * All pictures equally high, in rows.
 * @param {number[]} aspects
 * @param {number} width
 * @param {number} height
 * @returns {Laid}
 */
function rowLayout(aspects, width, height) {
  const below = arranged(aspects, width, height, "below");
  const beside = width > NARROW_STAGE ? arranged(aspects, width, height, "beside") : below;
  const { picture, rows, line, side, heads } = beside.picture > below.picture * 1.03 ? beside : below;
  const pictureHeight = Math.floor(picture);
  const tileHeight = pictureHeight + line;
  const all = rows.length * tileHeight + (rows.length - 1) * GAP;
  const tiles = rows.flatMap((row, number) => {
    const widths = row.map((aspect) => Math.floor(tileWidth(aspect, pictureHeight, side)));
    let left = Math.floor((width - widths.reduce((a, b) => a + b, GAP * (row.length - 1))) / 2);
    return row.map((aspect, index) => {
      const tile = {
        left,
        top: Math.floor((height - all) / 2) + number * (tileHeight + GAP),
        width: widths[index],
        height: tileHeight,
        pictureWidth: Math.floor(aspect * pictureHeight),
        pictureHeight,
      };
      left += widths[index] + GAP;
      return tile;
    });
  });
  return { heads, rows: rows.length, height: all, tiles };
}
