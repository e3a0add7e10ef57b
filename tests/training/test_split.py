"""Training and test items never meet, nor do their parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

import pytest

from llmlab.domain.digest import Request
from llmlab.domain.document import Document
from llmlab.domain.scorers.abstaining import abstains
from training.cells import Cell, cells
from training.curriculum import SKILLS, mixture
from training.curriculum.documents import reading, value_first
from training.curriculum.examples import RULES, build, instance
from training.curriculum.facts import ATTRIBUTES, Fact
from training.curriculum.instructions import SECOND, WORD_VERBS, two_verbs
from training.curriculum.lookups import ROWS_EN, ROWS_ZH, listed, people
from training.curriculum.notes import NOTES_EN, NOTES_ZH, SUMMARY_EN, SUMMARY_ZH, noting
from training.curriculum.steps import steps_sample
from training.curriculum.talk import conversation, talk_key
from training.sample import Generator, Sample, draw, held_out, sum_key

CELLS = cells(lambda sample: sum(len(turn.text) for turn in sample.turns) // 2)


def test_training_draws_only_training_items() -> None:
    rng = Random(3)
    assert not any(held_out(mixture(rng).key) for _ in range(3000))


@pytest.mark.parametrize("skill", sorted(set(SKILLS) - {"text"}))
def test_sides_share_no_instance(skill: str) -> None:
    rng = Random(5)
    train = {draw(SKILLS[skill], rng, test=False).key for _ in range(400)}
    test = {draw(SKILLS[skill], rng, test=True).key for _ in range(100)}
    assert test
    assert train.isdisjoint(test)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_every_score_uses_held_out_items_and_the_gold_answer_counts(cell: Cell) -> None:
    rng = Random(7)
    samples = [draw(cell.make, rng, test=True) for _ in range(3)]
    assert all(held_out(sample.key) for sample in samples)
    assert all(cell.right(sample.turns[-1].text, sample) for sample in samples if "refused, plain" not in cell.name)


def test_no_training_prompt_is_a_test_prompt() -> None:
    rng = Random(9)
    asked = {sample.turns[:-1] for cell in CELLS for sample in [draw(cell.make, rng, test=True) for _ in range(15)]}
    trained = {mixture(rng).turns[:-1] for _ in range(4000)}
    assert asked.isdisjoint(trained)


def test_demonstrations_are_training_items() -> None:
    rng = Random(11)
    shown = 0
    for _ in range(300):
        rule = rng.choice(RULES)
        sample = build(rng, rule, 4, "turns")
        for turn in [turn for turn in sample.turns if turn.role == "user"][:-1]:
            value = turn.text.removeprefix("Input: ").removeprefix("输入：")
            assert not held_out(instance(rule, value))
            shown += 1
    assert shown > 1000


def test_examples_determine_the_answer() -> None:
    rng = Random(12)
    for _ in range(200):
        rule = rng.choice(RULES)
        sample = build(rng, rule, rng.choice((1, 2, 4)), "turns")
        shots = [
            (q.text, a.text)
            for q, a in zip(sample.turns[:-2], sample.turns[1:-2], strict=False)
            if a.role == "assistant"
        ]
        shots = [(q.removeprefix("Input: ").removeprefix("输入："), a) for q, a in shots]
        rivals = [other for other in RULES if other.make is rule.make and other.name != rule.name]
        assert not any(all(other.apply(q) == a for q, a in shots) for other in rivals)


def test_some_verb_pairs_are_never_trained_and_hide_no_held_out_step() -> None:
    rng = Random(13)
    trained = [draw(two_verbs, rng, test=False) for _ in range(600)]
    kept = {draw(two_verbs, rng, test=True).key for _ in range(100)}
    assert len(kept) > 2
    assert kept.isdisjoint(sample.key for sample in trained)
    first, second = {verb[0]: verb[3] for verb in WORD_VERBS}, {verb[0]: verb[3] for verb in SECOND}
    for sample in trained:
        _, one, two = sample.key.split("|")
        words = re.findall(r"[a-z]+", sample.turns[-2].text)
        assert any(
            second[two](first[one](word)) == sample.gold
            and not held_out(f"rule|{one}|{word}")
            and not held_out(f"rule|{two}|{first[one](word)}")
            for word in words
        )


_KINDS = {"+": "add", "-": "sub", "*": "mul"}


def test_written_steps_hold_no_held_out_sum() -> None:
    rng = Random(15)
    sums = 0
    for _ in range(600):
        sample = draw(steps_sample, rng, test=False)
        written = "\n".join([*(turn.text for turn in sample.turns), sample.thinking or ""])
        for a, sign, b in re.findall(r"(\d+) ([-+*]) (\d+) =", written):
            assert not held_out(sum_key(_KINDS[sign], int(a), int(b)))
            sums += 1
    assert sums > 1000


def _told(sample: Sample) -> Iterator[Fact]:
    """Every fact that the document of a sample states."""
    document = "\n".join(turn.text for turn in sample.turns[:-1] if turn.role != "assistant")
    for english, chinese in ATTRIBUTES:
        for place, value in re.findall(rf"[Tt]he {english} of ([A-Z]\w+) is ([\w ]+?)\.", document):
            yield Fact(place, english, value, chinese=False)
        for value, place in re.findall(rf"([\w ]+?) is the {english} of ([A-Z]\w+)\.", document):
            yield Fact(place, english, value.strip(), chinese=False)
        for place, value in re.findall(rf"([\u4e00-\u9fff]{{3}})的{chinese}[是为]([^。？]+)。", document):
            yield Fact(place, chinese, value, chinese=True)


def _present(rng: Random) -> Sample:
    return reading(rng, kind="present")


@pytest.mark.parametrize(
    ("make", "test"), [(reading, False), (value_first, False), (noting, False), (_present, True), (noting, True)]
)
def test_documents_state_only_training_facts_beside_the_one_in_question(make: Generator, test: bool) -> None:
    rng = Random(16)
    told = 0
    for _ in range(120):
        sample = draw(make, rng, test=test)
        for fact in _told(sample):
            assert not held_out(fact.key()) or fact.key() == sample.key
            told += 1
    assert told > 150


def test_notes_hold_every_fact_of_the_text_in_its_order_and_nothing_else() -> None:
    rng = Random(21)
    noted = 0
    for _ in range(60):
        sample = noting(rng, sizes=(rng.randint(1, 8), rng.randint(1, 20)))
        facts = list(_told(sample))
        lines = [line.strip() for line in re.split(r"[.。]", sample.gold) if line.strip()]
        if lines[0].startswith(("The document is about", "文档讲的是")):
            assert all(fact.entity in lines[0] for fact in facts)
            del lines[0]
        sentences = re.split(r"[.。\n]", sample.turns[0].text)
        assert lines == [
            fact.answer()
            for sentence in sentences
            for fact in facts
            if all(part in sentence for part in (fact.entity, fact.attribute, fact.value))
        ]
        noted += len(lines)
    assert noted > 150


def test_llmlab_s_own_requests_for_a_digest_are_practised() -> None:
    for chinese, asks in ((False, (*NOTES_EN, *SUMMARY_EN)), (True, (*NOTES_ZH, *SUMMARY_ZH))):
        document = Document(name="d", path="", kind="text", text="一二三四五六七八九十" if chinese else "One, two.")
        for task in ("note", "merge", "final", "whole"):
            request = Request(task, 1, 3, 3, 0, 4, ("x",))
            assert request.prompt(document).rpartition("\n")[2] in {ask.format(k=1, n=3) for ask in asks}, task


def test_a_fact_that_the_document_lacks_is_named_before_it_is_refused() -> None:
    rng = Random(22)
    for _ in range(60):
        sample = reading(rng, kind="absent", grounded=True)
        asked, refusal = sample.turns[-2].text, sample.turns[-1].text
        _, place, attribute, _ = sample.key.split("|")
        assert place in asked
        assert re.search(rf"{attribute} of {place} is not in|{place}的{attribute}文档里没有", refusal)
        assert abstains(refusal)


_ROW = re.compile(r"(\S+?)(?:: | - | = | \| | is | -> |：|是|，)(\S+?)[.。]?")
"""One row of a list, as `ROWS_EN` and `ROWS_ZH` write it."""


@pytest.mark.parametrize("form", [*ROWS_EN, *ROWS_ZH])
def test_rows_are_read_back_as_they_are_written(form: str) -> None:
    match = _ROW.fullmatch(form.format(k="小丽", v="482"))
    assert match is not None
    assert match.groups() == ("小丽", "482")


def _listed(sample: Sample) -> list[tuple[str, str]]:
    """The rows of a list, without the question that may stand below it."""
    text = max((turn.text for turn in sample.turns), key=len)
    blocks = [block.split("\n") for block in text.split("\n\n")]
    found = [[match for line in block if (match := _ROW.fullmatch(line))] for block in blocks]
    return [(match[1], match[2]) for match in max(found, key=len)]


@pytest.mark.parametrize("test", [False, True])
def test_lists_hold_only_training_rows_beside_the_one_in_question(test: bool) -> None:
    rng = Random(18)
    told = 0
    for _ in range(200):
        sample = draw(lambda rng: listed(rng, kind="present" if test else ""), rng, test=test)
        keys = [f"lookup|{key}|{value}" for key, value in _listed(sample)]
        assert [key for key in keys if held_out(key)] == ([sample.key] if test else [])
        told += len(keys)
    assert told > 400


def test_what_is_told_of_people_is_no_held_out_problem_of_two_hops() -> None:
    rng = Random(19)
    chains = 0
    for _ in range(200):
        told = people(rng).turns[0].text
        homes = dict(re.findall(r"(\w+) lives in (\w+)", told)) | dict(
            re.findall(r"([\u4e00-\u9fff]{2})住在(\w+?)。", told)
        )
        bonds = re.findall(r"(\w+)'s (\w+) is (\w+)", told) + re.findall(r"(\w\w)的(\w\w)是(\w\w)。", told)
        for owner, relation, other in bonds:
            assert not held_out(f"two-hop|{owner}|{relation}|{other}|{homes[other]}")
            chains += 1
    assert chains > 300


def test_a_missing_name_stands_in_no_row() -> None:
    rng = Random(20)
    told = 0
    for _ in range(200):
        sample = listed(rng, kind="absent")
        assert sample.turns[-1].text in ("I don't know.", "我不知道。")
        asked = sample.key.split("|")[1]
        rows = _listed(sample)
        assert all(asked not in row for row in rows)
        told += len(rows)
    assert told > 400


def test_no_slip_of_the_keyboard_leads_to_a_held_out_wording() -> None:
    rng = Random(17)
    for _ in range(2000):
        sample = draw(conversation, rng, test=False)
        if sample.key.startswith(("talk|", "core:")):
            assert not held_out(talk_key(sample.turns[-2].text))


def test_same_seed_same_samples() -> None:
    def take() -> list[Sample]:
        rng = Random("1/0")
        return [mixture(rng) for _ in range(200)]

    assert take() == take()
