//! Whether code of another configuration could begin, before the run in flight is asked to stop for it.

use anyhow::Result;
use arkor_engine::Priority;
use tokio::task::JoinHandle;

use super::Code;
use crate::settings;

/// Whether a run of this code could begin, as far as that can be known before it does.
async fn can_begin(code: &Code) -> Result<()> {
    let settings = settings::run(&code.project, Priority::Background)?;
    Ok(arkor_runtime::check(&code.spec, &settings).await?)
}

/// Data and tokenizer may take a while, and the session has more to do.
pub(super) struct Checking {
    pub(super) code: Code,
    task: JoinHandle<Result<()>>,
}

impl Checking {
    pub(super) fn begin(code: Code) -> Self {
        let checked = code.clone();
        let task = tokio::spawn(async move { can_begin(&checked).await });
        Self { code, task }
    }
}

impl Drop for Checking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What came of a check; waits for ever if there is none.
pub(super) async fn checked(checking: &mut Option<Checking>) -> Result<()> {
    match checking {
        Some(checking) => (&mut checking.task).await?,
        None => std::future::pending().await,
    }
}
