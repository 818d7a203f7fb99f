//! `artifacts`: files of the run.

use tokio::sync::oneshot;

use crate::contract::v0_1::bindings::arkor::trainer::artifacts::{Artifact, ArtifactError, Host};
use crate::contract::v0_1::convert;
use crate::guest::GuestState;
use crate::protocol::GuestRequest;

impl Host for GuestState {
    async fn write(
        &mut self,
        name: String,
        content: Vec<u8>,
    ) -> wasmtime::Result<Result<Artifact, ArtifactError>> {
        let Some(requests) = self.run().map(|run| run.requests.clone()) else {
            return Ok(Err(ArtifactError::NotReady));
        };
        if !super::is_name(&name) {
            return Ok(Err(ArtifactError::InvalidName(format!(
                "{:?}: a name has 1 to 200 letters, digits and _ - . / of ASCII, and no part that begins with a dot",
                crate::words::cut::<String>(name, crate::words::NAME)
            ))));
        }
        let limit = self.limits.artifact_size;
        if content.len() as u64 > limit {
            return Ok(Err(ArtifactError::TooLarge(format!(
                "{name} has {} bytes, and limits.artifact-size is {limit}",
                content.len()
            ))));
        }
        if self.only_learns() {
            // The generation that this event was for has written it.
            return Ok(Ok(Artifact {
                name,
                size: convert::count(content.len() as u64),
                digest: blake3::hash(&content).to_hex().to_string(),
                additional: Vec::new(),
            }));
        }
        let _waits = self.wait_for_host();
        let (reply, answer) = oneshot::channel();
        let _ = requests
            .send(GuestRequest::Artifact {
                name,
                content,
                reply,
            })
            .await;
        let written = answer
            .await
            .unwrap_or_else(|_| Err("the run is over".into()));
        Ok(written
            .map(|artifact| Artifact {
                name: artifact.name.into_string(),
                size: convert::count(artifact.size),
                digest: artifact.digest,
                additional: Vec::new(),
            })
            .map_err(ArtifactError::Other))
    }
}
