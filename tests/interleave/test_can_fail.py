"""A broken explorer: its own tests, and not only the specs that rest on it, fail by assertion."""

from functools import partial

import pytest

from concspec import sabotage
from tests.interleave import (
    test_against_brute_force,
    test_misuse,
    test_notes_program,
    test_primitives,
    test_shared_state,
)

ALL_70 = test_notes_program.test_all_70_interleavings
CLASSES = test_notes_program.test_34_executions_stand_for_all_70
LOCKED = test_notes_program.test_a_lock_leaves_only_zero
TABLES = test_notes_program.test_the_two_tables
CHECK_THEN_ACT = test_shared_state.test_check_then_act
BRUTE_FORCE = partial(test_against_brute_force.test_reduced, 0)
SHARDS = test_misuse.test_a_shard_is_no_proof_and_all_of_them_are
TIMEOUT = test_primitives.test_a_timeout_on_a_lock

NOTICED_BY = {
    # a scheduler that skips interleavings
    "first-only": [CLASSES, BRUTE_FORCE, CHECK_THEN_ACT],
    "every-other": [CLASSES, BRUTE_FORCE],
    "one-preemption": [CLASSES, BRUTE_FORCE],
    # a reduction that is unsound
    "all-independent": [CLASSES, BRUTE_FORCE, CHECK_THEN_ACT],
    "reads-independent": [CLASSES, BRUTE_FORCE, CHECK_THEN_ACT],
    # a search that was cut and says that it is complete
    "always-complete": [
        SHARDS,
        test_misuse.test_a_preemption_bound_is_no_proof,
        test_misuse.test_a_time_budget_is_no_proof,
        test_misuse.test_the_first_surprise_ends_a_search,
        test_misuse.test_a_cut_shard_leaves_the_sum_incomplete,
    ],
    # accesses that are not seen
    "global-reads-unseen": [ALL_70, CLASSES],
    # a lock that it fails to model
    "lock-never-excludes": [LOCKED, TIMEOUT],
    "lock-never-released": [LOCKED, TIMEOUT],
    # a replay that goes another way
    "replay-in-turn": [TABLES],
    "replay-crossed": [TABLES],
}


@pytest.mark.parametrize(
    ("name", "test"), [(name, test) for name, tests in NOTICED_BY.items() for test in tests]
)
def test_the_explorers_own_tests_notice(name, test):
    with sabotage.active(f"exploring.{name}"), pytest.raises(AssertionError):
        test()


def test_every_sabotage_of_the_explorer_is_tried():
    names = {name for name in sabotage.names() if name.startswith("exploring.")}
    assert names == {f"exploring.{name}" for name in NOTICED_BY}
