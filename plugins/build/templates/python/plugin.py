"""The plugin `__ID__`: turns a task's properties into what the host starts. It starts, reads and reaches nothing itself."""

import json
from pathlib import Path

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import types

# Read once, while the component is built.
DESCRIPTOR = (Path(__file__).parent / "descriptor.json").read_text()


def quote(text: str) -> str:
    """One word of a shell line: nothing in it means anything to the shell."""
    return "'" + text.replace("'", "'\\''") + "'"


def refusal(code: str, pointer: str, message: str) -> Err:
    """A complaint about one property, which the host shows at its place in the flow."""
    remark = types.Diagnostic(types.Severity.ERROR, f"__ID__/{code}", message, pointer, None)
    return Err(types.PlanError_InvalidProperties([remark]))


class Language(exports.Language):
    def describe(self) -> str:
        return DESCRIPTOR

    def plan(self, task_type: str, properties: str, context: types.Context) -> types.ExecutionPlan:
        if task_type != "__TYPE__.Script":
            raise Err(types.PlanError_UnknownTaskType(task_type))
        script = json.loads(properties).get("script")
        if not isinstance(script, str):
            raise refusal("no-script", "/script", "`script` must be a text")
        if not script.strip():
            raise refusal("empty-script", "/script", "the script is empty")
        name = f"{context.task_id}.script.sh"
        path = f"{context.working_dir.rstrip('/')}/{name}"
        return types.ExecutionPlan(
            # The command that runs the script's file.
            program=types.Program_Shell([f"sh {quote(path)}"]),
            files=[types.File(name, script.encode(), False, None)],
            env=[],
            container_image=None,
            diagnostics=[],
            extensions=None,
        )
