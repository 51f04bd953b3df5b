"""Calls every route, and drives the worker, the sweeper, the dispatcher and the queue, over the filled database."""

import contextlib
import time
import urllib.parse

from api import Failed, send, wait

SORTS = ["-created_at", "created_at", "title", "-title", "duration", "-duration", "size", "-size"]
STATES = ["ready,playable", "uploading,queued,processing", "failed,cancelled", "created,stored", "processing"]
# Common, frequent, rare and absent; short; other scripts; characters with a meaning in LIKE.
TEXTS = [
    "mp4",
    "item",
    "lecture",
    "harbour",
    "concert, harbour",
    "lecture at the mou",
    "zanzibar",
    "babebi",
    "sotuta",
    "nothing like it",
    "mountain the at lecture",
    "xylophone",
    "q",
    "qx",
    "a",
    "zü",
    "übung",
    "лекция",
    "концерт, москва",
    "講義",
    "東京",
    "本",
    "σεμινάριο",
    "ποσειδωνασ",
    "100%",
    "a_b",
    "%",
    "_",
    "\\",
    "100% a_b\\c",
    "item-1234567",
    "img_0001234",
    "recording-77777",
]
# What is said: frequent words, a word in one of 400 captions, a part of it, a name that few videos have, absent and
# short texts, and another script.
SPOKEN = ["the of", "photosynthesis", "otosynth", "babebi", "nothing like it", "лекция", "qx", "100%"]
OWNERS = [None, "owner-0", "owner-1999", "owner-3", "nobody"]
# After five executions, PostgreSQL considers a plan that does not depend on the parameters.
TIMES = 7


def lists(client, owners=OWNERS):
    """Every order, filter and search, with pages inside."""
    for owner in owners:
        who = {"owner": owner} if owner else {}
        for sort in SORTS:
            page = client.call("GET", "/v1/videos?" + query(limit=60, sort=sort, **who))
            follow(client, page, limit=200, sort=sort, **who)
            for state in STATES:
                follow(
                    client,
                    client.call("GET", "/v1/videos?" + query(sort=sort, state=state, **who)),
                    sort=sort,
                    state=state,
                    **who,
                )
        # The others have few videos.
        for text in TEXTS if owner in (None, "owner-0") else TEXTS[::4]:
            for sort in ("-created_at", "title", "-duration"):
                found = client.call("GET", "/v1/videos?" + query(limit=60, sort=sort, q=text, **who))
                follow(client, found, limit=60, sort=sort, q=text, **who)
            client.call("GET", "/v1/videos?" + query(q=text, state="failed,cancelled", sort="size", **who))
        client.call("GET", "/v1/videos?" + query(external_id="item-777", **who))
        client.call("GET", "/v1/videos?" + query(external_id="item-777", q="lecture", **who))


def spoken(client, owners=(None, "owner-0")):
    """Searches in captions, with other filters and in every order."""
    for owner in owners:
        who = {"owner": owner} if owner else {}
        for text in SPOKEN:
            for sort in ("-created_at", "title", "-duration", "size"):
                found = client.call("GET", "/v1/videos?" + query(limit=60, sort=sort, text=text, **who))
                follow(client, found, 1 if sort == "title" else 0, limit=60, sort=sort, text=text, **who)
            client.call("GET", "/v1/videos?" + query(text=text, q="lecture", **who))
            client.call("GET", "/v1/videos?" + query(text=text, state="ready,playable", **who))
            client.call("GET", "/v1/videos?" + query(text=text, state="failed,cancelled", sort="size", **who))
            client.call("GET", "/v1/videos?" + query(text=text, external_id="item-777", **who))


def query(**parameters):
    return urllib.parse.urlencode({k: v for k, v in parameters.items() if v is not None})


def follow(client, page, pages=2, **parameters):
    for _ in range(pages):
        if not page["next_cursor"]:
            return
        page = client.call("GET", "/v1/videos?" + query(cursor=page["next_cursor"], **parameters))


def deep(client, sort, pages=40, **parameters):
    """A page deep inside: pages of 1,000 each."""
    page = client.call("GET", "/v1/videos?" + query(limit=200, sort=sort, **parameters))
    follow(client, page, pages, limit=200, sort=sort, **parameters)


def upload(client, content, title, **more):
    """Creates, sends and completes an upload; returns the video."""
    body = {"filename": "film.mp4", "size": len(content), "content_type": "video/mp4", "title": title, **more}
    key = {"Idempotency-Key": f"upload-{time.time_ns()}"}
    created = client.call("POST", "/v1/uploads", body, key)
    # The same request again has the same response.
    assert client.call("POST", "/v1/uploads", body, key)["video"] == created["video"]
    send(created["upload"]["request"], content)
    client.call("GET", f"/v1/uploads/{created['video']}")
    client.call("POST", f"/v1/uploads/{created['video']}/complete", {"parts": []}, expected=None)
    return created["video"]


def is_settled(client, video):
    return lambda: client.call("GET", f"/v1/videos/{video}")["state"] in ("ready", "failed")


def uploads(client, film, receiver):
    """Uploads of every kind, and what is done with the videos. Returns a video that is ready."""
    made = upload(client, film, "A small film")
    client.call("GET", f"/v1/videos/{made}/timeline")
    kept = upload(client, film, "A film that waits for its first view", generate="on_first_view")
    parted = client.call(
        "POST", "/v1/uploads", {"filename": "large.mp4", "size": 300 << 20, "content_type": "video/mp4"}
    )
    client.call("POST", f"/v1/uploads/{parted['video']}/parts", {"numbers": [1, 2]})
    client.call("GET", f"/v1/uploads/{parted['video']}")
    client.call("DELETE", f"/v1/uploads/{parted['video']}")
    client.call("GET", "/v1/s3/params?filename=film.mp4&type=video/mp4", expected=[422])
    uppy = client.call(
        "POST", "/v1/s3/multipart", {"filename": "film.mp4", "type": "video/mp4", "metadata": {"title": "Uppy"}}
    )
    key = urllib.parse.quote(uppy["key"], safe="")
    part = client.call("GET", f"/v1/s3/multipart/{uppy['uploadId']}/1?key={key}")
    tag = send({"method": "PUT", "url": part["url"], "headers": part.get("headers") or {}}, film)
    client.call("GET", f"/v1/s3/multipart/{uppy['uploadId']}?key={key}")
    client.call(
        "POST", f"/v1/s3/multipart/{uppy['uploadId']}/complete?key={key}", {"parts": [{"PartNumber": 1, "ETag": tag}]}
    )
    gone = client.call("POST", "/v1/s3/multipart", {"filename": "film.mp4", "type": "video/mp4", "metadata": {}})
    client.call("DELETE", f"/v1/s3/multipart/{gone['uploadId']}?key={urllib.parse.quote(gone['key'], safe='')}")
    imported = client.call("POST", "/v1/videos", {"url": f"{receiver.url}/film.mp4"}, expected=None)
    rubbish = upload(client, b"not a video" * 100, "Rubbish")
    wait(is_settled(client, made), 120, "the film is ready")
    client.call("GET", f"/v1/videos/{kept}/stream")
    for video in (kept, rubbish, imported.get("id") or imported.get("video")):
        if video:
            wait(is_settled(client, video), 120, f"{video} is settled")
    client.call("POST", f"/v1/videos/{rubbish}/retry", expected=None)
    client.call("DELETE", f"/v1/videos/{kept}")
    return made


def one_video(client, video):
    """Every route of one video that is ready."""
    for _ in range(TIMES):
        client.call("GET", f"/v1/videos/{video}")
        client.call("GET", f"/v1/videos/{video}/timeline")
        client.call("GET", f"/v1/videos/{video}/deliveries")
        client.call("GET", f"/v1/videos/{video}/stream?viewer=ann")
        client.call("GET", f"/v1/videos/{video}/source", expected=None)
        client.call(
            "PATCH",
            f"/v1/videos/{video}",
            {"title": f"Title {time.time_ns()}", "external_id": "item-777", "metadata": {"a": "b"}},
        )
    client.call("PUT", f"/v1/videos/{video}/poster", {"at": 0.5}, expected=None)
    wait(lambda: client.call("GET", f"/v1/videos/{video}").get("poster", {}) is not None, 5, "the poster")
    time.sleep(4)
    client.call("PUT", f"/v1/videos/{video}/poster", {"at": 1e6}, expected=None)
    time.sleep(4)
    client.call("DELETE", f"/v1/videos/{video}/poster", expected=None)
    client.call("POST", f"/v1/videos/{video}/reencode", {"rungs": ["240p"]}, expected=None)
    client.call("POST", f"/v1/videos/{video}/reencode", {}, expected=None)
    client.call("POST", f"/v1/videos/{video}/cancel", expected=None)


def subtitles(number, seconds=3600):
    """An SRT file of an hour, with a cue every three seconds."""
    cues = []
    for at in range(0, seconds, 3):
        begin, end = (f"{it // 3600:02}:{it // 60 % 60:02}:{it % 60:02},000" for it in (at, at + 3))
        cues.append(f"{at // 3 + 1}\n{begin} --> {end}\nSentence {at} of version {number} about the harbour\n")
    return "\n".join(cues).encode()


def captions(client, video, server):
    """Uploads, replaces, reads and deletes captions. The sweeper finds old ones."""
    path, text = f"/v1/videos/{video}/captions", {"Content-Type": "text/plain"}
    version = time.time_ns()
    for number in range(TIMES):
        for language in ("en", "de", "pt-BR"):
            client.call("PUT", f"{path}/{language}?default=true", subtitles(version + number), text)
        # The same again changes nothing.
        client.call("PUT", f"{path}/pt-BR?default=true", subtitles(version + number), text)
        client.call("GET", path)
        client.call("GET", f"{path}/en")
        client.call("GET", f"{path}?text=the+harbour")
    is_published = lambda: all(it["status"] == "published" for it in client.call("GET", path)["captions"])  # noqa: E731
    wait(is_published, 60, "the captions are published")
    client.call("DELETE", f"{path}/de")
    client.call("DELETE", f"{path}/de")
    # The sweeper has not looked at these, which were replaced more than eight days ago; and at the new ones.
    server.sql("""UPDATE videos SET sweep_ms = 1 WHERE state = 'ready' AND id IN (SELECT video FROM captions
        WHERE removed_ms IS NOT NULL ORDER BY removed_ms, video LIMIT 50)""")
    server.sql(f"UPDATE videos SET sweep_ms = 1 WHERE id = '{video}'")


def chapters(client, video):
    """Stores, replaces, reads and deletes chapters."""
    path = f"/v1/videos/{video}/chapters"
    is_published = lambda: client.call("GET", path)["status"] == "published"  # noqa: E731
    for number in range(TIMES):
        client.call("PUT", path, {"chapters": [{"start": 0, "title": f"Part {number}"}, {"start": 1, "title": "End"}]})
        client.call("GET", path)
    wait(is_published, 60, "the chapters are published")
    client.call("DELETE", path)


def files(client, video):
    """Files that are made on request: thumbnails, previews and MP4 files."""
    path = f"/v1/videos/{video}"
    for number in range(TIMES):
        client.call("GET", f"{path}/thumbnail?time={number / 10}&width=320", expected=[200, 302, 303])
        client.call("GET", f"{path}/thumbnail?time={number / 10}&width=320", expected=[200, 302, 303])
        client.call("GET", f"{path}/preview?start={number / 10}&duration=1", expected=[200, 302, 303])
        client.call("POST", f"{path}/downloads", {})
        client.call("GET", f"{path}/downloads")
    is_written = lambda: all(it["status"] == "ready" for it in client.call("GET", f"{path}/downloads")["downloads"])  # noqa: E731
    wait(is_written, 60, "the MP4 file is written")
    client.call("POST", f"{path}/downloads", {})


def shares(client, video, edge):
    link = None
    for number in range(TIMES):
        link = client.call("POST", f"/v1/videos/{video}/shares", {"label": f"link {number}", "expires_in": 3600})
        client.call("GET", f"/v1/videos/{video}/shares")
    secret = link["url"].rstrip("/").rsplit("/", 1)[-1]
    for _ in range(2):
        client.call("GET", f"/shared/{secret}", expected=None)
        client.call("GET", f"/shared/{secret}/master.m3u8", expected=None)
    client.call("DELETE", f"/v1/videos/{video}/shares/{link['id'] if 'id' in link else link['share']['id']}")
    client.call("POST", "/v1/revocations", {"viewer": f"user-{time.time_ns()}", "expires_in": 3600})
    stream = client.call("GET", f"/v1/videos/{video}/stream?viewer=ann")
    with contextlib.suppress(Exception):
        url = urllib.parse.urlsplit(next(v for v in stream.values() if isinstance(v, str) and v.startswith("http")))
        edge.call("GET", f"{url.path}?{url.query}", expected=None)


def webhooks(client, receiver, video, server):
    hook = client.call(
        "POST",
        "/v1/webhooks",
        {"url": f"{receiver.url}/hook", "events": ["video.ready", "video.progress", "video.failed"]},
    )
    path = f"/v1/webhooks/{hook.get('id') or hook['webhook']['id']}"
    for _ in range(TIMES):
        client.call("GET", "/v1/webhooks?limit=50")
        client.call("GET", path)
        client.call("PATCH", path, {"description": "the backend"})
    client.call("POST", f"{path}/rotate-secret")
    for _ in range(3):
        sent = client.call("POST", f"{path}/test")
    time.sleep(3)
    client.call("POST", f"{path}/deliveries/{sent['id']}/replay", expected=None)
    for status in ("", "&status=delivered", "&status=pending", "&status=failed"):
        client.call("GET", f"{path}/deliveries?limit=50{status}")
    # The log of the largest owner.
    large = server.sql("SELECT endpoint FROM webhook_deliveries GROUP BY 1 ORDER BY count(*) DESC LIMIT 1").strip()
    for status in ("", "&status=delivered", "&status=pending", "&status=failed"):
        for _ in range(TIMES):
            page = client.call("GET", f"/v1/webhooks/{large}/deliveries?limit=50{status}")
        for _ in range(3):
            if page["next_cursor"]:
                page = client.call(
                    "GET", f"/v1/webhooks/{large}/deliveries?limit=50{status}&cursor={page['next_cursor']}"
                )
    client.call("PATCH", path, {"active": False})
    client.call("PATCH", path, {"active": True})
    # The receiver fails, and is gone.
    receiver.status = 503
    client.call("POST", f"{path}/test")
    time.sleep(3)
    receiver.status = 410
    client.call("POST", f"{path}/test")
    time.sleep(3)
    receiver.status = 200
    client.call("GET", f"/v1/videos/{video}/deliveries")
    client.call("DELETE", path)
    # An endpoint with a long log.
    long = server.sql(
        "SELECT endpoint FROM webhook_deliveries GROUP BY 1 HAVING count(*) < 4000 ORDER BY count(*) DESC LIMIT 1"
    ).strip()
    client.call("PATCH", f"/v1/webhooks/{large}", {"active": False})
    client.call("PATCH", f"/v1/webhooks/{large}", {"active": True})
    if long:
        client.call("DELETE", f"/v1/webhooks/{long}")


def keys(client):
    """API keys, and callers that have one: their owner has many videos, or few."""
    many = client.call(
        "POST",
        "/v1/api-keys",
        {"name": "many", "owner": "owner-0", "scopes": ["read", "upload", "play", "webhooks", "keys", "write"]},
    )
    few = client.call(
        "POST", "/v1/api-keys", {"name": "few", "owner": "owner-1999", "scopes": ["read", "upload", "write"]}
    )
    for _ in range(TIMES):
        client.call("GET", "/v1/api-keys?limit=50")
        page = client.call("GET", "/v1/api-keys?limit=50&owner=owner-7")
    client.call("GET", f"/v1/api-keys?limit=50&cursor={page['next_cursor'] or ''}", expected=None)
    return many, few


def quotas(client):
    """Uploads of the largest owner, where owners have quotas."""
    for _ in range(TIMES):
        client.call("POST", "/v1/uploads", {"filename": "film.mp4", "size": 1000, "owner": "owner-0"})


def keys_of(client):
    """What the owner of a key sees of keys and webhooks."""
    for _ in range(TIMES):
        client.call("GET", "/v1/api-keys?limit=50", expected=None)
        client.call("GET", "/v1/webhooks?limit=50", expected=None)


def identity(made):
    return made.get("id") or made["api_key"]["id"]


def operator(client):
    """Routes and pages of the operator."""
    for _ in range(TIMES):
        client.call("GET", "/readyz", expected=None)
        client.call("GET", "/metrics", expected=None)
        client.call("GET", "/v1/dead-letters?limit=100")
        client.call("GET", "/v1/objects?prefix=uploads/&limit=100", expected=None)
    letters = client.call("GET", "/v1/dead-letters?limit=100")
    first = next(iter(letters.get("dead_letters") or letters.get("letters") or []), None)
    if first:
        client.call("POST", f"/v1/dead-letters/{first['id']}/redrive", expected=None)
    with contextlib.suppress(Failed):
        client.call("POST", "/v1/dead-letters/redrive")
