//! One test binary: links once, shares one LocalStack.

mod desired;
