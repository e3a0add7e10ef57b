"""What a newcomer types in the first minutes, answered by the shipped default model through the real engine."""

from __future__ import annotations

import pytest

from llmlab.pocket import pocket_path
from training.player import Ask, Player
from training.sample import Turn

Exchange = tuple[str, str]
"""What is typed, and what the answer must hold."""

DOCUMENT_EN = "Answer only from the document.\n\nDocument: The king of Velora is Hugo. The river of Kamar is Lodor."
DOCUMENT_ZH = "只根据文档回答。\n\n文档：青山城的国王是李雷。白水村的颜色是蓝色。"
BOOKS_EN = "Emma has 7 books. Emma buys 5 more. Emma gives away 4. How many books does Emma have now?"
BOOKS_ZH = "小红有7本书。小红又买了5个。小红送出了4个。小红现在有几个书？"

CONVERSATIONS: dict[str, tuple[Exchange, ...]] = {
    "chat, en": (
        ("hello", "I am Pocket"),
        ("what are you?", "tiny language model"),
        ("what can I do here?", "follow short examples"),
    ),
    "chat, zh": (("你好", "我是 Pocket"), ("你是谁？", "小语言模型"), ("我可以在这里做什么？", "实验室")),
    "glossary, en": (("What is few-shot prompting?", "examples"), ("what is a token", "unit")),
    "glossary, zh": (("什么是思维链？", "步骤"), ("什么是词元？", "单位")),
    "examples, en": (("cat -> *cat*\nlake -> *lake*\nfish ->", "*fish*"),),
    "examples, zh": (("苹果 -> 很苹果\n老虎 -> 很老虎\n花园 ->", "很花园"),),
    "instruction, en": (("What is the first letter of house?", "h"),),
    "instruction, zh": (("12 和 31 哪个大？", "31"),),
    "steps, en": ((f"{BOOKS_EN} Let's think step by step.", "7 + 5 = 12\n12 - 4 = 8\nThe answer is 8."),),
    "steps, zh": ((f"{BOOKS_ZH}让我们一步一步地思考。", "7 + 5 = 12\n12 - 4 = 8\n答案是8。"),),
    "document, en": ((f"{DOCUMENT_EN}\n\nWhat is the king of Velora?", "Hugo"),),
    "document, zh": ((f"{DOCUMENT_ZH}\n\n青山城的国王是什么？", "李雷"),),
    "word, en": (("Translate cat into Chinese.", "猫"),),
    "word, zh": (("把 apple 翻译成中文。", "苹果"),),
    "out of its world, en": (("Who won the world cup in 2018?", "do not know"),),
    "name, en": (("my name is Tom", "Tom"), ("what is my name?", "Tom")),
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_newcomer_gets_sensible_answers_that_end(name: str) -> None:
    player = Player(pocket_path("pocket-l"), threads=1)
    turns: tuple[Turn, ...] = ()
    for question, expected in CONVERSATIONS[name]:
        turns += (Turn("user", question),)
        ((said,),) = player.answer([Ask(turns)])
        assert expected in said.text, said.text
        assert said.ended, said.text
        assert "<|im_" not in said.text
        turns += (Turn("assistant", said.text),)


@pytest.mark.parametrize(("question", "answer"), [(BOOKS_EN, "The answer is 8."), (BOOKS_ZH, "答案是8。")])
def test_with_thinking_on_it_thinks_first_and_then_answers(question: str, answer: str) -> None:
    player = Player(pocket_path("pocket-l"), threads=1)
    ((said,),) = player.answer([Ask((Turn("user", question),), thinking=True)])
    thought, spoken = said.text.split("</think>")
    assert "7 + 5 = 12" in thought
    assert spoken.strip() == answer
    assert said.ended
