/* The plugin `sed`: edits a file as a stream. It plans; it starts, reads and reaches nothing itself. */

#include "taffrail.h"

#include "descriptor.h"

void exports_taffrail_plugin_language_describe(text *answer) {
  *answer = text_of(DESCRIPTOR);
}

bool exports_taffrail_plugin_language_plan(text *task_type, text *properties, context *context, plan *plan, plan_error *error) {
  if (!text_is(*task_type, "org.example.sed.Script"))
    return unknown_task_type(error, *task_type);
  text script, input, silent;
  if (!json_text(*properties, "script", &script))
    return invalid(error, "sed/no-script", "/script", "`script` must be a text");
  if (text_is_blank(script))
    return invalid(error, "sed/empty-script", "/script", "the script is empty");
  if (!json_text(*properties, "input", &input) || text_is_blank(input))
    return invalid(error, "sed/no-input", "/input", "`input` must name a file");
  if (text_has_nul(input))
    return invalid(error, "sed/nul", "/input", "no file's name has a NUL character");
  bool quiet = json_text(*properties, "silent", &silent) && text_is(silent, "yes");

  text name_parts[] = {context->task_id, text_of(".sed")};
  text name = text_join(name_parts, 2);
  text line_parts[] = {
      text_of(quiet ? "sed -n -f " : "sed -f "),
      shell_quote(path_of(context, name)),
      text_of(" -- "),
      shell_quote(input),
  };
  plan_shell(plan, text_join(line_parts, 4));
  plan_file(plan, name, script);
  return true;
}
