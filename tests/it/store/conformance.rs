use std::sync::Arc;

use async_trait::async_trait;
use claimsmith::clock::Clock;
use claimsmith::store::conformance::{self, Backend};
use claimsmith::store::sled::{SledOptions, SledStore};
use claimsmith::store::{Error, Store};
use tempfile::TempDir;

struct Sled(TempDir);

#[async_trait]
impl Backend for Sled {
    async fn open(&self, name: &str, clock: Arc<dyn Clock>) -> Result<Arc<dyn Store>, Error> {
        let options = SledOptions {
            clock,
            ..SledOptions::default()
        };
        Ok(SledStore::open(&self.0.path().join(name), options)?)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sled_does_what_every_backend_must() {
    let backend = Sled(tempfile::tempdir().unwrap());
    conformance::run(&backend).await.unwrap();
}
