"""Answers JSON lines: `{"id", "kind", "path"}` with a verdict on a file, `{"id", "pack", "members"}` with an archive."""

import faulthandler
import json
import sys
import traceback

import archive_rules
import nifti_rules
import packers

LONGEST_SECONDS = 120
JUDGES = {"nifti": nifti_rules.judge, "archive": archive_rules.judge}


def answer(asked):
    if "pack" in asked:
        return packers.pack(asked["pack"], asked["members"])
    with open(asked["path"], "rb") as file:
        return JUDGES[asked["kind"]](file.read())


def main():
    for line in sys.stdin:
        asked = json.loads(line)
        # One that does not end says where it is, and ends the run.
        faulthandler.dump_traceback_later(LONGEST_SECONDS, exit=True)
        try:
            verdict = answer(asked)
        except Exception:  # the oracle's own fault: reported as a finding, so that nothing goes unseen
            verdict = {"failed": traceback.format_exc(limit=-4)}
        faulthandler.cancel_dump_traceback_later()
        print(json.dumps({"id": asked["id"], "verdict": verdict}), flush=True)


main()
