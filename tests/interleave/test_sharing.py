"""What is shared is told by who accessed what and what is ordered, in each execution anew."""

import pytest

from concspec.interleave.operations import WHOLE, Inherited, Operation, dependent
from concspec.interleave.sharing import MOST_REMEMBERED, Sharing, Stretch

READ = Operation("read", "a read", ((0, ("x",)),), write=False)
WRITE = Operation("write", "a write", ((0, ("x",)),), write=True)


def stretch(task, *accesses, epoch=0, sees=()):
    made = Stretch(task, epoch, dict(sees))
    made.accesses.update(accesses)
    return made


def test_a_read_and_a_write_that_nothing_orders():
    assert Sharing().find([stretch(1, READ), stretch(2, WRITE)]) == {"a read", "a write"}


def test_two_reads():
    assert not Sharing().find([stretch(1, READ), stretch(2, READ)])


def test_one_thread():
    assert not Sharing().find([stretch(1, READ, WRITE), stretch(1, WRITE, epoch=1)])


@pytest.mark.parametrize(
    "place", [(0, WHOLE), (None, ("x",)), (None, WHOLE)], ids=["whole", "any", "all of any"]
)
def test_places_that_overlap(place):
    other = Operation("read", "another read", (place,), write=False)
    assert "another read" in Sharing().find([stretch(1, other), stretch(2, WRITE)])
    assert "another read" in Sharing().find([stretch(2, WRITE), stretch(1, other)])


@pytest.mark.parametrize("place", [(1, ("x",)), (0, ("y",)), (0, "x")])
def test_places_that_do_not(place):
    other = Operation("read", "another read", (place,), write=False)
    assert not Sharing().find([stretch(1, other), stretch(2, WRITE)])


INHERITED = Operation("write", "of a class", ((None, Inherited(("x",))),), write=True)


@pytest.mark.parametrize("accesses", [[READ, INHERITED], [INHERITED, READ]])
def test_what_objects_inherit_is_an_attribute_of_any(accesses):
    assert Sharing().find(map(stretch, (1, 2), accesses)) == {"a read", "of a class"}
    assert dependent(*accesses)


def test_what_objects_inherit_is_no_part_of_a_whole():
    whole = Operation("read", "a whole", ((0, WHOLE),), write=False)
    assert not Sharing().find([stretch(1, INHERITED), stretch(2, whole)])
    assert not dependent(INHERITED, whole)
    of_any = Operation("write", "of any", ((None, ("x",)),), write=True)
    found = Sharing().find([stretch(1, INHERITED, of_any), stretch(2, whole)])
    assert found == {"of any", "a whole"}


def test_the_same_accesses_are_judged_anew_where_they_are_ordered_otherwise():
    sharing = Sharing()
    started = [stretch(0, WRITE), stretch(1, READ, sees={0: 0})]
    assert not sharing.find(started)
    assert sharing.find([stretch(0, WRITE, epoch=1), stretch(1, READ, sees={0: 0})])
    assert not sharing.find(started)
    assert sharing.find([stretch(0, WRITE), stretch(1, READ)])
    assert not sharing.find([stretch(1, READ), stretch(1, WRITE)])
    assert sharing.find([stretch(1, READ), stretch(2, WRITE)])


def test_the_same_order_is_judged_anew_for_other_accesses():
    sharing = Sharing()
    assert not sharing.find([stretch(1, READ), stretch(2, READ)])
    assert sharing.find([stretch(1, READ), stretch(2, READ, WRITE)])


def test_memory_is_bounded():
    sharing = Sharing()
    for epoch in range(3 * MOST_REMEMBERED):
        sharing.find([stretch(1, READ, epoch=epoch)])
    assert len(sharing.known) <= MOST_REMEMBERED
