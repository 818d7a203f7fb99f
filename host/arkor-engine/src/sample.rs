//! Generating text.

use arkor_types::{SampledSequence, SamplingParameters, StopReason, TokenId};
use rayon::prelude::*;

use crate::EngineError;
use crate::kernels::math::exp;
use crate::kernels::matmul::Threads;
use crate::model::{Cache, Decoder};
use crate::rng::Rng;
use crate::session::EmbeddedSession;

pub(crate) fn sample(
    session: &EmbeddedSession,
    prompt: &[TokenId],
    count: u32,
    parameters: &SamplingParameters,
) -> Result<Vec<SampledSequence>, EngineError> {
    let layout = &session.transformer.layout;
    check(prompt, parameters, session.context, layout.vocab)?;
    let decoder = |threads| Decoder {
        layout,
        rope: session.transformer.rope(),
        weights: &session.weights,
        threads,
    };
    let mut cache = Cache::new(layout);
    let logits = decoder(Threads::Pool).advance(&mut cache, prompt);
    // Sequences are independent, so each has a thread and a stream of random numbers of its own.
    let one = decoder(if count > 1 {
        Threads::Caller
    } else {
        Threads::Pool
    });
    (0..count)
        .into_par_iter()
        .map(|index| {
            let rng = Rng::new(parameters.seed, &format!("sequence {index}"));
            continue_one(
                session,
                &one,
                cache.clone(),
                logits.clone(),
                parameters,
                rng,
            )
        })
        .collect()
}

fn check(
    prompt: &[TokenId],
    parameters: &SamplingParameters,
    context: usize,
    vocab: usize,
) -> Result<(), EngineError> {
    let invalid = |what: String, allowed: String| Err(EngineError::Invalid { what, allowed });
    if prompt.is_empty() || prompt.len() >= context {
        return invalid(
            format!("a prompt of {} tokens", prompt.len()),
            format!(
                "must have 1 to {}, one less than the model's context",
                context - 1
            ),
        );
    }
    if let Some(id) = prompt.iter().find(|id| **id as usize >= vocab) {
        return invalid(
            format!("id {id}"),
            format!("must be below {vocab}, the vocabulary"),
        );
    }
    if !(parameters.temperature >= 0.0 && parameters.temperature <= 100.0) {
        let what = format!("temperature is {}", parameters.temperature);
        return invalid(what, "must be between 0 and 100".into());
    }
    if !(parameters.top_p > 0.0 && parameters.top_p <= 1.0) {
        let what = format!("top-p is {}", parameters.top_p);
        return invalid(what, "must be above 0 and at most 1".into());
    }
    Ok(())
}

fn continue_one(
    session: &EmbeddedSession,
    decoder: &Decoder<'_>,
    mut cache: Cache,
    mut logits: Vec<f32>,
    parameters: &SamplingParameters,
    mut rng: Rng,
) -> Result<SampledSequence, EngineError> {
    let end = session.tokenizer.end_of_sequence();
    let mut sequence = SampledSequence {
        tokens: Vec::new(),
        log_probs: Vec::new(),
        stop_reason: StopReason::Length,
    };
    while sequence.tokens.len() < parameters.max_tokens as usize && cache.len < session.context {
        let (token, log_prob) = choose(&logits, parameters, &mut rng);
        if Some(token) == end {
            sequence.stop_reason = StopReason::Stop;
            return Ok(sequence);
        }
        sequence.tokens.push(token);
        sequence.log_probs.push(log_prob);
        if let Some(keep) = before_stop(session, &sequence.tokens, &parameters.stop)? {
            sequence.tokens.truncate(keep);
            sequence.log_probs.truncate(keep);
            sequence.stop_reason = StopReason::Stop;
            return Ok(sequence);
        }
        logits = decoder.advance(&mut cache, &[token]);
    }
    Ok(sequence)
}

/// How many tokens stand wholly before the first stop text, if one has come.
fn before_stop(
    session: &EmbeddedSession,
    tokens: &[TokenId],
    stops: &[String],
) -> Result<Option<usize>, EngineError> {
    if stops.is_empty() {
        return Ok(None);
    }
    let text = session.tokenizer.decode(tokens)?;
    let first = stops
        .iter()
        .filter(|stop| !stop.is_empty())
        .filter_map(|stop| text.find(stop));
    let Some(at) = first.min() else {
        return Ok(None);
    };
    for keep in (0..tokens.len()).rev() {
        let head = tokens.get(..keep).unwrap_or_default();
        if session.tokenizer.decode(head)?.len() <= at {
            return Ok(Some(keep));
        }
    }
    Ok(Some(0))
}

/// Draws a token; its log-probability is that under the model, before temperature and filters.
fn choose(logits: &[f32], parameters: &SamplingParameters, rng: &mut Rng) -> (TokenId, f32) {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f64 = logits
        .iter()
        .map(|logit| f64::from(exp(*logit - top)))
        .sum();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a logarithm of a sum of floats fits one"
    )]
    let log_prob = |token: usize| {
        let logit = logits.get(token).copied().unwrap_or(f32::NEG_INFINITY);
        (token as TokenId, logit - top - total.ln() as f32)
    };
    // By falling logit; equal ones by id, so that the order is one.
    let mut order: Vec<usize> = (0..logits.len()).collect();
    let logit = |token: &usize| logits.get(*token).copied().unwrap_or(f32::NEG_INFINITY);
    let by_logit = |a: &usize, b: &usize| logit(b).total_cmp(&logit(a)).then_with(|| a.cmp(b));
    let keep = match parameters.top_k as usize {
        0 => order.len(),
        k => k.min(order.len()),
    };
    if parameters.temperature == 0.0 || keep == 1 {
        return log_prob(order.into_iter().min_by(by_logit).unwrap_or(0));
    }
    if keep < order.len() {
        order.select_nth_unstable_by(keep - 1, by_logit);
        order.truncate(keep);
    }
    order.sort_unstable_by(by_logit);
    let temperature = f64::from(parameters.temperature);
    let weights: Vec<f64> = order
        .iter()
        .map(|token| (f64::from(logit(token) - top) / temperature).exp())
        .collect();
    let kept_total: f64 = weights.iter().sum();
    // The likeliest tokens until their probabilities add up to top-p.
    let mut bound = 0.0;
    let mut nucleus = 0;
    for weight in &weights {
        nucleus += 1;
        bound += weight;
        if bound >= f64::from(parameters.top_p) * kept_total {
            break;
        }
    }
    let mut draw = rng.uniform() * bound;
    for (token, weight) in order.iter().zip(&weights).take(nucleus) {
        draw -= weight;
        if draw < 0.0 {
            return log_prob(*token);
        }
    }
    log_prob(order.get(nucleus.saturating_sub(1)).copied().unwrap_or(0))
}
