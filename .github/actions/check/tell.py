"""Tells GitHub what a check or a plan found: an issue for each load balancer, or a comment that stays one.

    tell.py issues FOLDER        opens, comments on and closes issues by check.json
    tell.py comment FILE NUMBER  makes or renews the comment on a pull request

Needs `gh` with a token in GH_TOKEN, and GITHUB_REPOSITORY. An issue is opened when something begins to count, commented on
when something comes or goes, and closed when nothing is left; what a run could not see keeps it open.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

LABEL = "no502"


def gh(*arguments: str, body: str | None = None) -> str:
    """Calls `gh`; a body goes through standard input, so that its length does not matter."""
    command = ["gh", *arguments] + (["--body-file", "-"] if body is not None else [])
    done = subprocess.run(command, input=body, check=True, text=True, stdout=subprocess.PIPE)
    return done.stdout


def by_balancer(report: dict) -> dict[str, list[dict]]:
    """The remarks that count, by load balancer; those of none by the stack's name."""
    found: dict[str, list[dict]] = {}
    for remark in report["remarks"]:
        if remark["weight"] != "none":
            for name in remark["load_balancers"] or [f"stack {report['stack']}"]:
                found.setdefault(name, []).append(remark)
    return found


def line(remark: dict) -> str:
    """A remark in a line of Markdown; what comes from AWS stands in code, so that it is no markup."""
    since = f"since {remark['first_seen'][:16].replace('T', ' ')} UTC"
    title = remark["title"].replace("`", "'")
    return f"- **{remark['weight']}** {remark['code']} `{title}` ({since})"


def issues(folder: Path) -> None:
    report = json.loads((folder / "check.json").read_text())
    repository = ["--repo", os.environ["GITHUB_REPOSITORY"]]
    listed = gh("issue", "list", *repository, "--label", LABEL, "--state", "open", "--limit", "500", "--json", "number,title")
    open_issues = {issue["title"]: str(issue["number"]) for issue in json.loads(listed)}
    remarks = by_balancer(report)
    titles = {f"no502: {name}": name for name in remarks}
    for title, name in sorted(titles.items()):
        standing = [one for one in remarks[name] if one.get("news") != "gone"]
        turned = [one for one in remarks[name] if one.get("news") in ("new", "gone")]
        number = open_issues.get(title)
        lines = "\n".join(line(one) for one in standing)
        if number is None and standing:
            body = f"{lines}\n\n`no502 plan` shows the steps that close the differences; this issue is closed once nothing is left.\n"
            try:
                gh("label", "create", LABEL, *repository, "--description", "found by no502 check", "--force")
            finally:
                gh("issue", "create", *repository, "--title", title, "--label", LABEL, body=body)
        elif number is not None and not standing:
            gone = "\n".join(line(one) for one in turned)
            gh("issue", "comment", number, *repository, body=f"Gone:\n\n{gone}\n")
            gh("issue", "close", number, *repository)
        elif number is not None and turned:
            gone = "\n".join(f"{line(one)}: {one['news']}" for one in turned)
            gh("issue", "comment", number, *repository, body=f"{gone}\n\nWhat stands now:\n\n{lines}\n")
    # nothing is said of it any more, and the view was whole
    for title, number in sorted(open_issues.items()):
        mine = title.startswith("no502: ") and title not in titles
        if mine and report["complete"] and title.removeprefix("no502: ") in known(report):
            gh("issue", "close", number, *repository, "--comment", "Nothing is left of it.")


def known(report: dict) -> set[str]:
    """What issues of this stack can be about: its load balancers, and itself. Other stacks have issues of their own."""
    return {f"stack {report['stack']}", *report["load_balancers"]}


def comment(file: Path, number: str) -> None:
    text = file.read_text()
    marker = text.splitlines()[0]
    place = f"repos/{os.environ['GITHUB_REPOSITORY']}/issues"
    query = f".[] | select(.body | startswith({json.dumps(marker)})) | .id"
    ids = gh("api", "--paginate", f"{place}/{number}/comments", "--jq", query).split()
    body = ["--field", f"body=@{file}"]
    if ids:
        gh("api", "--method", "PATCH", f"{place}/comments/{ids[0]}", *body, "--silent")
    else:
        gh("api", "--method", "POST", f"{place}/{number}/comments", *body, "--silent")


def main() -> None:
    match sys.argv[1:]:
        case ["issues", folder]:
            issues(Path(folder))
        case ["comment", file, number]:
            comment(Path(file), number)
        case _:
            sys.exit(__doc__)


main()
