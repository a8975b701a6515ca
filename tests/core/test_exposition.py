"""The text for Prometheus, read back by its own client."""

import math

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from pangea.core.exposition import family, labels


def parsed(pieces):
    """Return all samples as (name, labels, value)."""
    found = text_string_to_metric_families("".join(pieces))
    return [(s.name, s.labels, s.value) for one in found for s in one.samples]


# The client splits at every line break that Python knows; Prometheus knows one.
SAID = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]) | st.just("\n")
)


@given(SAID, st.floats())
def test_what_labels_hold_is_read_back(said, value):
    read = parsed(family("a_b", "gauge", "x", [(labels(job=said), value)]))
    expected = [("a_b", {"job": said}, value)] if math.isfinite(value) else []
    assert read == expected


def test_a_family_without_samples_is_no_family():
    assert "".join(family("a", "gauge", "x", [])) == ""
    assert "".join(family("a", "gauge", "x", [("", math.nan)])) == ""


def test_a_head_stands_once_before_its_samples():
    text = "".join(family("a_total", "counter", "b\\\nc", [("", 1.0), ("", 0.5)]))
    assert text == (
        "# HELP a_total b\\\\\\nc\n# TYPE a_total counter\na_total 1\na_total 0.5\n"
    )
