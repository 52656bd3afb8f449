//! The document that says what there is, held against the one in the repository.

use std::path::Path;

use serde_json::Value;

use crate::support::app::App;

/// Written anew when `CLAIMSMITH_UPDATE` is set; the difference is then for the review to see.
#[tokio::test]
async fn the_document_is_the_one_in_the_repository() {
    let app = App::start().await;
    let served = app.get("/api/v2/openapi.json").await.document(200);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    if std::env::var_os("CLAIMSMITH_UPDATE").is_some() {
        let text = serde_json::to_string_pretty(&served).unwrap();
        std::fs::write(&file, format!("{text}\n")).unwrap();
    }
    let kept: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert!(
        served == kept,
        "the API changed: run `CLAIMSMITH_UPDATE=1 cargo test --test it openapi` and look at what did"
    );
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere_and_no_name_is_taken_twice() {
    let app = App::start().await;
    let document = app.get("/api/v2/openapi.json").await.document(200);
    assert_eq!(document["openapi"], "3.1.0");
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 20, "{references:?}");
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let mut names = Vec::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            names.push(operation["operationId"].as_str().unwrap());
        }
    }
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "$ref" => references.push(text.clone()),
                    other => collect(other, references),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}
