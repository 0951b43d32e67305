# SPDX-License-Identifier: MIT
"""`adit doctor` asked within an end's host, and what it says of one check."""
import json


class Report:
    def __init__(self, done):
        self.status = done.returncode
        self.raw = done.stdout
        said = json.loads(done.stdout)
        self.verdict = said["verdict"]
        self.most_likely = said["most_likely"]
        self.checks = {check["id"]: check for check in said["checks"]}

    def __getitem__(self, check):
        return self.checks[check]["verdict"]

    def title(self, check):
        return self.checks[check]["title"]

    def evidence(self, check):
        return "\n".join(self.checks[check]["evidence"])

    def mend(self, check):
        return self.checks[check]["mend"]

    def alarms(self):
        return {name: check for name, check in self.checks.items() if check["verdict"] in ("problem", "warning")}


def examine(end, *prefix):
    """`prefix`: a command that runs it (setpriv …)."""
    from .ends import ADIT
    done = end.host.run(*prefix, ADIT, "doctor", end.file, "--json", check=False, env=end.env, binds=end.binds)
    return Report(done)
