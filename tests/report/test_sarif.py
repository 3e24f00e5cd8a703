"""SARIF 2.1.0: valid, and saying neither more nor less than the case."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sandgrain.report import render_sarif

from .conftest import Setting

SCHEMA = json.loads((Path(__file__).parent / "data" / "sarif-2.1.0-used.schema.json").read_text("utf-8"))


def results(log: dict[str, Any]) -> dict[str, Any]:
    return {result["properties"]["findingId"]: result for result in log["runs"][0]["results"] if "properties" in result}


@pytest.mark.parametrize("name", ["refuted", "clean", "proved", "hostile"])
def test_the_log_is_valid(name: str, request: pytest.FixtureRequest) -> None:
    setting: Setting = request.getfixturevalue(name)
    log = json.loads(json.dumps(render_sarif(setting.case)))
    jsonschema.Draft7Validator(SCHEMA).validate(log)
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert len(rules) == 7
    for result in log["runs"][0]["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_the_schema_refuses_a_level_that_contradicts_the_kind(refuted: Setting) -> None:
    log = render_sarif(refuted.case)
    results(log)["trap"]["level"] = "error"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(SCHEMA).validate(log)


def test_kinds_and_levels_follow_the_status(refuted: Setting) -> None:
    found = {name: (result["kind"], result["level"]) for name, result in results(render_sarif(refuted.case)).items()}
    assert found == {
        "bus-halt-1": ("fail", "error"),
        "suspect-1": ("review", "none"),
        "trap": ("informational", "none"),
    }


def test_places_are_relative_to_the_submission(refuted: Setting) -> None:
    result = results(render_sarif(refuted.case))["bus-halt-1"]
    location = result["locations"][0]["physicalLocation"]
    assert location == {
        "artifactLocation": {"uri": "rtl/picorv32.v", "uriBaseId": "SUBMISSION"},
        "region": {"startLine": 22},
    }
    assert result["relatedLocations"][0]["physicalLocation"]["region"] == {"startLine": 27}


def test_fingerprints_stay_and_differ(refuted: Setting) -> None:
    first, second = (results(render_sarif(refuted.case)) for _ in range(2))
    prints = [result["partialFingerprints"]["sandgrainFinding/v1"] for result in first.values()]
    assert first == second
    assert len(set(prints)) == 3


def test_verdicts_are_told_and_silence_is_none(refuted: Setting, clean: Setting, proved: Setting) -> None:
    verdicts = render_sarif(refuted.case)["runs"][0]["properties"]["verdicts"]
    assert verdicts["no-remote-shutdown"] == {"verdict": "refuted", "examined": True}
    assert verdicts["custody-unbroken"] == {"verdict": "open", "examined": False}
    assert [result["kind"] for result in render_sarif(clean.case)["runs"][0]["results"]] == ["open"]
    assert [result["kind"] for result in render_sarif(proved.case)["runs"][0]["results"]] == ["pass"]


def test_hostile_names_are_neither_links_nor_uris(hostile: Setting) -> None:
    text = json.dumps(render_sarif(hostile.case), ensure_ascii=False)
    assert "\u202e" not in results(render_sarif(hostile.case))["x"]["message"]["text"]
    assert '"uri": "<script' not in text
    assert "{{" in text
