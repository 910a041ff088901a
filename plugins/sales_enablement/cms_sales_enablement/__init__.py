"""A library of approved content for reps, decks and rooms that they make theirs, and shares that tell who looked."""

PLUGIN = "sales_enablement"
