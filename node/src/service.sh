# Talking to the service: who calls, and what each image name stands for.

# get_token sets Token, an Entra token of the node's managed identity, where an audience is set.
# https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
get_token() {
  Token=
  [ -n "${TES_CACHE_AUDIENCE:-}" ] || return 0
  get_token_url=${TES_CACHE_IMDS:-http://169.254.169.254}/metadata/identity/oauth2/token
  get_token_url="$get_token_url?api-version=2018-02-01&resource=$(encode "$TES_CACHE_AUDIENCE")"
  [ -z "${TES_CACHE_CLIENT_ID:-}" ] || get_token_url="$get_token_url&client_id=$(encode "$TES_CACHE_CLIENT_ID")"
  request GET "$get_token_url" 20 'Metadata: true'
  # The one answer that is only to be had as JSON. A token has no character that JSON would escape.
  get_token_answer=$(cat "$Tmp/answer")
  case $get_token_answer in
    *'"access_token"'*)
      get_token_answer=${get_token_answer#*'"access_token"'}
      get_token_answer=${get_token_answer#*'"'}
      Token=${get_token_answer%%'"'*}
      ;;
  esac
  case $Token in
    '' | *[!A-Za-z0-9._~+/=-]*)
      die 4 "the node's managed identity gave no token (status $Status). Check TES_CACHE_CLIENT_ID and" \
        'TES_CACHE_AUDIENCE, and that the pool has that identity.'
      ;;
  esac
}

# call METHOD PATH [BODY-FILE TYPE]: with what it has of key and token. An app behind Entra wants both: the platform
# looks at the token, and the app's host at the key.
call() {
  call_auth=
  [ -z "$Key" ] || call_auth="x-functions-key: $Key"
  [ -z "$Token" ] || call_auth="$call_auth
Authorization: Bearer $Token"
  call_method=$1 call_path=$2
  shift 2
  request "$call_method" "$Service$call_path" 60 "$call_auth" "$@"
}

# lookup IMAGE PATIENCE: waits until the service has it; it is told the layers in $Tmp/layers. The answer is in
# $Tmp/answer. Returns 1 where the service is out of reach and PATIENCE (seconds) is over, 2 where it has no such image
# and the registry is to be asked; ends the script where it says no.
lookup() {
  lookup_started=$(now)
  lookup_pause=1
  lookup_asked=no
  while :; do
    call POST "/api/lookup?format=env&wait=20&image=$(encode "$1")&platform=$(encode "$Platform")" \
      "$Tmp/layers" text/plain
    case $Status in
      200)
        check_answer || die 4 "the service's answer for $1 is not one; is $Service a tes-image-cache?"
        return 0
        ;;
      202)
        show_pending "$1"
        if [ "$(now)" -ge $((lookup_started + WaitSeconds)) ]; then
          die 4 "$1 is still being cached after $WaitSeconds s (TES_CACHE_WAIT). Run this again later."
        fi
        pause 1
        continue
        ;;
      401) die 3 "the service refused this node. Set TES_CACHE_KEY or TES_CACHE_KEY_FILE to a function key of it," \
        'and, behind Entra, TES_CACHE_AUDIENCE and TES_CACHE_CLIENT_ID for a token.' ;;
    esac
    lookup_code=$(field ERROR_CODE)
    if [ "$lookup_code" = image_not_cached ] && [ "$lookup_asked" = no ] && [ "$OnMiss" = ensure ]; then
      say "$1 is not cached; asking the service to cache it"
      lookup_asked=yes
      ensure "$1" && continue
      lookup_code=$(field ERROR_CODE)
    fi
    if [ -n "$lookup_code" ] && [ "$(field ERROR_RETRYABLE)" != true ]; then
      [ "$OnMiss" != pull ] || return 2
      die 3 "$1 cannot be had: $(field ERROR_DETAIL)"
    fi
    [ "$(now)" -lt $((lookup_started + $2)) ] || return 1
    warn "no answer for $1 from $Service (status $Status${lookup_code:+, $lookup_code}); trying again in $lookup_pause s"
    pause "$lookup_pause"
    lookup_pause=$((lookup_pause < 30 ? lookup_pause * 2 : 30))
  done
}

# ensure IMAGE: asks the service to cache it. Where it refuses, its error is there for `field`.
ensure() {
  printf '{"image": "%s", "platform": "%s"}\n' "$1" "$Platform" >"$Tmp/body"
  call POST '/api/images?format=env' "$Tmp/body" application/json
  case $Status in 200 | 202) ;; *) return 1 ;; esac
}

# show_pending IMAGE
show_pending() {
  show_pending_staged=$(field PROGRESS_STAGED_BYTES)
  show_pending_total=$(field PROGRESS_TOTAL_BYTES)
  show_pending_reason=$(field PROGRESS_WAITING_DETAIL)
  if [ -n "$show_pending_reason" ]; then
    say "$1 is being cached: $show_pending_reason"
  elif is_number "$show_pending_staged" && is_number "$show_pending_total"; then
    say "$1 is being cached: $(mib "$show_pending_staged") of $(mib "$show_pending_total")"
  else
    say "$1 is being cached"
  fi
}
