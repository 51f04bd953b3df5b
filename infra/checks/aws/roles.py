"""Least rights: the table in infra/aws/README.md has each right in the template, and no other."""

import re
from collections.abc import Iterator

from .template import README, ROOT, Json, Template, listed, strings, target_of, text_of

# Actions for which AWS accepts no narrower resource; the second one needs a condition.
UNLIMITED = {"ecr:GetAuthorizationToken"}
UNLIMITED_IN_A_CLUSTER = {"ecs:ListTasks"}
HOLDERS = ("AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy")
PROGRAM = ROOT / "crates/platform/src/job_queue/sqs"
LAUNCH = ROOT / "crates/platform/src/launch/ecs.rs"
HEADING = "| holder | actions | resources |"

Right = tuple[str, frozenset[str], frozenset[str]]


def statements(template: Template) -> Iterator[tuple[str, Json]]:
    """All statements of all policies, each with the name of its role, user or policy."""
    for name, resource in template.resources.items():
        if resource["Type"] not in HOLDERS:
            continue
        properties = resource["Properties"]
        documents = [it["PolicyDocument"] for it in properties.get("Policies", [])]
        documents += [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
        for document in documents:
            for statement in listed(document["Statement"]):
                yield name, statement


def rights(template: Template) -> Iterator[Right]:
    """Who may do what, in the template."""
    for name, statement in statements(template):
        resources = frozenset(text_of(it) for it in listed(statement["Resource"]))
        yield name, frozenset(listed(statement["Action"])), resources
    for kind in ("AWS::IAM::Role", "AWS::IAM::User"):
        for name, properties in template.of_type(kind):
            for policy in properties.get("ManagedPolicyArns", []):
                yield name, frozenset(["the policy"]), frozenset([text_of(policy)])


def written() -> Iterator[Right]:
    """Who may do what, in the table."""
    after = README.read_text().split(HEADING, 1)[1].lstrip("\n").splitlines()[1:]
    for line in after:
        if not line.startswith("|"):
            return
        holder, actions, resources = (cell.strip() for cell in line.strip("|").split("|"))
        words = re.findall(r"`([^`]+)`", actions)
        yield holder.strip("`"), frozenset(words or [actions]), frozenset(re.findall(r"`([^`]+)`", resources))


def row(right: Right) -> str:
    """A row of the table."""
    holder, actions, resources = right
    shown = ", ".join(it if it == "the policy" else f"`{it}`" for it in sorted(actions))
    return f"| `{holder}` | {shown} | {', '.join(f'`{it}`' for it in sorted(resources))} |"


def table(template: Template) -> Iterator[str]:
    """The table and the template agree in both directions."""
    have, listed_rights = set(rights(template)), set(written())
    yield from (f"the table lacks {row(it)}" for it in sorted(have - listed_rights, key=row))
    yield from (f"the template lacks {row(it)}" for it in sorted(listed_rights - have, key=row))


def calls_of_program() -> set[str]:
    """The actions of SQS and ECS that the program calls. A call for a batch needs the right to the single action."""
    sources = [PROGRAM.with_suffix(".rs"), *PROGRAM.glob("*.rs")]
    calls = re.findall(r"\bclient\s*\.(\w+)\(\)", "".join(it.read_text() for it in sources))
    operations = re.findall(r"\.call\(\"(\w+)\"", LAUNCH.read_text())
    return {"sqs:" + it.removesuffix("_batch").title().replace("_", "") for it in calls} | {
        f"ecs:{it}" for it in operations
    }


def used(template: Template) -> Iterator[str]:
    """The program uses each right to queues and tasks, and has a right for each call."""
    actions = {action for _, it in statements(template) for action in listed(it["Action"])}
    granted = {it for it in actions if it.startswith(("sqs:", "ecs:"))}
    for action in sorted(granted - calls_of_program()):
        yield f"the program never calls {action}"
    for action in sorted(calls_of_program() - granted):
        yield f"the program calls {action}, and no role may"


def counting(template: Template) -> Iterator[str]:
    """A program that starts transcoders may count the messages of each of its queues: without one, it starts none."""
    may: dict[str, set[str | None]] = {}
    for holder, statement in statements(template):
        if "sqs:GetQueueAttributes" in listed(statement["Action"]):
            may.setdefault(holder, set()).update(target_of(it) for it in listed(statement["Resource"]))
    for name, function in template.of_type("AWS::Lambda::Function"):
        variables, role = template.variables(name), target_of(function["Role"])
        if "EDGEREEL_ECS_CLUSTER" not in variables:
            continue
        for value in variables.values():
            queue = re.fullmatch(r"sqs:\$\{(\w+)\}", text_of(value))
            if queue and queue[1] not in may.get(role or "", set()):
                yield f"{role} may not count the messages of {queue[1]}"


def wildcards(template: Template) -> Iterator[str]:
    """Each right names its action and its resource."""
    for name, statement in statements(template):
        if statement["Effect"] != "Allow" or {"NotAction", "NotResource"} & set(statement):
            yield f"{name} has a statement that is not a list of allowed actions and resources"
            continue
        actions = set(listed(statement["Action"]))
        for action in actions:
            if "*" in action:
                yield f"{name}: the action {action} is not one action"
        for resource in listed(statement["Resource"]):
            in_cluster = "ecs:cluster" in statement.get("Condition", {}).get("ArnEquals", {})
            unlimited = UNLIMITED | (UNLIMITED_IN_A_CLUSTER if in_cluster else set())
            if "*" in "".join(strings(resource)) and not actions <= unlimited:
                yield f"{name}: {sorted(actions)} on {text_of(resource)}"


def foreign_policies(template: Template) -> Iterator[str]:
    """No role has a policy of AWS, whose rights are wide and change."""
    for kind in ("AWS::IAM::Role", "AWS::IAM::User"):
        for name, properties in template.of_type(kind):
            for policy in properties.get("ManagedPolicyArns", []):
                if target_of(policy) not in template.resources:
                    yield f"{name} has a policy from outside of the template: {text_of(policy)}"
    for name, resource in template.resources.items():
        if resource["Type"] == "AWS::IAM::AccessKey":
            yield f"{name}: an access key in a template can be read by everyone who can read the stack"


def passed_roles(template: Template) -> Iterator[str]:
    """A role is passed to ECS tasks only; roles can be assumed by one service only."""
    for name, statement in statements(template):
        passes = "iam:PassRole" in listed(statement.get("Action", []))
        condition = statement.get("Condition", {}).get("StringEquals", {})
        if passes and condition.get("iam:PassedToService") != "ecs-tasks.amazonaws.com":
            yield f"{name}: iam:PassRole is not limited to ecs-tasks.amazonaws.com"
    for name, role in template.of_type("AWS::IAM::Role"):
        for statement in role["AssumeRolePolicyDocument"]["Statement"]:
            principal = statement["Principal"]
            if set(principal) != {"Service"} or len(listed(principal["Service"])) != 1:
                yield f"{name} can be assumed by other principals than one service"
