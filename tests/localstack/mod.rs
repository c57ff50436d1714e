//! The program against a LocalStack that the suite starts by itself; every test in an account of its own.

mod adopt;
mod agreement;
mod apply;
mod beside;
mod calls;
mod check;
mod crash;
mod demo;
mod export;
mod faults;
mod fields;
mod gaps;
mod groups;
mod leaving;
mod lock;
mod order;
mod package;
mod replace;
mod rollback;
mod saved;
mod scenarios;
mod secrets;
mod stack;
mod stale;
mod state;
mod weather;
