//! Help, bad usage, bad files.

use super::{program, run};

const COMMANDS: [&str; 12] = [
    "validate",
    "plan",
    "apply",
    "check",
    "probe",
    "adopt",
    "export",
    "explain",
    "schema",
    "completions",
    "man",
    "iam-policy",
];

/// A file without mistakes.
const GOOD: &str = "version: 1\nstack: shop\naccount: \"000000000000\"\nregion: eu-west-1\n";
const BAD: &str = "version: 1\nstack: shop\naccount: \"000000000000\"\nregion: nowhere\nbogus: 1\n";

#[test]
fn help_names_every_command_and_every_exit_code() {
    let help = run(&["--help"]).exits(0);
    assert!(help.stderr.is_empty(), "{}", help.all());
    for command in COMMANDS {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{command}\n{}", help.stdout);
    }
    for code in ["0", "1", "2", "3", "4", "5", "6", "130"] {
        assert!(
            help.stdout.lines().any(|line| line.split_whitespace().next() == Some(code)),
            "{code}\n{}",
            help.stdout
        );
    }
    assert!(help.stdout.lines().all(|line| line.chars().count() <= 100), "{}", help.stdout);
}

#[test]
fn each_command_has_its_help() {
    for command in COMMANDS {
        let short = run(&[command, "-h"]).exits(0);
        let long = run(&[command, "--help"]).exits(0);
        assert!(short.stdout.contains(&format!("Usage: no502 {command}")), "{}", short.stdout);
        assert!(long.stdout.len() >= short.stdout.len(), "{command}");
        assert_eq!(run(&["help", command]).exits(0).stdout, long.stdout, "{command}");
    }
}

#[test]
fn the_promised_flags_are_there() {
    let promised: [(&str, &[&str]); 7] = [
        ("probe", &["--connect-to", "--quick", "--target", "--format", "--fail-on"]),
        ("plan", &["--format", "--detailed-exitcode", "--target", "--only-5xx", "--var", "--var-file", "--chdir"]),
        ("apply", &["--yes", "--format", "--target", "--only-5xx", "--dangerous-allow"]),
        ("check", &["--format", "--fail-on", "--target", "--only-5xx"]),
        ("validate", &["--format", "--fail-on"]),
        ("export", &["--all", "--out", "--stack"]),
        (
            "adopt",
            &["--profile", "--region", "--endpoint-url", "--assume-role", "--external-id", "--max-rps", "--color"],
        ),
    ];
    for (command, flags) in promised {
        let help = run(&[command, "--help"]).exits(0).stdout;
        for flag in flags {
            assert!(help.contains(flag), "{command} {flag}\n{help}");
        }
    }
}

#[test]
fn bad_usage_is_an_error_and_says_what_is_wrong() {
    let cases: [(&[&str], &str); 19] = [
        (&["plan", "--endpoint-url", ""], "http://"),
        (&["plan", "--endpoint-url", "localhost:4566"], "http://localhost:4566"),
        (&["probe", "--connect-to", "10.0.1.10"], "TARGET:PORT=IP:PORT"),
        (&["probe", "ftp://10.0.1.10/"], "no URL"),
        (&[], "Usage"),
        (&["plam"], "plan"),
        (&["plan", "--formt", "json"], "--format"),
        (&["plan", "--format", "yaml"], "json"),
        (&["check", "--fail-on", "sometimes"], "5xx"),
        (&["plan", "--var", "novalue"], "NAME=VALUE"),
        (&["--max-rps", "0", "plan"], "--max-rps"),
        (&["--max-rps", "1e-300", "plan"], "--max-rps"),
        (&["apply", "--gate-timeout", "18446744073709551615"], "--gate-timeout"),
        (&["apply", "--settle", "169h"], "--settle"),
        (&["--external-id", "x", "plan"], "--assume-role"),
        (&["completions", "tcl"], "bash"),
        (&["export"], "<LB>"),
        (&["export", "web", "--all"], "--all"),
        (&["export", "web", "--stack", "a b"], "--stack"),
    ];
    for (args, expected) in cases {
        let run = run(args).exits(1);
        assert!(run.stdout.is_empty(), "{args:?} prints an error as data\n{}", run.all());
        assert!(run.stderr.contains(expected), "{args:?} does not say {expected}\n{}", run.all());
    }
}

#[test]
fn an_endpoint_that_is_no_url_is_an_error_and_says_where_it_is_said() {
    for (name, value, expected) in [
        ("AWS_ENDPOINT_URL", "", "is empty"),
        ("AWS_ENDPOINT_URL_STS", "", "the endpoint of STS is empty"),
        ("AWS_ENDPOINT_URL", "localhost:4566", "is `localhost:4566`"),
        ("AWS_CONFIG_FILE", "config", "the endpoint of Elastic Load Balancing v2 is empty"),
    ] {
        let (program, folder) = program();
        std::fs::write(folder.path().join("config"), "[default]\nendpoint_url =\n").unwrap();
        let program = program.env("AWS_REGION", "eu-west-1").env("AWS_ACCESS_KEY_ID", "0").env(name, value);
        let run = program.env("AWS_SECRET_ACCESS_KEY", "0").args(["diagnose", "web"]).run().exits(1);
        let said = run.stderr.contains(expected) && run.stderr.contains("unset AWS_ENDPOINT_URL_");
        assert!(said && !run.stderr.contains("panicked"), "{name}={value}: {}", run.all());
    }
}

#[test]
fn the_version_is_the_crates() {
    let version = run(&["--version"]).exits(0);
    assert_eq!(version.stdout.trim(), concat!("no502 ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn nothing_to_read_is_an_error() {
    for args in [&["validate"][..], &["plan"], &["check"], &["validate", "no-such-file.yaml"]] {
        let run = run(args).exits(1);
        assert!(run.stderr.contains("desired") || run.stderr.contains("no-such-file.yaml"), "{}", run.all());
    }
    let (program, folder) = program();
    std::fs::create_dir(folder.path().join("desired")).unwrap();
    program.args(["validate"]).run().exits(1);
}

#[test]
fn files_are_read_from_arguments_folders_and_standard_input() {
    let (program, folder) = program();
    std::fs::write(folder.path().join("one.yaml"), GOOD).unwrap();
    program.args(["validate", "one.yaml"]).run().exits(0);
    let (program, folder) = self::program();
    std::fs::create_dir(folder.path().join("desired")).unwrap();
    std::fs::write(folder.path().join("desired/one.yml"), GOOD).unwrap();
    program.args(["validate"]).run().exits(0);
    let (program, _folder) = self::program();
    program.args(["validate", "-"]).input(GOOD).run().exits(0);
    let (program, _folder) = self::program();
    program.args(["validate", "-"]).input("version: [").run().exits(1);
}

#[test]
fn every_mistake_of_a_file_is_shown_with_its_place_and_aws_is_not_called() {
    let (program, folder) = program();
    let text = format!("{GOOD}load_balancers:\n  web:\n    idel_timeout: 60s\n    scheme: sideways\n");
    std::fs::write(folder.path().join("bad.yaml"), text).unwrap();
    // an endpoint where nobody listens: a call would be another error
    let run = program.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1").env("AWS_REGION", "eu-west-1");
    let run =
        run.args(["plan", "bad.yaml"]).run().exits(1).says("bad.yaml:7:5").says("bad.yaml:8:13").says("idle_timeout");
    assert!(run.stderr.contains('^') && run.stderr.contains("scheme: sideways"), "{}", run.all());
    assert!(!run.stderr.contains("127.0.0.1"), "{}", run.all());
}

#[test]
fn the_same_places_in_every_format() {
    let (program, folder) = program();
    let text = format!("{GOOD}stack: again\nload_balancers:\n  web:\n    existing: true\n    scheme: sideways\n");
    std::fs::write(folder.path().join("bad.yaml"), text).unwrap();
    let validate = |format: &str| {
        let program = crate::support::program::Program::new(folder.path());
        program.args(["validate", "bad.yaml", "--format", format]).run().exits(1)
    };
    drop(program);
    validate("text").says("bad.yaml:5:1").says("bad.yaml:2:1").says("bad.yaml:9:13");
    let json = validate("json").json();
    assert_eq!(json["problems"][0]["source"]["line"], 5);
    assert_eq!(json["problems"][0]["also"]["line"], 2);
    assert_eq!((&json["problems"][1]["source"]["column"], &json["valid"]), (&13.into(), &false.into()));
    let sarif = validate("sarif").json();
    let region = |result: usize, which: &str| {
        let place = &sarif["runs"][0]["results"][result][which][0]["physicalLocation"];
        (place["region"]["startLine"].as_u64(), place["region"]["startColumn"].as_u64())
    };
    assert_eq!((region(0, "locations"), region(0, "relatedLocations")), ((Some(5), Some(1)), (Some(2), Some(1))));
    assert_eq!(region(1, "locations"), (Some(9), Some(13)));
    let github = validate("github").stdout;
    assert!(github.contains("::error file=bad.yaml,line=5,endLine=5,col=1,endColumn=5,"), "{github}");
    assert!(github.contains("bad.yaml:2:1") && github.contains("line=9,endLine=9,col=13,"), "{github}");
}

#[test]
fn reports_in_files_are_left_whatever_is_wrong_and_however_it_is_printed() {
    for format in ["text", "json"] {
        let (program, folder) = program();
        std::fs::write(folder.path().join("bad.yaml"), BAD).unwrap();
        let args = ["validate", "bad.yaml", "--format", format, "--report", "junit=r.xml", "--report", "sarif=r.json"];
        let run = program.args(args).run().exits(1);
        assert_eq!(
            (run.stdout.is_empty(), run.stderr.is_empty()),
            (format == "text", format == "json"),
            "{}",
            run.all()
        );
        let left = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(left("r.xml").contains("bad.yaml") && left("r.json").contains("bad.yaml"));
    }
}

#[test]
fn hints_fit_what_was_typed() {
    for (args, not) in [
        (&["validate", "nope.yaml"][..], "desired/"),
        (&["validate", "--var-file", "nope.yaml"], "desired/"),
        (&["show", "shop.yaml"], "--out shop.yaml"),
    ] {
        let (program, folder) = program();
        std::fs::write(folder.path().join("shop.yaml"), GOOD).unwrap();
        std::fs::create_dir(folder.path().join("desired")).unwrap();
        std::fs::write(folder.path().join("desired/shop.yaml"), GOOD).unwrap();
        let run = program.args(args).run().exits(1);
        assert!(!run.stderr.contains(not), "{args:?}: {}", run.all());
    }
    run(&["validate"]).exits(1).says("desired files are looked for in `desired/`");
    run(&["show", concat!(env!("CARGO_MANIFEST_DIR"), "/desired/shop.yaml")]).exits(1).says("no502 plan --out FILE");
}

#[test]
fn variable_files_hold_plain_values() {
    for (text, says) in [("x: ~\n", "is not a plain value"), ("x: \"${y}\"\n", "holds a variable")] {
        let (program, folder) = program();
        std::fs::write(folder.path().join("vars.yaml"), text).unwrap();
        std::fs::write(folder.path().join("shop.yaml"), format!("{GOOD}tags: {{ a: \"${{x}}\" }}\n")).unwrap();
        program.args(["validate", "shop.yaml", "--var-file", "vars.yaml"]).run().exits(1).says(says);
    }
}

#[test]
fn a_region_that_is_empty_is_none() {
    let (program, _folder) = program();
    let program = program.env("AWS_REGION", "").env("AWS_ACCESS_KEY_ID", "0").env("AWS_SECRET_ACCESS_KEY", "0");
    program.args(["diagnose", "web"]).run().exits(1).says("name one with --region or AWS_REGION");
}

#[test]
fn findings_are_remarks_as_well() {
    let (program, folder) = program();
    let text = format!(
        "{GOOD}load_balancers: {{ web: {{ existing: true, idle_timeout: 120s, listeners: {{ 80: {{ existing: true, \
         default: {{ forward: a }} }} }} }} }}\ntarget_groups:\n  a: {{ existing: true, backend: {{ keep_alive: 75s }} }}\n"
    );
    std::fs::write(folder.path().join("a.yaml"), text).unwrap();
    let sarif = program.args(["validate", "a.yaml", "--format", "sarif"]).run().exits(3).json();
    let run = &sarif["runs"][0];
    assert_eq!((&run["results"][0]["ruleId"], &run["results"][0]["level"]), (&"E301".into(), &"error".into()));
    assert_eq!(run["tool"]["driver"]["rules"][0]["name"], "keepalive-lt-idle");
    let again = crate::support::program::Program::new(folder.path());
    let github = again.args(["validate", "a.yaml", "--format", "github", "--fail-on", "never"]).run().exits(0).stdout;
    assert!(github.starts_with("::error file=a.yaml,line=") && github.contains("title=no502 E301::"), "{github}");
}

#[test]
fn accepted_findings_are_shown_and_do_not_count() {
    let validate = |accept: &str, format: &str| {
        let (program, folder) = program();
        let text = format!(
            "{GOOD}load_balancers: {{ web: {{ existing: true, idle_timeout: 120s, listeners: {{ 80: {{ existing: true, \
             default: {{ forward: a }} }} }} }} }}\ntarget_groups:\n  a: {{ existing: true, backend: {{ keep_alive: 75s }} \
             {accept} }}\n"
        );
        std::fs::write(folder.path().join("a.yaml"), text).unwrap();
        program.args(["validate", "a.yaml", "--format", format]).run()
    };
    let known = ", accept: { E301: { reason: lowered soon, until: 2999-01-31 } }";
    validate("", "text").exits(3);
    let shown = validate(known, "text").exits(0).stdout;
    assert!(
        shown.contains("Accepted until 2999-01-31: E301 target_group/a") && shown.contains("lowered soon"),
        "{shown}"
    );
    let json = validate(known, "json").exits(0).json();
    assert_eq!((&json["findings"], &json["accepted"][0]["rule"]), (&serde_json::json!([]), &"E301".into()));
    let sarif = validate(known, "sarif").exits(0).json();
    assert_eq!(sarif["runs"][0]["results"][0]["suppressions"][0]["kind"], "inSource");
    assert!(validate(known, "github").exits(0).stdout.starts_with("::notice file=a.yaml"));
    let by_name = ", accept: { keepalive-lt-idle: { reason: x, until: 2999-01-31 } }";
    validate(by_name, "text").exits(0);
    let over = validate(", accept: { E301: { reason: x, until: 2020-01-31 } }", "text").exits(3).stdout;
    assert!(over.contains("findings of E301 were accepted until 2020-01-31") && over.contains("a.yaml:7:"), "{over}");
    let nobody = validate(", accept: { E999: { reason: x, until: 2999-01-31 } }", "text").exits(3).stdout;
    assert!(nobody.contains("there is no rule `E999`"), "{nobody}");
}

#[test]
fn texts_that_go_to_no_terminal_are_as_wide_as_columns_says_within_reason() {
    for (columns, most) in [("70", 70), ("20", 60), ("1000", 120), ("many", 100), ("", 100)] {
        let (program, _folder) = program();
        let text = program.env("COLUMNS", columns).args(["explain", "E101"]).run().exits(0).stdout;
        let paragraph = text.lines().skip(3).take_while(|line| !line.is_empty());
        let longest = paragraph.map(|line| line.chars().count()).max().unwrap();
        assert!((most - 12..=most).contains(&longest), "COLUMNS={columns}: {longest}\n{text}");
    }
}

#[test]
fn colours_are_for_terminals() {
    let escape = '\u{1b}';
    let piped = run(&["plan", "nowhere.yaml"]).exits(1);
    assert!(!piped.all().contains(escape), "{}", piped.all());
    let forced = run(&["--color", "always", "plan", "nowhere.yaml"]).exits(1);
    assert!(forced.stderr.contains(escape), "{}", forced.all());
    let (program, _folder) = program();
    let never = program.env("NO_COLOR", "1").env("CLICOLOR_FORCE", "0").args(["plan", "nowhere.yaml"]).run().exits(1);
    assert!(!never.all().contains(escape), "{}", never.all());
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let line = format!("set -o pipefail; '{}' schema | head -c 1 >/dev/null", env!("CARGO_BIN_EXE_no502"));
    let status = std::process::Command::new("bash").args(["-c", &line]).output().unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
}
