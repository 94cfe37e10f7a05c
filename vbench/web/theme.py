"""The look of the Gradio shell; what is inside the pages is `static/vbench.css`, with the same colours and type."""

from __future__ import annotations

import gradio as gr

# Bold, not semi-bold: the semi-bold files that Gradio ships hold a handful of letters.
SANS = (gr.themes.LocalFont(name="IBM Plex Sans", weights=(400, 700)), "Noto Sans SC", "PingFang SC", "sans-serif")
MONO = (gr.themes.LocalFont(name="IBM Plex Mono", weights=(400, 700)), "ui-monospace", "monospace")


def theme() -> gr.themes.Base:
    """Neutral greys, so that nothing tints the picture that is judged; one amber accent."""
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
