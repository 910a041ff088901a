"""The web shell: base templates, components, style, scripts, forms from schemas and charts."""

from cms_core.web.shell import Frame, Viewer, init_web, toast

__all__ = ["Frame", "Viewer", "init_web", "toast"]
