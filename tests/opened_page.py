"""What a real browser says of the page that is open in it."""

from __future__ import annotations

SEVERE = {"serious", "critical"}
"""Impacts by which axe calls a violation one that shuts people out."""


def errors(browser):
    """Messages of the console since it was asked the last time."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def broken_pictures(browser):
    return browser.execute_script("return [...document.images].filter(p => !p.naturalWidth).map(p => p.alt)")


def violations(browser):
    """Names and places of what shuts people out, found by axe."""
    from selenium_axe_python import Axe

    axe = Axe(browser)
    axe.inject()
    found = axe.run()
    assert found["passes"], "axe looked at nothing"
    return [(one["id"], one["nodes"][0]["html"]) for one in found["violations"] if one["impact"] in SEVERE]


def overflow(browser):
    """Pixels by which the page is wider than its window."""
    return browser.execute_script(
        "const page = document.documentElement; return Math.max(0, page.scrollWidth - page.clientWidth)"
    )
