/* Parts of a spec; included by arkor.c. */
#include "arkor.h"

typedef exports_arkor_trainer_definition_model_source_t model_t;
typedef exports_arkor_trainer_definition_option_tokenizer_source_t tokenizer_t;
typedef exports_arkor_trainer_definition_option_dataset_t dataset_t;
typedef exports_arkor_trainer_definition_option_dataset_format_t format_t;
typedef exports_arkor_trainer_definition_option_held_out_t held_out_t;
typedef exports_arkor_trainer_definition_option_lr_scheduler_type_t scheduler_t;

model_t arkor_scratch(uint32_t hidden_size, uint32_t layers, uint32_t heads) {
  model_t model = {.tag = EXPORTS_ARKOR_TRAINER_DEFINITION_MODEL_SOURCE_SCRATCH};
  model.val.scratch = (exports_arkor_trainer_definition_model_shape_t){
      .hidden_size = hidden_size,
      .num_hidden_layers = layers,
      .num_attention_heads = heads,
  };
  return model;
}

model_t arkor_hub_model(const char *name) {
  model_t model = {.tag = EXPORTS_ARKOR_TRAINER_DEFINITION_MODEL_SOURCE_HUB};
  model.val.hub = (exports_arkor_trainer_definition_hub_repository_t){.name = arkor_text("%s", name)};
  return model;
}

tokenizer_t arkor_bpe(uint32_t vocabulary) {
  tokenizer_t tokenizer = {.is_some = true};
  tokenizer.val.tag = EXPORTS_ARKOR_TRAINER_DEFINITION_TOKENIZER_SOURCE_BPE;
  tokenizer.val.val.bpe = vocabulary;
  return tokenizer;
}

tokenizer_t arkor_bytes(void) {
  tokenizer_t tokenizer = {.is_some = true};
  tokenizer.val.tag = EXPORTS_ARKOR_TRAINER_DEFINITION_TOKENIZER_SOURCE_BYTES;
  return tokenizer;
}

tokenizer_t arkor_hub_tokenizer(const char *name) {
  tokenizer_t tokenizer = {.is_some = true};
  tokenizer.val.tag = EXPORTS_ARKOR_TRAINER_DEFINITION_TOKENIZER_SOURCE_HUB;
  tokenizer.val.val.hub = (exports_arkor_trainer_definition_hub_repository_t){.name = arkor_text("%s", name)};
  return tokenizer;
}

dataset_t arkor_file(const char *path) {
  dataset_t dataset = {.is_some = true};
  dataset.val.source.tag = EXPORTS_ARKOR_TRAINER_DEFINITION_DATASET_SOURCE_FILE;
  dataset.val.source.val.file = arkor_text("%s", path);
  return dataset;
}

dataset_t arkor_hub_dataset(const char *name) {
  dataset_t dataset = {.is_some = true};
  dataset.val.source.tag = EXPORTS_ARKOR_TRAINER_DEFINITION_DATASET_SOURCE_HUB;
  dataset.val.source.val.hub = (exports_arkor_trainer_definition_hub_dataset_t){.name = arkor_text("%s", name)};
  return dataset;
}

dataset_t arkor_url(const char *url) {
  dataset_t dataset = {.is_some = true};
  dataset.val.source.tag = EXPORTS_ARKOR_TRAINER_DEFINITION_DATASET_SOURCE_URL;
  dataset.val.source.val.url = (exports_arkor_trainer_definition_url_dataset_t){.url = arkor_text("%s", url)};
  return dataset;
}

held_out_t arkor_share(double share) {
  held_out_t held_out = {.is_some = true};
  held_out.val.tag = EXPORTS_ARKOR_TRAINER_DEFINITION_HELD_OUT_SHARE;
  held_out.val.val.share = share;
  return held_out;
}

held_out_t arkor_held_out(exports_arkor_trainer_definition_dataset_source_t source) {
  held_out_t held_out = {.is_some = true};
  held_out.val.tag = EXPORTS_ARKOR_TRAINER_DEFINITION_HELD_OUT_SOURCE;
  held_out.val.val.source = source;
  return held_out;
}

format_t arkor_rows(void) {
  format_t format = {.is_some = true};
  format.val.tag = EXPORTS_ARKOR_TRAINER_DEFINITION_DATASET_FORMAT_ROWS;
  format.val.val.rows = arkor_text("text");
  return format;
}

format_t arkor_conversations(void) {
  format_t format = {.is_some = true};
  format.val.tag = EXPORTS_ARKOR_TRAINER_DEFINITION_DATASET_FORMAT_CONVERSATIONS;
  format.val.val.conversations = arkor_text("messages");
  return format;
}

format_t arkor_completions(void) {
  format_t format = {.is_some = true};
  format.val.tag = EXPORTS_ARKOR_TRAINER_DEFINITION_DATASET_FORMAT_COMPLETIONS;
  format.val.val.completions = (exports_arkor_trainer_definition_completion_fields_t){
      .prompt = arkor_text("prompt"),
      .completion = arkor_text("completion"),
  };
  return format;
}

format_t arkor_preferences(void) {
  format_t format = {.is_some = true};
  format.val.tag = EXPORTS_ARKOR_TRAINER_DEFINITION_DATASET_FORMAT_PREFERENCES;
  format.val.val.preferences = (exports_arkor_trainer_definition_preference_fields_t){
      .prompt = arkor_some_text("prompt"),
      .chosen = arkor_text("chosen"),
      .rejected = arkor_text("rejected"),
  };
  return format;
}

format_t arkor_labels(void) {
  format_t format = {.is_some = true};
  format.val.tag = EXPORTS_ARKOR_TRAINER_DEFINITION_DATASET_FORMAT_LABELS;
  format.val.val.labels = (exports_arkor_trainer_definition_label_fields_t){
      .prompt = arkor_text("prompt"),
      .completion = arkor_text("completion"),
      .label = arkor_text("label"),
  };
  return format;
}

format_t arkor_prompts(void) {
  format_t format = {.is_some = true};
  format.val.tag = EXPORTS_ARKOR_TRAINER_DEFINITION_DATASET_FORMAT_PROMPTS;
  format.val.val.prompts = arkor_text("prompt");
  return format;
}

exports_arkor_trainer_definition_option_lora_t arkor_lora(uint32_t r) {
  exports_arkor_trainer_definition_option_lora_t lora = {.is_some = true};
  lora.val = (exports_arkor_trainer_definition_lora_t){.r = r};
  return lora;
}

scheduler_t arkor_linear(void) {
  return (scheduler_t){true, EXPORTS_ARKOR_TRAINER_DEFINITION_LR_SCHEDULER_TYPE_LINEAR};
}

scheduler_t arkor_cosine(void) {
  return (scheduler_t){true, EXPORTS_ARKOR_TRAINER_DEFINITION_LR_SCHEDULER_TYPE_COSINE};
}

scheduler_t arkor_constant(void) {
  return (scheduler_t){true, EXPORTS_ARKOR_TRAINER_DEFINITION_LR_SCHEDULER_TYPE_CONSTANT};
}
