"""What a gate found, as JUnit XML for a build server and as Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as xml

from vbench.rank.gate import GateCheck, overall

MARKS = {"pass": "✅", "regression": "❌", "inconclusive": "⚠️"}


def junit(checks: Sequence[GateCheck], name: str) -> str:
    """JUnit XML: a test case for each rule; a regression is a failure, what is inconclusive an error."""
    verdicts = [check.verdict for check in checks]
    counts = {"tests": len(checks), "failures": verdicts.count("regression"), "errors": verdicts.count("inconclusive")}
    suites = xml.Element("testsuites", {key: str(n) for key, n in counts.items()})
    suite = xml.SubElement(suites, "testsuite", {"name": name, **{key: str(n) for key, n in counts.items()}})
    for check in checks:
        case = xml.SubElement(suite, "testcase", {"classname": "vbench.gate", "name": check.rule})
        if check.verdict == "regression":
            xml.SubElement(case, "failure", {"type": "regression", "message": check.why})
        elif check.verdict == "inconclusive":
            xml.SubElement(case, "error", {"type": "inconclusive", "message": check.why})
        else:
            xml.SubElement(case, "system-out").text = check.why
    xml.indent(suites)
    return xml.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def markdown(checks: Sequence[GateCheck], base: str, new: str) -> str:
    """A table for a comment on a pull request."""
    lines = [
        f"### vbench gate: {MARKS[overall(checks)]} {overall(checks)}",
        "",
        f"`{new}` against `{base}`",
        "",
        "| rule | verdict | change | 95 % interval | p | prompts | why |",
        "|---|---|---|---|---|---|---|",
    ]
    for check in checks:
        interval = (
            "–" if check.ci_low is None or check.ci_high is None else f"{check.ci_low:+.4g} … {check.ci_high:+.4g}"
        )
        cells = [
            check.rule.replace("|", "\\|"),
            f"{MARKS[check.verdict]} {check.verdict}",
            "–" if check.change is None else f"{check.change:+.4g}",
            interval,
            "–" if check.p_value is None else f"{check.p_value:.3f}",
            str(check.n_prompts),
            check.why.replace("|", "\\|"),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
