//! The rules that are shipped, as they were built from `rules/`.

/// A shipped rule.
pub(super) struct Shipped {
    pub(super) name: &'static str,
    pub(super) component: &'static [u8],
    /// Its `rule.toml`.
    pub(super) manifest: &'static str,
}

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        [$(Shipped {
            name: $name,
            component: include_bytes!(concat!("../../../rules/", $name, "/rule.wasm")),
            manifest: include_str!(concat!("../../../rules/", $name, "/rule.toml")),
        }),*]
    };
}

/// In the order they are bound: who may not log in is turned away before anything is added.
pub(super) const SHIPPED: [Shipped; 5] = shipped![
    "email-allow-list",
    "email-allow-list-c",
    "office-hours",
    "roles-to-claims",
    "extra-scope",
];
