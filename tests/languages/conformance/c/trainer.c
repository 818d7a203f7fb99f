/* The trainer that every language has alike: it answers each event with all kinds of actions. */
#include <arkor.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

ARKOR_STATE({
  uint32_t logs;
  double best;
})
memory = {.best = INFINITY};

static arkor_result_t describe(arkor_spec_t *spec) {
  spec->name = arkor_text("conformance");
  spec->description = arkor_some_text("The same in every language");
  arkor_add_text(&spec->tags, "conformance");
  arkor_add_text(&spec->tags, "ünïcödé 🚀");
  spec->model = arkor_scratch(32, 1, 2);
  spec->tokenizer = arkor_bpe(300);
  spec->dataset = arkor_file("text.txt");
  spec->dataset.val.held_out = arkor_share(0.2);
  spec->extras = arkor_some_text("{\"answer\": 42}");
  spec->hyperparameters.max_steps = arkor_some_u32(40);
  spec->hyperparameters.per_device_train_batch_size = arkor_some_u32(2);
  spec->hyperparameters.max_length = arkor_some_u32(16);
  spec->hyperparameters.learning_rate = arkor_some_f64(1e-3);
  spec->hyperparameters.lr_scheduler_type = arkor_cosine();
  spec->hyperparameters.warmup_steps = arkor_some_u32(5);
  spec->hyperparameters.logging_steps = arkor_some_u32(2);
  spec->hyperparameters.eval_steps = arkor_some_u32(5);
  spec->hyperparameters.save_steps = arkor_some_u32(10);
  spec->hyperparameters.save_total_limit = arkor_some_u32(2);
  spec->hyperparameters.seed = arkor_some_u32(7);
  return ARKOR_OK;
}

static arkor_result_t on_started(const arkor_started_t *event) {
  printf("%u steps are planned\n", event->total_steps.is_some ? event->total_steps.val : 0);
  arkor_log_metric("generation", event->generation);
  return ARKOR_OK;
}

static arkor_result_t on_log(const arkor_log_record_t *event) {
  memory.logs += 1;
  arkor_log_metric("logs", memory.logs);
  if (event->loss.is_some) arkor_log_metric("loss-per-log", event->loss.val / memory.logs);
  switch (event->at.step) {
    case 6:
      arkor_set_learning_rate(5e-4);
      break;
    case 12:
      arkor_follow_schedule();
      break;
    case 14:
      arkor_evaluate();
      break;
    case 18:
      arkor_save();
      break;
    case 30:
      arkor_stop("thirty steps — enough");
  }
  return ARKOR_OK;
}

static arkor_result_t on_evaluate(const arkor_evaluation_t *event) {
  if (!event->loss.is_some || !event->best_loss.is_some) return ARKOR_OK;
  memory.best = fmin(memory.best, event->loss.val);
  arkor_log_metric("best", memory.best);
  arkor_log_metric("gap", event->loss.val - event->best_loss.val);
  return ARKOR_OK;
}

static arkor_result_t on_checkpoint(const arkor_checkpoint_t *event) {
  size_t length = 0;
  while (length < event->id.len && event->id.ptr[event->id.len - 1 - length] != '.') length++;
  arkor_log_metric("id-length", (double)length);
  arkor_metric_t accuracy = {arkor_view("accuracy"), 1.0 / (double)length};
  arkor_evaluated(arkor_no_f64(), &accuracy, 1);
  return ARKOR_OK;
}

/* Code points of a text. */
static size_t characters(arkor_string_t text) {
  size_t count = 0;
  for (size_t i = 0; i < text.len; i++) count += (text.ptr[i] & 0xc0) != 0x80;
  return count;
}

static arkor_result_t on_completed(const arkor_completed_t *event) {
  bool is_told = event->reason.tag == EXPORTS_ARKOR_TRAINER_CALLBACKS_END_REASON_TRAINER;
  arkor_log_metric("reason-length", is_told ? (double)characters(event->reason.val.trainer) : 0);
  return ARKOR_OK;
}

const arkor_trainer_t arkor_trainer = {
    .describe = describe,
    .on_started = on_started,
    .on_log = on_log,
    .on_evaluate = on_evaluate,
    .on_checkpoint = on_checkpoint,
    .on_completed = on_completed,
    .state = ARKOR_STATE_OF(memory),
};
