//! The `claimsmith` command.

fn main() {}
