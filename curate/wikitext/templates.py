"""Templates that carry text, and what they show. All others are dropped: boxes, notices, navigation, citations.

Names are in lower case, with spaces. docs/sources.md has the table for readers; `shown` is the way in. The names are those
of the English Wikipedia and the commonest of the other nineteen of LLaMA's.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date

from curate.wikitext.units import convert, number, rounded

Show = Callable[[list[str], dict[str, str]], str]

FIRST = """
    nowrap nobr nobreak small smaller smalldiv big bigger larger large huge em strong emphasis smallcaps sc allcaps bold
    italic noitalic nobold italics abbr abbrv tooltip ipa ipa-all api ipalink ipablink unicode mvar math tmath bigmath
    mono tt code kbd samp var codes sub sup quote cquote blockquote quotation bquote quote_box rquote epigraph
    centered_pull_quote poemquote poem_quote not_a_typo notatypo sic typo as_written proper_name strike del ins s u
    underline ul overline over center centre left right middle highlight hl tq xt !xt mxt ill interlanguage_link
    interlanguage_link_multi ill2 link-interwiki illm iw2 iw visible_anchor vanchor va flag flagcountry flagu flaglink
    flag_country flagdeco flagathlete flagmedalist country noflag nfly cfby mlby by year avyear nbay nflplayer scly
    baseball_year plainlist flatlist plain_list indent block_indent script/hebrew script/arabic script/greek
    script/cyrillic script/hebr script/arab hebrew arabic polytonic hebr greek keypress key_press key button formatnum
    formatnum: nts num commas number mono_sans monospaced serif sans-serif sans lang-en-gb cols col-list pronunciation
    citation_bloc citation zitat-en cita citazione cytat цитата ф citação cita_blocco început_citat citat mlle mme m.
    abréviation abrev lien_court vérif romain rom_maj rom-maj petites_capitales pc noir nom petit nobrs comment нп нп5
    нп3 нп4 не_переведено не_переведено_5 nie_przetłumaczono trad link_internetowy formatnum_fr blanc anobr nowrap2
    big_math tableabbr verification_nowrap no_wrap no_break ruby-zh-p ruby phonetic wikt wiktionary_link wikt-link twl
    language_word tooltip_text hover_title popup explain first_word dropcap drop_cap initial avoid_wrap no_selflink
    noselflink abbrlink
"""
"""Templates that show their first argument."""
SECOND = """
    lang wikt-lang rtl-lang script native_name native_phrase font_color fontcolor color colour text_color align float
    sort foreign audio audio-ipa lang_text tlit iast idioma langue язык lng ling bidi
"""
"""Templates that show their second argument: the first is a language, a colour, a key to sort by."""
LAST = """
    transliteration transl tlit romanize resize font_size fs translit
"""
"""Templates that show their last argument."""
ALL = """
    linktext unbulleted_list_inline gaps joined bibleverse bible
"""
ITEMS = """
    hlist flatlist unbulleted_list ubl ublist ubil bulleted_list blist cslist comma_separated_entries ordered_list enum
    csv list_of plainlist pagelist unordered_list tree_list col_div columns-list columns_list div_col_list
"""
"""Templates that show all their arguments, a line each."""
FIXED = {
    "!": "|", "=": "=", "(": "(", ")": ")", "·": " · ", "•": " • ", "dot": " · ", "middot": " · ", "bull": " • ", "bullet": " • ",
    "'": "'", "' \"": "' \"", "\" '": "\" '", "'s": "'s", "ndash": "–", "mdash": "—", "snd": " – ", "spnd": " – ", "snds": " – ",
    "spaced ndash": " – ", "spaced en dash": " – ", "spaced en dash space": " – ", "en dash": "–", "em dash": "—", "dash": " – ",
    "nbsp": " ", "space": " ", "spaces": " ", "sp": " ", "thinsp": " ", "thin space": " ", "hsp": " ", "hair space": " ",
    "nnbsp": " ", "figure space": " ", "zwsp": "", "wbr": "", "shy": "", "zwj": "\u200d", "zwnj": "\u200c", "br": "<br>",
    "break": "<br>", "crlf": "<br>", "pi": "π", "dagger": "†", "†": "†", "double-dagger": "‡", "double dagger": "‡", "‡": "‡",
    "okina": "ʻ", "hamza": "ʾ", "ayin": "ʿ", "ayn": "ʿ", "sharp": "♯", "flat": "♭", "natural": "♮", "yes": "Yes", "no": "No",
    "won": "Won", "nom": "Nominated", "nominated": "Nominated", "n/a": "N/A", "na": "N/A", "tba": "TBA", "tbd": "TBD",
    "ya": "Yes", "na?": "", "gbp": "£", "£": "£", "euro": "€", "eur": "€", "yen": "¥", "prime": "′", "pprime": "″", "minus": "−",
    "times": "×", "degree": "°", "section sign": "§", "ell": "ℓ", "infin": "∞", "en-dash": "–", "ad": "AD", "bc": "BC",
    "ce ": "CE", "bce": "BCE", "av. j.-c.": "av. J.-C.", "-av jc": "avant J.-C.", "av jc": "avant J.-C.", "1er": "1er", "ier": "Ier",
    "n°": "no ", "numéro": "no ", "apostrophe": "'", "i sup": "", "spaced": " ", "tab": " ",
}  # fmt: skip
"""Templates that always show the same (where they have an argument and stand in ARGUED, that)."""
ARGUED = {
    "yes",
    "no",
    "won",
    "nom",
    "nominated",
    "n/a",
    "na",
    "tba",
    "gbp",
    "£",
    "euro",
    "eur",
    "yen",
    "dunno",
    "maybe",
    "partial",
}
TONGUES = {
    "aa": "Afar", "ab": "Abkhazian", "af": "Afrikaans", "akk": "Akkadian", "am": "Amharic", "ang": "Old English", "ar": "Arabic",
    "arc": "Aramaic", "az": "Azerbaijani", "be": "Belarusian", "bg": "Bulgarian", "bn": "Bengali", "bo": "Tibetan", "br": "Breton",
    "bs": "Bosnian", "ca": "Catalan", "cop": "Coptic", "cs": "Czech", "cu": "Church Slavonic", "cy": "Welsh", "da": "Danish",
    "de": "German", "egy": "Egyptian", "el": "Greek", "en": "English", "eo": "Esperanto", "es": "Spanish", "et": "Estonian",
    "eu": "Basque", "fa": "Persian", "fi": "Finnish", "fo": "Faroese", "fr": "French", "frm": "Middle French",
    "fro": "Old French", "fy": "West Frisian", "ga": "Irish", "gd": "Scottish Gaelic", "gl": "Galician", "got": "Gothic",
    "grc": "Ancient Greek", "gsw": "Swiss German", "gu": "Gujarati", "gv": "Manx", "haw": "Hawaiian", "he": "Hebrew",
    "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian", "is": "Icelandic", "it": "Italian",
    "ja": "Japanese", "ka": "Georgian", "kk": "Kazakh", "km": "Khmer", "kn": "Kannada", "ko": "Korean", "ku": "Kurdish",
    "kw": "Cornish", "ky": "Kyrgyz", "la": "Latin", "lb": "Luxembourgish", "lo": "Lao", "lt": "Lithuanian", "lv": "Latvian",
    "mi": "Māori", "mk": "Macedonian", "ml": "Malayalam", "mn": "Mongolian", "mr": "Marathi", "ms": "Malay", "mt": "Maltese",
    "my": "Burmese", "nah": "Nahuatl", "nb": "Norwegian Bokmål", "ne": "Nepali", "nl": "Dutch", "nn": "Norwegian Nynorsk",
    "no": "Norwegian", "non": "Old Norse", "oc": "Occitan", "ota": "Ottoman Turkish", "pa": "Punjabi", "pl": "Polish",
    "ps": "Pashto", "pt": "Portuguese", "qu": "Quechua", "ro": "Romanian", "ru": "Russian", "sa": "Sanskrit",
    "sc": "Sardinian", "scn": "Sicilian", "sco": "Scots", "si": "Sinhala", "sk": "Slovak", "sl": "Slovene", "sq": "Albanian",
    "sr": "Serbian", "sux": "Sumerian", "sv": "Swedish", "sw": "Swahili", "syc": "Syriac", "ta": "Tamil", "te": "Telugu",
    "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "uz": "Uzbek", "vi": "Vietnamese",
    "yi": "Yiddish", "zh": "Chinese", "zu": "Zulu",
}  # fmt: skip
"""Languages as {{lang-xx}} and {{langx}} name them in front of the text, on wikis in English; elsewhere the text stands alone."""
MONTHS = "January February March April May June July August September October November December"
SHIPS = """
    uss hms hmas hmcs hmnzs ss ms mv mt rms sms usat uscgc usns hmhs rmas ins ijn jds js gts mf msc rfa rv sv ts tsmv
    hmt hnlms hnoms hdms hswms hmis orp ara bap kri krs ks roks rss tcg
"""


def _first(args: list[str], named: dict[str, str]) -> str:
    return (
        args[0] if args else named.get("text") or named.get("quote") or named.get("content") or named.get("texte") or ""
    )


def _second(args: list[str], named: dict[str, str]) -> str:
    return args[1] if len(args) > 1 else named.get("text") or named.get("2") or ""


def _last(args: list[str], named: dict[str, str]) -> str:
    return args[-1] if args else ""


def _lines(args: list[str], named: dict[str, str]) -> str:
    return "".join(f"\n* {arg.strip()}" for arg in args if arg.strip()) + "\n" if any(map(str.strip, args)) else ""


def _quote(args: list[str], named: dict[str, str]) -> str:
    text = _first(args, named).strip()
    by = [named.get(key, "").strip() for key in ("author", "source", "title", "by")] + [
        arg.strip() for arg in args[1:3]
    ]
    told = ", ".join(dict.fromkeys(filter(None, by)))
    return f"\n\n{text}\n{f'— {told}' if told else ''}\n" if text else ""


def _link(args: list[str], named: dict[str, str]) -> str:
    return named.get("lt") or named.get("fr") or named.get("texte") or (args[0] if args else "")


def _sort_name(args: list[str], named: dict[str, str]) -> str:
    return " ".join(args[:2])


def _nihongo(args: list[str], named: dict[str, str]) -> str:
    english, kanji, romaji, extra, extra2 = [*args, "", "", "", "", ""][:5]
    inner = ", ".join(filter(None, [kanji, romaji, extra])) if english else ", ".join(filter(None, [romaji, extra]))
    head = english or kanji
    return f"{head} ({inner}){f' {extra2}' if extra2 else ''}" if inner else head


def _chinese(args: list[str], named: dict[str, str]) -> str:
    labels = {
        "c": "Chinese", "s": "simplified Chinese", "t": "traditional Chinese", "p": "pinyin", "w": "Wade–Giles", "j": "Jyutping",
        "poj": "Pe̍h-ōe-jī", "l": "lit.", "tr": "trans.",
    }  # fmt: skip
    return "; ".join(f"{labels[key]}: {value}" for key, value in named.items() if key in labels and value)


def _korean(args: list[str], named: dict[str, str]) -> str:
    labels = {"hangul": "Korean", "hanja": "Hanja", "rr": "RR", "mr": "MR"}
    return "; ".join(f"{labels[key]}: {value}" for key, value in named.items() if key in labels and value)


def _joined(args: list[str], named: dict[str, str]) -> str:
    return "".join(args)


def _spaced(args: list[str], named: dict[str, str]) -> str:
    return " ".join(args)


def _chemistry(args: list[str], named: dict[str, str]) -> str:
    return "".join(args).replace("_", "").replace("->", " → ").replace("<=>", " ⇌ ")


def _ipa_en(args: list[str], named: dict[str, str]) -> str:
    told = {"us": "US: ", "uk": "UK: ", "lang": "", "pron": "pronounced ", "also": "also ", "local": "locally "}
    lead = "".join(told[arg] for arg in args if arg in told)
    sounds = "".join(" " if arg == "_" else arg for arg in args if arg not in told)
    return f"{lead}/{sounds}/" if sounds else ""


def _ipa(args: list[str], named: dict[str, str]) -> str:
    text = args[0] if args else ""
    if len(args) > 1 and re.fullmatch("[a-z]{2,3}(-[A-Za-z]+)*", text):  # {{IPA|fr|…}}
        text = args[1]
    return text if text[:1] in "/[⟨" else f"[{text}]" if text else ""


def _respell(args: list[str], named: dict[str, str]) -> str:
    return "-".join(arg for arg in args if arg not in ("", "_"))


def _fraction(args: list[str], named: dict[str, str]) -> str:
    if len(args) >= 3:
        return f"{args[0]} {args[1]}/{args[2]}"
    return f"{args[0]}/{args[1]}" if len(args) == 2 else f"1/{args[0]}" if args else ""


def _value(args: list[str], named: dict[str, str]) -> str:
    if not args:
        return ""
    error = args[1] if len(args) > 1 else ""
    text = f"{args[0]}±{error}" if error and not error.startswith("(") else args[0] + error
    text += f"×10^{named['e']}" if named.get("e") else ""
    unit = named.get("u") or named.get("ul") or named.get("upl") or ""
    return f"{named.get('p', '')}{text}{f' {unit}' if unit else ''}{named.get('s', '')}"


def _power(args: list[str], named: dict[str, str]) -> str:
    return f"×10^{args[0]}" if args else ""


def _number(args: list[str], named: dict[str, str]) -> str:
    value = number(args[0]) if args else None
    if value is None:
        return args[0] if args else ""
    return rounded(value, len(args[0].partition(".")[2]))


def day(args: list[str]) -> str:
    """A date of year, month and day, as far as they are numbers: January 2, 1990."""
    found = [int(arg) for arg in args[:3] if arg.strip().isascii() and arg.strip().isdigit() and len(arg.strip()) < 5]
    if not found or not 0 < found[0] < 10_000:
        return " ".join(args[:1])
    if len(found) == 1 or not 1 <= found[1] <= 12:
        return str(found[0])
    month = MONTHS.split()[found[1] - 1]
    return f"{month} {found[2]}, {found[0]}" if len(found) > 2 else f"{month} {found[0]}"


def _day(args: list[str], named: dict[str, str]) -> str:
    text = day(args)
    if named.get("df", "")[:1].lower() in ("y", "1") and (found := re.fullmatch(r"(\w+) (\d+), (\d+)", text)):
        return f"{found[2]} {found[1]} {found[3]}"
    return text


def _day_and_age(args: list[str], named: dict[str, str]) -> str:
    """Of a death: the age is known. Of a birth it depends on the day of reading, and is left out."""
    text = _day(args, named)
    try:
        died, born = (date(*map(int, args[at : at + 3])) for at in (0, 3))
    except (ValueError, TypeError):
        return text
    years = died.year - born.year - ((died.month, died.day) < (born.month, born.day))
    return f"{text} (aged {years})"


def _date_range(args: list[str], named: dict[str, str]) -> str:
    return "–".join(filter(None, args[:2]))


def _plain_date(args: list[str], named: dict[str, str]) -> str:
    if args and not args[0].strip().isdigit() and len(args) == 1:
        return args[0]
    return day(args) if args and len(args[0].strip()) == 4 else " ".join(filter(None, args[:3]))


def _as_of(args: list[str], named: dict[str, str]) -> str:
    if named.get("alt"):
        return named["alt"]
    word = "As of" if "since" not in named else "Since"
    return f"{word if named.get('lc', 'n')[:1] not in 'y1' else word.lower()} {day(args)}"


def _before(word: str) -> Show:
    return lambda args, named: f"{word} {'–'.join(filter(None, args[:2]))}".strip()


def _money(sign: str) -> Show:
    def show(args: list[str], named: dict[str, str]) -> str:
        return f"{sign}{args[0]}" if args else sign

    return show


def _reign(args: list[str], named: dict[str, str]) -> str:
    return f"r. {'–'.join(filter(None, args[:2]))}"


def _ship(prefix: str) -> Show:
    def show(args: list[str], named: dict[str, str]) -> str:
        name = f"{prefix} {args[0]}" if args else prefix
        return f"{name} ({args[1]})" if len(args) > 1 and args[1] and named.get("3", "") not in ("2", "6") else name

    return show


def _root(args: list[str], named: dict[str, str]) -> str:
    return f"√{args[0]}" if args else "√"


def _literally(args: list[str], named: dict[str, str]) -> str:
    return f"lit. '{args[0]}'" if args else ""


def _gloss(args: list[str], named: dict[str, str]) -> str:
    return f"'{args[0]}'" if args else ""


def _angles(args: list[str], named: dict[str, str]) -> str:
    return f"⟨{args[0]}⟩" if args else ""


def _century(args: list[str], named: dict[str, str]) -> str:
    return f"{args[0]}{args[1] if len(args) > 1 else 'e'} siècle" if args else ""


def _century_es(args: list[str], named: dict[str, str]) -> str:
    return f"siglo {' '.join(filter(None, args[:2]))}".rstrip() if args else ""


def _ordinal(args: list[str], named: dict[str, str]) -> str:
    text = args[0] if args else ""
    if not (text.isascii() and text.isdigit()):
        return text
    return text + ("th" if text[-2:-1] == "1" else {"1": "st", "2": "nd", "3": "rd"}.get(text[-1], "th"))


def _measure(args: list[str], named: dict[str, str]) -> str:
    """{{unité|5|km}}, {{unidad|5|km}}, {{M|5|ul=km}}: a number with its unit, not converted."""
    return f"{' '.join(filter(None, args[:3]))} {named.get('ul', named.get('u', ''))}".strip()


def _music(args: list[str], named: dict[str, str]) -> str:
    signs = {"flat": "♭", "b": "♭", "sharp": "♯", "#": "♯", "natural": "♮", "doubleflat": "𝄫", "doublesharp": "𝄪"}
    return signs.get(args[0] if args else "", "")


def _isbn(args: list[str], named: dict[str, str]) -> str:
    return f"ISBN {args[0]}" if args else ""


def _lang_x(args: list[str], named: dict[str, str]) -> str:
    if len(args) < 2:
        return ""
    tongue = TONGUES.get(args[0].strip().lower().partition("-")[0], "")
    return f"{tongue}: {args[1]}" if tongue and named.get("label") != "none" else args[1]


def _table() -> dict[str, Show]:
    found: dict[str, Show] = {}
    listed: tuple[tuple[str, Show], ...] = (
        (FIRST, _first),
        (SECOND, _second),
        (LAST, _last),
        (ALL, _joined),
        (ITEMS, _lines),
    )
    for names, show in listed:
        found.update({name.replace("_", " "): show for name in names.split()})
    named: tuple[tuple[str, Show], ...] = (
        ("quote|cquote|blockquote|quotation|bquote|quote box|rquote|epigraph|centered pull quote|poemquote|poem quote|"
         "zitat|citation bloc|cita|citazione|cytat|цитата|citação|citat|cita blocco", _quote),
        ("ill|interlanguage link|interlanguage link multi|link-interwiki|illm|lien|iw2|iw|нп|нп5|нп3|не переведено 5", _link),
        ("sortname", _sort_name), ("nihongo|nihongo2|nihongo3|nihongo4|nihongo krt", _nihongo), ("zh|lang-zh", _chinese),
        ("korean|ko-hhrm|lang-ko-hhrm", _korean), ("chem|chem2|ce|chem/disp|chemf|chem name|che", _chemistry),
        ("ipac-en|ipa-en", _ipa_en), ("ipa|ipa-all|api|ipaslink|ipablink|ipa link", _ipa), ("respell", _respell),
        ("frac|sfrac|fraction|fract|tfrac|1/", _fraction), ("val", _value), ("e|x10^|esp", _power),
        ("formatnum|formatnum:|nts|num|formatprice", _number),
        ("birth date|start date|end date|birth-date|death date|date de naissance|film date|launch date|bda|dob|"
         "birth date and age|start date and age|birth date and age2|birth year and age|bya|release date", _day),
        ("death date and age|dda|death date and given age", _day_and_age), ("date|dts|d|dátum|data|datum|fecha", _plain_date),
        ("as of|asof", _as_of), ("circa|c.|ca.|ca|circa range", _before("c.")), ("floruit|fl.|fl", _before("fl.")),
        ("died in|died", _before("died")), ("born in|b.", _before("born")), ("reign|r.", _reign), ("daterange|date range", _date_range),
        ("us$|usd|usdollar|us dollar", _money("US$")), ("a$|aud|au$", _money("A$")), ("ca$|cad|c$", _money("C$")),
        ("inr|indian rupee|rupee|inrconvert", _money("₹")), ("¥|jpy|cny", _money("¥")), ("currency", _first), ("php", _money("₱")),
        ("sqrt|radic", _root), ("lit|literally|lit.|literal translation", _literally), ("gloss|translation", _gloss),
        ("angbr|angle bracket|angbr ipa", _angles), ("s-|s|sp-|siècle|s mini-|-s-", _century), ("siglo", _century_es),
        ("ordinal|ord|suffix", _ordinal), ("unité|unidad|unitate|m|misura|nb|nombre", _measure), ("music", _music),
        ("isbn|isbnt", _isbn), ("langx|lang-x", _lang_x), ("bibleverse|bible", _spaced), ("convert|cvt|conv", convert),
    )  # fmt: skip
    for joined, show in named:
        found.update(dict.fromkeys(joined.split("|"), show))
    found.update({name: _ship(name.upper()) for name in SHIPS.split()})
    return found


TABLE: Mapping[str, Show] = _table()
"""Name -> what it shows."""
TITLES = ("pagename", "fullpagename", "basepagename", "subpagename", "title")
"""Variables that show the title of the page."""
KNOWN = frozenset([*FIXED, *TABLE, *ARGUED, *TITLES])
"""All names that `shown` knows, but for those with a colon in them and `lang-…`, `ipa-…`, `transl-…`."""
_PREFIXED = re.compile(r"(lang|ipa|transl)-([a-z][a-z-]*)")
_FUNCTION = re.compile(
    r"(lc|uc|lcfirst|ucfirst|formatnum|nowrap|padleft|#dateformat|#formatdate|plural|grammar|gender):"
)


def normal(name: str) -> str:
    """A template's name as the table has it."""
    found = name.strip().replace("_", " ").lower()
    return found.partition(":")[2].strip() if found.startswith(("template:", "msg:", "subst:")) else found


def shown(name: str, arguments: list[str], title: str, language: str) -> str | None:
    """What a template shows; None for one that is not in the table: it is dropped.

    `name` is as written, `arguments` are what stands between the pipes behind it, already text.
    """
    key = normal(name)
    if key in FIXED and not (key in ARGUED and arguments):
        return FIXED[key]
    show = TABLE.get(key) or (_first if key in ARGUED else None)
    if show is not None:
        return show(*split_arguments(arguments))
    if found := _PREFIXED.fullmatch(key):
        return _tongue(found[1], found[2], *split_arguments(arguments), language)
    if key in TITLES:
        return title
    if found := _FUNCTION.match(key):
        return _function(found[1], name.strip()[found.end() :].strip())
    return None


def _tongue(kind: str, code: str, args: list[str], named: dict[str, str], language: str) -> str:
    if kind == "ipa":
        return _ipa(args[:1], named)
    if kind == "transl":
        return _last(args, named)
    tongue = TONGUES.get(code.partition("-")[0], "")
    text = args[0] if args else named.get("text", "")
    if not text:
        return ""
    extra = [part for part in args[1:3] if part]
    told = f"{tongue}: {text}" if tongue and language == "en" and named.get("label") != "none" else text
    return ", ".join([told, *(extra[:1])])


def _function(name: str, text: str) -> str:
    change: dict[str, Callable[[str], str]] = {
        "lc": str.lower,
        "uc": str.upper,
        "lcfirst": lambda value: value[:1].lower() + value[1:],
        "ucfirst": lambda value: value[:1].upper() + value[1:],
    }
    return change[name](text) if name in change else text


_NAME = re.compile(r"\s*([\w .-]{1,40}?)\s*=")


def split_arguments(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """Positional and named arguments. {{x|1=a|b}}: numbers are positions."""
    positional: list[str] = []
    named: dict[str, str] = {}
    for argument in arguments:
        found = _NAME.match(argument) if "=" in argument else None
        if found is None:
            positional.append(argument.strip())
        elif found[1].isdigit() and len(found[1]) < 3:
            at = int(found[1]) - 1
            positional += [""] * (at + 1 - len(positional))
            if at >= 0:
                positional[at] = argument[found.end() :].strip()
        else:
            named[found[1].lower()] = argument[found.end() :].strip()
    return positional, named
