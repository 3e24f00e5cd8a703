"""The vocabulary of a case refuses what no audit writes."""

from __future__ import annotations

import pytest

from sandgrain.verdict import Text


def test_a_text_fills_its_fields() -> None:
    assert str(Text(template="{count} registers of {name}", args={"count": 3, "name": "{x}"})) == "3 registers of {x}"


@pytest.mark.parametrize(
    "template", ["{a.__class__}", "{a[0]}", "{a!r}", "{a:>999999999}", "{0}", "{}", "{a", "a}", "{b}"]
)
def test_a_template_out_of_an_altered_case_reads_nothing(template: str) -> None:
    assert str(Text(template=template, args={"a": "b"})) == template
