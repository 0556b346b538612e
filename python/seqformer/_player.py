"""The player of reports, as one page that a notebook shows."""

from __future__ import annotations

import html
import os
import re
import tempfile
from typing import Any

from seqformer._files import as_file
from seqformer._report import report

# What a cell has no use for: other pages and videos, and outcomes, because nothing is compared.
_STYLE = """<style>
header.site, footer, .skip, #copy, .video-choice, #previous-video, #next-video, #next-switch, .legend, .badge { display: none }
</style>"""
_SCRIPT = """<script>
history.replaceState = () => {};
{
  let kept = null;
  seqformer.video = (video) => { kept = video; };
  DATA
  seqformer.loadVideo = () => Promise.resolve(kept);
}
</script>"""


def player(annotations: dict[str, Any], results: list[dict[str, Any]] | None) -> str:
    """Make an element that shows one video.

    Parameters
    ----------
    annotations : dict
        A file of YouTube-VIS with the video.
    results : list of dict, optional
        What was found in it.

    Returns
    -------
    str
        An ``iframe`` with the player and its data.
    """
    with tempfile.TemporaryDirectory(prefix="seqformer-") as folder, as_file(annotations, "video") as gt:
        output = os.path.join(folder, "report")
        if results is None:
            report(gt, output=output)
        else:
            with as_file(results, "results") as found:
                report(gt, found, output, min_score=0.0)
        page = _page(output)
    page = html.escape(page, quote=True)
    return f'<iframe sandbox="allow-scripts" style="border: 0; width: 100%; height: 640px" srcdoc="{page}"></iframe>'


def _page(folder: str) -> str:
    """Put everything that the player loads into its page."""

    def read(name: str) -> str:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return file.read()

    def script(text: str) -> str:
        # No text of the data ends a script.
        return text.replace("</", "<\\/")

    def inline(match: re.Match) -> str:
        text = f"<script>{script(read(match[1]))}</script>"
        if match[1] == "data/videos.js":
            text += _SCRIPT.replace("DATA", script(read("data/video-00000.js")))
        return text

    page = read("player.html")
    page = re.sub(r'<link rel="stylesheet" href="([^"]+)">', lambda found: f"<style>{read(found[1])}</style>", page)
    page = page.replace("</head>", f"{_STYLE}</head>")
    return re.sub(r'<script src="([^"]+)"></script>', inline, page)
