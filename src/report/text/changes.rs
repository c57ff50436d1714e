//! The differences: one line for each resource, one for each field that differs.

use std::collections::{BTreeMap, BTreeSet};

use anstyle::Style;

use super::page::Page;
use crate::diff::{Cause, Change, Verdict};
use crate::model::kind::{Action, Authenticate, Conditions};
use crate::model::{Address, FieldPath, Kind, Spec};
use crate::plan::Guard;
use crate::report::aftermath::left_open;
use crate::report::layout::{clean, pad, shorten, width};
use crate::report::paint::{BAD, FAINT, GOOD, WARN, WORST};
use crate::report::place::Places;
use crate::report::summary::differences;
use crate::report::value::{TextLine, change_in_words, line_diff};
use crate::report::{View, gaps, value};

/// Where fields begin.
const INDENT: usize = 6;
/// The widest column of addresses and of field paths.
const COLUMN: usize = 36;
/// How many lines of a changed text a brief report shows.
const TEXT_LINES: usize = 6;

struct Row {
    sign: (&'static str, Style),
    address: String,
    what: String,
    tags: Vec<(Style, String)>,
    fields: Vec<FieldRow>,
}

struct FieldRow {
    path: String,
    change: String,
    lines: Vec<TextLine>,
    rules: String,
    place: Option<String>,
}

/// The differences of a plan, and what could not be compared.
pub(super) fn changes(view: &View<'_>, page: &mut Page<'_>) {
    let plan = view.plan;
    let changes: Vec<&Change> = plan.differences().collect();
    if !changes.is_empty() {
        let causes: BTreeSet<Option<Cause>> = changes.iter().map(|c| c.cause).collect();
        let common = if let (1, Some(Some(only))) = (causes.len(), causes.first()) { Some(*only) } else { None };
        let count = differences(plan);
        page.heading(&match common {
            Some(cause) if count == 1 => format!("1 difference ({})", cause.in_words()),
            Some(cause) => format!("{count} differences (all {})", cause.in_words()),
            None => format!("{count} differences"),
        });
        let places = Places::of(&view.desired.files);
        let left = left_open(plan);
        let rows: Vec<Row> =
            changes.iter().map(|c| row(view, &places, c, common.is_none(), left.contains(&c.address), page)).collect();
        print(&rows, page);
    }
    unknown(view, page);
}

fn row(view: &View<'_>, places: &Places<'_>, change: &Change, tag: bool, left: bool, page: &Page<'_>) -> Row {
    let address = &change.address;
    let (sign, what) = match &change.verdict {
        Verdict::Create => (
            ("+", GOOD),
            view.plan.diff.bound.want.get(address).map(|want| coming(view, address, want)).unwrap_or_default(),
        ),
        Verdict::Delete => (("-", BAD), leaving(view, address)),
        Verdict::Replace(_) if view.plan.diff.bound.replaced.contains_key(address) => {
            (("±", WARN), "AWS cannot edit this: another group takes its place".to_owned())
        }
        Verdict::Replace(_) => (("±", BAD), "AWS cannot edit this, and no502 does not replace it".to_owned()),
        Verdict::Update(_) => (("~", WARN), String::new()),
        Verdict::Unknown(_) | Verdict::InSync => (("?", FAINT), String::new()),
    };
    let fields = change.verdict.fields();
    let mut tags = Vec::new();
    if fields.is_empty() {
        let rules = view.plan.risks.of_resource(address);
        tags.extend((!rules.is_empty()).then(|| (WORST, format!("5xx {}", rules.join(" ")))));
    }
    tags.extend(left.then(|| (WARN, "left open".to_owned())));
    tags.extend(change.cause.filter(|_| tag).map(|cause| (FAINT, cause.as_str().to_owned())));
    let at = match fields {
        [only] => only.path.clone(),
        _ => FieldPath::root(),
    };
    let place = places.of_field(view.desired, address, &at);
    tags.extend(place.map(|place| (FAINT, clean(&format!("{}:{}", place.file, place.line)).into_owned())));
    let field = |f: &crate::model::FieldChange| {
        let rules = view.plan.risks.of_field(address, &f.path);
        let place = (!page.is_brief() && fields.len() > 1).then(|| places.of_field(view.desired, address, &f.path));
        let lines = line_diff(&f.live, &f.desired).unwrap_or_default();
        let rules = if rules.is_empty() { String::new() } else { format!("5xx {}", rules.join(" ")) };
        let path = clean(f.path.as_str()).into_owned();
        let room = page.width.saturating_sub(INDENT + width(&path).max(COLUMN / 2) + 2 + 2 + width(&rules)).max(24);
        let room = if page.is_brief() { room } else { 400 };
        let change = if lines.is_empty() { change_in_words(&f.path, &f.live, &f.desired, room) } else { String::new() };
        FieldRow { path, change, lines, rules, place: place.flatten().map(|p| format!("{}:{}", p.file, p.line)) }
    };
    Row {
        sign,
        address: clean(&address.to_string()).into_owned(),
        what: clean(&what).into_owned(),
        tags,
        fields: fields.iter().map(field).collect(),
    }
}

/// What is created, and which one under another name it replaces.
fn coming(view: &View<'_>, address: &Address, want: &Spec) -> String {
    let bound = &view.plan.diff.bound;
    let old = bound.renamed.iter().find(|(_, key)| *key == address);
    let old = old.and_then(|(old, _)| bound.live.get(old)?.spec.name().map(str::to_owned));
    match old {
        Some(old) => format!("{}; replaces `{old}`: AWS renames nothing", described("create", want)),
        None => described("create", want),
    }
}

/// What goes because its key has another name now, and what guards that.
fn renamed(view: &View<'_>, address: &Address) -> Option<String> {
    let bound = &view.plan.diff.bound;
    if bound.superseded.contains_key(address) {
        let old = bound.live.get(address)?.spec.name()?;
        return Some(format!("delete `{old}`, once requests go to the group that takes its place"));
    }
    let key = bound.renamed.get(address)?;
    let (old, new) = (bound.live.get(address)?.spec.name()?, bound.want.get(key)?.name()?);
    let guard = match address.kind {
        Kind::LoadBalancer => format!("; needs `--dangerous-allow {}`", Guard::DeleteLoadBalancer.as_str()),
        Kind::SecurityGroup | Kind::Certificate | Kind::TargetGroup | Kind::Target | Kind::Listener | Kind::Rule => {
            String::new()
        }
    };
    Some(format!("delete `{old}`: `{new}` takes its place{guard}"))
}

/// What becomes of something that leaves: it alone, or with what it lives in.
fn leaving(view: &View<'_>, address: &Address) -> String {
    if address.kind == Kind::Target {
        return "deregister: not in the files".to_owned();
    }
    let goes = |above: &Address| {
        view.plan.differences().any(|change| change.address == *above && change.verdict == Verdict::Delete)
    };
    match std::iter::successors(address.parent(), Address::parent).find(goes) {
        Some(above) => format!("goes with {above}"),
        None => renamed(view, address).unwrap_or_else(|| {
            let live = view.plan.diff.bound.live.get(address);
            live.map_or_else(|| "delete".to_owned(), |live| described("delete", &live.spec))
        }),
    }
}

fn print(rows: &[Row], page: &mut Page<'_>) {
    let column = |widths: &mut dyn Iterator<Item = usize>| widths.filter(|w| *w <= COLUMN).max().unwrap_or(0);
    let addresses = column(&mut rows.iter().map(|r| width(&r.address)));
    let (whole, parts): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| in_one_line(row, addresses, page));
    let fields = || parts.iter().flat_map(|r| &r.fields);
    let paths = column(&mut fields().map(|f| width(&f.path)));
    let changes = column(&mut fields().filter(|f| !f.rules.is_empty()).map(|f| width(&f.change)));
    for row in rows {
        let sign = page.paint(row.sign.1, row.sign.0);
        let tags: Vec<String> = row.tags.iter().map(|(style, text)| page.paint(*style, text)).collect();
        let (address, tags) = (pad(&row.address, addresses), tags.join("  "));
        if whole.iter().any(|w| std::ptr::eq(*w, row)) {
            page.line(&format!("  {sign} {address}  {}{tags}", gapped(row.fields.first(), &row.what, page)));
            continue;
        }
        page.line(&format!("  {sign} {address}  {tags}"));
        if !row.what.is_empty() {
            let what = if page.is_brief() { shorten(&row.what, page.width - INDENT) } else { row.what.clone() };
            page.line(&format!("{}{what}", pad("", INDENT)));
        }
        for field in &row.fields {
            let rules = page.paint(WORST, &field.rules);
            let place = field.place.as_ref().map(|p| format!("  {}", page.paint(FAINT, p))).unwrap_or_default();
            let (path, change) = (pad(&field.path, paths), pad(&field.change, changes));
            page.line(&format!("{}{path}  {change}  {rules}{place}", pad("", INDENT)));
            text_lines(&field.lines, page);
        }
    }
}

/// Whether a resource and its only difference fit on a line.
fn in_one_line(row: &Row, addresses: usize, page: &Page<'_>) -> bool {
    let before = 4 + width(&row.address).max(addresses) + 2;
    let tags: usize = row.tags.iter().map(|(_, text)| width(text) + 2).sum();
    let middle = match row.fields.as_slice() {
        [] => width(&row.what),
        [only] if only.lines.is_empty() && row.what.is_empty() => {
            let rules = if only.rules.is_empty() { 0 } else { width(&only.rules) + 2 };
            width(&only.path) + 2 + width(&only.change) + rules
        }
        _ => return false,
    };
    before + middle + tags <= page.width
}

/// The only difference of a resource, or what is done with it as a whole, and a gap.
fn gapped(field: Option<&FieldRow>, what: &str, page: &Page<'_>) -> String {
    match field {
        Some(field) if field.rules.is_empty() => format!("{}  {}  ", field.path, field.change),
        Some(field) => format!("{}  {}  {}  ", field.path, field.change, page.paint(WORST, &field.rules)),
        None if what.is_empty() => String::new(),
        None => format!("{what}  "),
    }
}

/// A changed text of several lines, line by line.
fn text_lines(lines: &[TextLine], page: &mut Page<'_>) {
    let shown = if page.is_brief() { TEXT_LINES } else { lines.len() };
    let moved = |line: &&TextLine| !page.is_brief() || !matches!(line, TextLine::Same(_));
    let lines: Vec<&TextLine> = lines.iter().filter(moved).collect();
    for line in lines.iter().take(shown) {
        let (style, sign, text) = match line {
            TextLine::Gone(text) => (BAD, '-', text),
            TextLine::New(text) => (GOOD, '+', text),
            TextLine::Same(text) => (FAINT, ' ', text),
        };
        let text = shorten(text, page.width - INDENT - 4);
        let text = page.paint(style, &format!("{sign} {text}"));
        page.line(&format!("{}{text}", pad("", INDENT + 2)));
    }
    if lines.len() > shown {
        let text = page.paint(FAINT, &format!("… and {} more lines", lines.len() - shown));
        page.line(&format!("{}{text}", pad("", INDENT + 2)));
    }
}

/// What could not be compared, by the gap that hides it.
fn unknown(view: &View<'_>, page: &mut Page<'_>) {
    let hiding: Vec<gaps::Hiding<'_>> = gaps::of(view.plan).into_iter().filter(|g| !g.hides.is_empty()).collect();
    if hiding.is_empty() {
        return;
    }
    page.heading("Not known, so left as it is");
    for gap in hiding {
        let sign = page.paint(WARN, "?");
        let names = list(gap.hides.iter().copied(), page.is_brief());
        page.line(&format!("  {sign} {}", clean(&names)));
        page.wrapped(INDENT, &clean(&gap.gap.error.to_string()));
    }
}

/// Addresses in a row; in a brief report three of them.
pub(super) fn list<T: ToString>(names: impl Iterator<Item = T>, brief: bool) -> String {
    let all: Vec<String> = names.map(|name| name.to_string()).collect();
    match all.as_slice() {
        [first, second, third, rest @ ..] if brief && !rest.is_empty() => {
            format!("{first}, {second}, {third} and {} more", rest.len())
        }
        all => all.join(", "),
    }
}

/// What is created, in a line.
fn described(verb: &str, spec: &Spec) -> String {
    let action = |action: Option<&Action>, login: Option<&Authenticate>| {
        let words = action.map(|a| value::in_words(&FieldPath::root(), &a.shown())).unwrap_or_default();
        if login.is_some_and(|login| *login != Authenticate::None) { format!("after a login, {words}") } else { words }
    };
    match spec {
        Spec::SecurityGroup(s) => {
            let rules: Vec<String> = s.ingress.iter().flatten().map(ToString::to_string).collect();
            if rules.is_empty() { verb.to_owned() } else { format!("{verb}: lets in {}", rules.join(", ")) }
        }
        Spec::Certificate(c) => format!("{verb}: {}", c.names.iter().flatten().cloned().collect::<Vec<_>>().join(", ")),
        Spec::TargetGroup(g) => {
            let protocol = g.protocol.map(|p| p.as_str()).unwrap_or_default();
            let port = g.port.map(|p| format!(":{p}")).unwrap_or_default();
            format!("{verb}: {protocol}{port}")
        }
        Spec::Target(_) => "register".to_owned(),
        Spec::LoadBalancer(lb) => format!("{verb}: {}", lb.scheme.map_or("internet-facing", |s| s.as_str())),
        Spec::Listener(l) => {
            let protocol = l.protocol.map(|p| p.as_str()).unwrap_or_default();
            format!("{verb}: {protocol}, {}", action(l.default.as_ref(), l.authenticate.as_ref()))
        }
        Spec::Rule(r) => {
            let when = r.when.as_ref().map(conditions).unwrap_or_default();
            format!("{verb}: {when}: {}", action(r.action.as_ref(), r.authenticate.as_ref()))
        }
    }
}

fn conditions(when: &Conditions) -> String {
    let Conditions { host, host_regex, path, path_regex, method, header, header_regex, query, source_ip } = when;
    let mut parts: BTreeMap<usize, String> = BTreeMap::new();
    let hosts = host.union(host_regex).cloned().collect();
    let paths = path.union(path_regex).cloned().collect();
    let sets = [("host", &hosts), ("path", &paths), ("method", method), ("from", source_ip)];
    for (at, (word, values)) in sets.into_iter().enumerate() {
        if !values.is_empty() {
            parts.insert(at, format!("{word} {}", values.iter().cloned().collect::<Vec<_>>().join(" or ")));
        }
    }
    let names: Vec<&str> = header.iter().chain(header_regex).map(|h| h.name.as_str()).collect();
    if !names.is_empty() {
        parts.insert(8, format!("header {}", names.join(", ")));
    }
    if !query.is_empty() {
        parts.insert(9, "query".to_owned());
    }
    parts.into_values().collect::<Vec<_>>().join(", ")
}
