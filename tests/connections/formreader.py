"""Reads a page as a browser does: what its main form would send if nothing were typed."""

from html.parser import HTMLParser

Attributes = list[tuple[str, str | None]]


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._inside = False
        self._area = self._select = ""

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        found = {name: value or "" for name, value in attrs}
        name = found.get("name", "")
        if tag == "form":
            self._inside = "form" in found.get("class", "").split()
        elif not self._inside:
            return
        elif tag == "input" and name and "disabled" not in found:
            if found.get("type") != "checkbox" or "checked" in found:
                self.values[name] = found.get("value", "")
        elif tag == "textarea":
            self._area, self.values[name] = name, ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in found:
            self.values[self._select] = found.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "textarea":
            self.values[self._area] = self.values[self._area].removeprefix("\n").replace("\n", "\r\n")
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.values[self._area] += data


def shown_values(page: str) -> dict[str, str]:
    """What the form of class ``form`` would send; the token is left to the client."""
    reader = _Form()
    reader.feed(page)
    return {name: value for name, value in reader.values.items() if name != "csrf_token"}
