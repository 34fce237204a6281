"""MiniStack, put right in two things that our deployment needs (test/deployment/ministack.test.ts says when it no longer
has to be).

Mocks: as in Step Functions Local, they are asked for by starting `<machine>#<case>`. A deployed function starts the
machine by its plain ARN, the only one that its role names; here that counts as the case `Deployed`.

Events: S3 names the version of an object in its events to EventBridge; MiniStack leaves it out.
"""

import json
import threading

from ministack import app
from ministack.services import eventbridge, s3, stepfunctions

mock_of_case = stepfunctions._get_mock_response
fire = s3._fire_s3_event
dispatch = eventbridge._dispatch_event
fired = threading.local()


def mock_of_any(machine, case, state, attempt):
    return mock_of_case(machine, case or "Deployed", state, attempt)


def fire_event(*facts, version_id=None, **others):
    fired.version = version_id
    try:
        fire(*facts, version_id=version_id, **others)
    finally:
        fired.version = None


def dispatch_event(event, *others):
    version = getattr(fired, "version", None)
    if version and event.get("Source") == "aws.s3":
        detail = json.loads(event["Detail"])
        detail["object"]["version-id"] = version
        event = {**event, "Detail": json.dumps(detail)}
    return dispatch(event, *others)


def main():
    stepfunctions._get_mock_response = mock_of_any
    s3._fire_s3_event = fire_event
    eventbridge._dispatch_event = dispatch_event
    app.main()
