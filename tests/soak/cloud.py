"""The queues and buckets of an installation in SQS and S3, over HTTP with signatures (AWS Signature Version 4)."""

import hashlib
import hmac
import http.client
import json
import time
import urllib.parse
import xml.etree.ElementTree as Xml

KEY = "test"
REGION = "us-east-1"
PRIVATE, MEDIA = "private", "media"
# As in infra/aws/template.yaml.
VISIBILITY_SECONDS = 60
MAX_RECEIVES = 5
QUEUES = ("jobs", "chunks", "bulk")
# As in docs/uploads.md.
CORS = """<CORSConfiguration><CORSRule><AllowedOrigin>https://app.example</AllowedOrigin><AllowedMethod>PUT</AllowedMethod>
<AllowedHeader>content-type</AllowedHeader><AllowedHeader>if-none-match</AllowedHeader><ExposeHeader>ETag</ExposeHeader>
<MaxAgeSeconds>3600</MaxAgeSeconds></CORSRule></CORSConfiguration>"""


def signature(service, method, host, path, query, body, headers):
    """The headers of a signed request."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    digest = hashlib.sha256(body).hexdigest()
    signed = {**headers, "host": host, "x-amz-date": moment, "x-amz-content-sha256": digest}
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    request = "\n".join([method, path, query, lines, names, digest])
    scope = f"{moment[:8]}/{REGION}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{KEY}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    proof = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={names}, Signature={proof}"
    return {**signed, "authorization": credential}


class Cloud:
    """A client of LocalStack."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.host = urllib.parse.urlsplit(endpoint).netloc
        self.urls = {}

    def _request(self, service, method, path, query="", body=b"", headers=None):
        signed = signature(service, method, self.host, path, query, body, headers or {})
        connection = http.client.HTTPConnection(self.host, timeout=60)
        connection.request(method, f"{path}?{query}" if query else path, body, signed)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        if response.status >= 300:
            raise OSError(f"{service}: {method} {path}: {response.status} {content[:300]!r}")
        return content

    def sqs(self, action, **parameters):
        headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": f"AmazonSQS.{action}"}
        answer = self._request("sqs", "POST", "/", body=json.dumps(parameters).encode(), headers=headers)
        return json.loads(answer or b"{}")

    def create(self):
        """Creates the buckets with their CORS rule, and the queues with their dead-letter queues."""
        for bucket in (PRIVATE, MEDIA):
            self._request("s3", "PUT", f"/{bucket}")
        self._request("s3", "PUT", f"/{PRIVATE}", "cors=", CORS.encode(), {"content-type": "application/xml"})
        for name in QUEUES:
            dead = self.sqs("CreateQueue", QueueName=f"dead-{name}")["QueueUrl"]
            arn = self.sqs("GetQueueAttributes", QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": MAX_RECEIVES})
            attributes = {"VisibilityTimeout": str(VISIBILITY_SECONDS), "RedrivePolicy": redrive}
            made = self.sqs("CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"]
            self.urls |= {name: made, f"dead-{name}": dead}

    def messages(self):
        """The number of messages of each queue, whether they wait or are in progress."""
        counts = {}
        for name, url in self.urls.items():
            found = self.sqs("GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])["Attributes"]
            counts[name] = sum(int(value) for key, value in found.items() if key.startswith("ApproximateNumberOf"))
        return counts

    def list(self, bucket, prefix=""):
        """The sizes of all objects below a prefix, by key."""
        found, token = {}, None
        while True:
            values = {"list-type": "2", "prefix": prefix, **({"continuation-token": token} if token else {})}
            query = urllib.parse.urlencode(sorted(values.items()), quote_via=urllib.parse.quote, safe="")
            page = Xml.fromstring(self._request("s3", "GET", f"/{bucket}", query))
            space = page.tag.removesuffix("ListBucketResult")
            for it in page.iter(f"{space}Contents"):
                found[it.findtext(f"{space}Key")] = int(it.findtext(f"{space}Size"))
            token = page.findtext(f"{space}NextContinuationToken")
            if not token:
                return found

    def get(self, bucket, key):
        """The content of an object."""
        return self._request("s3", "GET", f"/{bucket}/{urllib.parse.quote(key)}")
