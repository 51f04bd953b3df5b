"""Checks of infra/aws/template.yaml without an account.

cfn-lint finds next to nothing in a SAM file, so `template` translates the file first. `RULES` are what neither the
translator nor cfn-lint knows: limits of the program, of AWS and of this project. `mutations` are deliberate mistakes,
each of which must be refused.
"""

from . import alarms, functions, queues, roles, settings, tasks
from .template import Template

RULES = [
    queues.redrive,
    queues.dead_letters_last,
    queues.kept,
    queues.visibility,
    functions.program,
    functions.time_limits,
    functions.logs,
    functions.expiry,
    functions.batches,
    functions.throttling,
    functions.access_log,
    functions.gateway,
    tasks.stop_timeout,
    tasks.confined,
    tasks.secrets,
    tasks.container_logs,
    tasks.health,
    tasks.capacity,
    tasks.launching,
    tasks.network,
    roles.table,
    roles.used,
    roles.counting,
    roles.wildcards,
    roles.foreign_policies,
    roles.passed_roles,
    alarms.dimensions,
    alarms.runbook,
    alarms.actions,
    alarms.coverage,
    alarms.dashboard,
    settings.known_variables,
    settings.clear_secrets,
    settings.complete,
    settings.secret_keys,
    settings.database,
    settings.parameters,
]


def problems(template: Template) -> list[tuple[str, str]]:
    """The rules that the template breaks, each with a message."""
    return [(rule.__name__, message) for rule in RULES for message in rule(template)]
