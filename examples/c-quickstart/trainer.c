/* Trains a small language model on the gospels of the King James Bible, from nothing.
 *
 * At every checkpoint it shows what the model writes by now. It stops the run itself when three
 * evaluations in a row are no better than the best one before. */
#include <arkor.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Evaluations without improvement before the run is stopped. */
enum { PATIENCE = 3 };

static const char *const PROMPTS[] = {"And Jesus ", "Then said he unto them, "};

static arkor_result_t describe(arkor_spec_t *spec) {
  spec->name = arkor_text("c-quickstart");
  spec->description = arkor_some_text("A small Llama, trained on the four gospels");
  spec->model = arkor_scratch(192, 4, 6);
  spec->tokenizer = arkor_bpe(1024);
  spec->dataset = arkor_file("data/gospels.txt");
  spec->dataset.val.held_out = arkor_share(0.1);
  spec->hyperparameters.max_steps = arkor_some_u32(400);
  spec->hyperparameters.per_device_train_batch_size = arkor_some_u32(16);
  spec->hyperparameters.max_length = arkor_some_u32(128);
  spec->hyperparameters.learning_rate = arkor_some_f64(2e-3);
  spec->hyperparameters.lr_scheduler_type = arkor_cosine();
  spec->hyperparameters.warmup_steps = arkor_some_u32(30);
  spec->hyperparameters.weight_decay = arkor_some_f64(0.1);
  spec->hyperparameters.logging_steps = arkor_some_u32(10);
  spec->hyperparameters.eval_steps = arkor_some_u32(25);
  spec->hyperparameters.save_steps = arkor_some_u32(100);
  spec->hyperparameters.save_total_limit = arkor_some_u32(3);
  return ARKOR_OK;
}

static arkor_result_t on_started(const arkor_started_t *event) {
  arkor_dataset_info_t data;
  ARKOR_TRY(arkor_dataset_info(&data));
  printf("%.0f tokens to train on, run %.*s\n", data.train_tokens, ARKOR_PRINT(event->run));
  if (data.unigram_entropy.is_some) {
    printf("a model that ignores all context would reach a loss of %.3f\n", data.unigram_entropy.val);
  }
  arkor_free_dataset_info(&data);
  return ARKOR_OK;
}

static arkor_result_t on_evaluate(const arkor_evaluation_t *event) {
  if (event->evaluations_without_improvement >= PATIENCE) {
    arkor_stop("no evaluation since the best loss, %.4f, was better", event->best_score.val);
  }
  return ARKOR_OK;
}

/* Prints the lines of a text, which it takes apart. */
static void show(char *text) {
  for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) printf("  | %s\n", line);
}

static arkor_result_t on_checkpoint(const arkor_checkpoint_t *event) {
  arkor_sampling_t style = {
      .max_tokens = arkor_some_u32(60),
      .temperature = arkor_some_f64(0.8),
      .top_p = arkor_some_f64(0.95),
  };
  char page[8192] = "";
  size_t length = 0;
  for (size_t i = 0; i < sizeof PROMPTS / sizeof *PROMPTS; i++) {
    arkor_generation_t written;
    ARKOR_TRY(arkor_generate(PROMPTS[i], &style, &written));
    int added = snprintf(page + length, sizeof page - length, "%s%.*s\n\n", PROMPTS[i], ARKOR_PRINT(written.text));
    arkor_free_generation(&written);
    length += (size_t)added;
    if (length >= sizeof page) return arkor_fail("the model wrote more than a page");
  }
  char name[40];
  snprintf(name, sizeof name, "samples/step-%u.txt", event->at.step);
  ARKOR_TRY(arkor_write_artifact(name, page, length));
  show(page);
  return ARKOR_OK;
}

static arkor_result_t on_completed(const arkor_completed_t *event) {
  arkor_dataset_info_t data;
  ARKOR_TRY(arkor_dataset_info(&data));
  if (event->eval_loss.is_some && data.unigram_entropy.is_some) {
    printf("evaluation loss %.3f, against %.3f without any context\n", event->eval_loss.val, data.unigram_entropy.val);
  }
  arkor_free_dataset_info(&data);
  return ARKOR_OK;
}

const arkor_trainer_t arkor_trainer = {
    .describe = describe,
    .on_started = on_started,
    .on_evaluate = on_evaluate,
    .on_checkpoint = on_checkpoint,
    .on_completed = on_completed,
};
