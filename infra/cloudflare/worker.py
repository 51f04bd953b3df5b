"""The Worker's configuration for wrangler, made from wrangler.toml and the installation's settings."""

import json
import os
import tomllib
from pathlib import Path
from typing import Any

from installation import Installation

TEMPLATE = Path(__file__).with_name("wrangler.toml")
BUILD = Path(__file__).with_name("build")
# Fields of wrangler.toml that are paths, relative to the file.
PATHS = ["main", "base_dir"]


def configuration(it: Installation, account: str, edge_list_id: str | None, directory: Path) -> dict[str, Any]:
    """The configuration for a file in `directory`."""
    config = tomllib.loads(TEMPLATE.read_text(encoding="utf-8"))
    for name in PATHS:
        config[name] = os.path.relpath(TEMPLATE.parent / config[name], directory)
    config["name"] = it.worker
    config["account_id"] = account
    config["routes"] = [{"pattern": it.edge_host, "custom_domain": True}]
    names = {"MEDIA": it.media_bucket, "PRIVATE": it.private_bucket}
    for bucket in config["r2_buckets"]:
        bucket["bucket_name"] = names[bucket["binding"]]
        if it.jurisdiction:
            bucket["jurisdiction"] = it.jurisdiction
    if edge_list_id:
        config["kv_namespaces"][0]["id"] = edge_list_id
    events, dead = config["queues"]["consumers"]
    events |= {"queue": it.events_queue, "dead_letter_queue": it.dead_queue}
    dead["queue"] = it.dead_queue
    config["vars"] = it.variables()
    config["secrets"] = {"required": it.secrets()}
    if it.cpu_ms:
        config["limits"]["cpu_ms"] = it.cpu_ms
    else:
        del config["limits"]
    return config


def text_of(config: dict[str, Any]) -> str:
    """The text of the file."""
    return json.dumps(config, indent=2) + "\n"
