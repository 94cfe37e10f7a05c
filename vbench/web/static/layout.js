// @ts-check
// Where takes lie side by side: all pictures equally high and as large as the stage allows; numbers only.

export const GAP = 4;
/** Pixels of a take's line of text below its picture. */
export const LINE = 30;
/** Pixels of a take's text beside its picture. */
export const SIDE = 156;
const NARROWEST = 120; // a take's number, name and counter need this much
const NARROW_STAGE = 640;

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
 * The rows in which takes of these aspects (width / height) look largest, on a stage of so many pixels.
 * Text goes beside the pictures where that makes them larger, as it does where much of a wide stage would stay black.
 * @returns {{heads: "below" | "beside", rows: number, height: number, tiles: {left: number, top: number, width: number,
 *   height: number, pictureWidth: number, pictureHeight: number}[]}} height: of all rows together
 * @param {number[]} aspects
 * @param {number} width
 * @param {number} height
 */
export function layout(aspects, width, height) {
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
