"""The channels ``mastodon`` and ``bluesky``."""
