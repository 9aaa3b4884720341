"""Results files for the report's tests: made up, small, and right."""

import json

from tests.samples import EXPECTED_TO_HOLD

HASH = "ab" * 32


def claim(slug="water-is-wet", verdict="holds", **changes):
    """Give a claim as it stands in a results file."""
    return {
        "slug": slug,
        "section": "1.1",
        "lines": "12, 19-22",
        "text": {"en": f"Text of {slug}.", "zh": f"{slug} 的说明。"},
        "references": ["https://example.org/a"],
        "expectation": {
            **EXPECTED_TO_HOLD,
            "verdict": verdict if verdict == "not applicable" else "holds",
        },
        "verdict": verdict,
        "changed": verdict in ("refuted", "error"),
        "specs": [f"specs/a/test_a.py::test_{slug}"],
        "outcomes": [outcome(slug, verdict)] if verdict != "not run" else [],
        **changes,
    }


def outcome(slug="water-is-wet", verdict="holds", **changes):
    """Give the outcome of the claim's spec."""
    return {
        "spec": f"specs/a/test_a.py::test_{slug}",
        "verdict": verdict,
        "duration": 0.012,
        "reason": None,
        "where": "",
        "seen": "",
        "evidence": [],
        **changes,
    }


def trial(falsifier, **changes):
    """Give what became of one falsifier."""
    return {
        "falsifier": falsifier,
        "breaks": "Water.",
        "spec": "specs/a/test_a.py::test_a",
        "caught": True,
        "seen": "assert False",
        **changes,
    }


def refuted(slug, *, corrected_by=None, **changes):
    """Give a claim that is refuted, as expected."""
    expectation = {
        "verdict": "refuted",
        "where": "cpython",
        "reason": {"en": f"{slug} is false.", "zh": f"{slug} 不对。"},
        "since": "always",
        "reference": "https://example.org/why",
        "corrected_by": corrected_by,
    }
    return claim(slug, "refuted", **{"changed": False, "expectation": expectation, **changes})


def run(name="cpython-3.13", *claims, system="linux", **changes):
    """Give a results file as the object that it holds."""
    implementation, _, version = name.partition("-")
    claims = list(claims or [claim()])
    return {
        "schema_version": 1,
        "suite_version": "0.1.0",
        "date": "2026-11-23T17:04:06+00:00",
        "partial": False,
        "catalogue": HASH,
        "interpreter": {
            "id": name,
            "implementation": implementation,
            "version": version.rstrip("t") + ".1",
            "build": f"{version} (main) [GCC]",
            "free_threaded": name.endswith("t"),
            "gil": not name.endswith("t"),
            "gil_after": not name.endswith("t"),
            "system": system,
            "platform": f"Some-{system}",
            "libc": "glibc 2.36",
            "cpus": 2,
            "start_method": "fork",
        },
        "sections": [{"id": "1.1", "title": {"en": "fork", "zh": "分叉"}}],
        "claims": claims,
        "sources": {
            spec: {"line": 7, "text": f"def {spec.rpartition('::')[2]}(): ..."}
            for each in claims
            for spec in each["specs"]
        },
        **changes,
    }


def write(folder, *runs, **named):
    """Write results files, and give their paths."""
    paths = []
    for name, data in [*((f"{n}", r) for n, r in enumerate(runs)), *named.items()]:
        path = folder / f"{name}.json"
        text = data if isinstance(data, str) else json.dumps(data)
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths
