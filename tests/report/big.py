"""A matrix as large as it may become: made up, with what a real one has in it."""

from tests.report.runs import claim, outcome, refuted, run, trial

SOURCE = "\n".join(
    f"    line {n} of the spec = some_call(with_an, argument_or_two)" for n in range(9)
)
BREAKS = {
    "en": "what the claim is about does something else than what it is there for",
    "zh": "论断所说的东西做了别的事情",
}
TEXT = "One sentence of the usual length, which says what is true of an interpreter, or is not."


def runs(interpreters, claims):
    """Give so many runs; a tenth of the claims is refuted, with messages, and a tenth recorded."""
    return [_run(f"cpython-{3 + n // 50}.{n % 50}", n, claims) for n in range(interpreters)]


def _run(name, number, claims):
    made = run(name, *(_claim(n, number) for n in range(claims)))
    made["sources"] = {
        spec: {"line": 7, "text": f"def {spec}:\n{SOURCE}"} for spec in made["sources"]
    }
    return made


def _claim(n, number):
    slug = f"claim-number-{n}"
    more = {
        "text": {"en": f"{TEXT} {n}", "zh": f"{n} 一句平常长度的话说的是解释器上的真假。"},
        "falsifiers": [trial(f"primitive.{way}-{n}", breaks=BREAKS) for way in ("one", "other")],
    }
    if n % 10 == 0:
        seen = f"assert {number} == {n}\n +  where {number} = <function at 0x7f{number:06x}>()"
        return refuted(slug, outcomes=[_outcome(slug, "refuted", number, seen=seen)], **more)
    if n % 10 == 1:
        recorded = _timeline(number) if n % 20 == 1 else _measurement(number)
        return claim(slug, outcomes=[_outcome(slug, "holds", number, evidence=recorded)], **more)
    if n % 30 == 2 and number % 3 == 0:
        return claim(slug, "inconclusive", **more)
    return claim(slug, outcomes=[_outcome(slug, "holds", number)], **more)


def _outcome(slug, verdict, number, **more):
    return outcome(slug, verdict, duration=0.001 + number * 0.00037, **more)


def _timeline(number):
    bars = [
        {"lane": f"worker {n % 4}", "label": f"task {n}", "start": n, "end": n + 1 + number / 900}
        for n in range(5)
    ]
    return [{"kind": "timeline", "unit": "s", "bars": bars}]


def _measurement(number):
    return [
        {
            "kind": "measurement",
            "quantity": "speedup",
            "series": series,
            "values": [1 + number / 100 + n / 77 for n in range(12)],
        }
        for series in ("threads", "processes", "C threads")
    ]
