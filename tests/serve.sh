# For tests that talk to a server: sourced, it makes the folder $work, and ends what `serve` has started.

work=$(mktemp -d)
server=
stop() {
  [ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT

# serve PROGRAM ASSISTANTS SECONDS: starts a server on $work/data, which writes to $work/out and $work/err, and says in
# WAKEFUL_URL where it is. It may take so long until it answers.
serve() {
  "$1" serve --listen 127.0.0.1:0 --data "$work/data" --assistants "$2" >"$work/out" 2>"$work/err" &
  server=$!
  for _ in $(seq "$(($3 * 10))"); do
    WAKEFUL_URL=$(grep -oE -m1 'http://127\.0\.0\.1:[0-9]+' "$work/out" || true)
    if [ -n "$WAKEFUL_URL" ] && curl -sf -o /dev/null "$WAKEFUL_URL/ok"; then
      export WAKEFUL_URL
      return
    fi
    kill -0 "$server" 2>/dev/null || { cat "$work/out" "$work/err" >&2; exit 1; }
    sleep 0.1
  done
  echo "the server did not answer within $3 s" >&2
  cat "$work/err" >&2
  exit 1
}
