"""What ads cost, as the vendor's report says it: a CSV file with words above the header and a sum at the end."""

import csv
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

CLICK = Decimal("0.83")  # EUR
SHOWN = 38  # how often an ad is shown for one click
HEADER = ("Day", "Campaign", "Currency code", "Cost", "Impr.", "Clicks")


def write_report(path: Path, campaign: str, first: date, clicks: Sequence[int]) -> None:
    """A report of Google Ads with the clicks of each day from the first one on."""
    rows = [
        (f"{first + timedelta(days=n)}", campaign, "EUR", f"{CLICK * each:.2f}", each * SHOWN, each)
        for n, each in enumerate(clicks)
    ]
    total = ("Total: Account", "--", "EUR", f"{CLICK * sum(clicks):.2f}", SHOWN * sum(clicks), sum(clicks))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerows(
            [("Campaign performance",), (f"{rows[0][0]} - {rows[-1][0]}",), HEADER, *rows, total]
        )


def fading(days: int, most: int) -> list[int]:
    """Clicks of so many days: the same every time, fewer day by day."""
    dice = Random(days * most)  # noqa: S311
    return [round(most * (1 - n / (days * 1.4)) * dice.uniform(0.8, 1.2)) for n in range(days)]
