"""The segment language: text to a tree. What the words mean in SQL is said in ``compile.py``.

    rule       = all {"or" all}
    all        = part {"and" part}
    part       = "not" part | "(" rule ")" | "in" "segment" TEXT | event | comparison
    event      = ("opened" | "clicked" | "visited" | "converted") "(" TEXT ")" [operator NUMBER] ["within" NUMBER unit]
    comparison = FIELD operator value
               | FIELD ["not"] "in" "(" value {"," value} ")"
               | FIELD ["not"] "like" TEXT
               | FIELD "is" ["not"] "empty"
    operator   = "=" | "!=" | "<" | "<=" | ">" | ">="        value = TEXT | NUMBER | DATE
    unit       = hour(s) | day(s) | week(s)

Words may be written in any case. TEXT stands in double quotes; ``\\"`` and ``\\\\`` are a quote and a backslash inside it. A
DATE is 2026-05-04, or an instant with its offset: 2026-05-04T09:00+02:00. An event without an operator means "> 0".
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from cms_core.audience.tokens import Token, fault, tokenize
from cms_core.audience.tree import (
    All,
    AnyOf,
    Compare,
    Empty,
    Happened,
    InSegment,
    Like,
    Not,
    OneOf,
    Rule,
    Value,
)

EVENT_KINDS = ("opened", "clicked", "visited", "converted")
OPERATORS = ("=", "!=", "<", "<=", ">", ">=")
UNITS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
MAX_WINDOW = timedelta(days=36_500)
MAX_DEPTH = 50
MAX_VALUES = 1_000
MAX_COUNT = 1_000_000_000


def parse(text: str) -> Rule:
    """The tree of a rule; raises Invalid that names the column, what was expected there, and a remedy."""
    parser = _Parser(tokenize(text))
    rule = parser.rule()
    parser.end()
    return rule


class _Parser:
    """Recursive descent over the tokens, one method for each line of the grammar."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def rule(self) -> Rule:
        parts = [self._all()]
        while self._take_word("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def end(self) -> None:
        if self._next.kind != "end":
            raise self._expected("and, or, or the end of the rule")

    def _all(self) -> Rule:
        parts = [self._part()]
        while self._take_word("and"):
            parts.append(self._part())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _part(self) -> Rule:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise fault(
                self._next,
                f"more than {MAX_DEPTH} brackets and nots inside one another",
                "make a segment of a part",
            )
        part = self._inner_part()
        self._depth -= 1
        return part

    def _inner_part(self) -> Rule:
        if self._take_word("not"):
            return Not(self._part())
        if self._take_sign("("):
            inner = self.rule()
            self._need_sign(")")
            return inner
        token = self._next
        if self._take_word("in"):
            if not self._take_word("segment"):
                raise self._expected('the word segment, as in: in segment "Customers"')
            return InSegment(self._text("the name of a segment in double quotes"), token.column)
        if token.kind != "word" or token.text.lower() in ("and", "or"):
            raise self._expected("a field, an event, not, in segment, or (")
        self._at += 1
        if token.text.lower() in EVENT_KINDS and self._take_sign("("):
            return self._event(token.text.lower())
        return self._comparison(token)

    def _event(self, kind: str) -> Happened:
        campaign = self._text("the name of a campaign in double quotes")
        self._need_sign(")")
        operator, count = ">", 0
        if self._next.text in OPERATORS:
            operator, count = self._take().text, self._whole_number("how often")
        window = self._window() if self._take_word("within") else None
        return Happened(kind, campaign, operator, count, window)

    def _window(self) -> timedelta:
        token = self._next
        number = self._whole_number("how many days")
        unit = UNITS.get(self._next.text.lower().removesuffix("s"))
        if unit is None:
            raise self._expected("hours, days or weeks")
        self._at += 1
        if not 0 < number <= MAX_WINDOW // unit:
            raise fault(
                token, f"a window of {number} is out of range", "give at least 1, and at most 100 years"
            )
        return unit * number

    def _comparison(self, field: Token) -> Rule:
        name, column = field.text.lower(), field.column
        if self._next.text in OPERATORS and self._next.kind == "sign":
            return Compare(name, self._take().text, self._value(), column)
        if self._take_word("is"):
            negated = self._take_word("not")
            if not self._take_word("empty"):
                raise self._expected("empty" if negated else "empty or not empty")
            return Not(Empty(name, column)) if negated else Empty(name, column)
        negated = self._take_word("not")
        found: Rule
        if self._take_word("like"):
            found = Like(name, self._text("a pattern in double quotes"), column)
        elif self._take_word("in"):
            found = OneOf(name, self._values(), column)
        else:
            raise self._expected(
                "in or like" if negated else "an operator: = != < <= > >= in, like, is empty"
            )
        return Not(found) if negated else found

    def _values(self) -> tuple[Value, ...]:
        start = self._next
        self._need_sign("(")
        values = [self._value()]
        while self._take_sign(","):
            values.append(self._value())
        self._need_sign(")")
        if len(values) > MAX_VALUES:
            raise fault(start, f"a list of {len(values):,} values", f"give at most {MAX_VALUES:,}")
        return tuple(values)

    def _value(self) -> Value:
        value = self._next.value
        if value is None:
            raise self._expected("a text in double quotes, a number or a date")
        self._at += 1
        return value

    def _text(self, what: str) -> str:
        if self._next.kind != "text":
            raise self._expected(what)
        return str(self._take().value)

    def _whole_number(self, what: str) -> int:
        token = self._next
        value = token.value
        if not isinstance(value, Decimal) or value != int(value) or not 0 <= value <= MAX_COUNT:
            raise self._expected(f"{what}, as a whole number")
        self._at += 1
        return int(value)

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _take_word(self, word: str) -> bool:
        found = self._next.kind == "word" and self._next.text.lower() == word
        self._at += found
        return found

    def _take_sign(self, sign: str) -> bool:
        found = self._next.kind == "sign" and self._next.text == sign
        self._at += found
        return found

    def _need_sign(self, sign: str) -> None:
        if not self._take_sign(sign):
            raise self._expected(sign)

    def _expected(self, what: str) -> Exception:
        token = self._next
        found = "the end" if token.kind == "end" else token.text
        bare = token.kind == "word" and "double quotes" in what
        hint = f'if {found} is a text, write "{found}"' if bare else ""
        return fault(token, f"expected {what}, found {found}", hint)
