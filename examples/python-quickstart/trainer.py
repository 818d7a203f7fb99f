"""Trains a small language model on the gospels of the King James Bible, from nothing.

At every checkpoint it shows what the model writes by now. It stops the run itself when three
evaluations in a row are no better than the best one before.
"""

from arkor import (
    Actions,
    Checkpoint,
    Completed,
    Dataset,
    Evaluation,
    Hyperparameters,
    Spec,
    Started,
    Trainer,
    action,
    artifacts,
    bpe,
    dataset,
    file,
    inference,
    scratch,
)

# Evaluations without improvement before the run is stopped.
PATIENCE = 3

PROMPTS = ["And Jesus ", "Then said he unto them, "]


class Quickstart(Trainer):
    def describe(self) -> Spec:
        return Spec(
            name="python-quickstart",
            description="A small Llama, trained on the four gospels",
            model=scratch(hidden_size=192, num_hidden_layers=4, num_attention_heads=6),
            tokenizer=bpe(1024),
            dataset=Dataset(source=file("data/gospels.txt"), held_out=0.1),
            hyperparameters=Hyperparameters(
                max_steps=400,
                per_device_train_batch_size=16,
                max_length=128,
                learning_rate=2e-3,
                lr_scheduler_type="cosine",
                warmup_steps=30,
                weight_decay=0.1,
                logging_steps=10,
                eval_steps=25,
                save_steps=100,
                save_total_limit=3,
            ),
        )

    def on_started(self, event: Started) -> Actions:
        data = dataset.info()
        print(f"{data.train_tokens:.0f} tokens to train on, run {event.run}")
        if data.unigram_entropy is not None:
            print(f"a model that ignores all context would reach a loss of {data.unigram_entropy:.3f}")

    def on_evaluate(self, event: Evaluation) -> Actions:
        if event.evaluations_without_improvement >= PATIENCE:
            best = event.best_loss or 0.0
            return action.stop(f"no evaluation since the best loss, {best:.4f}, was better")

    def on_checkpoint(self, event: Checkpoint) -> Actions:
        page = ""
        for prompt in PROMPTS:
            text = inference.generate(prompt, max_tokens=60, temperature=0.8, top_p=0.95).text
            page += f"{prompt}{text}\n\n"
        for line in filter(None, page.split("\n")):
            print(f"  | {line}")
        artifacts.write(f"samples/step-{event.at.step}.txt", page)

    def on_completed(self, event: Completed) -> Actions:
        entropy = dataset.info().unigram_entropy
        if event.eval_loss is not None and entropy is not None:
            print(f"evaluation loss {event.eval_loss:.3f}, against {entropy:.3f} without any context")


trainer = Quickstart()
