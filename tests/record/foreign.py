"""Structured documents as other software makes them: a laboratory report, a summary, one around a PDF; of nobody."""

import base64
from typing import Any

LAB = "urn:oid:1.3.6.1.4.1.19376.1.3.2"
_SECTION = """
<section>
 <templateId root="1.3.6.1.4.1.19376.1.3.3.2.1"/>
 <code code="18719-5" codeSystem="2.16.840.1.113883.6.1" displayName="Biochimie"/>
 <title>Biochimie</title>
 <component><section>
  <templateId root="1.3.6.1.4.1.19376.1.3.3.2.2"/>
  <code code="24323-8" codeSystem="2.16.840.1.113883.6.1"/>
  <title>Glycémie &amp; ionogramme</title>
  <text>
   <table border="1"><caption>Résultats</caption>
    <thead><tr><th>Examen</th><th align="right">Résultat</th><th>Intervalle</th></tr></thead>
    <tbody>
     <tr><td ID="r1"><content styleCode="Bold">Glycémie à jeun</content></td><td>1,12 g/L</td><td>0,70 - 1,10</td></tr>
     <tr><td>Potassium</td><td colspan="2">4,1 mmol/L</td></tr>
    </tbody></table>
   <list listType="ordered"><item>Sérum <sub>2</sub></item><item>à jeun</item></list>
   <paragraph>Voir <linkHtml href="https://laboratoire.exemple/notice">la notice</linkHtml><br/>du laboratoire.</paragraph>
   {more}
  </text>
  <entry>
   <act classCode="ACT" moodCode="EVN">
    <code code="24323-8" codeSystem="2.16.840.1.113883.6.1"/>
    <entryRelationship typeCode="COMP">
     <observation classCode="OBS" moodCode="EVN">
      <code code="14771-0" codeSystem="2.16.840.1.113883.6.1" displayName="Glycémie à jeun"/>
      <statusCode code="completed"/>
      <effectiveTime value="20161015"/>
      <value xsi:type="PQ" value="1.12" unit="g/L"/>
      {entry}
     </observation>
    </entryRelationship>
   </act>
  </entry>
 </section></component>
</section>"""


def a_cda(ins_c: str, author: str, **parts: Any) -> bytes:
    """A document about `ins_c` by `author` (PS_IdNat); `parts` in the place of the report's own."""
    told: dict[str, Any] = {
        "code": "11502-2", "system": "2.16.840.1.113883.6.1", "model": "1.3.6.1.4.1.19376.1.3.3", "root": "1.2.3.4.5.6.7",
        "title": "CR d’examens biologiques", "more": "", "entry": "", "begin": "", "patients": None, "realm": "FR",
        "at": "20161016101500+0200", "language": "fr-FR",
        "began": "20161015083000+0200", "extension": f'<lab:statusCode xmlns:lab="{LAB}" code="completed"/>',
    } | parts  # fmt: skip
    body = told.get("body") or (
        f"<structuredBody><component>{_SECTION.format(more=told['more'], entry=told['entry'])}</component></structuredBody>"
    )
    patients = (
        told["patients"] if told["patients"] is not None else f'<id root="1.2.250.1.213.1.4.2" extension="{ins_c}"/>'
    )
    person = f"""<id root="1.2.250.1.71.4.2.1" extension="{author}"/>
  <code code="G15_10/SM03" codeSystem="1.2.250.1.213.1.1.4.5" displayName="Biologie médicale"/>"""
    name = "<assignedPerson><name><given>ANNE</given><family>MARTIN</family></name></assignedPerson>"
    return f"""<?xml version="1.0" encoding="UTF-8"?>{told["begin"]}
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <realmCode code="{told["realm"]}"/>
 <typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
 <templateId root="2.16.840.1.113883.2.8.2.1"/><templateId root="1.2.250.1.213.1.1.1.1"/>
 <templateId root="{told["model"]}"/>
 <id root="{told["root"]}"/>
 <code code="{told["code"]}" codeSystem="{told["system"]}" displayName="{told["title"]}"/>
 <title>{told["title"]}</title>
 <effectiveTime value="{told["at"]}"/>
 <confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/>
 <languageCode code="{told["language"]}"/>
 <setId root="1.2.3.4.5.6"/><versionNumber value="1"/>
 <recordTarget><patientRole>{patients}<id root="1.2.3.4.99" extension="IPP-7"/>
  <patient><name><family qualifier="BR">PATIENT</family><given>Essai</given></name>
   <administrativeGenderCode code="F" codeSystem="2.16.840.1.113883.5.1"/><birthTime value="19500801"/></patient>
 </patientRole></recordTarget>
 <author><time value="{told["at"]}"/><assignedAuthor>{person}{name}
  <representedOrganization><name>Laboratoire des Essais</name></representedOrganization></assignedAuthor></author>
 <custodian><assignedCustodian><representedCustodianOrganization>
  <id root="1.2.250.1.71.4.2.2" extension="1750712184"/><name>Laboratoire des Essais</name>
 </representedCustodianOrganization></assignedCustodian></custodian>
 <legalAuthenticator><time value="{told["at"]}"/><signatureCode code="S"/><assignedEntity>{person}{name}</assignedEntity>
 </legalAuthenticator>
 <documentationOf><serviceEvent>{told["extension"]}<effectiveTime><low value="{told["began"]}"/></effectiveTime>
  <performer typeCode="PRF"><assignedEntity>{person}{name}<representedOrganization>
   <name>Laboratoire des Essais</name>
   <standardIndustryClassCode code="AMBULATOIRE" codeSystem="1.2.250.1.213.1.1.4.9"/>
  </representedOrganization></assignedEntity></performer></serviceEvent></documentationOf>
 <componentOf><encompassingEncounter><effectiveTime><low value="20161015"/></effectiveTime><location><healthCareFacility>
  <code code="SA25" codeSystem="1.2.250.1.71.4.2.4"/></healthCareFacility></location></encompassingEncounter></componentOf>
 <component>{body}</component>
</ClinicalDocument>
""".encode()


def around(data: bytes, media: str = "application/pdf") -> dict[str, str]:
    """The parts of an unstructured document around this body."""
    text = base64.b64encode(data).decode()
    return {
        "body": f'<nonXMLBody><text mediaType="{media}" representation="B64">{text}</text></nonXMLBody>',
        "model": "1.3.6.1.4.1.19376.1.2.20", "extension": "",
    }  # fmt: skip


def a_vsm(ins_c: str, author: str, **parts: Any) -> bytes:
    """A summary that our own model would read half of."""
    given = {
        "code": "SYNTH", "system": "1.2.250.1.213.1.1.4.12", "model": "1.2.250.1.213.1.1.1.13", "title": "Synthèse médicale",
        "extension": "",
    } | parts  # fmt: skip
    return a_cda(ins_c, author, **given)
