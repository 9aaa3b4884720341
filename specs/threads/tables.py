"""What two threads do to their balance step by step, as evidence: the tables of the notes."""

from concspec.interleave import explain


def table(program, schedule, title):
    """Give the table that a schedule makes of a program whose threads share nothing but a balance.

    A write loses an update if the other thread has written since the writer last read.
    """
    told = explain(program, schedule)
    writes, known, steps = 0, {}, []
    for row in told.rows:
        lost = row.kind == "write" and known[row.thread] < writes
        writes += row.kind == "write"
        known[row.thread] = writes
        code = row.text if row.kind == "read" else row.code
        step = {"thread": f"t{row.thread}", "code": code, "values": {"balance": row.value}}
        steps.append({**step, "lost": True} if lost else step)
    return {"kind": "schedule", "title": title, "threads": ["t1", "t2"], "steps": steps}
