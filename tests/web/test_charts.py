"""Charts: well-formed, labelled, on one honest scale, and never by colour alone."""

import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_core.web.charts import (
    DASHES,
    Row,
    Series,
    bar_rows,
    columns,
    line_chart,
    meter,
    nice_step,
    share,
    sparkline,
)

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)


def parse(drawn: str) -> ET.Element:
    return ET.fromstring(drawn)  # noqa: S314 - what we drew ourselves


VALUES = st.one_of(st.none(), st.floats(0, 1e9), st.integers(0, 10**9))


@given(st.data(), st.integers(1, 40))
def test_a_line_chart_is_xml_whatever_it_is_given(data: st.DataObject, days: int) -> None:
    labels = data.draw(st.lists(NAMES, min_size=days, max_size=days))
    lines = data.draw(
        st.lists(
            st.builds(
                Series,
                NAMES,
                st.sampled_from(["seo", "email", ""]),
                st.lists(VALUES, min_size=days, max_size=days),
            ),
            max_size=6,
        )
    )

    drawn = parse(line_chart(labels, lines, data.draw(NAMES), [(days - 1, data.draw(NAMES))]))

    assert drawn.get("role") == "img"
    assert drawn.get("aria-label") is not None
    heights = [
        float(point.split(",")[1])
        for line in drawn.iter("polyline")
        for point in str(line.get("points")).split()
    ]
    assert all(0 <= height <= 330 for height in heights)


def test_an_unknown_value_is_a_gap_not_a_nought() -> None:
    drawn = parse(
        line_chart(["a", "b", "c", "d", "e"], [Series("Email", "email", [1, 2, None, 3, 4])], "Visits")
    )

    assert [len(str(line.get("points")).split()) for line in drawn.iter("polyline")] == [2, 2]


def test_lines_differ_in_dash_and_carry_their_names() -> None:
    lines = [Series(name, "email", [1, 2]) for name in ("One", "Two", "Three")]
    drawn = parse(line_chart(["a", "b"], lines, "Visits"))

    assert [line.get("stroke-dasharray") for line in drawn.iter("polyline")] == ["none", *DASHES[1:3]]
    ends = [text for text in drawn.iter("text") if str(text.get("class")).startswith("e ")]
    assert [text.text for text in ends] == ["One", "Two", "Three"]
    heights = sorted(float(str(text.get("y"))) for text in ends)
    assert all(later - earlier >= 15 for earlier, later in pairwise(heights))


def test_values_and_labels_must_match() -> None:
    with pytest.raises(ValueError, match="'Email' has 1 values for 2 labels"):
        line_chart(["a", "b"], [Series("Email", "email", [1])], "Visits")


def test_markup_in_names_is_escaped() -> None:
    drawn = line_chart(["<b>"], [Series("<script>", 'x" onload="y', [1])], '"><script>', [(0, "<i>")])

    assert "<script>" not in drawn
    assert "<b>" not in drawn
    assert ' onload="y' not in drawn


@given(st.floats(1e-6, 1e12))
def test_steps_are_round_and_few(top: float) -> None:
    step = nice_step(top)

    assert 1 <= top / step <= 6 or step == 1
    assert f"{step:e}"[0] in "125"


@pytest.mark.parametrize(
    ("value", "top", "expected"), [(1, 4, 25), (5, 4, 100), (-1, 4, 0), (1, 0, 0), (float("nan"), 4, 0)]
)
def test_a_share_stays_between_nothing_and_all(value: float, top: float, expected: float) -> None:
    assert share(value, top) == expected


def test_meters_and_bars_say_their_numbers_in_words() -> None:
    bar = parse(meter(23, 100, "23 percent", "email", before=30))
    rows = parse(bar_rows([Row("Interest", 10, "10 people"), Row("Intent", 5, low=True, before=8)], "Stages"))

    assert [rect.get("width") for rect in bar.iter("rect")][1] == "23.0%"
    assert [rect.get("x") for rect in bar.iter("rect")][2] == "30.0%"
    assert [svg.get("aria-label") for svg in rows.iter("svg")] == [
        "Interest: 10 people",
        "Intent: 5, before 8",
    ]


@given(st.lists(st.floats(-1e6, 1e6), max_size=30))
def test_small_charts_are_xml_for_any_values(values: list[float]) -> None:
    assert parse(sparkline(values, "trend")).get("role") == "img"
    assert parse(columns([abs(value) for value in values], "runs", frozenset({0}))).get("role") == "img"
