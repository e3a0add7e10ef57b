"""Formulas of Word documents say on one line what they say on several."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from llmlab.documents.formats.formula import Formula


def written(element: ElementTree.Element, formula: Formula) -> str:
    """What is written for an element and all in it."""
    before = formula.start(element.tag, element.attrib)
    within = "".join(written(child, formula) for child in element)
    return before + (element.text or "") + within + formula.end(element.tag)


@pytest.mark.parametrize(
    ("xml", "line"),
    [
        ("<f><num><t>a</t></num><den><t>b</t></den></f>", "(a)/(b)"),
        ("<d><e><t>a</t></e></d>", "(a)"),
        ("<d><dPr/><e><t>a</t></e><e><t>b</t></e></d>", "(a|b)"),
        ("<d><dPr><begChr val='['/><sepChr val=','/><endChr val=''/></dPr><e><t>a</t></e><e><t>b</t></e></d>", "[a,b"),
        ("<d><dPr><begChr val='|'/><endChr val='|'/></dPr><e><d><e><t>x</t></e></d></e></d>", "|(x)|"),
        (
            "<nary><naryPr><chr val='∑'/></naryPr><sub><t>i</t></sub><sup><t>n</t></sup><e><t>x</t></e></nary>",
            "∑_(i)^(n)x",
        ),
        ("<nary><naryPr><supHide val='1'/></naryPr><sub><t>C</t></sub><sup/><e><t>x</t></e></nary>", "∫_(C)x"),
        ("<nary><sub><t>0</t></sub><sup><t>1</t></sup><e><t>x</t></e></nary>", "∫_(0)^(1)x"),
        ("<rad><radPr><degHide val='1'/></radPr><deg/><e><t>x</t></e></rad>", "√(x)"),
        ("<rad><deg><t>3</t></deg><e><sSup><e><t>x</t></e><sup><t>2</t></sup></sSup></e></rad>", "√[3](x^(2))"),
        (
            "<d><e><m><mr><e><t>a</t></e><e><t>b</t></e></mr><mr><e><t>c</t></e><e><t>d</t></e></mr></m></e></d>",
            "(a, b; c, d)",
        ),
        ("<eqArr><e><t>x=1</t></e><e><t>y=2</t></e></eqArr>", "x=1; y=2"),
    ],
)
def test_a_formula_on_one_line(xml: str, line: str) -> None:
    assert written(ElementTree.fromstring(f"<oMath>{xml}</oMath>"), Formula()) == line
