"""A library of approved content for reps, and shares that tell who looked."""
