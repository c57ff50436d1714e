//! The file of a saved plan: its form, and what makes one unusable.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Record, Shown};
use crate::model::{Link, StepId};
use crate::plan::Plan;

/// The form of the file. It changes whenever an older program would misread it.
const FORMAT: u64 = 1;
const TOOL: &str = env!("CARGO_PKG_VERSION");
const FIRST_KEY: &str = "no502_plan";

/// A saved plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    no502_plan: u64,
    /// Of everything below, so that what was shown is what is run.
    digest: String,
    tool_version: String,
    /// When the plan was made.
    pub made: Timestamp,
    /// What is done.
    pub record: Record,
    /// What readers see.
    pub shown: Shown,
}

/// Why a file is not a plan that can be used.
#[derive(Debug, thiserror::Error)]
pub enum BadPlan {
    /// It is not JSON, or breaks off.
    #[error("it is not whole: {0}")]
    NotJson(serde_json::Error),
    /// Another version of the form.
    #[error("it has form {0} of saved plans, and this version of no502 reads form {FORMAT}")]
    Form(Value),
    /// Another version of the program.
    #[error("it was made by no502 {0}, and this is {TOOL}: what a step does may differ")]
    Tool(String),
    /// It was edited.
    #[error("it was changed after it was made: its digest does not fit its content")]
    Edited,
    /// It is JSON, but no plan.
    #[error("it is no plan: {0}")]
    NoPlan(String),
}

/// Whether a text is a saved plan, known by its first key.
pub fn is_plan(text: &str) -> bool {
    let rest = text.trim_start().strip_prefix('{').map(str::trim_start);
    rest.and_then(|rest| rest.strip_prefix('"')).is_some_and(|rest| rest.starts_with(FIRST_KEY))
}

impl PlanFile {
    /// Of a plan.
    pub fn of(plan: &Plan, made: Timestamp) -> Self {
        let (record, shown) = (Record::of(plan, &plan.steps), Shown::of(plan));
        let tool_version = TOOL.to_owned();
        let mut file = Self { no502_plan: FORMAT, digest: String::new(), tool_version, made, record, shown };
        file.digest = digest(serde_json::to_value(&file).unwrap_or_default());
        file
    }

    /// The text of the file; its first key says what it is.
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn read(text: &str) -> Result<Self, BadPlan> {
        let value: Value = serde_json::from_str(text).map_err(BadPlan::NotJson)?;
        let form = value.get(FIRST_KEY).cloned().unwrap_or_default();
        if form.as_u64() != Some(FORMAT) {
            return Err(BadPlan::Form(form));
        }
        let tool = value.get("tool_version").and_then(Value::as_str).unwrap_or("of an unknown version");
        if tool != TOOL {
            return Err(BadPlan::Tool(tool.to_owned()));
        }
        let told = value.get("digest").cloned().unwrap_or_default();
        if told.as_str() != Some(&digest(value)) {
            return Err(BadPlan::Edited);
        }
        let file: Self = serde_json::from_str(text).map_err(|e| BadPlan::NoPlan(e.to_string()))?;
        file.check().map_err(BadPlan::NoPlan)?;
        Ok(file)
    }

    /// Whether the steps can be run at all: each id once, and nothing named that no earlier step makes.
    fn check(&self) -> Result<(), String> {
        let mut earlier: BTreeSet<&StepId> = BTreeSet::new();
        for step in &self.record.steps {
            if let Some(after) = step.after.iter().find(|after| !earlier.contains(&after.step)) {
                return Err(format!("`{}` waits for `{}`, which does not come before it", step.id, after.step));
            }
            let mut loose = None;
            let _ = step.operation.clone().map_links(&mut |link| {
                match &link {
                    Link::Id(_) => {}
                    Link::Step(from) if earlier.contains(from) => {}
                    Link::Step(_) | Link::Address(_) | Link::Select(_) => loose = Some(link.to_string()),
                }
                link
            });
            if let Some(loose) = loose {
                return Err(format!("`{}` names {loose}, which nothing makes", step.id));
            }
            if !earlier.insert(&step.id) {
                return Err(format!("there are two steps `{}`", step.id));
            }
        }
        Ok(())
    }
}

/// SHA-256 of the document without the digest itself.
fn digest(mut value: Value) -> String {
    if let Some(keys) = value.as_object_mut() {
        keys.remove("digest");
    }
    Sha256::digest(value.to_string().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_known_by_its_first_key() {
        assert!(is_plan("{\"no502_plan\": 1") && is_plan(" \n{\n  \"no502_plan\":9}"));
        assert!(!is_plan("{\"version\": 1, \"no502_plan\": 1}") && !is_plan("version: 1\n") && !is_plan(""));
    }

    #[test]
    fn what_is_no_plan_is_refused_with_its_reason() {
        let why = |text: &str| PlanFile::read(text).unwrap_err().to_string();
        assert!(why("{\"no502_plan\": 1, ").contains("not whole"));
        assert!(why("{\"no502_plan\": 2}").contains("form 2"));
        assert!(why("{\"no502_plan\": 1, \"tool_version\": \"0.0.9\"}").contains("0.0.9"));
        let edited = format!("{{\"no502_plan\": 1, \"tool_version\": \"{TOOL}\", \"digest\": \"0\"}}");
        assert!(why(&edited).contains("changed after it was made"));
        let value = serde_json::json!({ "no502_plan": 1, "tool_version": TOOL });
        let mut empty = value.clone();
        empty["digest"] = digest(value).into();
        assert!(why(&empty.to_string()).contains("no plan: missing field"), "{}", why(&empty.to_string()));
    }
}
