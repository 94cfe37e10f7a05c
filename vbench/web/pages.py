"""The Gradio pages: one static component per address, whose scripts draw the page from the JSON API.

The template never changes, so Gradio never draws it again, and what the scripts built (players that are running, a wall
scrolled far down) stays. No Python runs per visitor here: what a page shows and does goes through `/api/v1`.
"""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from vbench.web.i18n import words
from vbench.web.security.guard import UI
from vbench.web.static_files import edition, static_url
from vbench.web.theme import theme

if TYPE_CHECKING:
    from vbench.web.state import Page

PAGES = {
    "": "Takes",
    "compare": "Compare",
    "arena": "Arena",
    "boards": "Boards",
    "generate": "Generate",
    "runs": "Runs",
}
"""Address below `/ui` → title, in the order of the navigation."""

TEMPLATE = '<div class="vb" data-room="dark"></div>'
ON_LOAD = """
import({script}).then((page) => page.mount(element, {options})).catch((error) => {{
  element.querySelector(".vb").textContent = `The page could not start (${{error.message}}); reload it.`;
}});
"""


def _view(script: str) -> None:
    gr.Navbar(visible=False)
    options = json.dumps({"base": UI, "edition": edition()})
    gr.HTML(
        html_template=TEMPLATE,
        js_on_load=ON_LOAD.format(script=json.dumps(script), options=options),
        apply_default_css=False,
        padding=False,
        elem_classes="vb-shell",
    )


def build_pages(page: Page) -> gr.Blocks:
    """All pages of one bench.

    Args:
        page: The running page; its bench gives the title.
    """
    title = f"{page.bench.root.name} · vbench"
    with gr.Blocks(title=title, analytics_enabled=False, fill_width=True) as blocks:
        _view("/static/app.js")
    for path, name in PAGES.items():
        if path:
            with blocks.route(name, f"/{path}"):
                _view("/static/app.js")
    return blocks


def mount_options() -> dict[str, Any]:
    """What `gradio.mount_gradio_app` needs for the looks and the language of the pages."""
    return {"theme": theme(), "i18n": words(), "head": _head()}


def _head() -> str:
    """The style; Gradio adds it from a script of its own, so nothing here may be inline."""
    return f'<link rel="stylesheet" href="{escape(static_url("vbench.css"))}">'
