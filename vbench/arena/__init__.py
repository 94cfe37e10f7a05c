"""Blind pairs and votes on them, for a page or for a script: nothing here needs a server."""
