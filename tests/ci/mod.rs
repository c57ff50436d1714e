//! What is ready for CI: the files are checked by linters that know nothing of no502, and the steps of the GitHub workflow
//! are run as they are, with a `gh` that writes down what it is asked.

mod linters;
mod steps;
