"""The names by which FHIR calls our code systems, profiles and extensions (DOMAIN 5.1, 10)."""

from typing import Final


def oid(value: str) -> str:
    """An object identifier as a URI."""
    return f"urn:oid:{value}"


URI: Final = "urn:ietf:rfc:3986"
"""The system of identifiers that are URIs themselves."""
LOINC: Final = "http://loinc.org"
_LOINC_OID: Final = "2.16.840.1.113883.6.1"
CLASSES: Final = "https://mos.esante.gouv.fr/NOS/TRE_A03-ClasseDocument/FHIR/TRE-A03-ClasseDocument"
CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
VISIBILITY: Final = oid("1.2.250.1.213.1.1.4.13")
"""Of MASQUE_PS and the other limits that are a holder's or an author's choice."""
MASKED: Final = "MASQUE_PS"
HELD: Final = "INVISIBLE_PATIENT"
SECRET: Final = "INVISIBLE_REPRESENTANTS_LEGAUX"  # noqa: S105 - a code of JDV_J08
VISIBILITIES: Final = frozenset(
    {
        VISIBILITY,
        "https://mos.esante.gouv.fr/NOS/TRE_A07-StatutVisibiliteDocument/FHIR/TRE-A07-StatutVisibiliteDocument",
    }
)
"""The names that this system of codes goes by: its number, which is written, and pdsm4dmp's, which is read too."""
AUTHORS: Final = oid("1.2.250.1.213.1.1.4.6")
"""Authors who are no professionals: EXP_PATIENT, ALIM_AM."""
PRACTICE_SETTINGS: Final = oid("1.2.250.1.213.1.1.4.9")
PROFESSIONALS: Final = oid("1.2.250.1.71.4.2.1")
"""National identifiers of professionals (PS_IdNat)."""
_DMP: Final = "https://interop.esante.gouv.fr/ig/fhir/dmp"
CLOSING: Final = f"{_DMP}/StructureDefinition/dmp-fermeture"
CLOSING_MOTIVES: Final = f"{_DMP}/CodeSystem/dmp-motif-fermeture"
ATTENDING: Final = f"{_DMP}/StructureDefinition/dmp-medecin-traitant"
AUTHORISATION: Final = "https://dmp.example/fhir/StructureDefinition/autorisation"
"""Ours: pdsm4dmp leaves the state of the authorisation "to be specified"."""
LIST_TYPES: Final = "https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes"

_PDSM: Final = "https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition"
COMPREHENSIVE: Final = f"{_PDSM}/pdsm-comprehensive-document-reference"
SUBMISSION_SET: Final = f"{_PDSM}/pdsm-submissionset-comprehensive"
IS_ARCHIVED: Final = f"{_PDSM}/pdsm-ext-is-archived"

_MHD: Final = "https://profiles.ihe.net/ITI/MHD/StructureDefinition"
DESIGNATION: Final = f"{_MHD}/ihe-designationType"
SOURCE: Final = f"{_MHD}/ihe-sourceId"
HOUSE: Final = oid("1.2.250.1.213.4.1")
"""The record itself, as the source of what it keeps."""


def system_of_type(value: str) -> str:
    """The code system of a typeCode, from its OID."""
    return LOINC if value == _LOINC_OID else oid(value)
