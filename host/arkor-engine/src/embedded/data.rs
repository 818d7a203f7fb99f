//! What a session is given to train on: checked, then packed into passes.

use arkor_types::{Datum, LossFunction};

use crate::EngineError;
use crate::kernels::loss::Position;

/// Most positions in one pass, unless a single sequence is longer. Larger passes are not faster,
/// since products of this size already keep all threads busy, but take more memory.
pub(crate) const PASS_TOKENS: usize = 2048;

/// An error if the model cannot be trained on `data`.
pub(crate) fn check(
    data: &[Datum],
    loss: LossFunction,
    vocab: usize,
    context: usize,
) -> Result<(), EngineError> {
    if data.is_empty() {
        return Err(EngineError::invalid(
            "there are no data",
            "give at least one datum",
        ));
    }
    if let LossFunction::Ppo {
        clip_low,
        clip_high,
    } = loss
        && !(clip_low.is_finite() && clip_high.is_finite() && clip_low <= clip_high)
    {
        return Err(EngineError::invalid(
            format!("the ppo bounds are {clip_low} and {clip_high}"),
            "must be finite numbers, the lower one first",
        ));
    }
    data.iter().enumerate().try_for_each(|(index, datum)| {
        check_datum(datum, loss, vocab, context).map_err(|(what, allowed)| {
            EngineError::invalid(format!("datum {index}: {what}"), allowed)
        })
    })
}

fn check_datum(
    datum: &Datum,
    loss: LossFunction,
    vocab: usize,
    context: usize,
) -> Result<(), (String, String)> {
    let length = datum.tokens.len();
    if length == 0 || length > context {
        return Err((
            format!("it has {length} tokens"),
            format!("must be between 1 and the context, which is {context}"),
        ));
    }
    let policy = !matches!(loss, LossFunction::CrossEntropy);
    let lists = [
        ("targets", datum.targets.len(), true),
        ("weights", datum.weights.len(), false),
        ("advantages", datum.advantages.len(), policy),
        ("old-log-probs", datum.old_log_probs.len(), policy),
    ];
    for (name, len, required) in lists {
        if len != length && (len != 0 || required) {
            let or = if required { "" } else { ", or none" };
            return Err((
                format!("it has {len} {name}"),
                format!("must be as many as tokens: {length}{or}"),
            ));
        }
    }
    let ids = [("token", &datum.tokens), ("target", &datum.targets)];
    for (name, list) in ids {
        if let Some((at, id)) = list
            .iter()
            .enumerate()
            .find(|(_, id)| **id as usize >= vocab)
        {
            return Err((
                format!("{name} {at} is {id}"),
                format!("must be below the vocabulary's size, which is {vocab}"),
            ));
        }
    }
    let numbers = [
        ("weight", &datum.weights),
        ("advantage", &datum.advantages),
        ("old log-probability", &datum.old_log_probs),
    ];
    for (name, list) in numbers {
        if let Some((at, value)) = list
            .iter()
            .enumerate()
            .find(|(_, value)| !value.is_finite())
        {
            return Err((
                format!("{name} {at} is {value}"),
                "must be a finite number".into(),
            ));
        }
    }
    Ok(())
}

/// Sequences of about one length, side by side, padded at their ends. Padding is never looked at
/// by what comes before it, and has weight 0.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    /// Which data these are, in the order of the rows.
    pub(crate) members: Vec<usize>,
    /// Positions of each.
    pub(crate) time: usize,
    /// [members, time]
    pub(crate) tokens: Vec<u32>,
    /// [members, time]
    pub(crate) positions: Vec<Position>,
}

/// How data are spread over passes: longest first, a pass as full as [`PASS_TOKENS`] lets it be,
/// and no sequence with one more than twice its length. Depends on the lengths alone.
pub(crate) fn plan(data: &[Datum]) -> Vec<Vec<usize>> {
    let length = |index: usize| data.get(index).map_or(0, |datum| datum.tokens.len());
    let mut order: Vec<usize> = (0..data.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(length(*index)));
    let mut passes: Vec<Vec<usize>> = Vec::new();
    for index in order {
        match passes.last_mut() {
            Some(pass)
                if pass.first().is_some_and(|first| {
                    let longest = length(*first);
                    (pass.len() + 1) * longest <= PASS_TOKENS && 2 * length(index) >= longest
                }) =>
            {
                pass.push(index);
            }
            _ => passes.push(vec![index]),
        }
    }
    passes
}

impl Pass {
    /// Puts these data into the buffers.
    pub(crate) fn fill(&mut self, data: &[Datum], members: Vec<usize>) {
        let longest = members.iter().filter_map(|index| data.get(*index));
        self.time = longest.map(|datum| datum.tokens.len()).max().unwrap_or(0);
        self.tokens.clear();
        self.positions.clear();
        for datum in members.iter().filter_map(|index| data.get(*index)) {
            let end = self.tokens.len() + self.time;
            self.tokens.extend_from_slice(&datum.tokens);
            self.tokens.resize(end, 0);
            let value =
                |list: &[f32], at: usize, otherwise| list.get(at).copied().unwrap_or(otherwise);
            self.positions.extend(
                datum
                    .targets
                    .iter()
                    .enumerate()
                    .map(|(at, target)| Position {
                        target: *target,
                        weight: value(&datum.weights, at, 1.0),
                        advantage: value(&datum.advantages, at, 0.0),
                        old_log_prob: value(&datum.old_log_probs, at, 0.0),
                    }),
            );
            self.positions.resize(end, Position::default());
        }
        self.members = members;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datum(length: usize) -> Datum {
        Datum {
            tokens: vec![1; length],
            targets: vec![2; length],
            ..Datum::default()
        }
    }

    #[test]
    fn passes_hold_every_datum_once_and_waste_less_than_half() {
        let lengths = [1, 700, 2, 699, 5000, 350, 3, 1, 349, 700, 5000];
        let data: Vec<Datum> = lengths.map(datum).into();
        let plan = plan(&data);
        let mut all: Vec<usize> = plan.concat();
        all.sort_unstable();
        assert_eq!(all, (0..data.len()).collect::<Vec<_>>());
        let mut pass = Pass::default();
        for members in plan {
            pass.fill(&data, members);
            let used: usize = pass.members.iter().map(|m| lengths[*m]).sum();
            assert_eq!(pass.tokens.len(), pass.members.len() * pass.time);
            assert_eq!(pass.positions.len(), pass.tokens.len());
            assert!(2 * used >= pass.tokens.len());
            assert!(pass.members.len() == 1 || pass.tokens.len() <= PASS_TOKENS);
        }
    }

    #[test]
    fn says_which_value_is_wrong() {
        let ce = LossFunction::CrossEntropy;
        let say = |datum: Datum, loss| check(&[datum], loss, 10, 8).unwrap_err().to_string();
        assert!(check(&[datum(8)], ce, 10, 8).is_ok());
        assert!(say(datum(9), ce).contains("9 tokens"));
        assert!(say(datum(0), ce).contains("0 tokens"));
        assert!(
            say(
                Datum {
                    targets: vec![10; 3],
                    ..datum(3)
                },
                ce
            )
            .contains("target 0 is 10")
        );
        assert!(
            say(
                Datum {
                    weights: vec![f32::NAN; 3],
                    ..datum(3)
                },
                ce
            )
            .contains("weight 0 is NaN")
        );
        assert!(
            say(
                Datum {
                    weights: vec![1.0; 2],
                    ..datum(3)
                },
                ce
            )
            .contains("2 weights")
        );
        assert!(say(datum(3), LossFunction::ImportanceSampling).contains("0 advantages"));
        let ppo = LossFunction::Ppo {
            clip_low: 1.2,
            clip_high: 0.8,
        };
        assert!(say(datum(3), ppo).contains("1.2 and 0.8"));
        assert!(check(&[], ce, 10, 8).is_err());
    }
}
