// The plugin `__ID__`: turns a task's properties into what the host starts. It starts, reads and reaches nothing itself.
// `DESCRIPTOR` is the text of descriptor.json; build.mjs puts it in front.

/** One word of a shell line: nothing in it means anything to the shell. */
const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** A complaint about one property, which the host shows at its place in the flow. */
const refusal = (code, pointer, message) => ({
  tag: "invalid-properties",
  val: [{ severity: "error", code: `__ID__/${code}`, message, pointer }],
});

export const language = {
  describe() {
    return DESCRIPTOR;
  },

  plan(taskType, properties, context) {
    if (taskType !== "__TYPE__.Script") {
      throw { tag: "unknown-task-type", val: taskType };
    }
    const { script } = JSON.parse(properties);
    if (typeof script !== "string") {
      throw refusal("no-script", "/script", "`script` must be a text");
    }
    if (script.trim() === "") {
      throw refusal("empty-script", "/script", "the script is empty");
    }
    const path = `${context.taskId}.script.sh`;
    const whole = `${context.workingDir.replace(/\/+$/, "")}/${path}`;
    return {
      // The command that runs the script's file.
      program: { tag: "shell", val: [`sh ${quote(whole)}`] },
      files: [{ path, contents: new TextEncoder().encode(script), executable: false }],
      env: [],
      diagnostics: [],
    };
  },
};
