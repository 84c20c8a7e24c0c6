"""Synthetic leads of the default contract, lead_created: made-up companies, no real person.

A lead's values are correlated as in a real CRM: a hidden interest drives its behaviour on the site,
the company's country determines language and time zone, the seniority its job title. Many values
are missing.
"""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Iterator
from typing import NamedTuple

from stream.simulator.playing import Lead

__all__ = ["synthetic_leads"]


class _Place(NamedTuple):
    city: str
    country: str
    timezone: str
    languages: str


class _Industry(NamedTuple):
    name: str
    described: str
    does: str


PLACES = (
    _Place("Berlin", "Germany", "Europe/Berlin", "de, en"),
    _Place("Munich", "Germany", "Europe/Berlin", "de, en"),
    _Place("Vienna", "Austria", "Europe/Vienna", "de, en"),
    _Place("Paris", "France", "Europe/Paris", "fr, en"),
    _Place("Madrid", "Spain", "Europe/Madrid", "es"),
    _Place("Lisbon", "Portugal", "Europe/Lisbon", "pt, en"),
    _Place("London", "United Kingdom", "Europe/London", "en"),
    _Place("Dublin", "Ireland", "Europe/Dublin", "en"),
    _Place("New York", "United States", "America/New_York", "en"),
    _Place("Austin", "United States", "America/Chicago", "en, es"),
    _Place("San Francisco", "United States", "America/Los_Angeles", "en"),
    _Place("Toronto", "Canada", "America/Toronto", "en, fr"),
    _Place("São Paulo", "Brazil", "America/Sao_Paulo", "pt"),
    _Place("Singapore", "Singapore", "Asia/Singapore", "en, zh"),
    _Place("Tokyo", "Japan", "Asia/Tokyo", "ja"),
    _Place("Sydney", "Australia", "Australia/Sydney", "en"),
)
INDUSTRIES = (
    _Industry("software", "B2B SaaS", "builds tools for finance teams"),
    _Industry("manufacturing", "Industrial equipment", "makes pumps and valves"),
    _Industry("retail", "E-commerce", "sells outdoor gear online"),
    _Industry("healthcare", "Clinics", "runs a group of dental practices"),
    _Industry("finance", "Insurance broker", "insures small firms"),
    _Industry("logistics", "Freight", "moves goods by rail and road"),
    _Industry("education", "Training provider", "teaches trades to adults"),
    _Industry("media", "Agency", "plans campaigns for consumer brands"),
)
COMPANY_SIZES = ((1, 10), (11, 50), (51, 200), (201, 1000), (1001, 5000), (5001, 50000))
SIZE_WEIGHTS = (30, 28, 20, 13, 6, 3)
SENIORITY_WEIGHTS = {"c_level": 8, "vp": 10, "director": 17, "manager": 30, "individual": 35}
TITLES = {
    "c_level": ("Chief {} Officer",),
    "vp": ("VP of {}", "Vice President {}"),
    "director": ("Director of {}", "Head of {}"),
    "manager": ("{} Manager", "{} Lead"),
    "individual": ("{} Specialist", "{} Analyst", "{} Associate"),
}
DEPARTMENTS = ("Marketing", "Sales", "Operations", "Finance", "Product", "Data", "Procurement")
REFERRALS = ("organic", "ads", "referral", "webinar", "partner", "email", "social", "direct")
REFERRAL_WEIGHTS = (28, 22, 10, 7, 6, 11, 10, 6)
KEEN_REFERRALS = frozenset({"referral", "webinar", "partner"})
SOURCE_SYSTEMS = ("website", "crm", "events", "outbound")
CAMPAIGNS = ("spring-launch", "pricing-guide", "benchmark-report", "product-tour", "newsletter")


def synthetic_leads(seed: int) -> Iterator[Lead]:
    """Generate leads without end.

    Parameters
    ----------
    seed
        Random seed; the same seed gives the same leads, ids included.

    Yields
    ------
    Lead
        A lead of the contract lead_created; ``created_at`` is the time of sending.
    """
    rng = random.Random(seed)
    run = f"{rng.getrandbits(32):08x}"
    for number in itertools.count(1):
        yield Lead(f"L-{run}-{number:07d}", None, _fields(rng))


def _fields(rng: random.Random) -> dict[str, object]:
    interest = rng.betavariate(1.6, 3.2)
    return _visit(rng, interest) | _company(rng) | _person(rng, interest) | _origin(rng)


def _visit(rng: random.Random, interest: float) -> dict[str, object]:
    page_views = 1 + int(rng.gammavariate(1.5, 1 + 7 * interest))
    seconds = page_views * rng.lognormvariate(3.2, 0.7)
    weights = [
        weight * (1 + 2 * interest * (source in KEEN_REFERRALS))
        for source, weight in zip(REFERRALS, REFERRAL_WEIGHTS, strict=True)
    ]
    return {
        "page_views": _mostly(rng, 0.95, page_views),
        "time_on_site": _mostly(rng, 0.95, round(seconds, 1)),
        "form_completion_time": _mostly(rng, 0.8, round(rng.lognormvariate(4.0, 0.6), 1)),
        "referral_source": _mostly(rng, 0.97, rng.choices(REFERRALS, weights)[0]),
    }


def _company(rng: random.Random) -> dict[str, object]:
    industry, place = rng.choice(INDUSTRIES), rng.choice(PLACES)
    size = rng.randint(*rng.choices(COMPANY_SIZES, SIZE_WEIGHTS)[0])
    summary = f"A company of about {size} people in {place.city} that {industry.does}."
    return {
        "company_size": _mostly(rng, 0.9, size),
        "industry": _mostly(rng, 0.92, industry.name),
        "company_industry": _mostly(rng, 0.7, industry.name.capitalize()),
        "llm_industry": _mostly(rng, 0.6, industry.described),
        "location": _mostly(rng, 0.75, place.city),
        "company_location": _mostly(rng, 0.7, place.country),
        "languages": _mostly(rng, 0.6, place.languages),
        "timezone": _mostly(rng, 0.8, place.timezone),
        "summary": _mostly(rng, 0.5, summary),
    }


def _person(rng: random.Random, interest: float) -> dict[str, object]:
    seniority = rng.choices(tuple(SENIORITY_WEIGHTS), tuple(SENIORITY_WEIGHTS.values()))[0]
    title = rng.choice(TITLES[seniority]).format(rng.choice(DEPARTMENTS))
    about = "your pricing question" if interest > 0.5 else "your visit to our site"
    return {
        "job_title": _mostly(rng, 0.85, title),
        "seniority": _mostly(rng, 0.8, seniority),
        "icebreaker": _mostly(rng, 0.3, f"Following up on {about}."),
    }


def _origin(rng: random.Random) -> dict[str, object]:
    return {
        "source_system": rng.choice(SOURCE_SYSTEMS),
        "campaign": _mostly(rng, 0.4, rng.choice(CAMPAIGNS)),
        "request_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
    }


def _mostly(rng: random.Random, share: float, value: object) -> object:
    return value if rng.random() < share else None
