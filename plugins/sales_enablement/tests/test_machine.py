"""What the doctor tells of the programs that draw decks."""

import pytest

from cms_sales_enablement import machine, office, office_warm


@pytest.mark.parametrize(
    ("soffice", "python", "told"),
    [(None, None, []), ("/x/soffice", "/x/python", []), ("/x/soffice", None, ["python3-uno"])],
)
def test_the_doctor_tells_of_a_libreoffice_that_cannot_be_kept_running(
    soffice: str | None, python: str | None, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office, "program", lambda: soffice)
    monkeypatch.setattr(office_warm, "python_with_uno", lambda _: python)
    assert [each.field for each in machine.findings()] == told
