"""The language runtime for Python: CPython in a component that exports the trainer's world and runs the
modules that its host hands it.

One instance is one generation of a trainer. All of this package is evaluated when the component is made,
and its memory is part of it; the trainer's modules are evaluated by the first call, which is ``describe``.
"""

import wit_world.exports as exports

from . import bind

# Before the rest is evaluated, which is made of the classes that this puts in place.
bind.install()

from . import engine, library  # noqa: E402


class Definition(exports.Definition):
    def describe(self):
        return engine.describe()


class Callbacks(exports.Callbacks):
    def on_started(self, event):
        return engine.callback("on_started", event)

    def on_log(self, event):
        return engine.callback("on_log", event)

    def on_evaluate(self, event):
        return engine.callback("on_evaluate", event)

    def on_checkpoint(self, event):
        return engine.callback("on_checkpoint", event)

    def on_completed(self, event):
        return engine.callback("on_completed", event)

    def on_failed(self, event):
        return engine.callback("on_failed", event)

    def save_state(self):
        return engine.save_state()

    def load_state(self, state):
        engine.load_state(state)


class TrainingLoop(exports.TrainingLoop):
    def run(self, spec):
        engine.run(spec)


library.install()
