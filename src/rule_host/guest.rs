//! What belongs to one call: the data of its `wasmtime::Store`, and what its imports can reach.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use wasmtime::ResourceLimiter;
use wasmtime::component::{HasSelf, Linker};

use super::bindings::{configuration, fetch, log};
use super::fault::Stop;
use super::fetch::Errands;
use super::javascript::Group;
use super::journal::{Journal, Pages};
use super::stopwatch::Stopwatch;
use super::text::printable;
use super::wasi::Shell;
use super::{Level, Limits, Manifest, Rule};
use crate::clock::Timestamp;
use crate::secret::Secret;

/// How many keys are remembered of those a guest asked for.
const MAX_KEYS_READ: usize = 64;

/// The data of one call's store.
pub(super) struct Guest {
    pub(super) meter: Meter,
    pub(super) journal: Journal,
    /// Counts what the guest computes.
    pub(super) watch: Arc<Stopwatch>,
    /// The reading of that stopwatch at which the guest is stopped.
    pub(super) deadline: Duration,
    /// Its requests to the network; none outside an exchange.
    pub(super) errands: Option<Errands>,
    /// The rules in JavaScript that run here; none for components.
    pub(super) group: Option<Box<Group>>,
    /// Keys of the configuration that were asked for.
    pub(super) keys_read: BTreeSet<String>,
    /// How long it took to make the instance.
    pub(super) instantiated: Option<Duration>,
    facts: Facts,
    shell: Option<Box<Shell>>,
}

/// What a guest may know beside the exchange, and what its randomness is made of.
#[derive(Clone, Default)]
pub(super) struct Facts {
    pub(super) configuration: Arc<BTreeMap<String, Secret>>,
    pub(super) exchange_id: Arc<str>,
    pub(super) now: Timestamp,
    pub(super) digest: Arc<str>,
    pub(super) manifest: Option<Arc<Manifest>>,
}

impl Facts {
    /// Those of an instantiation that is not for an exchange.
    pub(super) fn none(rule: &Rule) -> Self {
        Self {
            configuration: Arc::default(),
            exchange_id: Arc::default(),
            now: Timestamp::default(),
            digest: rule.shared_digest(),
            manifest: None,
        }
    }
}

impl Guest {
    pub(super) fn new(limits: &Limits, facts: Facts, errands: Option<Errands>) -> Self {
        Self {
            meter: Meter::new(limits),
            journal: Journal::new(limits),
            keys_read: BTreeSet::new(),
            instantiated: None,
            watch: Arc::new(Stopwatch::new()),
            deadline: limits.deadline,
            errands,
            group: None,
            facts,
            shell: None,
        }
    }

    /// WASI, made when the guest first asks for it: most guests never do.
    pub(super) fn shell(&mut self) -> &mut Shell {
        self.shell.get_or_insert_with(|| {
            Box::new(Shell::new(&self.facts, &self.journal, self.meter.handles))
        })
    }

    /// Ends the call: what stands in WASI's streams without a line end becomes a line as well.
    pub(super) fn close(&mut self) -> Pages {
        if let Some(shell) = &self.shell {
            shell.flush();
        }
        self.journal.close()
    }
}

/// Everything of the interface that a guest can import, linked.
pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    log::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    configuration::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    fetch::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
}

impl log::Host for Guest {
    fn write(&mut self, level: log::Level, message: String) {
        let level = match level {
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.journal.write(level, &message);
    }
}

impl configuration::Host for Guest {
    /// A key outside the manifest is a fault and not an empty answer: a rule that finds no setting
    /// may well let everybody in.
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        if let Some(manifest) = &self.facts.manifest
            && !manifest.allows_key(&key)
        {
            return Err(Stop::Unlisted(manifest.unlisted_key(&key)).into());
        }
        let value = self.facts.configuration.get(&key);
        if self.keys_read.len() < MAX_KEYS_READ {
            self.keys_read.insert(printable(&key, 128));
        }
        Ok(value.map(|value| value.expose().to_owned()))
    }
}

/// Bounds memory and tables, and remembers the most memory that was held.
///
/// A guest that asks for too much is stopped rather than told no: compilers turn a no into
/// an `unreachable`, which would hide the cause from its author.
pub(super) struct Meter {
    held: usize,
    pub(super) peak: usize,
    memory_bytes: usize,
    table_elements: usize,
    instances: usize,
    tables: usize,
    handles: usize,
}

impl Meter {
    /// The memory that is held now, in bytes.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    fn new(limits: &Limits) -> Self {
        Self {
            held: 0,
            peak: 0,
            memory_bytes: limits.memory_bytes,
            table_elements: limits.table_elements,
            instances: limits.instances as usize,
            tables: limits.tables as usize,
            handles: limits.handles,
        }
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.held.saturating_add(desired.saturating_sub(current));
        if wanted > self.memory_bytes {
            return Err(Stop::Memory { wanted }.into());
        }
        self.held = wanted;
        self.peak = self.peak.max(wanted);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.table_elements {
            return Err(Stop::Table { wanted: desired }.into());
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.tables
    }

    fn memories(&self) -> usize {
        1
    }
}
