#!/bin/sh
# Builds the servers in Go and Rust into dist/. What cannot be built here is skipped with its reason, and fails nothing.
# Arguments: names out of servers-go-rust.json; none for all. Caches of the tools are kept, so that a second run is quick.
cd "$(dirname "$0")" || exit 1
mkdir -p dist

# Prints the name, the language and the commands of every server that has something to build.
servers() {
  node -e '
    const built = new Set();
    for (const { name, language, build } of require("./servers-go-rust.json")) {
      const commands = build.join(" && ");
      if (!built.has(commands)) console.log([name, language, commands].join("\t"));
      built.add(commands);
    }'
}

wanted=" $* "
servers | while IFS="$(printf '\t')" read -r name language commands; do
  case "$wanted" in "  " | *" $name "*) ;; *) continue ;; esac
  case "$language" in Go) tool=go ;; Rust) tool=cargo ;; esac
  if ! command -v "$tool" >/dev/null 2>&1; then
    echo "skipped $name: $tool is not installed"
  elif sh -c "$commands" >"dist/$name.log" 2>&1 </dev/null; then
    echo "built $name"
  else
    echo "skipped $name: the build failed, see dist/$name.log"
    tail -n 3 "dist/$name.log" | sed 's/^/  /'
  fi
done
exit 0
