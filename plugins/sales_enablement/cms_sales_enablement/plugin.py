"""The hooks of this plugin."""

api = "1"
