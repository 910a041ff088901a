"""``cms --help`` costs next to nothing: what it imports, told by a fresh interpreter."""

import subprocess
import sys

import pytest

HEAVY = ("sqlalchemy", "flask", "marshmallow", "apscheduler", "alembic", "jinja2", "cms_seo", "cms_email")
ASK = """
import sys
from cms_core.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
print(" ".join(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_imports_neither_the_database_nor_the_web_nor_any_plugin(arguments: list[str]) -> None:
    ran = subprocess.run([sys.executable, "-c", ASK, *arguments], capture_output=True, text=True, check=True)
    modules = set(ran.stderr.split())
    assert "cms_core" in modules
    assert modules.isdisjoint(HEAVY), sorted(modules.intersection(HEAVY))
