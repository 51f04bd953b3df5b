"""Rules of containers, of their launch, and of the network."""

import re
from collections.abc import Iterator

from .template import ROOT, Json, Template, listed, strings, target_of

# Fargate's maximum, seconds. cfn-lint accepts any number.
LONGEST_STOP = 120
# A job is returned within 2 s; below that, ECS would kill the container first.
SHORTEST_STOP = 5
# Variables whose key in the secret has another name.
OTHER_KEYS = {("MigrateTask", "EDGEREEL_DATABASE"): "MIGRATION_DATABASE"}
# The functions that send jobs, and what they need to start transcoders.
SENDERS = ["Api", "Ingest", "DeadLetter", "Sweeper"]
LAUNCH = {
    f"EDGEREEL_ECS_{it}" for it in ("CLUSTER", "TASK_DEFINITION", "SUBNETS", "SECURITY_GROUP", "MAX_TASKS")
}
DOCKERFILE = ROOT / "infra/container/Dockerfile"


def stop_timeout(template: Template) -> Iterator[str]:
    """ECS waits for the job to be returned, and no longer than Fargate allows."""
    for name, container in template.containers:
        if not SHORTEST_STOP <= container.get("StopTimeout", 30) <= LONGEST_STOP:
            yield f"{name}: StopTimeout is not between {SHORTEST_STOP} and {LONGEST_STOP}"


def confined(template: Template) -> Iterator[str]:
    """Containers run as an ordinary user, with a root that is read-only, and without capabilities."""
    for name, container in template.containers:
        linux = container.get("LinuxParameters", {})
        if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", container.get("User", "")):
            yield f"{name}: User is not the numbers of a user and a group other than root"
        if container.get("ReadonlyRootFilesystem") is not True:
            yield f"{name}: the root is not read-only"
        if container.get("Privileged") or linux.get("Capabilities", {}).get("Drop") != ["ALL"]:
            yield f"{name} has capabilities"
        if linux.get("InitProcessEnabled") is not True:
            yield f"{name}: without an init process, FFmpeg's orphans stay"


def secrets(template: Template) -> Iterator[str]:
    """A secret of a container is one key of the installation's secret: without `::`, it would be the whole JSON."""
    for name, container in template.containers:
        for secret in container.get("Secrets", []):
            variable = secret["Name"]
            key = OTHER_KEYS.get((name, variable), variable)
            value = secret["ValueFrom"].get("Fn::Sub") if isinstance(secret["ValueFrom"], dict) else None
            if value != f"${{SecretArn}}:{key}::":
                yield f"{name}: ValueFrom of {variable} is not ${{SecretArn}}:{key}::"


def container_logs(template: Template) -> Iterator[str]:
    """Containers log to a group of this template, and do not wait for CloudWatch."""
    for name, container in template.containers:
        options = container.get("LogConfiguration", {}).get("Options", {})
        if template.resources.get(target_of(options.get("awslogs-group")) or "") is None:
            yield f"{name} has no log group"
        if options.get("mode") != "non-blocking":
            yield f"{name}: a container whose log is blocking stops while CloudWatch is slow"


def health(template: Template) -> Iterator[str]:
    """Long-running containers have a health check; ECS does not read that of the image."""
    for name, container in template.containers:
        if "transcoder" not in container["Command"]:
            continue
        if "HealthCheck" not in container:
            yield f"{name} has no health check"
        elif (wanted := health_check_of_image()) and container["HealthCheck"]["Command"] != ["CMD", *wanted]:
            yield f"{name}: the health check is not that of the image, {wanted}"


def health_check_of_image() -> list[str] | None:
    """The command of HEALTHCHECK in the Dockerfile."""
    if not DOCKERFILE.exists():
        return None
    joined = DOCKERFILE.read_text().replace("\\\n", " ")
    match = re.search(r"^HEALTHCHECK\b.*?\bCMD\s+\[(.*)\]", joined, re.MULTILINE)
    return re.findall(r'"([^"]*)"', match[1]) if match else None


def capacity(template: Template) -> Iterator[str]:
    """Transcoders run on Spot, if the parameters do not say otherwise. The program falls back to FARGATE."""
    for name, cluster in template.of_type("AWS::ECS::Cluster"):
        default = {it["CapacityProvider"]: it["Weight"] for it in cluster.get("DefaultCapacityProviderStrategy", [])}
        if default != {"FARGATE_SPOT": {"Ref": "SpotWeight"}, "FARGATE": {"Ref": "OnDemandWeight"}}:
            yield f"{name}: DefaultCapacityProviderStrategy does not have FARGATE_SPOT and FARGATE with their weights"
        if not {"FARGATE", "FARGATE_SPOT"} <= set(cluster.get("CapacityProviders", [])):
            yield f"{name}: CapacityProviders does not have FARGATE_SPOT and FARGATE"


def launching(template: Template) -> Iterator[str]:
    """Each function that sends jobs may start transcoders, which end by themselves. None start while all rests."""
    for name in SENDERS:
        variables = template.variables(name)
        if missing := sorted(LAUNCH - set(variables)):
            yield f"{name} starts no transcoders: it lacks {missing}"
        elif variables["EDGEREEL_ECS_MAX_TASKS"] != {"Fn::If": ["IsRunning", {"Ref": "MaxTasks"}, 0]}:
            yield f"{name}: EDGEREEL_ECS_MAX_TASKS does not follow the parameter Running"
        role = target_of(template.resources[name]["Properties"]["Role"]) or ""
        policies = template.resources[role]["Properties"].get("ManagedPolicyArns", [])
        if "LaunchPolicy" not in {target_of(it) for it in policies}:
            yield f"{name} may not start transcoders: {role} lacks LaunchPolicy"
    for name, container in template.containers:
        if "transcoder" in container["Command"] and "--until-idle" not in container["Command"]:
            yield f"{name}: without --until-idle, an idle transcoder costs as much as a busy one"
    for name, _ in template.of_type("AWS::ECS::Service"):
        yield f"{name}: a service starts a transcoder again that has ended because it was idle"


def network(template: Template) -> Iterator[str]:
    """No NAT gateway, and nothing accepts connections but the database."""
    for name, resource in template.resources.items():
        if resource["Type"] == "AWS::EC2::NatGateway":
            yield f"{name}: a NAT gateway charges for each byte of each video"
        if resource["Type"] == "AWS::EC2::SecurityGroupIngress":
            yield f"{name}: write the rules of a security group in it"
    for name, group in template.of_type("AWS::EC2::SecurityGroup"):
        for rule in listed(group.get("SecurityGroupIngress", [])):
            if not is_of_database(template, name) or (rule["FromPort"], rule["ToPort"]) != (5432, 5432):
                yield f"{name} accepts connections"


def is_of_database(template: Template, group: str) -> bool:
    """Whether a security group belongs to the database and to nothing else."""
    users = [
        resource["Type"]
        for resource in template.resources.values()
        if group in {target_of(it) for it in references(resource.get("Properties", {}))}
    ]
    return users == ["AWS::RDS::DBInstance"]


def references(value: object) -> Iterator[Json]:
    """All `Ref` and `Fn::GetAtt` anywhere in a value."""
    if isinstance(value, dict):
        if target_of(value):
            yield value
        for it in value.values():
            yield from references(it)
    elif isinstance(value, list):
        for it in value:
            yield from references(it)


def names_in(value: object) -> set[str]:
    """The resources and parameters that a value refers to, also within `Fn::Sub`."""
    found = {str(target_of(it)) for it in references(value)}
    for text in strings(value):
        found.update(re.findall(r"\$\{(\w+)", text))
    return found
