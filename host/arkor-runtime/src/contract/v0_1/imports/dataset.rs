//! `dataset`: the data that the spec declared.

use std::sync::Arc;

use arkor_engine::{Examples, Split as EngineSplit};

use crate::contract::v0_1::bindings::arkor::trainer::dataset::{
    DatasetError, DatasetInfo, Example, Host, Split,
};
use crate::contract::v0_1::convert;
use crate::guest::GuestState;

/// Most examples in one call.
const COUNT: u32 = 4096;

/// Most tokens in one answer.
const TOKENS: u64 = 1 << 20;

/// An error if so many examples are too much for one answer.
fn check_size(examples: u64, length: u32) -> Result<(), DatasetError> {
    let tokens = examples.saturating_mul(length.into());
    if tokens <= TOKENS {
        return Ok(());
    }
    Err(DatasetError::Invalid(format!(
        "{examples} examples of max-length {length} are {tokens} tokens, but one answer has at most \
         {TOKENS}"
    )))
}

/// Runs what may take as long as the dataset is large, beside the executor's threads.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, DatasetError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| DatasetError::Other(format!("internal error: {error}")))
}

impl GuestState {
    fn examples(&mut self) -> Result<Arc<Examples>, DatasetError> {
        self.run()
            .filter(|run| run.spec.dataset.is_some())
            .map(|run| Arc::clone(&run.examples))
            .ok_or(DatasetError::NotReady)
    }
}

impl GuestState {
    fn max_length(&mut self) -> u32 {
        self.run()
            .map_or(0, |run| run.spec.hyperparameters.max_length)
    }
}

fn example(example: arkor_engine::Example) -> Example {
    Example {
        tokens: example.tokens,
        targets: example.targets,
        weights: Vec::new(),
        additional: Vec::new(),
    }
}

impl Host for GuestState {
    async fn info(&mut self) -> wasmtime::Result<Result<DatasetInfo, DatasetError>> {
        Ok(self.examples().map(|examples| {
            let info = examples.info();
            DatasetInfo {
                train_examples: convert::count(info.train_examples),
                eval_examples: convert::count(info.eval_examples),
                train_tokens: info.train_tokens as f64,
                unigram_entropy: info.unigram_entropy,
                additional: Vec::new(),
            }
        }))
    }

    async fn read(
        &mut self,
        split: Split,
        start: u32,
        count: u32,
    ) -> wasmtime::Result<Result<Vec<Example>, DatasetError>> {
        let examples = match self.examples() {
            Ok(examples) => examples,
            Err(error) => return Ok(Err(error)),
        };
        if !(1..=COUNT).contains(&count) {
            let what = format!("count is {count}, but must be between 1 and {COUNT}");
            return Ok(Err(DatasetError::Invalid(what)));
        }
        let length = self.max_length();
        if let Err(error) = check_size(count.into(), length) {
            return Ok(Err(error));
        }
        let split = match split {
            Split::Train => EngineSplit::Train,
            Split::Eval => EngineSplit::Eval,
        };
        let _waits = self.wait_for_host();
        let read = aside(move || examples.read(split, u64::from(start), u64::from(count)));
        Ok(match read.await {
            Ok(Ok(list)) => Ok(list.into_iter().map(example).collect()),
            Ok(Err(error)) => Err(DatasetError::OutOfRange(error.to_string())),
            Err(gone) => Err(gone),
        })
    }

    async fn batch(&mut self, step: u32) -> wasmtime::Result<Result<Vec<Example>, DatasetError>> {
        let _waits = self.wait_for_host();
        let length = self.max_length();
        let examples = match self.examples() {
            Ok(examples) => examples,
            Err(error) => return Ok(Err(error)),
        };
        if let Err(error) = check_size(examples.per_step(), length) {
            return Ok(Err(error));
        }
        let batch = aside(move || examples.batch(step.into())).await;
        Ok(batch.map(|batch| batch.into_iter().map(example).collect()))
    }
}
