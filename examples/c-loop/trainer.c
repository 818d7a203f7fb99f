/* A trainer that owns its training loop: cosine with warm restarts (Loshchilov and Hutter 2017), a
 * schedule the host does not have. */
#include <loop.h>
#include <math.h>
#include <stdio.h>

/* Steps of the first cycle; each further one is twice as long. */
enum { FIRST_CYCLE = 30 };
static const double PEAK = 2e-3;
static const double FLOOR = 2e-4;

ARKOR_STATE({ uint32_t logs; }) memory;

/* The rate of the step that follows `step` finished ones. */
static double learning_rate(uint32_t step) {
  uint32_t begin = 0;
  uint32_t length = FIRST_CYCLE;
  while (step >= begin + length) {
    begin += length;
    length *= 2;
  }
  double share = (double)(step - begin) / length;
  return FLOOR + (PEAK - FLOOR) * 0.5 * (1 + cos(M_PI * share));
}

/* Whether a cycle ends with this step. */
static bool ends_cycle(uint32_t step) { return learning_rate(step) > learning_rate(step - 1); }

static arkor_result_t describe(arkor_spec_t *spec) {
  spec->name = arkor_text("c-loop");
  spec->model = arkor_scratch(96, 2, 4);
  spec->tokenizer = arkor_bpe(512);
  spec->dataset = arkor_file("data/gospels.txt");
  spec->hyperparameters.max_steps = arkor_some_u32(90);
  spec->hyperparameters.per_device_train_batch_size = arkor_some_u32(8);
  spec->hyperparameters.max_length = arkor_some_u32(64);
  spec->hyperparameters.save_steps = arkor_some_u32(30);
  return ARKOR_OK;
}

static arkor_result_t on_log(const arkor_log_record_t *event) {
  (void)event;
  memory.logs += 1;
  arkor_log_metric("logs-seen", memory.logs);
  return ARKOR_OK;
}

/* Trains one step with this rate; its loss and the norm of its gradients go to `progress`. */
static arkor_result_t train(uint32_t step, double rate, arkor_progress_t *progress) {
  arkor_examples_t batch;
  ARKOR_TRY(arkor_dataset_batch(step, &batch));
  arkor_data_t data = arkor_next_token_data(&batch);
  arkor_forward_output_t output;
  arkor_result_t result = arkor_forward_backward(&data, arkor_cross_entropy(), false, &output);
  arkor_free_data(&data);
  ARKOR_TRY(result);
  progress->loss = arkor_some_f64(output.loss_sum);
  arkor_free_forward_output(&output);

  arkor_adam_t adam = {.learning_rate = rate};
  arkor_optim_output_t done;
  ARKOR_TRY(arkor_optim_step(&adam, &done));
  progress->learning_rate = arkor_some_f64(rate);
  progress->grad_norm = done.grad_norm;
  arkor_free_optim_output(&done);
  return ARKOR_OK;
}

static arkor_result_t run(const arkor_spec_t *spec) {
  uint32_t steps = spec->hyperparameters.max_steps.val;
  /* Weights and optimizer are restored by the host; the rate's place in its cycle follows from the step alone,
   * so there is nothing else to take up. */
  arkor_resume_point_t point;
  ARKOR_TRY(arkor_resume_point(&point));
  uint32_t step = point.is_some ? point.val.step : 0;
  arkor_free_resume_point(&point);

  arkor_directive_t directive = ARKOR_PROCEED;
  while (step < steps && directive == ARKOR_PROCEED) {
    arkor_progress_t progress = {0};
    ARKOR_TRY(train(step, learning_rate(step), &progress));
    step += 1;
    if (step % 5 == 0) ARKOR_TRY(arkor_log(step, &progress, NULL, 0, NULL));
    if (ends_cycle(step)) {
      arkor_score_t score;
      ARKOR_TRY(arkor_score(&score));
      if (score.measured.loss.is_some) printf("a cycle ends at step %u: %.3f\n", step, score.measured.loss.val);
      arkor_free_score(&score);
    }
    ARKOR_TRY(arkor_checkpoint(step, NULL, 0, &directive));
  }
  return ARKOR_OK;
}

const arkor_trainer_t arkor_trainer = {
    .describe = describe,
    .on_log = on_log,
    .run = run,
    .state = ARKOR_STATE_OF(memory),
};
