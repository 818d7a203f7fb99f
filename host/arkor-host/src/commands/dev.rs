//! `arkor-host dev`: watch, build, and bring what was built into the run.
//!
//! ```text
//! watcher ──changed──▶ builder (a thread) ──code or error──▶ session ──▶ run: swap, stay, stop
//!                          ▲                                  ▲  │ │
//!                          └──── build now ───────────────────│──┘ └──▶ hub ──▶ Studio
//!                                 the run's end, commands ────┘
//! ```
//!
//! The end has one order, and each part of it a bound: the run stops with a checkpoint and its last
//! callbacks (the second Ctrl-C cuts that short), a build on its way is ended (two seconds), the server
//! ends and its token file goes, the lock is let go.
//!
//! One session decides, so one save makes one decision, however many pages watch. What was built
//! last counts: a build is not begun before the one before it was handed over.

use std::fs::TryLockError;

use anyhow::{Context, Result, bail};
use arkor_files::Name;
use arkor_project::Project;
use arkor_store::Store;
use arkor_studio::{Hub, StudioServer, Token, TokenFile};

use crate::arguments::DevArguments;
use crate::exit::Exit;
use crate::output::Printer;
use crate::trust::Again;
use crate::{place, settings, signals, time_limit, trust};

mod active;
mod builder;
mod session;
mod started;
mod voice;

use builder::Builder;
use session::{Ends, Session};

pub(crate) fn dev(arguments: &DevArguments, printer: &Printer) -> Result<Exit> {
    // A trainer that is not there yet is an error of the first build, as one that is removed later is.
    let project = trust::open_awaiting(&arguments.path, &arguments.trust, printer)?;
    let time_limit = time_limit::start(&arguments.trust, true, printer)?;
    let _only_one = lock(&project)?;
    let executor = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        // A guest that computes gives way some hundred times a second, and not sixty times before anybody else is
        // looked at.
        .event_interval(1)
        .global_queue_interval(1)
        .enable_time()
        .enable_io()
        .build()
        .context("the executor's threads cannot be started")?;
    let signals = signals::listen();
    let exit = executor.block_on(async {
        let store = Store::open(&project.store_dir(), settings::store(&project)?)?;
        place::tell_damage(&store, printer);
        let again = Again::of(&arguments.path, &arguments.trust);
        for run in store.mark_interrupted()? {
            printer.note(&format!(
                "run {run} was interrupted; `{}` goes on with it",
                again.command(&run)
            ));
        }
        let (hub, commands) = Hub::new(store.clone());
        let _studio = if arguments.no_studio {
            // One that was killed could not take it away.
            let _ = TokenFile::remove(&place::create(&project)?.into_folder());
            None
        } else {
            Some(Studio::start(arguments.port, &project, hub.clone(), printer).await?)
        };
        let (builder, builds) = Builder::start(&project, arguments.max_steps, printer)?;
        let session = Session::new(
            project,
            store,
            printer.clone(),
            hub,
            builder,
            !arguments.no_studio,
            Ends {
                signals,
                time_limit,
                again,
            },
        );
        session.work(builds, commands).await
    });
    // Streams may be open still, and a build on its way.
    executor.shutdown_background();
    exit
}

/// Held as long as this process lives, however it ends.
fn lock(project: &Project) -> Result<std::fs::File> {
    let place = place::create(project)?;
    let name = Name::new("dev.lock")?;
    let path = place.folder().path_of(&name);
    let file = place
        .folder()
        .open_or_create(&name)
        .with_context(|| format!("cannot open `{}`", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "another `arkor-host dev` is at work on `{}`",
            project.root().display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock `{}`", path.display()))
        }
    }
}

/// The server at work; it ends, and its token file goes, when this is dropped.
struct Studio {
    task: tokio::task::JoinHandle<()>,
    _file: TokenFile,
}

impl Drop for Studio {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Studio {
    async fn start(
        port: Option<u16>,
        project: &Project,
        hub: Hub,
        printer: &Printer,
    ) -> Result<Self> {
        let token = Token::random().context("the system gives no random numbers")?;
        let server = StudioServer::bind(port, token.clone())
            .await
            .context("the Studio cannot be served; --no-studio does without it")?;
        let place = place::create(project)?;
        let folder = place.path().to_path_buf();
        let file = TokenFile::write(place.into_folder(), &server.url(), &token)
            .with_context(|| format!("cannot keep the Studio's token in `{}`", folder.display()))?;
        if printer.json() {
            printer.object(&serde_json::json!({
                "type": "studio",
                "url": server.url(),
                "token_file": file.path(),
            }));
        } else {
            printer.note(&format!("Studio: {}", server.page_url()));
        }
        Ok(Self {
            task: tokio::spawn(server.serve(hub)),
            _file: file,
        })
    }
}
