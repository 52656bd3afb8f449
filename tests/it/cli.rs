//! The command line, run as a person or a script runs it.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::command::{Cli, Serving};

fn rule(name: &str) -> String {
    format!("{}/rules/{name}/rule.wasm", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn demo_prints_one_document_with_the_request_the_token_and_who_set_what() {
    let cli = Cli::new();
    let demo = ["demo", "--once", "--listen", "127.0.0.1:0"];
    let shown = cli.json(&demo);
    let members: Vec<&String> = shown.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        [
            "claims",
            "data",
            "issuer",
            "listen",
            "provenance",
            "request",
            "response"
        ]
    );
    let issuer = shown["issuer"].as_str().unwrap();
    assert_eq!(
        issuer,
        format!("http://{}/", shown["listen"].as_str().unwrap())
    );
    assert_eq!(
        shown["data"].as_str().unwrap(),
        cli.data().to_str().unwrap()
    );
    assert_eq!(
        shown["request"]["url"],
        json!(format!("{issuer}oauth/token"))
    );
    assert_eq!(shown["claims"]["iss"], shown["issuer"]);
    let audience = &shown["request"]["audience"];
    assert_eq!(&shown["claims"]["aud"][0], audience);
    assert_eq!(
        shown["provenance"],
        json!([
            {"kind": "claim", "name": "https://orders.acme.example/roles", "rule": "roles-to-claims", "version": 1},
            {"kind": "scope", "name": "export:orders", "rule": "extra-scope", "version": 1},
        ])
    );

    // A second run finds everything there, and works again with new secrets.
    let again = cli.run(&demo);
    assert_eq!(
        (again.code, again.stderr.as_str()),
        (0, ""),
        "silent when piped"
    );
    assert!(again.stdout.contains("<- set by roles-to-claims@1"));
    let secret = shown["request"]["client_secret"].as_str().unwrap();
    assert!(!again.stdout.contains(secret));
}

#[test]
fn a_tenant_is_set_up_by_hand_and_listed() {
    let cli = Cli::new();
    let init = cli.json(&["init", "--tenant", "acme"]);
    assert_eq!(
        init["tenant"]["issuer"],
        json!("http://acme.localhost:8080/")
    );
    assert_eq!(
        init["administrator"]["email"],
        json!("admin@acme.localhost")
    );
    assert!(init["administrator"]["password"].as_str().unwrap().len() > 40);

    let api = "https://orders.example/";
    cli.json(&["api", "create", api, "--scope", "read:orders=Read orders"]);
    let client = cli.json(&[
        "client",
        "create",
        "Till",
        "--grant",
        "password",
        "--grant",
        "password-realm",
    ]);
    assert_eq!(
        client["grant_types"],
        json!([
            "password",
            "http://auth0.com/oauth/grant-type/password-realm"
        ])
    );
    let user = [
        "user",
        "create",
        "--email",
        "ada@acme.example",
        "--password-stdin",
    ];
    assert_eq!(cli.with_input(&user, "correct horse\n").code, 0);
    cli.json(&["rule", "upload", "roles", &rule("roles-to-claims")]);
    cli.json(&[
        "rule",
        "bind",
        "roles",
        "--order",
        "7",
        "--on-fault",
        "skip",
    ]);
    assert_eq!(
        cli.with_input(&["rule", "configure", "KEY"], "value\n")
            .code,
        0
    );
    cli.json(&["tenant", "set", "acme", "--default-audience", api]);

    assert_eq!(
        cli.json(&["tenant", "show", "acme"])["default_audience"],
        json!(api)
    );
    let clients = cli.json(&["client", "list"]);
    assert_eq!(clients[0]["client_id"], client["client_id"]);
    assert_eq!(clients[0].get("secret"), None, "not even its digest");
    assert_eq!(
        cli.json(&["user", "find", "ADA@acme.example"])["email"],
        json!("ada@acme.example")
    );
    assert_eq!(cli.json(&["user", "list"]).as_array().unwrap().len(), 2);
    let bindings = cli.json(&["rule", "list"]);
    assert_eq!(
        (&bindings[0]["order"], &bindings[0]["on_fault"]),
        (&json!(7), &json!("skip"))
    );
    assert_eq!(
        cli.json(&["rule", "versions", "roles"])[0]["version"],
        json!(1)
    );
    assert_eq!(cli.json(&["log"]), json!([]));
}

#[test]
fn a_mistake_is_64_and_one_sentence() {
    let cli = Cli::new();
    let nothing = cli.run(&["tenant", "list"]);
    assert_eq!(nothing.code, 64);
    assert!(
        nothing.stderr.contains("run `claimsmith init` first"),
        "{}",
        nothing.stderr
    );
    assert!(!cli.data().exists(), "a mistyped --data makes nothing");

    cli.json(&["init", "--tenant", "acme"]);
    for (arguments, sentence) in [
        (vec!["init", "--tenant", "globex"], "has a tenant already"),
        (
            vec!["tenant", "create", "acme"],
            "there already is a tenant",
        ),
        (
            vec!["tenant", "create", "Acme!"],
            "cannot be a tenant's name",
        ),
        (
            vec!["tenant", "create", "b", "--issuer", "http://x/path"],
            "it has a path",
        ),
        (
            vec!["tenant", "show", "globex"],
            "there is no tenant `globex`",
        ),
        (
            vec!["client", "create", "x", "--grant", "implicit"],
            "`implicit` is none of",
        ),
        (
            vec![
                "client",
                "create",
                "x",
                "--grant",
                "password",
                "--third-party",
            ],
            "third party",
        ),
        (
            vec!["user", "create"],
            "give it an e-mail address or a user name",
        ),
        (
            vec!["rule", "bind", "nothing"],
            "there is no version of the rule `nothing`",
        ),
        (vec!["frobnicate"], "unrecognized subcommand"),
    ] {
        let done = cli.run(&arguments);
        assert_eq!(done.code, 64, "{arguments:?}: {}", done.stderr);
        assert!(
            done.stderr.contains(sentence),
            "{arguments:?}: {}",
            done.stderr
        );
    }
    let done = cli.run(&["tenant", "show", "globex", "--json"]);
    let error: Value = serde_json::from_str(&done.stderr).unwrap();
    assert_eq!(error["error"]["exit_code"], json!(64));
}

#[test]
fn rule_check_says_what_a_component_is_or_what_is_wrong_with_it() {
    let cli = Cli::new();
    let checked = cli.json(&["rule", "check", &rule("email-allow-list-c")]);
    assert_eq!(checked["interface"], json!("claimsmith:rules@1.0.0"));
    let size = std::fs::metadata(rule("email-allow-list-c")).unwrap().len();
    assert_eq!(checked["size"], json!(size));

    let core = cli.folder.path().join("core.wasm");
    std::fs::write(&core, b"\0asm\x01\0\0\0").unwrap();
    let text = cli.folder.path().join("text.wasm");
    std::fs::write(&text, b"\xffhello").unwrap();
    for (file, sentence) in [
        (core.as_path(), "wasm-tools component new"),
        (&text, "not WebAssembly"),
        (Path::new("nowhere.wasm"), "cannot read `nowhere.wasm`"),
    ] {
        let done = cli.run(&["rule", "check", file.to_str().unwrap()]);
        assert_eq!(done.code, 3, "{}", done.stderr);
        assert!(done.stderr.contains(sentence), "{}", done.stderr);
        assert!(!done.stderr.contains("backtrace"), "{}", done.stderr);
    }
}

#[test]
fn rule_run_tells_allow_deny_fault_and_a_bad_file_apart_by_its_exit_code() {
    let cli = Cli::new();
    let input = cli.folder.path().join("input.json");
    let write = |document: Value| std::fs::write(&input, document.to_string()).unwrap();
    let user = json!({"email": "ada@acme.example", "email_verified": true, "roles": ["editor"]});
    let exchange = json!({"user": user, "draft": {"scopes": ["openid"]}});
    write(
        json!({"exchange": exchange, "configuration": {"ALLOWED_EMAIL_DOMAINS": "acme.example"}}),
    );
    let input_path = input.to_str().unwrap();
    let (allow_list, roles) = (rule("email-allow-list"), rule("roles-to-claims"));
    let run =
        |rules: &[&str]| cli.run(&[&["rule", "run"], rules, &["--input", input_path]].concat());

    let allowed = run(&[&allow_list, &roles]);
    assert_eq!(allowed.code, 0, "{}", allowed.stderr);
    assert!(
        allowed.stdout.contains("outcome: allowed"),
        "{}",
        allowed.stdout
    );
    assert!(
        allowed.stdout.contains("% of 50000000"),
        "against the production limits"
    );
    let document = cli.json(&["rule", "run", &roles, "--input", input_path]);
    assert_eq!(document["provenance"][0]["rule"], json!("roles-to-claims"));

    write(
        json!({"exchange": exchange, "configuration": {"ALLOWED_EMAIL_DOMAINS": "globex.example"}}),
    );
    assert_eq!(run(&[&allow_list, &roles]).code, 2);

    let looping = cli.folder.path().join("looping.wasm");
    std::fs::write(&looping, crate::rule_host::guest::guest("endless-loop")).unwrap();
    let faulted = run(&[looping.to_str().unwrap()]);
    assert_eq!(faulted.code, 4, "{}", faulted.stdout);

    write(json!({"exchange": {"usr": {}}}));
    let wrong_key = run(&[&roles]);
    assert_eq!(wrong_key.code, 3);
    assert!(wrong_key.stderr.contains("`usr`"), "{}", wrong_key.stderr);
}

#[test]
fn rule_run_answers_requests_from_its_file_and_never_from_the_network() {
    use crate::rule_host::fetch_guest::{fetching, get};
    let cli = Cli::new();
    let component = cli.folder.path().join("asking.wasm");
    let requests =
        ["known", "unknown"].map(|path| get(&format!("https://api.acme.example/{path}")));
    std::fs::write(&component, fetching(&requests)).unwrap();
    let input = cli.folder.path().join("input.json");
    let known = json!({"url": "https://api.acme.example/known", "body": "hello", "status": 201});
    let document = json!({"exchange": {}, "fetches": [known]});
    std::fs::write(&input, document.to_string()).unwrap();
    let [component, input] = [&component, &input].map(|path| path.to_str().unwrap());
    let run = ["rule", "run", component, "--input", input];
    let done = cli.json(&run);
    let messages: Vec<&str> = done["rules"][0]["logs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["message"].as_str().unwrap())
        .collect();
    assert_eq!(messages[0], "hello");
    assert!(
        messages[1].contains("a replay has no network"),
        "{messages:?}"
    );
    let text = cli.run(&run).stdout;
    assert!(
        text.contains("fetch GET https://api.acme.example/known: 201, 5 bytes"),
        "{text}"
    );
}

#[test]
fn a_binding_shows_the_hosts_it_allows_and_keeps_them_until_told_otherwise() {
    let cli = Cli::new();
    cli.json(&["init", "--tenant", "acme"]);
    cli.json(&["rule", "upload", "asking", &rule("email-allow-list-c")]);
    let bind = |options: &[&str]| cli.json(&[&["rule", "bind", "asking"], options].concat());
    let hosts = |bound: &Value| bound["permissions"].clone();
    assert_eq!(hosts(&bind(&[])), json!({"hosts": [], "allow_http": false}));
    let allowed = bind(&[
        "--allow-host",
        "API.example.com",
        "--allow-host",
        "*.example.net:8443",
        "--allow-http",
    ]);
    let expected = json!({"hosts": ["api.example.com", "*.example.net:8443"], "allow_http": true});
    assert_eq!(hosts(&allowed), expected);
    assert_eq!(hosts(&bind(&["--order", "7"])), expected);
    let listed = cli.run(&["rule", "list"]).stdout;
    assert!(
        listed.contains("api.example.com *.example.net:8443 (http too)"),
        "{listed}"
    );
    assert_eq!(hosts(&bind(&["--no-hosts"]))["hosts"], json!([]));
    for (options, complaint) in [
        (
            &["--allow-host", "https://a.example"][..],
            "leave out the scheme",
        ),
        (&["--allow-http"], "--allow-host"),
    ] {
        let refused = cli.run(&[&["rule", "bind", "asking"], options].concat());
        assert_eq!(refused.code, 64, "{}", refused.stderr);
        assert!(refused.stderr.contains(complaint), "{}", refused.stderr);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn serve_raises_the_number_of_files_that_it_may_open() {
    let cli = Cli::new();
    cli.json(&["init", "--tenant", "acme"]);
    let serve = cli.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -Sn 256; exec \"$0\" \"$@\""])
        .arg(serve.get_program())
        .args(serve.get_args())
        .env_remove("CLAIMSMITH_DATA")
        .env_remove("CLAIMSMITH_MASTER_KEY")
        .stdin(Stdio::null());
    let serving = Serving::start(limited);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", serving.id())).unwrap();
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let numbers: Vec<u64> = files
        .unwrap()
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    assert_eq!(numbers[0], numbers[1].min(4096), "{files:?}");
}

#[test]
fn serve_refuses_what_is_no_certificate_and_no_network() {
    let cli = Cli::new();
    cli.json(&["init", "--tenant", "acme"]);
    let file = cli.folder.path().join("roots.pem");
    std::fs::write(&file, "hello").unwrap();
    let certificates = cli.run(&["serve", "--rules-ca", file.to_str().unwrap()]);
    assert_eq!(certificates.code, 3);
    assert!(
        certificates.stderr.contains("no certificate in it"),
        "{}",
        certificates.stderr
    );
    let network = cli.run(&["serve", "--rules-may-reach", "10.0.0.0/33"]);
    assert_eq!(network.code, 64);
    assert!(network.stderr.contains("10.0.0.0/33"), "{}", network.stderr);
}

#[test]
fn a_data_directory_in_use_or_from_a_newer_version_is_69_and_one_sentence() {
    let cli = Cli::new();
    cli.json(&["init", "--tenant", "acme"]);
    let serving = cli.serve();
    let second = cli.run(&["tenant", "list"]);
    drop(serving);
    assert_eq!(second.code, 69);
    assert!(
        second.stderr.contains("in use by another process"),
        "{}",
        second.stderr
    );
    assert_eq!(second.stderr.lines().count(), 1, "{}", second.stderr);
    assert_eq!(
        cli.run(&["tenant", "list"]).code,
        0,
        "a killed server leaves it free"
    );

    let format = cli.data().join("store/format");
    let text = std::fs::read_to_string(&format).unwrap();
    let newer = text
        .trim_end()
        .trim_end_matches(|c: char| c.is_ascii_digit())
        .to_owned()
        + "999\n";
    std::fs::write(&format, newer).unwrap();
    let refused = cli.run(&["tenant", "list"]);
    assert_eq!(refused.code, 69);
    assert!(
        refused.stderr.contains("newer version"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_master_key_that_is_lost_or_another_one_is_noticed_at_the_start() {
    let cli = Cli::new();
    cli.json(&["init", "--tenant", "acme"]);
    let key = cli.data().join("master.key");
    let kept = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let lost = cli.run(&["tenant", "list"]);
    assert_eq!(lost.code, 69);
    assert!(
        lost.stderr.contains("put back the master key"),
        "{}",
        lost.stderr
    );
    assert!(
        !key.exists(),
        "no new key is made behind the administrator's back"
    );

    let other = "00".repeat(32);
    let wrong = cli.run(&["tenant", "list", "--master-key", &other]);
    assert_eq!(wrong.code, 69);
    assert!(
        wrong.stderr.contains("does not fit this data directory"),
        "{}",
        wrong.stderr
    );

    std::fs::write(&key, kept).unwrap();
    let mut permissions = std::fs::metadata(&key).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
    std::fs::set_permissions(&key, permissions).unwrap();
    assert_eq!(cli.run(&["tenant", "list"]).code, 0);
}

#[test]
fn keys_are_listed_rotated_and_revoked() {
    let cli = Cli::new();
    cli.json(&["init", "--tenant", "acme"]);
    let listed = cli.json(&["key", "list"]);
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 4);
    assert_eq!(
        (&listed[0]["alg"], &listed[0]["current"]),
        (&json!("RS256"), &json!(true))
    );

    // Nobody knows the next key yet; the refusal says when.
    let early = cli.run(&["key", "rotate", "--alg", "EdDSA"]);
    assert_eq!(early.code, 64);
    assert!(
        early.stderr.contains("not known to all verifiers before"),
        "{}",
        early.stderr
    );
    let rotated = cli.json(&["key", "rotate", "--alg", "EdDSA", "--now"]);
    assert_eq!(rotated.as_array().unwrap().len(), 1);
    assert_eq!(rotated[0]["current"], json!(true));
    assert_eq!(cli.run(&["key", "rotate", "--alg", "HS256"]).code, 64);

    let listed = cli.json(&["key", "list"]);
    let find = |state: &str| {
        let keys = listed.as_array().unwrap().iter();
        let mut keys = keys.filter(|key| key["alg"] == "EdDSA" && key[state] == true);
        keys.next().unwrap()["kid"].as_str().unwrap()
    };
    assert_eq!(cli.run(&["key", "revoke", find("current")]).code, 64);
    let revoked = cli.json(&["key", "revoke", find("previous")]);
    assert_eq!(revoked[0]["revoked"], json!(true));
    assert!(revoked[0]["revoked_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(cli.run(&["key", "revoke", "nonsense"]).code, 64);
    // One name in 64 begins so, and is no option.
    let hyphen = cli.run(&["key", "revoke", "-nonsense"]);
    assert!(
        hyphen
            .stderr
            .contains("there is no signing key `-nonsense`"),
        "{}",
        hyphen.stderr
    );

    cli.json(&["tenant", "set", "acme", "--rotate-keys-every", "30"]);
    let shown = cli.json(&["tenant", "show", "acme"]);
    assert_eq!(shown["key_rotation_days"], json!(30));
    assert_eq!(
        cli.run(&["tenant", "set", "acme", "--rotate-keys-every", "6"])
            .code,
        64
    );
    cli.json(&["tenant", "set", "acme", "--rotate-keys-every", "0"]);
    assert_eq!(
        cli.json(&["tenant", "show", "acme"])["key_rotation_days"],
        json!(null)
    );
}

#[test]
fn client_grants_and_who_may_have_tokens_for_an_api() {
    let cli = Cli::new();
    cli.json(&["init", "--tenant", "acme"]);
    let api = "https://orders.example/";
    cli.json(&["api", "create", api, "--scope", "read:orders"]);
    let grant = ["--grant", "client_credentials"];
    let client = cli.json(&[&["client", "create", "Nightly"][..], &grant].concat());
    let id = client["client_id"].as_str().unwrap();
    let made = cli.json(&["client-grant", "create", id, api, "--scope", "read:orders"]);
    assert_eq!(made["scope"], json!(["read:orders"]));
    let listed = cli.json(&["client-grant", "list", "--client", id]);
    assert_eq!(listed, json!([made]));
    assert_eq!(
        cli.run(&["client-grant", "create", id, api, "--scope", "write:orders"])
            .code,
        64
    );
    let none = cli.json(&["client-grant", "set-scopes", id, api]);
    assert_eq!(none["scope"], json!([]));
    cli.json(&["client-grant", "delete", id, api]);
    assert_eq!(cli.json(&["client-grant", "list"]), json!([]));
    let set = [
        "api",
        "set",
        api,
        "--client-policy",
        "deny_all",
        "--user-policy",
        "require_client_grant",
    ];
    assert_eq!(
        cli.json(&set)["subject_type_authorization"],
        json!({"client": {"policy": "deny_all"}, "user": {"policy": "require_client_grant"}})
    );
}

#[test]
fn tls_that_cannot_be_spoken_is_noticed_at_the_start() {
    let cli = Cli::new();
    cli.json(&["init", "--tenant", "acme"]);
    let nowhere = cli.folder.path().join("nowhere.pem");
    let nowhere = nowhere.to_str().unwrap();
    let alone = cli.run(&["serve", "--tls-cert", nowhere]);
    assert_eq!(alone.code, 64, "{}", alone.stderr);
    let missing = cli.run(&["serve", "--tls-cert", nowhere, "--tls-key", nowhere]);
    assert_eq!(missing.code, 64);
    assert!(missing.stderr.contains("nowhere.pem"), "{}", missing.stderr);
}

#[test]
fn a_client_s_proofs_are_changed_without_a_gap() {
    let cli = Cli::new();
    cli.json(&["init", "--tenant", "acme"]);
    let client = cli.json(&["client", "create", "Nightly"]);
    let id = client["client_id"].as_str().unwrap();
    let rotated = cli.json(&["client", "rotate-secret", id]);
    assert_ne!(rotated["client_secret"], client["client_secret"]);
    assert!(rotated["previous_secret_expires_at"].is_u64());
    assert_eq!(rotated.get("previous_secret"), None, "not even its digest");
    let revoked = cli.json(&["client", "revoke-previous-secret", id]);
    assert_eq!(revoked.get("previous_secret_expires_at"), None);
    let at_once = cli.json(&["client", "rotate-secret", id, "--revoke-previous"]);
    assert_eq!(at_once.get("previous_secret_expires_at"), None);

    let key = cli.folder.path().join("key.json");
    // RFC 7517, appendix A.1.
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "kid": "1",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    });
    std::fs::write(&key, jwk.to_string()).unwrap();
    let key = key.to_str().unwrap();
    let add = ["client", "credential", "add", id, key, "--alg", "ES256"];
    assert_eq!(cli.run(&add).code, 64, "it has a secret");
    let changed = cli.json(&["client", "set-auth", id, "private_key_jwt"]);
    assert_eq!(
        (
            &changed["token_endpoint_auth_method"],
            changed.get("client_secret")
        ),
        (&json!("private_key_jwt"), None)
    );
    assert_eq!(cli.run(&["client", "rotate-secret", id]).code, 64);
    let added = cli.json(&[&add[..], &["--days", "90"]].concat());
    assert_eq!(added["kid"], json!("1"));
    assert_eq!(
        cli.json(&["client", "credential", "list", id]),
        json!([added])
    );
    cli.json(&["client", "credential", "remove", id, "1"]);
    assert_eq!(cli.json(&["client", "credential", "list", id]), json!([]));
}

#[test]
fn refresh_token_settings_change_one_by_one_and_what_cannot_be_is_refused() {
    let cli = Cli::new();
    cli.json(&["init", "--tenant", "acme"]);
    let client = cli.json(&["client", "create", "Till", "--grant", "refresh_token"]);
    let id = client["client_id"].as_str().unwrap();
    let verb = ["client", "set-refresh-tokens", id];
    let set = |options: &[&str]| cli.json(&[&verb, options].concat())["refresh_token"].clone();

    // A rotating token must end, so rotation alone switches the lifetimes on.
    let rotating = set(&["--rotation", "rotating", "--leeway", "10"]);
    assert_eq!(
        rotating,
        json!({
            "rotation_type": "rotating", "expiration_type": "expiring", "leeway": 10,
            "token_lifetime": 31_557_600, "infinite_token_lifetime": false,
            "idle_token_lifetime": 2_592_000, "infinite_idle_token_lifetime": false,
        })
    );
    // A shorter life takes the idle time with it; what is not named stays.
    let shorter = set(&["--token-lifetime", "3600"]);
    assert_eq!(shorter["idle_token_lifetime"], json!(3_600));
    assert_eq!(
        (&shorter["rotation_type"], &shorter["leeway"]),
        (&json!("rotating"), &json!(10))
    );
    let fixed = ["--rotation", "non-rotating", "--expiration", "non-expiring"];
    assert_eq!(set(&fixed)["infinite_token_lifetime"], json!(true));

    let before = cli.json(&["client", "list"]);
    for wrong in [
        &["--rotation", "sometimes"][..],
        &["--leeway", "601"],
        &["--leeway", "-1"],
        &["--token-lifetime", "0"],
        &["--token-lifetime", "31557601"],
        &["--token-lifetime", "60", "--idle-token-lifetime", "61"],
        &["--rotation", "rotating", "--expiration", "non-expiring"],
    ] {
        let refused = cli.run(&[&verb, wrong].concat());
        assert_eq!(refused.code, 64, "{wrong:?}: {}", refused.stdout);
    }
    assert_eq!(cli.json(&["client", "list"]), before);
}

#[test]
fn a_client_is_believed_where_its_users_are_and_a_public_one_never() {
    let cli = Cli::new();
    cli.json(&["init", "--tenant", "acme"]);
    let client = cli.json(&["client", "create", "Till"]);
    let id = client["client_id"].as_str().unwrap();
    for trusted in ["true", "false"] {
        let changed = cli.json(&["client", "trust-ip-header", id, trusted]);
        assert_eq!(
            changed["is_token_endpoint_ip_header_trusted"],
            json!(trusted == "true")
        );
    }
    let public = cli.json(&["client", "create", "Phone", "--auth", "none"]);
    let public = public["client_id"].as_str().unwrap();
    let refused = cli.run(&["client", "trust-ip-header", public, "true"]);
    assert_eq!(refused.code, 64, "{}", refused.stdout);
}

#[test]
fn roles_are_made_granted_and_given_to_users() {
    let cli = Cli::new();
    cli.json(&["init", "--tenant", "acme"]);
    let api = "https://orders.example/";
    let scopes = ["--scope", "read:orders", "--scope", "write:orders"];
    cli.json(&[&["api", "create", api][..], &scopes].concat());
    let set = ["api", "set", api, "--enforce-policies", "true"];
    let set = cli.json(&[&set[..], &["--token-dialect", "access_token_authz"]].concat());
    assert_eq!(set["enforce_policies"], json!(true));
    assert_eq!(set["token_dialect"], json!("access_token_authz"));
    let user = cli.json(&["user", "create", "--username", "ada", "--role", "old"]);
    let id = user["user_id"].as_str().unwrap();

    cli.json(&["role", "create", "editor", "--description", "Writes"]);
    let held = cli.json(&[
        "role",
        "grant",
        "editor",
        api,
        "read:orders",
        "write:orders",
    ]);
    assert_eq!(held[0]["scopes"], json!(["read:orders", "write:orders"]));
    cli.json(&["role", "revoke", "editor", api, "read:orders"]);
    assert_eq!(
        cli.json(&["role", "permissions", "editor"]),
        json!([{"audience": api, "scopes": ["write:orders"]}])
    );
    let user = cli.json(&["role", "assign", "editor", id]);
    assert_eq!(user["roles"], json!(["old", "editor"]));
    cli.json(&["user-permission", "grant", id, api, "read:orders"]);
    assert_eq!(
        cli.json(&["user-permission", "list", id]),
        json!([
            {"audience": api, "scope": "read:orders", "role": null},
            {"audience": api, "scope": "write:orders", "role": "editor"},
        ])
    );
    cli.json(&["user-permission", "revoke", id, api]);
    cli.json(&["role", "unassign", "old", id]);
    assert_eq!(cli.run(&["role", "assign", "nobody", id]).code, 64);
    assert_eq!(
        cli.json(&["role", "list"])[0]["description"],
        json!("Writes")
    );
    cli.json(&["role", "delete", "editor"]);
    assert_eq!(cli.json(&["role", "list"]), json!([]));
    assert_eq!(cli.json(&["user-permission", "list", id]), json!([]));
}

#[test]
fn users_are_imported_and_each_failure_is_reported() {
    let cli = Cli::new();
    cli.json(&["init", "--tenant", "acme"]);
    let file = cli.folder.path().join("users.json");
    let users: Vec<Value> = (0..150)
        .map(|number| match number {
            70 => json!({"email": "broken", "user": "SECRET"}),
            number => json!({"email": format!("user{number}@acme.example")}),
        })
        .collect();
    std::fs::write(&file, serde_json::to_string(&users).unwrap()).unwrap();
    let report = cli.folder.path().join("report.ndjson");
    let (file, report) = (file.to_str().unwrap(), report.to_str().unwrap());
    let import = ["user", "import", file, "--report", report];
    let done = cli.run(&[&import[..], &["--json"]].concat());
    assert_eq!(done.code, 3, "{}", done.stderr);
    let summary: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(
        summary["summary"],
        json!({"total": 150, "inserted": 149, "updated": 0, "failed": 1})
    );
    let lines = std::fs::read_to_string(report).unwrap();
    let line: Value = serde_json::from_str(lines.lines().nth(70).unwrap()).unwrap();
    assert_eq!((lines.lines().count(), &line["user"]), (150, &json!(71)));
    assert_eq!(line["errors"][0]["code"], "NOT_PASSED");
    let again = cli.run(&["user", "import", file, "--upsert"]);
    assert!(
        again
            .stdout
            .starts_with("0 inserted, 149 updated, 1 failed"),
        "{}",
        again.stdout
    );
}
