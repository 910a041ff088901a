"""PowerPoint files (Office Open XML): read as what strangers send, checked, filled and written part by part."""
