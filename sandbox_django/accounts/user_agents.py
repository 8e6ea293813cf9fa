"""Finds readable names for the browsers and programs of signed-in devices."""

import re

# The first match is used. Order matters, because most browsers also contain the names of other browsers.
BROWSERS = {
    r"Edg(?:e|A|iOS)?/": "Edge",
    r"OPR/|Opera": "Opera",
    r"SamsungBrowser/": "Samsung Internet",
    r"Firefox/|FxiOS/": "Firefox",
    r"Chrome/|CriOS/|Chromium/": "Chrome",
    r"Safari/": "Safari",
}
SYSTEMS = {
    r"iPhone": "iPhone",
    r"iPad": "iPad",
    r"Android": "Android",
    r"Windows": "Windows",
    r"CrOS": "ChromeOS",
    r"Mac OS X": "macOS",
    r"Linux": "Linux",
}
PROGRAM = re.compile(r"[A-Za-z][\w.-]{0,39}")


def browser_name(user_agent: str) -> str:
    """Returns a name such as "Firefox on Linux", or a program's own name. Returns "" for an unknown user agent."""
    browser, system = _first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)
    if browser:
        return f"{browser} on {system}" if system else browser
    program = PROGRAM.match(user_agent)
    return program.group() if program else ""


def _first(names: dict[str, str], user_agent: str) -> str:
    return next((name for pattern, name in names.items() if re.search(pattern, user_agent)), "")
