"""The one result object of the package, and its printed forms."""

from __future__ import annotations

from runtime_probe.findings import Judged
from runtime_probe.report.page import to_html
from runtime_probe.report.structured import to_dict
from runtime_probe.report.text import headline, to_text


class Report(Judged):
    """Everything the probe has to say. `str()` is plain text; `rich.print` and notebooks show more."""

    def to_dict(self) -> dict[str, object]:
        """JSON-ready, see `runtime_probe.report.structured`."""
        return to_dict(self)

    def to_html(self) -> str:
        """One self-contained page, see `runtime_probe.report.page`."""
        return to_html(self)

    def __str__(self) -> str:
        return to_text(self)

    def __repr__(self) -> str:
        return f"<Report {headline(self)}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the page in a frame of its own, so that its styles stay there."""
        from html import escape

        page, title = escape(to_html(self), quote=True), escape(headline(self), quote=True)
        return f'<iframe srcdoc="{page}" style="width:100%;height:640px;border:0" title="{title}"></iframe>'
