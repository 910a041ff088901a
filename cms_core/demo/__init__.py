"""What ``cms demo`` plays: a little company, ninety days of its past, and a campaign that goes out before your eyes.

Everything goes through the services and doors that everybody uses; only instants of the past are set by hand (``history``).
"""
