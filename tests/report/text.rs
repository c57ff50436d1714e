use super::{calls, drifted, shop, view};
use no502::report::{Colour, Detail, Look, text};

#[tokio::test(start_paused = true)]
async fn dump() {
    let (plan, desired, calls) = (drifted().await, shop(), calls());
    let v = view("plan", &plan, &desired, &calls);
    eprintln!("{}", text::plan(&v, &Look::default()));
    eprintln!("=====\n{}", text::plan(&v, &Look { detail: Detail::Full, ..Look::default() }));
    eprintln!("=====\n{}", text::check(&v, &Look { colour: Colour::On, ..Look::default() }));
}
