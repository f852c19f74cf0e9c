"""A summary as a software sends it: JSON, each field named in French; what is refused names the field."""

import re
from typing import Final

import msgspec

from dmp_core.errors import Invalid
from dmp_core.record.vsm.summary import Summary

LARGEST: Final = 256 * 1024
_decoder: Final = msgspec.json.Decoder(Summary)
_encoder: Final = msgspec.json.Encoder()
_AT: Final = re.compile(r" - at `\$(.*)`$")
_MISSING: Final = re.compile(r"missing required field `([^`]*)`")
_UNKNOWN: Final = re.compile(r"unknown field `([^`]*)`")
_VALUE: Final = re.compile(r"Invalid enum value '(.*)'", re.DOTALL)


def summary_in(data: bytes) -> Summary:
    """The summary that a software wrote, before `settled` looks at what it says. Raises Invalid."""
    if len(data) > LARGEST:
        raise Invalid("La synthèse dépasse 256 Ko : gardez l’essentiel.")
    try:
        return _decoder.decode(data)
    except msgspec.ValidationError as fault:
        raise Invalid(_sentence(str(fault))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Invalid("Ce qui a été envoyé n’est pas du JSON, en UTF-8 : vérifiez l’export du logiciel.") from None


def written_summary(summary: Summary) -> bytes:
    """As JSON."""
    return _encoder.encode(summary)


def _sentence(fault: str) -> str:
    at = _AT.search(fault)
    where = f"Champ « {at[1].lstrip('.')} » : " if at and at[1] else ""
    if missing := _MISSING.search(fault):
        return f"{where}il manque « {missing[1]} »."
    if unknown := _UNKNOWN.search(fault):
        return f"{where}« {unknown[1][:40]} » n’existe pas dans une synthèse."
    if value := _VALUE.search(fault):
        return f"{where}« {value[1][:40]} » n’est pas une valeur permise."
    return f"{where}la valeur n’est pas de la sorte attendue."
