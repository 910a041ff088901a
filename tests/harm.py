"""What pages of every room are tried with: words that want to be markup, and how much a page may ask of the database."""

NAUGHTY = "<script>alert('ä')</script>\"><img src=x onerror=alert(1)>{{7*7}}"
MOST_STATEMENTS = 12
