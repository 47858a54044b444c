#include "taffrail.h"

#include <stdlib.h>
#include <string.h>

/* The generated code asks for an object file with the contract's description; `taffrail plugin build` puts that into the module. */
void __component_type_object_force_link_language_plugin(void) {}

static void *room(size_t size) {
  void *memory = malloc(size ? size : 1);
  if (!memory)
    abort();
  return memory;
}

static text text_copy(const uint8_t *bytes, size_t length) {
  text copy = {room(length), length};
  memcpy(copy.ptr, bytes, length);
  return copy;
}

text text_of(const char *constant) {
  return text_copy((const uint8_t *)constant, strlen(constant));
}

text text_join(const text *parts, size_t count) {
  text joined = {NULL, 0};
  for (size_t i = 0; i < count; i++)
    joined.len += parts[i].len;
  joined.ptr = room(joined.len);
  size_t at = 0;
  for (size_t i = 0; i < count; i++) {
    memcpy(joined.ptr + at, parts[i].ptr, parts[i].len);
    at += parts[i].len;
  }
  return joined;
}

bool text_is(text one, const char *constant) {
  return one.len == strlen(constant) && memcmp(one.ptr, constant, one.len) == 0;
}

bool text_is_blank(text one) {
  for (size_t i = 0; i < one.len; i++)
    if (!one.ptr[i] || !strchr(" \t\r\n", one.ptr[i]))
      return false;
  return true;
}

bool text_has_nul(text one) {
  return one.len > 0 && memchr(one.ptr, 0, one.len) != NULL;
}

/* JSON. The host gives a whole and valid document; all the same nothing is read beyond its end. */

typedef struct {
  const uint8_t *at, *end;
} reader;

static int peek(reader *json) {
  while (json->at < json->end && strchr(" \t\r\n", *json->at))
    json->at++;
  return json->at < json->end ? *json->at : -1;
}

static uint32_t hexadecimal(reader *json) {
  uint32_t value = 0;
  for (int i = 0; i < 4 && json->at < json->end; i++) {
    uint8_t digit = *json->at++;
    value = value * 16 + (digit <= '9' ? digit - '0' : (digit | 32) - 'a' + 10);
  }
  return value;
}

static size_t utf8(uint8_t *out, uint32_t code) {
  if (code < 0x80) {
    out[0] = (uint8_t)code;
    return 1;
  }
  if (code < 0x800) {
    out[0] = (uint8_t)(0xc0 | code >> 6);
    out[1] = (uint8_t)(0x80 | (code & 0x3f));
    return 2;
  }
  if (code < 0x10000) {
    out[0] = (uint8_t)(0xe0 | code >> 12);
    out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    out[2] = (uint8_t)(0x80 | (code & 0x3f));
    return 3;
  }
  out[0] = (uint8_t)(0xf0 | code >> 18);
  out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
  out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
  out[3] = (uint8_t)(0x80 | (code & 0x3f));
  return 4;
}

/* Reads a text, whose quote is next. What is read is never longer than what is written in the document. */
static text read_text(reader *json) {
  json->at++;
  text found = {room((size_t)(json->end - json->at)), 0};
  while (json->at < json->end && *json->at != '"') {
    uint8_t byte = *json->at++;
    if (byte != '\\' || json->at == json->end) {
      found.ptr[found.len++] = byte;
      continue;
    }
    byte = *json->at++;
    const char *escapes = "b\bf\fn\nr\rt\t";
    const char *escape = byte == 'u' ? NULL : strchr(escapes, byte);
    if (byte == 'u') {
      uint32_t code = hexadecimal(json);
      if (code >> 10 == 0x36 && json->end - json->at >= 6 && json->at[1] == 'u') {
        json->at += 2;
        code = 0x10000 + ((code & 0x3ff) << 10) + (hexadecimal(json) & 0x3ff);
      }
      found.len += utf8(found.ptr + found.len, code);
    } else {
      found.ptr[found.len++] = escape && (escape - escapes) % 2 == 0 ? (uint8_t)escape[1] : byte;
    }
  }
  if (json->at < json->end)
    json->at++;
  return found;
}

static void skip_value(reader *json) {
  size_t depth = 0;
  do {
    int next = peek(json);
    if (next < 0)
      return;
    if (next == '"') {
      read_text(json);
    } else {
      depth += next == '{' || next == '[';
      depth -= next == '}' || next == ']';
      json->at++;
      /* Numbers and words: to what ends them. */
      while (!strchr("{}[]:,", next) && json->at < json->end && !strchr(" \t\r\n{}[],:\"", *json->at))
        json->at++;
    }
    next = peek(json);
    if (depth && (next == ',' || next == ':'))
      json->at++;
  } while (depth);
}

bool json_text(text object, const char *property, text *found) {
  reader json = {object.ptr, object.ptr + object.len};
  if (peek(&json) != '{')
    return false;
  json.at++;
  while (peek(&json) == '"') {
    text name = read_text(&json);
    if (peek(&json) != ':')
      return false;
    json.at++;
    if (text_is(name, property)) {
      if (peek(&json) != '"')
        return false;
      *found = read_text(&json);
      return true;
    }
    skip_value(&json);
    if (peek(&json) == ',')
      json.at++;
  }
  return false;
}

text shell_quote(text word) {
  text quoted = {room(word.len * 4 + 2), 0};
  quoted.ptr[quoted.len++] = '\'';
  for (size_t i = 0; i < word.len; i++) {
    if (word.ptr[i] == '\'') {
      memcpy(quoted.ptr + quoted.len, "'\\''", 4);
      quoted.len += 4;
    } else {
      quoted.ptr[quoted.len++] = word.ptr[i];
    }
  }
  quoted.ptr[quoted.len++] = '\'';
  return quoted;
}

text path_of(const context *context, text relative) {
  text folder = context->working_dir;
  while (folder.len && folder.ptr[folder.len - 1] == '/')
    folder.len--;
  text parts[] = {folder, text_of("/"), relative};
  return text_join(parts, 3);
}

void plan_shell(plan *plan, text line) {
  memset(plan, 0, sizeof *plan);
  plan->program.tag = TAFFRAIL_PLUGIN_TYPES_PROGRAM_SHELL;
  plan->program.val.shell.ptr = room(sizeof line);
  plan->program.val.shell.ptr[0] = line;
  plan->program.val.shell.len = 1;
}

void plan_file(plan *plan, text path, text contents) {
  size_t count = plan->files.len + 1;
  taffrail_plugin_types_file_t *files = realloc(plan->files.ptr, count * sizeof *files);
  if (!files)
    abort();
  taffrail_plugin_types_file_t file = {0};
  file.path = path;
  file.contents.ptr = contents.ptr;
  file.contents.len = contents.len;
  files[count - 1] = file;
  plan->files.ptr = files;
  plan->files.len = count;
}

bool unknown_task_type(plan_error *error, text name) {
  error->tag = TAFFRAIL_PLUGIN_TYPES_PLAN_ERROR_UNKNOWN_TASK_TYPE;
  error->val.unknown_task_type = text_copy(name.ptr, name.len);
  return false;
}

bool invalid(plan_error *error, const char *code, const char *pointer, const char *message) {
  taffrail_plugin_types_diagnostic_t *remark = room(sizeof *remark);
  memset(remark, 0, sizeof *remark);
  remark->severity = TAFFRAIL_PLUGIN_TYPES_SEVERITY_ERROR;
  remark->code = text_of(code);
  remark->message = text_of(message);
  remark->pointer = text_of(pointer);
  error->tag = TAFFRAIL_PLUGIN_TYPES_PLAN_ERROR_INVALID_PROPERTIES;
  error->val.invalid_properties.ptr = remark;
  error->val.invalid_properties.len = 1;
  return false;
}
