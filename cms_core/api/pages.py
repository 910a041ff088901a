"""A page that lists all calls of the REST interface, drawn from its own description."""

from typing import Any

from flask import Blueprint, current_app, render_template

from cms_core.web.request import Answer

blueprint = Blueprint("rest_docs", __name__, url_prefix="/app/api", template_folder="templates")


@blueprint.get("")
def index() -> Answer:
    """Every call with what it takes, what it answers and who may use it."""
    from cms_core.api.wiring import description

    document = description(current_app)
    return render_template("api/index.html", about=document["info"], groups=_groups(document))


def _groups(document: dict[str, Any]) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    tags = {tag["name"]: (tag, list[dict[str, Any]]()) for tag in document.get("tags", [])}
    for path, operations in document["paths"].items():
        shared = operations.get("parameters", [])
        for method, operation in operations.items():
            if method != "parameters":
                tags[operation["tags"][0]][1].append(_call(document, method, path, operation, shared))
    return [group for group in tags.values() if group[1]]


def _call(
    document: dict[str, Any], method: str, path: str, operation: dict[str, Any], shared: list[Any]
) -> dict[str, Any]:
    content: dict[str, Any] = operation.get("requestBody", {}).get("content", {})
    body: tuple[str | None, dict[str, Any]] = next(iter(content.items()), (None, {}))
    return {
        "method": method.upper(),
        "path": path,
        "summary": operation.get("summary", ""),
        "description": operation.get("description", ""),
        "permission": operation.get("x-permission"),
        "cli": operation.get("x-cli", []),
        "parameters": [*shared, *operation.get("parameters", [])],
        "takes": body[0],
        "fields": _fields(document, body[1].get("schema", {})),
    }


def _fields(document: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields of a body: name, kind, whether it must be there, and what it says."""
    name = schema.get("$ref", "").rpartition("/")[2]
    found = document["components"]["schemas"].get(name, schema)
    required = found.get("required", [])
    return [
        {
            "name": key,
            "type": _kind(spec.get("type", "")),
            "required": key in required,
            "about": spec.get("description", ""),
        }
        for key, spec in found.get("properties", {}).items()
    ]


def _kind(told: Any) -> str:
    return " or ".join(told) if isinstance(told, list) else str(told)
