"""The record as HL7 FHIR R4 tells it (IHE MHD 4.2.3, PDSm 3.1.1): resources, what is searched, what is deposited."""
