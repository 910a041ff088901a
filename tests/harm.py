"""What pages of every room are tried with: words that want to be markup, and how much a page may ask of the database."""

NAUGHTY = "<script>alert('ä')</script>\"><img src=x onerror=alert(1)>{{7*7}}"
MOST_STATEMENTS = 20  # with what the panels of all plugins ask; it does not grow with what is shown
