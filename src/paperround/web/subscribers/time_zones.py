"""The time zones that the forms offer: about ninety, grouped by region, each with its current offset. Pure.

The time zone database has some 600 names, most of them cities that share their clock with a larger one. Any of them
is accepted, and the one that a subscriber has chosen is offered too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from paperround.domain.errors import translatable as _
from paperround.domain.text import fold
from paperround.rendering.language import Language

_NAMES = """
    Africa/Accra Africa/Addis_Ababa Africa/Cairo Africa/Casablanca Africa/Johannesburg Africa/Lagos Africa/Nairobi
    America/Anchorage America/Argentina/Buenos_Aires America/Bogota America/Caracas America/Chicago America/Denver
    America/Halifax America/Havana America/Lima America/Los_Angeles America/Mexico_City America/Montevideo
    America/New_York America/Nuuk America/Phoenix America/Puerto_Rico America/Santiago America/Sao_Paulo
    America/St_Johns America/Toronto
    Asia/Almaty Asia/Baghdad Asia/Baku Asia/Bangkok Asia/Beirut Asia/Dhaka Asia/Dubai Asia/Ho_Chi_Minh Asia/Hong_Kong
    Asia/Jakarta Asia/Jerusalem Asia/Kabul Asia/Karachi Asia/Kathmandu Asia/Kolkata Asia/Kuala_Lumpur Asia/Manila
    Asia/Riyadh Asia/Seoul Asia/Shanghai Asia/Singapore Asia/Taipei Asia/Tashkent Asia/Tbilisi Asia/Tehran Asia/Tokyo
    Asia/Yangon
    Atlantic/Azores Atlantic/Cape_Verde Atlantic/Reykjavik
    Australia/Adelaide Australia/Brisbane Australia/Melbourne Australia/Perth Australia/Sydney
    Europe/Amsterdam Europe/Athens Europe/Berlin Europe/Brussels Europe/Bucharest Europe/Budapest Europe/Copenhagen
    Europe/Dublin Europe/Helsinki Europe/Istanbul Europe/Kyiv Europe/Lisbon Europe/London Europe/Madrid Europe/Moscow
    Europe/Oslo Europe/Paris Europe/Prague Europe/Rome Europe/Sofia Europe/Stockholm Europe/Vienna Europe/Vilnius
    Europe/Warsaw Europe/Zurich
    Pacific/Auckland Pacific/Fiji Pacific/Honolulu Pacific/Noumea
""".split()  # noqa: SIM905 - as a list it would take a page
_ALSO = {
    "Africa/Casablanca": "Rabat, Marrakesh",
    "Africa/Johannesburg": "Cape Town, Durban, Pretoria",
    "Africa/Lagos": "Abuja, Kinshasa",
    "America/Argentina/Buenos_Aires": "Córdoba, Rosario",
    "America/Bogota": "Medellín",
    "America/Chicago": "Austin, Dallas, Houston, Madison, Minneapolis, New Orleans, St. Louis, Urbana, Winnipeg",
    "America/Denver": "Boulder, Calgary, Edmonton, Salt Lake City",
    "America/Los_Angeles": "Berkeley, Palo Alto, Portland, San Diego, San Francisco, San José, Seattle, Stanford, "
    "Vancouver, Silicon Valley",
    "America/Mexico_City": "Guadalajara, Monterrey",
    "America/New_York": "Atlanta, Baltimore, Boston, Cambridge, Detroit, Miami, Philadelphia, Pittsburgh, Princeton, "
    "Washington",
    "America/Sao_Paulo": "Belo Horizonte, Brasília, Campinas, Porto Alegre, Rio de Janeiro",
    "America/Toronto": "Montréal, Ottawa, Québec, Waterloo",
    "Asia/Dubai": "Abu Dhabi, Muscat",
    "Asia/Ho_Chi_Minh": "Hanoi, Saigon",
    "Asia/Jerusalem": "Haifa, Tel Aviv",
    "Asia/Karachi": "Islamabad, Lahore",
    "Asia/Kolkata": "Bangalore, Bengaluru, Bombay, Calcutta, Chennai, Delhi, Hyderabad, Kanpur, Mumbai, Pune",
    "Asia/Seoul": "Busan, Daejeon",
    "Asia/Shanghai": "Beijing, Chengdu, Guangzhou, Hangzhou, Nanjing, Peking, Shenzhen, Tianjin, Wuhan, Xi'an",
    "Asia/Tokyo": "Fukuoka, Kyoto, Nagoya, Osaka, Sapporo, Sendai, Yokohama",
    "Australia/Sydney": "Canberra",
    "Europe/Amsterdam": "Delft, Eindhoven, Rotterdam, The Hague, Utrecht",
    "Europe/Athens": "Thessaloniki",
    "Europe/Berlin": "Aachen, Bonn, Bremen, Cologne, Dresden, Düsseldorf, Frankfurt, Hamburg, Hannover, Heidelberg, "
    "Karlsruhe, Köln, Leipzig, München, Munich, Nürnberg, Nuremberg, Stuttgart, Tübingen",
    "Europe/Brussels": "Antwerp, Ghent, Leuven",
    "Europe/Istanbul": "Ankara, Izmir",
    "Europe/Lisbon": "Porto",
    "Europe/London": "Belfast, Birmingham, Bristol, Cambridge, Edinburgh, Glasgow, Leeds, Liverpool, Manchester, "
    "Oxford",
    "Europe/Madrid": "Barcelona, Sevilla, Valencia",
    "Europe/Moscow": "Saint Petersburg",
    "Europe/Paris": "Bordeaux, Grenoble, Lille, Lyon, Marseille, Nice, Toulouse",
    "Europe/Prague": "Brno",
    "Europe/Rome": "Bologna, Florence, Milan, Milano, Napoli, Pisa, Roma, Torino, Turin, Venice",
    "Europe/Stockholm": "Göteborg, Gothenburg, Lund, Uppsala",
    "Europe/Vienna": "Graz, Innsbruck, Linz, Salzburg",
    "Europe/Warsaw": "Gdańsk, Kraków, Wrocław",
    "Europe/Zurich": "Basel, Bern, Geneva, Genf, Genève, Lausanne",
    "Pacific/Auckland": "Christchurch, Wellington",
}
_MINUTE = timedelta(minutes=1)
_REGIONS = (
    *(_("Africa"), _("America"), _("Antarctica"), _("Arctic"), _("Asia"), _("Atlantic"), _("Australia"), _("Europe")),
    *(_("Indian"), _("Pacific")),
)


@dataclass(frozen=True, slots=True)
class TimeZoneChoice:
    """A time zone as the form offers it."""

    name: str
    """The name in the time zone database, such as `Europe/Berlin`."""
    label: str
    """The label in the form, such as `Berlin (UTC+1)`."""
    also: str = ""
    """Other large cities with this clock, by which it is found."""


def choices(now: datetime, language: Language, chosen: str = "UTC") -> list[tuple[str, list[TimeZoneChoice]]]:
    """Return the time zones by region, with `chosen` and with names in a language. UTC comes first, in no region."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    return [(region, list(zones)) for region, zones in _choices(hour, language, chosen)]


@lru_cache(maxsize=64)
def _choices(now: datetime, language: Language, chosen: str) -> list[tuple[str, list[TimeZoneChoice]]]:
    by_region: dict[str, list[TimeZoneChoice]] = {"": [TimeZoneChoice("UTC", "UTC")]}
    for name in sorted({*_NAMES, chosen} - {"UTC"}):
        region = name.partition("/")[0] if "/" in name else ""
        shown = language.gettext(region) if region in _REGIONS else region
        by_region.setdefault(shown, []).append(TimeZoneChoice(name, _label(name, now, language), _ALSO.get(name, "")))
    for zones in by_region.values():
        zones.sort(key=lambda zone: (zone.name != "UTC", fold(zone.label)))
    return list(by_region.items())


def _label(name: str, now: datetime, language: Language) -> str:
    offset = now.astimezone(ZoneInfo(name)).utcoffset() or timedelta()
    hours, minutes = divmod(abs(offset) // _MINUTE, 60)
    sign = "+" if offset >= timedelta() else "−"
    city = language.city(name)
    return f"{city} (UTC{sign}{hours}{f':{minutes:02}' if minutes else ''})"
