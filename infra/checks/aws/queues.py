"""Rules of queues."""

from collections.abc import Iterator

from .template import Template, listed, target_of

# The longest that SQS keeps a message, seconds. The clock of a dead letter runs from the first send.
LONGEST = 1_209_600
# The worker counts attempts itself; SQS moves messages whose workers died without a word.
LEAST_RECEIVES = 5
# AWS advises six timeouts of the function: it may receive a batch again while it is throttled.
TIMEOUTS = 6


def redrive(template: Template) -> Iterator[str]:
    """Each queue of work has a dead-letter queue of its own."""
    used: dict[str, str] = {}
    for name, queue in template.of_type("AWS::SQS::Queue"):
        if name in template.dead_letter_queues:
            continue
        policy = queue.get("RedrivePolicy")
        if policy is None:
            yield f"{name} has no redrive policy"
            continue
        dead = target_of(policy["deadLetterTargetArn"])
        if dead is None or template.resources.get(dead, {}).get("Type") != "AWS::SQS::Queue":
            yield f"{name}: the dead-letter queue is not in this template"
        elif dead in used:
            yield f"{name} and {used[dead]} share the dead-letter queue {dead}"
        else:
            used[dead] = name
        if policy["maxReceiveCount"] < LEAST_RECEIVES:
            yield f"{name}: maxReceiveCount is below {LEAST_RECEIVES}"


def dead_letters_last(template: Template) -> Iterator[str]:
    """All queues keep messages for 14 days: the clock of a dead letter begins in the first queue."""
    for name, queue in template.of_type("AWS::SQS::Queue"):
        if queue.get("MessageRetentionPeriod") != LONGEST:
            yield f"{name}: MessageRetentionPeriod is not {LONGEST}"


def kept(template: Template) -> Iterator[str]:
    """Deleting the stack deletes no messages, no database and no key."""
    expected = {"AWS::SQS::Queue": "Retain", "AWS::RDS::DBInstance": "Snapshot"}
    for name, resource in template.resources.items():
        policy = expected.get(resource["Type"])
        for attribute in ("DeletionPolicy", "UpdateReplacePolicy"):
            if policy and resource.get(attribute) != policy:
                yield f"{name}: {attribute} is not {policy}"


def visibility(template: Template) -> Iterator[str]:
    """A message stays hidden for longer than the function that received it can run."""
    for name, mapping in template.of_type("AWS::Lambda::EventSourceMapping"):
        function, queue = target_of(mapping["FunctionName"]), target_of(mapping["EventSourceArn"])
        if function is None or queue is None:
            yield f"{name}: function and queue must be of this template"
            continue
        timeout = template.resources[function]["Properties"]["Timeout"]
        hidden = template.resources[queue]["Properties"].get("VisibilityTimeout", 30)
        if hidden < TIMEOUTS * timeout:
            yield f"{queue}: VisibilityTimeout {hidden} is below {TIMEOUTS} x {timeout}, the timeout of {function}"
    for name, container in template.containers:
        queues = [it for it in listed(container.get("Environment", [])) if it["Name"].endswith("QUEUE")]
        if container["Name"] == "transcoder" and not queues:
            yield f"{name} has no queue"
