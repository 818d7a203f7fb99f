//! Generating text: choosing tokens, and knowing when to end.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use arkor_types::{SampledSequence, SamplingParameters, StopReason, TokenId};
use rayon::prelude::*;

use crate::EngineError;
use crate::model::{Cache, Decoder, Work};
use crate::rng::Rng;
use crate::tokenizer::Tokenizer;

/// Sequences that advance together: their products share each weight that is read.
const GROUP: usize = 8;

/// Most sequences of one call.
const MOST: u32 = 256;

/// An error if these cannot be sampled with.
pub(crate) fn check(
    prompts: &[Vec<TokenId>],
    count: u32,
    parameters: &SamplingParameters,
    context: usize,
) -> Result<(), EngineError> {
    let SamplingParameters {
        temperature,
        top_p,
        max_tokens,
        ..
    } = *parameters;
    let temperature_ok = temperature.is_finite() && temperature >= 0.0;
    let unfit = prompts
        .iter()
        .find(|prompt| prompt.is_empty() || prompt.len() >= context);
    let sequences = u64::from(count) * prompts.len() as u64;
    let checks = [
        (
            unfit.is_none(),
            format!("a prompt has {} tokens", unfit.map_or(0, Vec::len)),
            format!(
                "must have between 1 and {}, one less than the context",
                context - 1
            ),
        ),
        (
            (1..=u64::from(MOST)).contains(&sequences),
            format!(
                "count {count} for {} prompts makes {sequences} sequences",
                prompts.len()
            ),
            format!("must be between 1 and {MOST}"),
        ),
        (
            max_tokens > 0,
            "max-tokens is 0".into(),
            "must be at least 1".into(),
        ),
        (
            temperature_ok,
            format!("temperature is {temperature}"),
            "must be a finite number, at least 0".into(),
        ),
        (
            top_p > 0.0 && top_p <= 1.0,
            format!("top-p is {top_p}"),
            "must be above 0 and at most 1".into(),
        ),
        (
            parameters.stop.iter().all(|stop| !stop.is_empty()),
            "a stop text is empty".into(),
            "must have at least one character".into(),
        ),
    ];
    match checks.into_iter().find(|(ok, ..)| !ok) {
        None => Ok(()),
        Some((_, what, allowed)) => Err(EngineError::invalid(what, allowed)),
    }
}

/// Continues `prompt` as far as the context allows, once for each of the random streams: each
/// sequence has its own, so that none depends on when the others end.
pub(crate) fn sample(
    decoder: Decoder<'_>,
    tokenizer: &Tokenizer,
    prompt: &[TokenId],
    streams: Range<u32>,
    parameters: &SamplingParameters,
    context: usize,
    interrupted: &AtomicBool,
) -> Result<Vec<SampledSequence>, EngineError> {
    let mut work = Work::default();
    let prefix = decoder.prefill(prompt, &mut work);
    let length = (context - prompt.len()).min(parameters.max_tokens as usize);
    let mut sequences: Vec<Sequence> = streams
        .map(|index| Sequence::new(&decoder, parameters.seed, index, length))
        .collect();
    let group = |sequences: &mut [Sequence]| -> Result<(), EngineError> {
        let mut work = Work::with_logits(work.logits.repeat(sequences.len()));
        let mut chosen = Vec::new();
        loop {
            if interrupted.load(Ordering::Relaxed) {
                return Err(EngineError::Interrupted);
            }
            let active = sequences
                .iter_mut()
                .filter(|sequence| sequence.reason.is_none());
            let rows = work.logits.chunks_exact_mut(decoder.layout.vocab);
            chosen.clear();
            for (sequence, logits) in active.zip(rows) {
                let token = sequence.choose(logits, parameters)?;
                sequence.finish(tokenizer, parameters)?;
                if sequence.reason.is_none() {
                    chosen.push(token);
                }
            }
            let active = sequences
                .iter_mut()
                .filter(|sequence| sequence.reason.is_none());
            let mut caches: Vec<&mut Cache> = active.map(|sequence| &mut sequence.cache).collect();
            if caches.is_empty() {
                return Ok(());
            }
            decoder.advance(&prefix, &mut caches, &chosen, &mut work);
        }
    };
    sequences.par_chunks_mut(GROUP).try_for_each(group)?;
    Ok(sequences.into_iter().map(Sequence::into_sampled).collect())
}

/// One sequence as it grows.
struct Sequence {
    cache: Cache,
    rng: Rng,
    /// Most tokens it may have.
    length: usize,
    tokens: Vec<TokenId>,
    log_probs: Vec<f32>,
    sampling_log_probs: Vec<f32>,
    reason: Option<StopReason>,
    candidates: Vec<Candidate>,
}

/// A token that may be chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    token: TokenId,
    /// Not normalized.
    probability: f64,
}

impl Sequence {
    fn new(decoder: &Decoder<'_>, seed: u64, index: u32, length: usize) -> Self {
        Self {
            cache: Cache::new(decoder.layout),
            rng: Rng::new(seed, &format!("sample {index}")),
            length,
            tokens: Vec::new(),
            log_probs: Vec::new(),
            sampling_log_probs: Vec::new(),
            reason: None,
            candidates: Vec::new(),
        }
    }

    /// Appends a token drawn from these logits.
    fn choose(
        &mut self,
        logits: &[f32],
        parameters: &SamplingParameters,
    ) -> Result<TokenId, EngineError> {
        let (best, top) = (0..)
            .zip(logits)
            .fold((0, f32::NEG_INFINITY), |best, (token, logit)| {
                if *logit > best.1 {
                    (token, *logit)
                } else {
                    best
                }
            });
        let total: f64 = logits
            .iter()
            .map(|logit| f64::from(logit - top).exp())
            .sum();
        if !total.is_finite() {
            return Err(EngineError::Diverged {
                what: "the model's outputs are not finite numbers; nothing can be sampled".into(),
            });
        }
        let (token, share) = if parameters.temperature == 0.0 {
            (best, 1.0)
        } else {
            let temperature = f64::from(parameters.temperature);
            self.candidates.clear();
            self.candidates
                .extend((0..).zip(logits).map(|(token, logit)| Candidate {
                    token,
                    probability: (f64::from(logit - top) / temperature).exp(),
                }));
            filter(
                &mut self.candidates,
                parameters.top_k as usize,
                f64::from(parameters.top_p),
            );
            draw(&self.candidates, self.rng.uniform()).unwrap_or((best, 1.0))
        };
        self.sampling_log_probs.push(share.ln() as f32);
        let logit = logits.get(token as usize).copied().unwrap_or(top);
        self.tokens.push(token);
        self.log_probs
            .push((f64::from(logit - top) - total.ln()) as f32);
        Ok(token)
    }

    /// Sets the reason if the sequence has come to its end. A stop text is cut off with the tokens
    /// that have a part in it, if it is not to be kept.
    fn finish(
        &mut self,
        tokenizer: &Tokenizer,
        parameters: &SamplingParameters,
    ) -> Result<(), EngineError> {
        let last = self.tokens.last().copied();
        let ends = |token| parameters.stop_token_ids.contains(&token);
        if last == tokenizer.end_of_sequence() || last.is_some_and(ends) {
            self.reason = Some(StopReason::Stop);
        } else if let Some(keep) = before_stop(tokenizer, &self.tokens, &parameters.stop)? {
            if !parameters.keep_stop {
                self.tokens.truncate(keep);
                self.log_probs.truncate(keep);
                self.sampling_log_probs.truncate(keep);
            }
            self.reason = Some(StopReason::Stop);
        } else if self.tokens.len() >= self.length {
            self.reason = Some(StopReason::Length);
        }
        Ok(())
    }

    fn into_sampled(self) -> SampledSequence {
        SampledSequence {
            tokens: self.tokens,
            log_probs: self.log_probs,
            sampling_log_probs: self.sampling_log_probs,
            stop_reason: self.reason.unwrap_or(StopReason::Length),
        }
    }
}

/// Keeps the `top_k` likeliest (0: all), of these the fewest likeliest that have the share `top_p`
/// of their probability: the order in which `transformers` applies the two. Of equally likely
/// tokens the one with the lower id comes first.
fn filter(candidates: &mut Vec<Candidate>, top_k: usize, top_p: f64) {
    let by_probability = |a: &Candidate, b: &Candidate| {
        b.probability
            .total_cmp(&a.probability)
            .then(a.token.cmp(&b.token))
    };
    if top_k > 0 && top_k < candidates.len() {
        candidates.select_nth_unstable_by(top_k - 1, by_probability);
        candidates.truncate(top_k);
    }
    if top_p < 1.0 || top_k > 0 {
        candidates.sort_unstable_by(by_probability);
    }
    if top_p < 1.0 {
        let enough = top_p * candidates.iter().map(|c| c.probability).sum::<f64>();
        let mut so_far = 0.0;
        let keep = candidates.iter().position(|candidate| {
            so_far += candidate.probability;
            so_far >= enough
        });
        candidates.truncate(keep.map_or(candidates.len(), |last| last + 1));
    }
}

/// The candidate in which `uniform`, from [0, 1), falls, and its share of the probability.
fn draw(candidates: &[Candidate], uniform: f64) -> Option<(TokenId, f64)> {
    let total = candidates.iter().map(|c| c.probability).sum::<f64>();
    let mut left = uniform * total;
    let drawn = candidates.iter().find(|candidate| {
        left -= candidate.probability;
        left < 0.0
    });
    // Rounding can leave a rest after the last one.
    let drawn = drawn.or(candidates.last())?;
    Some((drawn.token, drawn.probability / total))
}

/// How many tokens come before the first stop text, if one has just been completed.
fn before_stop(
    tokenizer: &Tokenizer,
    tokens: &[TokenId],
    stop: &[String],
) -> Result<Option<usize>, EngineError> {
    let Some(longest) = stop.iter().map(String::len).max() else {
        return Ok(None);
    };
    // Every token but the special ones is at least one byte of text, so a stop text that has just
    // been completed lies in these; three more, since a character may begin before them.
    let tail = tokens.len().saturating_sub(longest + 3);
    let recent = tokenizer.decode(tokens.get(tail..).unwrap_or_default())?;
    if !stop.iter().any(|stop| recent.contains(stop.as_str())) {
        return Ok(None);
    }
    let text = tokenizer.decode(tokens)?;
    let Some(start) = stop
        .iter()
        .filter_map(|stop| text.find(stop.as_str()))
        .min()
    else {
        return Ok(None);
    };
    for keep in (0..tokens.len()).rev() {
        let before = tokenizer.decode(tokens.get(..keep).unwrap_or_default())?;
        if before.len() <= start {
            return Ok(Some(keep));
        }
    }
    Ok(Some(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidates(probabilities: &[f64]) -> Vec<Candidate> {
        (0..)
            .zip(probabilities)
            .map(|(token, probability)| Candidate {
                token,
                probability: *probability,
            })
            .collect()
    }

    fn tokens(candidates: &[Candidate]) -> Vec<TokenId> {
        candidates.iter().map(|candidate| candidate.token).collect()
    }

    #[test]
    fn keeps_the_likeliest() {
        let mut all = candidates(&[0.1, 0.4, 0.2, 0.3]);
        filter(&mut all, 0, 0.6);
        assert_eq!(tokens(&all), [1, 3]);
        let mut all = candidates(&[0.25, 0.25, 0.25, 0.25]);
        filter(&mut all, 2, 1.0);
        assert_eq!(tokens(&all), [0, 1]);
    }

    #[test]
    fn ends_before_a_stop_text() {
        let tokens: Vec<u32> = "ab\nstop".bytes().map(u32::from).collect();
        let before = |stop: &[&str]| {
            let stop: Vec<String> = stop.iter().map(|stop| (*stop).to_owned()).collect();
            before_stop(&Tokenizer::Bytes, &tokens, &stop).unwrap()
        };
        assert_eq!(before(&[]), None);
        assert_eq!(before(&["x", "\nstop"]), Some(2));
        assert_eq!(before(&["ab\nstop"]), Some(0));
    }

    proptest! {
        #[test]
        fn draws_only_what_the_filters_keep(
            probabilities in prop::collection::vec(0.001f64..1.0, 1..50),
            top_k in 0usize..60,
            top_p in 0.01f64..=1.0,
            uniform in 0.0f64..1.0,
        ) {
            let all = candidates(&probabilities);
            let mut kept = all.clone();
            filter(&mut kept, top_k, top_p);
            prop_assert!(!kept.is_empty());
            prop_assert!(top_k == 0 || kept.len() <= top_k);
            let least = kept.iter().map(|c| c.probability).fold(f64::INFINITY, f64::min);
            let left_out = all.iter().filter(|c| !tokens(&kept).contains(&c.token));
            for candidate in left_out {
                prop_assert!(candidate.probability <= least);
            }
            let (drawn, share) = draw(&kept, uniform).unwrap();
            prop_assert!(share > 0.0 && share <= 1.0);
            prop_assert!(tokens(&kept).contains(&drawn));
        }
    }
}
