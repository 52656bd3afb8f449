//! The one door from the driver to the host.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance};

use super::super::Level;
use super::super::fault::Stop;
use super::super::guest::Guest;
use super::{group, operations};

pub(super) mod generated {
    wasmtime::component::bindgen!({
        path: "rules/engine/engine.wit",
        world: "engine",
        imports: { default: async },
        exports: { default: async },
    });
}

pub(super) use self::generated::claimsmith::engine::host::Answer;

/// What is asked: operation, text, bytes.
type Asked = (String, String, Vec<u8>);
/// An answer, or a message that the driver throws.
type Answered = Result<Answer, String>;

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut host: LinkerInstance<'_, Guest> = linker.instance("claimsmith:engine/host")?;
    host.func_wrap_async("call", |store, asked: Asked| {
        Box::new(async move { Ok((answer(store, asked).await?,)) })
    })
}

/// Whatever a tenant's code makes the driver ask, it is asked as the rule whose turn it is.
async fn answer(mut store: StoreContextMut<'_, Guest>, asked: Asked) -> Result<Answered, Stop> {
    let (operation, text, bytes) = asked;
    let answer = match operation.as_str() {
        "rule.begin" => {
            let index = text.parse().unwrap_or(usize::MAX);
            group::begin(&mut store, index)?;
            nothing()
        }
        "rule.end" => {
            group::end(&mut store, &text)?;
            nothing()
        }
        "log.debug" => log(&store, Level::Debug, &text),
        "log.info" => log(&store, Level::Info, &text),
        "log.warn" => log(&store, Level::Warn, &text),
        "log.error" => log(&store, Level::Error, &text),
        "configuration" => {
            let group = store.data().group.as_deref();
            let values = group.filter(|group| group.is_running());
            let values = values.map(group::Group::configuration).unwrap_or_default();
            Ok(text_only(
                serde_json::to_string(&values).unwrap_or_default(),
            ))
        }
        "random" => random(&mut store, &text),
        "fetch.start" => operations::fetch::start(store.data_mut(), &text, bytes),
        "wait" => operations::fetch::wait(store.data_mut(), &text).await,
        other => match pay(&mut store, operations::price(other, &text)) {
            true => operations::call(other, &text, &bytes),
            false => Err("the rule's fuel is not enough for it".to_owned()),
        },
    };
    Ok(answer)
}

/// Whether the rule has that much fuel; if not it has none, and ends when it goes on.
fn pay(store: &mut StoreContextMut<'_, Guest>, price: u64) -> bool {
    let left = store.get_fuel().unwrap_or_default().checked_sub(price);
    store.set_fuel(left.unwrap_or_default()).is_ok() && left.is_some()
}

fn log(store: &StoreContextMut<'_, Guest>, level: Level, message: &str) -> Answered {
    store.data().journal.write(level, message);
    nothing()
}

fn random(store: &mut StoreContextMut<'_, Guest>, count: &str) -> Answered {
    let count = count.parse().map_err(|_| "how many bytes?".to_owned())?;
    let group = store.data_mut().group.as_deref_mut();
    let group = group.ok_or("there is no exchange under way")?;
    Ok(Answer {
        text: String::new(),
        bytes: group.random(count)?,
    })
}

fn nothing() -> Answered {
    Ok(text_only(String::new()))
}

fn text_only(text: String) -> Answer {
    Answer {
        text,
        bytes: Vec::new(),
    }
}
