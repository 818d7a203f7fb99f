/* For a trainer with a training loop of its own: what `run` drives. All files are compiled with ARKOR_LOOP.
 *
 * What a call gives is freed by the function named at it. Gradients add up over arkor_forward_backward until
 * arkor_optim_step; arkor_checkpoint offers the host a place to stop after each step.
 */
#ifndef ARKOR_LOOP_H
#define ARKOR_LOOP_H

#ifndef ARKOR_LOOP
#error "compile with -DARKOR_LOOP, arkor.c too"
#endif
#include "arkor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef arkor_trainer_session_datum_t arkor_datum_t;
typedef arkor_trainer_session_list_datum_t arkor_data_t;
typedef arkor_trainer_session_loss_t arkor_loss_t;
typedef arkor_trainer_session_forward_output_t arkor_forward_output_t;
typedef arkor_trainer_session_adam_t arkor_adam_t;
typedef arkor_trainer_session_optim_output_t arkor_optim_output_t;
typedef arkor_trainer_session_model_info_t arkor_model_info_t;
typedef arkor_trainer_session_evaluation_t arkor_score_t;
typedef arkor_trainer_session_list_list_sequence_t arkor_sequences_t;
typedef arkor_trainer_hooks_progress_t arkor_progress_t;
typedef arkor_trainer_hooks_wishes_t arkor_wishes_t;
typedef arkor_trainer_hooks_directive_t arkor_directive_t;
typedef arkor_trainer_hooks_option_resume_info_t arkor_resume_point_t;

/* Where the host stands. Any other than ARKOR_PROCEED: return from `run`. */
#define ARKOR_PROCEED ARKOR_TRAINER_HOOKS_DIRECTIVE_PROCEED
arkor_result_t arkor_checkpoint(uint32_t step, const void *state, size_t size, arkor_directive_t *directive);
/* Freed by arkor_free_resume_point. Not `is_some` at the start of a new run. */
arkor_result_t arkor_resume_point(arkor_resume_point_t *point);
void arkor_free_resume_point(arkor_resume_point_t *point);
/* `wishes` may be NULL, or is freed by arkor_free_wishes. */
arkor_result_t arkor_log(uint32_t step, const arkor_progress_t *progress, const arkor_metric_t *metrics, size_t count,
                         arkor_wishes_t *wishes);
/* Reports an evaluation that the loop made itself; arkor_no_f64() is a loss that was not measured. */
arkor_result_t arkor_log_evaluation(uint32_t step, arkor_option_f64_t loss, const arkor_metric_t *metrics,
                                    size_t count, arkor_wishes_t *wishes);
void arkor_free_wishes(arkor_wishes_t *wishes);

/* Freed by arkor_free_model. */
arkor_result_t arkor_model(arkor_model_info_t *model);
void arkor_free_model(arkor_model_info_t *model);

arkor_loss_t arkor_cross_entropy(void);
arkor_loss_t arkor_importance_sampling(void);
/* Usually 0.8 and 1.2. */
arkor_loss_t arkor_ppo(float low, float high);

/* Data that learns the tokens of the examples, each by its weight there; the sum of all weights becomes 1. Takes
 * the examples over. Freed by arkor_free_data. */
arkor_data_t arkor_next_token_data(arkor_examples_t *examples);
void arkor_free_data(arkor_data_t *data);

/* Each is freed by arkor_free_forward_output. `output.log_probs` is empty unless asked for. */
arkor_result_t arkor_forward_backward(const arkor_data_t *data, arkor_loss_t loss, bool give_log_probs,
                                      arkor_forward_output_t *output);
arkor_result_t arkor_forward(const arkor_data_t *data, arkor_loss_t loss, bool give_log_probs,
                             arkor_forward_output_t *output);
void arkor_free_forward_output(arkor_forward_output_t *output);

/* AdamW with this rate: arkor_adam_t adam = {.learning_rate = 1e-3}. Freed by arkor_free_optim_output. */
arkor_result_t arkor_optim_step(const arkor_adam_t *adam, arkor_optim_output_t *output);
void arkor_free_optim_output(arkor_optim_output_t *output);

/* Scores the held-out data. Freed by arkor_free_score. */
arkor_result_t arkor_score(arkor_score_t *score);
void arkor_free_score(arkor_score_t *score);

/* `count` sequences after each prompt. Freed by arkor_free_sequences. */
arkor_result_t arkor_sample(const arkor_list_u32_t *prompts, size_t prompt_count, uint32_t count,
                            const arkor_sampling_t *sampling, arkor_sequences_t *sequences);
void arkor_free_sequences(arkor_sequences_t *sequences);

arkor_result_t arkor_save_weights(const char *name);
arkor_result_t arkor_load_weights(const char *name);

/* Freed by free, at .ptr. */
arkor_result_t arkor_tokenize(const char *text, arkor_list_u32_t *tokens);
arkor_result_t arkor_detokenize(const uint32_t *tokens, size_t count, arkor_string_t *text);

#ifdef __cplusplus
}
#endif
#endif
