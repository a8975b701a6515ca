"""The tokens of the look can be read: 4.5 for text, 3 for lines of controls."""

import re
from importlib import resources

import pytest

CSS = resources.files("pangea.web_assets").joinpath("static/pangea.css").read_text()


def tokens(selector):
    """Return the colours of a theme by their names."""
    block = re.search(rf"^{re.escape(selector)} \{{(.*?)\}}", CSS, re.DOTALL | re.M)[1]
    return dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", block))


TOKENS = tokens(":root")
#: Of each theme its colours, and the least contrast of its texts.
THEMES = {
    "green": (TOKENS, 4.5),
    "contrast": (tokens(':root[data-theme="contrast"]'), 7),
}
GROUNDS = ("bg", "panel", "raised")
CONTROLS = ("control", "accent")
TEXTS = tuple(t for t in TOKENS if t not in (*GROUNDS, "control", "line", "grid"))


def light(colour):
    """Return the relative luminance of a colour (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """Return the contrast of two colours (WCAG 2.2)."""
    lights = sorted((light(one), light(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def test_the_measure_is_that_of_wcag():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("token", TEXTS)
def test_text_can_be_read(token, ground, theme):
    colours, least = THEMES[theme]
    assert contrast(colours[token], colours[ground]) >= least


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("token", CONTROLS)
def test_controls_can_be_seen(token, ground, theme):
    colours, _ = THEMES[theme]
    assert contrast(colours[token], colours[ground]) >= 3


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", ["soft", "accent", "down"])
def test_a_button_under_the_pointer_can_be_read(ground, theme):
    colours, least = THEMES[theme]
    assert contrast(colours["bg"], colours[ground]) >= least


def test_every_theme_has_every_colour():
    assert all(set(theme) == set(TOKENS) for theme, _ in THEMES.values())


def test_styles_use_the_colours_of_the_theme_alone():
    folder = resources.files("pangea.web_assets").joinpath("static")
    for file in folder.iterdir():
        if file.name.endswith(".css") and file.name != "pangea.css":
            assert not re.findall(r"#[0-9a-f]{3,8}\b[^{]*;", file.read_text()), (
                file.name
            )


def test_all_verdicts_have_a_colour():
    assert {"up", "degraded", "down", "unknown", "paused"} <= set(TOKENS)


def test_the_scanlines_stay_under_five_percent():
    shown = re.findall(r"rgb\(\d+ \d+ \d+ / (\.?\d*\.?\d+)\)", CSS)
    assert shown
    assert all(float(alpha) <= 0.05 for alpha in shown)
    assert "prefers-reduced-motion" in CSS
    assert "prefers-contrast" in CSS
