"""Paid flights on the calendar, a guard of their budgets, and what they cost."""
