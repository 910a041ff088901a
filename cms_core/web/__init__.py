"""The web shell: base templates, components, style, scripts, forms from schemas and charts."""
