//! What a build read, and what it looked for and did not find: nothing else can make the next one differ.
//!
//! ```text
//! build ──what it reads, with a digest──▶ InputRecorder ──▶ Inputs ──▶ ProjectWatcher: what is watched
//!                                                             ▲                 │
//!                                                             └── does it differ now? ──▶ the next build
//! ```
//!
//! An input is a path and a question about it, with the answer that the build got. It is the path that was asked for,
//! links unresolved: what the answer is now is found by asking the same again. Sizes and times are no answers, since
//! a file can be exchanged for one that has the same.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

mod tree;

pub(crate) use tree::Tree;

/// Most bytes of a source, where nobody says what the sources are.
const SOURCE: u64 = 64 << 20;

/// blake3.
pub(crate) type Digest = [u8; 32];

/// What a build wants to know of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// What lies there, and of a link where it leads.
    Entry,
    /// What lies there once links are followed.
    Kind,
    /// What a file holds.
    Content,
    /// What a folder holds: names, and what they are.
    Names,
    /// Size and time of a file that is too large for a source, and that nobody named.
    Stamp,
}

/// What it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Nothing,
    File,
    Folder,
    /// A device, a FIFO, or what cannot be looked at.
    Other,
    Link(Digest),
    Content {
        size: u64,
        digest: Digest,
    },
    Names(Digest),
    Stamp {
        size: u64,
        modified: Option<SystemTime>,
    },
    /// It changed while the build was at work, so nobody knows what was read.
    Unsettled,
}

impl Question {
    /// Looks now.
    pub(crate) fn ask(self, path: &Path) -> Answer {
        self.ask_again(path, None)
    }

    /// The same, if that is all one wants to know, without reading a file whose size says that it is another.
    fn ask_again(self, path: &Path, before: Option<&Answer>) -> Answer {
        let found = match self {
            Self::Entry => path.symlink_metadata(),
            _ => path.metadata(),
        };
        let Ok(meta) = found else {
            return Answer::Nothing;
        };
        match self {
            Self::Entry if meta.is_symlink() => match path.read_link() {
                Ok(target) => Answer::Link(digest(target.as_os_str().as_encoded_bytes())),
                Err(_) => Answer::Other,
            },
            Self::Content if meta.is_file() => {
                let size = meta.len();
                match before {
                    Some(Answer::Content { size: known, .. }) if *known != size => {
                        Answer::Unsettled
                    }
                    _ => content_of(path),
                }
            }
            Self::Names if meta.is_dir() => names_in(path),
            Self::Stamp if meta.is_file() => Answer::Stamp {
                size: meta.len(),
                modified: meta.modified().ok(),
            },
            _ => kind(&meta),
        }
    }
}

fn kind(meta: &Metadata) -> Answer {
    if meta.is_file() {
        Answer::File
    } else if meta.is_dir() {
        Answer::Folder
    } else {
        Answer::Other
    }
}

pub(crate) fn digest(bytes: &[u8]) -> Digest {
    *blake3::hash(bytes).as_bytes()
}

fn content_of(path: &Path) -> Answer {
    let mut hasher = blake3::Hasher::new();
    let read = arkor_files::open_regular(path).and_then(|file| {
        hasher.update_reader(file)?;
        Ok(())
    });
    match read {
        Ok(()) => Answer::Content {
            size: hasher.count(),
            digest: *hasher.finalize().as_bytes(),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Answer::Nothing,
        Err(_) => Answer::Other,
    }
}

fn names_in(folder: &Path) -> Answer {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Answer::Other;
    };
    let mut names: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| {
            let kind = entry.file_type().map_or(0_u8, |kind| {
                u8::from(kind.is_file()) | u8::from(kind.is_dir()) << 1
            });
            (entry.file_name(), kind)
        })
        .collect();
    names.sort();
    let mut hasher = blake3::Hasher::new();
    for (name, kind) in names {
        hasher.update(name.as_encoded_bytes());
        // No name has a zero.
        hasher.update(&[0, kind]);
    }
    Answer::Names(*hasher.finalize().as_bytes())
}

/// Everything that a build depends on.
#[derive(Debug, Default, Clone)]
pub struct Inputs {
    answers: HashMap<Arc<Path>, Vec<(Question, Answer)>>,
    trees: Vec<(Tree, Digest)>,
    /// Folders in which nothing is an input: what the host, a compiler or the trainer itself writes.
    outputs: Vec<PathBuf>,
    /// Whether a command ran that may have written into what it was started by.
    runs_command: bool,
}

/// What was read before, and which of it may have changed since.
#[derive(Debug, Default)]
struct Known {
    inputs: Arc<Inputs>,
    doubtful: HashSet<Arc<Path>>,
}

impl Inputs {
    /// All paths that something was asked about.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Arc<Path>> {
        self.answers.keys()
    }

    pub(crate) fn len(&self) -> usize {
        self.answers.len()
    }

    pub(crate) fn has(&self, path: &Path) -> bool {
        self.answers.contains_key(path)
    }

    pub(crate) fn trees(&self) -> &[(Tree, Digest)] {
        &self.trees
    }

    pub(crate) fn runs_command(&self) -> bool {
        self.runs_command
    }

    /// Whether the names in a folder are what was asked for.
    pub(crate) fn lists(&self, path: &Path) -> bool {
        let answers = self.answers.get(path).into_iter().flatten();
        answers
            .into_iter()
            .any(|(question, _)| *question == Question::Names)
    }

    /// The content of a file as it was read.
    pub(crate) fn content(&self, path: &Path) -> Option<Answer> {
        let answers = self.answers.get(path)?;
        let mut found = answers.iter();
        found
            .find(|(question, _)| *question == Question::Content)
            .map(|(_, answer)| *answer)
    }

    /// Keeps an answer. Of two to the same question the first stays: that they differ is seen later, when it
    /// is asked again.
    fn note(&mut self, path: &Path, question: Question, answer: Answer) {
        if let Some(answers) = self.answers.get_mut(path) {
            if answers.iter().all(|(known, _)| *known != question) {
                answers.push((question, answer));
            }
        } else {
            self.answers.insert(path.into(), vec![(question, answer)]);
        }
    }

    /// Whether somebody who asks now is told something else about a path.
    pub(crate) fn differs(&self, path: &Path) -> bool {
        self.answers.get(path).is_some_and(|answers| {
            let mut answers = answers.iter();
            answers.any(|(question, known)| question.ask_again(path, Some(known)) != *known)
        })
    }

    /// Takes what is there now for what was read.
    pub(crate) fn accept(&mut self, path: &Path) {
        if let Some(answers) = self.answers.get_mut(path) {
            for (question, answer) in answers {
                *answer = question.ask(path);
            }
        }
        for (tree, names) in &mut self.trees {
            if tree.root() == path {
                *names = tree.walk().names();
            }
        }
    }

    /// Adds what an earlier build asked about: one that failed early has not come to what is saved next. Of what has
    /// changed since, and began this build, it is what is there now that counts.
    pub(crate) fn carry(&mut self, earlier: &Self, changed: &BTreeSet<PathBuf>) {
        for (path, answers) in &earlier.answers {
            if self.answers.contains_key(path) {
                continue;
            }
            let mut answers = answers.clone();
            if changed.contains(&**path) {
                for (question, answer) in &mut answers {
                    *answer = question.ask(path);
                }
            }
            self.answers.insert(Arc::clone(path), answers);
        }
        for (tree, names) in &earlier.trees {
            if self.trees.iter().any(|(known, _)| known == tree) {
                continue;
            }
            let is_changed = changed.contains(tree.root());
            let names = if is_changed {
                tree.walk().names()
            } else {
                *names
            };
            self.trees.push((tree.clone(), names));
        }
        for place in &earlier.outputs {
            if !self.outputs.contains(place) {
                self.outputs.push(place.clone());
            }
        }
    }

    /// Leaves out what lies in a folder of outputs.
    fn without_outputs(mut self) -> Self {
        let outputs = std::mem::take(&mut self.outputs);
        // That the folder itself is there may matter.
        let is_in = |path: &Path, place: &PathBuf| path != place && path.starts_with(place);
        let is_output = |path: &Path| outputs.iter().any(|place| is_in(path, place));
        self.answers.retain(|path, _| !is_output(path));
        self.outputs = outputs;
        self
    }
}

/// Takes down what a build asks, from all of its parts and threads.
#[derive(Debug, Clone, Default)]
pub struct InputRecorder {
    inputs: Arc<Mutex<Inputs>>,
    /// What was read before and is known not to have changed since.
    known: Arc<Known>,
}

impl InputRecorder {
    /// One that does not read again what is known and not in doubt.
    pub(crate) fn knowing(inputs: Arc<Inputs>, doubtful: HashSet<Arc<Path>>) -> Self {
        Self {
            inputs: Arc::default(),
            known: Arc::new(Known { inputs, doubtful }),
        }
    }

    fn inputs(&self) -> MutexGuard<'_, Inputs> {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file was read, and this was in it.
    pub(crate) fn read(&self, path: &Path, bytes: &[u8]) {
        let answer = Answer::Content {
            size: bytes.len() as u64,
            digest: digest(bytes),
        };
        self.note(path, Question::Content, answer);
    }

    /// An answer that the build got by other means.
    pub(crate) fn note(&self, path: &Path, question: Question, answer: Answer) {
        self.inputs().note(path, question, answer);
    }

    /// Looks, and takes it down.
    pub(crate) fn ask(&self, path: &Path, question: Question) -> Answer {
        let known = match question {
            Question::Content if !self.known.doubtful.contains(path) => {
                self.known.inputs.content(path)
            }
            _ => None,
        };
        let known = known.filter(|answer| *answer != Answer::Unsettled);
        let answer = known.unwrap_or_else(|| question.ask(path));
        self.note(path, question, answer);
        answer
    }

    pub(crate) fn is_file(&self, path: &Path) -> bool {
        self.ask(path, Question::Kind) == Answer::File
    }

    pub(crate) fn is_folder(&self, path: &Path) -> bool {
        self.ask(path, Question::Kind) == Answer::Folder
    }

    /// A file that something else reads, by its digest in hex or what lies there in its place. Asked before it is
    /// read: what is written in between is a change.
    pub fn file(&self, path: &Path) -> String {
        match self.ask(path, Question::Content) {
            Answer::Content { digest, .. } => blake3::Hash::from_bytes(digest).to_hex().to_string(),
            other => format!("{other:?}").to_lowercase(),
        }
    }

    /// A file or folder whose being there is what matters.
    pub fn presence(&self, path: &Path) {
        self.ask(path, Question::Kind);
    }

    /// All files of a tree, and that there are no others.
    pub(crate) fn tree(&self, tree: Tree) {
        let walked = tree.walk();
        for file in &walked.files {
            self.ask(file, Question::Entry);
            match file.metadata() {
                Ok(meta) if meta.is_file() && tree.is_guess() && meta.len() > SOURCE => {
                    self.ask(file, Question::Stamp);
                }
                Ok(meta) if meta.is_file() => {
                    self.ask(file, Question::Content);
                }
                // A link to a folder is not followed: it may lead anywhere.
                _ => {}
            }
        }
        let names = walked.names();
        self.inputs().trees.push((tree, names));
    }

    /// The build is a command's, which may write wherever it likes.
    pub(crate) fn runs_command(&self) {
        self.inputs().runs_command = true;
    }

    /// Nothing in this folder is an input, whoever asks.
    pub fn output(&self, folder: &Path) {
        let mut inputs = self.inputs();
        if !inputs.outputs.iter().any(|known| known == folder) {
            inputs.outputs.push(folder.into());
        }
    }

    /// All that was asked.
    pub fn finish(&self) -> Inputs {
        std::mem::take(&mut *self.inputs()).without_outputs()
    }

    /// One that takes down answers by itself, and knows the same.
    pub(crate) fn apart(&self) -> Self {
        Self {
            inputs: Arc::default(),
            known: Arc::clone(&self.known),
        }
    }

    /// Adds answers that another recorder was given.
    pub(crate) fn extend(&self, earlier: Inputs) {
        let mut inputs = self.inputs();
        for (path, answers) in earlier.answers {
            for (question, answer) in answers {
                inputs.note(&path, question, answer);
            }
        }
        inputs.trees.extend(earlier.trees);
    }
}

#[cfg(test)]
mod tests;
