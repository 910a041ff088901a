"""Small WordPress exports for tests."""

from xml.sax.saxutils import escape

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:wp="http://wordpress.org/export/1.2/"><channel>
<title>Old blog</title><link>https://old.example</link><language>en-GB</language>
<wp:base_site_url>https://old.example</wp:base_site_url><wp:base_blog_url>https://old.example</wp:base_blog_url>
<wp:author><wp:author_login>ann</wp:author_login><wp:author_email>Ann@Example.com</wp:author_email>
<wp:author_display_name><![CDATA[Ann]]></wp:author_display_name></wp:author>
"""
TAIL = "</channel></rss>\n"


def export(*items: str) -> str:
    """A whole file."""
    return HEAD + "".join(items) + TAIL


def item(number: int, title: str, content: str = "", **fields: str) -> str:
    """An item; ``fields`` are those of the wp namespace, and ``extra`` is XML as it is."""
    extra = fields.pop("extra", "")
    values = {
        "post_id": str(number),
        "post_type": "post",
        "status": "publish",
        "post_name": title.lower().replace(" ", "-"),
        "post_date": "2020-01-02 10:00:00",
        "post_date_gmt": "2020-01-02 09:00:00",
        **fields,
    }
    link = f"https://old.example/2020/{values['post_name']}/"
    wp = "".join(f"<wp:{name}>{escape(value)}</wp:{name}>" for name, value in values.items())
    return (
        f"<item><title>{escape(title)}</title><link>{link}</link><guid>https://old.example/?p={number}</guid>"
        f"<dc:creator>ann</dc:creator><content:encoded><![CDATA[{content}]]></content:encoded>"
        f"<excerpt:encoded></excerpt:encoded>{wp}{extra}</item>\n"
    )


def attachment(number: int, address: str, parent: int = 0, title: str = "A picture") -> str:
    """An uploaded file."""
    return item(
        number,
        title,
        post_type="attachment",
        status="inherit",
        attachment_url=address,
        post_parent=str(parent),
    )


def meta(key: str, value: str) -> str:
    """A custom field of an item."""
    return (
        f"<wp:postmeta><wp:meta_key>{key}</wp:meta_key><wp:meta_value>{value}</wp:meta_value></wp:postmeta>"
    )
