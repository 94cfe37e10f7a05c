"""Scopes and masks in a real Chromium."""

from __future__ import annotations

import pytest

from tests.web.browser import Open, becomes, compare, require_chromium
from vbench.bench import Bench
from vbench.records import Clip

pytestmark = [pytest.mark.browser]
require_chromium()

LIT = """() => [...document.querySelectorAll(".scope-row canvas")].map((canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let lit = 0;
  for (let at = 0; at < data.length; at += 4) lit += data[at + 1] > 0 || data[at] > 0 || data[at + 2] > 0;
  return lit > 0;
})"""
MASKED = """() => {
  const frame = document.querySelector(".tile-frame");
  const style = getComputedStyle(frame, "::after");
  return [style.width, style.height].map(parseFloat).concat(frame.clientWidth, frame.clientHeight);
}"""


def test_each_take_has_its_scopes(opened: Open, shown: tuple[str, list[Clip], Bench]) -> None:
    window = compare(opened, shown[1][:2])
    assert not window.is_visible(".scopes")
    window.keyboard.press("t")
    window.wait_for_selector(".scopes .scope-row")
    becomes(window, lambda: window.evaluate(LIT), [True] * 6)
    window.keyboard.press("t")
    assert not window.is_visible(".scopes")


@pytest.mark.parametrize(("name", "ratio"), [("2.39:1", 2.39), ("9:16", 9 / 16)])
def test_a_mask_has_its_shape_within_the_picture(
    opened: Open, shown: tuple[str, list[Clip], Bench], name: str, ratio: float
) -> None:
    window = compare(opened, shown[1][:1])
    window.select_option("select[aria-label='Mask']", name)
    width, height, whole_width, whole_height = window.evaluate(MASKED)
    assert width / height == pytest.approx(ratio, rel=0.02)
    assert width == pytest.approx(whole_width, abs=1) or height == pytest.approx(whole_height, abs=1)
    assert width <= whole_width + 1
    assert height <= whole_height + 1
    window.select_option("select[aria-label='Mask']", "")
    assert window.get_attribute(".stage", "data-mask") is None
