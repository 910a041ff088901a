"""Who may come in where, route by route: written by hand and read by people."""

ROLES = ("admin", "marketer", "approver", "rep", "viewer")
EVERYBODY = frozenset(ROLES)
OFFICE = EVERYBODY - {"rep"}
WRITERS = frozenset({"admin", "marketer"})
ADMIN = frozenset({"admin"})
PUBLIC = frozenset({"public"})  # without a sign-in
ENTRANCE = frozenset({"entrance"})  # under /app, yet for strangers

# A route that is not in here fails, and so does one that lets somebody else in.
ALLOWED = {
    # The public site, its machinery, files by their hash, and the signed addresses in mails.
    "GET /": PUBLIC,
    "GET /<site_path:path>": PUBLIC,
    "GET /feed.xml": PUBLIC,
    "GET /rss.xml": PUBLIC,
    "GET /robots.txt": PUBLIC,
    "GET /sitemap.xml": PUBLIC,
    "GET /sitemap-<int(min=1, max=50000):number>.xml": PUBLIC,
    "GET /static/seo/<version>/<colour>.css": PUBLIC,
    "GET /media/<sha256>/<filename>": PUBLIC,
    "GET /healthz": PUBLIC,
    "GET /t/<token>.gif": PUBLIC,
    "GET /t/<token>/<int(max=1000000):n>": PUBLIC,
    "GET /t/<token>/h": PUBLIC,
    "GET /t/<token>/u": PUBLIC,
    "POST /t/<token>/u": PUBLIC,
    # The way in.
    "GET /app/login": ENTRANCE,
    "POST /app/login": ENTRANCE,
    "GET /app/static/<path:filename>": ENTRANCE,
    # One's own things.
    "GET /app/": EVERYBODY,
    "GET /app/me": EVERYBODY,
    "POST /app/me": EVERYBODY,
    "POST /app/me/password": EVERYBODY,
    "POST /app/logout": EVERYBODY,
    "POST /app/theme": EVERYBODY,
    "GET /app/dev/ui": EVERYBODY,
    "GET /app/dev/ui/live": EVERYBODY,
    "GET /app/dev/ui/preview": EVERYBODY,
    # Content.
    "GET /app/content": EVERYBODY,
    "GET /app/content/<slug>": EVERYBODY,
    "GET /app/content/preview/<name>": EVERYBODY,
    "GET /app/content/new": WRITERS,
    "POST /app/content/new": WRITERS,
    "GET /app/content/<slug>/edit": WRITERS,
    "POST /app/content/<slug>/edit": WRITERS,
    "POST /app/content/preview": WRITERS,
    "GET /app/content/import": WRITERS,
    "POST /app/content/import": WRITERS,
    "POST /app/content/media": WRITERS,
    "POST /app/content/<slug>/ask": WRITERS,
    "POST /app/content/<slug>/approve": frozenset({"admin", "approver"}),
    "POST /app/content/<slug>/changes": frozenset({"admin", "approver"}),
    # Calendar, campaigns, publications, reports.
    "GET /app/calendar": OFFICE,
    "GET /app/calendar/side": OFFICE,
    "GET /app/calendar/entries/<public_id>": OFFICE,
    "POST /app/calendar/entries/<public_id>/arm": WRITERS,
    "POST /app/calendar/entries/<public_id>/disarm": WRITERS,
    "POST /app/calendar/entries/<public_id>/drop": WRITERS,
    "POST /app/calendar/entries/<public_id>/move": WRITERS,
    "GET /app/calendar/new": WRITERS,
    "POST /app/calendar/new": WRITERS,
    "GET /app/calendar/import": WRITERS,
    "POST /app/calendar/import": WRITERS,
    "GET /app/campaigns": OFFICE,
    "GET /app/campaigns/<public_id>": OFFICE,
    "GET /app/campaigns/new": WRITERS,
    "POST /app/campaigns/new": WRITERS,
    "GET /app/publications": OFFICE,
    "GET /app/publications/<public_id>": OFFICE,
    "GET /app/publications/<public_id>/progress": OFFICE,
    **{
        f"POST /app/publications/<public_id>/{what}": WRITERS
        for what in ("retry", "hold", "resume", "cancel", "resolve", "update", "withdraw", "pick")
    },
    "GET /app/reports": OFFICE,
    "GET /app/reports/<public_id>": OFFICE,
    "GET /app/reports/<public_id>/report.csv": OFFICE,
    "GET /app/reports/<public_id>/report.html": OFFICE,
    "GET /app/p/seo/": OFFICE,
    # People.
    "GET /app/contacts": WRITERS,
    "GET /app/contacts/<public_id>": WRITERS,
    "POST /app/contacts/<public_id>/unsubscribe": WRITERS,
    "GET /app/contacts/<public_id>/export": WRITERS,
    "POST /app/contacts/<public_id>/erase": WRITERS,
    "GET /app/contacts/import": WRITERS,
    "POST /app/contacts/import": WRITERS,
    "GET /app/segments": WRITERS,
    "GET /app/segments/<public_id>": WRITERS,
    "POST /app/segments/<public_id>": WRITERS,
    "GET /app/segments/new": WRITERS,
    "POST /app/segments/new": WRITERS,
    "POST /app/segments/count": WRITERS,
    # The workspace.
    "GET /app/connections": ADMIN,
    "GET /app/connections/<public_id>": ADMIN,
    "POST /app/connections/<public_id>": ADMIN,
    "POST /app/connections/<public_id>/test": ADMIN,
    "GET /app/connections/new/<channel>": ADMIN,
    "POST /app/connections/new/<channel>": ADMIN,
    "GET /app/plugins": ADMIN,
    "GET /app/plugins/<name>": ADMIN,
    "POST /app/plugins/<name>": ADMIN,
    "GET /app/users": ADMIN,
    "POST /app/users": ADMIN,
    "POST /app/users/<public_id>/role": ADMIN,
    "POST /app/users/<public_id>/disable": ADMIN,
    "POST /app/users/<public_id>/enable": ADMIN,
    "POST /app/users/<public_id>/password": ADMIN,
    "GET /app/audit": ADMIN,
}
