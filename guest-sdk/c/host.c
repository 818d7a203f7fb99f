/* What a trainer asks of the host; included by arkor.c. */
#include "arkor.h"

void arkor_message(arkor_trainer_types_level_t level, const char *format, ...) {
  va_list values;
  va_start(values, format);
  arkor_string_t text = formatted("", format, values);
  va_end(values);
  arkor_trainer_hooks_message(level, &text);
  free(text.ptr);
}

arkor_result_t arkor_run_info(arkor_run_info_t *info) {
  static const char *const plain[] = {"there is no run yet"};
  arkor_trainer_run_run_error_t error;
  if (arkor_trainer_run_info(info, &error)) return ARKOR_OK;
  return refused(error.tag, error.val.other, 1, plain);
}

void arkor_free_run_info(arkor_run_info_t *info) { arkor_trainer_run_run_info_free(info); }

static arkor_result_t dataset_refused(arkor_trainer_dataset_dataset_error_t *error) {
  static const char *const plain[] = {"the run has no data, or not yet"};
  return refused(error->tag, error->val.other, 1, plain);
}

arkor_result_t arkor_dataset_info(arkor_dataset_info_t *info) {
  arkor_trainer_dataset_dataset_error_t error;
  return arkor_trainer_dataset_info(info, &error) ? ARKOR_OK : dataset_refused(&error);
}

void arkor_free_dataset_info(arkor_dataset_info_t *info) { arkor_trainer_dataset_dataset_info_free(info); }

arkor_result_t arkor_dataset_read(arkor_trainer_dataset_split_t split, uint32_t start, uint32_t count,
                                  arkor_examples_t *examples) {
  arkor_trainer_dataset_dataset_error_t error;
  bool is_ok = arkor_trainer_dataset_read(split, start, count, examples, &error);
  return is_ok ? ARKOR_OK : dataset_refused(&error);
}

arkor_result_t arkor_dataset_batch(uint32_t step, arkor_examples_t *examples) {
  arkor_trainer_dataset_dataset_error_t error;
  return arkor_trainer_dataset_batch(step, examples, &error) ? ARKOR_OK : dataset_refused(&error);
}

void arkor_free_examples(arkor_examples_t *examples) { arkor_trainer_dataset_list_example_free(examples); }

arkor_result_t arkor_generate(const char *prompt, const arkor_sampling_t *sampling, arkor_generation_t *generation) {
  static const char *const plain[] = {"there is no model yet"};
  arkor_string_t text = arkor_view(prompt);
  arkor_sampling_t how = {0};
  if (sampling != NULL) how = *sampling;
  arkor_trainer_inference_inference_error_t error;
  if (arkor_trainer_inference_generate(&text, &how, generation, &error)) return ARKOR_OK;
  return refused(error.tag, error.val.other, 1, plain);
}

void arkor_free_generation(arkor_generation_t *generation) { arkor_trainer_inference_generation_free(generation); }

arkor_result_t arkor_write_artifact(const char *name, const void *content, size_t size) {
  static const char *const plain[] = {"there is no run yet to keep a file for"};
  arkor_string_t text = arkor_view(name);
  arkor_list_u8_t bytes = {(uint8_t *)content, size};
  arkor_trainer_artifacts_artifact_t artifact;
  arkor_trainer_artifacts_artifact_error_t error;
  if (arkor_trainer_artifacts_write(&text, &bytes, &artifact, &error)) {
    arkor_trainer_artifacts_artifact_free(&artifact);
    return ARKOR_OK;
  }
  return refused(error.tag, error.val.other, 1, plain);
}
