//! Crashes. What was acknowledged must be there afterwards, and what is there must be what some
//! moment before the crash held: whole commits, in their order, with none left out.
//!
//! Each task's operations are a function of their numbers, and each commit also writes the number
//! it is. So the number that a crash leaves tells to the byte what else it must have left.
//!
//! [`child`] is the program that is killed; `tests/faults` runs it under power cuts too.

use std::collections::BTreeMap;
use std::env;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write as _, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use claimsmith::store::sled::SledStore;
use claimsmith::store::{Commit, Durability, Error, Key, KeyRange, Store, Table, Write};
use tokio::runtime::Runtime;

use super::open;

const TASKS: u64 = 8;
const SLOTS: u64 = 64;

/// What a task does as its `number`th operation.
struct Operation {
    key: Key,
    /// None deletes.
    value: Option<Vec<u8>>,
}

impl Operation {
    fn new(task: u64, number: u64) -> Self {
        let random = mix(task << 32 | number);
        let length = match random >> 8 & 31 {
            0 => 20_000,
            1..4 => 4_000,
            _ => 100 + (random >> 16 & 255),
        };
        let bytes = (0..length).map(|i| (mix(random + i / 64) >> (i % 8 * 8)) as u8);
        Self {
            key: Key::new(
                Table::User,
                &[&task.to_string(), &(random % SLOTS).to_string()],
            ),
            value: (random >> 40 & 7 != 0).then(|| bytes.collect()),
        }
    }
}

fn mix(seed: u64) -> u64 {
    let mixed = (seed ^ seed >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ mixed >> 32
}

/// How much the tasks are to do.
#[derive(Clone, Copy)]
struct Load {
    /// The number of the last operation of each task.
    last: u64,
    /// Of so many operations one is durable, and acknowledged.
    durable_every: u64,
}

/// Where a task notes how far it is.
fn progress_key(task: u64) -> Key {
    Key::new(Table::Meta, &["progress", &task.to_string()])
}

fn put(key: Key, value: Vec<u8>) -> Write {
    Write::Put {
        key,
        value,
        expires_at: None,
    }
}

/// Goes on where the task stopped, until it has done `last` operations or the store refuses.
async fn work(store: &SledStore, task: u64, load: Load) -> Result<(), Error> {
    loop {
        let old = store.get(&progress_key(task)).await?;
        let number = 1 + old.as_ref().map_or(0, |entry| number_in(&entry.value));
        if number > load.last {
            return Ok(());
        }
        let Operation { key, value } = Operation::new(task, number);
        let durability = match number % load.durable_every {
            0 => Durability::Durable,
            _ => Durability::Relaxed,
        };
        store
            .commit(Commit {
                expect: vec![(progress_key(task), old.map(|entry| entry.version))],
                writes: vec![
                    match value {
                        Some(value) => put(key, value),
                        None => Write::Delete { key },
                    },
                    put(progress_key(task), number.to_le_bytes().to_vec()),
                ],
                durability,
            })
            .await?;
        if durability == Durability::Durable {
            // One write call, so that lines of different tasks do not mix.
            let line = format!("\nack {task} {number}\n");
            stdout().lock().write_all(line.as_bytes()).unwrap();
        }
    }
}

fn number_in(value: &[u8]) -> u64 {
    u64::from_le_bytes(value.try_into().unwrap())
}

/// The highest number of each task that a child's output acknowledges.
#[derive(Default)]
struct Acknowledged(BTreeMap<u64, u64>);

impl Acknowledged {
    /// Whether the line was an acknowledgement.
    fn read(&mut self, line: &str) -> bool {
        let mut words = line.split(' ');
        let (Some("ack"), Some(Ok(task)), Some(Ok(number)), None) = (
            words.next(),
            words.next().map(str::parse::<u64>),
            words.next().map(str::parse::<u64>),
            words.next(),
        ) else {
            return false;
        };
        let highest = self.0.entry(task).or_default();
        *highest = number.max(*highest);
        true
    }
}

/// What is wrong with a store after a crash.
async fn problems(store: &SledStore, acknowledged: &Acknowledged) -> Result<Vec<String>, Error> {
    let mut problems = Vec::new();
    for task in 0..TASKS {
        let progress = store.get(&progress_key(task)).await?;
        let reached = progress.map_or(0, |entry| number_in(&entry.value));
        let promised = acknowledged.0.get(&task).copied().unwrap_or(0);
        if reached < promised {
            problems.push(format!(
                "task {task}: {promised} acknowledged, {reached} there"
            ));
        }
        let mut expected = BTreeMap::new();
        for number in 1..=reached {
            expected.insert(Operation::new(task, number).key, number);
        }
        let range = KeyRange::prefix(Table::User, &[&task.to_string()]);
        let found = store.scan(&range, usize::MAX).await?;
        let mut found: BTreeMap<_, _> = found.into_iter().map(|e| (e.key, e.value)).collect();
        for (key, number) in expected {
            if found.remove(&key) != Operation::new(task, number).value {
                problems.push(format!(
                    "task {task} at {reached}: {key} is not as {number} left it"
                ));
            }
        }
        problems.extend(
            found
                .keys()
                .map(|key| format!("task {task} at {reached}: {key} is there")),
        );
    }
    Ok(problems)
}

/// Does what its environment says; nothing in an ordinary run of the tests.
#[test]
fn child() {
    let Ok(what) = env::var("CLAIMSMITH_CRASH") else {
        return;
    };
    let dir = PathBuf::from(env::var("CLAIMSMITH_CRASH_DIR").unwrap());
    let number = |name, default| env::var(name).map_or(default, |n| n.parse().unwrap());
    let load = Load {
        last: number("CLAIMSMITH_CRASH_LAST", u64::MAX),
        durable_every: number("CLAIMSMITH_CRASH_DURABLE_EVERY", 2),
    };
    let runtime = Runtime::new().unwrap();
    match what.as_str() {
        "write" => write(&runtime, &dir, load),
        "verify" => verify(&runtime, &dir),
        "rate" => rate(&runtime, &dir),
        other => panic!("`{other}` is not known"),
    }
}

fn write(runtime: &Runtime, dir: &Path, load: Load) {
    let store = open(dir).unwrap();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let store = store.clone();
            runtime.spawn(async move { work(&store, task, load).await })
        })
        .collect();
    for task in tasks {
        if let Err(error) = runtime.block_on(task).unwrap() {
            // A store that failed once must not take anything any more.
            let health = store.health();
            assert!(
                matches!(health, Err(Error::Unavailable(_))),
                "{error} but {health:?}"
            );
            println!("\nstopped {error}");
        }
    }
}

/// Reads acknowledgements from its input, and opens the store and says whether they are kept.
fn verify(runtime: &Runtime, dir: &Path) {
    let mut acknowledged = Acknowledged::default();
    for line in stdin().lock().lines() {
        acknowledged.read(&line.unwrap());
    }
    match open(dir) {
        Err(error) => println!("\nverdict problems 1: {error}"),
        Ok(store) => match runtime.block_on(problems(&store, &acknowledged)) {
            Ok(found) if found.is_empty() => println!("\nverdict kept"),
            Ok(found) => println!("\nverdict problems {}: {}", found.len(), found[0]),
            Err(error) => println!("\nverdict problems 1: {error}"),
        },
    }
}

/// Measures durable commits of 300 bytes.
fn rate(runtime: &Runtime, dir: &Path) {
    const TIME: Duration = Duration::from_secs(2);
    for tasks in [1, 16, 256] {
        let store = open(dir).unwrap();
        let start = Instant::now();
        let running: Vec<_> = (0..tasks)
            .map(|task| {
                let store: Arc<SledStore> = store.clone();
                runtime.spawn(async move {
                    let mut times = Vec::new();
                    while start.elapsed() < TIME {
                        let key = Key::new(
                            Table::Log,
                            &[&tasks.to_string(), &format!("{task}-{}", times.len())],
                        );
                        let began = Instant::now();
                        let (expect, writes) = (vec![], vec![put(key, vec![7; 300])]);
                        let durability = Durability::Durable;
                        store
                            .commit(Commit {
                                expect,
                                writes,
                                durability,
                            })
                            .await
                            .unwrap();
                        times.push(began.elapsed());
                    }
                    times
                })
            })
            .collect();
        let mut times: Vec<_> = running
            .into_iter()
            .flat_map(|task| runtime.block_on(task).unwrap())
            .collect();
        let per_second = times.len() as f64 / start.elapsed().as_secs_f64();
        times.sort();
        let [p50, p99] = [50, 99].map(|percent| times[times.len() * percent / 100]);
        println!(
            "\nrate {tasks} tasks: {per_second:.0} durable commits/s, p50 {p50:?}, p99 {p99:?}"
        );
    }
}

#[test]
fn a_killed_process_loses_nothing_it_acknowledged() {
    let cycles = env::var("CLAIMSMITH_KILLS").map_or(15, |cycles| cycles.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let mut acknowledged = Acknowledged::default();
    let mut acks = 0_u64;
    for cycle in 0..cycles {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "store::crash::child", "--nocapture"])
            .env("CLAIMSMITH_CRASH", "write")
            .env("CLAIMSMITH_CRASH_DIR", dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap);
        let random = RandomState::new().hash_one(cycle);
        if cycle % 3 == 2 {
            // While it starts, recovers, or has just begun.
            std::thread::sleep(Duration::from_micros(random % 60_000));
        } else {
            let wanted = random % 1500;
            let acked = lines.by_ref().filter(|line| acknowledged.read(line));
            let acked = acked.take(wanted as usize).count() as u64;
            assert_eq!(acked, wanted, "the child ended by itself");
            acks += acked;
        }
        child.kill().unwrap();
        acks += lines.filter(|line| acknowledged.read(line)).count() as u64;
        child.wait().unwrap();
        let store = open(dir.path()).unwrap();
        let found = runtime.block_on(problems(&store, &acknowledged)).unwrap();
        assert_eq!(found, [""; 0], "after kill {cycle}");
    }
    println!("{cycles} kills, {acks} commits acknowledged, none lost");
}
