"""Rules of variables, secrets and parameters."""

import re
from collections.abc import Iterator
from functools import cache

from .template import README, ROOT, Json, Template, strings, text_of

CONFIGURATION = ROOT / "docs/configuration.md"
# Only functions read it: docs/lambda.md.
SECRET_ARN = "EDGEREEL_SECRET_ARN"
GUIDE = ROOT / "docs/deploy/aws.md"
PLANNED = ROOT / "infra/checks/planned.txt"
# The function or container; the sections of docs/configuration.md whose required variables it needs; more variables.
NEEDS = {
    "Api": (["Services", "API"], ["EDGEREEL_WEBHOOK_KEYS"]),
    "Webhooks": (["Services"], ["EDGEREEL_WEBHOOK_KEYS"]),
    "Ingest": (["Services"], []),
    "DeadLetter": (["Services"], []),
    "Sweeper": (["Services"], []),
    "TranscoderTask": (["Services"], ["EDGEREEL_KEY_ENCRYPTION_KEYS"]),
}
# Names of variables whose values only the program may see.
SECRET = re.compile(r"DATABASE$|KEYS$|SECRET$|SECRET_ACCESS_KEY$|ACCESS_KEY_ID$|TOKEN$|PASSWORD$")


@cache
def documented(section: str | None = None, required: bool = False) -> frozenset[str]:
    """The variables in docs/configuration.md, or those of one section."""
    text = CONFIGURATION.read_text()
    if section:
        text = text.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `(EDGEREEL_\w+)` \| (.*?) \|", text, re.MULTILINE)
    return frozenset(name for name, default in rows if not required or default == "required")


@cache
def planned() -> frozenset[str]:
    """Variables and commands that the program gets later: the templates name them already."""
    lines = (line.split("#")[0].strip() for line in PLANNED.read_text().splitlines())
    return frozenset(line for line in lines if line)


@cache
def keys_of_secret() -> frozenset[str]:
    """The keys of the secret, as infra/aws/README.md lists them."""
    after = README.read_text().split("\n## The secret\n", 1)[1].split("\n## ", 1)[0]
    return frozenset(re.findall(r"^\| `(\w+)` \|", after, re.MULTILINE))


def environments(template: Template) -> Iterator[tuple[str, Json]]:
    """The variables of each function and container."""
    for name, _ in template.of_type("AWS::Lambda::Function"):
        yield name, template.variables(name)
    for name, container in template.containers:
        yield name, {it["Name"]: it["Value"] for it in container.get("Environment", [])}


def known_variables(template: Template) -> Iterator[str]:
    """The program knows each variable."""
    known = documented() | planned() | {SECRET_ARN}
    for name, variables in environments(template):
        for variable in variables:
            if variable not in known and variable.startswith("EDGEREEL_"):
                yield f"{name}: docs/configuration.md does not have {variable}"
    for name, container in template.containers:
        for secret in container.get("Secrets", []):
            if secret["Name"] not in known:
                yield f"{name}: docs/configuration.md does not have {secret['Name']}"


def clear_secrets(template: Template) -> Iterator[str]:
    """No secret is in clear in the configuration of a function or container, or in a parameter of the stack."""
    for name, variables in environments(template):
        for variable, value in variables.items():
            if SECRET.search(variable):
                yield f"{name}: {variable} is a secret, and would be in clear"
            # CloudFormation puts the value of such a reference into the configuration.
            if any("{{resolve:" in text for text in strings(value)):
                yield f"{name}: the value of {variable} would be in clear"
    for name, parameter in template.translated["Parameters"].items():
        if parameter.get("NoEcho") or re.search(r"(Password|Secret|Token|Keys?)$", name):
            yield f"the parameter {name} is a secret: use the secret of the installation"


def complete(template: Template) -> Iterator[str]:
    """Each program gets each variable that it requires, directly or from the secret."""
    provided = {name: set(variables) for name, variables in environments(template)}
    for name in provided:
        if "EDGEREEL_SECRET_ARN" in provided[name]:
            provided[name] |= keys_of_secret()
    for name, container in template.containers:
        provided[name] |= {it["Name"] for it in container.get("Secrets", [])}
    for name, (sections, more) in NEEDS.items():
        required = frozenset(more).union(*(documented(it, True) for it in sections))
        # Variables of JWTs are required only with an identity provider.
        missing = {it for it in required - provided.get(name, set()) if "_IDENTITY_" not in it}
        if missing:
            yield f"{name} lacks {sorted(missing)}"


def secret_keys(template: Template) -> Iterator[str]:
    """The keys that the template reads are those of the secret, and the guide creates each."""
    read: set[str] = set()
    for text in strings(template.resources):
        read.update(re.findall(r"\$\{SecretArn\}:(?:SecretString:)?(\w+)(?:::|\})", text))
    for key in sorted(read - keys_of_secret()):
        yield f"infra/aws/README.md does not have the key {key} of the secret"
    for key in sorted(it for it in keys_of_secret() if it not in GUIDE.read_text()):
        yield f"docs/deploy/aws.md does not create the key {key} of the secret"


def database(template: Template) -> Iterator[str]:
    """The database accepts only TLS, is encrypted and backed up, and its password is not in the template."""
    for name, instance in template.of_type("AWS::RDS::DBInstance"):
        group = text_of(instance.get("DBParameterGroupName"))
        parameters = template.resources.get(group, {}).get("Properties", {}).get("Parameters", {})
        if parameters.get("rds.force_ssl") != "1":
            yield f"{name}: rds.force_ssl is not 1"
        if not instance.get("StorageEncrypted") or not instance.get("DeletionProtection"):
            yield f"{name} is not encrypted, or not protected against deletion"
        if instance.get("BackupRetentionPeriod", 1) < 7:
            yield f"{name}: backups are kept for less than a week"
        if "{{resolve:secretsmanager:${SecretArn}:" not in text_of(instance.get("MasterUserPassword")):
            yield f"{name}: the password does not come from the secret"
        for program, variables in environments(template):
            if "PGSSLROOTCERT" not in variables:
                yield f"{program} does not know the certificate authorities of RDS: PGSSLROOTCERT is not set"


def parameters(template: Template) -> Iterator[str]:
    """Parameters and outputs that the guide uses exist; parameters explain themselves and check their values."""
    guide = GUIDE.read_text()
    known = template.translated["Parameters"]
    used = set(re.findall(r"^ +([A-Z]\w*[a-z]\w*)=", guide, re.MULTILINE))
    for name in sorted(used - set(known)):
        yield f"docs/deploy/aws.md: the template has no parameter {name}"
    for name, parameter in known.items():
        if "Default" not in parameter and name not in used:
            yield f"docs/deploy/aws.md does not set the parameter {name}, which has no default"
        if not parameter.get("Description"):
            yield f"the parameter {name} has no description"
        if not {"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter):
            yield f"the parameter {name} accepts any value"
    for name in sorted(set(re.findall(r"\boutput ([A-Z]\w+)", guide)) - set(template.translated["Outputs"])):
        yield f"docs/deploy/aws.md: the template has no output {name}"
