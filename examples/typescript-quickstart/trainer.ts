// Trains a small language model on the gospels of the King James Bible, from nothing.
//
// At every checkpoint it shows what the model writes by now. It stops the run itself when three
// evaluations in a row are no better than the best one before.

import { action, artifacts, bpe, dataset, defineTrainer, file, inference, scratch } from "arkor";

/** Evaluations without improvement before the run is stopped. */
const PATIENCE = 3;

const PROMPTS = ["And Jesus ", "Then said he unto them, "];

export default defineTrainer({
  describe: () => ({
    name: "typescript-quickstart",
    description: "A small Llama, trained on the four gospels",
    model: scratch({ hiddenSize: 192, numHiddenLayers: 4, numAttentionHeads: 6 }),
    tokenizer: bpe(1024),
    dataset: { source: file("data/gospels.txt"), heldOut: 0.1 },
    hyperparameters: {
      maxSteps: 400,
      perDeviceTrainBatchSize: 16,
      maxLength: 128,
      learningRate: 2e-3,
      lrSchedulerType: "cosine",
      warmupSteps: 30,
      weightDecay: 0.1,
      loggingSteps: 10,
      evalSteps: 25,
      saveSteps: 100,
      saveTotalLimit: 3,
    },
  }),

  onStarted(event) {
    const data = dataset.info();
    console.log(`${data.trainTokens} tokens to train on, run ${event.run}`);
    if (data.unigramEntropy !== undefined) {
      const entropy = data.unigramEntropy.toFixed(3);
      console.log(`a model that ignores all context would reach a loss of ${entropy}`);
    }
  },

  onEvaluate(event) {
    if (event.evaluationsWithoutImprovement >= PATIENCE) {
      const best = event.bestLoss?.toFixed(4);
      return action.stop(`no evaluation since the best loss, ${best}, was better`);
    }
  },

  onCheckpoint(event) {
    const style = { maxTokens: 60, temperature: 0.8, topP: 0.95 };
    let page = "";
    for (const prompt of PROMPTS) {
      page += `${prompt}${inference.generate(prompt, style).text}\n\n`;
    }
    for (const line of page.split("\n").filter((line) => line !== "")) {
      console.log(`  | ${line}`);
    }
    artifacts.write(`samples/step-${event.at.step}.txt`, page);
  },

  onCompleted(event) {
    const entropy = dataset.info().unigramEntropy;
    if (event.evalLoss !== undefined && entropy !== undefined) {
      console.log(
        `evaluation loss ${event.evalLoss.toFixed(3)}, against ${entropy.toFixed(3)} without any context`,
      );
    }
  },
});
