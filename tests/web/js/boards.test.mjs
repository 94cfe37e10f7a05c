import assert from "node:assert/strict";
import { test } from "node:test";

import { csvCell } from "../../../vbench/web/static/boards.js";

test("a cell of a downloaded table is what it was, and never a formula", () => {
  assert.equal(csvCell(null), "");
  assert.equal(csvCell(-1.5), "-1.5", "a number is one");
  assert.equal(csvCell('a "b", c'), '"a ""b"", c"');
  assert.equal(csvCell("=HYPERLINK(1)"), "'=HYPERLINK(1)");
  assert.equal(csvCell("@sum,1"), '"\'@sum,1"');
});
