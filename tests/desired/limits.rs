//! Limits of size, depth and aliases.
