// A trainer that owns its training loop: cosine with warm restarts (Loshchilov and Hutter 2017), a
// schedule the host does not have.

import { action, bpe, dataset, defineTrainer, file, hooks, loss, scratch, session } from "arkor";

/** Steps of the first cycle; each further one is twice as long. */
const FIRST_CYCLE = 30;
const PEAK = 2e-3;
const FLOOR = 2e-4;

/** The rate of the step that follows `step` finished ones. */
function learningRate(step: number): number {
  let begin = 0;
  let length = FIRST_CYCLE;
  while (step >= begin + length) {
    begin += length;
    length *= 2;
  }
  const share = (step - begin) / length;
  return FLOOR + (PEAK - FLOOR) * 0.5 * (1 + Math.cos(Math.PI * share));
}

/** Whether a cycle ends with this step. */
const endsCycle = (step: number): boolean => learningRate(step) > learningRate(step - 1);

export default defineTrainer({
  state: { logs: 0 },

  describe: () => ({
    name: "typescript-loop",
    model: scratch({ hiddenSize: 96, numHiddenLayers: 2, numAttentionHeads: 4 }),
    tokenizer: bpe(512),
    dataset: file("data/gospels.txt"),
    hyperparameters: { maxSteps: 90, perDeviceTrainBatchSize: 8, maxLength: 64, saveSteps: 30 },
  }),

  onLog(_event, state) {
    state.logs += 1;
    return action.logMetric("logs-seen", state.logs);
  },

  run(spec) {
    const steps = spec.hyperparameters.maxSteps;
    // Weights and optimizer are restored by the host; the rate's place in its cycle follows from the
    // step alone, so there is nothing else to take up.
    let step = hooks.resumePoint()?.step ?? 0;
    while (step < steps) {
      const batch = dataset.batch(step);
      const tokens = batch.reduce((sum, example) => sum + example.tokens.length, 0);
      const data = batch.map((example) => ({
        tokens: example.tokens,
        targets: example.targets,
        weights: new Float32Array(example.tokens.length).fill(1 / tokens),
      }));
      const { lossSum } = session.forwardBackward(data, loss.crossEntropy());
      const rate = learningRate(step);
      const { gradNorm } = session.optimStep({ learningRate: rate });
      step += 1;
      if (step % 5 === 0) {
        hooks.log(step, { loss: lossSum, learningRate: rate, gradNorm });
      }
      if (endsCycle(step)) {
        const { measured } = session.evaluate();
        console.log(`a cycle ends at step ${step}: evaluation loss ${measured.loss?.toFixed(3)}`);
      }
      if (hooks.checkpoint(step) !== "proceed") {
        return;
      }
    }
  },
});
