"""The catalogue: what is read from it, and that all its mistakes are told at once."""

import dataclasses
import textwrap

import pytest

from concspec.catalogue import (
    HOLDS,
    Catalogue,
    CatalogueError,
    Claim,
    Mistake,
    Section,
    Source,
    Text,
    load,
)
from concspec.grading import Verdict
from tests.samples import NOT_APPLICABLE, NOTES, REFUTED, claim_table, falsified

FACTS = {"cpython": True, "pypy": False, "version": (3, 13)}


@pytest.fixture
def catalogue(tmp_path):
    """Write a catalogue and specs, and load them."""

    def write_and_load(*tables, specs=None, notes=NOTES, other=""):
        chapter = tmp_path / "specs" / "chapter"
        chapter.mkdir(parents=True)
        text = "\n".join(tables)
        if specs is None:
            slugs = dict.fromkeys(line[8:-1] for line in text.splitlines() if "slug =" in line)
            specs = "".join(f'@claim("{s}")\ndef test_{n}(): pass\n' for n, s in enumerate(slugs))
        chapter.joinpath("claims.toml").write_text(text, encoding="utf-8")
        specs = falsified(textwrap.dedent(specs))
        chapter.joinpath("test_it.py").write_text(specs, encoding="utf-8")
        if notes:
            tmp_path.joinpath("specs", "notes.toml").write_text(notes, encoding="utf-8")
        if other:
            (tmp_path / "specs" / "other").mkdir()
            tmp_path.joinpath("specs", "other", "claims.toml").write_text(other, encoding="utf-8")
        return load(tmp_path / "specs", FACTS)

    return write_and_load


@pytest.fixture
def mistakes(catalogue):
    """Load a bad catalogue and return the lines of the error."""

    def load_and_fail(*tables, **more):
        with pytest.raises(CatalogueError) as caught:
            catalogue(*tables, **more)
        heading, *lines = str(caught.value).splitlines()
        assert heading.startswith(
            "1 mistake in" if len(lines) == 1 else f"{len(lines)} mistakes in"
        )
        assert len(caught.value.mistakes) == len(lines)
        return [str(mistake) for mistake in caught.value.mistakes]

    return load_and_fail


def test_a_claim_is_read_whole(catalogue):
    read = catalogue(
        claim_table("a-claim", 'references = ["https://example.org"]', lines="1, 3-5"),
        specs="""
            @claim("a-claim")
            def test_one(): pass
            class TestMore:
                @claim("a-claim")
                async def test_two(self): pass
            """,
    ).claims["a-claim"]
    assert (read.section, read.lines) == ("1", "1, 3-5")
    assert (read.text.en, read.text.zh) == ("Text of a-claim.", "a-claim 的说明。")
    assert (read.text.in_language("en"), read.text.in_language("zh")) == (
        read.text.en,
        read.text.zh,
    )
    assert list(read.references) == ["https://example.org"]
    file = "specs/chapter/test_it.py"
    assert list(read.specs) == [f"{file}::test_one", f"{file}::TestMore::test_two"]


def test_claims_stand_in_the_order_of_the_notes(catalogue):
    read = catalogue(claim_table("late", section="2"), claim_table("early", section="1"))
    assert list(read.claims) == ["early", "late"]


def test_a_claim_holds_unless_an_exception_is_true_here(catalogue):
    elsewhere = REFUTED + 'where = "pypy"\n'
    here = REFUTED + 'where = "cpython and version >= (3, 10)"\n'
    read = catalogue(
        claim_table("plain"),
        claim_table("always", REFUTED),
        claim_table("elsewhere", elsewhere),
        claim_table("second", elsewhere, here),
        claim_table("absent", REFUTED, NOT_APPLICABLE),
    )
    assert [claim.expectation(FACTS).verdict for claim in read.claims.values()] == [
        Verdict.HOLDS,
        Verdict.REFUTED,
        Verdict.HOLDS,
        Verdict.REFUTED,
        Verdict.NOT_APPLICABLE,
    ]
    expectation = read.claims["always"].expectation(FACTS)
    assert expectation.reason.zh == "原因如此。"
    assert (expectation.since, expectation.reference) == ("CPython 3.2", "https://example.org/why")


def test_the_source_of_a_spec_is_read(catalogue):
    specs = """
        import pytest


        class TestIt:
            @pytest.mark.slow
            @claim("a-claim")
            def test_it(self):
                pass
        """
    (source,) = catalogue(claim_table("a-claim"), specs=specs).sources.items()
    text = textwrap.dedent(falsified(specs)).partition("TestIt:\n")[2]
    assert source == (
        "specs/chapter/test_it.py::TestIt::test_it",
        Source(6, textwrap.dedent(text).strip()),
    )


def test_only_claim_and_falsified_by_are_read_of_a_spec(catalogue):
    specs = """
        @a_mark("nothing")
        @claim("a-claim", about="fork.own-pid", falsified_by="fork.pid-in-child", zone="x.y")
        @zone("nothing")
        def test_it(): pass
        """
    read = catalogue(claim_table("a-claim"), specs=specs).claims["a-claim"]
    assert list(read.falsifiers) == ["fork.pid-in-child"]


def test_the_decorator_may_be_named_with_its_module(catalogue):
    specs = '@concspec.claim("a-claim", falsified_by="fork.pid-in-child")\ndef test_it(): pass'
    assert catalogue(claim_table("a-claim"), specs=specs).claims["a-claim"].specs


SPECS = '@claim("a-claim", "unknown")\ndef test_it(): pass\n'


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"specs": "\ndef (\n"}, "specs/chapter/test_it.py: line 2 is not Python: "),
        ({"specs": "\0"}, "specs/chapter/test_it.py: "),
        ({"specs": SPECS, "other": "[[claim]"}, "specs/other/claims.toml: is not TOML: "),
        ({"notes": "lines ="}, "specs/notes.toml: is not TOML: "),
        ({"notes": ""}, "specs/notes.toml: cannot be read: "),
    ],
)
def test_what_cannot_be_read_is_told_and_nothing_that_follows_from_it(mistakes, written, told):
    elsewhere = 'corrected_by = "elsewhere"' if "other" in written else ""
    (found,) = mistakes(claim_table("a-claim", elsewhere), **written)
    assert found.startswith(told)


def test_all_that_cannot_be_read_is_told(mistakes, tmp_path):
    another = tmp_path / "specs" / "another"
    another.mkdir(parents=True)
    another.joinpath("test_no.py").write_text("def (", encoding="utf-8")
    found = mistakes(claim_table("a-claim"), specs="def (")
    files = [line.partition(":")[0] for line in found]
    assert files == ["specs/another/test_no.py", "specs/chapter/test_it.py"]


def test_the_nearest_slugs_are_three_at_most(catalogue):
    read = catalogue(*map(claim_table, ["queue-a", "queue-b", "queue-c", "queue-d", "pool"]))
    assert len(read.nearest("queue-e")) == 3
    assert list(read.nearest("polo")) == ["pool"]
    assert list(read.nearest("xyz")) == []


@pytest.mark.parametrize(
    "value",
    [
        Text("en", "zh"),
        HOLDS,
        Section("1", Text("en", "zh")),
        Claim("slug", "1", "1", Text("en", "zh"), (), (), "", ()),
        Source(1, "text"),
        Catalogue((), {}, "hash"),
        Mistake("file", "claim", "key", "problem", "remedy"),
    ],
)
def test_what_was_read_cannot_be_changed(value):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(value)[0].name, None)


def test_the_hash_follows_the_content(catalogue, tmp_path):
    first = catalogue(claim_table("a-claim")).hash
    assert load(tmp_path / "specs", FACTS).hash == first
    file = tmp_path / "specs" / "chapter" / "claims.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("Text", "Words"), encoding="utf-8")
    changed = load(tmp_path / "specs", FACTS).hash
    assert changed != first
    helper = file.with_name("helper.py")
    helper.write_text("withdraws = True", encoding="utf-8")
    helped = load(tmp_path / "specs", FACTS).hash
    helper.write_text("withdraws = None", encoding="utf-8")
    helped_otherwise = load(tmp_path / "specs", FACTS).hash
    helper.rename(file.with_name("other.py"))
    assert len({changed, helped, helped_otherwise, load(tmp_path / "specs", FACTS).hash}) == 4


def test_what_comes_about_when_specs_run_is_not_in_the_hash(catalogue, tmp_path):
    first = catalogue(claim_table("a-claim")).hash
    (tmp_path / "specs" / "chapter" / "__pycache__").mkdir()
    (tmp_path / "specs" / "chapter" / "__pycache__" / "x.pyc").touch()
    assert load(tmp_path / "specs", FACTS).hash == first


def test_a_claim_is_corrected_where_its_correction_holds(catalogue):
    here, elsewhere = (f'{REFUTED}where = "{where}"\n' for where in ("cpython", "pypy"))
    read = catalogue(
        claim_table("false", 'corrected_by = "true"', elsewhere, REFUTED),
        claim_table("false-there", 'corrected_by = "true"', elsewhere),
        claim_table("false-too", 'corrected_by = "true"', f'{here}corrected_by = "true-here"\n'),
        claim_table("not-corrected", 'corrected_by = "false"', REFUTED),
        claim_table("true"),
        claim_table("true-here", elsewhere),
    )
    corrections = {slug: read.correction(slug, FACTS) for slug in read.claims}
    assert {slug: claim.slug for slug, claim in corrections.items() if claim} == {
        "false": "true",
        "false-too": "true-here",
    }


FILE = "specs/chapter/claims.toml"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("en =", "english ="), f"{FILE}: bad: english: is no key of the catalogue"),
        (("lines =", "line ="), f"{FILE}: bad: line: is no key of the catalogue; write lines"),
        (('en = "Text of bad."\n', ""), f"{FILE}: bad: en: is missing; add it"),
        (("Text of bad.", " "), f"{FILE}: bad: en: is empty; write it"),
        (
            ("zh = ", 'unfalsifiable = ""\nzh = '),
            f"{FILE}: bad: unfalsifiable: is empty; write it, or",
        ),
        (
            ("zh = ", 'corrected_by = "bad"\nzh = '),
            f"{FILE}: bad: corrected_by: is the claim itself",
        ),
        (("zh = ", 'references = ["x"]\nzh = '), f"{FILE}: bad: references: 'x' is no address"),
        (('"bad 的说明。"', "3"), f"{FILE}: bad: zh: 3 is not text"),
        (
            ('section = "1"', 'section = "7"'),
            f"{FILE}: bad: section: notes.toml has no section '7'",
        ),
        (
            ('lines = "1"', 'lines = "9-11"'),
            f"{FILE}: bad: lines: '9-11' is not within the notes' 1-10",
        ),
        (('lines = "1"', 'lines = "0"'), f"{FILE}: bad: lines: '0' is not within"),
        (('lines = "1"', 'lines = "5-2"'), f"{FILE}: bad: lines: '5-2' is not within"),
        (('lines = "1"', 'lines = "one"'), f"{FILE}: bad: lines: 'one' names no lines"),
        (('slug = "bad"', 'slug = "Bad_one"'), f"{FILE}: Bad_one: slug: is not in kebab-case"),
        (('slug = "bad"\n', ""), f"{FILE}: claim number 1: slug: is missing"),
        (
            ("zh = ", 'corrected_by = "nobody"\nzh = '),
            f"{FILE}: bad: corrected_by: there is no claim 'nobody'",
        ),
        (("zh = ", 'references = "x"\nzh = '), f"{FILE}: bad: references: 'x' is not a list"),
        (("zh = ", "references = [1]\nzh = "), f"{FILE}: bad: references: 1 is not text"),
        (("zh = ", "refuted = [1]\nzh = "), f"{FILE}: bad: refuted: 1 is not a table"),
        (("[[claim]]", "[[claims]]"), f"{FILE}: claims: is no key of the catalogue; write claim"),
        (("[[claim]]", "[[claim"), f"{FILE}: is not TOML"),
    ],
)
def test_a_mistake_names_file_claim_key_and_remedy(mistakes, change, line):
    found = mistakes(claim_table("bad").replace(*change))
    assert any(mistake.startswith(line) for mistake in found), found
    assert all("; " in mistake for mistake in found)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("since =", "until ="), "refuted.until: is no key"),
        (('since = "CPython 3.2"\n', ""), "refuted.since: is missing"),
        (("CPython 3.2", "Cpythn 3.2"), "refuted.since: 'Cpythn 3.2' is no such time"),
        (("https://example.org/why", "lala"), "refuted.reference: 'lala' is no address; give one"),
        (("since =", 'corrected_by = "x"\nsince ='), "corrected_by: there is no claim 'x'"),
        (("CPython 3.2", "long ago"), "refuted.since: 'long ago' is no such time; write: always"),
        (
            ("reference =", 'where = "jython"\nreference ='),
            "refuted.where: 'jython' names 'jython'",
        ),
        (
            ("reference =", 'where = "pypy and"\nreference ='),
            "refuted.where: 'pypy and' does not parse",
        ),
    ],
)
def test_a_mistake_in_an_exception_is_told(mistakes, change, line):
    found = mistakes(claim_table("bad", REFUTED.replace(*change)))
    assert any(mistake.startswith(f"{FILE}: bad: {line}") for mistake in found), found


def test_a_near_slug_is_offered_for_a_dangling_correction(mistakes):
    (found,) = mistakes(claim_table("queue-fifo"), claim_table("b", 'corrected_by = "queue-fifa"'))
    assert found.endswith("name one that is there: queue-fifo")


def test_three_near_slugs_are_offered_at_most(mistakes):
    slugs = ("queue-a", "queue-b", "queue-c", "queue-d")
    found = mistakes(*map(claim_table, slugs), claim_table("b", 'corrected_by = "queue-e"'))
    assert len(found[0].rpartition(": ")[2].split(", ")) == 3


def test_the_nearest_key_is_offered(mistakes):
    (found,) = mistakes(claim_table("bad", 'refuences = "nearest to references, near to refuted"'))
    assert found.endswith("refuences: is no key of the catalogue; write references")


def test_a_slug_may_stand_once_in_all_files(mistakes):
    found = mistakes(claim_table("twice"), claim_table("twice"), other=claim_table("twice"))
    assert len(found) == 2
    assert found[1] == (
        "specs/other/claims.toml: twice: slug: stands in specs/chapter/claims.toml too; "
        "rename one of them"
    )


def test_a_claim_behind_one_that_stands_twice_is_read_too(mistakes):
    found = mistakes(claim_table("twice"), claim_table("twice"), claim_table("last", lines="99"))
    assert found[-1].startswith(f"{FILE}: last: lines: ")


def test_what_is_required_may_not_be_left_out(mistakes):
    (found,) = mistakes(claim_table("bad").replace("Text of bad.", " "))
    assert found == f"{FILE}: bad: en: is empty; write it"


def test_every_exception_of_a_claim_is_read(mistakes):
    found = mistakes(claim_table("bad", "refuted = [1, {until = '1991'}, 2]"))
    assert sum("is not a table" in mistake for mistake in found) == 2
    assert any("refuted.until: is no key" in mistake for mistake in found)


def test_every_claim_needs_a_spec(mistakes):
    (found,) = mistakes(claim_table("lonely"), specs="def test_it(): pass")
    assert found == f'{FILE}: lonely: no spec proves it; put @claim("lonely") on a test'


FALSIFIED_BY = '@claim("bad", falsified_by={})\ndef test_it(): pass'


def test_every_claim_needs_a_falsifier(mistakes):
    (found,) = mistakes(claim_table("bad"), specs=FALSIFIED_BY.format("()"))
    assert found == (
        f"{FILE}: bad: falsified_by: no falsifier shows that its specs can fail; "
        "add one, or say in the key unfalsifiable why there cannot be any"
    )


def test_a_falsifier_must_be_there(mistakes):
    found = mistakes(claim_table("bad"), specs=FALSIFIED_BY.format('("fork.pid-in-chld", "x")'))
    assert found[0].startswith(
        "specs/chapter/test_it.py::test_it: bad: falsified_by: there is no sabotage "
        "'fork.pid-in-chld'; name one that is there: fork.pid-in-child"
    )
    near = found[0].rpartition(": ")[2].split(", ")
    assert len(near) == 3
    assert found[1].endswith("there is no sabotage 'x'; name one that is there")


def test_a_claim_may_say_why_it_cannot_be_falsified(catalogue):
    reason = 'unfalsifiable = "It is about a number."'
    read = catalogue(claim_table("bad", reason), specs=FALSIFIED_BY.format("()"))
    assert read.claims["bad"].unfalsifiable == "It is about a number."


def test_a_claim_needs_a_falsifier_for_this_interpreter(mistakes):
    specs = FALSIFIED_BY.format('"threads.name-with-target"')  # of CPython 3.9
    again = specs.replace("test_it", "test_again")
    (found,) = mistakes(claim_table("bad"), specs=f"{specs}\n{again}")
    assert found == (
        "specs/chapter/test_it.py::test_it: bad: falsified_by: "
        "none of its falsifiers is for this interpreter; add one that is"
    )


def test_what_is_not_applicable_needs_no_falsifier_here(catalogue):
    specs = FALSIFIED_BY.format('"threads.name-with-target"')
    assert "bad" in catalogue(claim_table("bad", NOT_APPLICABLE), specs=specs).claims


def test_falsifiers_are_read_from_all_specs(catalogue):
    specs = """
        @claim("a", falsified_by="fork.pid-in-child")
        def test_one(): pass
        @claim("a", falsified_by=["fork.zero-in-parent", "fork.pid-in-child"])
        def test_two(): pass
        """
    falsifiers = catalogue(claim_table("a"), specs=specs).claims["a"].falsifiers
    assert list(falsifiers) == ["fork.pid-in-child", "fork.zero-in-parent"]


UNFALSIFIABLE = [claim_table(f"claim-{n}", 'unfalsifiable = "No."') for n in range(6)]


def test_few_claims_may_be_unfalsifiable(mistakes):
    (found,) = mistakes(*UNFALSIFIABLE)
    assert "6 claims are said to be unfalsifiable; falsify all but 5 of them" in found


def test_five_claims_may_be_unfalsifiable(catalogue):
    assert len(catalogue(*UNFALSIFIABLE[:5]).claims) == 5


def test_a_spec_may_not_name_an_unknown_claim(mistakes):
    specs = """
        @claim("known", "knwon")
        def test_it(): pass
        """
    (found,) = mistakes(claim_table("known"), specs=specs)
    assert found == (
        "specs/chapter/test_it.py::test_it: knwon: @claim: no claims.toml has this claim; "
        "add it, or name one that is there: known"
    )


def test_a_spec_names_its_claims_as_text(mistakes):
    specs = "".join(
        f"@claim({slugs})\ndef test_{name}(): pass\n"
        for name, slugs in {"it": "slug", "that": "", "both": "'a-claim', slug"}.items()
    )
    found = mistakes(claim_table("a-claim"), specs=specs)
    assert [mistake.split(";")[0] for mistake in found] == [
        f"specs/chapter/test_it.py::test_{name}: @claim: does not name its claims"
        for name in ("it", "that", "both")
    ]


def test_claims_of_one_spec_must_be_expected_alike(mistakes):
    specs = '@claim("true", "false")\ndef test_it(): pass\n'
    (found,) = mistakes(claim_table("true"), claim_table("false", REFUTED), specs=specs)
    assert found == (
        "specs/chapter/test_it.py::test_it: true, false: @claim: one spec cannot show all of "
        "{'true': 'holds', 'false': 'refuted'}; give each a spec of its own"
    )


def test_notes_are_needed(mistakes):
    found = mistakes(claim_table("a-claim"), notes="")
    assert found[0].startswith("specs/notes.toml: cannot be read")


def test_notes_of_another_shape_are_told(mistakes):
    found = mistakes(claim_table("a-claim"), notes="lines = 10\nsection = 3\n")
    assert found[0] == "specs/notes.toml: section: 3 is not a list; give a list"


def test_notes_without_sections_ask_for_some(mistakes):
    found = mistakes(claim_table("a-claim"), notes="lines = 10\n")
    assert found[0].endswith("notes.toml has no section '1'; give one of those you add there")


def test_all_mistakes_are_told_at_once(mistakes):
    found = mistakes(
        claim_table("one", "color = 1"),
        claim_table("two", lines="99"),
        claim_table("three", 'corrected_by = "zero"'),
        specs='@claim("one")\ndef test_it(): pass\n@claim("four")\ndef test_that(): pass\n',
        notes=NOTES.replace("zh", "cn"),
    )
    assert len(found) == 10
