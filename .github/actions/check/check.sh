#!/usr/bin/env bash
# Runs `no502 check` once and leaves every report of that run in one folder, for the steps after it.
#
# In the environment: NO502 (the program), NO502_PATHS, NO502_FAIL_ON, NO502_IGNORE, NO502_FOLDER; AWS credentials as usual.
# last.json in the folder is the report of the run before: what is new and what is gone is told by it.
# Ends with 0 for every outcome of a check, so that the steps after it run; the outcome is the output `exit-code`.
set -euo pipefail

folder="${NO502_FOLDER:-no502-report}"
output="${GITHUB_OUTPUT:-/dev/null}"
mkdir -p "$folder"
rm -f "$folder"/check.*

# words are split: several files or folders may be given
read -r -a arguments <<< "${NO502_PATHS:-desired}"
arguments+=(--fail-on "${NO502_FAIL_ON:-drift}" --format github)
if [ -n "${NO502_IGNORE:-}" ]; then
  arguments+=(--ignore "$NO502_IGNORE")
fi
for report in json=check.json markdown=check.md sarif=check.sarif junit=check.xml text=check.txt; do
  arguments+=(--report "${report%%=*}=$folder/${report#*=}")
done

check() {
  code=0
  "${NO502:-no502}" check "${arguments[@]}" "$@" 2> "$folder/check.log" || code=$?
  cat "$folder/check.log" >&2
}

if [ -s "$folder/last.json" ]; then
  check --since "$folder/last.json"
  # a report of another stack, or of another no502, is no reason to be silent
  if [ "$code" -eq 1 ] && grep -q -e '--since' "$folder/check.log"; then
    echo "the report of the run before is of no use; everything counts as known from now" >&2
    check
  fi
else
  check
fi

case "$code" in
  0 | 2 | 3 | 4)
    cp "$folder/check.json" "$folder/last.json"
    echo "folder=$folder" >> "$output"
    ;;
  *)
    printf 'exit-code=%s\nverdict=error\n' "$code" >> "$output"
    echo "::error title=no502::the check did not run (exit code $code); the log above says why"
    exit "$code"
    ;;
esac
