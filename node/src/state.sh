# The folder of the script's own: its lock, its temporary files, and what it remembers of the images that it brought.

# open_state: one tes-node at a time on a node. What a killed one still has running keeps the lock until it ends.
# Sets Tmp, a folder that goes with the script.
open_state() {
  mkdir -p "$State" 2>/dev/null && [ -w "$State" ] || return 1
  if command -v flock >/dev/null; then
    exec 9>"$State/lock"
    if ! flock -n 9; then
      say 'another tes-node is at work on this node; waiting for it'
      flock -w "$WaitSeconds" 9 &
      await || return 1
    fi
    rm -rf "$State"/tmp.*
  fi
  rm -rf "$State/tmp.$$"
  mkdir "$State/tmp.$$" || return 1
  use_tmp "$State/tmp.$$"
}

# use_tmp FOLDER: sees to it that it goes with the script.
use_tmp() {
  Tmp=$1
  trap close_state EXIT
}

# close_state: at the end, or before the script becomes the container.
close_state() {
  trap end_children EXIT
  end_children
  rm -rf "$Tmp"
}

# replace FILE: standard input becomes its content, at once or not at all.
replace() { cat >"$1.new" && mv -f "$1.new" "$1"; }

# The state file has one line per image that this script brought, newest last:
#   ID STATUS MADE REQUESTED REF...
# STATUS is loading until the image is known to be whole; MADE is no where the image was on the node before.
remembered() { [ ! -f "$State/images" ] || cat "$State/images"; }

# remember ID STATUS MADE REQUESTED REF...: replaces what was known of this id.
remember() {
  { remembered | grep -v "^$1 " || :; printf '%s\n' "$*"; } | replace "$State/images"
}

# forget ID
forget() { { remembered | grep -v "^$1 " || :; } | replace "$State/images"; }

# known_ref IMAGE: the name under which an earlier run made this very name ready.
known_ref() {
  remembered | while read -r _ known_ref_status _ known_ref_requested known_ref_first _; do
    [ "$known_ref_status" != ready ] || [ "$known_ref_requested" != "$1" ] || printf '%s\n' "$known_ref_first"
  done | tail -n 1
}
