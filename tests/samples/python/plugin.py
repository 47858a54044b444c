"""The plugin `make`: builds targets of a makefile. It plans; it starts, reads and reaches nothing itself."""

import json
import re
from pathlib import Path

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import types

DESCRIPTOR = (Path(__file__).parent / "descriptor.json").read_text()


def quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def remark(severity: types.Severity, code: str, pointer: str, message: str) -> types.Diagnostic:
    return types.Diagnostic(severity, f"make/{code}", message, pointer, None)


def refusal(code: str, pointer: str, message: str) -> Err:
    return Err(types.PlanError_InvalidProperties([remark(types.Severity.ERROR, code, pointer, message)]))


class Language(exports.Language):
    def describe(self) -> str:
        return DESCRIPTOR

    def plan(self, task_type: str, properties: str, context: types.Context) -> types.ExecutionPlan:
        if task_type != "org.example.make.Targets":
            raise Err(types.PlanError_UnknownTaskType(task_type))
        given = json.loads(properties)
        makefile = given.get("makefile")
        if not isinstance(makefile, str):
            raise refusal("no-makefile", "/makefile", "`makefile` must be a text")
        targets = given.get("targets", [])
        if not isinstance(targets, list):
            raise refusal("no-list", "/targets", "`targets` must be a list")
        for index, target in enumerate(targets):
            if not isinstance(target, str) or not target or "\0" in target or target.startswith("-"):
                raise refusal("no-target", f"/targets/{index}", "a target is a text that is no option")
        jobs = given.get("jobs", 1)
        if not isinstance(jobs, int) or isinstance(jobs, bool) or not 1 <= jobs <= 64:
            raise refusal("jobs", "/jobs", "`jobs` must be between 1 and 64")

        # YAML takes tabs badly, and make takes nothing else.
        contents = re.sub(r"(?m)^ +", "\t", makefile)
        remarks = []
        if not re.search(r"(?m)^[^\s#][^=]*:", contents):
            remarks.append(remark(types.Severity.WARNING, "no-rule", "/makefile", "the makefile has no rule"))
        name = f"{context.task_id}.mk"
        words = ["make", "--file", quote(name), "--jobs", str(jobs), *map(quote, targets)]
        return types.ExecutionPlan(
            program=types.Program_Shell([" ".join(words)]),
            files=[types.File(name, contents.encode(errors="surrogatepass"), False, None)],
            env=[types.EnvVar("MAKEFLAGS", "--no-print-directory")],
            container_image=None,
            diagnostics=remarks,
            extensions=None,
        )
