//! The local Studio: what `arkor-host dev` serves on the loopback interface.
//!
//! ```text
//! session (arkor-host) ──publish──▶ Hub ──▶ routes ──▶ page, scripts
//!        ▲                           │
//!        └───────── Command ◀────────┘
//! ```
//!
//! Nothing is decided here. The session says what happens through the [`Hub`], and what a person asks
//! for comes to it as a [`Command`], which it answers or refuses. Events are told only after they
//! are in the store.
//!
//! Whoever speaks to this server can train on this machine, so it binds loopback only, answers
//! requests to its own name only, and wants the token of this launch for everything but the page's
//! own files ([`server`](crate::StudioServer) has the rules).

mod answer;
mod assets;
mod command;
mod downsample;
mod guard;
mod history;
mod hub;
mod refusal;
mod routes;
mod server;
mod state;
mod stream;
mod tail;
mod token;

pub use command::{Command, DevAction, Request, RunAction};
pub use hub::{Hub, HubInbox};
pub use refusal::{Refusal, RefusalKind};
pub use routes::openapi;
pub use server::{BindError, StudioServer};
pub use state::{BuiltCode, DevPhase, DevState, Timings};
pub use token::{Token, TokenFile};
