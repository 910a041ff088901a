"""WeasyPrint as it is used here: HTML of ours becomes pages of one size, and nothing is fetched from anywhere."""

from typing import Any

from markupsafe import Markup

from cms_sales_enablement.told.media import Media

STYLE = """
@page{margin:0}
html,body,p{margin:0;padding:0}
body{font-family:sans-serif;overflow-wrap:anywhere;hyphens:none}
p{position:relative;white-space:pre-wrap}
section{position:relative;overflow:hidden;break-after:page}
section:last-child{break-after:auto}
.box{position:absolute;overflow:hidden}
.rows{display:table;width:100%;table-layout:fixed}
.cell{display:table-cell}
.mark{position:absolute;text-indent:0;white-space:pre}
table{width:100%;border-collapse:collapse;table-layout:fixed}
td{border:0.75pt solid #fff;padding:.3em .5em;text-align:left;vertical-align:top;white-space:pre-wrap}
tr{break-inside:avoid}
"""


class Press:
    """Makes pages. What they show by an address is in ``media``."""

    def __init__(self, media: Media) -> None:
        from weasyprint import CSS
        from weasyprint.text.fonts import FontConfiguration

        self._fetcher = _fetcher(media)
        self._fonts = FontConfiguration()
        self._sheet = CSS(string=STYLE, font_config=self._fonts, url_fetcher=self._fetcher)

    def document(self, html: Markup, width: float, height: float) -> Any:
        """The ``weasyprint.Document`` of some HTML on pages of this size, in points."""
        from weasyprint import HTML

        page = Markup(
            '<!doctype html><meta charset="utf-8"><style>@page{{size:{:.2f}pt {:.2f}pt}}</style>{}'
        ).format(max(1, width), max(1, height), html)
        made = HTML(string=str(page), url_fetcher=self._fetcher)
        return made.render(font_config=self._fonts, stylesheets=[self._sheet])


def _fetcher(media: Media) -> Any:
    """Gives out what has an address in ``media``; any other is refused, and WeasyPrint leaves out what it was for."""
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class Fetcher(URLFetcher):  # type: ignore[misc]  # its base is not typed
        def fetch(self, url: str, headers: Any = None) -> Any:
            if url not in media.kept:
                raise ValueError(f"nothing is fetched from elsewhere: {url[:80]!r}")
            data, mime = media.kept[url]
            return URLFetcherResponse(url, data, {"Content-Type": mime})

    return Fetcher(allowed_protocols=())
