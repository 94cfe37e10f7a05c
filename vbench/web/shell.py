"""The Gradio shell of the pages: one static component per address, whose scripts draw the page from the JSON API.

The template never changes, so Gradio never draws it again, and what the scripts built (players that are running, a wall
scrolled far down) stays. No Python runs per visitor here: what a page shows and does goes through `/api/v1`.
"""

from __future__ import annotations

import json
import warnings
from html import escape
from typing import Any

import gradio as gr
from fastapi import FastAPI

from vbench.bench import Bench
from vbench.web.files import edition, static_url
from vbench.web.pages import PAGES
from vbench.web.security.guard import UI
from vbench.web.words import translations

TEMPLATE = '<div class="vb" data-room="dark"></div>'
ON_LOAD = """
import({script}).then((page) => page.mount(element, {options})).catch((error) => {{
  element.querySelector(".vb").textContent = `The page could not start (${{error.message}}); reload it.`;
}});
"""
QUEUE_REST_S = 0.5
"""Between looks of Gradio's queue, through which no page sends anything; its own millisecond costs 2 % of a core."""


class RestingBlocks(gr.Blocks):  # type: ignore[misc]  # Gradio has no types
    """Gradio's pages with a queue that rests."""

    def queue(self, *args: Any, **options: Any) -> Any:
        """As Gradio does, and slow the new queue down."""
        queued = super().queue(*args, **options)
        self._queue.sleep_when_free = self._queue.progress_update_sleep_when_free = QUEUE_REST_S
        return queued


def mount_pages(app: FastAPI, bench: Bench) -> frozenset[str]:
    """Mount the pages with everything off that they do not use; their names.

    Args:
        app: Where to, below `/ui`.
        bench: Gives the title; its folder is closed to Gradio.
    """
    blocks = _pages(f"{bench.root.name} · vbench")
    with warnings.catch_warnings():  # it warns of a rendering mode that is off anyway
        warnings.simplefilter("ignore", UserWarning)
        gr.mount_gradio_app(
            app,
            blocks,
            path=UI,
            allowed_paths=[],
            blocked_paths=[str(bench.root)],
            show_error=False,
            max_file_size=1,
            ssr_mode=False,
            enable_monitoring=False,
            pwa=False,
            mcp_server=False,
            run_history=False,
            footer_links=[],
            theme=theme(),
            i18n=gr.I18n(**translations()),
            head=_head(),
        )
    return frozenset(name for name, *_ in blocks.pages)


def _pages(title: str) -> RestingBlocks:
    with RestingBlocks(title=title, analytics_enabled=False, fill_width=True) as blocks:
        _view()
    for page in PAGES:
        if page.path:
            with blocks.route(page.title, f"/{page.path}"):
                _view()
    shell: RestingBlocks = blocks
    return shell


def _view() -> None:
    gr.Navbar(visible=False)
    options = {"base": UI, "edition": edition(), "pages": [page.for_script() for page in PAGES]}
    gr.HTML(
        html_template=TEMPLATE,
        js_on_load=ON_LOAD.format(script=json.dumps("/static/app.js"), options=json.dumps(options)),
        apply_default_css=False,
        padding=False,
        elem_classes="vb-shell",
    )


def _head() -> str:
    """The style; Gradio adds it from a script of its own, so nothing here may be inline."""
    return f'<link rel="stylesheet" href="{escape(static_url("vbench.css"))}">'


# --- looks --------------------------------------------------------------------------------------------------------

# Bold, not semi-bold: the semi-bold files that Gradio ships hold a handful of letters.
SANS = (gr.themes.LocalFont(name="IBM Plex Sans", weights=(400, 700)), "Noto Sans SC", "PingFang SC", "sans-serif")
MONO = (gr.themes.LocalFont(name="IBM Plex Mono", weights=(400, 700)), "ui-monospace", "monospace")


def theme() -> gr.themes.Base:
    """Neutral greys, so that nothing tints the picture that is judged; one amber accent.

    What is inside the pages is `static/vbench.css`, with the same colours and type.
    """
    return gr.themes.Base(
        primary_hue=gr.themes.colors.amber,
        neutral_hue=gr.themes.colors.neutral,
        radius_size=gr.themes.sizes.radius_sm,
        font=SANS,
        font_mono=MONO,
    ).set(
        body_background_fill="#121212",
        body_background_fill_dark="#121212",
        body_text_color="#e8e8e6",
        body_text_color_dark="#e8e8e6",
    )
