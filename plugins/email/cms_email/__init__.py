"""The channel ``email``: personalised mail to a segment over SMTP."""
