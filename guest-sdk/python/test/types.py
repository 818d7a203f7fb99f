"""Checked by pyright: what is right passes, and each comment below stands where something is wrong."""

from typing import Any, TypedDict

from arkor import (
    Actions,
    Adam,
    Case,
    Checkpoint,
    Completed,
    Dataset,
    Datum,
    Evaluation,
    HostError,
    HubDataset,
    Hyperparameters,
    LogRecord,
    Spec,
    Trainer,
    action,
    artifacts,
    bpe,
    dataset,
    file,
    format,
    hooks,
    hub,
    hub_dataset,
    inference,
    loss,
    other,
    run,
    scratch,
    session,
)


class State(TypedDict):
    logs: int
    best: float | None


class Right(Trainer):
    state: State = {"logs": 0, "best": None}

    def describe(self) -> Spec:
        return Spec(
            name="right",
            model=scratch(hidden_size=64, num_hidden_layers=1, num_attention_heads=2),
            tokenizer=bpe(512),
            dataset=file("data/text.txt"),
            hyperparameters=Hyperparameters(max_steps=10, lr_scheduler_type="cosine"),
        )

    def on_log(self, event: LogRecord) -> Actions:
        self.state["logs"] += 1
        if event.loss is not None and event.loss < 1.0:
            return action.stop("good enough")
        return [action.log_metric("logs", self.state["logs"]), action.save()]

    async def on_evaluate(self, event: Evaluation) -> Actions:
        try:
            text: str = inference.generate("a", max_tokens=4, temperature=0.5).text
        except HostError as error:
            print(error.code)
            return None
        artifacts.write("a.txt", text)
        return (action.pause() for _ in range(1))

    def on_completed(self, event: Completed) -> Actions:
        if event.reason.tag == "trainer":
            reason: str = event.reason.value
            print(reason.upper())
        return Case("stop", "by hand")

    def run(self, spec: Spec) -> None:
        for example in dataset.batch(0):
            data = [Datum(tokens=example.tokens, targets=example.targets)]
            output = session.forward_backward(data, loss.cross_entropy(), "give")
            session.optim_step(1e-3, weight_decay=0.1)
            hooks.log(1, loss=output.loss_sum, metrics={"reward": 1.0})
        if hooks.checkpoint(1) == "proceed":
            print(Adam(learning_rate=1.0))


class Rows(Trainer):
    def describe(self) -> Spec:
        return Spec(
            name="rows",
            model=other("zoo", {"name": "small"}),
            tokenizer=hub("a/b", revision="main"),
            dataset=Dataset(
                source=hub_dataset("c", split="train"),
                format=format.preferences(chosen="good"),
                held_out=file("data/held-out.jsonl"),
                additional={"packing": True},
            ),
            models={"teacher": hub("d/e")},
            hyperparameters=Hyperparameters(
                metric_for_best_model="accuracy", additional={"lr-scheduler-type": "polynomial"}
            ),
        )

    def on_evaluate(self, event: Evaluation) -> Actions:
        if event.score is not None and event.is_best:
            print(event.score.value, run.info().step)
        return None

    def on_checkpoint(self, event: Checkpoint) -> Actions:
        return action.evaluated(loss=None, metrics={"accuracy": 0.5})

    def run(self, spec: Spec) -> None:
        wishes = hooks.evaluated(1, metrics={"accuracy": 0.5})
        if wishes.evaluate and "evaluate" in session.model().features:
            print(session.evaluate().measured.loss)
        for one in session.sample([[1]], 1, keep_stop=True, stop_token_ids=[0])[0]:
            print(one.sampling_log_probs)
        loss.named("cispo", {"clip": 0.2, "kind": "soft"})


class Wrong(Trainer):
    def describe(self) -> Spec:
        return Spec(
            name="wrong",
            model=hub("a/b"),
            dataset=Case("hub", HubDataset(name="c")),
            tokenizer=scratch(hidden_size=1, num_hidden_layers=1, num_attention_heads=1),  # pyright: ignore[reportArgumentType]
            hyperparameters=Hyperparameters(
                max_steps="10",  # pyright: ignore[reportArgumentType]
                lr_scheduler_type="cosin",  # pyright: ignore[reportArgumentType]
            ),
        )

    def share(self) -> Spec:
        return Spec(name="a", model=hub("a/b"), eval_fraction=0.1)  # pyright: ignore[reportCallIssue]

    def data(self) -> Dataset:
        return Dataset(
            source=hub("a/b"),  # pyright: ignore[reportArgumentType]
            format=format.rows(1),  # pyright: ignore[reportArgumentType]
            held_out="0.1",  # pyright: ignore[reportArgumentType]
        )

    def misspelled(self) -> Hyperparameters:
        return Hyperparameters(learning_rat=1.0)  # pyright: ignore[reportCallIssue]

    def on_log(self, event: Evaluation) -> Actions:  # pyright: ignore[reportIncompatibleMethodOverride]
        return "stop"  # pyright: ignore[reportReturnType]

    def on_checkpoint(self, event: Any) -> Actions:
        return action.log_metric("a", "b")  # pyright: ignore[reportArgumentType]

    def on_completed(self, event: Completed) -> Actions:
        if event.reason.tag == "user":
            event.reason.value.upper()  # pyright: ignore
        return [action.save, action.stop("a")]  # pyright: ignore[reportReturnType]
