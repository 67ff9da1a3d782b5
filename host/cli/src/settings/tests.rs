use std::collections::HashMap;

use super::source::Source;
use super::*;
use wakeful::core::Limits;

fn read(flags: Layer, file: &str, environment: &[(&str, &str)]) -> Result<Settings, Failure> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wakeful.toml");
    std::fs::write(&path, file).unwrap();
    let variables: HashMap<&str, &str> = environment.iter().copied().collect();
    Settings::read_with(flags, Some(&path), &|name| variables.get(name).map(OsString::from))
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default() {
    let file = "listen = \"127.0.0.1:1\"\nconcurrent_runs = 1\nmax_attempts = 7\n";
    let environment = [("WAKEFUL_LISTEN", "127.0.0.1:2"), ("WAKEFUL_CONCURRENT_RUNS", "2")];
    let flags = Layer { listen: "127.0.0.1:3".parse().ok(), ..Layer::default() };
    let settings = read(flags, file, &environment).unwrap();
    assert_eq!(settings.listen.value.to_string(), "127.0.0.1:3");
    assert_eq!(settings.listen.source, Source::Flag("--listen".into()));
    assert_eq!(settings.concurrent_runs.value, 2);
    assert_eq!(settings.concurrent_runs.source.to_string(), "environment WAKEFUL_CONCURRENT_RUNS");
    assert_eq!(settings.max_attempts.value, 7);
    assert!(matches!(settings.max_attempts.source, Source::File(_)));
    assert_eq!(settings.guest_threads.source, Source::Default);
}

#[test]
fn every_setting_reaches_the_host() {
    let file = "
        concurrent_runs = 5
        guest_threads = 2
        runners = 3
        shutdown_grace = \"3s\"
        max_attempts = 4
        retry_wait = \"2s\"
        longest_retry_wait = \"5m\"
        store_cache = \"1 MiB\"
        min_free_disk = 9
        max_body = \"2 MiB\"
        key_rate = \"5:9\"
        peer_rate = \"7\"
        request_log = true
        [limits]
        fuel = 11
        timeout = \"2m\"
        tokens = 5000
        tokens_per_day = 90000
        [models.fast]
        provider = 'openai'
        model = 'gpt-5-mini'
        key = { from = 'OPENAI_API_KEY' }
        [limits.http]
        requests = 9
        first_byte = '7s'
        response = '1 MiB'
        [crons]
        min_interval = '1m'
        usual_end = '90d'
        catchup_per_second = 3
        zone_poll = '5m'
        [assistant_crons]
        max = 7
        min_interval = \"5m\"
        [compile]
        memory = '1 GiB'
        time = '20s'
        [grants]
        hosts = ['https://*.example.com', 'http://127.0.0.1:9']
        private = false
        environment = ['TZ', 'FEED_*']
        secret_folders = ['/run/secrets']
        [webhooks]
        allow = ['127.0.0.1:9000', '10.0.0.0/8', 'hooks.example.com']
        https_only = true
        secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
        previous_secret = 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
        [retention]
        deliveries = '3h'
        stateless_runs = \"1h\"
        fires = \"2h\"
        crons = '4h'
        threads = \"3h\"
        threads_expiry = \"keep_latest\"";
    let settings = read(Layer::default(), file, &[]).unwrap();
    let host = settings.host();
    assert_eq!((host.concurrent_runs, host.guest_threads, host.max_attempts), (5, 2, 4));
    assert!(host.runners.is_none(), "what is not served runs in this process");
    if cfg!(target_os = "linux") {
        assert_eq!(settings.serving_host().runners.map(|runners| runners.count()), Some(3));
    }
    assert_eq!(host.shutdown_grace.as_secs(), 3);
    assert_eq!((host.backoff.first.as_secs(), host.backoff.longest.as_secs()), (2, 300));
    assert_eq!((host.store_cache, host.min_free_disk), (1 << 20, 9));
    assert_eq!((host.limits.fuel, host.limits.timeout.as_secs()), (11, 120));
    assert_eq!(host.limits.memory, Limits::default().memory);
    assert_eq!((host.limits.tokens, host.limits.tokens_per_day), (5_000, Some(90_000)));
    let fast = &host.models.0[&"fast".parse().unwrap()];
    assert_eq!((fast.provider.as_str(), fast.model.as_str()), ("openai", "gpt-5-mini"));
    let http = host.limits.http;
    assert_eq!((http.requests, http.first_byte.as_secs(), http.response), (9, 7, 1 << 20));
    assert_eq!(http.request, Limits::default().http.request);
    assert_eq!(host.grants.hosts.unwrap().len(), 2);
    assert!(!host.grants.private);
    assert_eq!(host.grants.environment.unwrap().len(), 2);
    assert_eq!(host.grants.secret_folders.unwrap().len(), 1);
    assert_eq!(host.retention.stateless_runs.as_secs(), 3_600);
    assert_eq!(host.retention.fires.as_secs(), 7_200);
    let threads = host.retention.threads.unwrap();
    assert_eq!((threads.after.as_secs(), threads.expiry), (10_800, Expiry::KeepLatest));
    assert_eq!(host.retention.deliveries.as_secs(), 10_800);
    assert_eq!(host.retention.crons.as_secs(), 14_400);
    let crons = host.crons;
    assert_eq!((crons.min_interval.as_secs(), crons.catchup_per_second), (60, 3));
    assert_eq!(crons.zone_poll.as_secs(), 300);
    assert_eq!(crons.usual_end.unwrap().as_secs(), 90 * 86_400);
    let crons = host.assistant_crons;
    assert_eq!((crons.max, crons.min_interval.as_secs()), (7, 300));
    let compiler = format!("{:?}", host.compiler);
    assert!(compiler.contains("memory: 1073741824, processor: 20s, time: 100s"), "{compiler}");
    assert!(host.webhooks.https_only);
    assert_eq!(host.webhooks.allow.len(), 3);
    let secrets = settings.server().webhooks.secrets;
    assert_eq!(secrets.len(), 2);
    assert_eq!(secrets[0].reveal(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    assert!(!settings.to_toml().contains("MfKQ9r8"));
    let server = settings.server();
    assert_eq!(server.max_body, 2 << 20);
    assert_eq!(server.key_rate, "5:9".parse().ok());
    assert_eq!(server.peer_rate, "7".parse().ok());
    assert!(server.request_log);
}

#[test]
fn a_client_finds_the_server_of_the_same_settings() {
    let url = |file: &str, environment: &[(&str, &str)]| {
        read(Layer::default(), file, environment).unwrap().url.value.0
    };
    assert_eq!(url("", &[]), "http://127.0.0.1:8123");
    assert_eq!(url("listen = \"0.0.0.0:9000\"", &[]), "http://127.0.0.1:9000");
    assert_eq!(url("", &[("WAKEFUL_URL", "https://example.org/")]), "https://example.org");
}

#[test]
fn a_bad_variable_is_named() {
    for (name, value) in [
        ("WAKEFUL_LISTEN", "here"),
        ("WAKEFUL_MAX_BODY", "much"),
        ("WAKEFUL_MAX_ATTEMPTS", "-1"),
        ("WAKEFUL_LOG_FORMAT", "xml"),
        ("WAKEFUL_CONCURRENT_RUNS", "0"),
        ("WAKEFUL_KEY_RATE", "fast"),
        ("WAKEFUL_CRONS_MIN_INTERVAL", "often"),
        ("WAKEFUL_CRONS_USUAL_END", "0s"),
        ("WAKEFUL_CRONS_CATCHUP_PER_SECOND", "0"),
        ("WAKEFUL_API_KEY", "a\nb"),
        ("LANGGRAPH_API_KEY", "\u{7f}"),
        ("WAKEFUL_WEBHOOKS_ALLOW", "127.0.0.1, a b"),
        ("WAKEFUL_WEBHOOKS_SECRET", "secret"),
        ("WAKEFUL_WEBHOOKS_PREVIOUS_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ] {
        let error = read(Layer::default(), "", &[(name, value)]).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
    assert!(read(Layer::default(), "", &[("WAKEFUL_LISTEN", "")]).is_ok());
}

#[test]
fn the_printed_settings_are_a_file_that_gives_the_same() {
    let file = "data = \"/some \\\"where\\\"\"\nlog = \"debug\"\n[limits]\nmemory = \"1000\"\n";
    let settings = read(Layer::default(), file, &[("WAKEFUL_SHUTDOWN_GRACE", "90s")]).unwrap();
    let printed = settings.to_toml();
    assert!(printed.contains("# environment WAKEFUL_SHUTDOWN_GRACE"), "{printed}");
    assert!(printed.contains("# default"), "{printed}");
    let again = read(Layer::default(), &printed, &[]).unwrap();
    let values = |settings: &Settings| format!("{:?} {:?}", settings.host(), settings.log.value);
    let absolute = |mut settings: Settings| {
        // The folders of a file lie where the file lies, and the two files lay apart.
        settings.assistants.value = settings.assistants.value.file_name().unwrap().into();
        settings
    };
    assert_eq!(values(&absolute(again)), values(&absolute(settings)));
}

#[test]
fn the_documented_defaults_are_the_real_ones() {
    use clap::CommandFactory;

    let settings = read(Layer::default(), "", &[]).unwrap();
    let serve = crate::arguments::Cli::command();
    let serve = serve.find_subcommand("serve").unwrap();
    for (flag, value) in [
        ("listen", settings.listen.value.to_string()),
        ("data", format!("./{}", settings.data.value.display())),
        ("concurrent_runs", settings.concurrent_runs.value.to_string()),
        ("guest_threads", settings.guest_threads.value.to_string()),
        ("shutdown_grace", settings.shutdown_grace.value.to_string()),
        ("max_attempts", settings.max_attempts.value.to_string()),
        ("retry_wait", settings.retry_wait.value.to_string()),
        ("longest_retry_wait", settings.longest_retry_wait.value.to_string()),
        ("store_cache", settings.store_cache.value.to_string()),
        ("min_free_disk", settings.min_free_disk.value.to_string()),
        ("max_body", settings.max_body.value.to_string()),
        ("key_rate", settings.key_rate.value.to_string()),
        ("peer_rate", settings.peer_rate.value.to_string()),
    ] {
        let argument = serve.get_arguments().find(|argument| argument.get_id() == flag).unwrap();
        let help = argument.get_help().unwrap().to_string();
        assert!(help.ends_with(&format!("[default: {value}]")), "{flag}: {help}");
    }
}

#[test]
fn an_api_key_is_found_and_never_shown() {
    let key = |file: &str, environment: &[(&str, &str)]| {
        let settings = read(Layer::default(), file, environment).unwrap();
        let printed = format!("{} {settings:?}", settings.to_toml());
        assert!(!printed.contains("wk_"), "{printed}");
        let key = settings.api_key.value.map(|key| key.0.to_str().unwrap().to_owned());
        (key.unwrap_or_default(), settings.api_key.source.to_string())
    };
    let (own, other) = (("WAKEFUL_API_KEY", "wk_own"), ("LANGGRAPH_API_KEY", "wk_other"));
    let named = |key: &str, name: &str| (key.to_owned(), format!("environment {name}"));
    assert_eq!(key("", &[]), (String::new(), "default".to_owned()));
    assert_eq!(key("", &[own, other]), named(own.1, own.0));
    assert_eq!(key("", &[other]), named(other.1, other.0));
    assert_eq!(key("api_key = \"wk_file\"", &[]).0, "wk_file");
}

#[test]
fn who_may_call_without_keys_depends_on_the_address() {
    for (listen, insecure_open, expected) in [
        ("127.0.0.1:1", false, WithoutKeys::Local),
        ("[::1]:1", false, WithoutKeys::Local),
        ("0.0.0.0:1", false, WithoutKeys::Nobody),
        ("192.0.2.1:1", false, WithoutKeys::Nobody),
        ("0.0.0.0:1", true, WithoutKeys::Anyone),
        ("127.0.0.1:1", true, WithoutKeys::Anyone),
    ] {
        let file = format!("listen = \"{listen}\"\ninsecure_open = {insecure_open}");
        let settings = read(Layer::default(), &file, &[]).unwrap();
        assert_eq!(settings.server().without_keys, expected, "{file}");
    }
}
