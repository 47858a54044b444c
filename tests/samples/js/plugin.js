// The plugin `sql`: runs SQL with the SQLite shell. It plans; it starts, reads and reaches nothing itself.

const FORMATS = ["list", "csv", "json"];

const refusal = (code, pointer, message) => ({
  tag: "invalid-properties",
  val: [{ severity: "error", code: `sql/${code}`, message, pointer }],
});

/** An argument of a program: a text without NUL. */
function argument(given, name, fallback) {
  const value = given[name] ?? fallback;
  if (typeof value !== "string" || value.trim() === "" || value.includes("\0")) {
    throw refusal(`no-${name}`, `/${name}`, `\`${name}\` must be a text, and not empty`);
  }
  return value;
}

export const language = {
  describe() {
    return DESCRIPTOR;
  },

  plan(taskType, properties, context) {
    if (taskType !== "org.example.sql.Query") {
      throw { tag: "unknown-task-type", val: taskType };
    }
    const given = JSON.parse(properties);
    const sql = argument(given, "sql");
    const database = argument(given, "database", ":memory:");
    const format = given.format ?? "list";
    if (!FORMATS.includes(format)) {
      throw refusal("no-format", "/format", `it must be one of ${FORMATS.join(", ")}`);
    }
    // No shell is between: the statements need no quotes.
    const argv = ["sqlite3", "-batch", "-bail", `-${format}`, database, sql];
    return { program: { tag: "argv", val: argv }, files: [], env: [], diagnostics: [] };
  },
};
