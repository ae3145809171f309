"""Our checker and an independent one agree on every random certificate, valid or not."""

from __future__ import annotations

import random
from collections import Counter

from relugeom.errors import CertificateError
from relugeom.exact import KINDS, Valid, check, dumps, load, loads
from tests.conftest import Tier
from tests.random_certificates import GENERATORS, random_certificate, shipped
from tests.second_checker import second_opinion


def test_two_checkers_agree(tier: Tier) -> None:
    total = tier.count(500, 10_000)
    rng = random.Random(f"random certificates, {tier.name}")
    valid: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    close = 0
    kinds = [*GENERATORS] * 3  # three of each, and then as they come
    for number in range(total):
        certificate = random_certificate(rng, kinds[number] if number < len(kinds) else None)
        try:
            text = dumps(certificate)
            again = loads(text)
        except CertificateError:  # a change may leave a matrix without rows, which no file can hold
            again, text = None, ""
        if again is None:
            continue
        first, second = isinstance(check(again), Valid), second_opinion(text)
        assert again == certificate
        if second is None:
            close += 1
            continue
        assert first == second, text
        seen[certificate.kind] += 1
        valid[certificate.kind] += first
    assert set(seen) == set(KINDS) == set(GENERATORS)
    for kind in (kind for kind in seen if seen[kind] >= 30):  # fewer do not tell a share
        # Neither answer may be rare, or the agreement would say little.
        assert 0.1 < valid[kind] / seen[kind] < 0.9, (kind, valid[kind], seen[kind])
    assert close < total / 500
    tier.tell(
        f"{sum(seen.values())} of {total} certificates decided alike by two checkers, "
        f"{sum(valid.values())} of them valid, {close} too close to call"
    )


def test_what_is_shipped_satisfies_both(tier: Tier) -> None:
    """All of it in the long run; a sample by default, for the large ones take the second checker some seconds."""
    paths = shipped()
    assert len(paths) > 30
    chosen = random.Random(0).sample(paths, min(len(paths), tier.count(30, 10_000)))
    for path in chosen:
        text = path.read_text(encoding="utf-8")
        assert isinstance(check(load(path)), Valid), path
        assert second_opinion(text), path
    tier.tell(f"{len(chosen)} of {len(paths)} shipped certificates valid by two checkers")
