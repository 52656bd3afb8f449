//! The crates `oauth2` and `openidconnect`, as their documentation shows them. Prints one JSON line
//! for each client, grant and outcome; `run.py` makes the table.

mod oauth;
mod openid;

use std::error::Error;

use oauth2::reqwest::{Certificate, Client, redirect::Policy};
use serde_json::{Value, json};

type Outcome = Result<String, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let house = std::fs::read(std::env::var("CLAIMSMITH_HOUSE")?)?;
    let house: Value = serde_json::from_slice(&house)?;
    let authority = std::fs::read(std::env::var("SSL_CERT_FILE")?)?;
    let http = Client::builder()
        .redirect(Policy::none())
        .add_root_certificate(Certificate::from_pem(&authority)?)
        .build()?;
    oauth::run(&house, &http).await?;
    openid::run(&house, &http).await
}

fn report(client: &str, grant: &str, attempt: Outcome) {
    let (outcome, detail) = match attempt {
        Ok(detail) => ("ok", detail),
        Err(error) => ("FAILED", error.to_string()),
    };
    let row = json!({ "client": client, "grant": grant, "outcome": outcome, "detail": detail });
    println!("{row}");
}

/// A text of the house, by its path.
fn text(house: &Value, path: &str) -> String {
    let found = house.pointer(path).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}
