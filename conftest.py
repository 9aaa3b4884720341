"""Loads the plugin, for the specs and for the tests of the harness."""

pytest_plugins = ["concspec.plugin"]
