"""Names of languages: `en`, `eng`, `eng_Latn`, `zh-cn` and `cmn_Hani` as models, lists and parameter files have them.

Source of the tables: ISO 639-1, 639-2/B and 639-3 (codes of two and three letters), ISO 639-3's macrolanguages, of each the language
that models and word lists mean by it, and ISO 15924 (scripts).
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

UNKNOWN = "und"
"""ISO 639's code for a language that was not determined."""

_ISO_639_1 = """
aaaar ababk aeave afafr akaka amamh anarg arara asasm avava ayaym azaze babak bebel bgbul bhbho bibis bmbam bnben bobod
brbre bsbos cacat ceche chcha cocos crcre csces cuchu cvchv cycym dadan dedeu dvdiv dzdzo eeewe elell eneng eoepo
esspa etest eueus fafas ffful fifin fjfij fofao frfra fyfry gagle gdgla glglg gngrn guguj gvglv hahau heheb hihin
hohmo hrhrv hthat huhun hyhye hzher iaina idind ieile igibo iiiii ikipk ioido isisl itita iuiku jajpn jvjav kakat
kgkon kikik kjkua kkkaz klkal kmkhm knkan kokor krkau kskas kukur kvkom kwcor kykir lalat lbltz lglug lilim lnlin
lolao ltlit lulub lvlav mgmlg mhmah mimri mkmkd mlmal mnmon mrmar msmsa mtmlt mymya nanau nbnob ndnde nenep ngndo
nlnld nnnno nonor nrnbl nvnav nynya ococi ojoji omorm orori ososs papan pipli plpol pspus ptpor quque rmroh rnrun
roron rurus rwkin sasan scsrd sdsnd sesme sgsag shhbs sisin skslk slslv smsmo snsna sosom sqsqi srsrp ssssw stsot
susun svswe swswa tatam tetel tgtgk ththa titir tktuk tltgl tntsn toton trtur tstso tttat twtwi tytah uguig ukukr
ururd uzuzb veven vivie vovol wawln wowol xhxho yiyid yoyor zazha zhzho zuzul
iwheb inind jiyid jwjav moron
"""
"""Two letters, then the three that ISO 639-3 has for the same; the last line are withdrawn codes that models still give."""

_ISO_639_2B = """
alb:sqi arm:hye baq:eus bur:mya chi:zho cze:ces dut:nld fre:fra geo:kat ger:deu gre:ell ice:isl mac:mkd mao:mri may:msa per:fas rum:ron
slo:slk tib:bod wel:cym
"""
"""Codes of libraries: ISO 639-3's for the same."""

_MEANT = """
aka:twi ara:arb aym:ayr aze:azj bik:bcl chm:mhr din:dik est:ekk ful:fuv grn:gug kom:kpv kon:kng kur:kmr lav:lvs mlg:plt
mon:khk msa:zsm nep:npi nor:nob ori:ory orm:gaz pus:pbt que:quz pes:fas sqi:als swa:swh tgl:fil uzb:uzn yid:ydd zho:cmn
zza:diq kau:knc bua:bxr hmn:mww dgo:doi
"""
"""Macrolanguage : the language that is meant by it where one word list or one model has to do; of two names of one, one."""

_SAME_SCRIPT = {"Hans": "Hani", "Hant": "Hani", "Kore": "Hang", "Hrkt": "Jpan", "Aran": "Arab", "Cyrs": "Cyrl"}
"""Scripts that others are written in; `Kore`, `Jpan` and their kin are mixtures."""

_CHINESE_REGIONS = {"CN": "Hans", "SG": "Hans", "TW": "Hant", "HK": "Hant", "MO": "Hant"}
"""Where Chinese is written in which way; models that know no scripts name regions (`zh-cn`)."""

_LABEL = re.compile(r"[A-Za-z]{2,8}(?:[_-][A-Za-z0-9]{1,8}){0,4}")
_TO_THREE = {pair[:2]: pair[2:] for pair in _ISO_639_1.split()}
_OF_LIBRARIES = dict(pair.split(":") for pair in _ISO_639_2B.split())
_TO_MEANT = dict(pair.split(":") for pair in _MEANT.split())


class Label(NamedTuple):
    """A language, and its script where that is known."""

    language: str
    script: str | None = None


def is_label(label: str) -> bool:
    """Whether `label` has the form of a name of a language: letters and digits alone, in parts of eight at most."""
    return _LABEL.fullmatch(label) is not None


@lru_cache(maxsize=1 << 13)
def parts(label: str) -> Label:
    """Language (in small letters) and script (as `Latn`) as `label` spells them: `zh-Hant-TW` and `zh-tw` are (`zh`, `Hant`). Other regions and
    variants are left out; what has no such form is a language as it stands."""
    if not is_label(label):
        return Label(label)
    first, *others = re.split("[_-]", label)
    script = next((other.title() for other in others if len(other) == 4 and other.isalpha()), None)
    if script is None and first.lower() in ("zh", "zho", "cmn"):
        script = next((_CHINESE_REGIONS[other.upper()] for other in others if other.upper() in _CHINESE_REGIONS), None)
    return Label(first.lower(), script)


@lru_cache(maxsize=1 << 13)
def same(label: str) -> Label:
    """What is equal for labels of one language: ISO 639-3, of a macrolanguage the language that is meant (`zho`: `cmn`); `Hans` and `Hant` are
    `Hani`."""
    language, script = parts(label)
    language = iso3(language)
    language = _TO_MEANT.get(language, language)
    return Label(language, _SAME_SCRIPT.get(script, script) if script else None)


def iso3(language: str) -> str:
    """The three letters for a code of two, and for one of libraries (`hi`: `hin`, `zh` and `chi`: `zho`); any other as it stands."""
    return _TO_THREE.get(language) or _OF_LIBRARIES.get(language, language)


def covers(wanted: str, label: str) -> bool:
    """Whether a document in the language `label` is one of those that a person means by `wanted`: `en` means `eng_Latn` too,
    `zho_Hant` neither `zho_Hans` nor `zh`."""
    asked, found = parts(wanted), parts(label)
    if same(wanted).language != same(label).language:
        return False
    if asked.script is None or asked.script == found.script:
        return True
    # Hani is either of the two ways to write Chinese.
    return found.script is not None and "Hani" in (asked.script, found.script) and same(wanted) == same(label)


def any_covers(wanted: Iterable[str], label: str | None) -> bool:
    """Whether one of `wanted` covers `label`."""
    return label is not None and _any_covers(tuple(wanted), label)


@lru_cache(maxsize=1 << 13)
def _any_covers(wanted: tuple[str, ...], label: str) -> bool:
    return label in wanted or any(covers(one, label) for one in wanted)


@lru_cache(maxsize=1 << 13)
def names(label: str) -> tuple[str, ...]:
    """The names under which a word list of the language of `label` may stand, best first: as given, without script and
    region, in two and three letters, and those of the macrolanguage (`cmn_Hani`: `cmn`, `zho`, `zh`)."""
    language = parts(label).language
    meant = same(label).language
    alike = [language, iso3(language), meant, *(wide for wide, one in _TO_MEANT.items() if one == meant)]
    short = [two for two, three in _TO_THREE.items() if three in alike]
    return tuple(dict.fromkeys([label, *alike, *short]))


def folder(label: str | None) -> str:
    """The name of the folder of a language: `label` in the usual spelling (`hin_Deva`, `zh_CN`), or `und` for what is no label.

    Labels may come from crawled tables: nothing but letters, digits and `_` gets into a path, and no two labels that
    differ in capitals alone get two folders, which some file systems can't tell apart.
    """
    if label is None or not is_label(label):
        return UNKNOWN
    first, *others = re.split("[_-]", label)
    spelt = [
        other.title() if len(other) == 4 and other.isalpha() else other.upper() if len(other) == 2 else other.lower()
        for other in others
    ]
    return "_".join([first.lower(), *spelt])
