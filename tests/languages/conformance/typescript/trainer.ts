// The trainer that every language has alike: it answers each event with all kinds of actions.
import { action, bpe, defineTrainer, file, scratch, type Action } from "arkor";

interface State {
  logs: number;
  best: number | null;
}

export default defineTrainer<State>({
  state: { logs: 0, best: null },

  describe: () => ({
    name: "conformance",
    description: "The same in every language",
    tags: ["conformance", "ünïcödé 🚀"],
    model: scratch({ hiddenSize: 32, numHiddenLayers: 1, numAttentionHeads: 2 }),
    tokenizer: bpe(300),
    dataset: { source: file("text.txt"), heldOut: 0.2 },
    extras: '{"answer": 42}',
    hyperparameters: {
      maxSteps: 40,
      perDeviceTrainBatchSize: 2,
      maxLength: 16,
      learningRate: 1e-3,
      lrSchedulerType: "cosine",
      warmupSteps: 5,
      loggingSteps: 2,
      evalSteps: 5,
      saveSteps: 10,
      saveTotalLimit: 2,
      seed: 7,
    },
  }),

  onStarted(event) {
    console.log(`${event.totalSteps ?? 0} steps are planned`);
    return [action.logMetric("generation", event.generation)];
  },

  onLog(event, state) {
    state.logs += 1;
    const actions: Action[] = [action.logMetric("logs", state.logs)];
    if (event.loss !== undefined) {
      actions.push(action.logMetric("loss-per-log", event.loss / state.logs));
    }
    switch (event.at.step) {
      case 6:
        actions.push(action.setLearningRate(5e-4));
        break;
      case 12:
        actions.push(action.followSchedule());
        break;
      case 14:
        actions.push(action.evaluate());
        break;
      case 18:
        actions.push(action.save());
        break;
      case 30:
        actions.push(action.stop("thirty steps — enough"));
    }
    return actions;
  },

  async onEvaluate({ loss, bestLoss }, state) {
    if (loss === undefined || bestLoss === undefined) return;
    state.best = await Promise.resolve(Math.min(state.best ?? loss, loss));
    return [action.logMetric("best", state.best), action.logMetric("gap", loss - bestLoss)];
  },

  onCheckpoint(event) {
    const length = event.id.split(".").at(-1)?.length ?? 0;
    return [
      action.logMetric("id-length", length),
      action.evaluated({ metrics: { accuracy: 1 / length } }),
    ];
  },

  onCompleted(event) {
    const reason = event.reason.tag === "trainer" ? event.reason.val : "";
    return action.logMetric("reason-length", [...reason].length);
  },
});
