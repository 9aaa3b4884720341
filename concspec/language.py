"""The words of the report, in English and Chinese, and their width on a terminal."""

from __future__ import annotations

import unicodedata

LANGUAGES = ("en", "zh")

_CHINESE = {
    "holds": "成立",
    "hold": "成立",
    "refuted": "被推翻",
    "refuted, as expected": "如预期被推翻",
    "not applicable": "不适用",
    "n/a": "不适用",
    "inconclusive": "无法判定",
    "changed": "有变化",
    "error": "出错",
    "not run": "未运行",
    "section": "小节",
    "total": "合计",
    "claims on {}": "{} 上各项论断的结果",
    "claims": "论断",
    "falsifiers": "证伪",
    "caught": "被发现",
    "escaped": "漏网",
    "because": "原因",
    "since": "何时起",
    "see": "参见",
    "instead": "实际情况",
    "expected": "预期",
    "seen": "实际",
    "where": "位置",
    "interpreter": "解释器",
    "build": "构建",
    "GIL": "GIL",
    "on": "开",
    "off": "关",
    "before": "运行前",
    "after": "运行后",
    "usable CPUs": "可用 CPU",
    "broken off: claims without a verdict were not run": "运行中途停止：没有结论的论断未曾运行",
}


def say(words: str, lang: str) -> str:
    """Return one of the report's own phrases in the language ``lang``."""
    return _CHINESE[words] if lang == "zh" else words


def say_since(since: str, lang: str) -> str:
    """Say since when something is so: ``always``, ``always, up to CPython 3.13``, ``CPython 3.10``.

    A version has the same name in every language.
    """
    always, _, last = since.partition(", up to ")
    if lang == "en" or always != "always":
        return since
    return f"一直如此，直到 {last}" if last else "一直如此"


def width(text: str) -> int:
    """Count the columns that ``text`` takes on a terminal: Chinese characters take two."""
    return sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in text)


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """Fill ``text`` with spaces up to ``columns``, in front of it if ``right`` is set."""
    space = " " * (columns - width(text))
    return space + text if right else text + space
