"""Companies and deals, and points from what people did."""
