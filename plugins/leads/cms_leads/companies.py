"""Importing companies from a CSV file."""

from pathlib import Path

from cms_core import CmsError, Company, Invalid, Services, read_csv, unprotect_cell
from cms_leads.columns import plain
from cms_leads.imports import ImportResult

_ALIASES = {
    "name": "name company companyname account accountname organisation organization",
    "domain": "domain companydomain companydomainname website",
}
_FIELD_OF = {alias: field for field, aliases in _ALIASES.items() for alias in aliases.split()}


def import_companies(
    svc: Services,
    source: str | Path | bytes,
    *,
    name: str = "",
    dry_run: bool = False,
    all_or_nothing: bool = False,
) -> ImportResult:
    """Create and complete companies from a file (a path or its content, then with its ``name``).

    Raises Invalid, with nothing saved, for a file that cannot be read as a whole; faulty rows are in the result.
    """
    file = read_csv(source, name, known=lambda header: plain(header) in _FIELD_OF)
    targets = [_FIELD_OF.get(plain(header), header) for header in file.header]
    if not {"name", "domain"} & set(targets):
        raise Invalid(
            f"{file.name} has neither a column of names nor one of domains", "call one of them name"
        )
    result, seen = ImportResult("csv"), dict[str, int]()
    with svc.transaction() as session, session.begin_nested() as savepoint:
        for row in file.rows():
            try:
                if row.fault:
                    raise Invalid(row.fault)
                with session.begin_nested():
                    company, verdict = svc.upsert_company(_company(targets, row.cells))
                    first = seen.setdefault(company, row.number)
                    if first != row.number:
                        raise Invalid(f"duplicate of row {first}")
            except CmsError as fault:
                result.skipped.append({"row": row.number, "reason": fault.message})
            else:
                setattr(result, verdict, getattr(result, verdict) + 1)
        faulty = bool(result.skipped) and (all_or_nothing or not result.accepted)
        result.saved = not (dry_run or faulty)
        if not result.saved:
            savepoint.rollback()
    return result


def _company(targets: list[str], texts: list[str]) -> Company:
    filled = {
        target: unprotect_cell(text.strip()).strip()
        for target, text in zip(targets, texts, strict=False)
        if target and text.strip()
    }
    return Company("", filled.pop("name", ""), filled.pop("domain", ""), filled)
