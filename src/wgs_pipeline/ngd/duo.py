"""The GA4GH Data Use Ontology: whether a use of data is one that their labels permit.

A label is one permission (what the data may be used for) and modifiers (under what conditions). A
use is what a project does. Two labels must both permit it: that of the research plane, which is
here and in no configuration, and that of the project's approval. Pure; codes and their meaning:
http://purl.obolibrary.org/obo/duo.owl.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """The codes that are understood."""

    GRU = "DUO:0000042"  # general research use
    HMB = "DUO:0000006"  # health, medical or biomedical research
    DS = "DUO:0000007"  # disease-specific research
    POA = "DUO:0000011"  # population origins or ancestry research only
    IRB = "DUO:0000021"  # ethics approval required
    PS = "DUO:0000027"  # project-specific
    US = "DUO:0000026"  # user-specific
    IS = "DUO:0000028"  # institution-specific
    GS = "DUO:0000022"  # geographical restriction
    TS = "DUO:0000025"  # time limit
    NCU = "DUO:0000046"  # non-commercial use only
    NPUNCU = "DUO:0000018"  # not-for-profit organisations, non-commercial use only
    NMDS = "DUO:0000015"  # no general methods research
    GSO = "DUO:0000016"  # genetic studies only
    COL = "DUO:0000020"  # collaboration required
    PUB = "DUO:0000019"  # publication required
    RTN = "DUO:0000029"  # return of results to the database


PERMISSIONS = frozenset({Code.GRU, Code.HMB, Code.DS, Code.POA})


class Kind(StrEnum):
    """What is studied."""

    DISEASE = "disease"
    HEALTH = "health"
    METHODS = "methods"
    POPULATION = "population"
    ANCESTRY = "ancestry"


@dataclass(frozen=True)
class Use:
    """What a project does with data, and under which conditions.

    Attributes:
        kind: What is studied.
        disease: The disease, as a MONDO identifier; for ``Kind.DISEASE``.
        approval: Number of the ethics approval.
        project: Id of the project.
        users: Who may use the data.
        institution: Where they work; empty: in the house that runs the database.
        country: Where that is, ISO 3166; empty: in the country of the database.
        valid_to: Last day, ISO 8601.
        commercial: Whether it serves profit.
        for_profit: Whether an organisation that works for profit does it.
        genetic: Whether it is a genetic study.
        collaborators: Persons of the database who take part.
        publishes: Whether results will be published.
        returns: Whether results will be given back to the database.
    """

    kind: Kind = Kind.HEALTH
    disease: str = ""
    approval: str = ""
    project: str = ""
    users: tuple[str, ...] = ()
    institution: str = ""
    country: str = ""
    valid_to: str = ""
    commercial: bool = False
    for_profit: bool = False
    genetic: bool = True
    collaborators: tuple[str, ...] = ()
    publishes: bool = False
    returns: bool = False


@dataclass(frozen=True)
class Label:
    """What data may be used for.

    Attributes:
        codes: One of ``PERMISSIONS``, and any modifiers.
        diseases: Diseases that ``DS`` permits, as MONDO identifiers.
        institutions: Institutions that ``IS`` permits beside the database's own house.
        countries: Countries that ``GS`` permits beside that of the database.
    """

    codes: frozenset[Code]
    diseases: frozenset[str] = frozenset()
    institutions: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()

    @property
    def permission(self) -> Code:
        """The one permission.

        Raises:
            ValueError: There is none, or there are several.
        """
        (permission,) = self.codes & PERMISSIONS
        return permission


#: What the genomes of the research plane may be used for.
RESEARCH_PLANE = frozenset({Code.HMB, Code.IRB, Code.PS, Code.US, Code.IS, Code.GS, Code.TS})


def refusals(label: Label, use: Use, parents: Mapping[str, Collection[str]]) -> Iterator[str]:
    """Why a label does not permit a use; nothing where it does.

    Args:
        label: What the data may be used for.
        use: What is to be done.
        parents: Diseases that each disease is one of (MONDO's ``is_a``).
    """
    if not _permits(label, use, parents):
        of = f" of {use.disease}" if use.disease else ""
        yield f"{label.permission.name} ({label.permission}) permits no {use.kind} research{of}"
    for code in sorted(label.codes - PERMISSIONS):
        wanting = _wanting(code, label, use)
        if wanting:
            yield f"{code.name} ({code}) {wanting}"


def _permits(label: Label, use: Use, parents: Mapping[str, Collection[str]]) -> bool:
    """Whether the permission covers what is studied."""
    permission = label.permission
    match use.kind:
        case Kind.DISEASE:
            ours = {use.disease, *ancestors(use.disease, parents)}
            return permission in (Code.GRU, Code.HMB) or (
                permission is Code.DS and bool(ours & label.diseases)
            )
        case Kind.METHODS:
            return permission is Code.GRU or Code.NMDS not in label.codes
        case Kind.ANCESTRY:  # POA is made for it; of the others only GRU reaches so far
            return permission in (Code.GRU, Code.POA)
        case Kind.HEALTH | Kind.POPULATION:
            return permission in (Code.GRU, Code.HMB)


def _wanting(code: Code, label: Label, use: Use) -> str:
    """What a modifier finds missing; empty where it is content."""
    place = use.institution and use.institution not in label.institutions
    abroad = use.country and use.country not in label.countries
    wanting: dict[Code, tuple[bool, str]] = {
        Code.IRB: (not use.approval, "asks for an ethics approval"),
        Code.PS: (not use.project, "asks for a named project"),
        Code.US: (not use.users, "asks for named users"),
        Code.IS: (bool(place), f"does not permit the institution {use.institution!r}"),
        Code.GS: (bool(abroad), f"does not permit use in {use.country}"),
        Code.TS: (not use.valid_to, "asks for a last day"),
        Code.NCU: (use.commercial, "permits no commercial use"),
        Code.NPUNCU: (
            use.commercial or use.for_profit,
            "permits no commercial use and no organisation that works for profit",
        ),
        Code.NMDS: (False, ""),  # decides over methods research, above
        Code.GSO: (not use.genetic, "permits genetic studies only"),
        Code.COL: (not use.collaborators, "asks for collaborators of the database"),
        Code.PUB: (not use.publishes, "asks for publication of the results"),
        Code.RTN: (not use.returns, "asks for the results to be given back"),
    }
    is_wanting, said = wanting[code]
    return said if is_wanting else ""


def ancestors(disease: str, parents: Mapping[str, Collection[str]]) -> set[str]:
    """Every disease that one is a kind of, near or far."""
    found: set[str] = set()
    waiting = [disease]
    while waiting:
        new = set(parents.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found
