"""Slides that are told, drawn without LibreOffice: read out of the file that was written of them, put into HTML, printed as PDF."""
