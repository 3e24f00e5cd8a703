"""Languages, catalogues, and that every sentence has its translation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandgrain.report.extract import as_po, messages, missing
from sandgrain.report.language import Language, LanguageError, Translator, fields
from sandgrain.verdict import Text


@pytest.mark.parametrize("name", ["zh", "zh-CN", "zh_CN", "ZH_cn", "zh_Hans", "zh_CN.UTF-8"])
def test_chinese_has_several_names(name: str) -> None:
    assert Language.parse(name) is Language.ZH_CN


def test_english_is_tagged_for_html() -> None:
    assert (Language.parse("en").tag, Language.ZH_CN.tag) == ("en", "zh-CN")


@pytest.mark.parametrize("name", ["fr", "", "../zh_CN", "zh_TW"])
def test_other_languages_are_refused(name: str) -> None:
    with pytest.raises(LanguageError, match="en or zh_CN"):
        Language.parse(name)


def test_a_text_is_told_in_both_languages() -> None:
    text = Text(template="Dead from cycle {cycle}.", args={"cycle": 59})
    assert Translator(Language.EN).tell(text) == "Dead from cycle 59."
    assert Translator(Language.ZH_CN).tell(text) == "自第 59 周期起失效。"


def test_an_unknown_sentence_stays_english() -> None:
    assert Translator(Language.ZH_CN).tell(Text(template="No {x}.", args={"x": 1})) == "No 1."


def test_the_empty_sentence_is_not_the_catalogue_header() -> None:
    assert Translator(Language.ZH_CN).tell(Text(template="")) == ""


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{x.__class__}", "{x.__class__}"),
        ("{x:>99999999999}", "{x:>99999999999}"),
        ("{x!r}", "{x!r}"),
        ("{0}", "{0}"),
        ("{y}", "{y}"),
        ("{{x}}", "{x}"),
        ("{x", "{x"),
        ("{n:,}", "14,512"),
    ],
)
def test_templates_reach_into_nothing(template: str, told: str) -> None:
    assert Translator(Language.EN).tell(Text(template=template, args={"x": "{y}", "n": 14512})) == told


@given(st.text(max_size=60), st.text(max_size=20))
def test_any_template_can_be_told(template: str, value: str) -> None:
    Translator(Language.ZH_CN).tell(Text(template=template, args={"x": value}))


def test_fields_of_a_template() -> None:
    assert fields("{a} {{b}} {c:,}") == {"a", "c"}


def test_the_scan_finds_sentences_of_templates_and_modules() -> None:
    texts = {message.text for message in messages()}
    assert {"The seven claims", "{count} more below.", "No remote shutdown", "Figures", "reset"} <= texts


def test_every_sentence_is_translated_with_the_same_fields() -> None:
    lacking = missing(Language.ZH_CN)
    assert not lacking, (
        f"{len(lacking)} sentences lack a Chinese translation (or have one with other fields).\n"
        f"Add to src/sandgrain/report/locale/zh_CN/LC_MESSAGES/sandgrain.po:\n\n{as_po(lacking)}"
    )
