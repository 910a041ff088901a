"""Carries merge tags (``{{ contact.first_name | default("there") }}``, ``{% if … %}``) through Markdown and the HTML sanitiser.

Each tag is replaced by an opaque word before rendering and put back after sanitising, so neither typography, tables, addresses nor
escaping can change it. Because tags come back unescaped, a tag that could itself open an HTML tag is never shielded: it is ordinary
text, gets escaped, and is refused when the merge language compiles it.
"""

import re

_STRING = r'"[^"\n]{0,300}"' + r"|'[^'\n]{0,300}'"
_TAG = re.compile(
    rf"\{{\{{(?:[^\"'{{}}]|{_STRING}){{0,400}}\}}\}}|\{{%(?:[^\"'{{}}%]|{_STRING}){{0,400}}%\}}"
)
_DANGEROUS = re.compile(r"<[a-zA-Z/!?]|\n[ \t]*\n")
_FIELD = re.compile(r"\{\{\s*[A-Za-z_]\w*(?:\.\w+)*\s*\}\}", re.ASCII)
_HTML_TAG = re.compile(r"<[^>]*>")


class MergeTags:
    """The merge tags of one text; ``shielded`` is the text with an opaque word in the place of each."""

    def __init__(self, text: str) -> None:
        self._prefix = _free_prefix(text)
        self._tags: list[str] = []
        self._word = re.compile(rf"{self._prefix}(\d+)z")
        self.shielded = _TAG.sub(self._shield, text)

    def restore_text(self, text: str) -> str:
        """Put the tags back as they were written."""
        return self._word.sub(self._tag, text)

    def restore_html(self, html: str) -> str:
        """Put the tags back into sanitised HTML; in attributes with single quotes, because the attribute stands in double ones."""
        if not self._tags:
            return html
        html = self._unwrap_statements(html)
        return self.restore_text(
            _HTML_TAG.sub(lambda found: self._word.sub(self._in_attribute, found.group()), html)
        )

    def may_start_address(self, address: str) -> bool | None:
        """Whether a link may begin as this one does; None when it does not begin with a tag.

        Only a plain field may: a literal in a tag could spell ``javascript:``. What follows must not make a scheme of its value.
        """
        found = self._word.match(address)
        if found is None:
            return None
        return bool(_FIELD.fullmatch(self._tag(found))) and address[found.end() : found.end() + 1] in (
            "",
            "/",
            "?",
            "#",
            "&",
        )

    def _shield(self, found: re.Match[str]) -> str:
        if _DANGEROUS.search(found.group()):
            return found.group()
        self._tags.append(found.group())
        return f"{self._prefix}{len(self._tags) - 1}z"

    def _tag(self, found: re.Match[str]) -> str:
        number = int(found[1]) if len(found[1]) < 9 else len(self._tags)
        return self._tags[number] if number < len(self._tags) else found.group()

    def _in_attribute(self, found: re.Match[str]) -> str:
        tag = self._tag(found)
        return tag.replace('"', "'") if "'" not in tag else tag.replace('"', "&quot;")

    def _unwrap_statements(self, html: str) -> str:
        """A paragraph that holds nothing but ``{% … %}`` must not leave an empty paragraph behind."""

        def unwrap(found: re.Match[str]) -> str:
            words = list(self._word.finditer(found[1]))
            return found[1] if all(self._tag(word).startswith("{%") for word in words) else found.group()

        return re.sub(rf"<p>((?:{self._prefix}\d+z\s*)+)</p>", unwrap, html)


def _free_prefix(text: str) -> str:
    """A word that the text does not hold; it begins with a digit, so that it can be neither an HTML tag nor a scheme."""
    n = 0
    while f"0m{n}x" in text:
        n += 1
    return f"0m{n}x"
