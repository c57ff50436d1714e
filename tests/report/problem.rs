use insta::assert_snapshot;
use no502::desired::{Level, Problem};
use no502::model::{SourceFile, Sources, Span};
use no502::report::{Colour, Look, Report, Validation, github, problem, sarif};

const FILE: &str = "target_groups:\n  api:\n    port: 8000\n    protokol: https\n  api:\n    vpc: \u{1b}[2J\u{fc}ber\n";

fn sources() -> Sources {
    Sources { files: vec![SourceFile { path: "desired/shop.yaml".into(), text: FILE.into() }] }
}

/// The n-th occurrence of some words.
fn span(words: &str, nth: usize) -> Span {
    let (at, _) = FILE.match_indices(words).nth(nth).unwrap();
    let at = u32::try_from(at).unwrap();
    Span { file: 0, start: at, end: at + u32::try_from(words.len()).unwrap() }
}

fn report(validation: &Validation<'_>) -> Report {
    Report::of_validation(validation, (true, false), "2026-11-22T00:00:00Z".parse().unwrap())
}

fn problems() -> Vec<Problem> {
    vec![
        Problem::error(span("protokol", 0), "unknown key `protokol` in target group `api`")
            .label("not a key of a target group")
            .hint("did you mean `protocol`?"),
        Problem::error(span("api", 1), "`api` is declared twice")
            .label("again here")
            .also(span("api", 0), "first here"),
        Problem::warning(span("\u{1b}[2J\u{fc}ber", 0), "odd name `\u{1b}[2J\u{fc}ber`"),
        Problem::general("no desired files in `desired/`").hint("pass a PATH"),
    ]
}

#[test]
fn problems_show_line_and_caret() {
    let text = problem::render(&sources(), &problems(), &Look::default());
    assert_snapshot!(text, @r"
    error: unknown key `protokol` in target group `api`
     --> desired/shop.yaml:4:5
      |
    4 |     protokol: https
      |     ^^^^^^^^ not a key of a target group
    hint: did you mean `protocol`?

    error: `api` is declared twice
     --> desired/shop.yaml:5:3
      |
    5 |   api:
      |   ^^^ again here
      |
     --> desired/shop.yaml:2:3
      |
    2 |   api:
      |   --- first here

    warning: odd name `\u{1b}[2Jüber`
     --> desired/shop.yaml:6:10
      |
    6 |     vpc: ␛[2Jüber
      |          ^^^^^^^^

    error: no desired files in `desired/`
    hint: pass a PATH

    3 errors, 1 warning
    ");
    assert!(!text.contains('\u{1b}'));
    let coloured = problem::render(&sources(), &problems(), &Look { colour: Colour::On, ..Look::default() });
    assert!(coloured.contains("\u{1b}["));
}

#[test]
fn problems_are_annotations_of_github() {
    let (files, problems) = (sources(), problems());
    let validation = Validation { files: &files, problems: &problems, desired: None, judgement: None };
    assert_snapshot!(github::annotations(&report(&validation)), @r"
    ::error file=desired/shop.yaml,line=4,endLine=4,col=5,endColumn=12,title=no502::unknown key `protokol` in target group `api`%0Anot a key of a target group; hint: did you mean `protocol`?
    ::error file=desired/shop.yaml,line=5,endLine=5,col=3,endColumn=5,title=no502::`api` is declared twice (first here: desired/shop.yaml:2:3)%0Aagain here
    ::error title=no502::no desired files in `desired/`%0Ahint: pass a PATH
    ::warning file=desired/shop.yaml,line=6,endLine=6,col=10,endColumn=17,title=no502::odd name `\u{1b}[2Jüber`
    ");
    let escaped = Problem::general("100 %,\nof a: b");
    let validation = Validation { problems: &[escaped], ..validation };
    assert_eq!(github::annotations(&report(&validation)), "::error title=no502::100 %25,\\nof a: b\n");
}

#[test]
fn problems_are_results_of_code_scanning() {
    let (files, problems) = (sources(), problems());
    let validation = Validation { files: &files, problems: &problems, desired: None, judgement: None };
    let document = sarif::document(&report(&validation));
    let run = &document["runs"][0];
    assert_eq!(
        (document["version"].as_str(), run["tool"]["driver"]["rules"][0]["id"].as_str()),
        (Some("2.1.0"), Some("desired-file"))
    );
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 4);
    assert_eq!(
        results[1],
        serde_json::json!({
            "ruleId": "desired-file",
            "ruleIndex": 0,
            "level": "error",
            "message": { "text": "`api` is declared twice\nagain here" },
            "locations": [{ "physicalLocation": {
                "artifactLocation": { "uri": "desired/shop.yaml" },
                "region": { "startLine": 5, "startColumn": 3, "endLine": 5, "endColumn": 6 },
            } }],
            "relatedLocations": [{
                "id": 1,
                "physicalLocation": {
                    "artifactLocation": { "uri": "desired/shop.yaml" },
                    "region": { "startLine": 2, "startColumn": 3, "endLine": 2, "endColumn": 6 },
                },
                "message": { "text": "first here" },
            }],
            "partialFingerprints": { "no502/v1": "desired-file:error:`api` is declared twice#0" },
        })
    );
    assert_eq!((results[2]["level"].as_str(), results[3]["level"].as_str()), (Some("error"), Some("warning")));
    // code scanning shows nothing that has no place
    let anywhere = &results[2]["locations"][0]["physicalLocation"];
    assert_eq!(
        (&anywhere["artifactLocation"]["uri"], &anywhere["region"]["startLine"]),
        (&"desired/shop.yaml".into(), &1.into())
    );
}

#[test]
fn many_problems_are_counted() {
    let many: Vec<Problem> = (0..250).map(|_| problems().swap_remove(0)).collect();
    let text = problem::render(&sources(), &many, &Look::default());
    assert_eq!(text.matches("--> desired/shop.yaml:4:5").count(), 100);
    assert!(text.ends_with("\u{2026} and 150 more\n\n250 errors\n"), "{}", &text[text.len() - 80..]);
}

#[test]
fn an_error_is_shown_however_many_warnings_come_before_it() {
    let error = problems().swap_remove(0);
    let warning = |n: usize| Problem { level: Level::Warning, message: format!("doubt {n}"), ..error.clone() };
    let mut all: Vec<Problem> = (0..150).map(warning).collect();
    all.push(error.clone());
    let text = problem::render(&sources(), &all, &Look::default());
    assert!(text.starts_with(&format!("error: {}\n", error.message)), "{}", &text[..200]);
    assert!(text.contains("warning: doubt 98\n") && text.contains("\u{2026} and 51 more\n\n1 error, 150 warnings\n"));
    // few are shown in the order of their places
    let text = problem::render(&sources(), &all[145..], &Look::default());
    assert!(text.starts_with("warning: doubt 145\n"), "{}", &text[..200]);
}

#[test]
fn a_huge_line_is_no_burden() {
    let text = format!("{{{}}}", "\"k\u{fc}\": 1, ".repeat(800_000));
    let sources = Sources { files: vec![SourceFile { path: "big.json".into(), text: text.into() }] };
    let many: Vec<Problem> = (0..100)
        .map(|i| Problem::error(Span { file: 0, start: 1 + i * 10 * 7919, end: 5 + i * 10 * 7919 }, "unknown key"))
        .collect();
    let (text, took) = crate::support::computing(|| problem::render(&sources, &many, &Look::default()));
    assert!(took.as_secs() < 5, "{took:?}");
    assert!(text.lines().all(|line| line.chars().count() < 200), "{text}");
}
