/* The plugin `__ID__`: turns a task's properties into what the host starts. It starts, reads and reaches nothing itself. */

#include "taffrail.h"

/* The text of descriptor.json; `taffrail plugin build` makes this file. */
#include "descriptor.h"

void exports_taffrail_plugin_language_describe(text *answer) {
  *answer = text_of(DESCRIPTOR);
}

bool exports_taffrail_plugin_language_plan(text *task_type, text *properties, context *context, plan *plan, plan_error *error) {
  if (!text_is(*task_type, "__TYPE__.Script"))
    return unknown_task_type(error, *task_type);
  text script;
  if (!json_text(*properties, "script", &script))
    return invalid(error, "__ID__/no-script", "/script", "`script` must be a text");
  if (text_is_blank(script))
    return invalid(error, "__ID__/empty-script", "/script", "the script is empty");

  text name_parts[] = {context->task_id, text_of(".script.sh")};
  text name = text_join(name_parts, 2);
  /* The command that runs the script's file. */
  text line_parts[] = {text_of("sh "), shell_quote(path_of(context, name))};
  plan_shell(plan, text_join(line_parts, 2));
  plan_file(plan, name, script);
  return true;
}
