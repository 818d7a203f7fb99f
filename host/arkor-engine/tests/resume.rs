//! Training that goes on in another process is the training that never stopped.

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use arkor_engine::{
        EmbeddedEngine, Engine, Examples, Priority, SessionRequest, Text, TrainingSession,
    };
    use arkor_types::{
        AdamParameters, DatasetDraft, DatasetSource, Datum, HeldOut, HyperparametersDraft,
        LogProbs, LossFunction, ModelShape, ModelSource, Spec, SpecDraft, TokenizerSource,
    };

    /// Tells the child process which folder to work in.
    const FOLDER: &str = "ARKOR_TEST_RESUME_FOLDER";

    fn spec() -> Spec {
        SpecDraft {
            tokenizer: Some(TokenizerSource::Bpe(320)),
            hyperparameters: HyperparametersDraft {
                max_length: Some(48),
                per_device_train_batch_size: Some(5),
                ..HyperparametersDraft::default()
            },
            ..SpecDraft::new(
                "resume",
                ModelSource::Scratch(ModelShape {
                    hidden_size: 32,
                    num_hidden_layers: 2,
                    num_attention_heads: 4,
                    num_key_value_heads: 2,
                    intermediate_size: 64,
                    rope_theta: 1e4,
                    rms_norm_eps: 1e-5,
                    tie_word_embeddings: true,
                }),
                Some(DatasetDraft {
                    held_out: Some(HeldOut::Share(0.1)),
                    ..DatasetSource::File("text".into()).into()
                }),
            )
        }
        .resolve()
        .unwrap()
    }

    fn text() -> Text {
        let lines = (0..900).map(|n| format!("{n} bottles stand on wall {}\n", n * n % 89));
        Text::split(&lines.collect::<String>(), 0.1)
    }

    fn open(saved: Option<&Path>, threads: usize) -> (Box<dyn TrainingSession>, Examples) {
        let (spec, text) = (spec(), text());
        let hyperparameters = spec.hyperparameters.clone();
        let session = EmbeddedEngine::new(Some(threads), Priority::Normal)
            .unwrap()
            .open(SessionRequest {
                spec,
                tokenizer_file: None,
                tokenizer_text: Some(text.tokenizer_text()),
                saved: saved.map(Into::into),
                weights: None,
            })
            .unwrap();
        let examples = Examples::prepare(&text, &*session, &hyperparameters).unwrap();
        (session, examples)
    }

    fn train(session: &mut dyn TrainingSession, examples: &Examples, steps: std::ops::Range<u64>) {
        for step in steps {
            let batch: Vec<Datum> = examples
                .batch(step)
                .into_iter()
                .map(|one| one.into_datum(1.0 / 240.0))
                .collect();
            session
                .forward_backward(&batch, LossFunction::CrossEntropy, LogProbs::Omit)
                .unwrap();
            let adam = AdamParameters {
                learning_rate: 1e-2,
                ..AdamParameters::default()
            };
            session.optim_step(&adam).unwrap();
        }
    }

    fn saved(session: &mut dyn TrainingSession) -> Vec<u8> {
        let mut file = Vec::new();
        session.save_state(&mut file).unwrap();
        file
    }

    /// The second half, in a process and with a number of threads of its own; passes at once
    /// when it is run as an ordinary test.
    #[test]
    fn child() {
        let Ok(folder) = std::env::var(FOLDER) else {
            return;
        };
        let folder = Path::new(&folder);
        let (mut session, examples) = open(Some(&folder.join("half")), 3);
        train(&mut *session, &examples, 7..12);
        std::fs::write(folder.join("whole"), saved(&mut *session)).unwrap();
    }

    #[test]
    fn another_process_goes_on_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let (mut session, examples) = open(None, 2);
        train(&mut *session, &examples, 0..7);
        std::fs::write(folder.path().join("half"), saved(&mut *session)).unwrap();
        train(&mut *session, &examples, 7..12);
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::child"])
            .env(FOLDER, folder.path())
            .status()
            .unwrap();
        assert!(status.success());
        let whole = std::fs::read(folder.path().join("whole")).unwrap();
        assert!(whole == saved(&mut *session), "the states differ");
    }
}
