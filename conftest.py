"""Loads the plugin for the specs, and pytester for the tests of the harness."""

pytest_plugins = ["concspec.plugin", "pytester"]
