# The settings, from the environment; the command line may change some before they are checked.

# open_settings sets what the settings say: Service, OnMiss, WaitSeconds, Connections, Key, KeyFile, Platform, State, and
# Docker, a command of one word or more, which is therefore used without quotes.
open_settings() {
  Service=${TES_CACHE_URL:-}
  OnMiss=${TES_CACHE_ON_MISS:-ensure}
  WaitSeconds=${TES_CACHE_WAIT:-3600}
  Connections=${TES_CACHE_CONNECTIONS:-4}
  Docker=${TES_NODE_DOCKER:-docker}
  Platform=linux/$(uname -m)
  Key=${TES_CACHE_KEY:-}
  KeyFile=${TES_CACHE_KEY_FILE:-}
  # Not for the environment of what this script starts.
  unset TES_CACHE_KEY
  if [ -n "${TES_NODE_STATE:-}" ]; then
    State=$TES_NODE_STATE
  elif [ -n "${AZ_BATCH_NODE_SHARED_DIR:-}" ]; then
    State=$AZ_BATCH_NODE_SHARED_DIR/tes-node
  else
    State=/var/lib/tes-node
  fi
}

# check_settings: ends the script where a setting is wrong. Sets StoragePatience and Http besides.
check_settings() {
  is_number "$WaitSeconds" || die 2 "TES_CACHE_WAIT is \"$WaitSeconds\"; it must be a number of seconds."
  { is_number "$Connections" && [ "$Connections" -gt 0 ]; } ||
    die 2 "TES_CACHE_CONNECTIONS is \"$Connections\"; it must be a number, at least 1."
  case $OnMiss in
    ensure | pull | fail) ;;
    *) die 2 "TES_CACHE_ON_MISS is \"$OnMiss\"; it must be ensure, pull or fail." ;;
  esac
  case $Platform in *[!a-zA-Z0-9/_.-]*) die 2 "platform \"$Platform\" is not valid: write linux/amd64." ;; esac
  # Seconds without a byte from the storage.
  StoragePatience=$((WaitSeconds < 120 ? WaitSeconds : 120))
  check_service
  check_key
  choose_http
}

check_service() {
  case $Service in
    http://* | https://*) Service=${Service%/} ;;
    '') die 2 'no service is set: set TES_CACHE_URL, or use --service.' ;;
    *) die 2 "the service is \"$Service\"; it must be an http or https URL." ;;
  esac
  case $Service in *[!a-zA-Z0-9/:._~%-]*) die 2 'the service URL has characters that it cannot have.' ;; esac
}

check_key() {
  if [ -z "$Key" ] && [ -n "$KeyFile" ]; then
    [ -r "$KeyFile" ] || die 2 "the key's file $KeyFile cannot be read."
    Key=$(tr -d '\r\n' <"$KeyFile")
  fi
  case $Key in *[!a-zA-Z0-9_=/+.~-]*) die 2 'the key has characters that a function key cannot have.' ;; esac
}

# choose_http sets Http, the program that speaks it.
choose_http() {
  if command -v curl >/dev/null; then
    Http=curl
  elif wget --version 2>/dev/null | grep -q 'GNU Wget'; then
    Http=wget
  else
    die 2 'neither curl nor GNU wget is on PATH; one of them is needed (busybox wget would show signed URLs in ps).'
  fi
}
