# Processes in the background. A shell hears a signal only when the command in front ends, and a signal to it reaches
# none of its children. So whatever may take long is started in the background, and each shell that starts something,
# the script or a subshell, ends that when it is ended itself, down to the last download.
#
# A start is `COMMAND &`, then `await`, or `begun` and later `ended PID`.

# own_children: at the start of the script and of each subshell that starts something.
own_children() {
  # Children: what this shell has started and not waited for. LastChild: the one that was noted last.
  Children=
  LastChild=${!-}
  trap end_children EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

begun() {
  LastChild=$!
  Children="$Children $LastChild "
}

# ended PID: waits for it; its status.
ended() {
  wait "$1"
  ended_status=$?
  Children="${Children%%" $1 "*}${Children#*" $1 "}"
  return "$ended_status"
}

# await: waits for what was just started; its status.
await() {
  begun
  ended "$LastChild"
}

end_children() {
  # A signal may come between a start and its being noted.
  [ "${!-}" = "$LastChild" ] || begun
  [ -n "$Children" ] || return 0
  # shellcheck disable=SC2086 # one word per process
  kill $Children 2>/dev/null
  wait
  Children=
}

# pause SECONDS
pause() {
  sleep "$1" &
  await
}
