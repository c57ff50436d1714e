//! Files stay short enough to be read in one sitting. Rust tests keep to it as well.

use super::source::files;

const MOST: usize = 400;

fn too_long<'a>(files: impl IntoIterator<Item = &'a (String, String)>) -> Vec<String> {
    let long = files.into_iter().map(|(path, text)| (path, text.lines().count())).filter(|(_, lines)| *lines > MOST);
    long.map(|(path, lines)| format!("{path}: {lines} lines, at most {MOST}")).collect()
}

#[test]
fn files_are_short() {
    let all = [files("src", "rs"), files("tests", "rs"), files("localstack", "py")];
    assert!(all.iter().all(|group| !group.is_empty()), "a folder with nothing to check");
    let long = too_long(all.iter().flatten());
    assert!(long.is_empty(), "\n{}\n", long.join("\n"));
}

#[test]
fn a_long_file_is_found() {
    let of = |lines: usize| ("src/x.rs".to_owned(), "a line\n".repeat(lines));
    assert_eq!(too_long(&[of(MOST + 1)]), ["src/x.rs: 401 lines, at most 400"]);
    assert!(too_long(&[of(MOST)]).is_empty());
}
