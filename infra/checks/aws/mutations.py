"""Deliberate mistakes. Each changes a good template, and names who must refuse the result.

`test_aws.py` requires that each is refused for its reason, and that each rule of `RULES` refuses at least one.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .template import Json

TRANSLATOR = "translator"
CFN_LINT = "cfn-lint"


@dataclass(frozen=True)
class Mutation:
    """A mistake, the rule that must find it (or the translator, or cfn-lint), and a part of the message."""

    name: str
    change: Callable[[Json], object]
    rule: str
    message: str


MUTATIONS: list[Mutation] = []


def refused(rule: str, message: str) -> Callable[[Callable[[Json], object]], Callable[[Json], object]]:
    """Registers a mistake. The function gets the resources of the template."""

    def register(change: Callable[[Json], object]) -> Callable[[Json], object]:
        MUTATIONS.append(Mutation(change.__name__, change, rule, message))
        return change

    return register


def _properties(resources: Json, name: str) -> Json:
    properties: Json = resources[name]["Properties"]
    return properties


def _container(resources: Json) -> Json:
    container: Json = resources["TranscoderTask"]["Properties"]["ContainerDefinitions"][0]
    return container


def _statements(resources: Json, role: str) -> list[Json]:
    statements: list[Json] = resources[role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    return statements


def _events(resources: Json) -> Json:
    events: Json = resources["Ingest"]["Properties"]["Events"]["Events"]["Properties"]
    return events


def _variables(resources: Json, function: str) -> Json:
    variables: Json = resources[function]["Properties"]["Environment"]["Variables"]
    return variables


# Found by the translator and by cfn-lint.


@refused(TRANSLATOR, "BatchSizes")
def unknown_property_of_an_event(resources: Json) -> None:
    _events(resources)["BatchSizes"] = 10


@refused(CFN_LINT, "E3505")
def visibility_below_the_timeout(resources: Json) -> None:
    _properties(resources, "Events")["VisibilityTimeout"] = 20


@refused(CFN_LINT, "W3037")
def misspelt_action(resources: Json) -> None:
    _statements(resources, "ApiRole")[1]["Action"] = ["sqs:GetQueueAttributes", "sqs:SendMesage"]


@refused(CFN_LINT, "E3030")
def unknown_architecture(resources: Json) -> None:
    _properties(resources, "Api")["Architectures"] = ["arm65"]


@refused(CFN_LINT, "E3034")
def concurrency_of_one(resources: Json) -> None:
    _events(resources)["ScalingConfig"] = {"MaximumConcurrency": 1}


@refused(CFN_LINT, "E1020")
def reference_to_nothing(resources: Json) -> None:
    _properties(resources, "ApiLog")["RetentionInDays"] = {"Ref": "LogDayss"}


@refused(CFN_LINT, "E3047")
def memory_that_fargate_does_not_have(resources: Json) -> None:
    _properties(resources, "MigrateTask")["Memory"] = "8192"


# Found by our rules.


@refused("redrive", "Chunks has no redrive policy")
def queue_without_redrive(resources: Json) -> None:
    del _properties(resources, "Chunks")["RedrivePolicy"]


@refused("redrive", "share the dead-letter queue")
def shared_dead_letter_queue(resources: Json) -> None:
    _properties(resources, "Bulk")["RedrivePolicy"]["deadLetterTargetArn"] = {"Fn::GetAtt": ["DeadJobs", "Arn"]}


@refused("redrive", "maxReceiveCount")
def one_receive(resources: Json) -> None:
    _properties(resources, "Jobs")["RedrivePolicy"]["maxReceiveCount"] = 1


@refused("dead_letters_last", "DeadJobs")
def dead_letters_for_four_days(resources: Json) -> None:
    del _properties(resources, "DeadJobs")["MessageRetentionPeriod"]


@refused("kept", "Jobs: DeletionPolicy")
def queue_deleted_with_the_stack(resources: Json) -> None:
    del resources["Jobs"]["DeletionPolicy"]


@refused("visibility", "below 6 x 30")
def visibility_of_two_timeouts(resources: Json) -> None:
    _properties(resources, "Events")["VisibilityTimeout"] = 60


@refused("program", "CodeUri")
def zip_of_the_other_processor(resources: Json) -> None:
    _properties(resources, "Sweeper")["CodeUri"] = "zips/x86-64/sweeper/bootstrap.zip"


@refused("time_limits", "Api: Timeout 60")
def api_beyond_the_gateway(resources: Json) -> None:
    _properties(resources, "Api")["Timeout"] = 60


@refused("logs", "Webhooks has no log group")
def function_without_log_group(resources: Json) -> None:
    del _properties(resources, "Webhooks")["LoggingConfig"]


@refused("expiry", "SweeperLog")
def log_without_retention(resources: Json) -> None:
    del _properties(resources, "SweeperLog")["RetentionInDays"]


@refused("batches", "BatchSize is above 10")
def batch_of_1000(resources: Json) -> None:
    _events(resources).update(BatchSize=1000, MaximumBatchingWindowInSeconds=5)


@refused("batches", "ReportBatchItemFailures")
def whole_batches_repeated(resources: Json) -> None:
    del _events(resources)["FunctionResponseTypes"]


@refused("throttling", "ThrottlingRateLimit")
def unlimited_api(resources: Json) -> None:
    del _properties(resources, "HttpApi")["DefaultRouteSettings"]


@refused("access_log", "$context.path")
def paths_in_the_access_log(resources: Json) -> None:
    _properties(resources, "HttpApi")["AccessLogSettings"]["Format"] = '{"path": "$context.path"}'


@refused("gateway", "stage")
def named_stage(resources: Json) -> None:
    _properties(resources, "HttpApi")["StageName"] = "prod"
    _properties(resources, "ApiHostMapping")["Stage"] = "prod"


@refused("stop_timeout", "TranscoderTask")
def stop_timeout_of_300(resources: Json) -> None:
    _container(resources)["StopTimeout"] = 300


@refused("confined", "root is not read-only")
def writable_root(resources: Json) -> None:
    _container(resources)["ReadonlyRootFilesystem"] = False


@refused("confined", "user and a group other than root")
def container_as_root(resources: Json) -> None:
    _container(resources)["User"] = "0:0"


@refused("secrets", "EDGEREEL_DATABASE")
def whole_secret_as_value(resources: Json) -> None:
    _container(resources)["Secrets"][0]["ValueFrom"] = {"Ref": "SecretArn"}


@refused("container_logs", "blocking")
def blocking_logs(resources: Json) -> None:
    del _container(resources)["LogConfiguration"]["Options"]["mode"]


@refused("health", "TranscoderTask")
def no_health_check(resources: Json) -> None:
    del _container(resources)["HealthCheck"]


@refused("capacity", "FARGATE_SPOT")
def on_demand_only(resources: Json) -> None:
    strategy = [{"CapacityProvider": "FARGATE", "Weight": 1}]
    _properties(resources, "Cluster")["DefaultCapacityProviderStrategy"] = strategy


@refused("launching", "EDGEREEL_ECS_SUBNETS")
def launch_without_subnets(resources: Json) -> None:
    del _variables(resources, "Ingest")["EDGEREEL_ECS_SUBNETS"]


@refused("launching", "parameter Running")
def launch_while_all_rests(resources: Json) -> None:
    _variables(resources, "Sweeper")["EDGEREEL_ECS_MAX_TASKS"] = {"Ref": "MaxTasks"}


@refused("launching", "lacks LaunchPolicy")
def launch_without_rights(resources: Json) -> None:
    _properties(resources, "DeadLetterRole")["ManagedPolicyArns"].pop()


@refused("launching", "--until-idle")
def transcoders_that_stay(resources: Json) -> None:
    _container(resources)["Command"] = ["transcoder"]


@refused("network", "TaskGroup accepts connections")
def open_transcoders(resources: Json) -> None:
    rule = {"IpProtocol": "tcp", "FromPort": 9000, "ToPort": 9000, "CidrIp": "0.0.0.0/0"}
    _properties(resources, "TaskGroup")["SecurityGroupIngress"] = [rule]


@refused("table", "the table lacks")
def one_more_right(resources: Json) -> None:
    _statements(resources, "SweeperRole")[1]["Action"].append("sqs:ReceiveMessage")


@refused("table", "the template lacks")
def one_right_less(resources: Json) -> None:
    _statements(resources, "TranscoderRole").pop()


@refused("used", "sqs:PurgeQueue")
def right_without_use(resources: Json) -> None:
    _statements(resources, "ApiRole")[2]["Action"].append("sqs:PurgeQueue")


@refused("counting", "SweeperRole may not count the messages of Chunks")
def chunks_without_transcoders(resources: Json) -> None:
    del _statements(resources, "SweeperRole")[2]


@refused("wildcards", "ApiRole")
def any_queue(resources: Json) -> None:
    _statements(resources, "ApiRole")[1]["Resource"] = "*"


@refused("wildcards", "sqs:*")
def any_action(resources: Json) -> None:
    _statements(resources, "TranscoderRole")[0]["Action"] = ["sqs:*"]


@refused("wildcards", "ecs:ListTasks")
def tasks_of_any_cluster(resources: Json) -> None:
    del _properties(resources, "LaunchPolicy")["PolicyDocument"]["Statement"][1]["Condition"]


@refused("used", "ecs:StopTask")
def right_to_stop_tasks(resources: Json) -> None:
    _properties(resources, "LaunchPolicy")["PolicyDocument"]["Statement"][0]["Action"] = ["ecs:RunTask", "ecs:StopTask"]


@refused("foreign_policies", "AWSLambdaSQSQueueExecutionRole")
def role_made_by_sam(resources: Json) -> None:
    # SAM gives the role that it creates the rights to all queues of the account.
    del _properties(resources, "Ingest")["Role"]
    del resources["IngestRole"]


@refused("passed_roles", "iam:PassRole")
def role_passed_to_any_service(resources: Json) -> None:
    del _properties(resources, "LaunchPolicy")["PolicyDocument"]["Statement"][2]["Condition"]


@refused("dimensions", "JobsWait")
def alarm_without_dimensions(resources: Json) -> None:
    del _properties(resources, "JobsWait")["Dimensions"]


@refused("runbook", "ApiErrors")
def alarm_without_runbook(resources: Json) -> None:
    _properties(resources, "ApiErrors")["AlarmDescription"] = "The API answers with 5xx."


@refused("actions", "ApiSlow has no AlarmActions")
def alarm_that_reports_nothing(resources: Json) -> None:
    del _properties(resources, "ApiSlow")["AlarmActions"]


@refused("coverage", "no alarm watches DeadEvents")
def dead_letters_without_alarm(resources: Json) -> None:
    del resources["DeadEventLetters"]


@refused("dashboard", "not a dashboard")
def broken_dashboard(resources: Json) -> None:
    _properties(resources, "Dashboard")["DashboardBody"] = {"Fn::Sub": '{"widgets": ['}


@refused("known_variables", "EDGEREEL_S3_ENPOINT")
def misspelt_variable(resources: Json) -> None:
    _variables(resources, "Api")["EDGEREEL_S3_ENPOINT"] = "https://store.example"


@refused("clear_secrets", "EDGEREEL_API_TOKEN is a secret")
def secret_in_clear(resources: Json) -> None:
    _variables(resources, "Api")["EDGEREEL_API_TOKEN"] = "f7a0c2"


@refused("clear_secrets", "EDGEREEL_EDGE_URL would be in clear")
def secret_by_dynamic_reference(resources: Json) -> None:
    reference = {"Fn::Sub": "{{resolve:secretsmanager:${SecretArn}:SecretString:EDGEREEL_API_TOKEN}}"}
    _variables(resources, "Api")["EDGEREEL_EDGE_URL"] = reference


@refused("complete", "EDGEREEL_EDGE_URL")
def required_variable_missing(resources: Json) -> None:
    del _variables(resources, "Api")["EDGEREEL_EDGE_URL"]


@refused("secret_keys", "DATABASE_PASSWORT")
def key_that_the_secret_lacks(resources: Json) -> None:
    reference = "{{resolve:secretsmanager:${SecretArn}:SecretString:DATABASE_PASSWORT}}"
    _properties(resources, "DatabaseInstance")["MasterUserPassword"] = {"Fn::Sub": reference}


@refused("database", "rds.force_ssl")
def database_without_tls(resources: Json) -> None:
    _properties(resources, "DatabaseParameters")["Parameters"]["rds.force_ssl"] = "0"


@refused("database", "password")
def database_password_in_clear(resources: Json) -> None:
    _properties(resources, "DatabaseInstance")["MasterUserPassword"] = "correct-horse"


@refused("database", "MigrateTask does not know the certificate authorities")
def unknown_authorities(resources: Json) -> None:
    del _properties(resources, "MigrateTask")["ContainerDefinitions"][0]["Environment"]


# The next one changes the template itself: the function gets its resources, and parameters are beside them.


@refused("parameters", "accepts any value")
def parameter_without_pattern(template: Json) -> None:
    del template["Parameters"]["S3Endpoint"]["AllowedPattern"]
