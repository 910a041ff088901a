"""A page of a real browser with wires to trip over: it tells what ran, what was refused and what went elsewhere."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page

TRIPWIRE = """
window.__fired = [];
for (const name of ['alert', 'print', 'prompt', 'confirm']) window[name] = (...a) => { window.__fired.push(name); tripped(name); };
document.addEventListener('securitypolicyviolation', e => policy(e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample));
"""


class Watched:
    """A page whose tripwires report here."""

    def __init__(self, page: "Page", base: str) -> None:
        self.page, self.base = page, base
        self.fired: list[str] = []
        self.violations: list[str] = []
        self.strayed: list[str] = []
        page.expose_function("tripped", self._trip)
        page.expose_function("policy", self._violate)
        page.add_init_script(TRIPWIRE)
        page.on("dialog", self._dismiss)
        page.route("**/*", self._route)

    def _trip(self, what: str) -> None:
        self.fired.append(what)

    def _dismiss(self, dialog: "Dialog") -> None:
        self.fired.append("dialog")
        dialog.dismiss()

    def _violate(self, what: str) -> None:
        self.violations.append(what)

    def _route(self, route: Any) -> None:
        if route.request.url.startswith((self.base, "data:", "about:", "blob:")):
            route.continue_()
        else:
            self.strayed.append(f"{route.request.resource_type} {route.request.url}")
            route.abort()

    def look(self, address: str) -> str:
        """Open an address, poke everything in it that reacts, and return its source."""
        self.page.goto(self.base + address, wait_until="load")
        return self._poke()

    def look_bare(self, html: str) -> str:
        """Look at a document without any header that protects it: what it holds must be harmless by itself."""
        self.page.goto("about:blank")
        self.page.set_content(html, wait_until="load")
        return self._poke()

    def _poke(self) -> str:
        self.page.evaluate(
            """() => { for (const e of document.querySelectorAll('details')) e.open = true;
                 for (const e of document.querySelectorAll('main a, main svg, main details, main img'))
                   for (const kind of ['mouseover', 'focus', 'toggle', 'error']) e.dispatchEvent(new Event(kind)); }"""
        )
        return self.page.content()
