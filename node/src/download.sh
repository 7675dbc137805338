# Downloading ranges of an archive, several at once, in order, with room on disk for a few chunks only.

# Bytes that one request asks for.
Chunk=16777216

# chunks_of RANGE...: a line FROM TO for each chunk of these ranges (FROM-TO, inclusive).
chunks_of() {
  for chunks_of_range; do
    chunks_of_from=${chunks_of_range%-*} chunks_of_last=${chunks_of_range#*-}
    while [ "$chunks_of_from" -le "$chunks_of_last" ]; do
      chunks_of_to=$((chunks_of_from + Chunk - 1))
      [ "$chunks_of_to" -le "$chunks_of_last" ] || chunks_of_to=$chunks_of_last
      printf '%s %s\n' "$chunks_of_from" "$chunks_of_to"
      chunks_of_from=$((chunks_of_to + 1))
    done
  done
}

# stream IMAGE RANGE...: writes these ranges of IMAGE's archive, the one at $Tmp/url, to standard output, with several
# downloads ahead of the reader. Returns 1 where the storage does not give them, 2 where nobody reads on.
stream() {
  stream_image=$1 stream_sent=0 stream_refreshed=0 stream_left=yes
  shift
  # ShownTenths: how much of it people were told of.
  ShownTenths=0
  chunks_of "$@" >"$Tmp/chunks"
  exec 3<"$Tmp/chunks"
  # From here on the parameters are the downloads under way, oldest first: PID FROM TO.
  set --
  while :; do
    while [ "$stream_left" = yes ] && [ $# -lt $((3 * Connections)) ]; do
      if read -r stream_from stream_to <&3; then
        fetch "$stream_from" "$stream_to" 3<&- &
        begun
        set -- "$@" "$LastChild" "$stream_from" "$stream_to"
      else
        stream_left=no
      fi
    done
    [ $# -gt 0 ] || return 0
    stream_pid=$1 stream_from=$2 stream_to=$3
    shift 3
    ended "$stream_pid"
    stream_fetched=$?
    while [ "$stream_fetched" -eq 9 ] && [ "$stream_refreshed" -lt 3 ]; do
      # The URL is no longer good: the service signs another.
      stream_refreshed=$((stream_refreshed + 1))
      lookup "$stream_image" 60 || return 1
      field URL >"$Tmp/url"
      fetch "$stream_from" "$stream_to" 3<&- &
      await
      stream_fetched=$?
    done
    [ "$stream_fetched" -eq 0 ] || return 1
    cat "$Tmp/chunk.$stream_from" &
    await || return 2
    stream_sent=$((stream_sent + stream_to - stream_from + 1))
    echo "$stream_sent" >"$Tmp/sent"
    rm -f "$Tmp/chunk.$stream_from" "$Tmp/chunk.$stream_from".*
    show_progress "$stream_image" "$stream_sent"
  done
}

# received: how many bytes came of the ranges of the last stream, whether anybody read them or not; removes the rest.
received() {
  received_bytes=$(cat "$Tmp/sent" 2>/dev/null)
  for received_file in "$Tmp"/chunk.*; do
    case $received_file in *.head | *.problem | *\*) continue ;; esac
    received_bytes=$((${received_bytes:-0} + $(wc -c <"$received_file")))
  done
  rm -f "$Tmp/sent" "$Tmp"/chunk.*
  echo "${received_bytes:-0}"
}

# fetch FROM TO: one chunk into $Tmp/chunk.FROM, resumed where it broke off. Returns 9 where the URL is refused. Always
# in the background.
fetch() {
  own_children
  fetch_file=$Tmp/chunk.$1
  fetch_want=$(($2 - $1 + 1))
  fetch_pause=1
  fetch_give_up=$(($(now) + StoragePatience))
  [ -f "$fetch_file" ] || : >"$fetch_file"
  while :; do
    fetch_have=$(wc -c <"$fetch_file")
    [ "$fetch_have" -ne "$fetch_want" ] || return 0
    if [ "$fetch_have" -gt "$fetch_want" ]; then
      say 'error: the storage sends more than was asked for.'
      return 1
    fi
    fetch_range $(($1 + fetch_have)) "$2" "$fetch_file"
    case $RangeStatus in 401 | 403 | 404) return 9 ;; esac
    if [ "$(wc -c <"$fetch_file")" -gt "$fetch_have" ]; then
      fetch_pause=1
      fetch_give_up=$(($(now) + StoragePatience))
    elif [ "$(now)" -ge "$fetch_give_up" ]; then
      say "error: the storage does not answer (status ${RangeStatus:-none}): $(tail -n 1 "$fetch_file.problem")"
      return 1
    else
      pause "$fetch_pause"
      fetch_pause=$((fetch_pause < 30 ? fetch_pause * 2 : 30))
    fi
  done
}

# show_progress IMAGE BYTES: a line that moves on a terminal, else a line per tenth.
show_progress() {
  show_progress_tenth=$(($2 * 10 / LoadBytes))
  if [ -t 2 ]; then
    printf '\rtes-node: %s: %s of %s' "$1" "$(mib "$2")" "$(mib "$LoadBytes")" >&2
    [ "$2" -lt "$LoadBytes" ] || printf '\n' >&2
  elif [ "$show_progress_tenth" -gt "$ShownTenths" ]; then
    ShownTenths=$show_progress_tenth
    say "$1: $(mib "$2") of $(mib "$LoadBytes")"
  fi
}
