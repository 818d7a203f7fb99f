"""A trainer that owns its training loop: cosine with warm restarts (Loshchilov and Hutter 2017), a
schedule the host does not have.
"""

import math

from arkor import (
    Actions,
    Datum,
    Hyperparameters,
    LogRecord,
    Spec,
    Trainer,
    action,
    bpe,
    dataset,
    file,
    hooks,
    loss,
    scratch,
    session,
)

# Steps of the first cycle; each further one is twice as long.
FIRST_CYCLE = 30
PEAK = 2e-3
FLOOR = 2e-4


def learning_rate(step: int) -> float:
    """The rate of the step that follows `step` finished ones."""
    begin, length = 0, FIRST_CYCLE
    while step >= begin + length:
        begin += length
        length *= 2
    share = (step - begin) / length
    return FLOOR + (PEAK - FLOOR) * 0.5 * (1 + math.cos(math.pi * share))


def ends_cycle(step: int) -> bool:
    """Whether a cycle ends with this step."""
    return learning_rate(step) > learning_rate(step - 1)


class Loop(Trainer):
    state = {"logs": 0}

    def describe(self) -> Spec:
        return Spec(
            name="python-loop",
            model=scratch(hidden_size=96, num_hidden_layers=2, num_attention_heads=4),
            tokenizer=bpe(512),
            dataset=file("data/gospels.txt"),
            hyperparameters=Hyperparameters(
                max_steps=90, per_device_train_batch_size=8, max_length=64, save_steps=30
            ),
        )

    def on_log(self, event: LogRecord) -> Actions:
        self.state["logs"] += 1
        return action.log_metric("logs-seen", self.state["logs"])

    def run(self, spec: Spec) -> None:
        steps = spec.hyperparameters.max_steps or 0
        # Weights and optimizer are restored by the host; the rate's place in its cycle follows from the
        # step alone, so there is nothing else to take up.
        point = hooks.resume_point()
        step = point.step if point else 0
        while step < steps:
            batch = dataset.batch(step)
            tokens = sum(len(example.tokens) for example in batch)
            data = [
                Datum(
                    tokens=example.tokens,
                    targets=example.targets,
                    weights=[1 / tokens] * len(example.tokens),
                )
                for example in batch
            ]
            output = session.forward_backward(data, loss.cross_entropy())
            rate = learning_rate(step)
            optim = session.optim_step(rate)
            step += 1
            if step % 5 == 0:
                hooks.log(step, loss=output.loss_sum, learning_rate=rate, grad_norm=optim.grad_norm)
            if ends_cycle(step):
                scored = session.evaluate().measured.loss or 0.0
                print(f"a cycle ends at step {step}: {scored:.3f}")
            if hooks.checkpoint(step) != "proceed":
                return


trainer = Loop()
