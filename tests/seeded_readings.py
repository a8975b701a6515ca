"""What the seeded results tell: a certificate with its chain, answers, packets."""

import random
from typing import Any

from msgspec.structs import replace

from pangea.web.schema import JobAnswer, ResultAnswer

CERTIFICATE: dict[str, Any] = {
    "tls_version": "TLSv1.3",
    "cipher": "TLS_AES_256_GCM_SHA384",
    "alpn": "h2",
    "subject": "CN=intranet.example.net",
    "san": ["intranet.example.net", "www.intranet.example.net", "*.apps.example.net"],
    "issuer": "CN=Example Issuing CA 3,O=Example Trust",
    "not_before": "2026-09-02T00:00:00Z",
    "not_after": "2026-12-01T12:00:00Z",
    "days_left": 9.0,
    "key": "RSA",
    "bits": 2048,
    "signature": "sha256WithRSAEncryption",
    "fingerprint_sha256": "9f2c" * 16,
    "ocsp": "good",
    "verified_chain": [
        {"subject": "CN=intranet.example.net", "not_after": "2026-12-01T12:00:00Z",
         "days_left": 9.0},
        {"subject": "CN=Example Issuing CA 3", "not_after": "2029-05-04T00:00:00Z",
         "days_left": 893.0},
        {"subject": "CN=Example Root X1", "not_after": "2035-01-01T00:00:00Z",
         "days_left": 2961.0},
    ],
    "chain": [
        {"subject": "CN=intranet.example.net", "not_after": "2026-12-01T12:00:00Z",
         "days_left": 9.0},
        {"subject": "CN=Example Issuing CA 3", "not_after": "2029-05-04T00:00:00Z",
         "days_left": 893.0},
    ],
}  # fmt: skip
ANSWERS: dict[str, Any] = {
    "server": "192.0.2.53:53",
    "rcode": "NOERROR",
    "answers": ["192.0.2.80", "192.0.2.81"],
    "min_ttl": 287,
    "flags": ["qr", "rd", "ra"],
}


def with_readings(job: JobAnswer, result: ResultAnswer, n: int) -> ResultAnswer:
    """Return *result* with what a probe of the job's type reads."""
    rng = random.Random(n)
    readings: dict[str, Any] = dict(result.readings)
    if job.type == "tls":
        readings = CERTIFICATE
    elif job.type == "dns":
        readings = ANSWERS
    elif job.type == "icmp":
        lost = 1 if job.verdict == "degraded" and rng.random() > 0.5 else 0
        rtts = [round(result.duration_ms * (1 + rng.random() / 3), 3) for _ in range(5)]
        readings = {"sent": 5, "received": 5 - lost, "loss_pct": lost * 20.0,
                    "rtts_ms": [*rtts[: 5 - lost], *[None] * lost],
                    "address": job.target}  # fmt: skip
    return replace(result, readings=readings)
