"""Makes the pictures of the docs from a running demo: ``make screenshots`` (needs Chromium)."""

import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from cms_core.testing.fixtures import CHROMIUM_FLAGS, chromium_path

HERE = Path(__file__).parent / "img"
PORT = 8137
SIZE = {"width": 1280, "height": 860}
READY = re.compile(r"Open (http://\S+?)/app/ .* password: (.+)")
PAGES = {"calendar": "/app/calendar", "content": "/app/content"}


def sign_in(page: Page, base: str, password: str) -> None:
    """Sign in as the demo's admin."""
    page.goto(f"{base}/app/login")
    page.fill("[name=email]", "admin@larkfield.example")
    page.fill("[name=password]", password)
    page.click("main button")
    page.wait_for_url("**/app/calendar")


def shoot(base: str, password: str) -> None:
    """Every page of PAGES, light and dark."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        for theme in ("light", "dark"):
            page = browser.new_page(viewport=SIZE, color_scheme=theme)  # type: ignore[arg-type]
            sign_in(page, base, password)
            for name, path in PAGES.items():
                page.goto(base + path, wait_until="networkidle")
                page.screenshot(path=HERE / f"{name}-{theme}.png")
        browser.close()


def main() -> None:
    """Play the demo, take the pictures, end the demo."""
    command = [sys.executable, "-m", "cms_core.cli", "demo", "--port", str(PORT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        try:
            for line in demo.stdout or ():
                if found := READY.search(line):
                    shoot(found[1], found[2].strip())
                    break
        finally:
            demo.terminate()


if __name__ == "__main__":
    main()
