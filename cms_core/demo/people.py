"""The people of the demo: 240 contacts in 24 companies, the same every time, as the CSV file that somebody would bring along."""

import csv
import unicodedata
from pathlib import Path

COLUMNS = "Email,First name,Last name,Company,Country,Language,Time zone,Consent,Plan,Stage".split(",")
PEOPLE_PER_COMPANY = 10

# Country, language, zone, first and last names; the domains of the companies are reserved for examples (RFC 2606).
PLACES = (
    ("FR", "fr", "Europe/Paris", "Amélie Baptiste Chloé Denis Élodie", "Garnier Lefèvre Morel"),
    ("DE", "de", "Europe/Berlin", "Anke Björn Clara Dörte Emil", "Brandt Köhler Wiese"),
    ("GB", "en", "Europe/London", "Alice Ben Cora Dylan Esme", "Harding Okafor Whitlock"),
    ("SE", "sv", "Europe/Stockholm", "Astrid Björn Ebba Filip Greta", "Lind Nyström Åkesson"),
    ("IT", "it", "Europe/Rome", "Alba Bruno Chiara Dario Elisa", "Conti Moretti Ricci"),
    ("PL", "pl", "Europe/Warsaw", "Ala Bartek Celina Dawid Elżbieta", "Kowal Nowicka Wójcik"),
    ("IN", "en", "Asia/Kolkata", "Anjali Bhavesh Chitra Deepak Esha", "Iyer Mehta Rao"),
    ("BR", "pt", "America/Sao_Paulo", "Ana Bruno Camila Davi Estela", "Araújo Carvalho Nunes"),
)
COMPANIES = {
    "FR": ("Verdane", "Ateliers Morel", "Coline & Fils"),
    "DE": ("Halbmond Druck", "Seetal Werke", "Kranich Logistik"),
    "GB": ("Brightwater", "Northmoor Bakeries", "Pell & Quince"),
    "SE": ("Fjällvik", "Ljusdal Textil", "Norrhamn Marin"),
    "IT": ("Officine Rovere", "Cartiera Salvi", "Terrachiara"),
    "PL": ("Sowa Meble", "Jarzębina", "Port Zielony"),
    "IN": ("Saffron Mills", "Kaveri Labs", "Tulsi Foods"),
    "BR": ("Ipê Móveis", "Rio Claro Têxtil", "Maré Alta"),
}
GATEWAY = "brightwater.example"  # its security gateway follows every link before a person sees the mail
MOVED = "terrachiara.example"  # its mail server has forgotten half of its people
GREYLISTED = "anke.brandt@halbmond-druck.example"
LOST_LINE = "chitra.rao@tulsi-foods.example"
PLANS = ("", "", "", "starter", "team", "group")
STAGES = ("awareness", "awareness", "evaluation", "intent", "customer", "customer")


def refused(address: str) -> bool:
    """Whether the mail server of the demo says that there is nobody of this address."""
    name, _, domain = address.partition("@")
    return domain == MOVED and name[0] in "ac"


def rows() -> list[dict[str, str]]:
    """All contacts, in the columns of the file."""
    found: list[dict[str, str]] = []
    for country, language, zone, firsts, lasts in PLACES:
        pairs = [(first, last) for last in lasts.split() for first in firsts.split()]
        for place, company in enumerate(COMPANIES[country]):
            for n in range(PEOPLE_PER_COMPANY):
                first, last = pairs[(n + 5 * place) % len(pairs)]
                cells = (_address(first, last, company), first, last, company, country, language, zone)
                index = len(found)
                more = (consent(index), PLANS[index % len(PLANS)], STAGES[index % len(STAGES)])
                found.append(dict(zip(COLUMNS, (*cells, *more), strict=True)))
    return found


def consent(index: int) -> str:
    """What the file says about a person: most agreed, some did not, some left, of some nobody knows."""
    return {7: "no", 13: "unsubscribed", 18: ""}.get(index % 20, "yes")


def write_csv(path: Path) -> None:
    """Write the file that is imported."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows())


def _address(first: str, last: str, company: str) -> str:
    return f"{_plain(first)}.{_plain(last)}@{_plain(company)}.example"


def _plain(text: str) -> str:
    """Letters a to z, words joined by hyphens."""
    ascii_only = unicodedata.normalize("NFKD", text.replace("ł", "l")).encode("ascii", "ignore").decode()
    return "-".join("".join(c if c.isalnum() else " " for c in ascii_only.lower()).split())
