// The trainer that every language has alike: it answers each event with all kinds of actions.
import { action, bpe, defineTrainer, file, scratch } from "arkor";

export default defineTrainer({
  state: { logs: 0, best: null },

  describe: () => ({
    name: "conformance",
    description: "The same in every language",
    tags: ["conformance", "ünïcödé 🚀"],
    model: scratch({ hiddenSize: 32, numHiddenLayers: 1, numAttentionHeads: 2 }),
    tokenizer: bpe(300),
    dataset: file("text.txt"),
    evalFraction: 0.2,
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
    const actions = [action.logMetric("logs", state.logs)];
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

  async onEvaluate(event, state) {
    state.best = await Promise.resolve(Math.min(state.best ?? event.loss, event.loss));
    return [
      action.logMetric("best", state.best),
      action.logMetric("gap", event.loss - event.bestLoss),
    ];
  },

  onCheckpoint: (event) => action.logMetric("id-length", event.id.split(".").at(-1)?.length ?? 0),

  onCompleted(event) {
    const reason = event.reason.tag === "trainer" ? event.reason.val : "";
    return action.logMetric("reason-length", [...reason].length);
  },
});
