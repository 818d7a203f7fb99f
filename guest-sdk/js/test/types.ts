// What the types allow and what they refuse; `tsc` is the test.
import {
  action,
  artifacts,
  bpe,
  bytes,
  dataset,
  defineTrainer,
  file,
  format,
  hooks,
  HostError,
  hub,
  inference,
  loss,
  other,
  run,
  scratch,
  session,
  url,
  type Actions,
  type Datum,
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
  { ...spec, dataset: { source: file("a.jsonl"), format: format.rows("text"), heldOut: 0.1 } },
  { ...spec, dataset: { source: hub("a/b", { split: "train" }), heldOut: hub("a/b", { split: "test" }) } },
  { ...spec, dataset: { source: other("bucket", { path: "a" }), heldOut: { tag: "share", val: 0 } } },
  { ...spec, model: other("zoo"), tokenizer: hub("x/y", { revision: "main" }) },
  { ...spec, tokenizer: other("words", { size: 1000, lower: true, special: ["<s>"], unknown: null }) },
  { ...spec, models: { teacher: hub("x/y"), judge: file("judge"), unused: undefined } },
  { ...spec, models: [{ name: "teacher", source: hub("x/y") }] },
  { ...spec, additional: { packing: true, nested: { a: [1, "b", null] } } },
  {
    ...spec,
    lora: { r: 8, additional: { dora: true } },
    hyperparameters: {
      metricForBestModel: "accuracy",
      greaterIsBetter: true,
      additional: [{ name: "packing", value: "true" }],
    },
  },
];
const formats = [
  format.text(),
  format.rows(),
  format.conversations("chat"),
  format.completions({ completion: "answer" }),
  format.preferences({ prompt: undefined }),
  format.labels(),
  format.prompts(),
  format.named("triples", { anchor: "a" }),
];
for (const one of formats) others.push({ ...spec, dataset: { source: file("a.jsonl"), format: one } });

// @ts-expect-error a model is needed
const lacks: Spec = { name: "t" };
// @ts-expect-error a name that is none
const misspelt: Spec = { ...spec, hyperparameters: { learningrate: 1 } };
// @ts-expect-error a schedule that is none
const schedule: Spec = { ...spec, hyperparameters: { lrSchedulerType: "cos" } };
// @ts-expect-error a url is no model
const source: Spec = { ...spec, model: url("https://example.org") };
// @ts-expect-error what is held out belongs to the dataset
const share: Spec = { ...spec, evalFraction: 0.1 };
// @ts-expect-error a dataset needs a source
const empty: Spec = { ...spec, dataset: { heldOut: 0.1 } };
// @ts-expect-error a tokenizer is no data
const held: Spec = { ...spec, dataset: { source: file("a"), heldOut: bpe(1024) } };
// @ts-expect-error JSON has no functions
const setting: Spec = { ...spec, additional: { packing: () => true } };
// @ts-expect-error a field that is none
const field = format.completions({ answer: "answer" });

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
  onEvaluate({ score, bestScore, isBest, metrics }) {
    // @ts-expect-error a score may be absent
    const gap: number = score.value - bestScore;
    return isBest && metrics.length > 0 ? action.stop(`${gap}`) : undefined;
  },
  onFailed({ code, hint = "" }) {
    if (code === "out-of-memory") console.log(hint, run.info().attempt);
  },
  onCompleted(event) {
    if (event.reason.tag === "trainer") console.log(event.reason.val.length);
  },
});

export const loop = defineTrainer({
  describe: () => spec,
  run({ hyperparameters }) {
    let step = hooks.resumePoint()?.step ?? 0;
    for (; step < (hyperparameters.maxSteps); step++) {
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

export const measures = defineTrainer({
  describe: () => spec,
  onCheckpoint: () => action.evaluated({ metrics: { accuracy: 0.5 } }),
  onLog: () => [action.evaluated({ loss: 1, metrics: [{ name: "accuracy", value: 0.5 }] })],
  // Inside of it, `run` is still what the module exports.
  run({ name, dataset: data, hyperparameters, models, tags, additional }) {
    const all: number = hyperparameters.maxSteps + hyperparameters.learningRate;
    const texts: string[] = [name, ...tags, ...models.map((model) => model.name)];
    const settings: string[] = additional.map((setting) => setting.value);
    if (data?.heldOut.tag === "share") hooks.message("info", `${data.heldOut.val}`);
    const { totalSteps = 0, parent, step } = run.info();
    const wishes = hooks.log(step, {}, { reward: 1 });
    if (wishes.evaluate) hooks.evaluated(totalSteps, { metrics: { accuracy: 0.5 } });
    const { measured, tokens } = session.evaluate();
    const found: number | undefined = measured.metrics.find((one) => one.name === "accuracy")?.value;
    // @ts-expect-error a loss may be absent
    measured.loss.toFixed(3);
    const info = session.model();
    // @ts-expect-error an engine may not know it
    const context: number = info.contextLength;
    if (!info.features.includes("log-probs") || !info.hasChatTemplate) return;
    const chat = session.renderChat(
      [{ role: "user", content: "a", name: "b" }],
      { add_generation_prompt: true },
    );
    const style = { stop: ["."], keepStop: true, stopTokenIds: info.eosTokenIds };
    const [sequences = []] = session.sample([chat.tokens], 2, style);
    const batch: Datum[] = sequences.map((sequence) => ({
      tokens: sequence.tokens,
      targets: sequence.tokens,
      oldLogProbs: sequence.samplingLogProbs,
      additional: [{ name: "hidden", shape: [2], values: new Float32Array(2) }],
    }));
    batch.push(...dataset.batch(0));
    session.forward(batch, loss.named("dpo", { beta: 0.1, reference: "teacher" }), "give");
    session.optimStep({ learningRate: 1e-3, additional: { fused: true } });
    console.log(all, texts, settings, parent, tokens, found, context);
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
export { others, lacks, misspelt, schedule, source, share, empty, held, setting, field };
