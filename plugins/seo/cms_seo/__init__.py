"""The channel ``site``: articles and landing pages at their own addresses."""
