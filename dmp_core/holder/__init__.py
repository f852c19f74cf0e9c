"""The holder of a dossier: who they are to the portal, what they prove, what they settle."""
