"""What a browser calls itself, in words that its owner knows it by."""

import re

# The first that matches: nearly all of them say that they are several others, too.
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
    """ "Firefox on Linux"; of a program its name; nothing when it says nothing of use."""
    browser, system = _first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)
    if browser:
        return f"{browser} on {system}" if system else browser
    program = PROGRAM.match(user_agent)
    return program.group() if program else ""


def _first(names: dict[str, str], user_agent: str) -> str:
    return next((name for pattern, name in names.items() if re.search(pattern, user_agent)), "")
