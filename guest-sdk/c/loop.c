/* The part of arkor.c that only a trainer with a training loop has; included there. */
#include "loop.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

static const char *const loop_errors[] = {"only a training loop may call this",
                                          "the loop was told to end and must return"};

static arkor_result_t hook_refused(arkor_trainer_hooks_hook_error_t *error) {
  return refused(error->tag, error->val.other, COUNT(loop_errors), loop_errors);
}

static arkor_result_t session_refused(arkor_trainer_session_session_error_t *error) {
  return refused(error->tag, error->val.other, COUNT(loop_errors), loop_errors);
}

/* Each calls one function of the contract and has its error told. */
#define SESSION(...)                           \
  arkor_trainer_session_session_error_t error; \
  return arkor_trainer_session_##__VA_ARGS__ ? ARKOR_OK : session_refused(&error)
#define HOOK(...)                         \
  arkor_trainer_hooks_hook_error_t error; \
  return arkor_trainer_hooks_##__VA_ARGS__ ? ARKOR_OK : hook_refused(&error)

arkor_result_t arkor_checkpoint(uint32_t step, const void *state, size_t size, arkor_directive_t *directive) {
  arkor_list_u8_t bytes = {(uint8_t *)state, size};
  HOOK(checkpoint(step, &bytes, directive, &error));
}

arkor_result_t arkor_resume_point(arkor_resume_point_t *point) { HOOK(resume_point(point, &error)); }

void arkor_free_resume_point(arkor_resume_point_t *point) { arkor_trainer_hooks_option_resume_info_free(point); }

/* Gives the host's wishes to who asked for them. */
static arkor_result_t wished(arkor_wishes_t *answer, arkor_wishes_t *wishes) {
  if (wishes == NULL) {
    arkor_free_wishes(answer);
  } else {
    *wishes = *answer;
  }
  return ARKOR_OK;
}

arkor_result_t arkor_log(uint32_t step, const arkor_progress_t *progress, const arkor_metric_t *metrics, size_t count,
                         arkor_wishes_t *wishes) {
  arkor_progress_t how_far = *progress;
  arkor_trainer_hooks_list_metric_t list = {(arkor_metric_t *)metrics, count};
  arkor_wishes_t answer;
  arkor_trainer_hooks_hook_error_t error;
  if (!arkor_trainer_hooks_log(step, &how_far, &list, &answer, &error)) return hook_refused(&error);
  return wished(&answer, wishes);
}

arkor_result_t arkor_log_evaluation(uint32_t step, arkor_option_f64_t loss, const arkor_metric_t *metrics,
                                    size_t count, arkor_wishes_t *wishes) {
  arkor_trainer_types_measurement_t measurement = {loss, {(arkor_metric_t *)metrics, count}};
  arkor_wishes_t answer;
  arkor_trainer_hooks_hook_error_t error;
  if (!arkor_trainer_hooks_evaluated(step, &measurement, &answer, &error)) return hook_refused(&error);
  return wished(&answer, wishes);
}

void arkor_free_wishes(arkor_wishes_t *wishes) { arkor_trainer_hooks_wishes_free(wishes); }

arkor_result_t arkor_model(arkor_model_info_t *model) { SESSION(model(model, &error)); }

void arkor_free_model(arkor_model_info_t *model) { arkor_trainer_session_model_info_free(model); }

arkor_loss_t arkor_cross_entropy(void) { return (arkor_loss_t){.tag = ARKOR_TRAINER_SESSION_LOSS_CROSS_ENTROPY}; }

arkor_loss_t arkor_importance_sampling(void) {
  return (arkor_loss_t){.tag = ARKOR_TRAINER_SESSION_LOSS_IMPORTANCE_SAMPLING};
}

arkor_loss_t arkor_ppo(float low, float high) {
  arkor_loss_t loss = {.tag = ARKOR_TRAINER_SESSION_LOSS_PPO};
  loss.val.ppo = (arkor_trainer_session_ppo_clip_t){low, high};
  return loss;
}

arkor_data_t arkor_next_token_data(arkor_examples_t *examples) {
  double total = 0;
  arkor_data_t data = {arkor_alloc(examples->len * sizeof(arkor_datum_t)), examples->len};
  for (size_t i = 0; i < examples->len; i++) {
    arkor_trainer_dataset_example_t *example = &examples->ptr[i];
    arkor_datum_t datum = {
        .tokens = example->tokens,
        .targets = example->targets,
        .weights = example->weights,
        .additional = {example->additional.ptr, example->additional.len},
    };
    if (datum.weights.len == 0) {
      datum.weights.len = datum.tokens.len;
      datum.weights.ptr = arkor_alloc(datum.weights.len * sizeof(float));
      for (size_t j = 0; j < datum.weights.len; j++) datum.weights.ptr[j] = 1;
    }
    for (size_t j = 0; j < datum.weights.len; j++) total += datum.weights.ptr[j];
    data.ptr[i] = datum;
  }
  /* There may be nothing to learn in any of them. */
  for (size_t i = 0; total > 0 && i < data.len; i++) {
    for (size_t j = 0; j < data.ptr[i].weights.len; j++) data.ptr[i].weights.ptr[j] /= (float)total;
  }
  free(examples->ptr);
  *examples = (arkor_examples_t){NULL, 0};
  return data;
}

void arkor_free_data(arkor_data_t *data) { arkor_trainer_session_list_datum_free(data); }

arkor_result_t arkor_forward_backward(const arkor_data_t *data, arkor_loss_t loss, bool give_log_probs,
                                      arkor_forward_output_t *output) {
  SESSION(forward_backward((arkor_data_t *)data, &loss, give_log_probs, output, &error));
}

arkor_result_t arkor_forward(const arkor_data_t *data, arkor_loss_t loss, bool give_log_probs,
                             arkor_forward_output_t *output) {
  SESSION(forward((arkor_data_t *)data, &loss, give_log_probs, output, &error));
}

void arkor_free_forward_output(arkor_forward_output_t *output) { arkor_trainer_session_forward_output_free(output); }

arkor_result_t arkor_optim_step(const arkor_adam_t *adam, arkor_optim_output_t *output) {
  SESSION(optim_step((arkor_adam_t *)adam, output, &error));
}

void arkor_free_optim_output(arkor_optim_output_t *output) { arkor_trainer_session_optim_output_free(output); }

arkor_result_t arkor_score(arkor_score_t *score) { SESSION(evaluate(score, &error)); }

void arkor_free_score(arkor_score_t *score) { arkor_trainer_session_evaluation_free(score); }

arkor_result_t arkor_sample(const arkor_list_u32_t *prompts, size_t prompt_count, uint32_t count,
                            const arkor_sampling_t *sampling, arkor_sequences_t *sequences) {
  arkor_list_list_u32_t list = {(arkor_list_u32_t *)prompts, prompt_count};
  arkor_sampling_t how = {0};
  if (sampling != NULL) how = *sampling;
  SESSION(sample(&list, count, &how, sequences, &error));
}

void arkor_free_sequences(arkor_sequences_t *sequences) { arkor_trainer_session_list_list_sequence_free(sequences); }

arkor_result_t arkor_save_weights(const char *name) {
  arkor_string_t text = arkor_view(name);
  SESSION(save_state(&text, &error));
}

arkor_result_t arkor_load_weights(const char *name) {
  arkor_string_t text = arkor_view(name);
  SESSION(load_state(&text, &error));
}

arkor_result_t arkor_tokenize(const char *text, arkor_list_u32_t *tokens) {
  arkor_string_t view = arkor_view(text);
  SESSION(tokenize(&view, tokens, &error));
}

arkor_result_t arkor_detokenize(const uint32_t *tokens, size_t count, arkor_string_t *text) {
  arkor_list_u32_t list = {(uint32_t *)tokens, count};
  SESSION(detokenize(&list, text, &error));
}

bool exports_arkor_trainer_training_loop_run(exports_arkor_trainer_training_loop_spec_t *spec, arkor_string_t *error) {
  begin();
  arkor_result_t result = arkor_trainer.run == NULL ? failed("arkor_trainer has no run") : arkor_trainer.run(spec);
  exports_arkor_trainer_training_loop_spec_free(spec);
  return finished(result, error);
}
