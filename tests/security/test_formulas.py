"""Exports: no cell is a formula to a spreadsheet, and each reads back as it was."""

import csv
import io
from datetime import date

from cms_core.campaigns import service as campaigns
from cms_core.csvfile import read_csv, unprotect_cell
from cms_core.reports.campaign import report
from cms_core.reports.files import as_csv

from .house import House

FORMULAS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    '=HYPERLINK("http://evil.test")',
    "'=1",
    "=cmd|' /C calc'!A0",
)


def test_no_cell_of_a_report_is_a_formula_and_every_one_reads_back(house: House) -> None:
    with house.workspace.db.transaction() as session:
        for n, text in enumerate(FORMULAS):
            made = campaigns.create_campaign(
                session, f"{text} {n}", date(2026, 5, 1), date(2026, 5, 2), "UTC"
            )
            shown = as_csv(report(session, made))
            rows = list(csv.reader(io.StringIO(shown)))
            assert all(
                cell[:1] not in tuple("=+-@\t\r＝＋－＠") or not cell for row in rows for cell in row
            ), text
            back = [unprotect_cell(row[1]) for row in read_csv_rows(shown)]
            assert made.name in back


def read_csv_rows(text: str) -> list[list[str]]:
    return [row.cells for row in read_csv(text.encode(), "report.csv").rows()]
