"""The comment of a source file that a place lies in."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

FURTHEST = 1_500
"""Characters before and after a place in which its comment is looked for."""
_PAIRS = (("/*", "*/"), ("<!--", "-->"), ("(*", "*)"), ("{-", "-}"), ("{#", "#}"), ("--[[", "]]"), ("=begin", "=end"))
_LINE = re.compile(r"""[ \t]*(#+|//+!?|--+|;+|%+|!+|'+|"+|dnl\b|@?rem\b|\.\.|\.\\"|::|\*|c(?= ))""", re.I)


def comments_with(text: str, places: Iterable[tuple[int, ...]]) -> list[tuple[int, int]]:
    """The comments around some places (start, end, …), in the order of the places and without repetition.

    A block comment or a docstring to its marks, line comments as far as their lines touch, any other text as far as its
    paragraph goes; never further than `FURTHEST` from the place.
    """
    quotes: list[int] | None = None
    found: list[tuple[int, int]] = []
    for start, end in sorted((place[0], place[1]) for place in places):
        if not found or end > found[-1][1]:
            if quotes is None:
                quotes = sorted([*_places(text, '"""'), *_places(text, "'''")])
            found.append(_comment(text, start, end, quotes))
    return found


def _places(text: str, mark: str) -> Iterator[int]:
    """Where a mark stands, without overlaps."""
    at = text.find(mark)
    while at >= 0:
        yield at
        at = text.find(mark, at + len(mark))


_PREAMBLE = re.compile(
    r"#!.*|[\"']use strict[\"'];?|from __future__ .*|<\?php|<\?xml[^>]*>|package [\w.]+;?|\s*"
    r"|<\?php\s+declare\(strict_types=1\);|declare\(strict_types=1\);|namespace [\w.\\]+;|unit [\w.]+;|library [\w.]+;|(?:open |data )?module [\w.]+;|defmodule [\w.]+ do|@file:\w+.*"
)
"""Lines that may stand before the comment that speaks of all of a file."""
_OPENED = re.compile(
    r"(?:@(?:module|type)?doc\s+(?:~[sS])?|[rubRUB]{0,2})(\"\"\"|\'\'\')|\(ns\s+[\w.-]+\s+(?:\^\{[^}]*\}\s*)?(\")"
)
_HELPED = re.compile(r"(?:function\b[^\n%]*|classdef \w[^\n%]*)\n(?=[ \t]*%)")
"""The first line of a function of MATLAB that its help follows."""
MOST_HEAD = 4_000
"""Characters at the head of a file in which its first comments are looked for."""


@lru_cache(maxsize=8)  # asked several times for one file
def head_comments(text: str) -> Sequence[tuple[int, int]]:
    """The comments and docstrings with which a file begins, in order; line comments that touch are one."""
    found: list[tuple[int, int]] = []
    at, most = 0, min(len(text), MOST_HEAD)
    while at < most:
        at += len(text[at:most]) - len(text[at:most].lstrip())
        line_end = text.find("\n", at, most)
        line_end = line_end if line_end >= 0 else most
        end = _block_end(text, at, most)
        if end:
            found.append((at, end))
            at = end
        elif helped := _HELPED.match(text, at):
            at = helped.end()
        elif _PREAMBLE.fullmatch(text, at, line_end):
            at = line_end + 1
        elif _is_line_comment(text, at, line_end):
            touches = (
                found
                and "\n" not in text[found[-1][1] : at].strip(" \t\r").removeprefix("\n")
                and text[found[-1][0]] == text[at]
            )
            found[-1:] = [(found[-1][0], line_end)] if touches else [*found[-1:], (at, line_end)]
            at = line_end + 1
        else:
            break
    return found


def _block_end(text: str, at: int, most: int) -> int:
    """Where the block comment or docstring that begins at a place ends; 0 where none begins."""
    closing = next((closing for opening, closing in _PAIRS if text.startswith(opening, at)), None)
    opened = _OPENED.match(text, at)
    if closing is None and opened is None:
        return 0
    mark = closing or (opened.group(1) or opened.group(2) if opened else "")
    end = text.find(mark, opened.end() if opened else at + 2)
    return end + len(mark) if end >= 0 else most


def _is_line_comment(text: str, at: int, line_end: int) -> bool:
    mark = _LINE.match(text, at, line_end)
    code = text.startswith(("'", '"', "c ", "C ", "#include", "#define", "#if", "#pragma", "#["), at)
    return mark is not None and not code


def _comment(text: str, start: int, end: int, quotes: Sequence[int]) -> tuple[int, int]:
    first, last = max(0, start - FURTHEST), min(len(text), end + FURTHEST)
    for opening, closing in _PAIRS:
        opened = text.rfind(opening, first, start + len(opening))
        if opened >= 0 and text.find(closing, opened + len(opening), start) < 0:
            closed = text.find(closing, end, last)
            return opened, closed if closed >= 0 else last
    before = bisect_left(quotes, start)
    if before % 2:
        after = bisect_left(quotes, end)
        return max(first, quotes[before - 1]), min(last, quotes[after] if after < len(quotes) else last)
    return _lines(text, start, end, (first, last))


def _lines(text: str, start: int, end: int, limits: tuple[int, int]) -> tuple[int, int]:
    """Lines around a place that begin with its comment mark; without one, that are not blank."""
    first = text.rfind("\n", limits[0], start) + 1 or limits[0]
    last = text.find("\n", end, limits[1])
    last = last if last >= 0 else limits[1]
    mark = _LINE.match(text, first, last)
    while first > limits[0]:
        line = max(text.rfind("\n", limits[0], first - 1) + 1, limits[0])
        if not _goes_on(text[line : first - 1], mark):
            break
        first = line
    while last < limits[1]:
        line = text.find("\n", last + 1, limits[1])
        line = line if line >= 0 else limits[1]
        if not _goes_on(text[last + 1 : line], mark):
            break
        last = line
    return first, last


def _goes_on(line: str, mark: re.Match[str] | None) -> bool:
    if mark is None:
        return bool(line.strip())
    found = _LINE.match(line)
    return found is not None and found.group(1)[0] == mark.group(1)[0]
