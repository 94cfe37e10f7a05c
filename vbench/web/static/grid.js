// @ts-check
// Which cards of a very long wall are near the window; numbers only.

/**
 * Columns that fit, at least one.
 * @param {number} width
 * @param {number} minCard
 * @param {number} gap
 */
export function columnsFor(width, minCard, gap) {
  return Math.max(1, Math.floor((width + gap) / (minCard + gap)));
}

/**
 * Cards to have in the document.
 * @returns {{first: number, end: number, offset: number, height: number}} [first, end) and pixels above and in all
 * @param {{total: number, columns: number, rowHeight: number, scrollTop: number, viewHeight: number, margin?: number}} wall
 */
export function windowOf({ total, columns, rowHeight, scrollTop, viewHeight, margin = 2 }) {
  const rows = Math.ceil(total / columns);
  const top = Math.max(0, Math.min(rows, Math.floor(scrollTop / rowHeight) - margin));
  const bottom = Math.max(top, Math.min(rows, Math.ceil((scrollTop + viewHeight) / rowHeight) + margin));
  return {
    first: top * columns,
    end: Math.min(total, bottom * columns),
    offset: top * rowHeight,
    height: rows * rowHeight,
  };
}

/**
 * Which tile of a sprite a pointer at a share of the width means, as a CSS background position in percent.
 * @param {number} share
 * @param {{columns: number, rows: number, n: number}} shape
 */
export function spriteTile(share, { columns, rows, n }) {
  const index = Math.max(0, Math.min(n - 1, Math.floor(share * n)));
  const x = columns > 1 ? ((index % columns) / (columns - 1)) * 100 : 0;
  const y = rows > 1 ? (Math.floor(index / columns) / (rows - 1)) * 100 : 0;
  return { index, x, y };
}
