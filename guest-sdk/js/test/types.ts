// What the types allow and what they refuse; `tsc` is the test.
import {
  action,
  artifacts,
  bpe,
  bytes,
  dataset,
  defineTrainer,
  file,
  hooks,
  HostError,
  hub,
  inference,
  loss,
  scratch,
  session,
  url,
  type Actions,
  type LogRecord,
  type Spec,
} from "arkor";

const shape = { hiddenSize: 64, numHiddenLayers: 2, numAttentionHeads: 4 };

const spec: Spec = {
  name: "t",
  model: scratch(shape),
  dataset: hub("wikitext", { split: "train" }),
  tokenizer: bytes(),
  lora: { r: 8 },
};
const others: Spec[] = [
  { ...spec, model: hub("HuggingFaceTB/SmolLM2-135M", { revision: "main" }) },
  { ...spec, model: file("model"), tokenizer: file("tokenizer.json"), dataset: file("a.txt") },
  { ...spec, dataset: url("https://example.org/a.txt", { sha256: "00" }), tokenizer: bpe(1024) },
];

// @ts-expect-error a model is needed
const lacks: Spec = { name: "t" };
// @ts-expect-error a name that is none
const misspelt: Spec = { ...spec, hyperparameters: { learningrate: 1 } };
// @ts-expect-error a schedule that is none
const schedule: Spec = { ...spec, hyperparameters: { lrSchedulerType: "cos" } };
// @ts-expect-error a url is no model
const source: Spec = { ...spec, model: url("https://example.org") };

export const remembers = defineTrainer({
  state: { best: Infinity, seen: [] as number[] },
  describe: () => spec,
  onLog(event, state) {
    state.seen.push(event.loss ?? 0);
    // @ts-expect-error there is no such thing to remember
    state.worst = 1;
    // @ts-expect-error a loss may be absent
    const sum: number = event.loss + 1;
    return state.seen.length > 3 ? [action.stop("enough"), action.logMetric("a", sum)] : action.save();
  },
  async onCheckpoint(event) {
    const text = inference.generate("once", { maxTokens: 8, stop: ["."] });
    artifacts.write(`${event.id}.txt`, text.text);
    await Promise.resolve();
  },
  onCompleted(event) {
    if (event.reason.tag === "trainer") console.log(event.reason.val.length);
  },
});

export const loop = defineTrainer({
  describe: () => spec,
  run({ hyperparameters }) {
    let step = hooks.resumePoint()?.step ?? 0;
    for (; step < (hyperparameters?.maxSteps ?? 10); step++) {
      const data = dataset.batch(step).map(({ tokens, targets }) => ({
        tokens,
        targets,
        weights: new Float32Array(tokens.length).fill(1),
      }));
      const out = session.forwardBackward(data, loss.crossEntropy());
      const { gradNorm } = session.optimStep({ learningRate: 1e-3 });
      hooks.log(step + 1, { loss: out.lossSum / out.weightSum, gradNorm }, { reward: 1 });
      if (hooks.checkpoint(step + 1) !== "proceed") return;
    }
    const [sequences] = session.sample([session.tokenize("a")], 1);
    for (const sequence of sequences ?? []) session.detokenize(sequence.tokens);
  },
});

export function helper(event: LogRecord): Actions {
  try {
    dataset.info();
  } catch (error) {
    if (error instanceof HostError && error.code === "not-ready") return;
    throw error;
  }
  // @ts-expect-error a reason is needed
  return action.stop();
}
export { others, lacks, misspelt, schedule, source };
