//! Arguments as they were typed, for the commands that hints show: which files, and what decides their meaning.
//!
//! What says who is calling (profile, region, endpoint) is left out: an operator has it at hand, and a wrong account is
//! refused.

use std::path::Path;

use super::{Accepting, Files, Global, Rotate};
use crate::model::shell::word;

impl Files {
    /// The files, and where they and their variables come from; nothing for the default.
    pub fn typed(&self, global: &Global) -> String {
        let default = self.paths.iter().map(|path| path.as_path()).eq([Path::new("desired")]);
        let paths = self.paths.iter().filter(|_| !default).map(|path| shown(path));
        let Global { vars, var_files, chdir, .. } = global;
        let vars = vars.iter().map(|(name, value)| format!("--var {}", word(&format!("{name}={value}"))));
        let var_files = var_files.iter().map(|path| format!("--var-file {}", shown(path)));
        let chdir = chdir.iter().map(|path| format!("--chdir {}", shown(path)));
        joined(String::new(), paths.chain(chdir).chain(vars).chain(var_files))
    }
}

impl Accepting {
    /// The flag after other words.
    pub fn typed(&self, before: String) -> String {
        joined(before, self.ignore.iter().map(|path| format!("--ignore {}", shown(path))))
    }
}

impl Rotate {
    /// The flags after other words.
    pub fn typed(&self, before: String) -> String {
        joined(before, self.rotate.iter().map(|address| format!("--rotate {}", word(&address.to_string()))))
    }
}

fn shown(path: &Path) -> String {
    word(&path.display().to_string())
}

fn joined(before: String, words: impl Iterator<Item = String>) -> String {
    std::iter::once(before).filter(|words| !words.is_empty()).chain(words).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::{Cli, Command};

    fn typed(line: &[&str]) -> String {
        let cli = Cli::try_parse_from([&["no502", "plan"], line].concat()).unwrap();
        let Command::Plan(plan) = &cli.command else { panic!("{line:?}") };
        plan.rotate.typed(plan.accepting.typed(plan.files.typed(&cli.global)))
    }

    #[test]
    fn hints_repeat_what_decides_what_is_done() {
        assert_eq!(typed(&[]), "");
        assert_eq!(typed(&["desired"]), "");
        assert_eq!(typed(&["my files/a b.yaml", "c.yaml"]), "'my files/a b.yaml' c.yaml");
        assert_eq!(typed(&["--ignore", "known drift.yaml"]), "--ignore 'known drift.yaml'");
        assert_eq!(
            typed(&["--var", "a=b c", "--var-file", "v.yaml", "x", "--rotate", "rule/web:443/a", "--chdir", "/srv"]),
            "x --chdir /srv --var 'a=b c' --var-file v.yaml --rotate rule/web:443/a"
        );
    }
}
