"""Units of {{convert}}: the value with its unit's name, and what it is in the other system."""

import math
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import NamedTuple


class Unit(NamedTuple):
    """A unit of measure: names, dimension, size in the dimension's base, and the unit it is converted to where none is named."""

    one: str
    many: str
    symbol: str
    dimension: str
    size: Decimal
    other: str


def _units() -> dict[str, Unit]:
    table = """
        mm|millimetre|millimetres|mm|L|0.001|in
        cm|centimetre|centimetres|cm|L|0.01|in
        m|metre|metres|m|L|1|ft
        km|kilometre|kilometres|km|L|1000|mi
        in|inch|inches|in|L|0.0254|mm
        ft|foot|feet|ft|L|0.3048|m
        yd|yard|yards|yd|L|0.9144|m
        mi|mile|miles|mi|L|1609.344|km
        nmi|nautical mile|nautical miles|nmi|L|1852|km
        fathom|fathom|fathoms|fathom|L|1.8288|m
        furlong|furlong|furlongs|furlong|L|201.168|m
        ly|light-year|light-years|ly|L|9460730472580800|pc
        pc|parsec|parsecs|pc|L|30856775814913673|ly
        au|astronomical unit|astronomical units|AU|L|149597870700|km
        m2|square metre|square metres|m2|A|1|sqft
        km2|square kilometre|square kilometres|km2|A|1000000|sqmi
        cm2|square centimetre|square centimetres|cm2|A|0.0001|sqin
        ha|hectare|hectares|ha|A|10000|acre
        acre|acre|acres|acres|A|4046.8564224|ha
        sqft|square foot|square feet|sq ft|A|0.09290304|m2
        sqmi|square mile|square miles|sq mi|A|2589988.110336|km2
        sqin|square inch|square inches|sq in|A|0.00064516|cm2
        sqyd|square yard|square yards|sq yd|A|0.83612736|m2
        m3|cubic metre|cubic metres|m3|V|1|cuft
        cm3|cubic centimetre|cubic centimetres|cm3|V|0.000001|cuin
        km3|cubic kilometre|cubic kilometres|km3|V|1000000000|cumi
        cuft|cubic foot|cubic feet|cu ft|V|0.028316846592|m3
        cuin|cubic inch|cubic inches|cu in|V|0.000016387064|cm3
        cumi|cubic mile|cubic miles|cu mi|V|4168181825.440579584|km3
        cuyd|cubic yard|cubic yards|cu yd|V|0.764554857984|m3
        l|litre|litres|L|V|0.001|usgal
        ml|millilitre|millilitres|mL|V|0.000001|usoz
        usgal|US gallon|US gallons|US gal|V|0.003785411784|l
        impgal|imperial gallon|imperial gallons|imp gal|V|0.00454609|l
        usoz|US fluid ounce|US fluid ounces|US fl oz|V|0.0000295735295625|ml
        g|gram|grams|g|M|0.001|oz
        mg|milligram|milligrams|mg|M|0.000001|gr
        kg|kilogram|kilograms|kg|M|1|lb
        t|tonne|tonnes|t|M|1000|lt
        lb|pound|pounds|lb|M|0.45359237|kg
        oz|ounce|ounces|oz|M|0.028349523125|g
        gr|grain|grains|gr|M|0.00006479891|mg
        st|stone|stone|st|M|6.35029318|kg
        lt|long ton|long tons|long tons|M|1016.0469088|t
        st2|short ton|short tons|short tons|M|907.18474|t
        km/h|kilometre per hour|kilometres per hour|km/h|S|0.277777777777777777777778|mph
        mph|mile per hour|miles per hour|mph|S|0.44704|km/h
        m/s|metre per second|metres per second|m/s|S|1|ft/s
        ft/s|foot per second|feet per second|ft/s|S|0.3048|m/s
        kn|knot|knots|kn|S|0.514444444444444444444444|km/h
        w|watt|watts|W|P|1|hp
        kw|kilowatt|kilowatts|kW|P|1000|hp
        mw|megawatt|megawatts|MW|P|1000000|hp
        hp|horsepower|horsepower|hp|P|745.69987158227022|kw
        psi|pound per square inch|pounds per square inch|psi|F|6894.757293168361|kpa
        kpa|kilopascal|kilopascals|kPa|F|1000|psi
        mpa|megapascal|megapascals|MPa|F|1000000|psi
        pa|pascal|pascals|Pa|F|1|psi
        atm|standard atmosphere|standard atmospheres|atm|F|101325|kpa
        bar|bar|bar|bar|F|100000|kpa
        n|newton|newtons|N|K|1|lbf
        kn2|kilonewton|kilonewtons|kN|K|1000|lbf
        lbf|pound-force|pounds-force|lbf|K|4.4482216152605|n
        /km2|inhabitant per square kilometre|inhabitants per square kilometre|/km2|D|1|/sqmi
        /sqmi|inhabitant per square mile|inhabitants per square mile|/sq mi|D|0.386102158542445847|/km2
        m3/s|cubic metre per second|cubic metres per second|m3/s|R|1|cuft/s
        cuft/s|cubic foot per second|cubic feet per second|cu ft/s|R|0.028316846592|m3/s
        c|degree Celsius|degrees Celsius|°C|T|1|f
        f|degree Fahrenheit|degrees Fahrenheit|°F|T|1|c
        k|kelvin|kelvins|K|T|1|c
    """
    rows = [line.strip().split("|") for line in table.strip().splitlines()]
    return {
        code: Unit(one, many, symbol, kind, Decimal(size), other) for code, one, many, symbol, kind, size, other in rows
    }


UNITS = _units()
"""By code in lower case. The sizes are exact by definition (BIPM, NIST SP 811); temperatures have their own rule."""
ALIASES = {
    "mile": "mi", "miles": "mi", "foot": "ft", "feet": "ft", "inch": "in", "inches": "in", "metre": "m", "meter": "m",
    "kilometre": "km", "kilometer": "km", "pound": "lb", "pounds": "lb", "lbs": "lb", "kph": "km/h", "kmh": "km/h",
    "sqkm": "km2", "km²": "km2", "m²": "m2", "sqm": "m2", "ft2": "sqft", "mi2": "sqmi", "sq mi": "sqmi", "acres": "acre",
    "°c": "c", "°f": "f", "degc": "c", "degf": "f", "knot": "kn", "knots": "kn", "nm": "nmi", "ton": "st2", "shton": "st2",
    "long ton": "lt", "short ton": "st2", "tonne": "t", "tonnes": "t", "gal": "usgal", "usfloz": "usoz", "ft3": "cuft",
    "yards": "yd", "m/sec": "m/s", "hectare": "ha", "cc": "cm3", "pd/sqkm": "/km2", "pd/sqmi": "/sqmi", "bhp": "hp",
    "cufoot": "cuft", "litre": "l", "liter": "l", "kg/m3": "", "hectares": "ha", "inhabitants/km2": "/km2",
}  # fmt: skip
RANGES = {
    "-": "–",
    "–": "–",
    "and": " and ",
    "to": " to ",
    "or": " or ",
    "x": " by ",
    "by": " by ",
    "×": " × ",
    "+/-": " ± ",
}
"""What stands between two values, and how it is written."""


def unit(code: str) -> Unit | None:
    """A unit by its code, in any case."""
    key = code.strip().lower()
    return UNITS.get(ALIASES.get(key, key))


def convert(args: list[str], named: dict[str, str]) -> str:
    """What {{convert|5|km|mi}} shows: 5 kilometres (3.1 mi). An unknown unit gives the value and the unit as written."""
    values, joints, rest = _values([arg.strip() for arg in args])
    if not values:
        return " ".join(args[:2])
    code, targets = (rest[0] if rest else ""), [arg for arg in rest[1:] if unit(arg)]
    source = unit(code)
    shown = "".join(part for pair in zip(values, [*joints, ""], strict=True) for part in pair)
    if source is None:
        return f"{shown} {code}".strip()
    if (
        len(rest) > 2
        and (smaller := unit(rest[2]))
        and smaller.dimension == source.dimension
        and number(rest[1]) is not None
    ):
        return _compound(values[-1], source, rest[1], smaller, rest[3:], named)
    short = named.get("abbr") in ("on", "in") or source.dimension == "T"
    name = source.symbol if short else source.one if values == ["1"] else source.many
    if named.get("adj") == "on" and not short:
        name, shown = source.one.replace(" ", "-"), shown + "-"
    first = f"{shown}{name}" if shown.endswith("-") or source.symbol.startswith("/") else f"{shown} {name}"
    given = [unit(target) for target in targets] or [UNITS.get(source.other)]
    if named.get("disp") in ("or", "preunit", "number", "unit"):
        given = given if named["disp"] == "or" else []
    places = [int(arg) for arg in rest[1:] if arg.lstrip("-").isdigit()]
    others = [_other(values, joints, source, target, places) for target in given if target]
    told = ", ".join(other for other in others if other)
    return f"{first} ({told})" if told else first


def _compound(value: str, unit_: Unit, less: str, smaller: Unit, rest: list[str], named: dict[str, str]) -> str:
    """5 feet 10 inches (1.78 m)."""
    total = (number(value) or Decimal(0)) * unit_.size + (number(less) or Decimal(0)) * smaller.size
    names = [one.symbol if named.get("abbr") in ("on", "in") else one.many for one in (unit_, smaller)]
    target = next((found for code in rest if (found := unit(code))), UNITS[unit_.other])
    if target.dimension != unit_.dimension or unit_.dimension == "T":
        return f"{value} {names[0]} {less} {names[1]}"
    given = total / smaller.size
    other = rounded(total / target.size, _precision(f"{given:.0f}.0", given, total / target.size, None))
    return f"{value} {names[0]} {less} {names[1]} ({other} {target.symbol})"


def _values(args: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Values, what stands between them, and the arguments behind."""
    values, joints, at = list[str](), list[str](), 0
    while at < len(args) and number(args[at]) is not None and len(values) < 4:
        values.append(args[at])
        if (
            at + 1 < len(args)
            and args[at + 1].lower() in RANGES
            and at + 2 < len(args)
            and number(args[at + 2]) is not None
        ):
            joints.append(RANGES[args[at + 1].lower()])
            at += 2
            continue
        return values, joints, args[at + 1 :]
    return values, joints, args[at:]


def number(text: str) -> Decimal | None:
    """A number as people write it; None for anything else."""
    plain = text.strip().replace(",", "").replace("−", "-").replace(" ", "")
    if not plain or len(plain) > 30:
        return None
    whole, slash, below = plain.partition("/")
    try:
        if slash:
            more, plus, above = whole.rpartition("+")
            return (Decimal(more) if plus else Decimal(0)) + Decimal(above) / Decimal(below)
        value = Decimal(plain)
    except (InvalidOperation, ZeroDivisionError):
        return None
    return value if value.is_finite() and abs(value.adjusted()) < 30 else None


def _other(values: list[str], joints: list[str], source: Unit, target: Unit, places: list[int]) -> str:
    if source.dimension != target.dimension:
        return ""
    results = [_result(number(text) or Decimal(0), source, target) for text in values]
    precise = [
        _precision(text, number(text) or Decimal(0), *result) for text, result in zip(values, results, strict=True)
    ]
    digits = max(-12, min(12, places[0] if places else max(precise)))
    shown = [rounded(found, digits) for found, _ in results]
    joined = "".join(part for pair in zip(shown, [*joints, ""], strict=True) for part in pair)
    return f"{joined}{target.symbol}" if target.symbol.startswith("/") else f"{joined} {target.symbol}"


def _result(value: Decimal, source: Unit, target: Unit) -> tuple[Decimal, Decimal | None]:
    """The value in the other unit; of temperatures in kelvins as well."""
    if source.dimension != "T":
        return value * source.size / target.size, None
    kelvin = _kelvin(value, source.symbol)
    return _degrees(kelvin, target.symbol), kelvin


def _kelvin(value: Decimal, symbol: str) -> Decimal:
    return {"°C": value + Decimal("273.15"), "°F": (value + Decimal("459.67")) * 5 / 9, "K": value}[symbol]


def _degrees(kelvin: Decimal, symbol: str) -> Decimal:
    return {"°C": kelvin - Decimal("273.15"), "°F": kelvin * 9 / 5 - Decimal("459.67"), "K": kelvin}[symbol]


def _precision(text: str, value: Decimal, found: Decimal, kelvin: Decimal | None) -> int:
    """Decimals of the result: about as precise as the value was given, and two digits at least (three of the absolute
    temperature); the rule of {{convert}} (Module:Convert, default precision)."""
    plain = text.strip().replace(",", "").lstrip("-−+")
    decimals = len(plain.partition(".")[2])
    if "/" in plain:
        decimals = max(1, len(plain.partition("/")[2]))
    elif not decimals and plain.strip("0"):
        decimals = len(plain.rstrip("0")) - len(plain)
    if kelvin is not None:
        return max(decimals, 2 - kelvin.adjusted() if kelvin else 0)
    if not value or not found:
        return max(0, decimals)
    change = math.log10(2 * abs(value / found))
    return max(math.floor(decimals + change), 1 - found.adjusted())


def rounded(value: Decimal, decimals: int) -> str:
    """A number with so many decimals, and commas between thousands."""
    fixed = value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP) if -value.adjusted() < 30 else value
    return f"{fixed:,.{max(0, decimals)}f}".replace("-", "−")
