/* What a plugin needs besides its own logic: texts, one property of a JSON object, the parts of a plan. Nothing is freed: every call
 * meets a fresh instance, and the generated code gives back what it hands to the host. */
#ifndef TAFFRAIL_H
#define TAFFRAIL_H

#include "language_plugin.h"

typedef language_plugin_string_t text;
typedef taffrail_plugin_types_context_t context;
typedef taffrail_plugin_types_execution_plan_t plan;
typedef taffrail_plugin_types_plan_error_t plan_error;

/* A text of its own that holds a constant. */
text text_of(const char *constant);
/* The parts one after the other, as a new text. */
text text_join(const text *parts, size_t count);
bool text_is(text one, const char *constant);
bool text_is_blank(text one);
/* Whether it holds a NUL character, which no program can be given as an argument or in a line. */
bool text_has_nul(text one);

/* The text of a property of a JSON object. False where the property is absent or no text. */
bool json_text(text object, const char *property, text *found);

/* One word of a shell line: nothing in it means anything to the shell. */
text shell_quote(text word);

/* The path of a file of the working directory, as the program will see it. */
text path_of(const context *context, text relative);

/* A plan of one shell line and nothing else. */
void plan_shell(plan *plan, text line);
/* One more file that must stand in the working directory before the program starts. */
void plan_file(plan *plan, text path, text contents);

/* Why there is no plan. Both return false, which is what `plan` returns then. */
bool unknown_task_type(plan_error *error, text name);
bool invalid(plan_error *error, const char *code, const char *pointer, const char *message);

#endif
