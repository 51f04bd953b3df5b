"""infra/aws/template.yaml passes all checks, and each deliberate mistake is refused for its reason."""

import os
import tempfile
import unittest
from pathlib import Path

import guides
from aws import RULES, problems
from aws.mutations import CFN_LINT, MUTATIONS, TRANSLATOR, Mutation
from aws.settings import documented, planned
from aws.template import REGIONS, Refused, Template, lint, source


def mutated(*mutations: Mutation) -> Template:
    """The template with mistakes."""
    changed = source()
    for mutation in mutations:
        mutation.change(changed if mutation.rule == "parameters" else changed["Resources"])
    return Template(changed)


class TemplateTest(unittest.TestCase):
    def test_the_template_breaks_no_rule(self) -> None:
        self.assertEqual(problems(Template.read()), [])

    def test_each_mistake_is_refused_for_its_reason(self) -> None:
        for mutation in MUTATIONS:
            with self.subTest(mutation.name):
                if mutation.rule == TRANSLATOR:
                    with self.assertRaisesRegex(Refused, mutation.message):
                        mutated(mutation)
                elif mutation.rule != CFN_LINT:
                    found = [message for rule, message in problems(mutated(mutation)) if rule == mutation.rule]
                    self.assertTrue(any(mutation.message in it for it in found), f"refused for {found}")

    def test_cfn_lint_accepts_the_template_and_refuses_its_mistakes(self) -> None:
        # All mistakes in one file: cfn-lint takes longer than everything else.
        mistakes = [it for it in MUTATIONS if it.rule == CFN_LINT]
        with tempfile.TemporaryDirectory() as folder:
            reports = lint({"good": Template.read(), "bad": mutated(*mistakes)}, Path(folder), REGIONS)
        self.assertEqual(reports["good"], [])
        for mutation in mistakes:
            with self.subTest(mutation.name):
                found = [it for it in reports["bad"] if it.startswith(mutation.message)]
                self.assertEqual(len(found), 1, reports["bad"])

    def test_each_rule_refuses_a_mistake(self) -> None:
        self.assertGreaterEqual(len(MUTATIONS), 20)
        self.assertEqual({it.__name__ for it in RULES} - {it.rule for it in MUTATIONS}, set())

    @unittest.skipUnless(os.environ.get("EDGEREEL_BIN"), "EDGEREEL_BIN is not set")
    def test_the_program_has_the_commands_of_the_containers(self) -> None:
        for name, container in Template.read().containers:
            with self.subTest(name):
                command = ["edgereel", *container["Command"]]
                self.assertEqual(list(guides.invocation(command, os.environ["EDGEREEL_BIN"])), [])

    def test_planned_names_are_not_documented_yet(self) -> None:
        self.assertEqual(sorted(planned() & documented()), [], "remove them from infra/checks/planned.txt")


if __name__ == "__main__":
    unittest.main()
