//! The shape of the project, checked: floors, length of files, where async and the SDK may live, and how many
//! crates it takes. Each check is also run on made-up text that breaks it, so that it is known to fail.

mod asynchrony;
mod dependencies;
mod floors;
mod length;
mod source;
