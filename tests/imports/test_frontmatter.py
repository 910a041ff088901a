"""Front matter: values stay as written, and every fault has its line."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_core.imports.frontmatter import FileFault, parse_page


def test_values_stay_as_written_and_know_their_lines() -> None:
    page = parse_page(
        b"---\ntitle: 2026-05-04\nlocale: no\nPublish-At: 2026-05-04 09:00:00\n# remark\ntags: [1, yes, ~]\n"
        b'channels:\n  email: {subject: "Hi: {{ x }}"}\nempty:\nquoted: "null"\n---\n\nText\n'
    )
    assert page.fields == {
        "title": "2026-05-04",
        "locale": "no",
        "publish_at": "2026-05-04 09:00:00",
        "tags": ["1", "yes", ""],
        "channels": {"email": {"subject": "Hi: {{ x }}"}},
        "empty": "",
        "quoted": "null",
    }
    assert (page.lines["publish_at"], page.lines["channels"], page.text, page.text_line) == (
        4,
        7,
        "Text\n",
        12,
    )
    assert page.list_of("tags") == ["1", "yes"]


@pytest.mark.parametrize(
    "data",
    [
        b"---\ntitle: A\n---\nText",
        b"\xef\xbb\xbf---\r\ntitle: A\r\n---\r\nText",
        b"--- \ntitle: A\n---\t\nText",
        b"\n\n---\ntitle: A\n...\nText",
        "\ufeff---\ntitle: A\n---\nText".encode("utf-16-le"),
        b"---\rtitle: A\r---\rText",
    ],
)
def test_files_of_all_editors_read_the_same(data: bytes) -> None:
    page = parse_page(data)
    assert (page.fields, page.text) == ({"title": "A"}, "Text")


@pytest.mark.parametrize(
    "data",
    [
        b"# Title\n\n---\na: b\n---\n",
        b"---\n\nA line across, then text.\n\n---\nmore",
        b"---\nno front matter",
        b"---\n- a: b\n---\n",
        b"Text --- text",
    ],
)
def test_a_line_across_the_page_is_not_front_matter(data: bytes) -> None:
    page = parse_page(data)
    assert (page.fields, page.text) == ({}, data.decode())


def test_empty_front_matter_is_none() -> None:
    assert parse_page(b"---\n---\nText").text == "Text"


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b"", 1, "empty"),
        (b" \n\n\t", 1, "empty"),
        (b"+++\ntitle = 'x'\n+++\n", 1, "YAML"),
        (b"---\ntitle: A\n\nText", 1, "not closed"),
        (b"---\ntitle: A\nslug: a\nTitle: B\n---\n", 4, "twice"),
        (b"---\nchannels:\n  email: {a: 1}\n  email: {b: 2}\n---\n", 4, "twice"),
        (b"---\ntitle: A\nsummary: [a\n---\nText", 3, "not YAML"),
        (b'---\ntitle: "A\nslug: b\n---\nText', 2, "not YAML"),
        (b"---\ntitle: A: B\n---\n", 2, "not YAML"),
        (b"---\ntitle: A\n\tslug: b\n---\n", 3, "not YAML"),
        (b"---\na: &x [1]\nb: *x\n---\n", 2, "anchors"),
        (b"---\ntitle: a\n? [b]\n: c\n---\n", 3, "plain text"),
        (b'---\n"a: b"\n---\n', 2, "key: value"),
        (b"---\na: " + b"[" * 30 + b"]" * 30 + b"\n---\n", 2, "nested"),
        (b"---\na: " + b"[" * 30_000 + b"\n---\n", 2, "too deep"),
        (b"---\na: " + b"x" * 70_000 + b"\n---\n", 1, "64 KB"),
        (b"ok\nna\xefve\n", 2, "UTF-8"),
        (b"a\n\0", 2, "binary"),
        (b"a\r\nb\x0bc", 2, "control character"),
        (b"\x89PNG\r\n\x1a\n", 1, "UTF-8"),
        (b"x" * 2_100_000, 1, "at most"),
    ],
)
def test_faults_say_where_and_why(data: bytes, line: int, words: str) -> None:
    with pytest.raises(FileFault, match=words) as caught:
        parse_page(data)
    assert caught.value.line == line


def test_what_looks_like_code_in_yaml_is_only_text() -> None:
    page = parse_page(b"---\ntitle: !!python/object/apply:os.system ['id']\nb: !!binary aGk=\n---\n")
    assert page.fields == {"title": ["id"], "b": "aGk="}


def test_letters_written_in_two_halves_are_joined() -> None:
    page = parse_page(b'---\ntitle: "\\ud83d\\ude00 \\u00e9"\nhalf: "\\ud83d"\n---\n')
    assert page.fields == {"title": "\U0001f600 é", "half": "\ud83d"}


def test_an_alias_bomb_is_refused_at_once() -> None:
    lines = [b"a0: &a0 [x, x]"] + [b"a%d: &a%d [*a%d, *a%d]" % (n, n, n - 1, n - 1) for n in range(1, 60)]
    with pytest.raises(FileFault, match="anchors"):
        parse_page(b"---\n" + b"\n".join(lines) + b"\n---\n")


@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: f"---\n{text}\n---\nx".encode("utf-8", "replace"))
)
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    with contextlib.suppress(FileFault):
        page = parse_page(data)
        assert page.text or page.fields or b"---" in data
