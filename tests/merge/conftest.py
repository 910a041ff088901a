"""Fields that the tests of the merge language share."""

import pytest

from cms_core.merge import Fields, FieldType, Namespace

FIELDS = Fields(
    {
        "contact": Namespace(
            {
                "first_name": FieldType.TEXT,
                "company": FieldType.TEXT,
                "website": FieldType.URL,
                "score": FieldType.NUMBER,
                "signed_up": FieldType.DATE,
                "vip": FieldType.BOOL,
                "tags": FieldType.LIST,
                "orders": FieldType.LIST,
            }
        ),
        "custom": Namespace({}, open=True),
    }
).trusting("message", token=FieldType.TEXT, unsubscribe_url=FieldType.URL)


@pytest.fixture(scope="session")
def fields() -> Fields:
    """A contact's fields, an open namespace, and a trusted one."""
    return FIELDS
