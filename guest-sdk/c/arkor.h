/* Write trainers for arkor-host in C and C++.
 *
 * A trainer is a table of functions, all but `describe` of them optional:
 *
 *     #include <arkor.h>
 *
 *     static arkor_result_t describe(arkor_spec_t *spec) {
 *       spec->name = arkor_text("mine");
 *       spec->model = arkor_scratch(192, 4, 6);
 *       spec->tokenizer = arkor_bpe(1024);
 *       spec->dataset = arkor_file("data/text.txt");
 *       spec->hyperparameters.max_steps = arkor_some_u32(300);
 *       return ARKOR_OK;
 *     }
 *
 *     static arkor_result_t on_evaluate(const arkor_evaluation_t *event) {
 *       if (event->loss.is_some && event->loss.val > 10) return arkor_fail("the loss is %g", event->loss.val);
 *       if (event->evaluations_without_improvement >= 3) arkor_stop("no better for a while");
 *       return ARKOR_OK;
 *     }
 *
 *     const arkor_trainer_t arkor_trainer = {
 *         .describe = describe,
 *         .on_evaluate = on_evaluate,
 *     };
 *
 * It is compiled together with arkor.c; build.sh beside this file does that. Types and what their fields mean
 * are in generated/, made from the contract. A trainer with a training loop of its own defines ARKOR_LOOP for
 * all files and includes loop.h too.
 *
 * One call happens at a time, and never two at once. What a callback prints is in the run's log.
 */
#ifndef ARKOR_H
#define ARKOR_H

#ifdef ARKOR_LOOP
#include "generated/loop-trainer.h"
#else
#include "generated/managed-trainer.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Short names of the contract's types. */
typedef exports_arkor_trainer_definition_spec_t arkor_spec_t;
typedef exports_arkor_trainer_callbacks_started_t arkor_started_t;
typedef exports_arkor_trainer_callbacks_log_record_t arkor_log_record_t;
typedef exports_arkor_trainer_callbacks_evaluation_t arkor_evaluation_t;
typedef exports_arkor_trainer_callbacks_checkpoint_t arkor_checkpoint_t;
typedef exports_arkor_trainer_callbacks_completed_t arkor_completed_t;
typedef exports_arkor_trainer_callbacks_failed_t arkor_failed_t;
typedef arkor_trainer_types_sampling_t arkor_sampling_t;
typedef arkor_trainer_inference_generation_t arkor_generation_t;
typedef arkor_trainer_dataset_dataset_info_t arkor_dataset_info_t;
typedef arkor_trainer_dataset_list_example_t arkor_examples_t;
typedef arkor_trainer_types_metric_t arkor_metric_t;
typedef arkor_trainer_run_run_info_t arkor_run_info_t;

/* What a function of a trainer returns. An error is made by arkor_fail. */
typedef enum { ARKOR_OK = 0, ARKOR_ERROR = 1 } arkor_result_t;

/* A trainer's memory: a variable whose bytes are saved with each checkpoint and come back when the run goes
 * on or new code takes over. See ARKOR_STATE. */
typedef struct {
  void *variable;
  size_t size;
  const char *layout;
} arkor_state_t;

typedef struct {
  /* Says what to train. Fields that are not set have the contract's defaults. Texts in it are
   * the host's afterwards: they are made by arkor_text. */
  arkor_result_t (*describe)(arkor_spec_t *spec);

  /* What an event points to is gone when its callback returns. */
  arkor_result_t (*on_started)(const arkor_started_t *event);
  arkor_result_t (*on_log)(const arkor_log_record_t *event);
  arkor_result_t (*on_evaluate)(const arkor_evaluation_t *event);
  arkor_result_t (*on_checkpoint)(const arkor_checkpoint_t *event);
  arkor_result_t (*on_completed)(const arkor_completed_t *event);
  arkor_result_t (*on_failed)(const arkor_failed_t *event);

  /* Memory that is carried as it is. */
  arkor_state_t state;
  /* Memory in a form of the trainer's own, in place of `state`. `bytes` is made by malloc. */
  arkor_result_t (*save_state)(uint8_t **bytes, size_t *size);
  arkor_result_t (*load_state)(const uint8_t *bytes, size_t size);

#ifdef ARKOR_LOOP
  /* Trains by driving the session of loop.h, in an instance of its own. */
  arkor_result_t (*run)(const arkor_spec_t *spec);
#endif
} arkor_trainer_t;

/* The trainer defines this. */
extern const arkor_trainer_t arkor_trainer;

/* Declares a variable to be carried, with no pointers in it:
 *
 *     ARKOR_STATE({
 *       uint32_t logs;
 *       double best;
 *     }) memory = {.best = INFINITY};
 *
 * and in the trainer: .state = ARKOR_STATE_OF(memory). The text of the declaration goes along, so that code
 * in which it is another one gets an error with both, and not the wrong bytes. */
#define ARKOR_STATE(...)                                 \
  static const char arkor_state_layout[] = #__VA_ARGS__; \
  static struct __VA_ARGS__
#define ARKOR_STATE_OF(variable) {&(variable), sizeof(variable), arkor_state_layout}

/* -- Errors -- */

/* Returns an error with this text, and the place in the file: return arkor_fail("no %s", name); */
#define arkor_fail(...) arkor_fail_at(__FILE__, __LINE__, __VA_ARGS__)
/* Leaves the function with the error of a call that has one. */
#define ARKOR_TRY(call)                                                    \
  do {                                                                     \
    if ((call) != ARKOR_OK) return arkor_error_passed(__FILE__, __LINE__); \
  } while (0)

arkor_result_t arkor_fail_at(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
arkor_result_t arkor_error_passed(const char *file, int line);
/* Text of the last error of this call, for who goes on after one. */
const char *arkor_last_error(void);

/* -- What a callback asks for -- */

void arkor_stop(const char *reason, ...) __attribute__((format(printf, 1, 2)));
void arkor_save(void);
void arkor_evaluate(void);
/* What the trainer measured itself becomes an evaluation. Metrics are copied: their names may be made by
 * arkor_view. A loss that was not measured is arkor_no_f64(). */
void arkor_evaluated(arkor_option_f64_t loss, const arkor_metric_t *metrics, size_t count);
void arkor_set_learning_rate(double rate);
void arkor_follow_schedule(void);
void arkor_pause(void);
void arkor_log_metric(const char *name, double value);
/* One that the contract has no case for; the value is JSON. */
void arkor_ask_other(const char *name, const char *value);

/* -- Values -- */

/* For printf: printf("run %.*s\n", ARKOR_PRINT(event->run)); */
#define ARKOR_PRINT(text) (int)(text).len, (const char *)(text).ptr

/* A text of its own memory, for what is given away. */
arkor_string_t arkor_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same text, not copied, for what a call only looks at. */
arkor_string_t arkor_view(const char *text);
/* Adds a copy of a text to a list: tags, target_modules, stop. */
void arkor_add_text(arkor_list_string_t *list, const char *text);
/* Adds to a list of a spec, which is an `additional` or `parameters`, a setting that the contract has no field for;
 * the value is JSON. */
void arkor_add_setting(exports_arkor_trainer_definition_list_setting_t *list, const char *name, const char *value);
/* Adds a further model: a reference, a teacher, a judge. */
void arkor_add_model(exports_arkor_trainer_definition_list_named_model_t *list, const char *name,
                     exports_arkor_trainer_definition_model_source_t source);
/* Memory, or the end with a message. */
void *arkor_alloc(size_t size);

static inline arkor_option_u32_t arkor_some_u32(uint32_t value) {
  arkor_option_u32_t some = {true, value};
  return some;
}
static inline arkor_option_f64_t arkor_some_f64(double value) {
  arkor_option_f64_t some = {true, value};
  return some;
}
static inline arkor_option_f64_t arkor_no_f64(void) {
  arkor_option_f64_t none = {false, 0};
  return none;
}
static inline arkor_option_bool_t arkor_some_bool(bool value) {
  arkor_option_bool_t some = {true, value};
  return some;
}
static inline arkor_option_string_t arkor_some_text(const char *text) {
  arkor_option_string_t some = {true, arkor_text("%s", text)};
  return some;
}

/* -- Parts of a spec -- */

/* New weights: so wide, so many blocks, so many heads. The rest is in `.val.scratch`. */
exports_arkor_trainer_definition_model_source_t arkor_scratch(uint32_t hidden_size, uint32_t layers, uint32_t heads);
exports_arkor_trainer_definition_model_source_t arkor_hub_model(const char *name);
exports_arkor_trainer_definition_option_tokenizer_source_t arkor_bpe(uint32_t vocabulary);
exports_arkor_trainer_definition_option_tokenizer_source_t arkor_bytes(void);
exports_arkor_trainer_definition_option_tokenizer_source_t arkor_hub_tokenizer(const char *name);
/* A file of the project, as one text of which a twentieth is held out. What is to be otherwise is in `.val`:
 *
 *     spec->dataset = arkor_file("data/chats.jsonl");
 *     spec->dataset.val.format = arkor_conversations();
 *     spec->dataset.val.held_out = arkor_share(0.1); */
exports_arkor_trainer_definition_option_dataset_t arkor_file(const char *path);
exports_arkor_trainer_definition_option_dataset_t arkor_hub_dataset(const char *name);
exports_arkor_trainer_definition_option_dataset_t arkor_url(const char *url);
/* A share of the data, taken from its end, is held out for evaluation. */
exports_arkor_trainer_definition_option_held_out_t arkor_share(double share);
/* The source of another dataset is: arkor_held_out(arkor_file("data/test.txt").val.source). */
exports_arkor_trainer_definition_option_held_out_t arkor_held_out(
    exports_arkor_trainer_definition_dataset_source_t source);
/* Rows with the fields that TRL expects; others are put into `.val.val`. */
exports_arkor_trainer_definition_option_dataset_format_t arkor_rows(void);
exports_arkor_trainer_definition_option_dataset_format_t arkor_conversations(void);
exports_arkor_trainer_definition_option_dataset_format_t arkor_completions(void);
exports_arkor_trainer_definition_option_dataset_format_t arkor_preferences(void);
exports_arkor_trainer_definition_option_dataset_format_t arkor_labels(void);
exports_arkor_trainer_definition_option_dataset_format_t arkor_prompts(void);
exports_arkor_trainer_definition_option_lora_t arkor_lora(uint32_t r);
exports_arkor_trainer_definition_option_lr_scheduler_type_t arkor_linear(void);
exports_arkor_trainer_definition_option_lr_scheduler_type_t arkor_cosine(void);
exports_arkor_trainer_definition_option_lr_scheduler_type_t arkor_constant(void);

/* -- What the host answers. Who wants to tell errors apart calls the functions of generated/ -- */

#define ARKOR_DEBUG ARKOR_TRAINER_TYPES_LEVEL_DEBUG
#define ARKOR_INFO ARKOR_TRAINER_TYPES_LEVEL_INFO
#define ARKOR_WARN ARKOR_TRAINER_TYPES_LEVEL_WARN
#define ARKOR_SEVERE ARKOR_TRAINER_TYPES_LEVEL_ERROR
void arkor_message(arkor_trainer_types_level_t level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The run that the trainer is part of, and how far it is. Freed by arkor_free_run_info. */
arkor_result_t arkor_run_info(arkor_run_info_t *info);
void arkor_free_run_info(arkor_run_info_t *info);

/* Freed by arkor_free_dataset_info. */
arkor_result_t arkor_dataset_info(arkor_dataset_info_t *info);
void arkor_free_dataset_info(arkor_dataset_info_t *info);
/* Freed by arkor_free_examples. */
arkor_result_t arkor_dataset_read(arkor_trainer_dataset_split_t split, uint32_t start, uint32_t count,
                                  arkor_examples_t *examples);
arkor_result_t arkor_dataset_batch(uint32_t step, arkor_examples_t *examples);
void arkor_free_examples(arkor_examples_t *examples);

/* `sampling` may be NULL, for the defaults. Freed by arkor_free_generation. */
arkor_result_t arkor_generate(const char *prompt, const arkor_sampling_t *sampling, arkor_generation_t *generation);
void arkor_free_generation(arkor_generation_t *generation);

arkor_result_t arkor_write_artifact(const char *name, const void *content, size_t size);

#ifdef __cplusplus
}
#endif
#endif
