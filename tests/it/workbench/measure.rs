//! `rule bench`, and `completion`.

use serde_json::json;

use super::{Bench, shipped};

#[test]
fn bench_counts_the_fuel_that_run_counts_and_compares_pair_by_pair() {
    let bench = Bench::new();
    let (this, other) = (shipped("roles-to-claims"), shipped("extra-scope"));
    let (code, document) = bench.json(&[
        "rule", "bench", &this, "--vs", &other, "--rounds", "20", "--now", "0",
    ]);
    assert_eq!(code, 0, "{document:#}");
    let candidates = document["candidates"].as_array().unwrap();
    let names: Vec<_> = candidates
        .iter()
        .map(|c| c["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "(a rule that does nothing)",
            "roles-to-claims",
            "extra-scope"
        ]
    );
    let fuel = |rule: &str| {
        let (_, document) = bench.json(&["rule", "run", rule, "--now", "0"]);
        document["rules"][0]["fuel"].clone()
    };
    assert_eq!(candidates[1]["fuel"], fuel(&this));
    assert_eq!(candidates[2]["fuel"], fuel(&other));
    assert!(candidates[0]["fuel"].as_u64() < candidates[2]["fuel"].as_u64());
    for candidate in candidates {
        assert_eq!(candidate["outcome"], json!("allowed"));
        let [p50, p90, p99] =
            ["p50_us", "p90_us", "p99_us"].map(|p| candidate[p].as_f64().unwrap());
        assert!(0.0 < p50 && p50 <= p90 && p90 <= p99, "{candidate}");
    }
    assert!(document["ratio"]["time_p50"].as_f64().unwrap() > 0.0);
    assert_eq!(
        bench.run(&["rule", "bench", &this, "--rounds", "0"]).code,
        64
    );
}

#[test]
fn every_shell_s_completion_knows_the_workbench() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let done = bench.run(&["completion", shell]);
        assert_eq!(done.code, 0);
        assert!(
            done.stdout.contains("bench") && done.stdout.contains("manifest"),
            "{shell}"
        );
    }
}
