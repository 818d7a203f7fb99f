/* From the contract's functions to a trainer's. See arkor.h. */
#include "arkor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef exports_arkor_trainer_callbacks_action_t action_t;
typedef exports_arkor_trainer_callbacks_list_action_t actions_t;

/* What the running call asks for, and how it failed. A call ends before another begins. */
static struct {
  actions_t actions;
  size_t room;
  arkor_string_t error;
  bool has_place;
} call;

/* -- Values -- */

void *arkor_alloc(size_t size) {
  void *memory = malloc(size == 0 ? 1 : size);
  if (memory == NULL) {
    fprintf(stderr, "arkor: no memory for %zu bytes\n", size);
    abort();
  }
  return memory;
}

static arkor_string_t formatted(const char *prefix, const char *format, va_list values) {
  va_list again;
  va_copy(again, values);
  int length = vsnprintf(NULL, 0, format, again);
  va_end(again);
  if (length < 0) abort();
  size_t before = strlen(prefix);
  char *text = arkor_alloc(before + (size_t)length + 1);
  memcpy(text, prefix, before);
  vsnprintf(text + before, (size_t)length + 1, format, values);
  return (arkor_string_t){(uint8_t *)text, before + (size_t)length};
}

arkor_string_t arkor_text(const char *format, ...) {
  va_list values;
  va_start(values, format);
  arkor_string_t text = formatted("", format, values);
  va_end(values);
  return text;
}

arkor_string_t arkor_view(const char *text) { return (arkor_string_t){(uint8_t *)text, strlen(text)}; }

/* Makes a list one item longer and returns the new one. `list` is the address of the list's pointer. */
static void *longer(void *list, size_t *len, size_t size) {
  void *old;
  memcpy(&old, list, sizeof old);
  char *items = arkor_alloc((*len + 1) * size);
  if (*len > 0) {
    memcpy(items, old, *len * size);
    free(old);
  }
  memcpy(list, &items, sizeof items);
  return items + size * (*len)++;
}

void arkor_add_text(arkor_list_string_t *list, const char *text) {
  arkor_string_t *item = longer(&list->ptr, &list->len, sizeof *list->ptr);
  *item = arkor_text("%s", text);
}

void arkor_add_setting(exports_arkor_trainer_definition_list_setting_t *list, const char *name, const char *value) {
  arkor_trainer_types_setting_t *item = longer(&list->ptr, &list->len, sizeof *list->ptr);
  *item = (arkor_trainer_types_setting_t){arkor_text("%s", name), arkor_text("%s", value)};
}

void arkor_add_model(exports_arkor_trainer_definition_list_named_model_t *list, const char *name,
                     exports_arkor_trainer_definition_model_source_t source) {
  exports_arkor_trainer_definition_named_model_t *item = longer(&list->ptr, &list->len, sizeof *list->ptr);
  *item = (exports_arkor_trainer_definition_named_model_t){arkor_text("%s", name), source};
}

/* -- Errors -- */

static void forget_error(void) {
  free(call.error.ptr);
  call.error = (arkor_string_t){NULL, 0};
  call.has_place = false;
}

arkor_result_t arkor_fail_at(const char *file, int line, const char *format, ...) {
  char place[256];
  snprintf(place, sizeof place, "%s:%d: ", file, line);
  va_list values;
  va_start(values, format);
  arkor_string_t text = formatted(place, format, values);
  va_end(values);
  forget_error();
  call.error = text;
  call.has_place = true;
  return ARKOR_ERROR;
}

/* An error that has nothing to do with a place in the trainer. */
static arkor_result_t failed(const char *format, ...) {
  va_list values;
  va_start(values, format);
  arkor_string_t text = formatted("", format, values);
  va_end(values);
  forget_error();
  call.error = text;
  call.has_place = true;
  return ARKOR_ERROR;
}

arkor_result_t arkor_error_passed(const char *file, int line) {
  /* The innermost place is the one that tells most. */
  if (call.has_place) return ARKOR_ERROR;
  arkor_string_t text = arkor_text("%s", arkor_last_error());
  arkor_result_t result = arkor_fail_at(file, line, "%s", (const char *)text.ptr);
  free(text.ptr);
  return result;
}

const char *arkor_last_error(void) {
  return call.error.ptr == NULL ? "a call failed and did not say why" : (const char *)call.error.ptr;
}

/* Takes over an error of the host: `plain` are the texts of the first cases, which have none. */
static arkor_result_t refused(uint8_t tag, arkor_string_t text, size_t count, const char *const *plain) {
  forget_error();
  if (tag < count) {
    call.error = arkor_text("%s", plain[tag]);
  } else {
    call.error = arkor_text("%.*s", ARKOR_PRINT(text));
    if (text.len > 0) free(text.ptr);
  }
  return ARKOR_ERROR;
}

/* -- What a callback asks for -- */

static action_t *add_action(uint8_t tag) {
  actions_t *actions = &call.actions;
  if (actions->len == call.room) {
    size_t room = call.room == 0 ? 8 : 2 * call.room;
    action_t *longer = arkor_alloc(room * sizeof(action_t));
    if (actions->len > 0) memcpy(longer, actions->ptr, actions->len * sizeof(action_t));
    free(actions->ptr);
    actions->ptr = longer;
    call.room = room;
  }
  action_t *action = &actions->ptr[actions->len++];
  action->tag = tag;
  return action;
}

void arkor_stop(const char *reason, ...) {
  va_list values;
  va_start(values, reason);
  arkor_string_t text = formatted("", reason, values);
  va_end(values);
  add_action(EXPORTS_ARKOR_TRAINER_CALLBACKS_ACTION_STOP)->val.stop = text;
}

void arkor_save(void) { add_action(EXPORTS_ARKOR_TRAINER_CALLBACKS_ACTION_SAVE); }

void arkor_evaluate(void) { add_action(EXPORTS_ARKOR_TRAINER_CALLBACKS_ACTION_EVALUATE); }

void arkor_evaluated(arkor_option_f64_t loss, const arkor_metric_t *metrics, size_t count) {
  arkor_trainer_types_measurement_t measurement = {loss, {NULL, count}};
  if (count > 0) measurement.metrics.ptr = arkor_alloc(count * sizeof *metrics);
  for (size_t i = 0; i < count; i++) {
    arkor_metric_t metric = {arkor_text("%.*s", ARKOR_PRINT(metrics[i].name)), metrics[i].value};
    measurement.metrics.ptr[i] = metric;
  }
  add_action(EXPORTS_ARKOR_TRAINER_CALLBACKS_ACTION_EVALUATED)->val.evaluated = measurement;
}

void arkor_set_learning_rate(double rate) {
  add_action(EXPORTS_ARKOR_TRAINER_CALLBACKS_ACTION_SET_LEARNING_RATE)->val.set_learning_rate = rate;
}

void arkor_follow_schedule(void) { add_action(EXPORTS_ARKOR_TRAINER_CALLBACKS_ACTION_FOLLOW_SCHEDULE); }

void arkor_pause(void) { add_action(EXPORTS_ARKOR_TRAINER_CALLBACKS_ACTION_PAUSE); }

void arkor_log_metric(const char *name, double value) {
  arkor_metric_t metric = {arkor_text("%s", name), value};
  add_action(EXPORTS_ARKOR_TRAINER_CALLBACKS_ACTION_LOG_METRIC)->val.log_metric = metric;
}

void arkor_ask_other(const char *name, const char *value) {
  arkor_trainer_types_setting_t setting = {arkor_text("%s", name), arkor_text("%s", value)};
  add_action(EXPORTS_ARKOR_TRAINER_CALLBACKS_ACTION_OTHER)->val.other = setting;
}

#include "host.c"
#include "spec.c"

/* -- What the host calls -- */

/* A line is in the log when it ends, and not lost if the trainer fails after it. */
__attribute__((constructor)) static void print_by_lines(void) { setvbuf(stdout, NULL, _IOLBF, BUFSIZ); }

static void begin(void) {
  forget_error();
  call.actions = (actions_t){NULL, 0};
  call.room = 0;
}

static bool finished(arkor_result_t result, arkor_string_t *error) {
  fflush(stdout);
  if (result == ARKOR_OK) return true;
  /* The host frees it. */
  *error = arkor_text("%s", arkor_last_error());
  return false;
}

static bool answered(arkor_result_t result, actions_t *actions, arkor_string_t *error) {
  if (finished(result, error)) {
    *actions = call.actions;
    /* Room without actions in it would be freed by nobody. */
    if (actions->len == 0) free(actions->ptr);
    return true;
  }
  exports_arkor_trainer_callbacks_list_action_free(&call.actions);
  return false;
}

bool exports_arkor_trainer_definition_describe(arkor_spec_t *spec, arkor_string_t *error) {
  begin();
  memset(spec, 0, sizeof *spec);
  if (arkor_trainer.describe == NULL) {
    return finished(failed("arkor_trainer has no describe"), error);
  }
  return finished(arkor_trainer.describe(spec), error);
}

#define CALLBACK(name, type)                                                                                         \
  bool exports_arkor_trainer_callbacks_##name(exports_arkor_trainer_callbacks_##type##_t *event, actions_t *actions, \
                                              arkor_string_t *error) {                                               \
    begin();                                                                                                         \
    arkor_result_t result = arkor_trainer.name == NULL ? ARKOR_OK : arkor_trainer.name(event);                       \
    exports_arkor_trainer_callbacks_##type##_free(event);                                                            \
    return answered(result, actions, error);                                                                         \
  }

CALLBACK(on_started, started)
CALLBACK(on_log, log_record)
CALLBACK(on_evaluate, evaluation)
CALLBACK(on_checkpoint, checkpoint)
CALLBACK(on_completed, completed)
CALLBACK(on_failed, failed)

/* Saved memory: the declaration of the struct with its 0, then the bytes. */
static arkor_result_t save_variable(uint8_t **bytes, size_t *size) {
  const arkor_state_t *state = &arkor_trainer.state;
  size_t layout = strlen(state->layout) + 1;
  *size = layout + state->size;
  *bytes = arkor_alloc(*size);
  memcpy(*bytes, state->layout, layout);
  memcpy(*bytes + layout, state->variable, state->size);
  return ARKOR_OK;
}

static arkor_result_t load_variable(const uint8_t *bytes, size_t size) {
  const arkor_state_t *state = &arkor_trainer.state;
  const uint8_t *end = memchr(bytes, 0, size);
  const char *saved = end == NULL ? "something else" : (const char *)bytes;
  size_t layout = end == NULL ? 0 : (size_t)(end - bytes) + 1;
  if (end == NULL || strcmp(saved, state->layout) != 0 || size - layout != state->size) {
    return failed(
        "the trainer's memory was saved as %s (%zu bytes), and this code has %s (%zu bytes): begin a new run, or "
        "take the old one up in load_state",
        saved, size - layout, state->layout, state->size);
  }
  memcpy(state->variable, end + 1, state->size);
  return ARKOR_OK;
}

bool exports_arkor_trainer_callbacks_save_state(arkor_list_u8_t *bytes, arkor_string_t *error) {
  begin();
  bytes->ptr = NULL;
  bytes->len = 0;
  arkor_result_t result = ARKOR_OK;
  if (arkor_trainer.save_state != NULL) {
    result = arkor_trainer.save_state(&bytes->ptr, &bytes->len);
  } else if (arkor_trainer.state.variable != NULL) {
    result = save_variable(&bytes->ptr, &bytes->len);
  }
  return finished(result, error);
}

bool exports_arkor_trainer_callbacks_load_state(arkor_list_u8_t *bytes, arkor_string_t *error) {
  begin();
  arkor_result_t result = ARKOR_OK;
  if (arkor_trainer.load_state != NULL) {
    result = arkor_trainer.load_state(bytes->ptr, bytes->len);
  } else if (arkor_trainer.state.variable != NULL) {
    result = load_variable(bytes->ptr, bytes->len);
  }
  arkor_list_u8_free(bytes);
  return finished(result, error);
}

#ifdef ARKOR_LOOP
#include "generated/loop-trainer.c"
#include "loop.c"
#else
#include "generated/managed-trainer.c"
#endif
