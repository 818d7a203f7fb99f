# The trainer that every language has alike: it answers each event with all kinds of actions.
from arkor import (
    Actions,
    Checkpoint,
    Completed,
    Dataset,
    Evaluation,
    Hyperparameters,
    LogRecord,
    Spec,
    Started,
    Trainer,
    action,
    bpe,
    file,
    scratch,
)


class Conformance(Trainer):
    state = {"logs": 0, "best": None}

    def describe(self) -> Spec:
        return Spec(
            name="conformance",
            description="The same in every language",
            tags=["conformance", "ünïcödé 🚀"],
            model=scratch(hidden_size=32, num_hidden_layers=1, num_attention_heads=2),
            tokenizer=bpe(300),
            dataset=Dataset(source=file("text.txt"), held_out=0.2),
            extras='{"answer": 42}',
            hyperparameters=Hyperparameters(
                max_steps=40,
                per_device_train_batch_size=2,
                max_length=16,
                learning_rate=1e-3,
                lr_scheduler_type="cosine",
                warmup_steps=5,
                logging_steps=2,
                eval_steps=5,
                save_steps=10,
                save_total_limit=2,
                seed=7,
            ),
        )

    def on_started(self, event: Started) -> Actions:
        print(f"{event.total_steps or 0} steps are planned")
        return [action.log_metric("generation", event.generation)]

    def on_log(self, event: LogRecord) -> Actions:
        self.state["logs"] += 1
        logs = self.state["logs"]
        actions = [action.log_metric("logs", logs)]
        if event.loss is not None:
            actions.append(action.log_metric("loss-per-log", event.loss / logs))
        match event.at.step:
            case 6:
                actions.append(action.set_learning_rate(5e-4))
            case 12:
                actions.append(action.follow_schedule())
            case 14:
                actions.append(action.evaluate())
            case 18:
                actions.append(action.save())
            case 30:
                actions.append(action.stop("thirty steps — enough"))
            case _:
                pass
        return actions

    async def on_evaluate(self, event: Evaluation) -> Actions:
        if event.loss is None or event.best_loss is None:
            return None
        best = self.state["best"]
        self.state["best"] = best = event.loss if best is None else min(best, event.loss)
        return [
            action.log_metric("best", best),
            action.log_metric("gap", event.loss - event.best_loss),
        ]

    def on_checkpoint(self, event: Checkpoint) -> Actions:
        length = len(event.id.rsplit(".", 1)[-1])
        return [
            action.log_metric("id-length", length),
            action.evaluated(metrics={"accuracy": 1 / length}),
        ]

    def on_completed(self, event: Completed) -> Actions:
        told = event.reason.value if event.reason.tag == "trainer" else ""
        return action.log_metric("reason-length", len(told))


trainer = Conformance()
